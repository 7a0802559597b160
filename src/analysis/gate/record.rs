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
    /// The rollouts of the baseline: it has the same actor, and returns are made by the same numbers.
    Stored,
    /// Rollouts of the candidate's own actor on the same states, with its own entropy and scale of rewards.
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

impl Range {
    /// Where the truth does not stand out of its noise: null in JSON.
    pub(super) const UNRESOLVED: Self = Self { est: f64::NAN, lo: f64::NAN, hi: f64::NAN };
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

/// The same quantity of baseline and candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sides<T> {
    /// The baseline's.
    pub base: T,
    /// The candidate's.
    pub cand: T,
}

/// States of the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All of them.
    pub bank: usize,
    /// Compared on neither side: one has no cosine, because the simulation became unstable or nothing depends on the
    /// action there.
    pub left_out: usize,
}

/// What the gate found in one environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Version of this record.
    pub schema: u32,
    /// Environment.
    pub env: String,
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
    /// Their episodes, the units of the tests; a state whose episode is not known counts as one.
    pub n_episodes: usize,
    /// Rollouts inside the box of each.
    pub n_rollouts: usize,
    /// Independent blocks of each.
    #[serde(rename = "B")]
    pub blocks: usize,
    /// Size of the perturbations.
    pub sigma: f64,
    /// Discount factor.
    pub gamma: f64,
    /// Steps after which rollouts are cut.
    pub horizon: u32,
    /// γ to that power: the weight of what is cut.
    #[serde(rename = "gamma_H")]
    pub gamma_h: f64,
    /// Seed of states, directions and noise.
    pub seed: u64,
    /// Hash of the baseline.
    pub bank_hash: String,
    /// Hash of the baseline's checkpoint.
    pub baseline_hash: String,
    /// Hash of the candidate.
    pub candidate_hash: String,
    /// Mean cosine inside the box as measured.
    pub raw: Sides<Range>,
    /// What an exactly right critic would show as that; the same on both sides where the truth is stored.
    pub ceiling: Sides<Range>,
    /// Mean cosine inside the box without the noise of the rollouts: what is judged.
    pub inside: Sides<Range>,
    /// κ, the cosine of what each actor can use; null where the truth does not stand out of its noise.
    pub kappa: Sides<Range>,
    /// Share of the promised improvement that is real; null with κ.
    pub gain: Sides<Range>,
    /// Candidate minus baseline, inside the box.
    pub diff: Difference,
    /// p-value of a regression.
    pub p_regress: f64,
    /// p-value of non-inferiority.
    pub p_ni: f64,
    /// Holm's p-value of a regression among all environments of the run.
    pub p_holm: f64,
    /// True drop that would alarm with 80 % power.
    pub min_detectable_drop_80: f64,
    /// Chance of an alarm at a true drop, by drop.
    pub achieved_power_at: BTreeMap<&'static str, f64>,
    /// States of a bank that would decide what is undecided, with a chance of 80 %. Null if it is decided, or if
    /// no number would.
    pub states_needed: Option<usize>,
    /// States of the bank.
    pub counts: Counts,
    /// The verdict, Holm's correction included.
    pub verdict: Verdict,
    /// The reason for the verdict.
    pub reason: String,
    /// What weakens the verdict.
    pub warnings: Vec<String>,
    #[serde(skip)]
    pub(super) gate: Gate,
}
