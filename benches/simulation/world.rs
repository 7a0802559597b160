//! A made-up population of states in which every answer is known; tests and benches draw from it.
//!
//! A truth of lab mode is made in one of two ways: through the real design, pairs inside the box with returns that
//! depend on them, or drawn as if blocks had spherical noise, which is quick and what the formulas are about.
//!
//! Units of the latter: one rollout along a direction has noise 1, so that the true gradient of a state is
//! `√ρ·e₁` with `ρ` the signal-to-noise ratio of one rollout, lognormal over states, and a block
//! of `n` rollouts of the orthogonal antithetic design adds `N(0, I/n)`.

#![allow(dead_code, reason = "neither the tests nor the bench use all of it")]

use hyperl::gradient::local_gradient;
use hyperl::gradient::pairs::Around;
use hyperl::rng::Stream;
use hyperl::stats::attenuation::{gaussian_design, mean_direction, orthogonal_design};
use hyperl::stats::lift::Lift;
use hyperl::stats::replicates::Replicates;
use ndarray::{Array1, Array2, Axis};

/// How rollouts are spent in a state.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Design {
    /// Blocks of `2·Na` rollouts, orthogonal and antithetic, with spherical noise.
    Lab { blocks: usize },
    /// The pairs of lab mode inside the box, and their returns.
    Real { blocks: usize },
    /// Independent Gaussian actions, ten random half splits (the paper's design).
    Paper { rollouts: usize },
}

/// A population of states.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World {
    pub(crate) dims: usize,
    pub(crate) design: Design,
    /// Median of `ρ` over states.
    pub(crate) snr: f64,
    /// Standard deviation of `ln ρ` over states.
    pub(crate) spread: f64,
}

/// Standard deviation of the perturbations of the real design.
const STD: f64 = 0.3;

/// The replicate gradients of one state; the truth is along the first coordinate.
pub(crate) struct Truth {
    length: f64,
    kind: Fits,
}

enum Fits {
    Blocks(Vec<Vec<f64>>),
    Splits { full: Vec<f64>, halves: Vec<[Vec<f64>; 2]> },
}

impl Truth {
    /// Compares a critic's gradient with this state.
    pub(crate) fn judge(&self, critic: &[f64]) -> Replicates {
        match &self.kind {
            Fits::Blocks(blocks) => Replicates::of(blocks, critic),
            Fits::Splits { full, halves } => Replicates::of_splits(full, halves, critic),
        }
        .expect("normal draws are never 0")
    }
}

impl World {
    /// The rule from the ceiling of a replicate to that of all rollouts.
    pub(crate) fn lift(&self) -> Lift {
        let dims = self.dims;
        match self.design {
            Design::Lab { blocks } | Design::Real { blocks } => Lift::Orthogonal { blocks, dims },
            Design::Paper { rollouts } => Lift::Gaussian { rollouts, dims },
        }
    }

    /// Draws a state and its rollouts.
    pub(crate) fn truth(&self, stream: &mut Stream) -> Truth {
        let length = (0.5 * (self.snr.ln() + self.spread * stream.normal())).exp();
        let kind = match self.design {
            Design::Lab { blocks } => {
                let noise = 1.0 / ((2 * self.dims) as f64).sqrt();
                let mut block = || leaning(self.dims, length, noise, stream);
                Fits::Blocks((0..blocks).map(|_| block()).collect())
            }
            Design::Paper { rollouts } => splits(self.dims, rollouts, length, stream),
            Design::Real { blocks } => Fits::Blocks(rolled_out(self.dims, blocks, length, stream)),
        };
        Truth { length, kind }
    }

    /// Draws the gradient of a critic whose true cosine has the mean `C_Na(lean)` over states.
    pub(crate) fn critic(&self, truth: &Truth, lean: f64, stream: &mut Stream) -> Vec<f64> {
        leaning(self.dims, lean, 1.0, stream).iter().map(|x| truth.length * x).collect()
    }

    /// Draws the gradients of two critics whose errors have the given `correlation`.
    pub(crate) fn two_critics(
        &self,
        truth: &Truth,
        leans: [f64; 2],
        correlation: f64,
        stream: &mut Stream,
    ) -> [Vec<f64>; 2] {
        let shared = leaning(self.dims, 0.0, correlation.sqrt(), stream);
        leans.map(|lean| {
            let own = leaning(self.dims, lean, (1.0 - correlation).sqrt(), stream);
            shared.iter().zip(own).map(|(a, b)| truth.length * (a + b)).collect()
        })
    }

    /// Returns the gradient of a critic whose true cosine is `c` in every state.
    pub(crate) fn angled(&self, truth: &Truth, c: f64) -> Vec<f64> {
        let mut critic = vec![0.0; self.dims];
        critic[0] = truth.length * c;
        critic[1] = truth.length * (1.0 - c * c).sqrt();
        critic
    }

