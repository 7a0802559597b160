//! Gradients of many states, stacked to one long vector: their cosine and how much of the promise is kept,
//! corrected for the noise in the truth (`docs/estimator.md` §8.2).
//!
//! With a truth `w̄` of each state, noisy but replicated in blocks, and a critic's `p`,
//!
//! ```text
//! N = Σ⟨w̄, p⟩    V = Σ‖p‖²    U = Σ mean_{b≠b'} ⟨w_b, w_b'⟩    T = Σ‖w̄‖²
//! κ = N/√(U V)   ceiling = √(U/T)   gain = N/V   found = N/U
//! ```
//!
//! `N` and `U` are free of noise on average, `T` is not. States weigh by the size of their gradients, so that
//! a few may decide: intervals count the effective number `n = (Σ x)²/Σ x²` of independent units, with `x` the
//! squares `T` of the truth, the critic's `V` for gain, and whichever gives fewer for what has both below the line.
//! Noise is alike in all states and makes `T` look as if many decided where the signal is in a few. Where `U` stands
//! below the line its error is no small one: κ and found have the intervals of `quotient`.

use super::quotient::Quotient;
use super::resample::{jackknife_with_freedom, pseudo_values_of_clusters, without_each};
use super::similarity::dot;
use super::{Estimate, LEVEL};

/// `U/T` whose lower bound is above this counts as resolved.
const RESOLVED_ABOVE: f64 = 0.05;

/// Fewest independent units, such as episodes, for a truth to count as resolved: a few that happen to agree have a
/// narrow interval.
const FEWEST_UNITS: usize = 10;

/// What one state adds to the sums: squares and products of gradients.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sums {
    /// `⟨w̄, p⟩`.
    pub dot: f64,
    /// `‖p‖²`.
    pub critic: f64,
    /// Mean over pairs of blocks of `⟨w_b, w_b'⟩`: without bias `‖w‖²`.
    pub truth: f64,
    /// `‖w̄‖²`, noise included.
    pub noisy: f64,
}

impl Sums {
    /// Returns what the independent estimates `blocks` of a truth and a critic's gradient add.
    ///
    /// # Panics
    /// If there are fewer than two blocks.
    pub fn of(blocks: &[Vec<f64>], critic: &[f64]) -> Self {
        let count = blocks.len() as f64;
        assert!(count >= 2.0, "two blocks at least, got {count}");
        let sum: Vec<f64> =
            (0..critic.len()).map(|j| blocks.iter().map(|block| block[j]).sum()).collect();
        let own: f64 = blocks.iter().map(|block| dot(block, block)).sum();
        Self {
            dot: dot(&sum, critic) / count,
            critic: dot(critic, critic),
            truth: (dot(&sum, &sum) - own) / (count * (count - 1.0)),
            noisy: dot(&sum, &sum) / (count * count),
        }
    }

    fn row(&self) -> [f64; 4] {
        [self.dot, self.critic, self.truth, self.noisy]
    }
}

/// What a set of states says of a critic; nothing is clipped.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Stacked {
    /// κ: cosine of the critic's and the true gradient.
    pub kappa: Estimate,
    /// What an exactly right critic would show as `raw`.
    pub ceiling: Estimate,
    /// The cosine without correction, `κ · ceiling`.
    pub raw: Estimate,
    /// Share of the improvement promised for a small step along the critic's gradient that is real.
    pub gain: Estimate,
    /// Share of the improvement that a small step along the true gradient makes, for equally long
    /// critic's and true gradients: `N/U`.
    pub found: Estimate,
    /// `U/T`.
    pub reliability: Estimate,
    /// Effective number of independent units, by the size of the truth.
    pub effective: f64,
    /// Whether the truth stands out of its noise.
    pub resolved: bool,
    /// Number of states.
    pub states: usize,
}

impl Stacked {
    /// Returns what the states of independent `units` say, with intervals by the delete-one-unit jackknife whose
    /// degrees of freedom are one less than the effective number of units. An end of κ that has no bound, since the
    /// truth may be nothing, is ±1; one of found is infinite.
    pub fn of(units: &[Vec<Sums>]) -> Self {
        let rows = rows_of(units);
        let counted = |weight: fn(&Sums) -> f64| {
            let weights = units.iter().map(|unit| unit.iter().map(weight).sum());
            effective(&weights.collect::<Vec<f64>>())
        };
        let (truth, critic) = (counted(|state| state.noisy), counted(|state| state.critic));
        let fewer = truth.min(critic);
        let interval = |stat: fn([f64; 4]) -> f64, count| jackknife(&rows, stat, count);
        let reliability = interval(|[_, _, truth, noisy]| truth / noisy, truth);
        let over_truth = |above: fn([f64; 4]) -> f64| Quotient::of(&rows, above, |[_, _, u, _]| u);
        let units = rows.iter().filter(|unit| !unit.is_empty()).count();
        let of_both = freedom(fewer, units);
        Self {
            kappa: over_truth(|[n, v, ..]| n / v.sqrt()).cosine(1.0, LEVEL, of_both),
            ceiling: interval(|[.., u, t]| (u / t).sqrt(), truth),
            raw: interval(|[n, v, _, t]| n / (t * v).sqrt(), fewer),
            gain: interval(|[n, v, ..]| n / v, critic),
            found: over_truth(|[n, ..]| n).plain(of_both),
            reliability,
            effective: truth,
            resolved: reliability.n >= FEWEST_UNITS && reliability.low > RESOLVED_ABOVE,
            states: rows.iter().map(Vec::len).sum(),
        }
    }

