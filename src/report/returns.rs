//! From the greedy episodes of runs to learning curves (Fig. 4) and their summary.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::contrast::{RunValues, StepValues};
use super::figure::{Axis, Panel, Point, Reference, Series};
use super::tables::{Cell, Column, Table};
use super::theme::env_label;
use crate::analysis::summary::Interval;
use crate::stats::resample::jackknife;
use crate::stats::{Estimate, LEVEL, summary};

/// Label of the returns.
const RETURN: &str = "return of greedy episodes";

/// Returns of one run's evaluations.
#[derive(Debug, Clone, PartialEq)]
pub struct ReturnCurve {
    /// Environment.
    pub env: String,
    /// Algorithm.
    pub algo: String,
    /// Critic.
    pub critic: String,
    /// Seed.
    pub seed: u64,
    /// Step and returns of the episodes of each evaluation, those that are NaN or infinite too: numbers are
    /// made of [`ReturnCurve::measured`] alone.
    pub evaluations: Vec<(u64, Vec<f64>)>,
    /// Step and seconds of training so far, where they were written down.
    pub seconds: Vec<(u64, f64)>,
}

/// What learning curves are drawn against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// Environment steps.
    Steps,
    /// Updates of a meta-learning run.
    Iterations,
    /// Seconds of training, evaluations included.
    Seconds,
}

impl Against {
    fn axis(self) -> Axis {
        match self {
            Self::Steps => Axis::new("environment steps", ""),
            Self::Iterations => Axis::new("iterations", ""),
            Self::Seconds => Axis::new("training time", "s"),
        }
    }
}

/// What the band of several seeds is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Band {
    /// 95 % interval of the mean, jackknife-t.
    Interval,
    /// Mean ± standard deviation, as the paper draws.
    Std,
}

impl Band {
    /// Returns it in words.
    pub fn over_seeds(self) -> &'static str {
        match self {
            Self::Interval => "95 % interval over seeds",
            Self::Std => "± 1 standard deviation over seeds",
        }
    }
}

/// One run in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReturnSummary {
    /// Environment.
    pub env: String,
    /// Algorithm.
    pub algo: String,
    /// Critic.
    pub model: String,
    /// Seed.
    pub seed: u64,
    /// Number of evaluations.
    pub evaluations: usize,
    /// Episodes of each.
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
    /// Environment steps of training before it.
    pub step: u64,
    /// Mean return and interval.
    #[serde(flatten)]
    pub interval: Interval,
}

fn over_episodes(returns: &[f64]) -> Estimate {
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

    /// Returns the steps of the others.
    pub fn undefined(&self) -> impl Iterator<Item = u64> {
        self.evaluations.iter().filter(|(_, returns)| !is_defined(returns)).map(|(step, _)| *step)
    }

    /// Returns the run in numbers; `None` if no evaluation is finite.
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
            algo: self.algo.clone(),
            model: self.critic.clone(),
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

    /// Returns the mean of each evaluation. Its error is not known: successive evaluations of one run
    /// depend on each other, and all start in the same states.
    pub fn values(&self) -> RunValues {
        let at = |(step, returns): (u64, &[f64])| StepValues {
            step,
            value: summary::mean(returns),
            states: Vec::new(),
        };
        RunValues {
            env: self.env.clone(),
            critic: self.critic.clone(),
            seed: self.seed,
            steps: self.measured().map(at).collect(),
        }
    }
}

/// One line for each run.
pub fn return_table(summaries: &[ReturnSummary]) -> Table {
    let names = ["environment", "critic", "seed", "evaluations", "episodes"];
    let names = names.into_iter().chain(["final step", "final", "highest step", "highest"]);
    let mut table = Table::new(names.map(|name| Column::new(name, "")));
    for s in summaries {
        let counts = [s.seed, s.evaluations as u64, s.episodes as u64];
        let mut row = vec![Cell::text(&s.env), Cell::text(&s.model)];
        row.extend(counts.map(|n| Cell::text(n.to_string())));
        for Evaluated { step, interval } in [s.last, s.highest] {
            row.push(Cell::text(step.to_string()));
            row.push(Cell::Interval(interval.over(s.episodes)));
        }
        table.rows.push(row);
    }
    table
}

/// Returns one panel for each algorithm and environment, from the evaluations of runs.
pub fn return_panels(curves: &[ReturnCurve], against: Against, band: Band) -> Vec<Panel> {
    let places: BTreeSet<(&str, &str)> = curves.iter().map(|c| (&*c.algo, &*c.env)).collect();
    let algos = places.iter().map(|(algo, _)| algo).collect::<BTreeSet<_>>().len();
    let panel = |(algo, env): (&str, &str)| {
        let mut by_critic: BTreeMap<&str, Vec<&ReturnCurve>> = BTreeMap::new();
        for curve in curves.iter().filter(|c| c.env == env && c.algo == algo) {
            by_critic.entry(&curve.critic).or_default().push(curve);
        }
        let series = by_critic.into_iter().map(|(critic, runs)| {
            Series::line(critic, return_points(&runs, against, band), runs.len())
        });
        let env = env_label(env);
        Panel {
            title: if algos > 1 { format!("{env}, {}", algo.to_uppercase()) } else { env.into() },
            x: against.axis(),
            y: Axis::new(RETURN, ""),
            series: series.collect(),
            references: Vec::new(),
        }
    };
    places.into_iter().map(panel).collect()
}

