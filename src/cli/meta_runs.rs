//! Runs of MAML and PEARL as curves, whichever they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::output::{Origin, write_provenance};
use crate::algo::maml::config::MamlConfig;
use crate::algo::pearl::config::PearlConfig;
use crate::algo::registry::Config;
use crate::algo::{Algo, RunConfig};
use crate::analysis::meta_spec::{label, pearl_name, task_label};
use crate::analysis::select::check_seeds_once;
use crate::analysis::task_list::TaskList;
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::meta_run::{self, Row};
use crate::checkpoint::pearl_run::Tables;
use crate::checkpoint::{Checkpoint, disk, run as runs, stored};
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
        Ok(Origin {
            run: run.name.clone(),
            step: run.last,
            hash: disk::hash(&disk::read(&run.folder.join(meta_run::RETURNS))?),
        })
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
    if !folder.join(meta_run::RETURNS).is_file() {
        return Err(Error::Usage(format!(
            "{} holds no {}: it has made no iteration; train on with --resume",
            folder.display(),
            meta_run::RETURNS
        )));
    }
    // Opening the newest checkpoint refuses settings that are not its own.
    runs::checkpoints(folder)?.pop().map(|path| Checkpoint::open(&path)).transpose()?;
    match &config {
        Config::Pearl(config) => {
            let tables = Tables::read(folder)?;
            check_rows(folder, tables.rows.len())?;
            of_pearl(folder, config, &tables)
        }
        Config::Maml(config) => {
            let rows = meta_run::read(folder)?;
            check_rows(folder, rows.len())?;
            of_maml(folder, config, &rows)
        }
        Config::OffPolicy(_) => unreachable!("refused above"),
    }
}

/// Refuses a table of returns without an iteration.
fn check_rows(folder: &Path, rows: usize) -> Result<()> {
    let path = folder.join(meta_run::RETURNS);
    let reason = "it holds no iteration, expected a line for each".into();
    if rows > 0 { Ok(()) } else { Err(Error::Corrupt { path, reason }) }
}

fn of_maml(folder: &Path, config: &MamlConfig, rows: &[Row]) -> Result<Run> {
    let MamlConfig { env, policy, multi_task, seed, .. } = *config;
    let own = MamlConfig { env, policy, multi_task, seed, ..MamlConfig::default() }.resolved()?;
    let series = |on: TaskList, state: usize| {
        let value = |row: &Row| match on {
            TaskList::Test => row.test[state],
            TaskList::Train => row.train[state],
        };
        // Training tasks are played in every iteration, test tasks by schedule.
        let due = |iteration: u64| match on {
            TaskList::Test => iteration.is_multiple_of(config.evaluate_every),
            TaskList::Train => iteration > 0,
        };
        let points = rows.iter().map(|row| (row.iteration, value(row)));
        Series { on, label: label(&config.model(), state), points: measured(points, due) }
    };
    let all = [TaskList::Test, TaskList::Train];
    Ok(Run {
        folder: folder.into(),
        name: config.run_name(),
        last: rows.last().map_or(0, |row| row.iteration),
        algo: Algo::Maml,
        env: config.env.name(),
        seed: config.seed,
        seconds: so_far(rows.iter().map(|row| (row.iteration, row.seconds))),
        series: all.into_iter().flat_map(|on| [1, 0].map(|state| series(on, state))).collect(),
        settings: differences(config, &own),
        horizon: config.env.spec().time_limit as usize,
        exploration: String::new(),
        second_order: config.second_order,
    })
}

fn of_pearl(folder: &Path, config: &PearlConfig, tables: &Tables) -> Result<Run> {
    let PearlConfig { env, model: kind, seed, .. } = *config;
    let own = PearlConfig { env, model: kind, seed, ..PearlConfig::default() }.resolved()?;
    let rows = &tables.rows;
    let model = pearl_name(config.model);
    let series = |(on, place): (TaskList, usize)| {
        let points = rows.iter().map(|row| (row.iteration, row.scores[place]));
        let due = |iteration: u64| iteration.is_multiple_of(config.evaluate_every);
        Series { on, label: task_label(model, on), points: measured(points, due) }
    };
    Ok(Run {
        folder: folder.into(),
        name: config.run_name(),
        last: rows.last().map_or(0, |row| row.iteration),
        algo: Algo::Pearl,
        env: config.env.name(),
        seed: config.seed,
        seconds: so_far(rows.iter().map(|row| (row.iteration, row.seconds))),
        series: [(TaskList::Test, 1), (TaskList::Train, 0)].map(series).into(),
        settings: differences(config, &own),
        horizon: config.horizon,
        exploration: exploration(config),
        second_order: false,
    })
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

/// Leaves out the iterations that were not evaluated. Where an evaluation was due, NaN is what it gave.
fn measured(
    points: impl Iterator<Item = (u64, f64)>,
    due: impl Fn(u64) -> bool,
) -> Vec<(u64, f64)> {
    points.filter(|(iteration, value)| !value.is_nan() || due(*iteration)).collect()
}

/// Adds up the seconds of iterations, of all that they did.
fn so_far(each: impl Iterator<Item = (u64, [f64; 3])>) -> Vec<(u64, f64)> {
    let mut spent = 0.0;
    let add = |(iteration, seconds): (u64, [f64; 3])| {
        spent += seconds.iter().sum::<f64>();
        (iteration, spent)
    };
    // A file of times may be missing.
    each.map(add).filter(|(_, spent)| spent.is_finite()).collect()
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
