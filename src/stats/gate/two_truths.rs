//! Two critics that each met rollouts of their own actor: corrected cosines, as independent samples.

use super::plan::{Plan, Test, units_to_resolve};
use super::{Doubt, Gate, Rule, Spread, shrink};
use crate::stats::Estimate;
use crate::stats::corrected::{agreements, corrected_pseudo_values, enough, is_resolved};
use crate::stats::hypothesis::{TTest, welch_t_with_freedom};
use crate::stats::replicates::Replicates;
use crate::stats::resample::freedom_of_clusters;
use crate::stats::summary::{mean, std};
use crate::stats::tails::t_two_sided;

impl Gate {
    /// Compares two critics that each met rollouts of their own actor, by their corrected cosines;
    /// states of one episode are one unit.
    ///
    /// Different noise on the two sides does not show as a difference, as far as the correction is
    /// exact: with two blocks it errs low by a share that depends on the noise, so take four. A side that is
    /// only just resolved has blocks that agreed too well by chance, and is corrected too little: a candidate
    /// with three times as much noise as signal alarms in 0.055 of the draws without a change, and in 0.14 of
    /// those in which both sides are resolved (`benches/operating_characteristics.md`). Unresolved on either side
    /// is inconclusive, with neither p-value.
    pub fn regenerated(
        base: &[Vec<Replicates>],
        candidate: &[Vec<Replicates>],
        rule: Rule,
    ) -> Self {
        let sides = [base, candidate];
        let states = sides.map(|units| units.iter().map(Vec::len).sum::<usize>());
        let [base_pseudo, cand_pseudo] = sides.map(corrected_pseudo_values);
        let pairs = sides.map(agreements);
        let resolved = [0, 1].map(|side| is_resolved(&pairs[side]));
        let drawn = [base_pseudo.len(), cand_pseudo.len()];
        let few = [0, 1].iter().any(|&side| !enough(states[side], drawn[side]));
        let doubt = match resolved {
            _ if few => Some(Doubt::TooFewStates),
            [true, true] => None,
            [true, false] => Some(Doubt::CandidateUnresolved),
            [false, _] => Some(Doubt::BaseUnresolved),
        };
        // δ as for paired states: both corrected cosines, and so their difference, err low by some 4 %.
        let margin =
            rule.margin * shrink(sides.iter().copied().flatten().flatten().map(|s| s.quad));
        let freedom = [candidate, base].map(freedom_of_clusters);
        let test = |shift: f64| -> TTest {
            let shifted: Vec<f64> = cand_pseudo.iter().map(|c| c + shift).collect();
            welch_t_with_freedom(&shifted, &base_pseudo, freedom)
        };
        let plain = test(0.0);
        let half = t_two_sided(1.0 - 2.0 * rule.alpha, plain.dof) * plain.standard_error;
        let units = base_pseudo.len().min(cand_pseudo.len());
        let difference = Estimate::symmetric(mean(&cand_pseudo) - mean(&base_pseudo), half, units);
        let sd = std(&base_pseudo).hypot(std(&cand_pseudo));
        let resolving = [0, 1].map(|side| units_to_resolve(&pairs[side]));
        let alarm_seen = -(difference.value + rule.tolerance);
        let spread = Spread {
            sd,
            standard_error: plain.standard_error,
            scale: 1.0,
            margin,
            plan: Plan {
                states: states[0].min(states[1]),
                units,
                alarm: Test { sd, clear: rule.margin - rule.tolerance, seen: alarm_seen },
                pass: Test { sd, clear: margin, seen: difference.value + margin },
                resolving: resolving[0].zip(resolving[1]).map(|(b, c)| b.max(c)),
            },
        };
        let p = match doubt {
            None => (test(rule.tolerance).p_less, test(margin).p_greater),
            Some(_) => (f64::NAN, f64::NAN),
        };
        Self::judge(p, difference, spread, doubt, rule)
    }
}
