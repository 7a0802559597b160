//! Rows of results, as polars frames, Parquet and CSV.

mod files;
mod of_task;
mod row;

use std::io::Cursor;

use polars::prelude::{DataFrame, NamedFrom, ParquetReader, PolarsError, SerReader, Series};

pub(crate) use files::to_parquet;
pub use files::{read_parquet, write_parquet};
pub use of_task::{by_task, units};
use row::NUMBERS;
pub(crate) use row::blank;
pub use row::{Column, FLAGS, OfTask, StateRow};

use crate::error::{Error, Result};

/// Column of [`StateRow::episode`].
const EPISODE: &str = "episode";

impl From<PolarsError> for Error {
    fn from(error: PolarsError) -> Self {
        Self::Table(error.to_string())
    }
}

/// Returns the rows as a frame.
///
/// # Errors
/// [`Error::Table`] if polars refuses.
pub fn frame(rows: &[StateRow]) -> Result<DataFrame> {
    let mut rows = rows.to_vec();
    let mut columns: Vec<polars::prelude::Column> = Vec::new();
    for i in 0..4 {
        let name = ["env", "algo", "critic", "mode"][i];
        let values: Vec<&str> = rows.iter().map(|r| r.texts()[i].1).collect();
        columns.push(Series::new(name.into(), values).into());
    }
    let names: Vec<&str> = match rows.first_mut() {
        Some(row) => row.counts_mut().into_iter().map(|(name, _)| name).collect(),
        None => return Err(Error::Table("there are no rows to write".into())),
    };
    for (i, name) in names.into_iter().enumerate() {
        let values: Vec<u64> = rows.iter_mut().map(|r| *r.counts_mut()[i].1).collect();
        columns.push(Series::new(name.into(), values).into());
    }
    for i in 0..NUMBERS {
        let name = rows[0].numbers_mut()[i].0;
        let values: Vec<f64> = rows.iter_mut().map(|r| *r.numbers_mut()[i].1).collect();
        columns.push(Series::new(name.into(), values).into());
    }
    let episodes: Vec<Option<u64>> = rows.iter().map(|row| row.episode).collect();
    columns.push(Series::new(EPISODE.into(), episodes).into());
    columns.extend(of_task::columns(&rows)?);
    let height = rows.len();
    Ok(DataFrame::new(height, columns)?)
}

/// Returns the rows of a file that is whole: polars panics at some damage.
pub(crate) fn of_parquet(bytes: Vec<u8>) -> Result<Vec<StateRow>> {
    let frame = ParquetReader::new(Cursor::new(bytes)).finish()?;
    let mut rows = vec![blank(); frame.height()];
    for i in 0..4 {
        let name = blank().texts_mut()[i].0;
        let column = frame.column(name)?;
        for (row, value) in rows.iter_mut().zip(column.str()?.iter()) {
            value.unwrap_or_default().clone_into(row.texts_mut()[i].1);
        }
    }
    let names: Vec<&str> = blank().counts_mut().into_iter().map(|(name, _)| name).collect();
    for (i, name) in names.into_iter().enumerate() {
        let column = frame.column(name)?;
        for (row, value) in rows.iter_mut().zip(column.u64()?.iter()) {
            *row.counts_mut()[i].1 = value.unwrap_or_default();
        }
    }
    for i in 0..NUMBERS {
        let name = blank().numbers_mut()[i].0;
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
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("states.parquet");
        write_parquet(&path, &[row.clone(), blank()]).unwrap();
        let read = read_parquet(&path).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", [row, blank()]));
    }
}
