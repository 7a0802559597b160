//! The tables of a PEARL run: what each iteration brought, how tasks were done, and how long it took.

use std::fmt::Write as _;
use std::path::Path;

use super::disk;
use super::meta_run::RETURNS;
use super::numbers::{field, table};
use super::run::TIMING;
use crate::algo::pearl::Iteration;
use crate::algo::pearl::evaluate::{Evaluated, mean_score};
use crate::error::Result;

/// File of the evaluations' trajectories.
pub const TRIALS: &str = "trials.csv";

/// First line of the file of returns.
const HEADER: &str = "iteration,transitions,train,test,divergence,q1,q2,value,policy";

/// First line of the file of trajectories; `unseen` is 1 for test tasks and 0 for training tasks.
const TRIALS_HEADER: &str = "iteration,unseen,place,task,course,trajectory,context,return";

/// First line of the file of times.
const TIMING_HEADER: &str = "iteration,collection,updates,evaluation";

/// One iteration in the table; what was not measured is NaN and an empty field on disk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Its number, from 1.
    pub iteration: u64,
    /// Transitions stored so far.
    pub transitions: u64,
    /// Mean score of training tasks and of test tasks.
    pub scores: [f64; 2],
    /// Mean losses: divergence, first and second critic, value, policy.
    pub losses: [f64; 5],
    /// Seconds of collection, updates and evaluation.
    pub seconds: [f64; 3],
}

/// One trajectory of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrialRow {
    /// The iteration after which it was run.
    pub iteration: u64,
    /// Its task is a test task.
    pub unseen: bool,
    /// The task's place among those that were evaluated.
    pub place: usize,
    /// The task: a velocity, or a direction.
    pub task: f64,
    /// Which evaluation of the task.
    pub course: usize,
    /// Which trajectory of that.
    pub trajectory: usize,
    /// Transitions from which its z was inferred; 0 if z came from the prior.
    pub context: usize,
    /// Its undiscounted return.
    pub total: f64,
}

/// The tables.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tables {
    /// Of the iterations, in their order.
    pub rows: Vec<Row>,
    /// Of the trajectories, in the order of iterations.
    pub trials: Vec<TrialRow>,
}

impl Tables {
    /// Adds what an iteration brought.
    pub fn push(&mut self, done: &Iteration) {
        let scores = done.evaluation.as_ref().map_or([f64::NAN; 2], |evaluation| {
            [&evaluation.train, &evaluation.test].map(|tasks| mean_score(tasks))
        });
        let Iteration { iteration, transitions, losses, seconds, .. } = *done;
        let losses = losses.numbers();
        self.rows.push(Row { iteration, transitions, scores, losses, seconds });
        if let Some(evaluation) = &done.evaluation {
            self.push_trials(iteration, false, &evaluation.train);
            self.push_trials(iteration, true, &evaluation.test);
        }
    }

    fn push_trials(&mut self, iteration: u64, unseen: bool, tasks: &[Evaluated]) {
        for (place, evaluated) in tasks.iter().enumerate() {
            for (course, trials) in evaluated.courses.iter().enumerate() {
                let rows = trials.iter().enumerate().map(|(trajectory, trial)| TrialRow {
                    iteration,
                    unseen,
                    place,
                    task: evaluated.task.0,
                    course,
                    trajectory,
                    context: trial.context,
                    total: trial.total,
                });
                self.trials.extend(rows);
            }
        }
    }

    /// Forgets what came after an iteration.
    pub fn truncate(&mut self, iteration: u64) {
        self.rows.retain(|row| row.iteration <= iteration);
        self.trials.retain(|row| row.iteration <= iteration);
    }

    /// Forgets the evaluations after some iterations.
    pub fn forget_evaluations(&mut self, of: impl Fn(u64) -> bool) {
        for row in self.rows.iter_mut().filter(|row| of(row.iteration)) {
            row.scores = [f64::NAN; 2];
        }
        self.trials.retain(|trial| !of(trial.iteration));
    }

    /// Writes all rows so far.
    ///
    /// # Errors
    /// [`crate::Error::Io`] naming the file.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let [mut returns, mut timing, mut trials] =
            [HEADER, TIMING_HEADER, TRIALS_HEADER].map(|header| format!("{header}\n"));
        for Row { iteration, transitions, scores, losses, seconds } in &self.rows {
            let numbers = [scores.as_slice(), losses].concat();
            let numbers: String = numbers.into_iter().map(field).collect();
            let _ = writeln!(returns, "{iteration},{transitions}{numbers}");
            let _ = writeln!(timing, "{iteration}{}", seconds.map(|s| format!(",{s:.3}")).concat());
        }
        for row in &self.trials {
            let TrialRow { iteration, unseen, place, task, course, trajectory, context, total } =
                row;
            let _ = writeln!(
                trials,
                "{iteration},{},{place},{task},{course},{trajectory},{context},{total}",
                u8::from(*unseen)
            );
        }
        disk::write(&folder.join(RETURNS), returns.as_bytes())?;
        disk::write(&folder.join(TRIALS), trials.as_bytes())?;
        disk::write(&folder.join(TIMING), timing.as_bytes())
    }

    /// Reads the tables of a run; they are empty before its first iteration.
    ///
    /// # Errors
    /// [`crate::Error::Io`], or [`crate::Error::Corrupt`] naming the line.
    pub fn read(folder: &Path) -> Result<Self> {
        let timing = table(&folder.join(TIMING), TIMING_HEADER, &[0])?;
        let row = |numbers: &Vec<f64>| {
            let seconds = timing.iter().find(|line| line[0] as u64 == numbers[0] as u64);
            let number = |i: usize| numbers[i];
            Row {
                iteration: number(0) as u64,
                transitions: number(1) as u64,
                scores: [2, 3].map(number),
                losses: [4, 5, 6, 7, 8].map(number),
                seconds: seconds.map_or([f64::NAN; 3], |line| [1, 2, 3].map(|i| line[i])),
            }
        };
        let trial = |numbers: &Vec<f64>| TrialRow {
            iteration: numbers[0] as u64,
            unseen: numbers[1] > 0.0,
            place: numbers[2] as usize,
            task: numbers[3],
            course: numbers[4] as usize,
            trajectory: numbers[5] as usize,
            context: numbers[6] as usize,
            total: numbers[7],
        };
        // All but task and return, which are no counts.
        let trials = table(&folder.join(TRIALS), TRIALS_HEADER, &[0, 1, 2, 4, 5, 6])?;
        Ok(Self {
            rows: table(&folder.join(RETURNS), HEADER, &[0])?.iter().map(row).collect(),
            trials: trials.iter().map(trial).collect(),
        })
    }
}
