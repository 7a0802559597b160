//! The difference of two independent estimates, from their intervals alone.

use super::{Estimate, tails};

/// Returns `first − second` with its interval, Welch's for any pair of jackknife-t estimates at `level`.
///
/// The standard error of each is its half-width over `t(n−1)`; their squares add, and the degrees of freedom
/// are those of Satterthwaite. Without an interval (NaN) if one of both has none.
///
/// # References
/// Welch, Biometrika 1947.
pub(crate) fn difference(first: Estimate, second: Estimate, level: f64) -> Estimate {
    let dof = |e: &Estimate| e.n.saturating_sub(1) as f64;
    let variance = |e: &Estimate| (e.half_width() / tails::t_two_sided(level, dof(e))).powi(2);
    let [a, b] = [variance(&first), variance(&second)];
    let shared = (a + b).powi(2) / (a * a / dof(&first) + b * b / dof(&second));
    // Without any spread the degrees of freedom do not matter.
    let half = if a + b == 0.0 { 0.0 } else { tails::t_two_sided(level, shared) * (a + b).sqrt() };
    Estimate::symmetric(first.value - second.value, half, first.n + second.n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::hypothesis::welch_t;
    use crate::stats::resample::jackknife;
    use crate::stats::summary::mean;

    #[test]
    fn of_two_means_it_is_welchs() {
        let samples = [vec![0.1, 0.5, 0.3, 0.9], vec![-0.2, 0.4, -0.9, 0.1, 0.3, 0.05, 0.2]];
        let [first, second] = samples.each_ref().map(|sample| jackknife(sample, mean, 0.95));
        let found = difference(first, second, 0.95);
        let welch = welch_t(&samples[0], &samples[1]);
        let half = tails::t_two_sided(0.95, welch.dof) * found.value / welch.statistic;
        assert!((found.half_width() - half).abs() < 1e-12, "{found:?} {welch:?}");
        assert!((found.value - (mean(&samples[0]) - mean(&samples[1]))).abs() < 1e-15);
        assert_eq!(found.n, 11);
    }

    #[test]
    fn without_an_interval_there_is_none_and_without_spread_it_is_empty() {
        let sure = Estimate::symmetric(0.5, 0.0, 4);
        assert_eq!(difference(sure, sure, 0.95), Estimate::symmetric(0.0, 0.0, 8));
        assert!(difference(sure, Estimate::without_interval(0.1, 1), 0.95).low.is_nan());
        let half = difference(sure, Estimate::symmetric(0.1, 0.2, 5), 0.95).half_width();
        assert!((half - 0.2).abs() < 1e-12, "{half}");
    }
}
