//! From states to one line for each checkpoint, with intervals.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::table::{FLAGS, StateRow};
use crate::gradient::Settings;
use crate::stats::corrected::{
    Corrected, FEWEST_STATES, correct, corrected_pseudo_values, is_resolved,
};
use crate::stats::hypothesis::wilson;
use crate::stats::replicates::Replicates;
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
    /// What an exactly right critic would show as mean cosine with these rollouts (`ceiling`), the
    /// mean cosine without the noise of the rollouts (`corrected`), the cosine of the gradients of
    /// all states joined (`stacked`), and the agreement of replicates behind them.
    /// None where nothing was replicated.
    #[serde(flatten)]
    pub noise: Option<NoiseCorrected>,
    /// Chance level of the learnable fractions: a random direction.
    pub chance: BTreeMap<String, f64>,
    /// Share of states above each threshold; undefined ones count as not learnable.
    pub learnable: BTreeMap<String, f64>,
    /// Their Wilson intervals.
    pub learnable_interval: BTreeMap<String, Interval>,
    /// Number of states with each flag (`non_finite`: of rollouts), and of those in which the action
    /// box moved an action (`clipped`), a rollout fell, or a rollout was cut (`truncated`).
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

/// The mean cosine seen through the noise of its rollouts (`estimator` §2.4).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NoiseCorrected {
    /// Mean cosine of an exactly right critic under the same noise.
    pub ceiling: Interval,
    /// Corrected mean cosine; not clipped to `[-1, 1]`.
    pub corrected: Interval,
    /// Cosine of the gradients of all states, joined to one vector.
    pub stacked: Interval,
    /// Mean cosine of two independent estimates of the true gradient.
    pub agreement: Interval,
    /// Whether replicates agree enough to correct anything.
    pub status: Status,
    /// What a reader should know, in words.
    pub warnings: Vec<String>,
}

/// Whether a gradient can be resolved with the rollouts made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Independent estimates agree.
    Resolved,
    /// They do not: the lower bound of their mean cosine is at most 0.05.
    Unresolved,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Resolved => "resolved",
            Self::Unresolved => "unresolved",
        })
    }
}

/// Corrects the mean cosine of some rows for the noise of their rollouts.
pub fn corrected<'r>(
    rows: impl IntoIterator<Item = &'r StateRow>,
    settings: &Settings,
) -> Corrected {
    let rows: Vec<&StateRow> = rows.into_iter().collect();
    let dims = rows.iter().map(|r| r.tried).max().unwrap_or(0).max(1) as usize;
    let replicates: Vec<Replicates> = rows.iter().filter_map(|r| r.replicates()).collect();
    correct(&replicates, settings.lift(dims), LEVEL)
}

/// One value for each state whose mean is the corrected cosine of a checkpoint and whose spread is its
/// uncertainty (jackknife pseudo-values); none if the checkpoint is unresolved.
pub fn corrected_values(rows: &[StateRow]) -> Vec<f64> {
    let replicates: Vec<Replicates> = rows.iter().filter_map(StateRow::replicates).collect();
    let pairs: Vec<f64> = replicates.iter().map(|r| r.pair).collect();
    if !is_resolved(&pairs) {
        return Vec::new();
    }
    corrected_pseudo_values(&replicates)
}

