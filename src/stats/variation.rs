//! How far do repeated policy updates from one checkpoint differ? (paper Fig. 5, Table 1, App. C)
//!
//! `N` updates start from the same weights, each with data of its own, and the policy that each
//! leads to is evaluated `r` times. The paper reports the population variance of the returns and
//! `σ/|μ|`. That ratio says little near `μ = 0`, and evaluating a policy adds noise that is not the
//! update's: hence the further numbers. The unit of every interval is the update.
//!
//! | number | interval |
//! |---|---|
//! | means | t |
//! | variances, standard deviations, IQR/1.349, and those by `\|μ\|` | percentile bootstrap over updates |
//! | `σ/\|μ\|`, signal-to-noise ratio | exact for normal returns, by the noncentral t |
//! | share of updates that improve the policy | Wilson |
//! | cosine between directions of updates | jackknife that leaves one update out |
//!
//! # References
//! `docs/estimator.md` §6.2; analysis of variance with random effects: Searle, Casella and
//! `McCulloch`, "Variance Components", 1992, ch. 3 and 4.

use super::hypothesis::wilson;
use super::noncentral::{standardised_mean, variation_interval};
use super::resample::{Bootstrap, bootstrap, jackknife, jackknife_interval};
use super::summary::{interquartile_range, mean, std};
use super::{Estimate, resample};
use crate::error::{Error, Result};
use crate::rng::Stream;

/// The interquartile range of a normal distribution in standard deviations.
const NORMAL_IQR: f64 = 1.349;

/// What was measured at one checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct Updates<'a> {
    /// `[N][r]`: return of each update's policy in each of its evaluations.
    pub returns: &'a [Vec<f64>],
    /// Which random streams the evaluations drew from.
    pub streams: EvaluationStreams,
    /// Return of the policy before any update, on the streams of `returns`: `[N][r]`, or `[1][r]`
    /// if all updates share their streams. `None` if it was not measured.
    pub before: Option<&'a [Vec<f64>]>,
    /// `[N·N]`, row by row: inner products of the changes of the weights. `None` if unknown.
    pub gram: Option<&'a [f64]>,
}

/// Which random streams (tasks, resets, noise of actions) the evaluations drew from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvaluationStreams {
    /// Every evaluation of every update had its own.
    Own,
    /// Evaluation `k` of all updates had the same; what is common to it is taken out.
    Shared,
}

/// How far the updates differ. Returns keep their unit; variances have its square.
///
/// NaN stands for what is undefined, as every spread is for one update; JSON writes NaN and
/// infinity as `null`.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Variation {
    /// Number of updates `N`.
    pub updates: usize,
    /// Evaluations `r` of each.
    pub evaluations: usize,
    /// Mean return `μ`.
    pub mean: Estimate,
    /// Variance of the updates' mean returns, with divisor `N`, as in the paper's Table 1. It holds
    /// the noise of `r` evaluations.
    pub population_variance: Estimate,
    /// `σ/|μ|` with the root of [`Self::population_variance`], as in Table 1. The interval is that of the true
    /// ratio; its upper end is infinite where the mean may be 0.
    pub coefficient_of_variation: Estimate,
    /// Whether that upper end is infinite, for readers of JSON.
    pub unbounded: bool,
    /// Standard deviation of the mean returns, with divisor `N − 1`.
    pub sd: Estimate,
    /// The same by `|μ|`.
    pub sd_relative: Estimate,
    /// IQR/1.349 of the mean returns: the standard deviation of the normal distribution with this
    /// interquartile range. Its interval covers for long tails too; prefer it.
    pub robust_sd: Estimate,
    /// The same by `|μ|`.
    pub robust_sd_relative: Estimate,
    /// Variance between updates without the noise of evaluations, `(MSB − MSW)/r`. Unbiased, and
    /// therefore negative at times; NaN for one evaluation each.
    pub update_variance: Estimate,
    /// Its root, and 0 where it is negative.
    pub update_sd: Estimate,
    /// Variance of one evaluation of one policy, `MSW`; NaN for one evaluation each.
    pub evaluation_variance: Estimate,
    /// What the updates did to the return; `None` if it was not measured before them.
    pub improvement: Option<Improvement>,
    /// Whether updates point the same way; `None` if that is unknown.
    pub directions: Option<Directions>,
}

