//! Returns of runs during training: what their logs hold, as curves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::algo::registry::Config;
use crate::algo::{Algo, Stage};
use crate::analysis::select::check_seeds_once;
use crate::analysis::series::{STATES, label, model_name, task_label};
use crate::analysis::summary::Interval;
use crate::checkpoint::run_log::{self, RunLog};
use crate::checkpoint::{Checkpoint, run as runs, stored};
use crate::env::TaskList;
use crate::error::{Error, Result};
use crate::stats::resample::jackknife;
use crate::stats::{Estimate, LEVEL, summary};

/// Settings that say how far a run goes and what it keeps, not what it learns.
const PACE: [&str; 3] = ["iterations", "checkpoint_every", "evaluate_every"];

/// Settings that say which tasks PEARL's runs have.
const TASKS: [&str; 3] = ["as_coded_tasks", "train_tasks", "test_tasks"];

/// Returns of one run's evaluations.
#[derive(Debug, Clone, PartialEq)]
pub struct ReturnCurve {
    /// Environment, or family of tasks.
    pub env: String,
    /// Algorithm.
    pub algo: Algo,
    /// The model, and what tells its curves apart, such as `hyper, before adaptation`.
    pub series: String,
    /// Seed.
    pub seed: u64,
    /// Step or iteration, and the returns of each evaluation: of its episodes, or the one mean over tasks.
    /// NaN and infinite ones included; summaries use [`ReturnCurve::measured`] only.
    pub evaluations: Vec<(u64, Vec<f64>)>,
    /// Step and seconds of training so far, where they were written down.
    pub seconds: Vec<(u64, f64)>,
}

/// One curve in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReturnSummary {
    /// Environment, or family of tasks.
    pub env: String,
    /// Algorithm.
    pub algo: Algo,
    /// The model, and what tells its curves apart.
    pub model: String,
    /// Seed.
    pub seed: u64,
    /// Number of evaluations.
    pub evaluations: usize,
    /// Episodes of each; 1 where it is a mean over tasks.
    pub episodes: usize,
    /// The last evaluation.
    #[serde(rename = "final")]
    pub last: Evaluated,
    /// The evaluation with the highest mean; being picked, it flatters.
    pub highest: Evaluated,
}

/// Mean return of one evaluation; the interval is over its episodes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Evaluated {
    /// Steps or iterations of training before it.
    pub step: u64,
    /// Mean return and interval.
    #[serde(flatten)]
    pub interval: Interval,
}

/// Returns the mean return with its interval over episodes.
pub(crate) fn over_episodes(returns: &[f64]) -> Estimate {
    jackknife(returns, summary::mean, LEVEL)
}

/// Whether returns have a mean.
fn is_defined(returns: &[f64]) -> bool {
    returns.iter().all(|x| x.is_finite()) && summary::mean(returns).is_finite()
}

impl ReturnCurve {
    /// Returns step and returns of each evaluation whose returns are all finite.
    pub fn measured(&self) -> impl DoubleEndedIterator<Item = (u64, &[f64])> {
        let each = self.evaluations.iter().map(|(step, returns)| (*step, &**returns));
        each.filter(|(_, returns)| is_defined(returns))
    }

    /// Returns step and mean of each of them.
    pub(crate) fn means(&self) -> impl DoubleEndedIterator<Item = (u64, f64)> {
        self.measured().map(|(step, returns)| (step, summary::mean(returns)))
    }

    /// Returns the steps of the others.
    pub fn undefined(&self) -> impl Iterator<Item = u64> {
        self.evaluations.iter().filter(|(_, returns)| !is_defined(returns)).map(|(step, _)| *step)
    }

    /// Returns the curve in numbers; `None` if no evaluation is finite.
    pub fn summary(&self) -> Option<ReturnSummary> {
        let evaluated = |(step, returns): (u64, &[f64])| Evaluated {
            step,
            interval: over_episodes(returns).into(),
        };
        let each: Vec<Evaluated> = self.measured().map(evaluated).collect();
        let by_mean = |a: &&Evaluated, b: &&Evaluated| {
            a.interval.mean.total_cmp(&b.interval.mean).then(b.step.cmp(&a.step))
        };
        Some(ReturnSummary {
            env: self.env.clone(),
            algo: self.algo,
            model: self.series.clone(),
            seed: self.seed,
            evaluations: each.len(),
            episodes: self.measured().map(|(_, returns)| returns.len()).max()?,
            last: *each.last()?,
            highest: *each.iter().max_by(by_mean)?,
        })
    }

