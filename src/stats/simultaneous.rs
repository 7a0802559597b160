//! Intervals of several numbers that hold all at once.
//!
//! Each number `θ_k` has a jackknife-t interval over the same independent units, with degrees of freedom of its own.
//! All hold together at 95 % if the level of each is raised to that at which the largest of normal numbers with
//! their correlation stays below its quantile: `P(max_k |Z_k| ≤ c) = 0.95`, level `P(|Z| ≤ c)`. The correlation is
//! that of what leaving out each unit does to the numbers, and the draws are sums of these with normal weights,
//! so that no matrix is decomposed. The level is never above Bonferroni's.
//!
//! # References
//! Hothorn, Bretz and Westfall, Biom. J. 2008 (max-t); Miller, Biometrika 1974 (jackknife).

use super::resample::without_each;
use super::summary::{mean, quantile};
use super::{Estimate, tails};
use crate::rng::Stream;

/// Draws of the largest number.
const DRAWS: usize = 10_000;

/// A number, and what leaving out each of its units does to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LeftOut {
    value: f64,
    /// `θ₍ᵢ₎ − θ̄` of each unit; 0 for a unit without rows.
    deviations: Vec<f64>,
    /// Units with rows.
    n: usize,
    /// Degrees of freedom of Student's t.
    freedom: f64,
}

impl LeftOut {
    /// Returns `stat` of the means of `K` columns over all rows, and what leaving out each unit does to it.
    pub(crate) fn of<const K: usize>(
        units: &[Vec<[f64; K]>],
        stat: impl Fn([f64; K]) -> f64,
        freedom: f64,
    ) -> Self {
        let (value, left_out) = without_each(units, stat);
        let (centre, n) = (mean(&left_out), left_out.len());
        let mut left_out = left_out.into_iter();
        let mut deviation = |unit: &Vec<_>| {
            let theta = if unit.is_empty() { None } else { left_out.next() };
            theta.map_or(0.0, |theta| theta - centre)
        };
        let deviations = units.iter().map(&mut deviation).collect();
        Self { value, deviations, n, freedom }
    }

    /// Root of the sum of squared deviations; NaN where the number is not known without some unit.
    fn norm(&self) -> f64 {
        self.deviations.iter().map(|x| x * x).sum::<f64>().sqrt()
    }

    /// Returns its jackknife-t interval; NaN with fewer than two units.
    pub(crate) fn interval(&self, level: f64) -> Estimate {
        if self.n < 2 {
            return Estimate::without_interval(self.value, self.n);
        }
        let n = self.n as f64;
        let error = self.norm() * ((n - 1.0) / n).sqrt();
        Estimate::symmetric(self.value, tails::t_two_sided(level, self.freedom) * error, self.n)
    }
}

/// Returns the level of each interval with which all of them hold together at `level`.
///
/// Numbers without an interval, and those that do not vary, make no claim and do not count.
pub(crate) fn level_of_each(all: &[LeftOut], level: f64, stream: &mut Stream) -> f64 {
    let unit = |number: &LeftOut| {
        let norm = number.norm();
        let direction = || number.deviations.iter().map(|x| x / norm).collect::<Vec<f64>>();
        (norm.is_finite() && norm > 0.0).then(direction)
    };
    let directions: Vec<Vec<f64>> = all.iter().filter_map(unit).collect();
    if directions.len() < 2 {
        return level;
    }
    let mut weights = vec![0.0; directions[0].len()];
    let mut largest = || {
        weights.fill_with(|| stream.normal());
        let drawn = directions
            .iter()
            .map(|direction| direction.iter().zip(&weights).map(|(d, w)| d * w).sum::<f64>().abs());
        drawn.fold(0.0, f64::max)
    };
    let largest: Vec<f64> = (0..DRAWS).map(|_| largest()).collect();
    let each = 1.0 - 2.0 * tails::normal_above(quantile(&largest, level));
    each.clamp(level, 1.0 - (1.0 - level) / directions.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::drawn;
    use crate::stats::resample::jackknife_of_clusters;

    /// Columns that are independent but for what the `k`th shares with the first.
    fn columns(n: usize, share: f64) -> Vec<Vec<[f64; 3]>> {
        let mut stream = drawn(5, "columns");
        let mut row = || {
            let first = stream.normal();
            let mut other = || share * first + (1.0 - share * share).sqrt() * stream.normal();
            [first, other(), other()]
        };
        (0..n).map(|_| vec![row()]).collect()
    }

    fn numbers(units: &[Vec<[f64; 3]>]) -> Vec<LeftOut> {
        (0..3).map(|k| LeftOut::of(units, |x| x[k], (units.len() - 1) as f64)).collect()
    }

    #[test]
    fn one_interval_is_that_of_the_jackknife_and_an_empty_unit_changes_nothing() {
        let mut units = columns(20, 0.5);
        let expected = jackknife_of_clusters(&units, |x| x[1] / x[0], 0.9);
        units.insert(7, Vec::new());
        let found = LeftOut::of(&units, |x| x[1] / x[0], 19.0);
        assert!(found.deviations.len() == 21 && found.deviations[7].abs() < 1e-300);
        let found = found.interval(0.9);
        for (a, b) in [(found.low, expected.low), (found.value, expected.value)] {
            assert!((a - b).abs() < 1e-12, "{found:?} {expected:?}");
        }
    }

    #[test]
    fn the_level_is_sidaks_for_independent_numbers_and_its_own_for_one_number_thrice() {
        let stream = &mut drawn(1, "draws");
        // P(max of three independent) = p³; four standard errors of the quantile of that many draws.
        let error = 4.0 * (0.95f64 * 0.05 / DRAWS as f64).sqrt();
        let found = level_of_each(&numbers(&columns(4000, 0.0)), 0.95, stream);
        assert!((found - 0.95_f64.cbrt()).abs() < error / 2.7, "{found}");
        let found = level_of_each(&numbers(&columns(50, 1.0)), 0.95, stream);
        assert!((found - 0.95).abs() < error, "{found}");
    }

    #[test]
    fn two_numbers_of_known_correlation_have_the_level_of_the_bivariate_normal() {
        // ∫ φ(x) [Φ((c − 0.8 x)/0.6) − Φ((−c − 0.8 x)/0.6)] dx from −c to c is 0.95 at c = 2.15244 (by the
        // trapezoidal rule in Python).
        let units = columns(20_000, 0.8);
        let two = &numbers(&units)[..2];
        let found = level_of_each(two, 0.95, &mut drawn(2, "draws"));
        let expected = 1.0 - 2.0 * tails::normal_above(2.152_44);
        assert!((found - expected).abs() < 5e-3, "{found} {expected}");
    }

    #[test]
    fn what_does_not_vary_or_is_not_known_does_not_count() {
        let units = columns(40, 0.0);
        let freedom = 39.0;
        let mut all = numbers(&units);
        let before = level_of_each(&all, 0.95, &mut drawn(3, "draws"));
        all.push(LeftOut::of(&units, |_| 0.0, freedom));
        all.push(LeftOut::of(&units, |_| f64::NAN, freedom));
        let after = level_of_each(&all, 0.95, &mut drawn(3, "draws"));
        assert_eq!(before.to_bits(), after.to_bits());
        let constant = all[3].interval(after);
        assert!(constant.low == 0.0 && constant.high == 0.0, "{constant:?}");
        assert!(all[4].interval(after).low.is_nan());
    }
}
