//! Has a critic become worse? The decision of `hyperl-analyze gate`.
//!
//! Two questions, two tests. *Alarm*: is the candidate worse than the base by more than a
//! tolerance? *Non-inferiority*: is it worse by less than a margin δ of **true** cosine? Neither
//! answer may come from the other's silence, so there are three verdicts.
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
//! Schuirmann, J. Pharmacokinet. Biopharm. 1987; Holm, Scand. J. Stat. 1979; project notes
//! `estimator` §5.

mod plan;

use plan::{Plan, Test, states_for, states_to_resolve};

use super::Estimate;
use super::corrected::{FEWEST_STATES, ceiling_block, corrected_pseudo_values, is_resolved};
use super::hypothesis::{TTest, paired_t, welch_t};
use super::replicates::Replicates;
use super::resample::{jackknife, pseudo_values};
use super::summary::{mean, std};
use super::tails::{normal_above, normal_quantile, t_two_sided};
use super::verdict::Verdict;

/// Chance of a decision at which the number of states is planned.
pub const POWER: f64 = 0.8;

/// Factor on the margin where the ceiling comes from fewer than four blocks.
pub const SHRINK: f64 = 0.95;

/// What counts as worse, and how sure one must be.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Rule {
    /// Chance α of a false alarm, and of a false pass, in `(0, ½)`.
    pub alpha: f64,
    /// Drop that never alarms, on the scale of [`Gate::difference`]. A tolerance equal to the
    /// drop one wants to catch has power α: leave it 0 and read [`Gate::min_detectable_drop_80`].
    pub tolerance: f64,
    /// Margin δ of non-inferiority, on the scale of true cosines.
    pub margin: f64,
}

