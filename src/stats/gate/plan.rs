//! How many states would decide what is not decided yet (`docs/estimator.md` §5.2).

use crate::stats::corrected::{FEWEST_STATES, FEWEST_UNITS, RESOLVED_ABOVE, enough, is_resolved};
use crate::stats::resample::pseudo_values_of_clusters;
use crate::stats::summary::{mean, std};
use crate::stats::tails::normal_quantile;

/// Chance of a decision at which the number of states is planned.
pub const POWER: f64 = 0.8;

/// Returns how many numbers with this mean and standard deviation a one-sided test at `alpha`
/// distinguishes from 0 with chance `power`: `((z₁₋α + z_power)·sd / mean)²`, rounded up.
///
/// `None` if the mean is not positive or a number is undefined.
pub(super) fn states_for(mean: f64, sd: f64, alpha: f64, power: f64) -> Option<usize> {
    let z = normal_quantile(power) - normal_quantile(alpha);
    let needed = (z * sd / mean).powi(2);
    (mean > 0.0 && needed.is_finite()).then(|| needed.ceil() as usize)
}

/// Returns how many units would show that blocks agree, from the agreement in the states of each unit:
/// 0 if these do, or if they are too few to tell. `None` if they do not agree in the mean.
pub(super) fn units_to_resolve(units: &[Vec<[f64; 1]>]) -> Option<usize> {
    let pairs = pseudo_values_of_clusters(units, |[pair]| pair);
    if !enough(units.iter().map(Vec::len).sum(), pairs.len()) || is_resolved(units) {
        return Some(0);
    }
    // Resolved: the one-sided 95 % lower bound lies above the limit.
    states_for(mean(&pairs) - RESOLVED_ABOVE, std(&pairs), 0.05, POWER)
}

/// A one-sided test of a mean over units against 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Test {
    /// Standard deviation per unit.
    pub(super) sd: f64,
    /// The mean in the case that the test is there for: a drop of the margin for an alarm, no
    /// change for a pass.
    pub(super) clear: f64,
    /// The mean that was seen.
    pub(super) seen: f64,
}

/// What a number of states is planned from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plan {
    /// States compared.
    pub(super) states: usize,
    /// Independent units, such as episodes, that they are of.
    pub(super) units: usize,
    pub(super) alarm: Test,
    pub(super) pass: Test,
    /// Units that would resolve the truth; 0 if it is resolved, `None` if no number would.
    pub(super) resolving: Option<usize>,
}

impl Plan {
    /// Returns how many states `units` hold, if further ones are like these.
    pub(super) fn states_in(&self, units: usize) -> usize {
        (units * self.states).div_ceil(self.units.max(1))
    }

    /// See [`super::Gate::states_to_decide`].
    pub(super) fn states_to_decide(&self, alpha: f64, environments: usize) -> Option<usize> {
        let strictest = alpha / environments as f64;
        let alarm = |mean| states_for(mean, self.alarm.sd, strictest, POWER);
        let pass = |mean| states_for(mean, self.pass.sd, alpha, POWER);
        let clear = alarm(self.alarm.clear).zip(pass(self.pass.clear)).map(|(a, p)| a.max(p));
        let judged = enough(self.states, self.units) && self.resolving == Some(0);
        let deciding = match clear {
            // Nothing is known yet about the difference.
            _ if !judged => Some(clear.unwrap_or(0)),
            Some(clear) if clear > self.units => Some(clear),
            _ => [alarm(self.alarm.seen), pass(self.pass.seen)].into_iter().flatten().min(),
        };
        let units = self.resolving?.max(deciding?).max(FEWEST_UNITS).max(self.units + 1);
        Some(self.states_in(units).max(FEWEST_STATES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 states with sd 0.5; an alarm needs a mean of −0.04, a pass one above −0.05.
    fn plan(seen: f64) -> Plan {
        let alarm = Test { sd: 0.5, clear: 0.04, seen: -(seen + 0.01) };
        let pass = Test { sd: 0.5, clear: 0.05, seen: seen + 0.05 };
        Plan { states: 100, units: 100, alarm, pass, resolving: Some(0) }
    }

    #[test]
    fn both_clear_cases_are_decided_by_the_number_that_is_named() {
        // 6.1826 · (0.5/0.04)² = 966.03 for the alarm; the pass needs 619.
        assert_eq!(plan(0.0).states_to_decide(0.05, 1), Some(967));
        // α = 0.05/4: z = 2.2414 + 0.8416, 9.505 · 156.25 = 1485.2
        assert_eq!(plan(0.0).states_to_decide(0.05, 4), Some(1486));
    }

    #[test]
    fn a_difference_between_the_cases_is_decided_as_seen() {
        // d = −0.02: a pass from 6.1826 · (0.5/0.03)² = 1717.4, an alarm from 15 457 only
        let many = Plan { states: 1000, units: 1000, ..plan(-0.02) };
        assert_eq!(many.states_to_decide(0.05, 1), Some(1718));
        // d = −0.045: an alarm from 6.1826 · (0.5/0.035)² = 1261.8
        let many = Plan { states: 1000, units: 1000, ..plan(-0.045) };
        assert_eq!(many.states_to_decide(0.05, 1), Some(1262));
    }

    #[test]
    fn where_no_number_decides_none_is_named() {
        // The tolerance lies beyond the margin, the difference between them.
        let alarm = Test { sd: 0.5, clear: -0.01, seen: -0.005 };
        let pass = Test { sd: 0.5, clear: 0.05, seen: -0.005 };
        let hidden = Plan { states: 1000, units: 1000, alarm, pass, resolving: Some(0) };
        assert_eq!(hidden.states_to_decide(0.05, 1), None);
        // Blocks that do not agree in the mean will not with more states.
        let pair =
            |i: u32, shift: f64| vec![[shift + if i.is_multiple_of(2) { 0.6 } else { -0.6 }]];
        let agreeing = |shift: f64| (0..40).map(|i| pair(i, shift)).collect::<Vec<_>>();
        assert_eq!(units_to_resolve(&agreeing(0.0)), None);
        let unresolved = Plan { resolving: None, ..plan(0.0) };
        assert_eq!(unresolved.states_to_decide(0.05, 1), None);
        // Mean 0.15, sd 0.6·√(40/39): 6.1826 · (0.6076/0.1)² = 228.3
        assert_eq!(units_to_resolve(&agreeing(0.15)), Some(229));
        // Twice as many states in each unit are twice as many states.
        let paired = Plan { states: 200, ..plan(0.0) };
        assert_eq!(paired.states_to_decide(0.05, 1), Some(2 * 967));
        // Too few states say nothing of any of this: ten come first.
        let few = Plan { states: 1, units: 1, alarm: Test { sd: f64::NAN, ..alarm }, ..hidden };
        assert_eq!(few.states_to_decide(0.05, 1), Some(10));
    }
}
