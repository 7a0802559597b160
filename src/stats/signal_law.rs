//! How clear the gradients of many states are, and what an exactly right critic shows in them.
//!
//! A block's estimate of a state's gradient is taken as `N(δ·e₁, I_n)`: `δ` is the signal in units of the noise. How well
//! the blocks of a state agree has a law that depends on `δ` alone, and `δ` differs from state to state. Its law over
//! states is the one that makes the agreement seen most likely: no shape is assumed, only a grid of values. The mean
//! of `B` blocks has the signal `δ√B`, and an exactly right critic is above a threshold in `E P(cos > τ)` of the states.
//!
//! A law of two moments (a beta law of `C²`) was tried first. Where few states hold most of the signal, it is off by
//! 15 to 19 points of 100, and this one by 3 to 14.
//!
//! # References
//! Kiefer and Wolfowitz, Ann. Math. Stat. 1956; Laird, J. Am. Stat. Assoc. 1978; `docs/estimator.md` §6.1.

use super::noncentral::t_below;
use super::tails;
use crate::rng::Stream;

/// Values of `δ` on the grid: 0, and [`LEAST`] to [`MOST`] in equal ratios.
const SHIFTS: usize = 24;
/// The smallest `δ` above 0.
const LEAST: f64 = 0.15;
/// The largest; a cosine is then above 0.999.
const MOST: f64 = 60.0;
/// Made-up states behind the law of the agreement at each `δ`.
const DRAWS: usize = 4000;
/// Classes of agreement.
const BINS: usize = 32;
/// Steps of the EM algorithm.
const STEPS: usize = 1000;

/// The law of the signal of one block over states.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalLaw {
    blocks: usize,
    dims: usize,
    /// Share of states with each `δ` of the grid.
    weights: Vec<f64>,
}

impl SignalLaw {
    /// Returns the law under which the mean cosines of two blocks of each state, `agreement`, are most likely, where a
    /// state has `blocks` blocks in `dims` dimensions. `None` without states.
    ///
    /// It does not say whether there is a signal: few states, or blocks that do not agree, have a law too.
    ///
    /// # Panics
    /// If there are fewer than two blocks or no dimension.
    pub fn of(agreement: &[f64], blocks: usize, dims: usize) -> Option<Self> {
        assert!(blocks >= 2 && dims >= 1, "agreement needs two blocks and a dimension");
        if agreement.is_empty() {
            return None;
        }
        let likelihood = Likelihood::new(blocks, dims);
        let mut seen = [0.0; BINS];
        for &cosine in agreement {
            seen[likelihood.bin(cosine)] += 1.0 / agreement.len() as f64;
        }
        Some(Self { blocks, dims, weights: likelihood.most_likely(&seen) })
    }

    /// Returns the share of states in which an exactly right critic's cosine with the mean of all blocks exceeds `tau`.
    pub fn exact_above(&self, tau: f64) -> f64 {
        let root = (self.blocks as f64).sqrt();
        let of = |(weight, delta): (&f64, f64)| weight * above(tau, root * delta, self.dims);
        self.weights.iter().zip(shifts()).map(of).sum()
    }
}

/// Returns the probability that the first coordinate of the unit vector of `N(δ·e₁, I_n)` exceeds `tau`.
///
/// With `n − 1` degrees of freedom, it is that of a noncentral t above `τ√(n−1)/√(1−τ²)`. At `δ = 0` it is chance.
///
/// # Panics
/// If `dims` is 0.
pub fn above(tau: f64, delta: f64, dims: usize) -> f64 {
    assert!(dims > 0, "a direction needs at least one dimension");
    if tau >= 1.0 {
        return 0.0;
    }
    if tau < -1.0 {
        return 1.0;
    }
    if dims == 1 {
        return tails::normal_above(-delta); // the cosine is −1 or 1
    }
    let dof = (dims - 1) as f64;
    let t = tau * dof.sqrt() / ((1.0 - tau) * (1.0 + tau)).sqrt();
    1.0 - t_below(t, dof, delta)
}

/// The grid of `δ`.
fn shifts() -> impl Iterator<Item = f64> {
    let ratio = (MOST / LEAST).powf(1.0 / (SHIFTS - 2) as f64);
    std::iter::once(0.0).chain((0..SHIFTS - 1).map(move |i| LEAST * ratio.powi(i as i32)))
}

/// How likely each class of agreement is at each `δ`.
struct Likelihood {
    /// Inner edges of the classes, rising.
    edges: Vec<f64>,
    /// One row for each `δ`.
    rows: Vec<[f64; BINS]>,
}

