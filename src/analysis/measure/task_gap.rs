//! How much worse a PEARL run does in tasks that it was not trained on, and how both lists fare with the
//! number of transitions that the encoder has seen (Fig. 7, App. D.6).
//!
//! The evaluation behind it is the run's last: training tasks drawn with replacement, all test tasks. Runs
//! of one seed have the same draws whatever their model, so that two models are compared task by task.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::algo::Evaluated;
use crate::algo::pearl::config::PearlConfig;
use crate::analysis::series::pearl_name;
use crate::checkpoint::run_log::RunLog;
use crate::env::TaskList;
use crate::rng::Stream;
use crate::stats::resample::{Bootstrap, stratified_bootstrap};
use crate::stats::summary::mean;
use crate::stats::{Estimate, LEVEL};

/// One task as it was evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TaskScore {
    /// The task: a velocity, or a direction.
    pub task: f64,
    /// Mean over courses of the last trajectory's return.
    pub score: f64,
}

/// Return with a number of transitions behind z, the mean over tasks and courses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AtContext {
    /// Mean number of transitions; 0 where z came from the prior.
    pub context: f64,
    /// Mean return over tasks, with a bootstrap interval over them.
    pub total: Estimate,
}

/// What a run's last evaluation says.
#[allow(clippy::struct_field_names, reason = "the gap of means is the gap")]
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gap {
    /// The family of tasks.
    pub env: String,
    /// `pearl` or `hyper-pearl`.
    pub model: String,
    /// Seed of the run.
    pub seed: u64,
    /// Iterations before the evaluation.
    pub iteration: u64,
    /// Training tasks and test tasks, in their places.
    pub tasks: [Vec<TaskScore>; 2],
    /// Mean scores of both lists, bootstrap over tasks.
    pub scores: [Estimate; 2],
    /// Mean score of training tasks minus that of test tasks, bootstrap over the tasks of each list.
    pub gap: Estimate,
    /// Returns by trajectory of the course: of training tasks, of test tasks.
    pub contexts: [Vec<AtContext>; 2],
}

/// The difference between the gaps of two models that were evaluated on the same tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct GapDifference {
    pub env: String,
    pub seed: u64,
    /// Gap of Hyper-PEARL minus gap of PEARL; below 0 where the hypernetwork generalises better.
    pub gap: Estimate,
    /// Test score of Hyper-PEARL minus that of PEARL, paired by task.
    pub test: Estimate,
    /// The same of training tasks.
    pub train: Estimate,
}

/// Resamples of an interval.
const RESAMPLES: usize = 4_000;

/// Mean of the first list minus that of the second.
fn difference(lists: &[Vec<f64>]) -> f64 {
    mean(&lists[0]) - mean(&lists[1])
}

/// Tasks of a list from which an interval over them is given: a bootstrap of two tasks knows three samples.
const FEWEST: usize = 5;

/// Returns the statistic with an interval over the tasks of each list, or without one if they are too few.
fn interval(lists: &[Vec<f64>], stat: impl Fn(&[Vec<f64>]) -> f64, name: &str) -> Estimate {
    let fewest = lists.iter().map(Vec::len).min().unwrap_or(0);
    if fewest < FEWEST {
        return Estimate::without_interval(stat(lists), fewest);
    }
    let settings = Bootstrap { level: LEVEL, resamples: RESAMPLES };
    stratified_bootstrap(lists, stat, settings, &mut Stream::new(0, "task-gap").child(name))
}

fn of_mean(values: Vec<f64>, name: &str) -> Estimate {
    interval(&[values], |lists| mean(&lists[0]), name)
}