    /// Returns the mean of `f(ρ)` over states.
    pub(crate) fn expectation(&self, f: impl Fn(f64) -> f64) -> f64 {
        // Midpoint rule over the standard normal: exact to 1e-10, its mass beyond 8 is 1e-15.
        let (pieces, width) = (160, 0.1);
        let value = |i: i32| {
            let z = (f64::from(i) + 0.5) * width - 8.0;
            let weight = (-0.5 * z * z).exp() * width / (2.0 * std::f64::consts::PI).sqrt();
            weight * f((self.snr.ln() + self.spread * z).exp())
        };
        (0..pieces).map(value).sum()
    }

    /// Returns what the raw cosine of an exactly right critic tends to with ever more states.
    pub(crate) fn ceiling(&self) -> f64 {
        let dims = self.dims;
        self.expectation(|snr| match self.design {
            Design::Lab { blocks } | Design::Real { blocks } => {
                orthogonal_design(snr, 2 * dims * blocks, dims)
            }
            Design::Paper { rollouts } => gaussian_design(snr, rollouts, dims),
        })
    }

    /// Returns what `corrected` tends to with ever more states, for a critic whose true cosine
    /// has the mean 1 whatever the noise of its state; times `c` for one with mean `c`.
    pub(crate) fn corrected_limit(&self) -> f64 {
        let dims = self.dims;
        match self.design {
            Design::Lab { blocks } | Design::Real { blocks } => {
                let moment = |power| {
                    self.expectation(|snr| orthogonal_design(snr, 2 * dims, dims).powi(power))
                };
                let (m1, m2, m4) = (moment(1), moment(2), moment(4));
                let spread = if blocks < 4 { 0.0 } else { (m4 - m2 * m2) / (8.0 * m2 * m2) };
                m1 / (m2.sqrt() * (1.0 - spread))
            }
            Design::Paper { rollouts } => {
                let half = |snr, part| gaussian_design(snr, part, dims);
                let (small, large) = (rollouts / 2, rollouts.div_ceil(2));
                let block = self.expectation(|snr| 0.5 * (half(snr, small) + half(snr, large)));
                block / self.expectation(|snr| half(snr, small) * half(snr, large)).sqrt()
            }
        }
    }
}

/// Returns the `lean` at which the mean true cosine is `c`.
pub(crate) fn lean(c: f64, dims: usize) -> f64 {
    let (mut low, mut high) = (0.0, 20.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if mean_direction(middle, dims) < c { low = middle } else { high = middle }
    }
    low
}

/// `signal·e₁ + noise·N(0, I)`.
fn leaning(dims: usize, signal: f64, noise: f64, stream: &mut Stream) -> Vec<f64> {
    let mut v: Vec<f64> = (0..dims).map(|_| noise * stream.normal()).collect();
    v[0] += signal;
    v
}

/// Gradients of independent blocks of pairs, of returns with a slope along the first coordinate and noise of standard
/// deviation 1. The slope is such that a block has the signal-to-noise ratio `length²` of a rollout, times the rollouts
/// of `2·dims` pairs of equal length.
fn rolled_out(dims: usize, blocks: usize, length: f64, stream: &mut Stream) -> Vec<Vec<f64>> {
    const MEAN_OF_INVERSES: f64 = 1.0 / (0.7 * 1.3); // E[1/U²], U uniform between 0.7 and 1.3
    let pairs = Around::Inside.pairs(dims, STD, blocks, stream);
    let in_block = pairs.len() / blocks;
    let longest = 1.3;
    let slope = length * longest / STD * (MEAN_OF_INVERSES * dims as f64 / in_block as f64).sqrt();
    let mut gradients = vec![vec![0.0; dims]; blocks];
    for pair in &pairs {
        let centre = vec![0.0; dims];
        let returns = pair.actions(&centre).map(|a| slope * a[0] + stream.normal());
        pair.add_slope(returns, &mut gradients[pair.block]);
    }
    for x in gradients.iter_mut().flatten() {
        *x /= in_block as f64;
    }
    gradients
}

/// Rolls out the paper's design, and fits all rollouts and the halves of ten splits.
fn splits(dims: usize, rollouts: usize, length: f64, stream: &mut Stream) -> Fits {
    let actions = Array2::from_shape_simple_fn((rollouts, dims), || stream.normal());
    let returns = Array1::from_shape_fn(rollouts, |i| length * actions[[i, 0]] + stream.normal());
    let fit = |rows: &[usize]| {
        let (x, y) = (actions.select(Axis(0), rows), returns.select(Axis(0), rows));
        local_gradient(x.view(), y.view()).expect("more rollouts than slopes").gradient.to_vec()
    };
    let all: Vec<usize> = (0..rollouts).collect();
    let halves = (0..10)
        .map(|_| {
            let order = stream.sample_without_replacement(rollouts, rollouts);
            let (a, b) = order.split_at(rollouts / 2);
            [fit(a), fit(b)]
        })
        .collect();
    Fits::Splits { full: fit(&all), halves }
}
