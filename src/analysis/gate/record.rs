//! The machine-readable outcome of the gate (`docs/estimator.md` §5.5): a contract with other programs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::stats::Estimate;
use crate::stats::gate::Gate;
use crate::stats::verdict::Verdict;

/// Where the true gradients of the candidate come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Truth {
    /// The rollouts of the baseline: it has the same actor.
    Stored,
    /// Rollouts of the candidate's own actor on the same states.
    Regenerated,
}

/// A number with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Range {
    /// The point estimate.
    pub est: f64,
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

impl From<Estimate> for Range {
    fn from(e: Estimate) -> Self {
        Self { est: e.value, lo: e.low, hi: e.high }
    }
}

/// Candidate minus baseline.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// The difference between its one-sided bounds: of measured cosines where the truth is stored, of
    /// corrected ones where it was regenerated.
    #[serde(flatten)]
    pub range: Range,
    /// Its standard deviation per episode.
    pub sd: f64,
}

/// What the random numbers came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Seeds {
    /// Choice of the states.
    pub states: u64,
    /// Noise of the environment.
    pub rollouts: u64,
    /// Directions of the perturbations.
    pub design: u64,
}

/// The same quantity of baseline and candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sides<T> {
    /// The baseline's.
    pub base: T,
    /// The candidate's.
    pub cand: T,
}

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The baseline.
    Base,
    /// The candidate.
    Cand,
}

/// Share of states whose cosine is above a threshold, with the mid-p value of
/// `McNemar`'s test where states are paired.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Learnable {
    /// The threshold.
    pub tau: f64,
    /// The baseline's share.
    pub base: f64,
    /// The candidate's share.
    pub cand: f64,
    /// Two-sided mid-p value; null where the truth was regenerated.
    pub p_mcnemar: f64,
}

/// States of the bank that are left out or worth a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All of them.
    pub bank: usize,
    /// Without a usable cosine on at least one of the sides: compared on neither.
    pub left_out: usize,
    /// Without a usable cosine on each side.
    pub dropped: Sides<usize>,
    /// The cosine is undefined: a gradient is zero.
    pub undefined: usize,
    /// The actions left a direction untried.
    pub rank_deficient: usize,
    /// The F-test does not tell the gradient from zero.
    pub unresolved: usize,
    /// The action box shortened a pair, or a coordinate was saturated.
    pub clipped_dims: usize,
    /// Some rollout ended in an absorbing state.
    pub terminated: usize,
    /// Some rollout was cut at the horizon.
    pub truncated: usize,
}

/// What the gate found in one environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Version of this record.
    pub schema: u32,
    /// Environment.
    pub env: String,
    /// Always `lab`.
    pub mode: &'static str,
    /// Stored or regenerated rollouts.
    pub truth: Truth,
    /// Chance of a false alarm, and of a false pass.
    pub alpha: f64,
    /// Drop that never alarms.
    pub delta_tol: f64,
    /// Margin of non-inferiority, in true cosine.
    pub delta_ni: f64,
    /// States compared.
    pub n_states: usize,
    /// Episodes that they are of, the units of the tests; a state whose episode is not known is one of its
    /// own.
    pub n_episodes: usize,
    /// Rollouts of each.
    pub n_rollouts: usize,
    /// Independent blocks of each.
    #[serde(rename = "B")]
    pub blocks: usize,
    /// Standard deviation of the perturbations.
    pub sigma: f64,
    /// Discount factor.
    pub gamma: f64,
    /// Steps after which rollouts are cut.
    pub horizon: u32,
    /// γ to that power: the weight of what is cut.
    #[serde(rename = "gamma_H")]
    pub gamma_h: f64,
    /// Seeds.
    pub seeds: Seeds,
    /// Hash of the states and rollouts.
    pub bank_hash: String,
    /// Hash of the baseline's checkpoint.
    pub baseline_hash: String,
    /// Hash of the candidate.
    pub candidate_hash: String,
    /// Mean cosine.
    pub raw: Sides<Range>,
    /// What an exactly right critic would show under the candidate's noise.
    pub ceiling: Range,
    /// The same under the baseline's noise; equal where the truth is stored.
    pub ceiling_base: Range,
    /// Mean cosine without the noise of the rollouts.
    pub corrected: Sides<Range>,
    /// Cosine of the gradients of all states, joined.
    pub stacked: Sides<Range>,
    /// Probability that a random direction exceeds the threshold of `learnable`.
    pub chance: f64,
    /// Candidate minus baseline.
    pub diff: Difference,
    /// p-value of a regression.
    pub p_regress: f64,
    /// p-value of non-inferiority.
    pub p_ni: f64,
    /// Holm's p-value of a regression among all environments of the run.
    pub p_holm: f64,
    /// Share of learnable states.
    pub learnable: Learnable,
    /// True drop that would alarm with 80 % power.
    pub min_detectable_drop_80: f64,
    /// Chance of an alarm at a true drop, by drop.
    pub achieved_power_at: BTreeMap<&'static str, f64>,
    /// States of a bank that would decide what is undecided, with a chance of 80 %; as many of them
    /// are taken to be usable as here. Null if it is decided, or if no number would.
    pub states_needed: Option<usize>,
    /// Whose rollouts `counts` and `fd_agreement` describe: the candidate's where the truth was
    /// regenerated.
    pub measured_on: Side,
    /// States by what is strange about them.
    pub counts: Counts,
    /// Share of states in which finite differences agree.
    pub fd_agreement: Option<f64>,
    /// The verdict, Holm's correction included.
    pub verdict: Verdict,
    /// Why, in words.
    pub reason: String,
    /// What makes the verdict less than it seems.
    pub warnings: Vec<String>,
    #[serde(skip)]
    pub(super) gate: Gate,
}