/// Reads a run's last evaluation whose returns are all finite; `None` if it has none.
pub fn task_gap(config: &PearlConfig, log: &RunLog) -> Option<Gap> {
    let episodes = || log.evaluated.iter().filter(|row| row.task.is_some());
    let iterations: BTreeSet<u64> = episodes().map(|row| row.at).collect();
    let finite = |at: &u64| episodes().filter(|row| row.at == *at).all(|row| row.total.is_finite());
    let iteration = iterations.into_iter().rev().find(finite)?;
    let trials = [TaskList::Train, TaskList::Test].map(|list| {
        let wanted = |row: &&Evaluated| row.at == iteration && row.split == Some(list);
        episodes().filter(wanted).copied().collect::<Vec<_>>()
    });
    let tasks = trials.each_ref().map(|trials| task_scores(trials));
    let lists = tasks.each_ref().map(|tasks| scores(tasks));
    Some(Gap {
        env: config.env.name().into(),
        model: pearl_name(config.model).into(),
        seed: config.seed,
        iteration,
        scores: lists.clone().map(|list| of_mean(list, "score")),
        gap: interval(&lists, difference, "gap"),
        contexts: trials.each_ref().map(|trials| by_context(trials)),
        tasks,
    })
}

fn scores(tasks: &[TaskScore]) -> Vec<f64> {
    tasks.iter().map(|task| task.score).collect()
}

/// The mean over courses of the last episode, for each place.
fn task_scores(trials: &[Evaluated]) -> Vec<TaskScore> {
    let mut last: BTreeMap<_, &Evaluated> = BTreeMap::new();
    for trial in trials {
        let known = last.entry((trial.task, trial.course)).or_insert(trial);
        if trial.episode > known.episode {
            *known = trial;
        }
    }
    let mut tasks: BTreeMap<_, (f64, Vec<f64>)> = BTreeMap::new();
    for ((place, _), trial) in last {
        let goal = trial.goal.unwrap_or(f64::NAN);
        tasks.entry(place).or_insert((goal, Vec::new())).1.push(trial.total);
    }
    tasks.into_values().map(|(task, courses)| TaskScore { task, score: mean(&courses) }).collect()
}

/// The mean over tasks for each episode of the courses, as long as all tasks have one; those whose z
/// comes from the prior are one.
fn by_context(trials: &[Evaluated]) -> Vec<AtContext> {
    let mut at: BTreeMap<u64, BTreeMap<_, Vec<(f64, f64)>>> = BTreeMap::new();
    for t in trials {
        let context = t.context.unwrap_or(0);
        let which = if context == 0 { 0 } else { t.episode.unwrap_or(0) };
        at.entry(which).or_default().entry(t.task).or_default().push((context as f64, t.total));
    }
    let all = at.get(&0).map_or(0, BTreeMap::len);
    let points = at.into_values().take_while(|places| places.len() == all).map(|places| {
        let of = |pick: fn(&(f64, f64)) -> f64| -> Vec<f64> {
            let one = |own: &Vec<(f64, f64)>| mean(&own.iter().map(pick).collect::<Vec<_>>());
            places.values().map(one).collect()
        };
        AtContext { context: mean(&of(|own| own.0)), total: of_mean(of(|own| own.1), "context") }
    });
    points.collect()
}

