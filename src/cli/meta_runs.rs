//! Runs of MAML and PEARL as curves, whichever they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::output::{Origin, write_provenance};
use crate::algo::pearl::config::PearlConfig;
use crate::algo::registry::Config;
use crate::algo::{Algo, Stage};
use crate::analysis::meta_spec::{label, pearl_name, task_label};
use crate::analysis::select::check_seeds_once;
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::run_log::{self, RunLog};
use crate::checkpoint::{Checkpoint, run as runs, stored};
use crate::env::TaskList;
use crate::error::{Error, Result};
use crate::report::returns::ReturnCurve;

/// One run as it was read.
pub(super) struct Run {
    folder: PathBuf,
    name: String,
    last: u64,
    pub(super) algo: Algo,
    env: &'static str,
    seed: u64,
    /// Iteration and seconds of training so far.
    seconds: Vec<(u64, f64)>,
    series: Vec<Series>,
    /// What is set otherwise than by default.
    settings: Vec<Setting>,
    /// Most steps of an episode.
    horizon: usize,
    /// How a task is explored in an evaluation.
    exploration: String,
    /// The derivative goes through the adaptation step.
    pub(super) second_order: bool,
}

/// A setting that is not the default of its model and family.
#[derive(PartialEq)]
struct Setting {
    name: String,
    /// `name value (default)`.
    said: String,
}

/// Mean return over a list of tasks; iterations without an evaluation are left out.
struct Series {
    on: TaskList,
    label: String,
    points: Vec<(u64, f64)>,
}

/// Where the numbers come from.
#[derive(Debug, Serialize)]
struct Provenance<'p> {
    command: &'p str,
    versions: Versions,
    /// Run, last iteration, and hash of its returns.
    returns: Vec<Origin>,
}

/// Writes where returns come from.
pub(super) fn provenance(folder: &Path, command: &str, all: &[Run]) -> Result<()> {
    let origin = |run: &Run| {
        Ok(Origin { run: run.name.clone(), step: run.last, hash: run_log::hash(&run.folder)? })
    };
    let returns = all.iter().map(origin).collect::<Result<Vec<_>>>()?;
    write_provenance(folder, &Provenance { command, versions: Versions::current(), returns })
}

/// Settings that say how far a run goes and what it keeps, not what it learns.
const PACE: [&str; 3] = ["iterations", "checkpoint_every", "evaluate_every"];

/// Settings that say which tasks PEARL's runs have.
const TASKS: [&str; 3] = ["as_coded_tasks", "train_tasks", "test_tasks"];

/// Reads runs that are drawn together: no seed twice, seeds of a model with the same settings, models of a
/// family with the same lists of tasks.
pub(super) fn read_all(folders: &[PathBuf]) -> Result<Vec<Run>> {
    let all = folders.iter().map(|folder| read(folder)).collect::<Result<Vec<_>>>()?;
    check_seeds_once(all.iter().map(|run| (run.name.clone(), &*run.folder)))?;
    for (index, run) in all.iter().enumerate() {
        for other in &all[..index] {
            if let Some(setting) = run.setting_apart(other) {
                return Err(Error::Usage(format!(
                    "{} and {} differ in the setting {setting}: they are not of one experiment; draw them apart",
                    other.folder.display(),
                    run.folder.display()
                )));
            }
        }
    }
    Ok(all)
}

/// Reads a run; says so if it is of another algorithm.
fn read(folder: &Path) -> Result<Run> {
    let config = stored::read_of(folder, &Algo::META, "hyperl-analyze meta-returns")?;
    // Opening the newest checkpoint refuses settings that are not its own.
    runs::checkpoints(folder)?.pop().map(|path| Checkpoint::open(&path)).transpose()?;
    let log = RunLog::of_run(folder, &*config)?;
    let pearl = if let Config::Pearl(config) = &config { Some(config) } else { None };
    let maml = if let Config::Maml(config) = &config { Some(config) } else { None };
    let lists = [TaskList::Test, TaskList::Train];
    let series = match pearl {
        Some(config) => lists.map(|on| of_pearl(config, on, &log)).into(),
        None => lists.into_iter().flat_map(|on| of_maml(&config, on, &log)).collect(),
    };
    Ok(Run {
        folder: folder.into(),
        name: config.run_name(),
        last: log.progress.last().map_or(0, |(at, _)| *at),
        algo: config.algo(),
        env: config.env_name(),
        seed: config.seed(),
        seconds: log.seconds(),
        series,
        settings: differences(&config, &config.defaults()?),
        horizon: pearl.map_or(config.spec().time_limit as usize, |config| config.horizon),
        exploration: pearl.map_or_else(String::new, exploration),
        second_order: maml.is_some_and(|config| config.second_order),
    })
}

/// The curves of MAML on one list of tasks: after adaptation, and before it.
fn of_maml(config: &Config, on: TaskList, log: &RunLog) -> [Series; 2] {
    [(Stage::After, 1), (Stage::Before, 0)].map(|(stage, state)| {
        let points = log.means(on, Some(stage));
        Series { on, label: label(&config.model(), state), points }
    })
}

