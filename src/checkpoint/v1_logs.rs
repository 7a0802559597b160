//! The tables that the first version of the layout wrote, as today's has them.
//!
//! | algorithm | files |
//! |---|---|
//! | TD3, SAC | `evaluations.csv` with other columns, `timing.csv` |
//! | MAML, PEARL | `returns.csv`, `timing.csv`, and of PEARL the episodes in `trials.csv` |

use std::path::Path;

use super::csv::{evaluations, table};
use super::disk;
use crate::algo::{Algo, Evaluated, RunConfig, Stage};
use crate::env::TaskList;
use crate::error::Result;

/// File of the returns of TD3 and SAC.
const EVALUATIONS: &str = "evaluations.csv";

/// File of the returns of MAML and PEARL.
pub(super) const RETURNS: &str = "returns.csv";

/// File of the seconds of training.
pub(super) const TIMING: &str = "timing.csv";

/// File of PEARL's evaluations, episode by episode.
const TRIALS: &str = "trials.csv";

/// First lines of the files.
const OFF_POLICY: [&str; 2] = ["step,episode,return", "step,seconds"];
const MAML: [&str; 2] = [
    "iteration,train_before,train_after,test_before,test_after,divergence,improvement,lengths_tried,accepted",
    "iteration,sampling,update,evaluation",
];
const PEARL: [&str; 2] = [
    "iteration,transitions,train,test,divergence,q1,q2,value,policy",
    "iteration,collection,updates,evaluation",
];
const PEARL_TRIALS: &str = "iteration,unseen,place,task,course,trajectory,context,return";

/// Returns, and numbers of moments.
type Tables = (Vec<Evaluated>, Vec<(u64, Vec<f64>)>);

/// Returns whether a run has tables of the first version.
pub(super) fn are_in(run: &Path) -> bool {
    let starts = |text: Vec<u8>| text.starts_with(b"step,episode");
    [RETURNS, TIMING].iter().any(|name| run.join(name).is_file())
        || disk::read(&run.join(EVALUATIONS)).is_ok_and(starts)
}

/// Reads them, as strictly as today's.
///
/// # Errors
/// [`crate::Error::Io`], or [`crate::Error::Corrupt`] naming the line.
pub(super) fn read(run: &Path, config: &dyn RunConfig) -> Result<Tables> {
    match config.algo() {
        Algo::Maml => of_maml(run, config),
        Algo::Pearl => of_pearl(run, config),
        _ => of_off_policy(run),
    }
}

fn of_off_policy(run: &Path) -> Result<Tables> {
    let [header, timing] = OFF_POLICY;
    let read = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let [at, episode, total] = fields[..] else { return None };
        let new = Evaluated::new(at.parse().ok()?, total.parse().ok()?);
        Some(Evaluated { episode: Some(episode.parse().ok()?), ..new })
    };
    let evaluated = evaluations(&run.join(EVALUATIONS), header, read)?;
    let rows = table(&run.join(TIMING), timing, &[0])?.into_iter();
    let progress = rows.map(|row| (row[0] as u64, vec![row[1], f64::NAN, f64::NAN]));
    Ok((evaluated, progress.collect()))
}

fn of_maml(run: &Path, config: &dyn RunConfig) -> Result<Tables> {
    let (mut evaluated, mut progress) = (Vec::new(), Vec::new());
    let [header, timing] = MAML;
    let timing = table(&run.join(TIMING), timing, &[0])?;
    for row in table(&run.join(RETURNS), header, &[0])? {
        let at = row[0] as u64;
        for (list, returns) in [(TaskList::Train, &row[1..3]), (TaskList::Test, &row[3..5])] {
            let due = list == TaskList::Test && at.is_multiple_of(config.evaluate_every());
            for (stage, &total) in Stage::ALL.into_iter().zip(returns) {
                if due || !total.is_nan() {
                    let new = Evaluated::new(at, total);
                    let (split, stage) = (Some(list), Some(stage));
                    evaluated.push(Evaluated { split, stage, ..new });
                }
            }
        }
        progress.push((at, [&seconds(&timing, at)[..], &row[5..]].concat()));
    }
    Ok((evaluated, progress))
}

fn of_pearl(run: &Path, config: &dyn RunConfig) -> Result<Tables> {
    let (mut evaluated, mut progress) = (Vec::new(), Vec::new());
    let [header, timing] = PEARL;
    let timing = table(&run.join(TIMING), timing, &[0])?;
    // All but task and return, which are no counts.
    let trials = table(&run.join(TRIALS), PEARL_TRIALS, &[0, 1, 2, 4, 5, 6])?;
    for row in table(&run.join(RETURNS), header, &[0])? {
        let at = row[0] as u64;
        for (list, unseen, total) in [(TaskList::Train, 0.0, row[2]), (TaskList::Test, 1.0, row[3])]
        {
            let new = |total| Evaluated { split: Some(list), ..Evaluated::new(at, total) };
            if at.is_multiple_of(config.evaluate_every()) || !total.is_nan() {
                evaluated.push(new(total));
            }
            let own = trials.iter().filter(|trial| (trial[0], trial[1]) == (row[0], unseen));
            evaluated.extend(own.map(|trial| Evaluated {
                task: Some(trial[2] as u64),
                goal: Some(trial[3]),
                course: Some(trial[4] as u64),
                episode: Some(trial[5] as u64),
                context: Some(trial[6] as u64),
                ..new(trial[7])
            }));
        }
        progress.push((at, [&seconds(&timing, at)[..], &row[1..2], &row[4..]].concat()));
    }
    Ok((evaluated, progress))
}

/// The seconds of an iteration, where they are known.
fn seconds(timing: &[Vec<f64>], at: u64) -> [f64; 3] {
    let row = timing.iter().find(|row| row[0] as u64 == at);
    row.map_or([f64::NAN; 3], |row| [row[1], row[2], row[3]])
}
