//! From the greedy episodes of runs to learning curves (Fig. 4) and their summary.

use std::collections::{BTreeMap, BTreeSet};

use super::figure::{Axis, Panel, Point, Reference, Series};
use super::groups::by;
use super::tables::{Cell, Table};
use super::theme::env_label;
use crate::algo::{Algo, Unit};
use crate::analysis::measure::returns::{Evaluated, ReturnCurve, ReturnSummary, over_episodes};
use crate::stats::resample::interval_of_mean;
use crate::stats::{Estimate, LEVEL, summary};
use crate::study::contrast::RunValues;

const RETURN: &str = "return of greedy episodes";

/// Label of those that are means over tasks.
const RETURN_IN_TASKS: &str = "return";

/// What learning curves are drawn against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Against {
    /// Environment steps, or iterations of a meta-learning run.
    Steps,
    /// Seconds of training, evaluations included.
    Seconds,
}

impl Against {
    fn axis(self, algo: Algo) -> Axis {
        match (self, algo.unit()) {
            (Self::Steps, Unit::Steps) => Axis::new("environment steps", ""),
            (Self::Steps, Unit::Iterations) => Axis::new("iterations", ""),
            (Self::Seconds, _) => Axis::new("training time", "s"),
        }
    }
}

/// What the band of several seeds is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Band {
    /// 95 % interval of the mean, jackknife-t.
    Interval,
    /// Mean ± standard deviation, as the paper draws.
    Std,
}

impl Band {
    pub(crate) fn over_seeds(self) -> &'static str {
        match self {
            Self::Interval => "95 % interval over seeds",
            Self::Std => "± 1 standard deviation over seeds",
        }
    }
}

/// Whether any of these is of tasks, whose models are policies and not critics.
pub(super) fn are_in_tasks(algos: impl IntoIterator<Item = Algo>) -> bool {
    algos.into_iter().any(|algo| Algo::META.contains(&algo))
}

/// Returns the heading of the column of models.
pub(super) fn model_column(algos: impl IntoIterator<Item = Algo>) -> &'static str {
    if are_in_tasks(algos) { "model" } else { "critic" }
}

/// One line for each curve.
pub(crate) fn return_table(summaries: &[ReturnSummary]) -> Table {
    let model = model_column(summaries.iter().map(|s| s.algo));
    let names = ["environment", model, "seed", "evaluations", "episodes"];
    let names = names.into_iter().chain(["final step", "final", "highest step", "highest"]);
    let row = |s: &ReturnSummary| {
        let counts = [s.seed, s.evaluations as u64, s.episodes as u64];
        let mut row = vec![Cell::text(&s.env), Cell::text(&s.model)];
        row.extend(counts.map(Cell::text));
        for Evaluated { step, interval } in [s.last, s.highest] {
            row.push(Cell::text(step));
            row.push(Cell::Interval(interval.over(s.episodes)));
        }
        row
    };
    Table::of(names, summaries.iter().map(row))
}

/// Returns one panel for each algorithm and environment, from the evaluations of runs.
pub(crate) fn return_panels(curves: &[ReturnCurve], against: Against, band: Band) -> Vec<Panel> {
    let places: BTreeMap<(&str, &str), Algo> =
        curves.iter().map(|c| ((c.algo.name(), &*c.env), c.algo)).collect();
    let algos = places.values().collect::<BTreeSet<_>>().len();
    let panel = |((_, env), algo): ((&str, &str), Algo)| {
        let here: Vec<&ReturnCurve> =
            curves.iter().filter(|c| c.env == env && c.algo == algo).collect();
        let series = by(&here, |curve| curve.series.as_str()).into_iter().map(|(critic, runs)| {
            Series::line(critic, return_points(&runs, against, band), runs.len())
        });
        let env = env_label(env);
        let title = match algos {
            1 => env.into(),
            _ => format!("{env}, {}", algo.name().to_uppercase()),
        };
        let in_tasks = are_in_tasks([algo]);
        let y = Axis::new(if in_tasks { RETURN_IN_TASKS } else { RETURN }, "");
        let (x, series) = (against.axis(algo), series.collect());
        let panel = Panel { title, x, y, series, references: Vec::new() };
        if in_tasks { panel.around_points() } else { panel }
    };
    places.into_iter().map(panel).collect()
}