impl NoiseCorrected {
    fn new(rows: &[StateRow], settings: &Settings) -> Self {
        let found = corrected(rows, settings);
        let status = if found.resolved { Status::Resolved } else { Status::Unresolved };
        let mut warnings = Vec::new();
        let states = rows.len();
        if found.states < states {
            let left = states - found.states;
            let saturated = rows.iter().filter(|row| row.rollouts == 0).count();
            warnings.push(format!(
                "{left} of {states} states are left out of the correction, {saturated} of them \
                 because the policy's action is saturated in every dimension"
            ));
        }
        if found.states < FEWEST_STATES {
            warnings.push(format!("{} usable states are too few to judge anything", found.states));
        } else if status == Status::Unresolved {
            warnings.push(
                "independent estimates of the true gradient do not agree: no critic can be judged \
                 with these rollouts; see hyperl-analyze diagnose"
                    .into(),
            );
        }
        if found.depends_on_snr {
            warnings.push(format!(
                "the cosine depends on how well a state is resolved: unweighted it is about {:.2}",
                found.second_opinion
            ));
        }
        if found.corrected.value.abs() > 1.0 {
            warnings.push("the corrected cosine is beyond ±1 by chance; it is not clipped".into());
        }
        if states < 30 {
            warnings.push(format!("{states} states are few: intervals cover less than they say"));
        }
        Self {
            ceiling: found.ceiling.into(),
            corrected: found.corrected.into(),
            stacked: found.stacked.into(),
            agreement: found.agreement.into(),
            status,
            warnings,
        }
    }
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

impl Interval {
    /// Returns the estimate that this is, over `n` units.
    pub fn over(self, n: usize) -> Estimate {
        Estimate { value: self.mean, low: self.low, high: self.high, n }
    }
}

impl From<Estimate> for Interval {
    fn from(e: Estimate) -> Self {
        Self { mean: e.value, low: e.low, high: e.high }
    }
}

/// Mean over the states where the value is defined, with a jackknife-t interval over states; without
/// one where most states are undefined and fewer than ten are left.
pub fn mean_over_states<'r>(
    rows: impl IntoIterator<Item = &'r StateRow>,
    column: Column,
) -> Estimate {
    let values: Vec<f64> = rows.into_iter().map(|r| column.of(r)).collect();
    let count = values.len();
    let defined: Vec<f64> = values.into_iter().filter(|x| x.is_finite()).collect();
    if defined.is_empty() {
        return Estimate::without_interval(f64::NAN, 0);
    }
    if defined.len() < FEWEST_STATES.min(count) {
        return Estimate::without_interval(summary::mean(&defined), defined.len());
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

fn flags(rows: &[StateRow]) -> BTreeMap<&'static str, u64> {
    let count = |is: fn(&StateRow) -> bool| rows.iter().filter(|row| is(row)).count() as u64;
    let mut flags: BTreeMap<&'static str, u64> = FLAGS
        .into_iter()
        .enumerate()
        .map(|(i, flag)| (flag, rows.iter().map(|r| r.flags[i]).sum()))
        .collect();
    flags.insert("clipped", count(|r| r.clipped > 0.0));
    flags.insert("fell", count(|r| r.fell > 0.0));
    flags.insert("truncated", count(|r| r.rollouts > 0 && r.fell < 1.0));
    flags
}

/// Summarises the rows of one checkpoint.
///
/// # Panics
/// If there are no rows.
pub fn summarise(rows: &[StateRow], column: Column, settings: &Settings) -> Summary {
    let first = &rows[0];
    let name = |tau: f64| format!("{tau}");
    // Saturated states have no rollouts, and so no share of anything.
    let mean = |f: fn(&StateRow) -> f64| {
        summary::mean(&rows.iter().map(f).filter(|x| x.is_finite()).collect::<Vec<_>>())
    };
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
        noise: (column == Column::Cosine).then(|| NoiseCorrected::new(rows, settings)),
        chance: THRESHOLDS.map(name).into_iter().zip(chances).collect(),
        learnable: fractions.iter().map(|(n, e)| (n.clone(), e.value)).collect(),
        learnable_interval: fractions.iter().map(|(n, e)| (n.clone(), (*e).into())).collect(),
        flags: flags(rows),
        adjusted_r2: if fits.is_empty() { f64::NAN } else { summary::median(&fits) },
        fell: mean(|r| r.fell),
        clipped: mean(|r| r.clipped),
        horizon: rows.iter().map(|r| r.horizon).max().unwrap_or(0),
    }
}