/// What updates did to the return: `ΔJ`, after minus before on the same streams, mean of `r`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Improvement {
    /// Mean of `ΔJ` over updates.
    pub mean: Estimate,
    /// Standard deviation of `ΔJ`, with divisor `N − 1`.
    pub sd: Estimate,
    /// Mean by standard deviation; infinite for equal `ΔJ`.
    pub signal_to_noise: Estimate,
    /// Share of updates with `ΔJ > 0`.
    pub share_positive: Estimate,
}

/// Whether updates point the same way.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Directions {
    /// Mean cosine over pairs of updates; `n` counts updates. No value below two updates that
    /// moved, no interval below three.
    pub cosine: Estimate,
    /// Updates that did not move the weights at all; they have no direction and are left out.
    pub unmoved: usize,
}

/// Tells how far `updates` differ, with intervals at the level of `settings`.
///
/// Each bootstrap draws from its own child of `stream`.
///
/// # Errors
/// [`Error::Mismatch`] if there is no update or no evaluation, or if shapes differ;
/// [`Error::NonFinite`] if a number is not finite or the square of a change is negative.
///
/// # Panics
/// If the level lies outside `(0, 1)`.
///
/// # Examples
/// ```
/// use hyperl::rng::Stream;
/// use hyperl::stats::resample::Bootstrap;
/// use hyperl::stats::variation::{EvaluationStreams, Updates, variation};
/// let returns = vec![vec![9.0, 11.0], vec![13.0, 11.0], vec![14.0, 14.0]];
/// let streams = EvaluationStreams::Own;
/// let updates = Updates { returns: &returns, streams, before: None, gram: None };
/// let found = variation(&updates, Bootstrap::default(), &Stream::new(0, "variation"))?;
/// assert!((found.sd.value - 2.0).abs() < 1e-12); // of 10, 12 and 14
/// assert!((found.update_variance.value - (8.0 - 4.0 / 3.0) / 2.0).abs() < 1e-12);
/// # Ok::<(), hyperl::Error>(())
/// ```
pub fn variation(updates: &Updates<'_>, settings: Bootstrap, stream: &Stream) -> Result<Variation> {
    assert!(settings.level > 0.0 && settings.level < 1.0, "a level between 0 and 1");
    let evaluations = check_returns("returns", updates.returns)?;
    let (n, level) = (updates.returns.len(), settings.level);
    let rows: Vec<&[f64]> = updates.returns.iter().map(Vec::as_slice).collect();
    let means: Vec<f64> = rows.iter().map(|row| mean(row)).collect();
    let spread = |name: &str, stat: fn(&[f64]) -> f64| {
        over_updates(&means, stat, settings, stream.child(name))
    };
    let component = |name: &str, stat: fn(MeanSquares) -> f64| {
        let stat = |rows: &[&[f64]]| stat(MeanSquares::of(rows, updates.streams));
        over_updates(&rows, stat, settings, stream.child(name))
    };
    let coefficient_of_variation = coefficient(&means, level);
    let update_variance = component("update-variance", MeanSquares::update_variance);
    let improvement = match updates.before {
        Some(before) => {
            let gains = gains(updates.returns, before)?;
            Some(improvement(&gains, settings, stream.child("improvement")))
        }
        None => None,
    };
    Ok(Variation {
        updates: n,
        evaluations,
        mean: jackknife(&means, mean, level),
        population_variance: spread("population-variance", population_variance),
        coefficient_of_variation,
        unbounded: coefficient_of_variation.high.is_infinite(),
        sd: spread("sd", std),
        sd_relative: spread("sd-relative", |x| std(x) / mean(x).abs()),
        robust_sd: spread("robust-sd", robust_sd),
        robust_sd_relative: spread("robust-sd-relative", |x| robust_sd(x) / mean(x).abs()),
        update_variance,
        update_sd: update_variance.map_rising(root),
        evaluation_variance: component("evaluation-variance", |squares| squares.within),
        improvement,
        directions: updates.gram.map(|gram| directions(gram, n, level)).transpose()?,
    })
}

