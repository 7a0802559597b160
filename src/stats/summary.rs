//! What is typical of a sample, and how far it spreads.
//!
//! NaN comes out wherever NaN goes in or the sample is too small: an undefined number must not
//! look like a defined one.

/// Returns the arithmetic mean; NaN for an empty slice.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Returns the mean of vectors of one length, entry by entry.
pub(crate) fn mean_vector(vectors: &[Vec<f64>]) -> Vec<f64> {
    let count = vectors.len() as f64;
    (0..vectors[0].len()).map(|i| vectors.iter().map(|v| v[i]).sum::<f64>() / count).collect()
}

/// Returns `x`, or NaN where it is not positive.
pub(crate) fn positive(x: f64) -> f64 {
    if x > 0.0 { x } else { f64::NAN }
}

/// Returns the sample standard deviation (divisor `n − 1`); NaN below two values.
pub fn std(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// Returns the standard error of the mean, `std / √n`; NaN below two values.
pub fn standard_error(values: &[f64]) -> f64 {
    std(values) / (values.len() as f64).sqrt()
}

/// Returns the quantile at `share` in `[0, 1]` by linear interpolation (type 7, numpy's default).
///
/// NaN for an empty slice or if any value is NaN.
///
/// # Panics
/// If `share` lies outside `[0, 1]`.
///
/// # Examples
/// ```
/// use hyperl::stats::summary::quantile;
/// assert_eq!(quantile(&[4.0, 1.0, 2.0, 3.0], 0.25), 1.75);
/// ```
pub fn quantile(values: &[f64], share: f64) -> f64 {
    assert!((0.0..=1.0).contains(&share), "a quantile lies between 0 and 1, got {share}");
    let Some(sorted) = sorted(values) else { return f64::NAN };
    let position = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    let fraction = position.fract();
    if fraction == 0.0 { below } else { below + fraction * (above - below) }
}

/// Returns the median; NaN as in [`quantile`].
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Returns the interquartile range, the distance between the quantiles at ¼ and ¾.
///
/// Divided by 1.349 it estimates the standard deviation of normal data, robustly.
pub(crate) fn interquartile_range(values: &[f64]) -> f64 {
    quantile(values, 0.75) - quantile(values, 0.25)
}

/// Returns the interquartile mean: the mean of what is left after cutting `⌊n/4⌋` at either end.
///
/// NaN for an empty slice or if any value is NaN.
///
/// # References
/// Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice",
/// `NeurIPS` 2021; the same cut as rliable's and scipy's `trim_mean(x, 0.25)`.
pub fn interquartile_mean(values: &[f64]) -> f64 {
    let Some(sorted) = sorted(values) else { return f64::NAN };
    let cut = sorted.len() / 4;
    mean(&sorted[cut..sorted.len() - cut])
}

/// Returns the trailing moving average: entry `i` is the mean of the last `window` values up to
/// and with `i`, or of all `i + 1` there are at the start.
///
/// # Panics
/// If `window` is 0.
///
/// # Examples
/// ```
/// use hyperl::stats::summary::moving_average;
/// assert_eq!(moving_average(&[2.0, 4.0, 6.0, 11.0], 2), [2.0, 3.0, 5.0, 8.5]);
/// ```
pub fn moving_average(values: &[f64], window: usize) -> Vec<f64> {
    assert!(window > 0, "a moving average needs a window of at least 1");
    (0..values.len()).map(|i| mean(&values[(i + 1).saturating_sub(window)..=i])).collect()
}

/// The values in ascending order; `None` if there are none or one is NaN.
fn sorted(values: &[f64]) -> Option<Vec<f64>> {
    if values.is_empty() || values.iter().any(|x| x.is_nan()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Some(sorted)
}
