//! Tables in CSV files. A number that was not measured is NaN here and an empty field there.

use std::path::{Path, PathBuf};

use super::disk;
use crate::algo::Evaluated;
use crate::env::TaskList;
use crate::error::{Error, Result};

/// A CSV file whose first line is known.
struct Csv {
    path: PathBuf,
    header: String,
    text: String,
}

impl Csv {
    fn read(path: &Path, header: &str) -> Result<Self> {
        let text = String::from_utf8_lossy(&disk::read(path)?).into_owned();
        Ok(Self { path: path.into(), header: header.into(), text })
    }

    /// Returns the lines below the first with their numbers.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the first line is another, or the last one has no end.
    fn lines(&self) -> Result<impl Iterator<Item = (usize, &str)>> {
        let Self { header, text, .. } = self;
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
        match lines.next() {
            None => Err(self.corrupt(format!("it is empty, expected `{header}` and what follows"))),
            Some((_, first)) if first != *header => {
                Err(self.corrupt(format!("line 1 is `{first}`, expected `{header}`")))
            }
            // Else a number that lost its last digits would pass for another.
            Some(_) if !text.ends_with('\n') => {
                let last = text.lines().count();
                Err(self.corrupt(format!("line {last} has no end, expected a whole `{header}`")))
            }
            Some(_) => Ok(lines),
        }
    }

    /// Returns the error of a line that does not fit the first line.
    fn odd(&self, number: usize) -> Error {
        self.corrupt(format!("line {number} is not `{}`", self.header))
    }

    /// Returns the error of a file that is not as it was written.
    fn corrupt(&self, reason: String) -> Error {
        Error::Corrupt { path: self.path.clone(), reason }
    }
}

/// Writes a number with a comma before it.
pub(super) fn field(number: f64) -> String {
    if number.is_nan() { ",".into() } else { format!(",{number}") }
}

/// Reads a table with this first line, whose rows are told apart by the columns at `order` and ascend in
/// them; these hold whole numbers. A file that is not there has no rows.
///
/// # Errors
/// [`Error::Io`], or [`Error::Corrupt`] naming the line.
pub(super) fn table(path: &Path, header: &str, order: &[usize]) -> Result<Vec<Vec<f64>>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let csv = Csv::read(path, header)?;
    let columns: Vec<&str> = header.split(',').collect();
    let number = |field: &str| if field.is_empty() { Some(f64::NAN) } else { field.parse().ok() };
    let place = |row: &[f64]| order.iter().map(|&i| row[i] as u64).collect::<Vec<u64>>();
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for (index, line) in csv.lines()? {
        let row: Option<Vec<f64>> = line.split(',').map(number).collect();
        let whole = |row: &Vec<f64>| {
            row.len() == columns.len()
                && order.iter().all(|&i| row[i] >= 0.0 && row[i] % 1.0 == 0.0)
        };
        let Some(row) = row.filter(whole) else { return Err(csv.odd(index)) };
        if rows.last().is_some_and(|last| place(last) >= place(&row)) {
            let names = order.iter().map(|&i| columns[i]).collect::<Vec<_>>().join(", ");
            return Err(csv.corrupt(format!(
                "line {index} repeats the line before it or is out of order, expected lines in the order \
                 of {names}"
            )));
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Reads a table of returns with this first line, whose other lines `read` reads; a file that is not there has none.
pub(super) fn evaluations(
    path: &Path,
    header: &str,
    read: impl Fn(&str) -> Option<Evaluated>,
) -> Result<Vec<Evaluated>> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let csv = Csv::read(path, header)?;
    let mut rows: Vec<Evaluated> = Vec::new();
    for (number, line) in csv.lines()? {
        let Some(row) = read(line) else { return Err(csv.odd(number)) };
        check_order(rows.last(), &row)
            .map_err(|expected| csv.corrupt(format!("line {number} {expected}")))?;
        rows.push(row);
    }
    Ok(rows)
}

/// The columns by which the rows of a table of returns are sorted.
const ORDER: &str = "at, split, stage, task, course, episode";

/// Checks that a row may follow the one before it; the error says what was expected.
fn check_order(last: Option<&Evaluated>, row: &Evaluated) -> std::result::Result<(), String> {
    let place = |row: &Evaluated| {
        let split = row.split.map(|split| split == TaskList::Test);
        (row.at, split, row.stage, row.task, row.course)
    };
    let next = match last {
        Some(last) if place(last) == place(row) => last.episode.map(|episode| episode + 1),
        _ => row.episode.map(|_| 0),
    };
    if last.is_some_and(|last| (place(last), last.episode) >= (place(row), row.episode)) {
        return Err(format!(
            "repeats the line before it or is out of order, expected lines in the order of {ORDER}"
        ));
    }
    match (row.episode, next) {
        (Some(found), Some(next)) if found != next => {
            Err(format!("is episode {found} of {}, expected episode {next}", row.at))
        }
        _ => Ok(()),
    }
}
