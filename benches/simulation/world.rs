//! A made-up population of states in which every answer is known; tests and benches draw from it.
//!
//! A truth of lab mode is made in one of two ways: through the real design, actions of
//! [`orthogonal_blocks`] with returns that depend on them and are fitted again, or drawn as if blocks had
//! spherical noise, which is quick and what the formulas are about.
//!
//! Units of the latter: one rollout along a direction has noise 1, so that the true gradient of a state is
//! `√ρ·e₁` with `ρ` the signal-to-noise ratio of one rollout, lognormal over states, and a block
//! of `n` rollouts of the orthogonal antithetic design adds `N(0, I/n)`.

#![allow(dead_code, reason = "neither the tests nor the bench use all of it")]

use std::collections::HashMap;

use hyperl::gradient::{Cloud, Record, local_gradient, orthogonal_blocks};
use hyperl::rng::Stream;
use hyperl::stats::attenuation::{gaussian_design, mean_direction, orthogonal_design};
use hyperl::stats::corrected::{Corrected, correct};
use hyperl::stats::lift::Lift;
use hyperl::stats::replicates::Replicates;
use ndarray::{Array1, Array2, Axis};

/// How rollouts are spent in a state.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Design {
    /// Blocks of `2·Na` rollouts, orthogonal and antithetic, with spherical noise.
    Lab { blocks: usize },
    /// The actions of lab mode around `centre`, where the box may leave a coordinate little room or none,
    /// and fits to their returns.
    Real { blocks: usize, centre: &'static [f64] },
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

/// The replicate gradients of one state; the truth is `length·e₁`, `e₁` the first coordinate with room.
pub(crate) struct Truth {
    length: f64,
    kind: Fits,
}

enum Fits {
    Blocks(Vec<Vec<f64>>),
    Splits { full: Vec<f64>, halves: Vec<[Vec<f64>; 2]> },
    Record(Record),
}

impl Truth {
    /// Compares a critic's gradient with this state.
    pub(crate) fn judge(&self, critic: &[f64]) -> Replicates {
        match &self.kind {
            Fits::Blocks(blocks) => Replicates::of(blocks, critic),
            Fits::Splits { full, halves } => Replicates::of_splits(full, halves, critic),
            Fits::Record(record) => {
                let free = record.varied();
                let mut entries = critic.iter();
                let all: Vec<f64> = free
                    .iter()
                    .map(|free| if *free { *entries.next().expect("one for each") } else { 1.0 })
                    .collect();
                record.replicates_for(&all, &free).expect("a fit")
            }
        }
        .expect("normal draws are never 0")
    }
}

impl World {
    /// The rule from the ceiling of a replicate to that of all rollouts.
    pub(crate) fn lift(&self) -> Lift {
        let dims = self.dims;
        match self.design {
            Design::Lab { blocks } => Lift::Orthogonal { blocks, dims },
            Design::Real { blocks, .. } => Lift::Pairs { blocks, dims },
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
            Design::Real { blocks, centre } => {
                let cloud = orthogonal_blocks(centre, STD, blocks, stream);
                assert_eq!(cloud.tried(), self.dims, "coordinates with room");
                Fits::Record(rolled_out(centre, &cloud, length / STD, stream))
            }
        };
        Truth { length, kind }
    }

    /// Draws states as an adaptive measurement does (`hyperl::gradient::measure`): 30, then ten more
    /// at a time until the truth is resolved and the 95 % interval of the corrected cosine is as
    /// narrow as asked, or there are `most`.
    pub(crate) fn until_narrow(
        &self,
        (half_width, most): (f64, usize),
        mut draw: impl FnMut() -> Replicates,
    ) -> Corrected {
        let mut states: Vec<Replicates> = (0..30).map(|_| draw()).collect();
        loop {
            let found = correct(&states, self.lift(), 0.95);
            let narrow = found.resolved && found.corrected.half_width() <= half_width;
            if narrow || states.len() >= most {
                return found;
            }
            states.extend((0..10).map(|_| draw()));
        }
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
            Design::Lab { blocks } | Design::Real { blocks, .. } => {
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
            Design::Lab { blocks } | Design::Real { blocks, .. } => {
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

/// Returns of `slope` along the first coordinate with room and noise of standard deviation 1. The world is
/// deterministic, as the simulator is: the same action has the same return, noise and all.
fn rolled_out(centre: &[f64], cloud: &Cloud, slope: f64, stream: &mut Stream) -> Record {
    let actions: Vec<Vec<f64>> = cloud.actions.rows().into_iter().map(|a| a.to_vec()).collect();
    let varies = |j: &usize| actions.iter().any(|a| (a[*j] - actions[0][*j]).abs() > 0.0);
    let first = (0..centre.len()).find(varies).expect("a coordinate with room");
    let mut noise: HashMap<Vec<u64>, f64> = HashMap::new();
    let mut returns = Vec::with_capacity(actions.len());
    for action in &actions {
        let bits = action.iter().map(|x| x.to_bits()).collect();
        let noise = *noise.entry(bits).or_insert_with(|| stream.normal());
        returns.push(Some(slope * action[first] + noise));
    }
    Record { centre: centre.to_vec(), critic: vec![1.0; centre.len()], actions, returns }
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