/// Returns the differences between the gaps of Hyper-PEARL and PEARL, for each family and seed that both have
/// with the same tasks.
pub(crate) fn gap_differences(gaps: &[Gap]) -> Vec<GapDifference> {
    let [plain, hyper] = ["pearl", "hyper-pearl"];
    let pair = |hyper: &Gap| {
        let same = |other: &&Gap| {
            let places = |gap: &Gap| gap.tasks.clone().map(|t| t.iter().map(|t| t.task).collect());
            let [a, b]: [[Vec<f64>; 2]; 2] = [places(hyper), places(other)];
            other.model == plain && other.env == hyper.env && other.seed == hyper.seed && a == b
        };
        let other = gaps.iter().find(same)?;
        let lists = [0, 1].map(|list| {
            let pairs = hyper.tasks[list].iter().zip(&other.tasks[list]);
            pairs.map(|(hyper, plain)| hyper.score - plain.score).collect::<Vec<f64>>()
        });
        let [train, test] = lists.clone().map(|list| of_mean(list, "score"));
        let gap = interval(&lists, difference, "gap");
        Some(GapDifference { env: hyper.env.clone(), seed: hyper.seed, gap, test, train })
    };
    gaps.iter().filter(|gap| gap.model == hyper).filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::pearl::PearlModel;

    fn trial(split: TaskList, place: u64, episode: u64, total: f64) -> Evaluated {
        Evaluated {
            split: Some(split),
            task: Some(place),
            goal: Some(place as f64),
            course: Some(0),
            episode: Some(episode),
            context: Some(if episode < 2 { 0 } else { 200 * episode }),
            ..Evaluated::new(7, total)
        }
    }

    /// Twenty tasks on each list, whose last returns are `train` and `test` plus the place.
    fn tables(bases: [f64; 2]) -> RunLog {
        tables_of(20, bases)
    }

    fn tables_of(tasks: u64, [train, test]: [f64; 2]) -> RunLog {
        let mut log = RunLog::new(&PearlConfig::default());
        log.evaluated.push(Evaluated { at: 6, ..trial(TaskList::Test, 0, 2, 1e6) });
        for (split, base) in [(TaskList::Train, train), (TaskList::Test, test)] {
            for place in 0..tasks {
                for episode in 0..3 {
                    let late = if episode == 2 { base } else { -100.0 };
                    log.evaluated.push(trial(split, place, episode, late + place as f64));
                }
            }
        }
        log
    }

    fn gap(model: PearlModel, bases: [f64; 2]) -> Gap {
        let config = PearlConfig { model, ..PearlConfig::default() };
        task_gap(&config, &tables(bases)).unwrap()
    }

    #[test]
    fn a_gap_is_that_of_the_last_trajectories_of_the_last_evaluation() {
        let found = gap(PearlModel::Mlp, [50.0, 20.0]);
        assert_eq!(found.iteration, 7);
        assert!((found.gap.value - 30.0).abs() < 1e-12);
        // Places 0 to 19 have a standard deviation of 5.77; the difference of two means of 20 an error of 1.82.
        let half = 0.5 * (found.gap.high - found.gap.low);
        assert!((half / (1.96 * 5.766 * 0.1f64.sqrt()) - 1.0).abs() < 0.1, "{half}");
        assert!((found.scores[1].value - 29.5).abs() < 1e-12);
        let contexts: Vec<(f64, f64)> =
            found.contexts[0].iter().map(|at| (at.context, at.total.value)).collect();
        assert_eq!(contexts, [(0.0, -90.5), (400.0, 59.5)]);
        // A later evaluation with a return that is undefined is passed over.
        for bad in [f64::NAN, f64::INFINITY] {
            let mut tables = tables([50.0, 20.0]);
            let later =
                |episode, total| Evaluated { at: 8, ..trial(TaskList::Test, 0, episode, total) };
            tables.evaluated.extend([later(0, 1.0), later(1, bad)]);
            let config = PearlConfig { model: PearlModel::Mlp, ..PearlConfig::default() };
            assert_eq!(task_gap(&config, &tables).unwrap(), found);
        }
        let none = RunLog::new(&PearlConfig::default());
        assert_eq!(task_gap(&PearlConfig::default(), &none), None);
    }

    #[test]
    fn a_handful_of_tasks_gives_no_interval() {
        for (tasks, given) in [(2, false), (4, false), (5, true)] {
            let found = task_gap(&PearlConfig::default(), &tables_of(tasks, [50.0, 20.0])).unwrap();
            assert!((found.gap.value - 30.0).abs() < 1e-12);
            let all = [found.gap, found.scores[0], found.contexts[1][0].total];
            assert!(
                all.iter().all(|e| e.low.is_finite() == given && e.n as u64 >= tasks),
                "{all:?}"
            );
        }
    }

    #[test]
    fn models_are_compared_task_by_task() {
        let gaps = [gap(PearlModel::Mlp, [50.0, 20.0]), gap(PearlModel::Hyper, [48.0, 25.0])];
        let found = gap_differences(&gaps);
        assert_eq!(found.len(), 1);
        // What differs between tasks is common to both models.
        for (estimate, value) in
            [(found[0].gap, -7.0), (found[0].test, 5.0), (found[0].train, -2.0)]
        {
            assert!((estimate.value - value).abs() < 1e-12, "{estimate:?}");
            assert!(estimate.high - estimate.low < 1e-9, "{estimate:?}");
        }
        let mut other = gaps[0].clone();
        other.tasks[1][3].task = 9.5;
        assert!(gap_differences(&[other, gaps[1].clone()]).is_empty());
    }
}
