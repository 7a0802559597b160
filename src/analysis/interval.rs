//! An estimate as the machine-readable output names its parts.

use serde::Serialize;

use crate::stats::Estimate;

/// An interval as the machine-readable output names it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The point estimate.
    pub mean: f64,
    /// Lower end; null where there is none.
    pub low: f64,
    /// Upper end; null where there is none.
    pub high: f64,
}

impl Interval {
    /// Returns the estimate that this is, over `n` units.
    pub fn over(self, n: usize) -> Estimate {
        Estimate { value: self.mean, low: self.low, high: self.high, n }
    }
}

impl From<Estimate> for Interval {
    fn from(e: Estimate) -> Self {
        Self { mean: e.value, low: e.low, high: e.high }
    }
}
