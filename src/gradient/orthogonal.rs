//! Actions for independent estimates of one gradient: orthogonal ± pairs (lab mode).
//!
//! A block tries each of `m` orthogonal directions on both sides of the policy's action, at equal
//! distance. Everything even in the action cancels within a pair, and blocks are turned at random.
//! Each pair has a length of its own, so that no two rollouts of a state try the same action: in a
//! deterministic world the same action has the same return, and blocks that share actions agree by
//! construction, whatever the truth.
//!
//! # Deviations
//!
//! A pair cannot be longer than the action box allows along its direction. Under a common rotation a
//! single saturated coordinate would shorten every pair to nothing. So coordinates with less than σ
//! of room get a direction of their own, and only the others are turned; a coordinate with less than
//! 0.05 σ of room is not tried at all.
//!
//! # References
//! Choromanski et al. 2018 (orthogonal exploration); Mezzadri 2007 (random rotations).

use ndarray::Array2;

use super::perturb::Cloud;
use crate::rng::Stream;

/// Room, in units of σ, below which a coordinate is not tried.
const SATURATED: f64 = 0.05;

/// Shortest and longest pair, relative to the nominal length.
const LENGTHS: [f64; 2] = [0.7, 1.3];

/// Returns `blocks` blocks of `2 m` actions around `centre [A]`, where `m` of the `A` coordinates
/// have room; rows `2k` and `2k + 1` are a pair, at the same distance from the centre on both sides.
///
/// The distance is drawn for each pair, uniformly between 0.7 and 1.3 times σ√m, so that the sum of
/// squared perturbations of a coordinate in a block is `2.06 m σ²` on average. Where the box does not
/// hold the longest pair, it is drawn between 0.7/1.3 and 1 times what the box holds.
///
/// The cloud's `clipped` is the share of pairs that the box shortened. No coordinate with room
/// gives a cloud without rows.
///
/// # Panics
/// Never: each row has an entry for each coordinate.
///
/// # Examples
/// ```
/// use hyperl::gradient::orthogonal_blocks;
/// use hyperl::rng::Stream;
/// let cloud = orthogonal_blocks(&[0.1, -0.2, 1.0], 0.3, 2, &mut Stream::new(0, "perturb"));
/// assert_eq!(cloud.actions.dim(), (2 * 4, 3)); // the third coordinate is saturated
/// assert!(!cloud.repeats());
/// ```
pub fn orthogonal_blocks(centre: &[f64], std: f64, blocks: usize, stream: &mut Stream) -> Cloud {
    let room: Vec<f64> = centre.iter().map(|a| 1.0 - a.abs()).collect();
    let tried: Vec<usize> = (0..centre.len()).filter(|&j| room[j] >= SATURATED * std).collect();
    let (wide, narrow): (Vec<usize>, Vec<usize>) = tried.iter().partition(|&&j| room[j] >= std);
    let radius = std * (tried.len() as f64).sqrt();
    let (mut rows, mut shortened) = (Vec::new(), 0usize);
    for _ in 0..blocks {
        for direction in directions(centre.len(), &wide, &narrow, stream) {
            let reach = direction.iter().zip(&room).filter(|(d, _)| **d != 0.0);
            let reach = reach.map(|(d, room)| room / d.abs()).fold(f64::INFINITY, f64::min);
            let [shortest, longest] = LENGTHS;
            shortened += usize::from(reach < longest * radius);
            let length = radius.min(reach / longest) * stream.uniform(shortest, longest);
            for side in [length, -length] {
                // The box is met up to rounding; the executed action must lie in it.
                rows.extend(
                    centre.iter().zip(&direction).map(|(a, d)| (a + side * d).clamp(-1.0, 1.0)),
                );
            }
        }
    }
    let count = 2 * tried.len() * blocks;
    let actions = Array2::from_shape_vec((count, centre.len()), rows).expect("rows of actions");
    Cloud { actions, clipped: shortened as f64 / (count / 2).max(1) as f64 }
}

/// Orthonormal directions in `dims` dimensions: a random rotation of the `wide` coordinates, and
/// each `narrow` one on its own.
fn directions(dims: usize, wide: &[usize], narrow: &[usize], stream: &mut Stream) -> Vec<Vec<f64>> {
    let turned = rotation(wide.len(), stream).into_iter().map(|row| {
        let mut direction = vec![0.0; dims];
        wide.iter().zip(row).for_each(|(&j, x)| direction[j] = x);
        direction
    });
    let own = narrow.iter().map(|&j| (0..dims).map(|i| f64::from(u8::from(i == j))).collect());
    turned.chain(own).collect()
}

/// Returns the rows of a rotation (or reflection) drawn from the uniform (Haar) distribution: normal
/// vectors, made orthonormal one after the other.
///
/// Written out, not by LAPACK, whose last bits depend on the processor: the actions of a seed are
/// the same everywhere.
pub(super) fn rotation(n: usize, stream: &mut Stream) -> Vec<Vec<f64>> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::drawn;

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
