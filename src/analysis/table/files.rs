//! Rows as Parquet.

use std::path::Path;

use polars::prelude::ParquetWriter;

use super::{StateRow, frame, of_parquet};
use crate::checkpoint::disk;
use crate::error::Result;

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

/// Returns rows as Parquet.
///
/// # Errors
/// [`crate::Error::Table`] if polars refuses.
pub(crate) fn to_parquet(rows: &[StateRow]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame(rows)?)?;
    Ok(bytes)
}