/// Mean over environments of normalised returns at each step, one curve for each critic (Fig. 6).
pub(crate) fn normalised_panel(
    runs: &[RunValues],
    envs: &[String],
    algo: Algo,
    band: Band,
) -> Panel {
    let runs: Vec<&RunValues> = runs.iter().collect();
    let series = by(&runs, |run| run.critic.as_str()).into_iter().map(|(critic, runs)| {
        let values = runs.iter().flat_map(|run| &run.steps).map(|step| (step.step, step.value));
        let common = at_common_steps(values, runs.len()).into_iter();
        let points = common.map(|(step, seeds)| over_seeds(step as f64, &seeds, band)).collect();
        Series::line(critic, points, runs.len())
    });
    let envs: Vec<_> = envs.iter().map(|env| env_label(env)).collect();
    Panel {
        title: envs.join(" + "),
        x: Against::Steps.axis(algo),
        y: Axis::new("normalised return", "final score of the baseline"),
        series: series.collect(),
        references: vec![Reference::level("end of the baseline", 1.0)],
    }
}

/// Returns the curves of each algorithm, environment and series.
pub(super) fn by_series(curves: &[ReturnCurve]) -> BTreeMap<(&str, &str, &str), Vec<&ReturnCurve>> {
    let all: Vec<&ReturnCurve> = curves.iter().collect();
    by(&all, |curve| (curve.algo.name(), curve.env.as_str(), curve.series.as_str()))
}

/// Gathers the values of so many runs by step; a step that some run lacks is left out.
pub(super) fn at_common_steps<T>(
    values: impl Iterator<Item = (u64, T)>,
    runs: usize,
) -> Vec<(u64, Vec<T>)> {
    let mut by_step: BTreeMap<u64, Vec<T>> = BTreeMap::new();
    for (step, value) in values {
        by_step.entry(step).or_default().push(value);
    }
    by_step.into_iter().filter(|(_, all)| all.len() == runs).collect()
}

/// Mean over seeds with its band; of one seed without.
fn over_seeds(x: f64, seeds: &[f64], band: Band) -> Point {
    let mean = summary::mean(seeds);
    let estimate = match band {
        Band::Interval => interval_of_mean(seeds, LEVEL),
        Band::Std => Estimate::symmetric(mean, summary::std(seeds), seeds.len()),
    };
    Point::estimate(x, &estimate)
}

/// Mean return at each step that all runs have: over seeds where there are several, else over the run's episodes.
/// Against seconds, each step stands at the mean time of the runs.
fn return_points(runs: &[&ReturnCurve], against: Against, band: Band) -> Vec<Point> {
    let evaluations = runs
        .iter()
        .flat_map(|run| run.measured().map(move |(step, returns)| (step, (*run, returns))));
    let point = |(step, evaluations): (u64, Vec<(&ReturnCurve, &[f64])>)| {
        let times: Vec<f64> = match against {
            Against::Steps => vec![step as f64],
            Against::Seconds => evaluations.iter().filter_map(|(run, _)| run.time(step)).collect(),
        };
        if times.is_empty() {
            return None;
        }
        let x = summary::mean(&times);
        if let [(_, episodes)] = evaluations[..] {
            return Some(Point::estimate(x, &over_episodes(episodes)));
        }
        let seeds: Vec<f64> =
            evaluations.iter().map(|(_, episodes)| summary::mean(episodes)).collect();
        Some(over_seeds(x, &seeds, band))
    };
    at_common_steps(evaluations, runs.len()).into_iter().filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64, evaluations: Vec<(u64, Vec<f64>)>) -> ReturnCurve {
        let (env, series) = ("hopper".into(), "sa-hyper".into());
        ReturnCurve { env, algo: Algo::Td3, series, seed, evaluations, seconds: Vec::new() }
    }

    #[test]
    fn curves_over_time_end_with_the_last_known_second() {
        let run = ReturnCurve {
            seconds: vec![(10, 4.0), (20, 10.0)],
            ..run(0, vec![(0, vec![1.0]), (15, vec![2.0]), (40, vec![3.0])])
        };
        let points = return_points(&[&run], Against::Seconds, Band::Interval);
        assert_eq!(points.iter().map(|p| (p.x, p.y)).collect::<Vec<_>>(), [(0.0, 1.0), (7.0, 2.0)]);
    }

    #[test]
    fn a_mean_over_seeds_ends_where_the_shortest_run_does() {
        let runs = [(2, &[0, 5, 10][..]), (4, &[0, 5][..])].map(|(seed, steps)| {
            run(seed, steps.iter().map(|step| (*step, vec![seed as f64])).collect())
        });
        let points = return_points(&runs.each_ref(), Against::Steps, Band::Interval);
        assert_eq!(points.iter().map(|p| (p.x, p.y)).collect::<Vec<_>>(), [(0.0, 3.0), (5.0, 3.0)]);
    }

    #[test]
    fn the_papers_band_is_one_standard_deviation() {
        let point = over_seeds(5.0, &[1.0, 3.0], Band::Std);
        assert!((point.high - 2.0 - 2_f64.sqrt()).abs() < 1e-12);
        let wider = over_seeds(5.0, &[1.0, 3.0], Band::Interval);
        assert!(wider.high > point.high && (wider.y - point.y).abs() < 1e-15);
    }
}
