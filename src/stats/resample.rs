//! Intervals by resampling states or seeds.
//!
//! A unit `T` is whatever was drawn independently: one number per state, a whole record of a
//! state, or all states of one seed. Rollouts inside a state are never units (`docs/estimator.md` §2.5).
//! The default is the jackknife: it needs no random numbers and covers at least as well.

use super::summary::{mean, quantile};
use super::{Estimate, LEVEL, tails};
use crate::rng::Stream;

/// How a bootstrap is run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// Coverage aimed at, in `(0, 1)`.
    pub level: f64,
    /// Number of resamples.
    pub resamples: usize,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { level: LEVEL, resamples: 10_000 }
    }
}

/// Returns `stat(units)` with its delete-one jackknife interval, `± t(n−1) · se`.
///
/// `se² = (n−1)/n · Σ (θ₍ᵢ₎ − θ̄)²`, where `θ₍ᵢ₎` leaves unit `i` out. For the mean this is the
/// classical t interval. The statistic is evaluated `n + 1` times. Without an interval (NaN) if
/// there is only one unit or the statistic is NaN on some subset. Not for medians and other
/// quantiles, whose jackknife variance is inconsistent; use [`bootstrap`] there.
///
/// # References
/// Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, ch. 11.
///
/// # Examples
/// ```
/// use hyperl::stats::{resample::jackknife, summary::mean};
/// let estimate = jackknife(&[1.0, 2.0, 3.0], mean, 0.95);
/// assert!((estimate.value - 2.0).abs() < 1e-12);
/// assert!((estimate.half_width() - 4.302652729911275 / 3f64.sqrt()).abs() < 1e-9);
/// ```
pub fn jackknife<T: Clone>(units: &[T], stat: impl Fn(&[T]) -> f64, level: f64) -> Estimate {
    let n = units.len();
    let value = stat(units);
    if n < 2 {
        return Estimate::without_interval(value, n);
    }
    let mut rest = units[1..].to_vec(); // all units but number i, in their order
    let mut left_out = Vec::with_capacity(n);
    for i in 0..n {
        left_out.push(stat(&rest));
        if i + 1 < n {
            rest[i] = units[i].clone();
        }
    }
    jackknife_interval(value, &left_out, level)
}

/// Returns `value ± t(n−1) · se` from the values that leave one unit out each, for statistics whose
/// parts only the caller knows; `se` is that of [`jackknife`].
///
/// # Panics
/// If nothing is left out.
pub fn jackknife_interval(value: f64, left_out: &[f64], level: f64) -> Estimate {
    let n = left_out.len();
    let centre = mean(left_out);
    let squares: f64 = left_out.iter().map(|theta| (theta - centre).powi(2)).sum();
    let se = (squares * (n - 1) as f64 / n as f64).sqrt();
    Estimate::symmetric(value, tails::t_two_sided(level, (n - 1) as f64) * se, n)
}

/// Returns `stat` of the means of `K` columns over all units, with the interval that leaves one cluster of
/// them out at a time, `± t(c−1) · se` for `c` clusters: for units that share what their cluster drew.
///
/// Clusters without units do not count. Without an interval (NaN) if one is left, or if the statistic is
/// NaN without some cluster.
///
/// # Examples
/// ```
/// use hyperl::stats::resample::{jackknife, jackknife_of_clusters};
/// use hyperl::stats::summary::mean;
/// // Clusters of one size are units whose values are their means.
/// let clusters = [vec![[1.0], [3.0]], vec![[4.0], [6.0]], vec![[0.0], [2.0]]];
/// let found = jackknife_of_clusters(&clusters, |[x]| x, 0.95);
/// let expected = jackknife(&[2.0, 5.0, 1.0], mean, 0.95);
/// assert!((found.value - expected.value).abs() < 1e-12);
/// assert!((found.half_width() - expected.half_width()).abs() < 1e-12);
/// ```
pub fn jackknife_of_clusters<const K: usize>(
    clusters: &[Vec<[f64; K]>],
    stat: impl Fn([f64; K]) -> f64,
    level: f64,
) -> Estimate {
    let (value, left_out) = without_each(clusters, stat);
    if left_out.len() < 2 {
        return Estimate::without_interval(value, left_out.len());
    }
    jackknife_interval(value, &left_out, level)
}

