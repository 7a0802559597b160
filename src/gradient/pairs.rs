//! Pairs of first actions, on both sides of the policy's alike, in independent blocks
//! (`docs/estimator.md` §8).
//!
//! Around the policy a pair is `tanh(u ± L d)`, with `u` the policy's action before tanh: a coordinate at its
//! bound hardly moves, and so hardly counts, as it does for the actor. Inside the box a pair is `c ± L d`
//! around the policy's action `c`, pulled away from the bound, so that every coordinate moves.
//!
//! In a block the directions satisfy `Σ d dᵀ = n I` for `n` pairs, so that `(1/n) Σ d (q₊ − q₋)/2L` is the
//! gradient of any linear value. All that is even in the action cancels within a pair. Each pair has a length
//! of its own, so that no two rollouts of a state try the same action: blocks that share one would agree by
//! construction.
//!
//! # References
//! Choromanski et al. 2018 (orthogonal exploration); Mezzadri 2007 (random rotations); Paley 1933 (matrices of
//! signs with orthogonal rows); Plackett and Burman 1946 (as designs).

use crate::names::named;
use crate::rng::Stream;
use crate::stats::similarity::dot;

/// Shortest and longest pair, relative to σ.
pub(super) const LENGTHS: [f64; 2] = [0.7, 1.3];

/// Where every coordinate lies beyond this before tanh, none can move: its actions are within 10⁻⁹ of the bound, and
/// soon tanh rounds two different ones to the same.
const BEYOND: f64 = 12.0;

named!("place",
    /// What the actions of a pair lie around.
    Around {
        /// The policy's action, before tanh: what its actor can use.
        Policy = "policy",
        /// The policy's action, pulled into the box: every coordinate counts.
        Inside = "inside",
    }
);

/// A pair of actions, `L d` away from their centre on both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// What it lies around.
    pub around: Around,
    /// Number of its block, from 0.
    pub block: usize,
    /// Direction `d [A]`, of length `√A`.
    pub direction: Vec<f64>,
    /// Length `L`: before tanh, or in action half-ranges.
    pub length: f64,
}

impl Around {
    /// Returns what pairs at `u [A]`, the policy's action before tanh, lie around. Where all of `u` is so far beyond the
    /// bound that no coordinate can move, it is infinite: all actions are the bound itself, and all slopes 0.
    pub fn centre(self, u: &[f64], std: f64) -> Vec<f64> {
        match self {
            Self::Policy if u.iter().all(|u| u.abs() > BEYOND) => {
                u.iter().map(|u| u.signum() * f64::INFINITY).collect()
            }
            Self::Policy => u.to_vec(),
            Self::Inside => u.iter().map(|u| u.tanh().clamp(std - 1.0, 1.0 - std)).collect(),
        }
    }

    /// Returns the pairs of a block in `dims` dimensions.
    pub fn count(self, dims: usize) -> usize {
        match self {
            Self::Policy => dims,
            Self::Inside => square(dims).len(),
        }
    }

    /// Draws the pairs of `blocks` independent blocks in `dims` dimensions, at distances between 0.7 and 1.3
    /// times σ in each coordinate on average; inside the box between 0.54 and 1 times σ, which fits.
    pub fn pairs(self, dims: usize, std: f64, blocks: usize, stream: &mut Stream) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for block in 0..blocks {
            let (directions, longest) = match self {
                Self::Policy => (rotated(dims, stream), 1.0),
                Self::Inside => (signs(dims, stream), LENGTHS[1]),
            };
            for direction in directions {
                let length = std * stream.uniform(LENGTHS[0], LENGTHS[1]) / longest;
                pairs.push(Pair { around: self, block, direction, length });
            }
        }
        pairs
    }
}

impl Pair {
    /// Returns both actions `[A]`, on the side of the direction first.
    pub fn actions(&self, centre: &[f64]) -> [Vec<f64>; 2] {
        [self.length, -self.length].map(|step| {
            let moved = centre.iter().zip(&self.direction).map(|(c, d)| c + step * d);
            match self.around {
                Around::Policy => moved.map(f64::tanh).collect(),
                // The box is met up to rounding.
                Around::Inside => moved.map(|a| a.clamp(-1.0, 1.0)).collect(),
            }
        })
    }