/// Mean over environments of normalised returns at each step, one curve for each critic (Fig. 6).
pub fn normalised_panel(
    runs: &[RunValues],
    envs: &[String],
    (against, band): (Against, Band),
) -> Panel {
    let mut by_critic: BTreeMap<&str, Vec<&RunValues>> = BTreeMap::new();
    for run in runs {
        by_critic.entry(&run.critic).or_default().push(run);
    }
    let series = by_critic.into_iter().map(|(critic, runs)| {
        let mut by_step: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for step in runs.iter().flat_map(|run| &run.steps) {
            by_step.entry(step.step).or_default().push(step.value);
        }
        let whole = by_step.into_iter().filter(|(_, seeds)| seeds.len() == runs.len());
        let points = whole.map(|(step, seeds)| over_seeds(step as f64, &seeds, band)).collect();
        Series::line(critic, points, runs.len())
    });
    let envs: Vec<&str> = envs.iter().map(|env| env_label(env)).collect();
    Panel {
        title: envs.join(" + "),
        x: against.axis(),
        y: Axis::new("normalised return", "final score of the baseline"),
        series: series.collect(),
        references: vec![Reference::level("end of the baseline", 1.0)],
    }
}

/// Mean over seeds with its band; of one seed without.
fn over_seeds(x: f64, seeds: &[f64], band: Band) -> Point {
    let mean = summary::mean(seeds);
    let estimate = match band {
        Band::Interval => jackknife(seeds, summary::mean, LEVEL),
        Band::Std => Estimate::symmetric(mean, summary::std(seeds), seeds.len()),
    };
    Point::estimate(x, &estimate)
}

/// Mean return at each step that all runs have: over seeds where there are several, else over the run's episodes.
/// Against seconds, each step stands at the mean time of the runs.
fn return_points(runs: &[&ReturnCurve], against: Against, band: Band) -> Vec<Point> {
    let mut by_step: BTreeMap<u64, Vec<(&ReturnCurve, &[f64])>> = BTreeMap::new();
    for run in runs {
        for (step, returns) in run.measured() {
            by_step.entry(step).or_default().push((run, returns));
        }
    }
    let whole = by_step.into_iter().filter(|(_, evaluations)| evaluations.len() == runs.len());
    let point = |(step, evaluations): (u64, Vec<(&ReturnCurve, &[f64])>)| {
        let times: Vec<f64> = match against {
            Against::Steps | Against::Iterations => vec![step as f64],
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
    whole.filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_with_its_last_evaluation_and_peaks_at_its_best() {
        let evaluations = vec![
            (0, vec![1.0, 3.0]),
            (5, vec![7.0, 9.0]),
            (9, vec![9.0, 7.0]),
            (10, vec![4.0, 6.0]),
        ];
        let run = ReturnCurve {
            env: "hopper".into(),
            algo: "td3".into(),
            critic: "a".into(),
            seed: 0,
            evaluations,
            seconds: Vec::new(),
        };
        let found = run.summary().unwrap();
        assert_eq!((found.evaluations, found.episodes), (4, 2));
        assert_eq!((found.last.step, found.last.interval.mean), (10, 5.0));
        // Of two equally good ones the first; t(1) at 0.95 is 12.706, se = 1.
        assert_eq!((found.highest.step, found.highest.interval.mean), (5, 8.0));
        assert!((found.highest.interval.high - 8.0 - 12.706_204_736_174_7).abs() < 1e-9);
        assert_eq!(ReturnCurve { evaluations: Vec::new(), ..run }.summary(), None);
    }

    #[test]
    fn time_is_interpolated_between_checkpoints_and_never_beyond_them() {
        let run = ReturnCurve {
            env: "hopper".into(),
            algo: "td3".into(),
            critic: "a".into(),
            seed: 0,
            evaluations: vec![(0, vec![1.0]), (15, vec![2.0]), (40, vec![3.0])],
            seconds: vec![(10, 4.0), (20, 10.0)],
        };
        assert_eq!([0, 5, 10, 15].map(|step| run.time(step)), [0.0, 2.0, 4.0, 7.0].map(Some));
        assert_eq!(run.time(21), None);
        let points = return_points(&[&run], Against::Seconds, Band::Interval);
        assert_eq!(points.iter().map(|p| (p.x, p.y)).collect::<Vec<_>>(), [(0.0, 1.0), (7.0, 2.0)]);
    }

    #[test]
    fn a_mean_over_seeds_ends_where_the_shortest_run_does() {
        let run = |seed: u64, steps: &[u64]| ReturnCurve {
            env: "hopper".into(),
            algo: "td3".into(),
            critic: "sa-hyper".into(),
            seed,
            evaluations: steps.iter().map(|step| (*step, vec![seed as f64])).collect(),
            seconds: Vec::new(),
        };
        let points = return_points(
            &[&run(2, &[0, 5, 10]), &run(4, &[0, 5])],
            Against::Steps,
            Band::Interval,
        );
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