/// Returns one value for each cluster with units, `cθ − (c−1)θ₍ᵢ₎` for `c` clusters: the pseudo-values of
/// [`jackknife_of_clusters`]. NaN for one cluster.
///
/// Their mean estimates what `stat` does and their spread its error, as if each cluster had
/// contributed one number: for the mean of one column they are the clusters' means, where clusters are of
/// one size.
///
/// # References
/// Tukey, Ann. Math. Stat. 1958.
pub fn pseudo_values_of_clusters<const K: usize>(
    clusters: &[Vec<[f64; K]>],
    stat: impl Fn([f64; K]) -> f64,
) -> Vec<f64> {
    let (value, left_out) = without_each(clusters, stat);
    let c = left_out.len() as f64;
    left_out.into_iter().map(|theta| c * value - (c - 1.0) * theta).collect()
}

/// `stat` of the means of all units, and of those of all clusters but one, for each one with units.
fn without_each<const K: usize>(
    clusters: &[Vec<[f64; K]>],
    stat: impl Fn([f64; K]) -> f64,
) -> (f64, Vec<f64>) {
    let units = clusters.concat();
    let (means, n) = (column_means(&units), units.len() as f64);
    let without = |cluster: &Vec<[f64; K]>| {
        let own = cluster.len() as f64;
        let sum = |k: usize| cluster.iter().map(|unit| unit[k]).sum::<f64>();
        // (n·m − Σx)/(n − c), so that a single huge unit does not wipe out the others
        stat(std::array::from_fn(|k| means[k] + (own * means[k] - sum(k)) / (n - own)))
    };
    let left_out = clusters.iter().filter(|c| !c.is_empty()).map(without).collect();
    (stat(means), left_out)
}

/// Returns `stat` of the means of `K` columns with its percentile bootstrap interval over the
/// units, as [`bootstrap`] would with the same draws, without copying a unit.
///
/// # Panics
/// If there are no units.
pub fn bootstrap_of_sums<const K: usize>(
    units: &[[f64; K]],
    stat: impl Fn([f64; K]) -> f64,
    settings: Bootstrap,
    stream: &mut Stream,
) -> Estimate {
    let n = units.len();
    let replicates: Vec<f64> = (0..settings.resamples)
        .map(|_| {
            let mut sums = [0.0; K];
            for _ in 0..n {
                let unit = &units[stream.index(n)];
                sums.iter_mut().zip(unit).for_each(|(sum, x)| *sum += x);
            }
            stat(sums.map(|sum| sum / n as f64))
        })
        .collect();
    percentile(stat(column_means(units)), &replicates, settings.level, n)
}

/// Returns `stat(units)` with its percentile bootstrap interval over the units.
///
/// Without an interval (NaN) if the statistic is NaN on some resample. Below some 30 units it
/// covers too rarely (0.78 to 0.94 instead of 0.95 at 15); prefer [`jackknife`].
///
/// # Panics
/// If there are no units.
pub fn bootstrap<T: Clone>(
    units: &[T],
    stat: impl Fn(&[T]) -> f64,
    settings: Bootstrap,
    stream: &mut Stream,
) -> Estimate {
    let mut resample = units.to_vec();
    let replicates: Vec<f64> = (0..settings.resamples)
        .map(|_| {
            redraw(units, &mut resample, stream);
            stat(&resample)
        })
        .collect();
    percentile(stat(units), &replicates, settings.level, units.len())
}

/// Returns `stat(strata)` with its percentile bootstrap interval, drawing anew inside each
/// stratum (such as the seeds of each environment) and keeping the strata themselves.
///
/// `n` of the estimate counts the units of all strata.
///
/// # Panics
/// If a stratum is empty.
///
/// # References
/// Agarwal et al., `NeurIPS` 2021, §4.1 (rliable).
pub fn stratified_bootstrap<T: Clone>(
    strata: &[Vec<T>],
    stat: impl Fn(&[Vec<T>]) -> f64,
    settings: Bootstrap,
    stream: &mut Stream,
) -> Estimate {
    let mut resample = strata.to_vec();
    let replicates: Vec<f64> = (0..settings.resamples)
        .map(|_| {
            for (units, drawn) in strata.iter().zip(&mut resample) {
                redraw(units, drawn, stream);
            }
            stat(&resample)
        })
        .collect();
    let n = strata.iter().map(Vec::len).sum();
    percentile(stat(strata), &replicates, settings.level, n)
}