    /// Adds to `sum [A]` what this pair says of the gradient, `d (q₊ − q₋)/2L`.
    pub fn add_slope(&self, [above, below]: [f64; 2], sum: &mut [f64]) {
        let slope = (above - below) / (2.0 * self.length);
        sum.iter_mut().zip(&self.direction).for_each(|(sum, d)| *sum += d * slope);
    }
}

/// Directions of length `√dims`, drawn uniformly and orthogonal to each other.
fn rotated(dims: usize, stream: &mut Stream) -> Vec<Vec<f64>> {
    let long = |row: Vec<f64>| row.into_iter().map(|x| x * (dims as f64).sqrt()).collect();
    rotation(dims, stream).into_iter().map(long).collect()
}

/// Returns the rows of a rotation (or reflection) drawn from the uniform (Haar) distribution: normal
/// vectors, made orthonormal one after the other.
///
/// Written out, not by LAPACK, whose last bits depend on the processor: the actions of a seed are
/// the same everywhere.
pub(in crate::gradient) fn rotation(n: usize, stream: &mut Stream) -> Vec<Vec<f64>> {
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(n);
    for _ in 0..n {
        let mut row: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
        // Twice, so that what rounding leaves of the earlier rows goes, too.
        for earlier in rows.iter().chain(&rows) {
            let along = dot(&row, earlier);
            row.iter_mut().zip(earlier).for_each(|(x, e)| *x -= along * e);
        }
        let norm = dot(&row, &row).sqrt();
        for x in &mut row {
            *x /= norm;
        }
        rows.push(row);
    }
    rows
}

/// Directions of entries ±1, whose columns are orthogonal to each other: some of a Hadamard matrix, in random
/// order and with random signs.
fn signs(dims: usize, stream: &mut Stream) -> Vec<Vec<f64>> {
    let matrix = square(dims);
    let columns = stream.sample_without_replacement(matrix.len(), dims);
    let signs: Vec<f64> = columns.iter().map(|_| stream.uniform(-1.0, 1.0).signum()).collect();
    let chosen = |row: &Vec<f64>| columns.iter().zip(&signs).map(|(&j, s)| s * row[j]).collect();
    matrix.iter().map(chosen).collect()
}

/// Returns the rows of the smallest matrix of signs with orthogonal columns that has `dims` of them, or more.
fn square(dims: usize) -> Vec<Vec<f64>> {
    (dims..).find_map(hadamard).unwrap_or_else(|| unreachable!("there are more"))
}

/// Returns the rows of a matrix of signs with orthogonal columns, if this knows one of `n` rows.
fn hadamard(n: usize) -> Option<Vec<Vec<f64>>> {
    let prime = n.checked_sub(1).filter(|q| q % 4 == 3 && (2..*q).all(|d| q % d != 0));
    if let Some(q) = prime {
        return Some(paley(q));
    }
    if n < 2 {
        return (n == 1).then(|| vec![vec![1.0]]);
    }
    // [H H; H −H]
    let half = if n.is_multiple_of(2) { hadamard(n / 2)? } else { return None };
    let twice = |sign: f64| {
        half.iter().map(move |row| row.iter().copied().chain(row.iter().map(move |x| sign * x)))
    };
    Some(twice(1.0).chain(twice(-1.0)).map(Iterator::collect).collect())
}

