//! What our data say about a claim: differences between critics, and how far they carry.
//!
//! Training runs are the units of replication. With one seed a difference, however sharp within the
//! runs, says nothing about another seed, and the verdict stays open.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::page::Verdict;
use super::tables::{Cell, Column, Table};
use super::theme::model_label;
use crate::analysis::summary::LEVEL;
use crate::stats::resample::jackknife;
use crate::stats::{Estimate, summary};

/// 97.5 % quantile of the normal distribution, for intervals within runs (hundreds of values).
const NORMAL_QUANTILE: f64 = 1.959_963_984_540_054;

/// All values of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunValues {
    /// Environment.
    pub env: String,
    /// Critic.
    pub critic: String,
    /// Seed.
    pub seed: u64,
    /// Step of training and value: cosines of its states, or returns of its evaluations.
    pub values: Vec<(u64, f64)>,
}

/// The difference between two critics, better minus worse as the claim has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// The critic that is claimed to be better.
    pub better: String,
    /// The other one.
    pub worse: String,
    /// Environments in which both were measured with a common seed.
    pub envs: Vec<String>,
    /// Mean difference; the interval is over seeds, and absent for a single one.
    pub over_seeds: Estimate,
    /// The same difference; the interval is over states within the runs, for these runs only.
    pub within_runs: Estimate,
}

/// Compares two critics on the runs that both have: same environment, same seed.
///
/// Returns `None` if there is no such pair.
pub fn contrast(runs: &[RunValues], [better, worse]: [&str; 2]) -> Option<Contrast> {
    let mut by_seed: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    let mut variances = Vec::new();
    let mut envs: Vec<String> = Vec::new();
    for first in runs.iter().filter(|run| run.critic == better) {
        let twin = |run: &&RunValues| {
            run.critic == worse && run.env == first.env && run.seed == first.seed
        };
        let Some(second) = runs.iter().find(twin) else { continue };
        let (a, b) = (common(first, second), common(second, first));
        if a.is_empty() || b.is_empty() {
            continue;
        }
        by_seed.entry(first.seed).or_default().push(summary::mean(&a) - summary::mean(&b));
        variances.push([&a, &b].map(|v| summary::standard_error(v).powi(2)).iter().sum::<f64>());
        if !envs.contains(&first.env) {
            envs.push(first.env.clone());
        }
    }
    let seeds: Vec<f64> = by_seed.values().map(|differences| summary::mean(differences)).collect();
    if seeds.is_empty() {
        return None;
    }
    let over_seeds = jackknife(&seeds, summary::mean, LEVEL);
    let pairs = variances.len() as f64;
    let half = NORMAL_QUANTILE * variances.iter().sum::<f64>().sqrt() / pairs;
    let mean = by_seed.values().flatten().sum::<f64>() / pairs;
    let within_runs = Estimate::symmetric(mean, half, variances.len());
    Some(Contrast { better: better.into(), worse: worse.into(), envs, over_seeds, within_runs })
}

/// Values of a run at the steps that the other one was measured at too: a run that stopped early is
/// not compared with another's later training.
fn common(run: &RunValues, other: &RunValues) -> Vec<f64> {
    let shared = |step: u64| other.values.iter().any(|(there, _)| *there == step);
    run.values.iter().filter(|(step, x)| x.is_finite() && shared(*step)).map(|(_, x)| *x).collect()
}

impl Contrast {
    /// Says whether the claim holds: every environment and seed of the claim would have to be there
    /// for `complete`.
    pub fn verdict(&self) -> Verdict {
        match self.over_seeds {
            Estimate { n, .. } if n < 2 => Verdict::Undecided,
            Estimate { low, .. } if low > 0.0 => Verdict::Holds,
            Estimate { high, .. } if high < 0.0 => Verdict::Fails,
            _ => Verdict::Undecided,
        }
    }
}

