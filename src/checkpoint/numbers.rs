//! Tables of numbers in CSV files; what was not measured is NaN and an empty field.

use std::path::Path;

use super::disk;
use crate::error::{Error, Result};

/// Returns a number with the comma before it.
pub(super) fn field(number: f64) -> String {
    if number.is_nan() { ",".into() } else { format!(",{number}") }
}

/// Reads a table with this first line; a file that is not there has no rows.
///
/// # Errors
/// [`Error::Io`], or [`Error::Corrupt`] naming the line.
pub(super) fn table(path: &Path, header: &str) -> Result<Vec<Vec<f64>>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = String::from_utf8_lossy(&disk::read(path)?).into_owned();
    let width = header.split(',').count();
    let number = |field: &str| if field.is_empty() { Some(f64::NAN) } else { field.parse().ok() };
    let line = |(index, line): (usize, &str)| {
        let numbers: Option<Vec<f64>> = line.split(',').map(number).collect();
        numbers.filter(|n| n.len() == width && n[0] >= 0.0).ok_or_else(|| Error::Corrupt {
            path: path.into(),
            reason: format!("line {} is not `{header}`", index + 1),
        })
    };
    text.lines().enumerate().skip(1).map(line).collect()
}