/// Paley's matrix of order `q + 1` for a prime `q` of the form `4k + 3`: a circulant of quadratic residues.
fn paley(q: usize) -> Vec<Vec<f64>> {
    let residues: Vec<usize> = (1..q).map(|x| x * x % q).collect();
    let entry = |i: usize, j: usize| match (i, j) {
        (0, _) | (_, 0) => 1.0,
        _ if i == j => -1.0,
        _ if residues.contains(&((q + i - j) % q)) => 1.0,
        _ => -1.0,
    };
    (0..=q).map(|i| (0..=q).map(|j| entry(i, j)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient::perturb::repeats;
    use crate::rng::drawn;

    #[test]
    fn directions_of_a_block_measure_every_coordinate_equally() {
        let mut stream = drawn(3, "pairs");
        for around in Around::ALL {
            for dims in 1..=24 {
                let pairs = around.pairs(dims, 0.3, 1, &mut stream);
                assert!(pairs.len() < dims + 4, "{around} {dims}: {} pairs", pairs.len());
                for i in 0..dims {
                    for j in 0..dims {
                        let sum: f64 = pairs.iter().map(|p| p.direction[i] * p.direction[j]).sum();
                        let expected = if i == j { pairs.len() as f64 } else { 0.0 };
                        assert!((sum - expected).abs() < 1e-10, "{around} {dims}: {i} {j} {sum}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_block_gives_the_gradient_of_a_linear_value_and_no_two_actions_are_alike() {
        let mut stream = drawn(4, "pairs");
        let (u, slope) = ([0.3, -2.0, 5.0], [1.0, -0.5, 2.0]);
        let pairs = Around::Inside.pairs(3, 0.3, 3, &mut stream);
        let centre = Around::Inside.centre(&u, 0.3);
        assert_eq!(centre, [0.3f64.tanh(), -0.7, 0.7]);
        let actions: Vec<[Vec<f64>; 2]> = pairs.iter().map(|p| p.actions(&centre)).collect();
        let q = |a: &[f64]| 7.0 + a.iter().zip(slope).map(|(a, s)| a * s).sum::<f64>();
        for block in 0..3 {
            let mut sum = [0.0; 3];
            for (pair, [above, below]) in
                pairs.iter().zip(&actions).filter(|(p, _)| p.block == block)
            {
                pair.add_slope([q(above), q(below)], &mut sum);
            }
            for (found, slope) in sum.iter().zip(slope) {
                assert!((found / 4.0 - slope).abs() < 1e-12, "{sum:?}");
            }
        }
        let flat = actions.as_flattened();
        for (i, a) in flat.iter().enumerate() {
            assert!(a.iter().all(|a| a.abs() <= 1.0) && !flat[..i].contains(a), "{a:?}");
        }
    }

    #[test]
    fn an_actor_beyond_its_bound_tries_the_bound_itself_and_never_two_actions_that_tanh_makes_one()
    {
        let mut stream = drawn(5, "pairs");
        for beyond in [12.1, 15.0, 17.0, 18.5, 40.0] {
            let u = [beyond, -beyond, 1.3 * beyond];
            let centre = Around::Policy.centre(&u, 0.3);
            for pair in Around::Policy.pairs(3, 0.3, 4, &mut stream) {
                assert_eq!(pair.actions(&centre), [[1.0, -1.0, 1.0]; 2], "{beyond}");
            }
        }
        // With one coordinate that moves all are told apart.
        let u = [11.9, -40.0, 17.0];
        let centre = Around::Policy.centre(&u, 0.3);
        assert_eq!(centre, u);
        let pairs = Around::Policy.pairs(3, 0.3, 4, &mut stream);
        assert!(!repeats(pairs.iter().flat_map(|pair| pair.actions(&centre))));
    }

    #[test]
    fn rotations_have_no_preferred_direction() {
        // Haar: E[Q_ij] = 0 with variance 1/n, E[Q_ij²] = 1/n with variance 2(n − 1)/(n²(n + 2)).
        let (n, draws) = (4, 20_000);
        let mut stream = drawn(2, "perturb");
        let (mut sum, mut squares) = (vec![vec![0.0; n]; n], vec![vec![0.0; n]; n]);
        for _ in 0..draws {
            for (i, row) in rotation(n, &mut stream).into_iter().enumerate() {
                for (j, x) in row.into_iter().enumerate() {
                    sum[i][j] += x / f64::from(draws);
                    squares[i][j] += x * x / f64::from(draws);
                }
            }
        }
        // 4.5 standard errors: 32 entries are looked at.
        let error = |variance: f64| 4.5 * (variance / f64::from(draws)).sqrt();
        assert!(sum.iter().flatten().all(|x| x.abs() < error(0.25)), "{sum:?}");
        let near = |x: &f64| (x - 0.25).abs() < error(2.0 * 3.0 / (16.0 * 6.0));
        assert!(squares.iter().flatten().all(near), "{squares:?}");
    }
}
