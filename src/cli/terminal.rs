//! Standard output and standard error.

use std::fmt::Arguments;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::report::{Table, to_json};

/// Writes a result to standard output.
///
/// A reader that has gone away (`hyperl-train … | head`) is no failure.
pub(super) fn print(text: &[u8]) -> Result<()> {
    printed(std::io::stdout().write_all(text).and_then(|()| std::io::stdout().flush()))
}

/// Returns the error of writing to standard output; a reader that has gone away is none.
pub(super) fn printed(result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::io("write", Path::new("standard output"))(e))
        }
        _ => Ok(()),
    }
}

/// Writes a formatted line to standard output, and returns from the function if that fails.
macro_rules! say {
    ($($words:tt)*) => {
        $crate::cli::terminal::print(format!("{}\n", format_args!($($words)*)).as_bytes())?
    };
}
pub(super) use say;

pub(super) fn print_json(value: &impl Serialize) -> Result<()> {
    print(format!("{}\n", to_json(value)?).as_bytes())
}

/// Writes the answers to standard output, then the numbers.
pub(super) fn print_answers(answers: &[String], table: &Table) -> Result<()> {
    print(format!("{}\n\n", answers.join("\n")).as_bytes())?;
    print(table.to_text()?.as_bytes())
}

/// Writes a line to standard error, in one piece, so that lines of several processes do not mix.
///
/// The work goes on if nobody can read it any more: a reader ended (`… 2>&1 | head`), or a disk is full.
pub(super) fn write_line(line: Arguments) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Writes a formatted line to standard error, if it can be written there.
macro_rules! note {
    ($($words:tt)*) => {
        $crate::cli::terminal::write_line(format_args!($($words)*))
    };
}
pub(super) use note;

pub(super) fn warn(warnings: &[String]) {
    for warning in warnings {
        write_line(format_args!("warning: {warning}"));
    }
}
