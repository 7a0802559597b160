//! What a run writes down while it goes on, in two tables.
//!
//! | file | a row is | columns |
//! |---|---|---|
//! | `evaluations.csv` | the return of an episode, or the mean over the tasks of a list | those of [`Evaluated`], empty where there is none |
//! | `progress.csv` | a moment | steps or iterations so far, then those that the algorithm names: seconds, losses |
//!
//! Both are written whole each time, so that a line which is cut, doubled or out of order was not written
//! by `hyperl-train`: such a file is refused, for no report can tell which of its lines are right.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{csv, disk, v1_logs};
use crate::algo::evaluate::Evaluation;
use crate::algo::{Evaluated, RunConfig, Stage};
use crate::env::TaskList;
use crate::error::{Error, Result};

/// File of the returns.
pub const EVALUATIONS: &str = "evaluations.csv";

/// File of what the algorithm tells of itself.
pub const PROGRESS: &str = "progress.csv";

/// First line of the file of returns.
const HEADER: &str = "at,split,stage,task,goal,course,episode,context,return";

/// Column of the seconds since the start of the run, where they are not given for each part of the work.
const SECONDS: &str = "seconds";

/// The tables of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunLog {
    /// Names of the numbers in a row of progress.
    columns: &'static [&'static str],
    /// Returns, in the order of their moments.
    pub evaluated: Vec<Evaluated>,
    /// Steps or iterations so far, and the numbers of that moment.
    pub progress: Vec<(u64, Vec<f64>)>,
}

/// Returns the file of a run's returns, in either version, if there is one.
pub(crate) fn evaluations_file(run: &Path) -> Option<PathBuf> {
    [EVALUATIONS, v1_logs::RETURNS].map(|name| run.join(name)).into_iter().find(|f| f.is_file())
}

/// Returns whether the tables of a run are those of the first version.
pub(super) fn are_of_version_1(run: &Path) -> bool {
    !run.join(PROGRESS).is_file() && v1_logs::are_in(run)
}

/// Returns the hash of that file.
///
/// # Errors
/// [`Error::Io`] naming it.
pub fn hash(run: &Path) -> Result<String> {
    let file = evaluations_file(run).unwrap_or_else(|| run.join(EVALUATIONS));
    Ok(disk::hash(&disk::read(&file)?))
}

