//! From states to one line for each checkpoint, with intervals.

use std::collections::BTreeMap;

use serde::Serialize;

use super::table::{FLAGS, StateRow};
use crate::stats::hypothesis::wilson;
use crate::stats::resample::jackknife;
use crate::stats::{Estimate, summary};

/// Thresholds of the learnable-state fractions (paper, Fig. 3b–c).
pub const THRESHOLDS: [f64; 2] = [0.25, 0.75];

/// Confidence level of all intervals.
pub const LEVEL: f64 = 0.95;

/// Which column of the states is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Cosine of critic and truth.
    Cosine,
    /// Cosine of the critic's gradient and a fit to its own values.
    SelfCosine,
}

impl Column {
    /// Returns the value of a row.
    pub fn of(self, row: &StateRow) -> f64 {
        match self {
            Self::Cosine => row.cosine,
            Self::SelfCosine => row.self_cosine,
        }
    }
}

/// One checkpoint in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Environment.
    pub env: String,
    /// Algorithm.
    pub algo: String,
    /// Critic.
    pub model: String,
    /// Seed of the run.
    pub seed: u64,
    /// Environment steps of training.
    pub step: u64,
    /// Estimator mode.
    pub mode: String,
    /// States measured.
    pub states: usize,
    /// Rollouts of each state.
    pub rollouts: u64,
    /// Mean cosine over the states where it is defined, jackknife-t over states.
    pub cosine: Interval,
    /// Chance level of the learnable fractions: a random direction.
    pub chance: BTreeMap<String, f64>,
    /// Share of states above each threshold; undefined ones count as not learnable.
    pub learnable: BTreeMap<String, f64>,
    /// Their Wilson intervals.
    pub learnable_interval: BTreeMap<String, Interval>,
    /// Number of states with each flag (`non_finite`: of rollouts).
    pub flags: BTreeMap<&'static str, u64>,
    /// Median adjusted R² of the fits.
    pub adjusted_r2: f64,
    /// Mean share of rollouts that ended in an absorbing state.
    pub fell: f64,
    /// Mean share of clipped action entries.
    pub clipped: f64,
    /// Longest rollout, in steps.
    pub horizon: u64,
}

/// An interval as the machine-readable output names it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The point estimate.
    pub mean: f64,
    /// Lower end; null where there is none.
    pub low: f64,
    /// Upper end; null where there is none.
    pub high: f64,
}

impl From<Estimate> for Interval {
    fn from(e: Estimate) -> Self {
        Self { mean: e.value, low: e.low, high: e.high }
    }
}

/// Mean over the states where the value is defined, with a jackknife-t interval over states.
pub fn mean_over_states<'r>(
    rows: impl IntoIterator<Item = &'r StateRow>,
    column: Column,
) -> Estimate {
    let defined: Vec<f64> =
        rows.into_iter().map(|r| column.of(r)).filter(|x| x.is_finite()).collect();
    if defined.is_empty() {
        return Estimate::without_interval(f64::NAN, 0);
    }
    jackknife(&defined, summary::mean, LEVEL)
}

/// Share of states above `tau` (strictly), with its Wilson interval; undefined ones are below.
pub fn learnable<'r>(
    rows: impl IntoIterator<Item = &'r StateRow>,
    column: Column,
    tau: f64,
) -> Estimate {
    let rows: Vec<&StateRow> = rows.into_iter().collect();
    let above = rows.iter().filter(|row| column.of(row) > tau).count();
    wilson(above, rows.len(), LEVEL)
}

/// Summarises the rows of one checkpoint.
///
/// # Panics
/// If there are no rows.
pub fn summarise(rows: &[StateRow], column: Column) -> Summary {
    let first = &rows[0];
    let name = |tau: f64| format!("{tau}");
    let mean = |f: fn(&StateRow) -> f64| summary::mean(&rows.iter().map(f).collect::<Vec<_>>());
    let chances = [mean(|r| r.chance_25), mean(|r| r.chance_75)];
    let fractions = THRESHOLDS.map(|tau| (name(tau), learnable(rows, column, tau)));
    let fits: Vec<f64> = rows.iter().map(|r| r.adjusted_r2).filter(|x| x.is_finite()).collect();
    Summary {
        env: first.env.clone(),
        algo: first.algo.clone(),
        model: first.critic.clone(),
        seed: first.seed,
        step: first.step,
        mode: first.mode.clone(),
        states: rows.len(),
        rollouts: first.rollouts,
        cosine: mean_over_states(rows, column).into(),
        chance: THRESHOLDS.map(name).into_iter().zip(chances).collect(),
        learnable: fractions.iter().map(|(n, e)| (n.clone(), e.value)).collect(),
        learnable_interval: fractions.iter().map(|(n, e)| (n.clone(), (*e).into())).collect(),
        flags: FLAGS
            .into_iter()
            .enumerate()
            .map(|(i, flag)| (flag, rows.iter().map(|r| r.flags[i]).sum()))
            .collect(),
        adjusted_r2: if fits.is_empty() { f64::NAN } else { summary::median(&fits) },
        fell: mean(|r| r.fell),
        clipped: mean(|r| r.clipped),
        horizon: rows.iter().map(|r| r.horizon).max().unwrap_or(0),
    }
}