/// The curve of PEARL on one list of tasks.
fn of_pearl(config: &PearlConfig, on: TaskList, log: &RunLog) -> Series {
    let label = task_label(pearl_name(config.model), on);
    Series { on, label, points: log.means(on, None) }
}

/// Says how a task is explored in an evaluation of PEARL.
fn exploration(config: &PearlConfig) -> String {
    let PearlConfig { exploration_episodes: episodes, evaluation_steps: steps, horizon, .. } =
        *config;
    let played = match episodes {
        1 => "one episode is".into(),
        2 => "two episodes are".into(),
        more => format!("{more} episodes are"),
    };
    let then = if steps > (episodes * horizon) as u64 {
        "then z is drawn from the posterior of all transitions so far".into()
    } else {
        format!(
            "which is all that {steps} steps leave room for: z is drawn from the posterior only where \
             episodes end early"
        )
    };
    let mean = match config.schedule().evaluations {
        1 => String::new(),
        several => format!(", the mean over {several} evaluations"),
    };
    format!(
        "In each task {played} played with z from the prior, {then}; the score is the return of the last \
         episode{mean}."
    )
}

/// Says how tasks are explored in the evaluations of these runs of PEARL.
pub(super) fn explorations(all: &[Run]) -> String {
    let pearl = all.iter().filter(|run| run.algo == Algo::Pearl);
    let ways: BTreeSet<&str> = pearl.clone().map(|run| run.exploration.as_str()).collect();
    if ways.len() == 1 {
        return ways.into_iter().collect();
    }
    let say = |way: &str| {
        let names = pearl.clone().filter(|run| run.exploration == way).map(|run| run.name.as_str());
        format!("{}: {way}", names.collect::<Vec<_>>().join(", "))
    };
    ways.into_iter().map(say).collect::<Vec<_>>().join(" ")
}

/// Says how long the episodes of these runs are.
pub(super) fn longest_episodes(all: &[Run]) -> String {
    let horizons: BTreeSet<usize> = all.iter().map(|run| run.horizon).collect();
    let horizons: Vec<String> = horizons.iter().map(usize::to_string).collect();
    format!("episodes of up to {} steps", horizons.join(" or "))
}

/// Returns the settings in which a run differs from the defaults of its model and family.
fn differences<C: Serialize>(config: &C, own: &C) -> Vec<Setting> {
    let table = |config: &C| toml::Table::try_from(config).unwrap_or_default();
    let own = table(own);
    let differing = table(config).into_iter().filter(|(name, value)| own.get(name) != Some(value));
    let say = |(name, value): (String, toml::Value)| {
        let default = own.get(&name).map_or("unset".into(), toml::Value::to_string);
        Setting { said: format!("`{name}` {value} ({default})"), name }
    };
    differing.map(say).collect()
}

/// Says which runs were not trained as the defaults, which are the paper's, have it, and in what; runs of the
/// same settings together.
pub(super) fn deviations(all: &[Run]) -> Vec<String> {
    let mut groups: Vec<(&[Setting], Vec<&str>)> = Vec::new();
    for run in all.iter().filter(|run| !run.settings.is_empty()) {
        match groups.iter_mut().find(|(settings, _)| *settings == run.settings) {
            Some((_, names)) => names.push(&run.name),
            None => groups.push((&run.settings, vec![&run.name])),
        }
    }
    let say = |(settings, names): (&[Setting], Vec<&str>)| {
        let settings: Vec<&str> = settings.iter().map(|setting| &*setting.said).collect();
        format!("{}: {}", names.join(", "), settings.join(", "))
    };
    groups.into_iter().map(say).collect()
}

impl Run {
    /// Returns what runs are sorted by.
    pub(super) fn place(&self) -> (&str, &str, Option<&str>, u64) {
        let model = self.series.first().map(|series| &*series.label);
        (self.algo.name(), self.env, model, self.seed)
    }

    /// Returns a setting that keeps it from being drawn with another run, if there is one.
    fn setting_apart(&self, other: &Self) -> Option<String> {
        if (self.algo, self.env) != (other.algo, other.env) {
            return None;
        }
        let model = |run: &Self| run.series.first().map(|series| series.label.clone());
        let one_model = model(self) == model(other);
        let counts =
            |name: &str| if one_model { !PACE.contains(&name) } else { TASKS.contains(&name) };
        let lacks = |run: &Self, setting| !run.settings.contains(setting);
        let apart = self.settings.iter().filter(|setting| lacks(other, setting));
        let mut apart = apart.chain(other.settings.iter().filter(|setting| lacks(self, setting)));
        apart.find(|setting| counts(&setting.name)).map(|setting| setting.name.clone())
    }

    /// Returns its curves on one list of tasks, or on both.
    pub(super) fn curves(&self, on: Option<TaskList>) -> Vec<ReturnCurve> {
        let curve = |series: &Series| ReturnCurve {
            env: self.env.into(),
            algo: self.algo.name().into(),
            critic: series.label.clone(),
            seed: self.seed,
            evaluations: series.points.iter().map(|(at, value)| (*at, vec![*value])).collect(),
            seconds: self.seconds.clone(),
        };
        let wanted = |series: &&Series| on.is_none_or(|on| on == series.on);
        let all = self.series.iter().filter(wanted).filter(|series| !series.points.is_empty());
        all.map(curve).collect()
    }
}
