//! The tables of a meta-learning run: what each iteration brought, and how long it took.

use std::fmt::Write as _;
use std::path::Path;

use super::disk;
use super::numbers::{field, table};
use super::run::TIMING;
use crate::error::Result;

/// File of the returns.
pub const RETURNS: &str = "returns.csv";

/// First line of that file.
const HEADER: &str = "iteration,train_before,train_after,test_before,test_after,divergence,\
                      improvement,lengths_tried,accepted";

/// First line of the file of times.
const TIMING_HEADER: &str = "iteration,sampling,update,evaluation";

/// One iteration in the table; what was not measured is NaN and an empty field on disk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Its number; 0 is the state before training.
    pub iteration: u64,
    /// Mean return over its training tasks, before adaptation and after it.
    pub train: [f64; 2],
    /// Mean return over the test tasks after the update, before adaptation and after it.
    pub test: [f64; 2],
    /// Mean KL divergence of the update, nats.
    pub divergence: f64,
    /// What the surrogate loss fell by.
    pub improvement: f64,
    /// Lengths that the line search tried.
    pub tried: f64,
    /// 1 if the update was accepted, else 0.
    pub accepted: f64,
    /// Seconds of sampling, update and evaluation.
    pub seconds: [f64; 3],
}

/// Writes all rows so far.
///
/// # Errors
/// [`crate::Error::Io`] naming the file.
pub fn write(folder: &Path, rows: &[Row]) -> Result<()> {
    let (mut returns, mut timing) = (format!("{HEADER}\n"), format!("{TIMING_HEADER}\n"));
    for row in rows {
        let Row { iteration, train, test, divergence, improvement, tried, accepted, seconds } = row;
        let numbers =
            [train[0], train[1], test[0], test[1], *divergence, *improvement, *tried, *accepted];
        let _ = writeln!(returns, "{iteration}{}", numbers.map(field).concat());
        let _ = writeln!(timing, "{iteration}{}", seconds.map(|s| format!(",{s:.3}")).concat());
    }
    disk::write(&folder.join(RETURNS), returns.as_bytes())?;
    disk::write(&folder.join(TIMING), timing.as_bytes())
}

/// Reads the rows of a run; none before its first iteration.
///
/// # Errors
/// [`crate::Error::Io`], or [`crate::Error::Corrupt`] naming the line.
pub fn read(folder: &Path) -> Result<Vec<Row>> {
    let returns = table(&folder.join(RETURNS), HEADER, &[0])?;
    let timing = table(&folder.join(TIMING), TIMING_HEADER, &[0])?;
    let row = |numbers: &Vec<f64>| {
        let seconds = timing.iter().find(|line| line[0] as u64 == numbers[0] as u64);
        let number = |i: usize| numbers[i];
        Row {
            iteration: number(0) as u64,
            train: [1, 2].map(number),
            test: [3, 4].map(number),
            divergence: number(5),
            improvement: number(6),
            tried: number(7),
            accepted: number(8),
            seconds: seconds.map_or([f64::NAN; 3], |line| [1, 2, 3].map(|i| line[i])),
        }
    };
    Ok(returns.iter().map(row).collect())
}
