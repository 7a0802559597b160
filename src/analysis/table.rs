//! Rows of results, as polars frames, Parquet and CSV.

mod of_task;
mod row;

use std::io::Cursor;
use std::path::Path;

use polars::prelude::{
    DataFrame, NamedFrom, ParquetReader, ParquetWriter, PolarsError, SerReader, Series,
};

pub use of_task::{by_task, units};
pub(crate) use row::FLAGS;
pub(crate) use row::blank;
pub use row::{Column, OfTask, StateRow};

use crate::checkpoint::disk;
use crate::error::{Error, Result};

/// Column of [`StateRow::episode`].
const EPISODE: &str = "episode";

impl From<PolarsError> for Error {
    fn from(error: PolarsError) -> Self {
        Self::Table(error.to_string())
    }
}

/// Returns the rows as a frame.
pub(crate) fn frame(rows: &[StateRow]) -> Result<DataFrame> {
    let mut rows = rows.to_vec();
    let mut columns: Vec<polars::prelude::Column> = Vec::new();
    if rows.is_empty() {
        return Err(Error::Table("there are no rows to write".into()));
    }
    for (i, (name, _)) in blank().texts_mut().into_iter().enumerate() {
        let values: Vec<&str> = rows.iter_mut().map(|r| &**r.texts_mut()[i].1).collect();
        columns.push(Series::new(name.into(), values).into());
    }
    for (i, (name, _)) in blank().counts_mut().into_iter().enumerate() {
        let values: Vec<u64> = rows.iter_mut().map(|r| *r.counts_mut()[i].1).collect();
        columns.push(Series::new(name.into(), values).into());
    }
    for (i, (name, _)) in blank().numbers_mut().into_iter().enumerate() {
        let values: Vec<f64> = rows.iter_mut().map(|r| *r.numbers_mut()[i].1).collect();
        columns.push(Series::new(name.into(), values).into());
    }
    let episodes: Vec<Option<u64>> = rows.iter().map(|row| row.episode).collect();
    columns.push(Series::new(EPISODE.into(), episodes).into());
    columns.extend(of_task::columns(&rows)?);
    let height = rows.len();
    Ok(DataFrame::new(height, columns)?)
}

/// Returns rows as Parquet.
pub(crate) fn to_parquet(rows: &[StateRow]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame(rows)?)?;
    Ok(bytes)
}

/// Writes rows as Parquet, beside their place and then renamed.
pub(crate) fn write_parquet(path: &Path, rows: &[StateRow]) -> Result<()> {
    disk::write(path, &to_parquet(rows)?)
}

/// Returns the rows of a file that is whole: polars panics at some damage.
///
/// # Errors
/// [`Error::Table`] if a column is missing.
pub fn of_parquet(bytes: Vec<u8>) -> Result<Vec<StateRow>> {
    let frame = ParquetReader::new(Cursor::new(bytes)).finish()?;
    let mut rows = vec![blank(); frame.height()];
    for (i, (name, _)) in blank().texts_mut().into_iter().enumerate() {
        let column = frame.column(name)?;
        for (row, value) in rows.iter_mut().zip(column.str()?.iter()) {
            value.unwrap_or_default().clone_into(row.texts_mut()[i].1);
        }
    }
    for (i, (name, _)) in blank().counts_mut().into_iter().enumerate() {
        let column = frame.column(name)?;
        for (row, value) in rows.iter_mut().zip(column.u64()?.iter()) {
            *row.counts_mut()[i].1 = value.unwrap_or_default();
        }
    }
    for (i, (name, _)) in blank().numbers_mut().into_iter().enumerate() {
        let column = frame.column(name)?;
        for (row, value) in rows.iter_mut().zip(column.f64()?.iter()) {
            *row.numbers_mut()[i].1 = value.unwrap_or(f64::NAN);
        }
    }
    let episodes = frame.column(EPISODE)?;
    for (row, episode) in rows.iter_mut().zip(episodes.u64()?.iter()) {
        row.episode = episode;
    }
    of_task::read(&frame, &mut rows)?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_survive_parquet_bit_for_bit() {
        let mut row = blank();
        row.env = "hopper".into();
        (row.step, row.episode) = (10_000, Some(7));
        row.cosine = -0.123_456_789_012_345_67;
        row.flags = [1, 0, 1, 0, 0, 1, 3];
        let read = of_parquet(to_parquet(&[row.clone(), blank()]).unwrap()).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", [row, blank()]));
    }
}
