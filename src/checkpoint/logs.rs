//! The tables of a TD3 or SAC run: greedy episodes, and seconds of training.
//!
//! Both are written whole each time, so that a line which is cut, doubled or out of order was not written
//! by `hyperl-train`: such a file is refused, for no report can tell which of its lines are right.

use std::fmt::Write as _;
use std::path::Path;

use super::disk;
use super::numbers::Csv;
use crate::algo::evaluate::Evaluation;
use crate::error::{Error, Result};

/// File of the greedy episodes.
pub const EVALUATIONS: &str = "evaluations.csv";
/// File of the training time.
pub const TIMING: &str = "timing.csv";

/// First line of the file of episodes.
const HEADER: &str = "step,episode,return";
/// First line of the file of times.
const TIMING_HEADER: &str = "step,seconds";

/// Writes all evaluations so far.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn write_evaluations(folder: &Path, evaluations: &[Evaluation]) -> Result<()> {
    let mut text = format!("{HEADER}\n");
    for evaluation in evaluations {
        for (episode, value) in evaluation.returns.iter().enumerate() {
            let _ = writeln!(text, "{},{episode},{value}", evaluation.step);
        }
    }
    disk::write(&folder.join(EVALUATIONS), text.as_bytes())
}

/// Reads the evaluations of a run; a return may be NaN or infinite, which is for the reader to judge.
///
/// # Errors
/// [`Error::Usage`] if there is no such file; [`Error::Corrupt`] naming the line that is cut, missing,
/// doubled or out of order.
pub fn read_evaluations(folder: &Path) -> Result<Vec<Evaluation>> {
    let path = folder.join(EVALUATIONS);
    if !path.exists() {
        return Err(Error::Usage(format!(
            "{} holds no {EVALUATIONS}: expected the returns of its greedy episodes; train on with \
             --resume, or copy the file again",
            folder.display()
        )));
    }
    let csv = Csv::read(&path, HEADER)?;
    let mut evaluations: Vec<Evaluation> = Vec::new();
    for (number, line) in csv.lines()? {
        let fields: Vec<&str> = line.split(',').collect();
        let parsed = match fields[..] {
            [step, episode, value] => {
                step.parse::<u64>().ok().zip(episode.parse::<usize>().ok()).zip(value.parse().ok())
            }
            _ => None,
        };
        let Some(((step, episode), value)) = parsed else { return Err(csv.odd(number)) };
        let last = evaluations.last().map(|last| (last.step, last.returns.len()));
        let next = last.map_or(0, |(at, episodes)| if at == step { episodes } else { 0 });
        if episode != next || last.is_some_and(|(at, _)| step < at) {
            let expected = last.map_or("episode 0".into(), |(at, episodes)| {
                format!("episode {episodes} of step {at}, or episode 0 of a later step")
            });
            let found = format!("episode {episode} of step {step}");
            return Err(csv.corrupt(format!("line {number} is {found}, expected {expected}")));
        }
        match evaluations.last_mut() {
            Some(last) if last.step == step => last.returns.push(value),
            _ => evaluations.push(Evaluation { step, returns: vec![value] }),
        }
    }
    let Some(first) = evaluations.first() else {
        return Err(csv.corrupt("it holds no episode, expected a line for each".into()));
    };
    let episodes = first.returns.len();
    let other = evaluations.iter().find(|evaluation| evaluation.returns.len() != episodes);
    other.map_or(Ok(()), |Evaluation { step, returns }| {
        let (found, expected) = (returns.len(), format!("{episodes} as at step {}", first.step));
        Err(csv.corrupt(format!("step {step} has {found} episodes, expected {expected}")))
    })?;
    Ok(evaluations)
}

/// Reads the seconds of training at each checkpoint of a run; nothing before its first.
///
/// # Errors
/// [`Error::Io`], or [`Error::Corrupt`] naming the line.
pub fn read_timing(folder: &Path) -> Result<Vec<(u64, f64)>> {
    let path = folder.join(TIMING);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let csv = Csv::read(&path, TIMING_HEADER)?;
    let mut rows: Vec<(u64, f64)> = Vec::new();
    for (number, line) in csv.lines()? {
        let row = line.split_once(',').and_then(|(a, b)| a.parse().ok().zip(b.parse().ok()));
        let sound = |(_, seconds): &(u64, f64)| seconds.is_finite() && *seconds >= 0.0;
        let Some((step, seconds)) = row.filter(sound) else { return Err(csv.odd(number)) };
        if let Some((before, spent)) = rows.last()
            && (step <= *before || seconds < *spent)
        {
            return Err(csv.corrupt(format!(
                "line {number} is step {step} after {seconds} s, expected a step after {before} and no \
                 less than {spent} s"
            )));
        }
        rows.push((step, seconds));
    }
    Ok(rows)
}
