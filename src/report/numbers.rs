//! Numbers as people read them: 10K, 1M, significant digits, intervals.
//!
//! Readers get the true minus sign (U+2212); CSV, which programs read, is written elsewhere with
//! full precision.

use crate::stats::Estimate;

/// What stands where a number is missing.
pub(crate) const MISSING: &str = "–";

/// Writes `value` with at least `digits` significant digits.
///
/// Digits before the decimal point are never rounded away: 3418.2 with three digits is "3418".
/// Below 1e-4 and from 1e9 on the exponent is written out. NaN and infinities are `MISSING`.
///
/// # Examples
/// ```
/// use hyperl::report::significant;
/// assert_eq!(significant(0.012_345, 3), "0.0123");
/// assert_eq!(significant(-12.345, 3), "−12.3");
/// assert_eq!(significant(3418.2, 3), "3418");
/// ```
pub fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return MISSING.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    if value.abs() < 1e-4 || value.abs() >= 1e9 {
        return minus(format!("{value:.*e}", digits.saturating_sub(1)));
    }
    fixed(value, decimals_for(value, digits))
}

/// Writes `value` with `decimals` places after the point; never "−0.00".
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return MISSING.to_owned();
    }
    let text = format!("{value:.decimals$}");
    let is_zero = !text.contains(|c: char| ('1'..='9').contains(&c));
    if is_zero { text.trim_start_matches('-').to_owned() } else { minus(text) }
}

/// Writes counts and returns short: 950, 1.5K, 10K, 1M; trailing zeros are dropped.
///
/// # Examples
/// ```
/// use hyperl::report::short;
/// assert_eq!(short(10_000.0), "10K");
/// assert_eq!(short(1_000_000.0), "1M");
/// assert_eq!(short(-2_500.0), "−2.5K");
/// ```
pub fn short(value: f64) -> String {
    if !value.is_finite() {
        return MISSING.to_owned();
    }
    let (scaled, suffix) = match value.abs() {
        size if size >= 999_999.5 => (value / 1e6, "M"),
        size if size >= 999.5 => (value / 1e3, "K"),
        _ => (value, ""),
    };
    let text = fixed(scaled, 3);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}{suffix}")
}

/// Writes "value [low, high]"; the interval's width decides how many digits are worth showing.
///
/// Two significant digits of the half-width are kept. Without an interval the value stands alone, with the
/// number of units behind it; where there are several, that the interval is undetermined is said.
///
/// # Examples
/// ```
/// use hyperl::{report::interval, stats::Estimate};
/// let cosine = Estimate { value: 0.2134, low: 0.1471, high: 0.2797, n: 150 };
/// assert_eq!(interval(&cosine), "0.213 [0.147, 0.280]");
/// let returns = Estimate { value: 3418.3, low: 3100.7, high: 3735.9, n: 5 };
/// assert_eq!(interval(&returns), "3418 [3101, 3736]");
/// ```
pub fn interval(estimate: &Estimate) -> String {
    let Estimate { value, low, high, n } = *estimate;
    if !value.is_finite() {
        return MISSING.to_owned();
    }
    if !low.is_finite() && !high.is_finite() {
        let undetermined = if n > 1 { "interval undetermined, " } else { "" };
        return format!("{} ({undetermined}n = {n})", significant(value, 3));
    }
    let half_width = if low.is_finite() && high.is_finite() { (high - low) / 2.0 } else { value };
    let decimals = decimals_for(half_width, 2);
    let end = |limit: f64| match limit {
        limit if limit == f64::INFINITY => "∞".to_owned(),
        limit if limit == f64::NEG_INFINITY => "−∞".to_owned(),
        limit => fixed(limit, decimals),
    };
    format!("{} [{}, {}]", fixed(value, decimals), end(low), end(high))
}

/// Writes "value [low, high]", each number by `write`.
pub(super) fn with_ends(estimate: &Estimate, write: impl Fn(f64) -> String) -> String {
    let [value, low, high] = [estimate.value, estimate.low, estimate.high].map(write);
    format!("{value} [{low}, {high}]")
}

/// Returns the same number, zero without its sign: sums of nothing and products with it are −0.
pub(super) fn unsigned_zero(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value }
}

/// Decimal places that show `digits` significant digits of `value`, between 0 and 6.
fn decimals_for(value: f64, digits: usize) -> usize {
    if value == 0.0 || !value.is_finite() {
        return digits.min(6);
    }
    let magnitude = value.abs().log10().floor() as i64;
    (digits as i64 - 1 - magnitude).clamp(0, 6) as usize
}

/// Replaces the hyphens of a formatted number by true minus signs.
fn minus(text: String) -> String {
    text.replace('-', "−")
}