impl Likelihood {
    /// Draws states at every `δ`, with the same noise, always from the same stream.
    fn new(blocks: usize, dims: usize) -> Self {
        let mut stream = Stream::new(0, "signal law");
        let noise: Vec<f64> = (0..DRAWS * blocks * dims).map(|_| stream.normal()).collect();
        let of_states = |delta: f64| -> Vec<f64> {
            noise.chunks_exact(blocks * dims).map(|state| agreement(state, dims, delta)).collect()
        };
        let drawn: Vec<Vec<f64>> = shifts().map(of_states).collect();
        let mut pooled = drawn.concat();
        pooled.sort_by(f64::total_cmp);
        let edges = (1..BINS).map(|bin| pooled[bin * pooled.len() / BINS]).collect();
        let mut likelihood = Self { edges, rows: Vec::new() };
        // Half a state more in each class: none is impossible because it was not drawn.
        let each = 1.0 / (DRAWS as f64 + 0.5 * BINS as f64);
        for states in drawn {
            let mut row = [0.5 * each; BINS];
            for cosine in states {
                row[likelihood.bin(cosine)] += each;
            }
            likelihood.rows.push(row);
        }
        likelihood
    }

    /// The class of an agreement.
    fn bin(&self, cosine: f64) -> usize {
        self.edges.partition_point(|edge| *edge <= cosine)
    }

    /// The weights of the rows under which `seen`, the share of each class, is most likely, by EM from equal weights.
    fn most_likely(&self, seen: &[f64; BINS]) -> Vec<f64> {
        let mut weights = vec![1.0 / SHIFTS as f64; SHIFTS];
        for _ in 0..STEPS {
            let mut mixed = [0.0; BINS];
            for (weight, row) in weights.iter().zip(&self.rows) {
                for (sum, p) in mixed.iter_mut().zip(row) {
                    *sum += weight * p;
                }
            }
            for (weight, row) in weights.iter_mut().zip(&self.rows) {
                let terms = row.iter().zip(seen).zip(&mixed);
                *weight *= terms.map(|((p, share), mixed)| p * share / mixed).sum::<f64>();
            }
        }
        weights
    }
}

/// The mean cosine of two of a state's blocks, which are noise and `delta` along the first coordinate.
fn agreement(noise: &[f64], dims: usize, delta: f64) -> f64 {
    let blocks = (noise.len() / dims) as f64;
    let mut sum = vec![0.0; dims];
    for block in noise.chunks_exact(dims) {
        let first = block[0] + delta;
        let rest: f64 = block[1..].iter().map(|x| x * x).sum();
        let length = (first * first + rest).sqrt();
        sum[0] += first / length;
        for (total, x) in sum[1..].iter_mut().zip(&block[1..]) {
            *total += x / length;
        }
    }
    let square: f64 = sum.iter().map(|x| x * x).sum();
    (square - blocks) / (blocks * (blocks - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::attenuation::{integrate, mean_direction};
    use crate::stats::replicates::Replicates;
    use crate::stats::similarity::chance_above;

    #[test]
    fn without_signal_it_is_chance_and_the_mean_cosine_is_the_attenuation() {
        for dims in [1, 2, 3, 6, 8] {
            for tau in [-0.7, 0.0, 0.25, 0.75, 0.98] {
                let found = above(tau, 0.0, dims);
                assert!((found - chance_above(tau, dims)).abs() < 1e-9, "{dims} {tau}: {found}");
            }
            // E cos = ∫ P(cos > τ) dτ − 1
            for delta in [0.3, 1.0, 4.0] {
                let mean = integrate(|tau| above(tau, delta, dims), -1.0, 1.0, 200) - 1.0;
                let expected = mean_direction(delta, dims);
                assert!((mean - expected).abs() < 1e-4, "{dims} {delta}: {mean}, not {expected}");
            }
        }
        assert!(above(1.0, 5.0, 3).abs() < 1e-15 && (above(-1.5, 0.0, 3) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn probabilities_match_scipy() {
        // scipy.stats.nct.sf(tau * sqrt(n - 1) / sqrt(1 - tau * tau), n - 1, delta)
        for (tau, delta, dims, expected) in [
            (0.25, 1.0, 3, 0.747_679_534_803),
            (0.5, 2.0, 3, 0.883_385_174_087),
            (0.75, 2.0, 6, 0.377_265_095_218),
            (0.9, 6.0, 6, 0.823_173_938_504),
            (0.25, 0.5, 8, 0.437_823_751_713),
            (0.75, 8.0, 8, 0.999_944_564_771),
        ] {
            let found = above(tau, delta, dims);
            assert!((found - expected).abs() < 1e-9, "{tau} {delta} {dims}: {found}");
        }
    }

    #[test]
    fn agreement_is_the_mean_cosine_of_two_blocks() {
        let noise = [0.3, -1.0, 2.0, 0.4, 0.1, -0.6, 1.5, 0.2, -0.9];
        let blocks: Vec<Vec<f64>> = noise.chunks(3).map(|b| vec![b[0] + 0.7, b[1], b[2]]).collect();
        let expected = Replicates::of(&blocks, &[1.0, 0.0, 0.0]).unwrap().pair;
        assert!((agreement(&noise, 3, 0.7) - expected).abs() < 1e-12);
    }
}
