//! Rows as Parquet: for users, and kept to be read back.

use std::path::Path;

use polars::prelude::ParquetWriter;

use super::{StateRow, frame, of_parquet};
use crate::checkpoint::disk;
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

/// Writes rows as Parquet, beside their place and then renamed.
///
/// # Errors
/// [`crate::Error::Io`] or [`crate::Error::Table`].
pub fn write_parquet(path: &Path, rows: &[StateRow]) -> Result<()> {
    disk::write(path, &to_parquet(rows)?)
}

/// Reads rows that [`write_parquet`] wrote, from a file that nothing has damaged since.
///
/// # Errors
/// [`crate::Error::Io`], or [`crate::Error::Table`] if a column is missing.
pub fn read_parquet(path: &Path) -> Result<Vec<StateRow>> {
    of_parquet(disk::read(path)?)
}

fn to_parquet(rows: &[StateRow]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame(rows)?)?;
    Ok(bytes)
}
