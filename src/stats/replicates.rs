//! What independent replicates of the truth say about one state.
//!
//! A state's rollouts are split into blocks, and each block gives a gradient `ĝ_b` with noise of
//! its own. Products of different blocks are free of that noise, on average; products of a block
//! with itself are not. With the attenuation `C` of one block (see [`attenuation`]) and the true
//! cosine `c`, `E cos(ĝ_b, v) = C·c` and `E cos(ĝ_b, ĝ_b') = C²`: together they tell `c`.
//!
//! [`attenuation`]: super::attenuation
//!
//! # References
//! Spearman, Am. J. Psychol. 1904; `docs/estimator.md` §2.4.

use super::similarity::cosine;
use super::summary::mean;

/// The noise-free and the noisy products of one state; `v` is the critic's gradient.
///
/// Cosines have no unit; products and squares have that of squared gradients, (return per unit
/// of action)².
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Replicates {
    /// `cos(ḡ, v)`, with `ḡ` from all rollouts: the raw cosine.
    pub full: f64,
    /// Mean over blocks of `cos(ĝ_b, v)`.
    pub block: f64,
    /// Mean over pairs of blocks of `cos(ĝ_b, ĝ_b')`; estimates `C²`.
    pub pair: f64,
    /// Mean over disjoint pairs of pairs of `cos(ĝ₁, ĝ₂)·cos(ĝ₃, ĝ₄)`; estimates `C⁴`, NaN below
    /// four blocks.
    pub quad: f64,
    /// `⟨ḡ, v⟩`, unbiased for `⟨g, v⟩`.
    pub dot: f64,
    /// Mean over pairs of blocks of `⟨ĝ_b, ĝ_b'⟩`, unbiased for `‖g‖²`; may be negative.
    pub truth_square: f64,
    /// `‖v‖²`.
    pub critic_square: f64,
    /// Mean over pairs of blocks of `⟨v − ĝ_b, v − ĝ_b'⟩`, unbiased for `‖v − g‖²`; may be
    /// negative.
    pub error_square: f64,
}

impl Replicates {
    /// Compares the gradients of `blocks` with each other and with the critic's.
    ///
    /// `None` if a cosine is undefined: a vector (or the mean of the blocks) is 0 or not finite.
    ///
    /// # Panics
    /// If there are fewer than two blocks or the lengths differ.
    ///
    /// # Examples
    /// ```
    /// use hyperl::stats::replicates::Replicates;
    /// let state = Replicates::of(&[vec![1.0, 0.0], vec![0.0, 1.0]], &[1.0, 0.0]).unwrap();
    /// assert_eq!((state.block, state.pair), (0.5, 0.0)); // blocks that disagree say nothing
    /// ```
    pub fn of(blocks: &[Vec<f64>], critic: &[f64]) -> Option<Self> {
        assert!(blocks.len() >= 2, "replicates need two blocks, got {}", blocks.len());
        let full: Vec<f64> = (0..critic.len())
            .map(|i| blocks.iter().map(|block| block[i]).sum::<f64>() / blocks.len() as f64)
            .collect();
        let pairs: Vec<(usize, usize)> =
            (0..blocks.len()).flat_map(|b| (0..b).map(move |a| (a, b))).collect();
        let cosines: Option<Vec<f64>> =
            pairs.iter().map(|&(a, b)| cosine(&blocks[a], &blocks[b])).collect();
        let cosines = cosines?;
        let over_pairs = |product: &dyn Fn(&[f64], &[f64]) -> f64| {
            let products = pairs.iter().map(|&(a, b)| product(&blocks[a], &blocks[b]));
            products.sum::<f64>() / pairs.len() as f64
        };
        Some(Self {
            full: cosine(&full, critic)?,
            block: mean(&cosines_with(blocks, critic)?),
            pair: mean(&cosines),
            quad: mean_of_disjoint(&pairs, &cosines),
            dot: dot(&full, critic),
            truth_square: over_pairs(&dot),
            critic_square: dot(critic, critic),
            error_square: over_pairs(&|a, b| error_product(a, b, critic)),
        })
    }