    /// Returns the seconds of training up to `step`, between recorded ones by linear interpolation;
    /// `None` after the last of them.
    pub fn time(&self, step: u64) -> Option<f64> {
        let mut before = (0, 0.0);
        for &(at, seconds) in &self.seconds {
            if step <= at {
                let share = (step - before.0) as f64 / (at - before.0).max(1) as f64;
                return Some(before.1 + share * (seconds - before.1));
            }
            before = (at, seconds);
        }
        None
    }
}

/// A run whose log was read.
pub(crate) struct Run {
    pub folder: PathBuf,
    pub config: Config,
    pub log: RunLog,
    /// The model, and what tells its runs from others of the same name.
    series: String,
    /// The curves, each with the list of tasks that it is of.
    curves: Vec<(Option<TaskList>, ReturnCurve)>,
    /// What is set otherwise than by default.
    pub deviations: BTreeMap<String, Deviation>,
}

/// A setting that is not the default of its environment and model.
#[derive(Debug, PartialEq)]
pub(crate) struct Deviation {
    pub value: String,
    pub default: String,
}

/// Reads runs that are drawn together, each under the name of its series, or else that of its model: no
/// seed twice, seeds of a model in tasks with the same settings, models of a family with the same tasks.
///
/// # Errors
/// Those of reading; [`Error::Usage`] for runs that are not of one experiment.
pub(crate) fn read_all<'r>(
    folders: impl IntoIterator<Item = (&'r Path, Option<&'r str>)>,
) -> Result<Vec<Run>> {
    let all = folders.into_iter().map(|(folder, series)| read(folder, series));
    let all = all.collect::<Result<Vec<_>>>()?;
    check_seeds_once(all.iter().map(|run| (run.name(), &*run.folder)))?;
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

fn read(folder: &Path, series: Option<&str>) -> Result<Run> {
    let config = stored::read(folder)?;
    // Opening the newest checkpoint refuses settings that are not its own.
    runs::checkpoints(folder)?.pop().map(|path| Checkpoint::open(&path)).transpose()?;
    let log = RunLog::of_run(folder, &*config)?;
    let series = series.map_or_else(|| model_name(&config), str::to_owned);
    let seconds = log.seconds();
    let curve = |(on, series, evaluations): (_, String, _)| {
        let curve = ReturnCurve {
            env: config.env_name().into(),
            algo: config.algo(),
            series,
            seed: config.seed(),
            evaluations,
            seconds: seconds.clone(),
        };
        (on, curve)
    };
    let curves = evaluations(&config, &log, &series, folder)?.into_iter();
    let curves = curves.filter(|(on, _, found)| on.is_none() || !found.is_empty()).map(curve);
    let (curves, deviations) = (curves.collect(), deviations(&config, &config.defaults()?));
    Ok(Run { folder: folder.into(), config, log, series, curves, deviations })
}

/// Step and returns of each evaluation.
type Evaluations = Vec<(u64, Vec<f64>)>;

/// The curves of a run: list of tasks, name, evaluations.
fn evaluations(
    config: &Config,
    log: &RunLog,
    series: &str,
    folder: &Path,
) -> Result<Vec<(Option<TaskList>, String, Evaluations)>> {
    let lists = [TaskList::Test, TaskList::Train];
    let means = |on, stage| -> Evaluations {
        log.means(on, stage).into_iter().map(|(at, mean)| (at, vec![mean])).collect()
    };
    Ok(match config {
        Config::OffPolicy(_) => {
            let all = log.evaluations(folder)?.into_iter().map(|e| (e.step, e.returns)).collect();
            vec![(None, series.into(), all)]
        }
        Config::Maml(_) => {
            let stages = [(Stage::After, STATES[1]), (Stage::Before, STATES[0])];
            let of = |on| {
                stages
                    .map(|(stage, state)| (Some(on), label(series, state), means(on, Some(stage))))
            };
            lists.into_iter().flat_map(of).collect()
        }
        Config::Pearl(_) => {
            lists.map(|on| (Some(on), task_label(series, on), means(on, None))).into()
        }
    })
}

/// Returns the settings in which a run differs from the defaults of its model and environment.
fn deviations(config: &Config, own: &Config) -> BTreeMap<String, Deviation> {
    let table = |config: &Config| toml::Table::try_from(config).unwrap_or_default();
    let own = table(own);
    let differing = table(config).into_iter().filter(|(name, value)| own.get(name) != Some(value));
    let say = |(name, value): (String, toml::Value)| {
        let default = own.get(&name).map_or("unset".into(), toml::Value::to_string);
        (name, Deviation { value: value.to_string(), default })
    };
    differing.map(say).collect()
}

impl Run {
    /// Returns whether its returns are those of tasks.
    pub(crate) fn is_in_tasks(&self) -> bool {
        Algo::META.contains(&self.config.algo())
    }

    /// Returns what runs are sorted by: seeds by number, where the names of folders would put 10 before 9.
    pub(crate) fn order(&self) -> (&'static str, &'static str, &str, u64) {
        let config = &self.config;
        (config.algo().name(), config.env_name(), &self.series, config.seed())
    }

    /// Returns its name, with the series where that is not its model.
    fn name(&self) -> String {
        let name = self.config.run_name();
        if self.series == model_name(&self.config) {
            name
        } else {
            format!("{name} ({})", self.series)
        }
    }

    /// Returns its curves; of those in tasks, the ones of one list or of both.
    pub(crate) fn curves(&self, on: Option<TaskList>) -> impl Iterator<Item = ReturnCurve> {
        let wanted = move |(list, _): &&(Option<TaskList>, _)| {
            on.is_none_or(|on| list.is_none_or(|list| list == on))
        };
        self.curves.iter().filter(wanted).map(|(_, curve)| curve.clone())
    }

    /// Returns the last moment that was evaluated.
    pub(crate) fn last(&self) -> u64 {
        self.log.evaluated.last().map_or(0, |row| row.at)
    }

    /// Returns a setting that keeps it from being drawn with another run in tasks, if there is one.
    fn setting_apart<'r>(&'r self, other: &'r Self) -> Option<&'r str> {
        let place = |run: &Self| (run.config.algo(), run.config.env_name());
        if !self.is_in_tasks() || place(self) != place(other) {
            return None;
        }
        let one_model = self.series == other.series;
        let counts =
            |name: &str| if one_model { !PACE.contains(&name) } else { TASKS.contains(&name) };
        let names = self.deviations.keys().chain(other.deviations.keys());
        let apart = |name: &&String| self.deviations.get(*name) != other.deviations.get(*name);
        names.filter(apart).map(String::as_str).find(|name| counts(name))
    }

    /// Says which evaluation is missing, by the schedule and the seconds up to the newest checkpoint;
    /// evaluations in tasks are not of every moment.
    pub(crate) fn lack(&self) -> Option<String> {
        if self.is_in_tasks() {
            return None;
        }
        let every = self.config.evaluate_every();
        let curve = self.curves(None).next()?;
        let last = curve.evaluations.last().map_or(0, |(step, _)| *step);
        let reached = curve.seconds.last().map_or(last, |(step, _)| last.max(*step));
        let known =
            |step: &u64| curve.evaluations.binary_search_by_key(step, |(at, _)| *at).is_ok();
        let missing = (0..=reached / every).map(|n| n * every).find(|step| !known(step))?;
        Some(format!(
            "{}: there is no evaluation of step {missing}, expected one every {every} steps up to {reached}; \
             copy the file again, or train the run anew",
            self.folder.join(run_log::EVALUATIONS).display()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(evaluations: Vec<(u64, Vec<f64>)>, seconds: Vec<(u64, f64)>) -> ReturnCurve {
        let (env, series) = ("hopper".into(), "a".into());
        ReturnCurve { env, algo: Algo::Td3, series, seed: 0, evaluations, seconds }
    }

    #[test]
    fn a_run_ends_with_its_last_evaluation_and_peaks_at_its_best() {
        let evaluations = vec![
            (0, vec![1.0, 3.0]),
            (5, vec![7.0, 9.0]),
            (9, vec![9.0, 7.0]),
            (10, vec![4.0, 6.0]),
        ];
        let found = curve(evaluations, Vec::new()).summary().unwrap();
        assert_eq!((found.evaluations, found.episodes), (4, 2));
        assert_eq!((found.last.step, found.last.interval.mean), (10, 5.0));
        // Of two equally good ones the first; t(1) at 0.95 is 12.706, se = 1.
        assert_eq!((found.highest.step, found.highest.interval.mean), (5, 8.0));
        assert!((found.highest.interval.high - 8.0 - 12.706_204_736_174_7).abs() < 1e-9);
        assert_eq!(curve(Vec::new(), Vec::new()).summary(), None);
    }

    #[test]
    fn time_is_interpolated_between_checkpoints_and_never_beyond_them() {
        let run = curve(Vec::new(), vec![(10, 4.0), (20, 10.0)]);
        assert_eq!([0, 5, 10, 15].map(|step| run.time(step)), [0.0, 2.0, 4.0, 7.0].map(Some));
        assert_eq!(run.time(21), None);
    }
}
