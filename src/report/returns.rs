//! From the greedy episodes of runs to learning curves (Fig. 4) and their summary.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::contrast::{RunValues, StepValues};
use super::figure::{Axis, Panel, Point, Series};
use super::tables::{Cell, Column, Table};
use super::theme::env_label;
use crate::analysis::summary::{Interval, LEVEL};
use crate::stats::resample::jackknife;
use crate::stats::{Estimate, summary};

/// Label of the returns.
pub(super) const RETURN: &str = "return of greedy episodes";

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
    /// Step and returns of the episodes of each evaluation.
    pub evaluations: Vec<(u64, Vec<f64>)>,
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

impl ReturnCurve {
    /// Returns the run in numbers; `None` if it was never evaluated.
    pub fn summary(&self) -> Option<ReturnSummary> {
        let each: Vec<Evaluated> = self
            .evaluations
            .iter()
            .map(|(step, returns)| Evaluated {
                step: *step,
                interval: over_episodes(returns).into(),
            })
            .collect();
        let by_mean = |a: &&Evaluated, b: &&Evaluated| {
            a.interval.mean.total_cmp(&b.interval.mean).then(b.step.cmp(&a.step))
        };
        Some(ReturnSummary {
            env: self.env.clone(),
            algo: self.algo.clone(),
            model: self.critic.clone(),
            seed: self.seed,
            evaluations: each.len(),
            episodes: self.evaluations.iter().map(|(_, returns)| returns.len()).max()?,
            last: *each.last()?,
            highest: *each.iter().max_by(by_mean)?,
        })
    }

    /// Returns the mean of each evaluation. Its error is not known: successive evaluations of one run
    /// depend on each other, and all start in the same states.
    pub fn values(&self) -> RunValues {
        let at = |(step, returns): &(u64, Vec<f64>)| StepValues {
            step: *step,
            value: summary::mean(returns),
            states: Vec::new(),
        };
        RunValues {
            env: self.env.clone(),
            critic: self.critic.clone(),
            seed: self.seed,
            steps: self.evaluations.iter().map(at).collect(),
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

/// Returns one panel for each environment, from the evaluations of runs.
pub fn return_panels(curves: &[ReturnCurve]) -> Vec<Panel> {
    let envs: BTreeSet<&str> = curves.iter().map(|c| c.env.as_str()).collect();
    envs.into_iter()
        .map(|env| {
            let mut by_critic: BTreeMap<&str, Vec<&ReturnCurve>> = BTreeMap::new();
            for curve in curves.iter().filter(|c| c.env == env) {
                by_critic.entry(&curve.critic).or_default().push(curve);
            }
            let series = by_critic
                .into_iter()
                .map(|(critic, runs)| Series::line(critic, return_points(&runs), runs.len()))
                .collect();
            Panel {
                title: env_label(env).to_owned(),
                x: Axis::new("environment steps", ""),
                y: Axis::new(RETURN, ""),
                series,
                references: Vec::new(),
            }
        })
        .collect()
}

/// Mean return at each step: over seeds where there are several, else over the run's episodes.
fn return_points(runs: &[&ReturnCurve]) -> Vec<Point> {
    let mut by_step: BTreeMap<u64, Vec<&Vec<f64>>> = BTreeMap::new();
    for run in runs {
        for (step, returns) in &run.evaluations {
            by_step.entry(*step).or_default().push(returns);
        }
    }
    by_step
        .into_iter()
        .map(|(step, evaluations)| {
            let estimate = if let [episodes] = evaluations[..] {
                over_episodes(episodes)
            } else {
                let seeds: Vec<f64> =
                    evaluations.iter().map(|episodes| summary::mean(episodes)).collect();
                jackknife(&seeds, summary::mean, LEVEL)
            };
            Point::estimate(step as f64, &estimate)
        })
        .collect()
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
        };
        let found = run.summary().unwrap();
        assert_eq!((found.evaluations, found.episodes), (4, 2));
        assert_eq!((found.last.step, found.last.interval.mean), (10, 5.0));
        // Of two equally good ones the first; t(1) at 0.95 is 12.706, se = 1.
        assert_eq!((found.highest.step, found.highest.interval.mean), (5, 8.0));
        assert!((found.highest.interval.high - 8.0 - 12.706_204_736_174_7).abs() < 1e-9);
        assert_eq!(ReturnCurve { evaluations: Vec::new(), ..run }.summary(), None);
    }
}
