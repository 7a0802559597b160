//! Intervals by resampling states or seeds.
//!
//! A unit `T` is whatever was drawn independently: one number per state, a whole record of a
//! state, or all states of one seed. Rollouts inside a state are never units (`docs/estimator.md` §2.5).
//! The default is the jackknife: it needs no random numbers and covers at least as well.

use super::summary::{mean, quantile, standard_error};
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

/// Returns the mean of values with its t interval: what [`jackknife`] of the mean says, in linear time.
///
/// # Examples
/// ```
/// use hyperl::stats::{resample, summary::mean};
/// let values = [1.0, 2.0, 4.0, 9.0];
/// let (found, slow) = (resample::interval_of_mean(&values, 0.95), resample::jackknife(&values, mean, 0.95));
/// assert_eq!(found.value, slow.value);
/// assert!((found.half_width() - slow.half_width()).abs() < 1e-12);
/// ```
pub fn interval_of_mean(values: &[f64], level: f64) -> Estimate {
    let n = values.len();
    if n < 2 {
        return Estimate::without_interval(mean(values), n);
    }
    let half = tails::t_two_sided(level, (n - 1) as f64) * standard_error(values);
    Estimate::symmetric(mean(values), half, n)
}

/// Returns a t interval of `n` units, made at 95 %, at another level.
///
/// # Examples
/// ```
/// use hyperl::stats::resample;
/// let values = [1.0, 2.0, 4.0, 9.0];
/// let found = resample::at_level(resample::interval_of_mean(&values, 0.95), 0.99);
/// let expected = resample::interval_of_mean(&values, 0.99);
/// assert!((found.low - expected.low).abs() < 1e-12 && (found.high - expected.high).abs() < 1e-12);
/// ```
pub fn at_level(made: Estimate, level: f64) -> Estimate {
    let t = |level| tails::t_two_sided(level, made.n as f64 - 1.0);
    Estimate::symmetric(made.value, made.half_width() * t(level) / t(LEVEL), made.n)
}

/// Returns `value ± t(n−1) · se` from the values that leave one unit out each, for callers that can leave one
/// out faster than [`jackknife`]; `se` is the same.
///
/// # Panics
/// If nothing is left out.
pub(crate) fn jackknife_interval(value: f64, left_out: &[f64], level: f64) -> Estimate {
    jackknife_with_freedom(value, left_out, (left_out.len() - 1) as f64, level)
}

/// Returns the degrees of freedom of clusters, at least 1: one less than the clusters of equal size that would
/// tell as much, `(Σ n)²/Σ n²` for sizes `n`. A cluster that holds nearly everything is nearly the only one.
///
/// # References
/// Kish, "Survey Sampling", 1965 (effective sample size).
///
/// # Examples
/// ```
/// use hyperl::stats::resample::freedom_of_clusters;
/// assert_eq!(freedom_of_clusters(&[vec![0, 1], vec![2, 3], vec![4, 5], vec![]]), 2.0);
/// // (51 + 9)²/(51² + 9) = 1.38
/// let mut uneven = vec![vec![0; 51]];
/// uneven.resize(10, vec![0]);
/// assert_eq!(freedom_of_clusters(&uneven), 1.0);
/// ```
pub fn freedom_of_clusters<T>(clusters: &[Vec<T>]) -> f64 {
    let of = |power: i32| clusters.iter().map(|c| (c.len() as f64).powi(power)).sum::<f64>();
    (of(1).powi(2) / of(2) - 1.0).max(1.0)
}

/// [`jackknife_interval`] with other degrees of freedom of Student's t than one less than there are units.
pub(super) fn jackknife_with_freedom(
    value: f64,
    left_out: &[f64],
    freedom: f64,
    level: f64,
) -> Estimate {
    let n = left_out.len();
    let centre = mean(left_out);
    let squares: f64 = left_out.iter().map(|theta| (theta - centre).powi(2)).sum();
    let se = (squares * (n - 1) as f64 / n as f64).sqrt();
    Estimate::symmetric(value, tails::t_two_sided(level, freedom) * se, n)
}

/// Returns `stat` of the means of `K` columns over all units, with the interval that leaves one cluster of
/// them out at a time, `± t · se` with the degrees of freedom of [`freedom_of_clusters`]: for units that share what
/// their cluster drew.
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
    jackknife_with_freedom(value, &left_out, freedom_of_clusters(clusters), level)
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
pub(super) fn without_each<const K: usize>(
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
    stratified_bootstrap(&[units.to_vec()], |strata| stat(&strata[0]), settings, stream)
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
                for slot in drawn {
                    slot.clone_from(&units[stream.index(units.len())]);
                }
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

fn column_means<const K: usize>(units: &[[f64; K]]) -> [f64; K] {
    std::array::from_fn(|k| units.iter().map(|unit| unit[k]).sum::<f64>() / units.len() as f64)
}

fn percentile(value: f64, replicates: &[f64], level: f64, n: usize) -> Estimate {
    let tail = 0.5 * (1.0 - level);
    let (low, high) = (quantile(replicates, tail), quantile(replicates, 1.0 - tail));
    Estimate { value, low, high, n }
}
