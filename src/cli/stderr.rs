//! Standard error, which may get lost: its reader ends (`… 2>&1 | head`), its disk is full.

use std::fmt::Arguments;
use std::io::Write as _;

/// Writes a line to standard error; if nobody can read it any more, the work goes on all the same.
pub(super) fn write_line(words: Arguments) {
    // In one piece, so that lines of several processes do not mix.
    let _ = std::io::stderr().write_all(format!("{words}\n").as_bytes());
}

/// Writes a formatted line to standard error, if it can be written there.
macro_rules! note {
    ($($words:tt)*) => {
        $crate::cli::stderr::write_line(format_args!($($words)*))
    };
}
pub(super) use note;