    /// Returns one value for each of independent `units` whose mean is κ, up to the jackknife's bias, and whose spread
    /// is its uncertainty.
    pub fn kappa_values(units: &[Vec<Sums>]) -> Vec<f64> {
        let rows = rows_of(units);
        pseudo_values_of_clusters(&rows, |[n, v, u, _]| n / (u * v).sqrt())
    }
}

fn rows_of(units: &[Vec<Sums>]) -> Vec<Vec<[f64; 4]>> {
    units.iter().map(|unit| unit.iter().map(Sums::row).collect()).collect()
}

/// Returns the effective number of units of unequal weights, `(Σ x)²/Σ x²`; NaN if all are 0.
pub fn effective(weights: &[f64]) -> f64 {
    weights.iter().sum::<f64>().powi(2) / weights.iter().map(|x| x * x).sum::<f64>()
}

/// Returns `stat` of the means over all states with its delete-one-unit jackknife-t interval, `effective − 1`
/// degrees of freedom, at least 1.
pub fn jackknife<const K: usize>(
    units: &[Vec<[f64; K]>],
    stat: impl Fn([f64; K]) -> f64,
    effective: f64,
) -> Estimate {
    let (value, left_out) = without_each(units, stat);
    let n = left_out.len();
    if n < 2 {
        return Estimate::without_interval(value, n);
    }
    jackknife_with_freedom(value, &left_out, freedom(effective, n), LEVEL)
}

/// Degrees of freedom of an effective number of `n` units, at least 1.
fn freedom(effective: f64, n: usize) -> f64 {
    (effective - 1.0).clamp(1.0, (n as f64 - 1.0).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_a_state_are_those_written_out() {
        let blocks = [vec![1.0, 2.0], vec![3.0, -1.0], vec![-1.0, 1.0]];
        let found = Sums::of(&blocks, &[2.0, 1.0]);
        // w̄ = (1, 2/3); products of blocks 1, 1, −4.
        let expected =
            Sums { dot: 2.0 + 2.0 / 3.0, critic: 5.0, truth: -2.0 / 3.0, noisy: 13.0 / 9.0 };
        for (a, b) in found.row().iter().zip(expected.row()) {
            assert!((a - b).abs() < 1e-12, "{found:?}");
        }
    }

    #[test]
    fn equal_units_count_in_full_and_one_that_outweighs_the_others_as_one() {
        assert!((effective(&[2.0; 7]) - 7.0).abs() < 1e-12);
        assert!((effective(&[1e9, 1.0, 1.0]) - 1.0).abs() < 1e-6);
        assert!(effective(&[0.0; 3]).is_nan());
    }

    #[test]
    fn where_the_critic_is_large_in_one_state_of_many_gain_and_kappa_count_one() {
        let state = |critic: f64, noise: f64| {
            let block = |noise: f64| vec![1.0 + noise, 1.0];
            vec![Sums::of(&[block(noise), block(-0.5 * noise)], &[critic, critic])]
        };
        let noise = |i: u32| f64::from(i % 5) - 2.0;
        let alike: Vec<_> = (0..40).map(|i| state(1.0, noise(i))).collect();
        let uneven: Vec<_> =
            (0..40).map(|i| state(if i == 7 { 100.0 } else { 1.0 }, noise(i))).collect();
        // With one degree of freedom an interval is 12.7 standard errors to a side, with 39 it is 2.02.
        let widened = |units: &[Vec<Sums>], found: Estimate, stat: fn([f64; 4]) -> f64| {
            found.half_width() / jackknife(&rows_of(units), stat, 40.0).half_width()
        };
        let gain = |[n, v, ..]: [f64; 4]| n / v;
        let kappa = |[n, v, u, _]: [f64; 4]| n / (u * v).sqrt();
        for (units, factor) in [(&alike, 1.0), (&uneven, 12.7062 / 2.0227)] {
            let found = Stacked::of(units);
            assert!((found.effective - 40.0).abs() < 25.0, "{found:?}");
            let gain = widened(units, found.gain, gain);
            assert!((gain / factor - 1.0).abs() < 0.01, "{gain} {factor}");
            if factor > 1.0 {
                // So few units leave the size of the truth open.
                assert!(found.kappa.high >= 1.0, "{found:?}");
            } else {
                let kappa = widened(units, found.kappa, kappa);
                assert!((kappa - 1.0).abs() < 0.2, "{kappa}");
            }
        }
    }

    #[test]
    fn an_exact_truth_gives_the_cosine_of_the_stacked_vectors() {
        // Two states, (3, 0) and (0, 1), as a critic sees them: (3, 3) and (0, 1).
        let state = |w: [f64; 2], p: [f64; 2]| vec![Sums::of(&[w.to_vec(), w.to_vec()], &p)];
        let found = Stacked::of(&[state([3.0, 0.0], [3.0, 3.0]), state([0.0, 1.0], [0.0, 1.0])]);
        assert!((found.kappa.value - 10.0 / (10.0f64 * 19.0).sqrt()).abs() < 1e-12);
        assert!((found.gain.value - 10.0 / 19.0).abs() < 1e-12);
        assert!((found.ceiling.value - 1.0).abs() < 1e-12);
        assert!(!found.resolved, "two units are too few");
    }
}