/// Returns the interval of the true `σ/|μ|` behind `n` normal values whose standard deviation
/// (divisor `n − 1`) by `|mean|` is `value`, exact at `level`.
///
/// A ratio with divisor `n`, as the paper's Table 1 prints (App. C: "population variance"), has to be
/// multiplied by `√(n/(n−1))` first; [`variation`] does so. The upper end is infinite where the
/// interval of `μ/σ` holds 0: the mean may be 0. For `value = 0`
/// the interval is `[0, 0]`. No interval (NaN) below two values or if `value` is NaN.
///
/// # Examples
/// ```
/// use hyperl::stats::variation::coefficient_interval;
/// let printed = coefficient_interval(4.492, 50, 0.95); // paper, Table 1
/// assert!((printed.low - 1.99).abs() < 0.005 && printed.high.is_infinite());
/// ```
pub fn coefficient_interval(value: f64, n: usize, level: f64) -> Estimate {
    if n < 2 || value.is_nan() {
        return Estimate::without_interval(value, n);
    }
    if value == 0.0 {
        return Estimate::symmetric(0.0, 0.0, n);
    }
    let (low, high) = variation_interval(&standardised_mean(1.0, value.abs(), n, level));
    Estimate { value, low, high, n }
}

/// The mean squares of an analysis of variance.
#[derive(Debug, Clone, Copy)]
struct MeanSquares {
    /// Of updates: `r` times the variance of their means.
    between: f64,
    /// Of what is left: the noise of one evaluation.
    within: f64,
    /// Evaluations of each update.
    evaluations: f64,
}

impl MeanSquares {
    /// Of rows `[N][r]`, one for each update.
    fn of(rows: &[&[f64]], streams: EvaluationStreams) -> Self {
        let (n, r) = (rows.len() as f64, rows[0].len() as f64);
        let means: Vec<f64> = rows.iter().map(|row| mean(row)).collect();
        let all = mean(&means);
        // What evaluation k adds to every update.
        let common: Vec<f64> = match streams {
            EvaluationStreams::Own => vec![0.0; rows[0].len()],
            EvaluationStreams::Shared => (0..rows[0].len())
                .map(|k| rows.iter().map(|row| row[k]).sum::<f64>() / n - all)
                .collect(),
        };
        let left = |(row, centre): (&&[f64], &f64)| -> f64 {
            row.iter().zip(&common).map(|(y, c)| (y - centre - c).powi(2)).sum()
        };
        let units = if streams == EvaluationStreams::Own { n } else { n - 1.0 };
        let squares: f64 = rows.iter().zip(&means).map(left).sum();
        Self {
            between: r * std(&means).powi(2),
            within: squares / (units * (r - 1.0)),
            evaluations: r,
        }
    }

    /// Variance between updates without the noise of evaluations.
    fn update_variance(self) -> f64 {
        (self.between - self.within) / self.evaluations
    }
}

/// `stat` with its bootstrap interval; NaN for one update, where no spread is defined.
fn over_updates<T: Clone>(
    units: &[T],
    stat: impl Fn(&[T]) -> f64,
    settings: Bootstrap,
    mut stream: Stream,
) -> Estimate {
    if units.len() < 2 {
        return Estimate::without_interval(f64::NAN, units.len());
    }
    bootstrap(units, stat, settings, &mut stream)
}

fn population_variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    std(values).powi(2) * (n - 1.0) / n
}

fn robust_sd(values: &[f64]) -> f64 {
    interquartile_range(values) / NORMAL_IQR
}

/// `σ/|μ|` with divisor `n`, and the interval of the true one.
fn coefficient(values: &[f64], level: f64) -> Estimate {
    let centre = mean(values).abs();
    let sample = coefficient_interval(std(values) / centre, values.len(), level);
    Estimate { value: population_variance(values).sqrt() / centre, ..sample }
}

/// The root of a variance, and 0 where that is negative; not `max`, which would turn NaN into 0.
fn root(variance: f64) -> f64 {
    if variance < 0.0 { 0.0 } else { variance.sqrt() }
}