impl Default for Rule {
    fn default() -> Self {
        Self { alpha: 0.05, tolerance: 0.0, margin: 0.05 }
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
    /// Fewer than ten states, or a number is undefined.
    TooFewStates,
    /// The blocks of the shared truth hardly agree: no alarm, and no ceiling for a margin.
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
    /// p-value of the alarm: small if the candidate is worse beyond the tolerance. NaN if
    /// unresolved and unpaired.
    pub p_regress: f64,
    /// p-value of non-inferiority: small if a drop of the margin is ruled out. NaN if unresolved.
    pub p_ni: f64,
    /// Candidate minus base, between its one-sided `1 − α` bounds: measured cosines of a block if
    /// paired, corrected cosines if not.
    pub difference: Estimate,
    /// Standard deviation of the difference per state (per state of each arm if unpaired).
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
    /// Compares two critics on the same states and rollouts.
    ///
    /// An unresolved truth has no ceiling and cannot pass; it can still alarm, since noise hides
    /// a difference but makes none.
    pub fn paired(states: &[PairedState], rule: Rule) -> Self {
        let differences: Vec<f64> = states.iter().map(|s| s.cand_block - s.base_block).collect();
        let pairs: Vec<f64> = states.iter().map(|s| s.pair).collect();
        let resolved = is_resolved(&pairs);

        // T1: mean d < −tolerance
        let shifted: Vec<f64> = differences.iter().map(|d| d + rule.tolerance).collect();
        // A few states that happen to agree would alarm, too.
        let enough = states.len() >= FEWEST_STATES;
        let p_regress = if enough { paired_t(&shifted).p_less } else { f64::NAN };

        // T2: mean d + δ·C > 0
        let rows: Vec<[f64; 3]> =
            states.iter().zip(&differences).map(|(s, d)| [*d, s.pair, s.quad]).collect();
        let margin = rule.margin * shrink(states.iter().map(|s| s.quad));
        let above = pseudo_values(&rows, |[d, pair, quad]| d + margin * ceiling_block(pair, quad));
        let p_ni = if resolved { paired_t(&above).p_greater } else { f64::NAN };

        let mean_of = |k: usize| rows.iter().map(|row| row[k]).sum::<f64>() / rows.len() as f64;
        let (sd, ceiling) = (std(&differences), ceiling_block(mean_of(1), mean_of(2)));
        let clear_drop = rule.margin * ceiling - rule.tolerance;
        let spread = Spread {
            sd,
            standard_error: sd / (states.len() as f64).sqrt(),
            scale: if resolved { ceiling } else { f64::NAN },
            plan: Plan {
                states: states.len(),
                alarm: Test { sd, clear: clear_drop, seen: -mean(&shifted) },
                pass: Test { sd: std(&above), clear: margin * ceiling, seen: mean(&above) },
                resolving: states_to_resolve(&pairs),
            },
        };
        let difference = jackknife(&differences, mean, 1.0 - 2.0 * rule.alpha);
        let doubt = match (enough, resolved) {
            (false, _) => Some(Doubt::TooFewStates),
            (true, false) => Some(Doubt::TruthUnresolved),
            (true, true) => None,
        };
        Self::judge((p_regress, p_ni), difference, spread, doubt, rule)
    }

    /// Compares two critics that each met rollouts of their own actor, by their corrected cosines.
    ///
    /// Different noise on the two sides does not show as a difference, as far as the correction is
    /// exact: with two blocks it errs low by a share that depends on the noise, and a candidate
    /// with a third of the base's signal-to-noise ratio alarms in 0.10 instead of 0.05 of the
    /// cases at 600 states. Take four blocks where the noise may differ so much
    /// (`benches/operating_characteristics.md`). Unresolved on either side is inconclusive, with
    /// neither p-value.
    pub fn regenerated(base: &[Replicates], candidate: &[Replicates], rule: Rule) -> Self {
        let [base_pseudo, cand_pseudo] = [base, candidate].map(corrected_pseudo_values);
        let pairs =
            [base, candidate].map(|states| states.iter().map(|s| s.pair).collect::<Vec<f64>>());
        let [base_resolved, cand_resolved] = pairs.each_ref().map(|pairs| is_resolved(pairs));
        let few = base.len().min(candidate.len()) < FEWEST_STATES;
        let doubt = match (base_resolved, cand_resolved) {
            _ if few => Some(Doubt::TooFewStates),
            (true, true) => None,
            (true, false) => Some(Doubt::CandidateUnresolved),
            (false, _) => Some(Doubt::BaseUnresolved),
        };
        // δ as in `paired`: both corrected cosines, and so their difference, err low by some 4 %.
        let quads = base.iter().chain(candidate).map(|s| s.quad);
        let margin = rule.margin * shrink(quads);
        let test = |shift: f64| -> TTest {
            let shifted: Vec<f64> = cand_pseudo.iter().map(|c| c + shift).collect();
            welch_t(&shifted, &base_pseudo)
        };
        let plain = test(0.0);
        let half = t_two_sided(1.0 - 2.0 * rule.alpha, plain.dof) * plain.standard_error;
        let n = base.len().min(candidate.len());
        let difference = Estimate::symmetric(mean(&cand_pseudo) - mean(&base_pseudo), half, n);
        let sd = std(&base_pseudo).hypot(std(&cand_pseudo));
        let [base_resolving, cand_resolving] = pairs.each_ref().map(|p| states_to_resolve(p));
        let alarm_seen = -(difference.value + rule.tolerance);
        let spread = Spread {
            sd,
            standard_error: plain.standard_error,
            scale: 1.0,
            plan: Plan {
                states: n,
                alarm: Test { sd, clear: rule.margin - rule.tolerance, seen: alarm_seen },
                pass: Test { sd, clear: margin, seen: difference.value + margin },
                resolving: base_resolving.zip(cand_resolving).map(|(b, c)| b.max(c)),
            },
        };
        let p = match doubt {
            None => (test(rule.tolerance).p_less, test(margin).p_greater),
            Some(_) => (f64::NAN, f64::NAN),
        };
        Self::judge(p, difference, spread, doubt, rule)
    }

    /// Returns how many states (per arm if unpaired) catch a true `drop` with chance `power`:
    /// `((z₁₋α + z_power)·sd / (scale·drop − tolerance))²`, rounded up.
    ///
    /// `None` if the drop does not exceed the tolerance or a number is undefined.
    pub fn states_needed(&self, drop: f64, power: f64) -> Option<usize> {
        let visible = self.scale * drop - self.rule.tolerance;
        states_for((visible, self.sd), self.rule.alpha, power)
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
        let z = normal_quantile(1.0 - rule.alpha);
        let noise = spread.standard_error;
        let seen_at_005 = 0.05 * spread.scale - rule.tolerance;
        Self {
            rule,
            verdict,
            doubt: (verdict == Verdict::Inconclusive).then_some(why),
            p_regress,
            p_ni,
            difference,
            sd: spread.sd,
            scale: spread.scale,
            min_detectable_drop_80: ((z + normal_quantile(0.8)) * noise + rule.tolerance)
                / spread.scale,
            power_at_005: normal_above(z - seen_at_005 / noise),
            plan: spread.plan,
        }
    }
}

/// How much a difference varies, and how much of the truth it shows.
struct Spread {
    sd: f64,
    standard_error: f64,
    scale: f64,
    plan: Plan,
}

/// 1 if every state has four blocks, [`SHRINK`] otherwise.
fn shrink(mut quads: impl Iterator<Item = f64>) -> f64 {
    if quads.all(|quad| !quad.is_nan()) { 1.0 } else { SHRINK }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// States whose difference alternates around `mean` by `spread`, all with one agreement.
    fn states(n: usize, mean: f64, spread: f64, pair: f64) -> Vec<PairedState> {
        let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        (0..n)
            .map(|i| PairedState {
                base_block: 0.4,
                cand_block: 0.4 + mean + spread * sign(i),
                pair: pair + 0.001 * sign(i / 2),
                quad: f64::NAN,
            })
            .collect()
    }

    #[test]
    fn a_critic_compared_to_itself_passes() {
        let gate = Gate::paired(&states(60, 0.0, 0.0, 0.5), Rule::default());
        assert_eq!((gate.verdict, gate.doubt), (Verdict::NonInferior, None));
        assert!((gate.p_regress - 0.5).abs() < 1e-15 && gate.p_ni < 1e-10);
        assert_eq!(gate.states_needed(0.05, 0.8), Some(0));
    }

    #[test]
    fn three_verdicts() {
        let rule = Rule::default();
        let worse = Gate::paired(&states(100, -0.05, 0.1, 0.5), rule);
        assert_eq!((worse.verdict, worse.doubt), (Verdict::Regressed, None));
        let wide = Gate::paired(&states(100, 0.0, 0.5, 0.5), rule);
        assert_eq!((wide.verdict, wide.doubt), (Verdict::Inconclusive, Some(Doubt::TooWide)));
        assert_eq!(Gate::paired(&states(100, 0.0, 0.1, 0.5), rule).verdict, Verdict::NonInferior);
        let few = Gate::paired(&states(1, 0.0, 0.1, 0.5), rule);
        assert_eq!(few.doubt, Some(Doubt::TooFewStates));
        assert_eq!(Gate::paired(&[], rule).doubt, Some(Doubt::TooFewStates));
        // Nine states that agree on a drop would alarm; ten do.
        let nine = Gate::paired(&states(9, -0.5, 0.01, 0.5), rule);
        assert_eq!(nine.doubt, Some(Doubt::TooFewStates));
        assert_eq!(Gate::paired(&states(10, -0.5, 0.01, 0.5), rule).verdict, Verdict::Regressed);
        // A drop within the tolerance does not alarm; the margin then decides.
        let tolerant = Rule { tolerance: 0.06, ..rule };
        let within = Gate::paired(&states(100, -0.05, 0.1, 0.5), tolerant);
        assert_eq!(within.verdict, Verdict::Inconclusive);
    }

    #[test]
    fn an_unresolved_truth_may_alarm_but_never_passes() {
        let silent = Gate::paired(&states(100, 0.0, 0.01, 0.02), Rule::default());
        assert_eq!(silent.verdict, Verdict::Inconclusive);
        assert_eq!(silent.doubt, Some(Doubt::TruthUnresolved));
        assert!(silent.p_ni.is_nan() && silent.states_needed(0.05, 0.8).is_none());
        let worse = Gate::paired(&states(100, -0.05, 0.01, 0.02), Rule::default());
        assert_eq!(worse.verdict, Verdict::Regressed);
    }

    #[test]
    fn the_margin_is_true_cosine_and_shrinks_below_four_blocks() {
        // C = 0.5: a true margin of 0.05 is 0.025 as measured, and 0.02375 once shrunk.
        let mut drop = states(10_000, -0.0241, 0.001, 0.25);
        assert!(Gate::paired(&drop, Rule::default()).p_ni > 0.999);
        for state in &mut drop {
            state.quad = state.pair.powi(2); // no spread of C: the same ceiling, but known
        }
        let four = Gate::paired(&drop, Rule::default());
        assert!(four.p_ni < 1e-10 && (four.scale - 0.5).abs() < 1e-3);
    }

    #[test]
    fn the_sample_size_is_that_of_the_formula() {
        // 6.18 · (sd/(C·Δ))² at 80 % power (estimator §5.2), sd = 0.5·√(100/99), C = √½
        let gate = Gate::paired(&states(100, 0.0, 0.5, 0.5), Rule::default());
        let expected = 6.182_557 * 0.25 * (100.0 / 99.0) / 0.5 / 0.0025;
        assert_eq!(gate.states_needed(0.05, 0.8), Some(f64::ceil(expected) as usize));
        // With exactly so many states the detectable drop is 0.05, and the power 0.8.
        let enough = Gate::paired(&states(1236, 0.0, 0.5, 0.5), Rule::default());
        assert!((enough.min_detectable_drop_80 - 0.05).abs() < 1e-4);
        assert!((enough.power_at_005 - 0.8).abs() < 1e-3);
        assert_eq!(gate.states_needed(0.0, 0.8), None);
    }

    #[test]
    fn two_truths_need_both_to_be_resolved() {
        let side = |block: f64, pair: f64| -> Vec<Replicates> {
            let products = (1.0, 1.0, 1.0, 1.0);
            let (dot, truth_square, critic_square, error_square) = products;
            let sign = |i: u32| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
            (0..80)
                .map(|i| Replicates {
                    full: block,
                    block: block + 0.02 * sign(i),
                    pair: pair + 0.01 * sign(i / 2),
                    quad: f64::NAN,
                    dot,
                    truth_square,
                    critic_square,
                    error_square,
                })
                .collect()
        };
        let gate = |base: (f64, f64), candidate: (f64, f64)| {
            let [base, candidate] = [base, candidate].map(|(block, pair)| side(block, pair));
            Gate::regenerated(&base, &candidate, Rule::default())
        };
        // 0.4/√0.64 = 0.2/√0.16 = 0.5: twice the noise is no regression.
        let same = gate((0.4, 0.64), (0.2, 0.16));
        assert_eq!(same.verdict, Verdict::NonInferior);
        assert!(same.difference.value.abs() < 1e-3 && (same.scale - 1.0).abs() < 1e-15);
        assert_eq!(gate((0.4, 0.64), (0.1, 0.16)).verdict, Verdict::Regressed);
        assert_eq!(gate((0.4, 0.64), (0.0, 0.03)).doubt, Some(Doubt::CandidateUnresolved));
        assert_eq!(gate((0.4, 0.03), (0.4, 0.64)).doubt, Some(Doubt::BaseUnresolved));
        assert!(gate((0.4, 0.03), (0.0, 0.64)).p_regress.is_nan());
    }
}
