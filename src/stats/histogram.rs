//! How far apart two distributions of weights are (paper Table 2).
//!
//! Two histograms can be compared only on the same bins, so the bins are a value of their own.
//! [`total_variation`] is `½ Σ |p − q|`; the paper's table most likely prints half of it
//! (`docs/estimator.md` §6.3).
//!
//! Equal distributions do not score 0: with `K` bins and samples of `n` and `m` the expectation is
//! about `√(K/2π) · √(1/n + 1/m)`, 19 % for two layers of 256 weights on
//! 30 bins. Report it beside every distance.

use crate::error::{Error, Result};

/// Equal bins between two edges, with an overflow bin beyond each of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bins {
    low: f64,
    high: f64,
    inner: usize,
}

impl Bins {
    /// Returns `inner` equal bins from `low` to `high`.
    ///
    /// # Errors
    /// [`Error::Usage`] unless `low < high`, both finite, and there is at least one bin.
    pub fn between(low: f64, high: f64, inner: usize) -> Result<Self> {
        if inner > 0 && low < high && low.is_finite() && high.is_finite() {
            return Ok(Self { low, high, inner });
        }
        Err(Error::Usage(format!(
            "bins need finite edges low < high and a count above 0, got {inner} bins from {low} to {high}"
        )))
    }

    /// Returns `inner` equal bins over the range of all `samples` together.
    ///
    /// Pass the reference alone for bins on its support, or both samples for the joint range.
    ///
    /// # Errors
    /// As [`Self::between`], hence also if all values are equal or none is there.
    pub fn spanning(samples: &[&[f64]], inner: usize) -> Result<Self> {
        let all = || samples.iter().flat_map(|sample| sample.iter());
        let low = all().fold(f64::INFINITY, |m, &x| m.min(x));
        let high = all().fold(f64::NEG_INFINITY, |m, &x| m.max(x));
        Self::between(low, high, inner)
    }

    /// Returns the share of `sample` in each bin: underflow, `inner` bins, overflow.
    ///
    /// A bin holds its lower edge; the last inner bin holds both edges, as in numpy.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if the sample is empty or holds a NaN.
    pub fn shares(&self, sample: &[f64]) -> Result<Vec<f64>> {
        if sample.is_empty() || sample.iter().any(|x| x.is_nan()) {
            let message = "a histogram needs at least one value and no NaN";
            return Err(Error::NonFinite(message.to_owned()));
        }
        let mut counts = vec![0u64; self.inner + 2];
        for &x in sample {
            counts[self.index(x)] += 1;
        }
        Ok(counts.iter().map(|&count| count as f64 / sample.len() as f64).collect())
    }

    fn index(&self, x: f64) -> usize {
        if x < self.low {
            0
        } else if x > self.high {
            self.inner + 1
        } else {
            let position = (x - self.low) / (self.high - self.low) * self.inner as f64;
            1 + (position as usize).min(self.inner - 1)
        }
    }

    /// Returns the `inner + 1` edges of the inner bins.
    pub fn edges(&self) -> Vec<f64> {
        let step = (self.high - self.low) / self.inner as f64;
        (0..=self.inner).map(|i| self.low + step * i as f64).collect()
    }
}

/// Returns `½ Σ |p − q|` of two lists of shares: 0 for equal ones, 1 for disjoint ones.
///
/// # Panics
/// If the lengths differ.
pub fn total_variation(p: &[f64], q: &[f64]) -> f64 {
    assert_eq!(p.len(), q.len(), "two histograms need the same bins");
    0.5 * p.iter().zip(q).map(|(p, q)| (p - q).abs()).sum::<f64>()
}

/// Returns the 1-Wasserstein distance `∫ |F − G|` of two samples; needs no bins.
///
/// NaN if either is empty or holds a NaN.
pub fn wasserstein(a: &[f64], b: &[f64]) -> f64 {
    gaps(a, b).map_or(f64::NAN, |gaps| gaps.iter().map(|(gap, length)| gap * length).sum())
}

/// Returns the Kolmogorov-Smirnov distance `max |F − G|` of two samples; needs no bins.
///
/// NaN if either is empty or holds a NaN.
pub fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> f64 {
    gaps(a, b).map_or(f64::NAN, |gaps| gaps.iter().fold(0.0, |m, (gap, _)| m.max(*gap)))
}

/// `|F − G|` at each value of either sample, with the distance to the next value.
fn gaps(a: &[f64], b: &[f64]) -> Option<Vec<(f64, f64)>> {
    if a.is_empty() || b.is_empty() || a.iter().chain(b).any(|x| x.is_nan()) {
        return None;
    }
    let sorted = |v: &[f64]| {
        let mut v = v.to_vec();
        v.sort_unstable_by(f64::total_cmp);
        v
    };
    let (a, b) = (sorted(a), sorted(b));
    let all = sorted(&[a.as_slice(), b.as_slice()].concat());
    let below = |v: &[f64], x: f64| v.partition_point(|y| *y <= x) as f64 / v.len() as f64;
    let next = all.iter().skip(1).chain(all.last());
    Some(all.iter().zip(next).map(|(&x, y)| ((below(&a, x) - below(&b, x)).abs(), y - x)).collect())
}