impl RunLog {
    /// Returns the names of the numbers in a row of progress.
    pub(crate) fn columns(&self) -> &'static [&'static str] {
        self.columns
    }

    /// Starts the tables of a run.
    pub fn new(config: &dyn RunConfig) -> Self {
        Self { columns: config.columns(), evaluated: Vec::new(), progress: Vec::new() }
    }

    /// Reads the tables of a run, as far as there are any.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Corrupt`] naming the line that is cut, doubled or out of order.
    pub fn read(run: &Path, config: &dyn RunConfig) -> Result<Self> {
        if are_of_version_1(run) {
            let (evaluated, progress) = v1_logs::read(run, config)?;
            return Ok(Self { columns: config.columns(), evaluated, progress });
        }
        let evaluated = Self::returns(run)?;
        let columns = config.columns();
        let rows = csv::table(&run.join(PROGRESS), &header(run, columns)?, &[0])?;
        let progress = rows.into_iter().map(|mut row| {
            row.resize(1 + columns.len(), f64::NAN);
            (row[0] as u64, row[1..].to_vec())
        });
        let log = Self { columns, evaluated, progress: progress.collect() };
        log.check_seconds(run)?;
        Ok(log)
    }

    /// Reads the returns of a run, if there are any, without its settings.
    pub(crate) fn returns(run: &Path) -> Result<Vec<Evaluated>> {
        csv::evaluations(&run.join(EVALUATIONS), HEADER, read_row)
    }

    /// Reads the tables of a run that must hold returns.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no file of them; [`Error::Corrupt`] if it is empty; as [`Self::read`].
    pub fn of_run(run: &Path, config: &dyn RunConfig) -> Result<Self> {
        let Some(file) = evaluations_file(run) else {
            return Err(Error::Usage(format!(
                "{} holds no {EVALUATIONS}: expected the returns of its evaluations; train on with --resume, \
                 or copy the file again",
                run.display()
            )));
        };
        let log = Self::read(run, config)?;
        if log.evaluated.is_empty() {
            let reason = "it holds no episodes, expected a line for each".into();
            return Err(Error::Corrupt { path: file, reason });
        }
        Ok(log)
    }

    /// Checks that the seconds since the start of the run never decrease.
    fn check_seconds(&self, run: &Path) -> Result<()> {
        let Some(seconds) = self.columns.iter().position(|name| *name == SECONDS) else {
            return Ok(());
        };
        let mut before = 0.0;
        for (line, (at, row)) in self.progress.iter().enumerate() {
            let spent = row[seconds];
            if !spent.is_finite() || spent < before {
                let reason = format!(
                    "line {} is {at} after {spent} s, expected no less than {before} s",
                    line + 2
                );
                return Err(Error::Corrupt { path: run.join(PROGRESS), reason });
            }
            before = spent;
        }
        Ok(())
    }

    /// Writes both tables.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn write(&self, run: &Path) -> Result<()> {
        let mut evaluations = format!("{HEADER}\n");
        for row in &self.evaluated {
            let Evaluated { at, split, stage, task, goal, course, episode, context, total } = row;
            let split = split.map_or("", TaskList::name);
            let stage = stage.map_or("", Stage::name);
            let [task, course, episode, context] = [task, course, episode, context]
                .map(|n| n.map_or(String::new(), |n| n.to_string()));
            let goal = goal.map_or(String::new(), |goal| goal.to_string());
            let _ = writeln!(
                evaluations,
                "{at},{split},{stage},{task},{goal},{course},{episode},{context},{total}"
            );
        }
        disk::write(&run.join(EVALUATIONS), evaluations.as_bytes())?;
        if self.progress.is_empty() {
            return Ok(());
        }
        let mut progress = format!("{}\n", first_line(self.columns));
        for (at, row) in &self.progress {
            let numbers: String = row.iter().copied().map(csv::field).collect();
            let _ = writeln!(progress, "{at}{numbers}");
        }
        disk::write(&run.join(PROGRESS), progress.as_bytes())
    }

    /// Forgets what came after a moment, and evaluations that the schedule does not ask for: a longer run
    /// knows nothing of the end of a shorter one. Returns in the training tasks of MAML, which are played
    /// before each update, stay.
    pub(crate) fn cut_back(&mut self, config: &dyn RunConfig, made: u64) {
        let played = |row: &Evaluated| row.split == Some(TaskList::Train) && row.stage.is_some();
        self.evaluated.retain(|row| row.at <= made && (config.evaluates_at(row.at) || played(row)));
        self.progress.retain(|(at, _)| *at <= made);
    }

    /// Returns the mean returns over the tasks of a list, before or after adaptation where the algorithm
    /// adapts.
    pub fn means(&self, split: TaskList, stage: Option<Stage>) -> Vec<(u64, f64)> {
        let wanted =
            |row: &&Evaluated| row.task.is_none() && row.split == Some(split) && row.stage == stage;
        self.evaluated.iter().filter(wanted).map(|row| (row.at, row.total)).collect()
    }

    /// Returns the seconds of training up to each moment; a moment whose seconds are not known is left out.
    pub fn seconds(&self) -> Vec<(u64, f64)> {
        let since_start = self.columns.contains(&SECONDS);
        let mut spent = 0.0;
        let mut all = Vec::new();
        for (at, row) in &self.progress {
            let of_part = |(name, _): &(&&str, &f64)| name.ends_with("_seconds");
            let parts = self.columns.iter().zip(row).filter(of_part).map(|(_, seconds)| seconds);
            spent = if since_start { row[0] } else { spent + parts.sum::<f64>() };
            all.push((*at, spent));
        }
        all.retain(|(_, spent)| spent.is_finite());
        all
    }

    /// Returns the evaluations of a run without tasks.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if one has more episodes than another.
    pub fn evaluations(&self, run: &Path) -> Result<Vec<Evaluation>> {
        let mut all: Vec<Evaluation> = Vec::new();
        for row in &self.evaluated {
            match all.last_mut() {
                Some(last) if last.step == row.at => last.returns.push(row.total),
                _ => all.push(Evaluation { step: row.at, returns: vec![row.total] }),
            }
        }
        let Some(Evaluation { step: first, returns }) = all.first() else { return Ok(all) };
        let episodes = returns.len();
        match all.iter().find(|evaluation| evaluation.returns.len() != episodes) {
            None => Ok(all),
            Some(Evaluation { step, returns }) => {
                let (found, expected) = (returns.len(), format!("{episodes} as at step {first}"));
                let reason = format!("step {step} has {found} episodes, expected {expected}");
                Err(Error::Corrupt { path: run.join(EVALUATIONS), reason })
            }
        }
    }
}

/// Returns the first line of a table of progress.
fn first_line(columns: &[&str]) -> String {
    format!("at,{}", columns.join(","))
}

/// Returns the first line that the table of progress of a run is to have. Runs of TD3 and SAC once told nothing but
/// their seconds.
fn header(run: &Path, columns: &[&str]) -> Result<String> {
    let file = run.join(PROGRESS);
    let short = first_line(&[SECONDS]);
    let is_short = columns.contains(&SECONDS)
        && file.is_file()
        && disk::read(&file)?.starts_with(format!("{short}\n").as_bytes());
    Ok(if is_short { short } else { first_line(columns) })
}

fn read_row(line: &str) -> Option<Evaluated> {
    fn optional<T: FromStr>(text: &str) -> std::result::Result<Option<T>, T::Err> {
        if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
    }
    let fields: Vec<&str> = line.split(',').collect();
    let [at, split, stage, task, goal, course, episode, context, total] = fields[..] else {
        return None;
    };
    Some(Evaluated {
        at: at.parse().ok()?,
        split: optional(split).ok()?,
        stage: optional(stage).ok()?,
        task: optional(task).ok()?,
        goal: optional(goal).ok()?,
        course: optional(course).ok()?,
        episode: optional(episode).ok()?,
        context: optional(context).ok()?,
        total: total.parse().ok()?,
    })
}
