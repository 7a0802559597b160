//! Has a critic become worse? The decision of `hyperl-analyze gate`.
//!
//! Two questions, two tests. *Alarm*: is the candidate worse than the base by more than a
//! tolerance? *Non-inferiority*: is it worse by less than a margin δ of **true** cosine? Neither
//! answer may come from the other's silence, so there are three verdicts. A drop below the margin does
//! not matter, however sure it is, and so a pass comes first. Where rollouts do not agree there is no
//! truth to be worse against, and no verdict.
//!
//! States of one episode resemble each other, so the unit of every test is the episode.
//!
//! Where both critics meet the same rollouts the noise of the truth is shared, and the differences
//! are paired by state. A difference `d` of measured cosines stands for a true one of `d/C`, with
//! `C` the ceiling of a block, so that the margin is `C·δ` here; `C` is estimated too, and the
//! jackknife takes both errors together. Where the candidate has an actor of its own, its truth
//! and its noise are others: then the corrected cosines of both sides are compared, by Welch's
//! test on their jackknife pseudo-values.
//!
//! Without four blocks the ceiling is overstated by some 4 % where states differ in their noise,
//! which would make the margin too wide: δ is then shrunk by 5 % ([`SHRINK`]).
//!
//! # References
//! `docs/estimator.md` §5; Schuirmann, J. Pharmacokinet. Biopharm. 1987; Holm, Scand. J. Stat. 1979.

mod paired;
mod plan;
mod two_truths;

pub use plan::POWER;
use plan::{Plan, states_for};

use super::Estimate;
use super::replicates::Replicates;
use super::tails::{normal_above, normal_quantile};
use super::verdict::Verdict;

/// Factor on the margin where the ceiling comes from fewer than four blocks.
pub const SHRINK: f64 = 0.95;

/// What counts as worse, and how sure one must be.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Rule {
    /// Chance α of a false alarm, and of a false pass, in `(0, ½)`.
    pub alpha: f64,
    /// Drop that never alarms, on the scale of [`Gate::difference`], so that rounding cannot. A
    /// tolerance equal to the drop one wants to catch has power α: keep it small and read
    /// [`Gate::min_detectable_drop_80`].
    pub tolerance: f64,
    /// Margin δ of non-inferiority, on the scale of true cosines.
    pub margin: f64,
}

impl Default for Rule {
    fn default() -> Self {
        Self { alpha: 0.05, tolerance: 0.005, margin: 0.05 }
    }
}

/// One state on which base and candidate met the same rollouts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedState {
    /// [`Replicates::block`] of the base.
    pub base_block: f64,
    /// [`Replicates::block`] of the candidate.
    pub cand_block: f64,
    /// [`Replicates::pair`], the same for both.
    pub pair: f64,
    /// [`Replicates::quad`], the same for both; NaN below four blocks.
    pub quad: f64,
}

impl PairedState {
    /// Pairs the two sides of a state; agreement is that of the base's blocks, which are shared.
    pub fn of(base: &Replicates, candidate: &Replicates) -> Self {
        let (base_block, cand_block) = (base.block, candidate.block);
        Self { base_block, cand_block, pair: base.pair, quad: base.quad }
    }
}

/// Why a verdict is inconclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// Fewer than ten states or five episodes, or a number is undefined.
    TooFewStates,
    /// The blocks of the shared truth hardly agree.
    TruthUnresolved,
    /// The blocks of the base's truth hardly agree.
    BaseUnresolved,
    /// The blocks of the candidate's truth hardly agree.
    CandidateUnresolved,
    /// The interval is too wide for either answer: draw more states.
    TooWide,
}

/// The outcome of one comparison.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Gate {
    /// The rule it was judged by.
    pub rule: Rule,
    /// What follows from both tests.
    pub verdict: Verdict,
    /// Why nothing follows; `None` unless inconclusive.
    pub doubt: Option<Doubt>,
    /// p-value of the alarm: small if the candidate is worse beyond the tolerance. NaN if unresolved.
    pub p_regress: f64,
    /// p-value of non-inferiority: small if a drop of the margin is ruled out. NaN if unresolved.
    pub p_ni: f64,
    /// Candidate minus base, between its one-sided `1 − α` bounds: measured cosines of a block if
    /// paired, corrected cosines if not.
    pub difference: Estimate,
    /// Standard deviation of the difference per episode (per episode of each arm if unpaired); of a
    /// state where episodes are not known.
    pub sd: f64,
    /// How much of a true difference [`Self::difference`] shows: the ceiling of a block if
    /// paired, 1 if not.
    pub scale: f64,
    /// The true drop that this comparison would catch with 80 % power.
    pub min_detectable_drop_80: f64,
    /// The chance of an alarm if the true drop were 0.05.
    pub power_at_005: f64,
    #[serde(skip)]
    plan: Plan,
}

impl Gate {
    /// Returns how many states (per arm if unpaired) catch a true `drop` with chance `power`:
    /// `((z₁₋α + z_power)·sd / (scale·drop − tolerance))²`, rounded up.
    ///
    /// `None` if the drop does not exceed the tolerance or a number is undefined.
    pub fn states_needed(&self, drop: f64, power: f64) -> Option<usize> {
        let visible = self.scale * drop - self.rule.tolerance;
        states_for(visible, self.sd, self.rule.alpha, power).map(|units| self.plan.states_in(units))
    }

    /// Returns how many states (per arm if unpaired) would decide, with a chance of [`POWER`], what
    /// this comparison, one of `environments`, does not.
    ///
    /// That is where a drop of the margin alarms, no change passes and the truth is resolved; if so
    /// many states were there and the difference lies between the two, where a difference as seen
    /// is decided. `None` if no number would: the blocks hardly agree in the mean, or the
    /// tolerance hides the margin. Alarms are counted at Holm's strictest level.
    pub fn states_to_decide(&self, environments: usize) -> Option<usize> {
        self.plan.states_to_decide(self.rule.alpha, environments)
    }

    fn judge(
        (p_regress, p_ni): (f64, f64),
        difference: Estimate,
        spread: Spread,
        doubt: Option<Doubt>,
        rule: Rule,
    ) -> Self {
        let verdict = Verdict::of(p_regress, p_ni, rule.alpha);
        let undefined = !spread.standard_error.is_finite();
        let why = doubt.unwrap_or(if undefined { Doubt::TooFewStates } else { Doubt::TooWide });
        let Spread { sd, standard_error, scale, margin, plan } = spread;
        // What must be seen to be called regressed: significant beyond the tolerance, and no pass.
        let sure = normal_quantile(1.0 - rule.alpha) * standard_error;
        let seen = (rule.tolerance + sure).max(margin - sure);
        Self {
            rule,
            verdict,
            doubt: (verdict == Verdict::Inconclusive).then_some(why),
            p_regress,
            p_ni,
            difference,
            sd,
            scale,
            min_detectable_drop_80: (seen + normal_quantile(POWER) * standard_error) / scale,
            power_at_005: if standard_error > 0.0 {
                normal_above((seen - 0.05 * scale) / standard_error)
            } else {
                f64::from(0.05 * scale >= seen)
            },
            plan,
        }
    }
}

/// How much a difference varies, and how much of the truth it shows.
struct Spread {
    sd: f64,
    standard_error: f64,
    scale: f64,
    /// The margin on the scale of the difference.
    margin: f64,
    plan: Plan,
}

/// 1 if every state has four blocks, [`SHRINK`] otherwise.
fn shrink(mut quads: impl Iterator<Item = f64>) -> f64 {
    if quads.all(|quad| !quad.is_nan()) { 1.0 } else { SHRINK }
}