/// Returns `candidate − base`, unit by unit; the noise that both share cancels.
///
/// Feed the result to [`jackknife`], [`bootstrap`] or
/// [`paired_t`](super::hypothesis::paired_t).
///
/// # Panics
/// If the lengths differ.
pub fn paired_differences(candidate: &[f64], base: &[f64]) -> Vec<f64> {
    assert_eq!(candidate.len(), base.len(), "pairs need the same units on both sides");
    candidate.iter().zip(base).map(|(c, b)| c - b).collect()
}

/// The mean of each column.
fn column_means<const K: usize>(units: &[[f64; K]]) -> [f64; K] {
    std::array::from_fn(|k| units.iter().map(|unit| unit[k]).sum::<f64>() / units.len() as f64)
}

/// Overwrites `drawn` by as many units, drawn with replacement.
fn redraw<T: Clone>(units: &[T], drawn: &mut [T], stream: &mut Stream) {
    for slot in drawn {
        slot.clone_from(&units[stream.index(units.len())]);
    }
}

fn percentile(value: f64, replicates: &[f64], level: f64, n: usize) -> Estimate {
    let tail = 0.5 * (1.0 - level);
    let (low, high) = (quantile(replicates, tail), quantile(replicates, 1.0 - tail));
    Estimate { value, low, high, n }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::drawn;
    use crate::stats::summary::{interquartile_mean, std};

    /// Units as clusters of one.
    fn alone<const K: usize>(units: &[[f64; K]]) -> Vec<Vec<[f64; K]>> {
        units.iter().map(|unit| vec![*unit]).collect()
    }

    fn normal_units(seed: u64, n: usize) -> Vec<f64> {
        let mut stream = drawn(seed, "units");
        (0..n).map(|_| stream.normal()).collect()
    }

    #[test]
    fn jackknife_of_a_ratio_matches_the_sum_written_out() {
        let units = [(1.0, 2.0), (3.0, 1.0), (2.0, 5.0), (0.5, 2.0)];
        let ratio = |u: &[(f64, f64)]| {
            u.iter().map(|p| p.0).sum::<f64>() / u.iter().map(|p| p.1).sum::<f64>()
        };
        // leave-one-out ratios: 5.5/8, 3.5/9, 4.5/5, 6/8; se² = ¾ Σ(θ−θ̄)²; t₃(0.9) = 2.3533634348
        let left_out: [f64; 4] = [5.5 / 8.0, 3.5 / 9.0, 4.5 / 5.0, 6.0 / 8.0];
        let centre = left_out.iter().sum::<f64>() / 4.0;
        let se = (0.75 * left_out.iter().map(|x| (x - centre).powi(2)).sum::<f64>()).sqrt();
        let estimate = jackknife(&units, ratio, 0.9);
        assert!((estimate.value - 0.65).abs() < 1e-15);
        assert!((estimate.half_width() - 2.353_363_434_801_82 * se).abs() < 1e-10);
        assert_eq!(estimate.n, 4);
    }

    #[test]
    fn one_unit_or_a_nan_has_no_interval() {
        let one = jackknife(&[3.0], mean, 0.95);
        assert!(one.low.is_nan() && (one.value - 3.0).abs() < 1e-15);
        assert!(jackknife(&[1.0, f64::NAN, 2.0], mean, 0.95).half_width().is_nan());
        assert!(!one.covers(3.0));
    }

    #[test]
    fn jackknife_covers_the_truth_as_often_as_it_says() {
        let covered = (0..2000)
            .filter(|&seed| jackknife(&normal_units(seed, 15), mean, 0.95).covers(0.0))
            .count();
        // 0.95 ± 4 standard errors of 2000 trials
        assert!((covered as f64 / 2000.0 - 0.95).abs() < 0.02, "{covered}");
    }

    #[test]
    fn bootstrap_of_the_mean_has_the_width_of_the_normal_interval() {
        let units = normal_units(5, 400);
        let estimate = bootstrap(&units, mean, Bootstrap::default(), &mut drawn(0, "bootstrap"));
        let expected = 1.96 * std(&units) / 20.0;
        assert!((estimate.half_width() / expected - 1.0).abs() < 0.05, "{estimate:?}");
        assert!((estimate.value - mean(&units)).abs() < 1e-15);
    }

    #[test]
    fn the_stream_decides_the_bootstrap() {
        let units = normal_units(6, 20);
        let run = |seed| {
            let settings = Bootstrap { level: 0.9, resamples: 200 };
            bootstrap(&units, interquartile_mean, settings, &mut drawn(seed, "bootstrap"))
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1).low.to_bits(), run(2).low.to_bits());
    }

    /// Two columns whose ratio of means is the statistic, as rows and as the general form takes it.
    fn ratio_units() -> Vec<[f64; 2]> {
        let mut stream = drawn(8, "units");
        (0..40).map(|_| [stream.normal(), 2.0 + stream.uniform(0.0, 1.0)]).collect()
    }

    fn ratio_of_units(units: &[[f64; 2]]) -> f64 {
        units.iter().map(|u| u[0]).sum::<f64>() / units.iter().map(|u| u[1]).sum::<f64>()
    }

    #[test]
    fn sums_give_the_same_intervals_as_going_through_all_units() {
        let units = ratio_units();
        let slow = jackknife(&units, ratio_of_units, 0.95);
        let fast = jackknife_of_clusters(&alone(&units), |[a, b]| a / b, 0.95);
        assert!((slow.low - fast.low).abs() < 1e-12 && (slow.high - fast.high).abs() < 1e-12);
        let settings = Bootstrap { level: 0.9, resamples: 500 };
        let stream = || drawn(0, "bootstrap");
        let slow = bootstrap(&units, ratio_of_units, settings, &mut stream());
        let fast = bootstrap_of_sums(&units, |[a, b]| a / b, settings, &mut stream());
        assert!((slow.low - fast.low).abs() < 1e-12 && (slow.high - fast.high).abs() < 1e-12);
        assert!(fast.n == 40 && (slow.value - fast.value).abs() < 1e-12);
    }

    #[test]
    fn pseudo_values_of_a_mean_are_the_units_and_of_a_ratio_carry_its_jackknife() {
        let units = ratio_units();
        let same = pseudo_values_of_clusters(&alone(&units), |[a, _]| a);
        assert!(same.iter().zip(&units).all(|(p, u)| (p - u[0]).abs() < 1e-12));
        let interval = jackknife_of_clusters(&alone(&units), |[a, b]| a / b, 0.95);
        let pseudo =
            jackknife(&pseudo_values_of_clusters(&alone(&units), |[a, b]| a / b), mean, 0.95);
        assert!((pseudo.half_width() - interval.half_width()).abs() < 1e-12);
        assert!(jackknife_of_clusters(&alone(&units[..1]), |[a, _]| a, 0.95).low.is_nan());
        assert!(pseudo_values_of_clusters(&alone(&units[..1]), |[a, _]| a)[0].is_nan());
    }

    #[test]
    fn strata_keep_their_level_apart() {
        // Two constant environments: the mean of means has no spread at all, however it is drawn.
        let strata = vec![vec![1.0; 5], vec![9.0; 5]];
        let stat = |s: &[Vec<f64>]| s.iter().map(|x| mean(x)).sum::<f64>() / s.len() as f64;
        let mut stream = drawn(0, "bootstrap");
        let estimate = stratified_bootstrap(&strata, stat, Bootstrap::default(), &mut stream);
        assert!((estimate.low - 5.0).abs() < 1e-12 && (estimate.high - 5.0).abs() < 1e-12);
        assert_eq!(estimate.n, 10);
    }

    #[test]
    fn pairing_removes_the_noise_of_the_state() {
        let state = normal_units(7, 60);
        let better: Vec<f64> = state.iter().map(|x| x + 0.05).collect();
        let difference = jackknife(&paired_differences(&better, &state), mean, 0.95);
        assert!(difference.covers(0.05) && difference.half_width() < 1e-12);
    }
}
