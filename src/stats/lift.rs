//! From the ceiling of one block of rollouts to that of all of them.
//!
//! Independent replicates tell how far noise pulls a cosine of **one block** (or half) towards 0;
//! the raw cosine comes from **all** rollouts. The laws of [`attenuation`](super::attenuation)
//! lead from one to the other: solve for the signal-to-noise ratio, put it in again.

use super::attenuation::{gaussian_design, orthogonal_design};

/// How the rollouts of one environment were designed, and which part of them a replicate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lift {
    /// Orthogonal antithetic directions in independent blocks, which count alike: lab mode.
    Orthogonal {
        /// Number of blocks; a replicate is one.
        blocks: usize,
        /// Action dimensions that could move.
        dims: usize,
    },
    /// Independent Gaussian directions (the paper's design), split into random halves.
    Gaussian {
        /// Number of rollouts `Nr` in all; a replicate is a half, `⌊Nr/2⌋` or `⌈Nr/2⌉`.
        rollouts: usize,
        /// Action dimensions that could move.
        dims: usize,
    },
}

impl Lift {
    /// Returns the same design for states of which each had `tried` dimensions with room to move:
    /// the number of rollouts and blocks stays, the dimensions are the mean of `tried`, rounded, as
    /// [`Self::ceiling`] treats states as if they were alike. Unchanged where `tried` is empty.
    ///
    /// # Examples
    /// ```
    /// use hyperl::stats::lift::Lift;
    /// let two = Lift::Orthogonal { blocks: 2, dims: 6 };
    /// assert_eq!(two.tried(&[2, 3, 3]), Lift::Orthogonal { blocks: 2, dims: 3 });
    /// ```
    #[must_use]
    pub fn tried(self, tried: &[usize]) -> Self {
        if tried.is_empty() {
            return self;
        }
        let mean = tried.iter().sum::<usize>() as f64 / tried.len() as f64;
        let dims = mean.round().max(1.0) as usize;
        match self {
            Self::Orthogonal { blocks, .. } => Self::Orthogonal { blocks, dims },
            Self::Gaussian { rollouts, .. } => Self::Gaussian { rollouts, dims },
        }
    }

    /// Returns how many rollouts [`Self::ceiling`] needs, where these are too few: the half of a
    /// Gaussian design must have a unique fit.
    pub fn needs(self) -> Option<usize> {
        match self {
            Self::Gaussian { rollouts, dims } if rollouts / 2 <= dims => Some(2 * (dims + 1)),
            Self::Gaussian { .. } | Self::Orthogonal { .. } => None,
        }
    }

    /// Returns the ceiling of all rollouts from `block`, that of one replicate.
    ///
    /// Rises with `block`: 0 where that is not positive, 1 where it is at least 1. States are
    /// treated as if they had one signal-to-noise ratio. NaN if `block` is, or if it
    /// [needs](Self::needs) more rollouts: the attenuation has no known law then.
    ///
    /// # Panics
    /// If `dims` is not in `1..=500`.
    ///
    /// # Examples
    /// ```
    /// use hyperl::stats::{attenuation::mean_direction, lift::Lift};
    /// let four = Lift::Orthogonal { blocks: 4, dims: 6 };
    /// let lifted = four.ceiling(mean_direction(1.0, 6));
    /// assert!((lifted - mean_direction(2.0, 6)).abs() < 1e-10); // four times the rollouts
    /// ```
    pub fn ceiling(self, block: f64) -> f64 {
        match self {
            Self::Orthogonal { blocks, dims } => lift(
                block,
                |snr| orthogonal_design(snr, 1, dims),
                |snr| orthogonal_design(snr, blocks, dims),
            ),
            Self::Gaussian { .. } if self.needs().is_some() => f64::NAN,
            Self::Gaussian { rollouts, dims } => {
                let half = |snr| {
                    let small = gaussian_design(snr, rollouts / 2, dims);
                    let large = if rollouts.is_multiple_of(2) {
                        small
                    } else {
                        gaussian_design(snr, rollouts.div_ceil(2), dims)
                    };
                    (small * large).sqrt() // √E cos(ĝ₁, ĝ₂)
                };
                lift(block, half, |snr| gaussian_design(snr, rollouts, dims))
            }
        }
    }

    /// Returns how many replicates make up all rollouts.
    pub fn blocks(self) -> usize {
        match self {
            Self::Orthogonal { blocks, .. } => blocks,
            Self::Gaussian { .. } => 2,
        }
    }
}

/// `all(ρ)` at the `ρ` where the rising `part(ρ)`, from 0 to 1, equals `ceiling`.
fn lift(ceiling: f64, part: impl Fn(f64) -> f64, all: impl Fn(f64) -> f64) -> f64 {
    if ceiling.is_nan() {
        return f64::NAN;
    }
    // Beyond these ends neither law leaves a digit to solve for.
    if ceiling <= 1e-12 {
        return 0.0;
    }
    if ceiling >= 1.0 - 1e-10 {
        return 1.0;
    }
    // ln(C/(1−C)) is nearly a straight line in ln ρ (slope ½ to 1), so secants need a few steps.
    let log_odds = |c: f64| (c / (1.0 - c)).ln();
    let target = log_odds(ceiling);
    let excess = |ln_snr: f64| log_odds(part(ln_snr.exp()).min(1.0 - 1e-14)) - target;
    all(root(excess).exp())
}

/// The zero of a rising function that is nearly straight, by the Illinois variant of the secant
/// method inside a bracket.
fn root(f: impl Fn(f64) -> f64) -> f64 {
    // From 0 towards the zero, a little further than a slope of ½ asks for.
    let step = |y: f64| 2.0 * y.abs() + 0.1;
    let (mut low, mut below) = (0.0, f(0.0));
    while below > 0.0 {
        low -= step(below);
        below = f(low);
    }
    let mut high = low + step(below);
    let mut above = f(high);
    while above < 0.0 {
        (low, below) = (high, above);
        high += step(above);
        above = f(high);
    }
    for _ in 0..100 {
        let x = high - above * (high - low) / (above - below);
        let y = f(x);
        if y.abs() < 1e-13 || high - low < 1e-13 {
            return x;
        }
        if y > 0.0 {
            (high, above) = (x, y);
            below *= 0.5; // so that the end that stays does not hold the secant back
        } else {
            (low, below) = (x, y);
            above *= 0.5;
        }
    }
    0.5 * (low + high)
}