    /// Makes the best of archived rollouts without blocks: `full` is the fit to all of them, and
    /// `halves` are the two fits of each of several random splits, over which it averages.
    ///
    /// [`Self::quad`] is NaN. Halves with too few rollouts for a unique fit may be those of least
    /// norm: the cosines stay right on average, while [`Self::truth_square`] and
    /// [`Self::error_square`] then miss the untried directions. `None` as in [`Self::of`].
    ///
    /// # Panics
    /// If there is no split or the lengths differ.
    pub fn of_splits(full: &[f64], halves: &[[Vec<f64>; 2]], critic: &[f64]) -> Option<Self> {
        assert!(!halves.is_empty(), "replicates need at least one split");
        let over_splits = |product: &dyn Fn(&[f64], &[f64]) -> f64| {
            halves.iter().map(|[a, b]| product(a, b)).sum::<f64>() / halves.len() as f64
        };
        let pairs: Option<Vec<f64>> = halves.iter().map(|[a, b]| cosine(a, b)).collect();
        Some(Self {
            full: cosine(full, critic)?,
            block: mean(&cosines_with(halves.as_flattened(), critic)?),
            pair: mean(&pairs?),
            quad: f64::NAN,
            dot: dot(full, critic),
            truth_square: over_splits(&dot),
            critic_square: dot(critic, critic),
            error_square: over_splits(&|a, b| error_product(a, b, critic)),
        })
    }
}

/// Means over states are functions of such rows.
impl Replicates {
    /// The fields, in their order.
    pub(super) fn row(&self) -> [f64; 8] {
        let Self { full, block, pair, quad, dot, truth_square, critic_square, error_square } =
            *self;
        [full, block, pair, quad, dot, truth_square, critic_square, error_square]
    }

    /// The fields from a row.
    pub(super) fn of_row(row: [f64; 8]) -> Self {
        let [full, block, pair, quad, dot, truth_square, critic_square, error_square] = row;
        Self { full, block, pair, quad, dot, truth_square, critic_square, error_square }
    }
}

/// The cosine of each gradient with the critic's; `None` if one is undefined.
fn cosines_with(gradients: &[Vec<f64>], critic: &[f64]) -> Option<Vec<f64>> {
    gradients.iter().map(|gradient| cosine(gradient, critic)).collect()
}

