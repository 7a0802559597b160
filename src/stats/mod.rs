//! Pure functions on slices: no tensors, no environments.
//!
//! | module | answers |
//! |---|---|
//! | [`summary`] | what is typical of these numbers, and how far do they spread? |
//! | [`resample`] | how sure is that, given that states (or seeds) are a sample? |
//! | [`similarity`] | do two gradients point the same way, and what would chance give? |
//! | [`attenuation`] | which cosine would an exactly right critic show under this noise? |
//! | [`replicates`] | what do independent replicates of the truth say about one state? |
//! | [`lift`] | and under all rollouts, if one block of them is known? |
//! | [`signal_law`] | in which share of states would an exactly right critic be above a threshold? |
//! | [`corrected`] | how right is the critic once the noise of the rollouts is taken out? |
//! | [`stacked`] | how right is a critic for the actor as a whole, all states stacked? |
//! | [`printed`] | what follows from a mean and a standard deviation that somebody printed? |
//! | `quotient` | and how sure is that, if the truth in the denominator is noisy? |
//! | `simultaneous` | which differences are there, however many are compared? |
//! | [`histogram`] | how far apart are two distributions of weights? |
//! | [`density`] | how do these numbers lie along the axis? |
//! | `difference` | how far apart are two independent estimates? |
//! | [`hypothesis`] | is a difference more than chance? |
//! | [`gate`] | has a critic become worse? |
//! | [`variation`] | how far do repeated policy updates from one checkpoint differ? |
//! | [`verdict`] | what follows from the tests, in one environment or several? |
//!
//! The unit of every interval is the state, the training seed or the policy update, never the
//! rollout: rollouts are nested in them, and resampling them adds a second helping of their noise.

pub mod attenuation;
pub mod clusters;
pub mod corrected;
pub mod density;
pub(crate) mod difference;
pub mod gate;
pub mod histogram;
pub mod hypothesis;
pub mod lift;
mod noncentral;
pub mod printed;
pub(crate) mod quotient;
pub mod replicates;
pub mod resample;
pub mod signal_law;
pub mod similarity;
pub(crate) mod simultaneous;
pub mod stacked;
pub mod summary;
mod tails;
pub mod variation;
pub mod verdict;

/// Confidence level of all intervals.
pub(crate) const LEVEL: f64 = 0.95;

/// A number with its interval.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Estimate {
    /// The point estimate.
    #[serde(deserialize_with = "number")]
    pub value: f64,
    /// Lower end of the interval; NaN where there is none.
    #[serde(deserialize_with = "number")]
    pub low: f64,
    /// Upper end of the interval; NaN where there is none.
    #[serde(deserialize_with = "number")]
    pub high: f64,
    /// Number of independent units (states, seeds, updates) behind it.
    pub n: usize,
}

/// Reads a number, or the null that JSON has for NaN.
fn number<'d, D: serde::Deserializer<'d>>(from: D) -> Result<f64, D::Error> {
    let read: Option<f64> = serde::Deserialize::deserialize(from)?;
    Ok(read.unwrap_or(f64::NAN))
}

impl Estimate {
    /// Returns `value` without an interval.
    pub(crate) fn without_interval(value: f64, n: usize) -> Self {
        Self { value, low: f64::NAN, high: f64::NAN, n }
    }

    /// Returns `value ± half_width`.
    pub fn symmetric(value: f64, half_width: f64, n: usize) -> Self {
        Self { value, low: value - half_width, high: value + half_width, n }
    }

    /// Returns the estimate with its value and both ends sent through a rising function.
    pub(crate) fn map_rising(self, f: impl Fn(f64) -> f64) -> Self {
        Self { value: f(self.value), low: f(self.low), high: f(self.high), ..self }
    }

    /// Returns half the length of the interval; NaN where there is none.
    pub fn half_width(&self) -> f64 {
        0.5 * (self.high - self.low)
    }

    /// Tells whether `truth` lies in the closed interval; false where there is none.
    pub fn covers(&self, truth: f64) -> bool {
        self.low <= truth && truth <= self.high
    }
}
