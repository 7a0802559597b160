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

use super::similarity::{cosine, dot};
use super::summary::{mean, mean_vector};

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
        let full = mean_vector(blocks);
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

    /// Returns what blocks say of a critic without a gradient: cosines of 0, as of one that is orthogonal.
    ///
    /// `None` if the blocks have no cosines with each other, or there is none.
    ///
    /// # Panics
    /// If there is but one block, or the lengths differ.
    pub fn of_silent(blocks: &[Vec<f64>]) -> Option<Self> {
        // Whatever depends on the direction is replaced.
        let any = vec![1.0; blocks.first()?.len()];
        let Self { pair, quad, truth_square, .. } = Self::of(blocks, &any)?;
        let error_square = truth_square;
        let [full, block, dot, critic_square] = [0.0; 4];
        Some(Self { full, block, pair, quad, dot, truth_square, critic_square, error_square })
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

    /// Returns all numbers in a row; statistics are functions of the means of such rows.
    pub(super) fn row(&self) -> [f64; 8] {
        let Self { full, block, pair, quad, dot, truth_square, critic_square, error_square } =
            *self;
        [full, block, pair, quad, dot, truth_square, critic_square, error_square]
    }

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

/// `⟨v − ĝ_a, v − ĝ_b⟩`.
fn error_product(a: &[f64], b: &[f64], critic: &[f64]) -> f64 {
    critic.iter().zip(a).zip(b).map(|((v, x), y)| (v - x) * (v - y)).sum()
}