/// The mean of `values[i]·values[j]` over all pairs `i`, `j` without a block in common; NaN if
/// there are none.
fn mean_of_disjoint(pairs: &[(usize, usize)], values: &[f64]) -> f64 {
    let (mut sum, mut count) = (0.0, 0u32);
    for (i, (a, b)) in pairs.iter().enumerate() {
        for (j, (c, d)) in pairs.iter().enumerate().skip(i + 1) {
            if a != c && a != d && b != c && b != d {
                sum += values[i] * values[j];
                count += 1;
            }
        }
    }
    sum / f64::from(count)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// `⟨v − ĝ_a, v − ĝ_b⟩`.
fn error_product(a: &[f64], b: &[f64], critic: &[f64]) -> f64 {
    critic.iter().zip(a).zip(b).map(|((v, x), y)| (v - x) * (v - y)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::drawn;
    use crate::stats::attenuation::mean_direction;

    fn near(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-14
    }

    #[test]
    fn two_blocks_by_hand() {
        // ḡ = (2, 1); with v = (1, 0): cosines 3/√13 and 1, pair 3/√13
        let state = Replicates::of(&[vec![3.0, 2.0], vec![1.0, 0.0]], &[1.0, 0.0]).unwrap();
        assert!(near(state.full, 2.0 / 5f64.sqrt()));
        assert!(near(state.block, 0.5 * (3.0 / 13f64.sqrt() + 1.0)));
        assert!(near(state.pair, 3.0 / 13f64.sqrt()) && state.quad.is_nan());
        assert!(near(state.dot, 2.0) && near(state.truth_square, 3.0));
        // (v − ĝ₁)·(v − ĝ₂) = (−2, −2)·(0, 0)
        assert!(near(state.critic_square, 1.0) && near(state.error_square, 0.0));
    }

    #[test]
    fn four_blocks_have_three_disjoint_pairs_of_pairs() {
        let angles = [0.1f64, 0.7, 1.3, -0.4];
        let blocks = angles.map(|a| vec![a.cos(), a.sin()]);
        let state = Replicates::of(&blocks, &[1.0, 0.0]).unwrap();
        let cos = |i: usize, j: usize| (angles[i] - angles[j]).cos();
        let expected = cos(0, 1) * cos(2, 3) + cos(0, 2) * cos(1, 3) + cos(0, 3) * cos(1, 2);
        assert!(near(state.quad, expected / 3.0));
        let pairs = cos(0, 1) + cos(0, 2) + cos(0, 3) + cos(1, 2) + cos(1, 3) + cos(2, 3);
        assert!(near(state.pair, pairs / 6.0) && near(state.truth_square, pairs / 6.0));
        assert!(near(state.block, angles.map(f64::cos).iter().sum::<f64>() / 4.0));
    }

    #[test]
    fn splits_average_over_both_halves_of_each() {
        let halves = [[vec![1.0, 0.0], vec![0.0, 2.0]], [vec![1.0, 1.0], vec![2.0, 2.0]]];
        let state = Replicates::of_splits(&[3.0, 4.0], &halves, &[0.0, 1.0]).unwrap();
        assert!(near(state.full, 0.8) && near(state.pair, 0.5) && near(state.dot, 4.0));
        assert!(near(state.block, (0.0 + 1.0 + 2.0 * 0.5f64.sqrt()) / 4.0));
        // ⟨ĝ_a, ĝ_b⟩: 0 and 4; (−1, 1)·(0, −1) = −1 and (−1, 0)·(−2, −1) = 2
        assert!(near(state.truth_square, 2.0) && near(state.error_square, 0.5));
        assert!(state.quad.is_nan());
    }

    #[test]
    fn an_undefined_cosine_leaves_no_replicates() {
        let good = vec![1.0, 0.0];
        for bad in [vec![0.0, 0.0], vec![f64::NAN, 1.0], vec![f64::INFINITY, 1.0]] {
            assert_eq!(Replicates::of(&[good.clone(), bad.clone()], &good), None);
            assert_eq!(Replicates::of(&[good.clone(), good.clone()], &bad), None);
            let halves = [[good.clone(), bad.clone()]];
            assert_eq!(Replicates::of_splits(&good, &halves, &good), None);
            assert_eq!(Replicates::of_splits(&bad, &[[good.clone(), good.clone()]], &good), None);
        }
        // Blocks that cancel leave no direction.
        assert_eq!(Replicates::of(&[good.clone(), vec![-1.0, 0.0]], &good), None);
    }

    #[test]
    fn noise_leaves_the_products_of_different_blocks_unbiased() {
        // g = e₁, v at 60° with length 2, noise of variance 1/4 a coordinate: C = C₆(2)
        let (mut stream, trials) = (drawn(0, "replicates"), 20_000);
        let critic = [1.0, 3f64.sqrt(), 0.0, 0.0, 0.0, 0.0];
        let mut block = || -> Vec<f64> {
            (0..6).map(|i| f64::from(u8::from(i == 0)) + 0.5 * stream.normal()).collect()
        };
        let states: Vec<Replicates> = (0..trials)
            .map(|_| Replicates::of(&[block(), block(), block(), block()], &critic).unwrap())
            .collect();
        let average = |field: fn(&Replicates) -> f64| {
            states.iter().map(field).sum::<f64>() / f64::from(trials)
        };
        let attenuation = mean_direction(2.0, 6);
        // 4 standard errors of 20 000 states are below 0.01 for every cosine.
        assert!((average(|s| s.block) - 0.5 * attenuation).abs() < 0.01);
        assert!((average(|s| s.full) - 0.5 * mean_direction(4.0, 6)).abs() < 0.01);
        assert!((average(|s| s.pair) - attenuation.powi(2)).abs() < 0.01);
        assert!((average(|s| s.quad) - attenuation.powi(4)).abs() < 0.01);
        assert!((average(|s| s.dot) - 1.0).abs() < 0.02);
        assert!((average(|s| s.truth_square) - 1.0).abs() < 0.02);
        assert!((average(|s| s.error_square) - 3.0).abs() < 0.03); // ‖v − g‖² = 3
    }
}
