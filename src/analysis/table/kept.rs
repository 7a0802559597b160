//! Rows that are kept to be read back.

use std::path::Path;

use super::{StateRow, of_parquet, to_parquet};
use crate::checkpoint::kept::{self, Kept};
use crate::error::Result;

/// What is there under a name.
#[derive(Debug)]
pub enum KeptRows {
    /// Rows as they were written.
    Whole(Vec<StateRow>),
    /// Something else.
    Damaged,
    /// Nothing.
    Missing,
}

/// Reads kept rows back.
pub fn kept_rows(path: &Path) -> KeptRows {
    match kept::read(path) {
        Kept::Whole(bytes) => of_parquet(bytes).map_or(KeptRows::Damaged, KeptRows::Whole),
        Kept::Damaged => KeptRows::Damaged,
        Kept::Missing => KeptRows::Missing,
    }
}

/// Keeps rows.
///
/// # Errors
/// [`crate::Error::Io`] or [`crate::Error::Table`].
pub fn keep_rows(path: &Path, rows: &[StateRow]) -> Result<()> {
    kept::write(path, &to_parquet(rows)?)
}