/// `ΔJ` of each update: mean over its evaluations of after minus before.
fn gains(returns: &[Vec<f64>], before: &[Vec<f64>]) -> Result<Vec<f64>> {
    let evaluations = check_returns("returns before the update", before)?;
    let fits = before.len() == 1 || before.len() == returns.len();
    if !fits || evaluations != returns[0].len() {
        return Err(Error::Mismatch {
            what: "returns before the update".to_owned(),
            expected: format!("1 or {} rows of {}", returns.len(), returns[0].len()),
            found: format!("{} of {evaluations}", before.len()),
            remedy: "evaluate the policy before on the streams of the updates".to_owned(),
        });
    }
    let pairs = returns.iter().zip(before.iter().cycle());
    Ok(pairs.map(|(after, before)| mean(&resample::paired_differences(after, before))).collect())
}

/// Summary of the gains, one for each update.
fn improvement(gains: &[f64], settings: Bootstrap, stream: Stream) -> Improvement {
    let (n, level) = (gains.len(), settings.level);
    let positive = gains.iter().filter(|gain| **gain > 0.0).count();
    Improvement {
        mean: jackknife(gains, mean, level),
        sd: over_updates(gains, std, settings, stream),
        signal_to_noise: standardised_mean(mean(gains), std(gains), n, level),
        share_positive: wilson(positive, n, level),
    }
}

/// Mean cosine over pairs of `n` updates with the inner products `gram`.
fn directions(gram: &[f64], n: usize, level: f64) -> Result<Directions> {
    if gram.len() != n * n {
        return Err(Error::Mismatch {
            what: "inner products of updates".to_owned(),
            expected: format!("{n} × {n}"),
            found: gram.len().to_string(),
            remedy: "give one for each pair, row by row".to_owned(),
        });
    }
    let square = |i: usize| gram[i * n + i];
    if gram.iter().any(|x| !x.is_finite()) || (0..n).any(|i| square(i) < 0.0) {
        return Err(Error::NonFinite(
            "inner products of updates: a number is not finite, or a square is negative; \
             check the weights after each update"
                .to_owned(),
        ));
    }
    let moved: Vec<usize> = (0..n).filter(|&i| square(i) > 0.0).collect();
    let cosine = |i: usize, j: usize| {
        (gram[i * n + j] / (square(i).sqrt() * square(j).sqrt())).clamp(-1.0, 1.0)
    };
    let of_one =
        |&i: &usize| -> f64 { moved.iter().filter(|&&j| j != i).map(|&j| cosine(i, j)).sum() };
    let sums: Vec<f64> = moved.iter().map(of_one).collect();
    Ok(Directions { cosine: mean_of_pairs(&sums, level), unmoved: n - moved.len() })
}

/// Mean over pairs of units, from each unit's sum over its pairs, with its jackknife interval: pairs
/// share units, so the unit is left out with all its pairs.
fn mean_of_pairs(sums: &[f64], level: f64) -> Estimate {
    let m = sums.len() as f64;
    let total = 0.5 * sums.iter().sum::<f64>();
    let value = if sums.len() < 2 { f64::NAN } else { total / (0.5 * m * (m - 1.0)) };
    if sums.len() < 3 {
        return Estimate::without_interval(value, sums.len());
    }
    let rest = 0.5 * (m - 1.0) * (m - 2.0);
    let left_out: Vec<f64> = sums.iter().map(|sum| (total - sum) / rest).collect();
    jackknife_interval(value, &left_out, level)
}

/// Checks that rows are of one length and finite, and returns that length.
fn check_returns(what: &str, rows: &[Vec<f64>]) -> Result<usize> {
    let length = rows.first().map_or(0, Vec::len);
    if let Some(row) = rows.iter().find(|row| row.len() != length)
        && length > 0
    {
        return Err(Error::Mismatch {
            what: what.to_owned(),
            expected: format!("{length} evaluations of each update"),
            found: row.len().to_string(),
            remedy: "evaluate every update as often as the others".to_owned(),
        });
    }
    if length == 0 {
        return Err(Error::Mismatch {
            what: what.to_owned(),
            expected: "at least one update with one evaluation".to_owned(),
            found: "none".to_owned(),
            remedy: "measure some".to_owned(),
        });
    }
    match rows.iter().position(|row| row.iter().any(|x| !x.is_finite())) {
        Some(update) => Err(Error::NonFinite(format!(
            "{what}: one of update {update} is not finite; measure that update again"
        ))),
        None => Ok(length),
    }
}
