//! From data to pixels along one axis: the range, the round ticks and their labels.

use super::figure::{Axis, extremes};
use super::numbers::{fixed, short};

/// A linear map from data to pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// Data value at `start`.
    pub(super) low: f64,
    /// Data value at `end`.
    pub(super) high: f64,
    /// Pixel of `low`.
    pub(super) start: f64,
    /// Pixel of `high`; less than `start` on vertical axes.
    pub(super) end: f64,
}

impl Scale {
    /// Pixel of a data value.
    pub(super) fn at(&self, value: f64) -> f64 {
        self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)
    }

    /// Whether a value lies on the axis.
    pub(super) fn shows(&self, value: f64) -> bool {
        value >= self.low && value <= self.high
    }

    /// Round values inside the range, about one per `spacing` pixels.
    pub(super) fn ticks(&self, spacing: f64) -> Vec<f64> {
        let wanted = ((self.end - self.start).abs() / spacing).max(2.0);
        let step = round_step((self.high - self.low) / wanted);
        let slack = 1e-9 * (self.high - self.low);
        let first = ((self.low - slack) / step).ceil() as i64;
        let last = ((self.high + slack) / step).floor() as i64;
        (first..=last).map(|k| k as f64 * step).collect()
    }
}

/// The smallest of 1, 2, 2.5, 5 · 10ᵏ that is at least `rough`.
fn round_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let factors = [1.0, 2.0, 2.5, 5.0, 10.0];
    let factor = factors.into_iter().find(|factor| factor * power >= rough * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// Labels of ticks: all with the same decimals, or short (10K) where thousands occur.
pub(super) fn tick_labels(ticks: &[f64]) -> Vec<String> {
    let largest = ticks.iter().fold(0.0_f64, |largest, tick| largest.max(tick.abs()));
    if largest >= 1000.0 {
        return ticks.iter().map(|&tick| short(tick)).collect();
    }
    let exact = |decimals: usize| {
        let unit = 10_f64.powi(decimals as i32);
        ticks.iter().all(|tick| (tick * unit - (tick * unit).round()).abs() < 1e-6)
    };
    let decimals = (0..9).find(|&decimals| exact(decimals)).unwrap_or(9);
    let label = |tick: f64| if tick == 0.0 { "0".to_owned() } else { fixed(tick, decimals) };
    ticks.iter().map(|&tick| label(tick)).collect()
}

/// Range of a horizontal axis: what was asked for, or exactly the data.
pub(super) fn x_range(axis: &Axis, values: impl Iterator<Item = f64>) -> (f64, f64) {
    axis.range.unwrap_or_else(|| {
        let (low, high) = extent(values);
        // Steps that begin near zero begin at zero.
        let low = if low > 0.0 && low < 0.15 * high { 0.0 } else { low };
        widen(low, high)
    })
}

/// Range of a vertical axis: what was asked for, or the data with zero and a little air.
pub(super) fn y_range(axis: &Axis, values: impl Iterator<Item = f64>) -> (f64, f64) {
    axis.range.unwrap_or_else(|| {
        let (low, high) = extent(values.chain([0.0]));
        let (low, high) = widen(low, high);
        let air = 0.06 * (high - low);
        (if low < 0.0 { low - air } else { low }, if high > 0.0 { high + air } else { high })
    })
}

/// Smallest and largest finite value; (0, 1) if there is none.
fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = extremes(values.filter(|value| value.is_finite()));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// Gives an empty range some width.
fn widen(low: f64, high: f64) -> (f64, f64) {
    if low < high {
        return (low, high);
    }
    let margin = if low == 0.0 { 1.0 } else { 0.1 * low.abs() };
    (low - margin, high + margin)
}