/// The verdict on a claim about several contrasts, with its reason.
pub fn judge(contrasts: &[Contrast], asked: usize, missing_runs: usize) -> (Verdict, String) {
    if contrasts.is_empty() {
        return (Verdict::NotTested, "no two critics of the claim share a run".into());
    }
    let verdicts: Vec<Verdict> = contrasts.iter().map(Contrast::verdict).collect();
    let seeds = contrasts.iter().map(|c| c.over_seeds.n).min().unwrap_or(0);
    let mut verdict = if verdicts.contains(&Verdict::Fails) {
        Verdict::Fails
    } else if verdicts.iter().all(|v| *v == Verdict::Holds) && contrasts.len() == asked {
        Verdict::Holds
    } else {
        Verdict::Undecided
    };
    let mut reason = if seeds < 2 {
        "there is one seed: differences between critics cannot be told from differences between \
         training runs"
            .to_owned()
    } else {
        format!("intervals are over {seeds} seeds")
    };
    if missing_runs > 0 {
        let _ = write!(reason, "; {missing_runs} runs that the claim is about were not trained");
        if verdict == Verdict::Holds {
            verdict = Verdict::Undecided;
        }
    }
    (verdict, reason)
}

/// The contrasts as a table.
pub fn table(contrasts: &[Contrast], quantity: &str) -> Table {
    let mut table = Table::new(vec![
        Column::new("difference", ""),
        Column::new("environments", ""),
        Column::new("seeds", ""),
        Column::new("over seeds", quantity),
        Column::new("within these runs", quantity),
    ]);
    for c in contrasts {
        let over_seeds = if c.over_seeds.n < 2 {
            Cell::number(c.over_seeds.value)
        } else {
            Cell::Interval(c.over_seeds)
        };
        table.rows.push(vec![
            Cell::text(format!("{} − {}", model_label(&c.better), model_label(&c.worse))),
            Cell::text(c.envs.join(", ")),
            Cell::text(c.over_seeds.n.to_string()),
            over_seeds,
            Cell::Interval(c.within_runs),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(critic: &str, seed: u64, values: &[f64]) -> RunValues {
        let values = values.iter().enumerate().map(|(step, x)| (step as u64, *x)).collect();
        RunValues { env: "hopper".into(), critic: critic.into(), seed, values }
    }

    #[test]
    fn one_seed_decides_nothing_however_large_the_difference() {
        let runs = [run("a", 0, &[1.0, 1.1, 0.9]), run("b", 0, &[0.0, 0.1, -0.1])];
        let found = contrast(&runs, ["a", "b"]).unwrap();
        assert!((found.within_runs.value - 1.0).abs() < 1e-12 && found.within_runs.low > 0.0);
        assert_eq!(judge(&[found], 1, 0).0, Verdict::Undecided);
    }

    #[test]
    fn only_common_steps_are_compared() {
        let runs = [run("a", 0, &[1.0, 1.2, 90.0, 90.0]), run("b", 0, &[0.0, 0.2])];
        let found = contrast(&runs, ["a", "b"]).unwrap();
        assert!((found.within_runs.value - 1.0).abs() < 1e-12);
    }

    #[test]
    fn several_seeds_decide_both_ways_unless_runs_are_missing() {
        let values = [[1.0, 1.2], [1.1, 1.3], [0.9, 1.2]];
        let mut runs = Vec::new();
        for (seed, v) in values.iter().enumerate() {
            runs.push(run("a", seed as u64, v));
            runs.push(run("b", seed as u64, &[0.1 * seed as f64, 0.1]));
        }
        let up = contrast(&runs, ["a", "b"]).unwrap();
        let down = contrast(&runs, ["b", "a"]).unwrap();
        assert_eq!(judge(std::slice::from_ref(&up), 1, 0).0, Verdict::Holds);
        assert_eq!(judge(std::slice::from_ref(&up), 1, 2).0, Verdict::Undecided);
        assert_eq!(judge(std::slice::from_ref(&up), 2, 0).0, Verdict::Undecided);
        assert_eq!(judge(&[up, down], 2, 0).0, Verdict::Fails);
        assert_eq!(judge(&[], 2, 0).0, Verdict::NotTested);
        assert!(contrast(&runs, ["a", "c"]).is_none());
    }
}
