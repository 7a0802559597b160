//! How do these numbers lie along the axis? A smooth density by Gaussian kernels.

use super::summary::{interquartile_range, std};

/// Returns the width of Gaussian kernels by Silverman's rule of thumb, `0.9·A·n^(−1/5)` with
/// `A = min(std, IQR/1.349)`, in the unit of `values`.
///
/// Where half of the values are equal, and so the IQR is 0, `A` is the standard deviation. 0 if all
/// are equal; NaN below two values.
///
/// # References
/// Silverman, "Density Estimation for Statistics and Data Analysis", 1986, eq. 3.31.
pub fn bandwidth(values: &[f64]) -> f64 {
    let (std, robust) = (std(values), interquartile_range(values) / 1.349);
    let spread = if robust > 0.0 { robust.min(std) } else { std };
    0.9 * spread * (values.len() as f64).powf(-0.2)
}

/// Returns the density at `place` of `values` smoothed by Gaussian kernels of `width`, per unit of
/// `values`.
///
/// # Panics
/// If `width` is not positive.
///
/// # Examples
/// ```
/// use hyperl::stats::density::density;
/// let peak = density(&[2.0], 2.0, 0.5); // of one normal distribution
/// assert!((peak - 2.0 / (2.0 * std::f64::consts::PI).sqrt()).abs() < 1e-12);
/// ```
pub fn density(values: &[f64], place: f64, width: f64) -> f64 {
    assert!(width > 0.0, "kernels have a positive width, got {width}");
    let kernel = |value: &f64| (-0.5 * ((place - value) / width).powi(2)).exp();
    let norm = values.len() as f64 * width * (2.0 * std::f64::consts::PI).sqrt();
    values.iter().map(kernel).sum::<f64>() / norm
}
