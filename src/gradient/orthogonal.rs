//! Actions for independent estimates of one gradient: orthogonal ± pairs (lab mode).
//!
//! A block tries each of `m` orthogonal directions on both sides of the policy's action, at equal
//! distance. Everything even in the action cancels within a pair, the error of a block's gradient
//! is the smallest that its rollouts allow, and blocks are turned at random, so that two of them
//! are independent replicates of the same gradient.
//!
//! # Deviations
//!
//! The project notes shorten a pair at the action box by the distance along its direction. Under a
//! common rotation a single saturated coordinate would then shorten every pair to nothing. So
//! coordinates with less than σ of room get a direction of their own, and only the others are
//! turned; a coordinate with less than 0.05 σ of room is not tried at all.
//!
//! # References
//! Project notes `estimator` §3; Choromanski et al. 2018 (orthogonal exploration).

use ndarray::Array2;
use ndarray_linalg::QR;

use super::perturb::Cloud;
use crate::rng::Stream;

/// Room, in units of σ, below which a coordinate is not tried.
const SATURATED: f64 = 0.05;

/// Returns `blocks` blocks of `2 m` actions around `centre [A]`, where `m` of the `A` coordinates
/// have room; rows `2k` and `2k + 1` are a pair. The distance is σ√m, less at the box, so that the
/// sum of squared perturbations of a coordinate is `2 m σ²` in a block.
///
/// The cloud's `clipped` is the share of pairs that the box shortened. No coordinate with room
/// gives a cloud without rows.
///
/// # Panics
/// Never: the QR decomposition of a finite matrix exists.
///
/// # Examples
/// ```
/// use hyperl::gradient::orthogonal_blocks;
/// use hyperl::rng::Stream;
/// let cloud = orthogonal_blocks(&[0.1, -0.2, 1.0], 0.3, 2, &mut Stream::new(0, "perturb"));
/// assert_eq!(cloud.actions.dim(), (2 * 4, 3)); // the third coordinate is saturated
/// ```
pub fn orthogonal_blocks(centre: &[f64], std: f64, blocks: usize, stream: &mut Stream) -> Cloud {
    let room: Vec<f64> = centre.iter().map(|a| 1.0 - a.abs()).collect();
    let tried: Vec<usize> = (0..centre.len()).filter(|&j| room[j] >= SATURATED * std).collect();
    let (wide, narrow): (Vec<usize>, Vec<usize>) = tried.iter().partition(|&&j| room[j] >= std);
    let radius = std * (tried.len() as f64).sqrt();
    let (mut rows, mut shortened) = (Vec::new(), 0usize);
    for _ in 0..blocks {
        for direction in directions(centre.len(), (&wide, &narrow), stream) {
            let reach = direction.iter().zip(&room).filter(|(d, _)| **d != 0.0);
            let reach = reach.map(|(d, room)| room / d.abs()).fold(f64::INFINITY, f64::min);
            shortened += usize::from(reach < radius);
            for side in [radius.min(reach), -radius.min(reach)] {
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
fn directions(
    dims: usize,
    (wide, narrow): (&[usize], &[usize]),
    stream: &mut Stream,
) -> Vec<Vec<f64>> {
    let rotation = rotation(wide.len(), stream);
    let turned = rotation.columns().into_iter().map(|column| {
        let mut direction = vec![0.0; dims];
        wide.iter().zip(column).for_each(|(&j, &x)| direction[j] = x);
        direction
    });
    let own = narrow.iter().map(|&j| (0..dims).map(|i| f64::from(u8::from(i == j))).collect());
    turned.chain(own).collect()
}

/// A rotation (or reflection) drawn from the uniform (Haar) distribution: the Q of a Gaussian
/// matrix, with the signs of R's diagonal (Mezzadri 2007).
fn rotation(n: usize, stream: &mut Stream) -> Array2<f64> {
    if n == 0 {
        return Array2::zeros((0, 0));
    }
    let gaussian = Array2::from_shape_simple_fn((n, n), || stream.normal());
    let (mut q, r) = gaussian.qr().expect("a finite matrix has a QR decomposition");
    for (mut column, diagonal) in q.columns_mut().into_iter().zip(r.diag()) {
        column *= diagonal.signum();
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(centre: &[f64], blocks: usize, seed: u64) -> Cloud {
        orthogonal_blocks(centre, 0.3, blocks, &mut Stream::new(seed, "perturb"))
    }

    #[test]
    fn pairs_mirror_each_other_and_blocks_are_orthogonal() {
        let centre = [0.01, -0.02, 0.0, 0.03, 0.02, -0.01];
        let cloud = cloud(&centre, 3, 1);
        assert!(cloud.clipped == 0.0);
        let steps = &cloud.actions - &ndarray::aview1(&centre);
        let radius2 = 0.09 * 6.0;
        for block in steps.axis_chunks_iter(ndarray::Axis(0), 12) {
            let sides = block.slice(ndarray::s![..;2, ..]);
            let gram = sides.dot(&sides.t()) / radius2;
            for ((i, j), x) in gram.indexed_iter() {
                assert!((x - f64::from(u8::from(i == j))).abs() < 1e-12, "{i} {j} {x}");
            }
            let mirrored = &sides + &block.slice(ndarray::s![1..;2, ..]);
            assert!(mirrored.iter().all(|x| x.abs() < 1e-12));
        }
    }

    #[test]
    fn rotations_have_no_preferred_direction() {
        // Haar: E[Q_ij²] = 1/n, E[Q_ij] = 0; and the sign fix matters: without it Q_11 ≤ 0 always.
        let mut stream = Stream::new(2, "perturb");
        let (mut sum, mut squares) = (Array2::<f64>::zeros((4, 4)), Array2::<f64>::zeros((4, 4)));
        for _ in 0..20_000 {
            let q = rotation(4, &mut stream);
            squares += &q.mapv(|x| x * x);
            sum += &q;
        }
        assert!(sum.iter().all(|x| (x / 2e4).abs() < 0.02), "{sum}");
        assert!(squares.iter().all(|x| (x / 2e4 - 0.25).abs() < 0.01), "{squares}");
    }

    #[test]
    fn the_box_shortens_pairs_on_both_sides_alike_and_saturated_coordinates_are_left_alone() {
        let centre = [0.95, 0.999, -0.3, 0.0];
        let cloud = cloud(&centre, 2, 3);
        assert_eq!(cloud.actions.dim(), (12, 4), "0.999 leaves 0.001, less than 0.05 × 0.3");
        let equal = |a: f64, b: f64| a.to_bits() == b.to_bits();
        assert!(cloud.actions.column(1).iter().all(|&a| equal(a, 0.999)));
        assert!(cloud.actions.iter().all(|a| a.abs() <= 1.0));
        // the coordinate with 0.05 of room: one pair for each block, as long as the box allows
        let first: Vec<f64> = cloud.actions.column(0).to_vec();
        assert_eq!(first.iter().filter(|&&a| equal(a, 1.0)).count(), 2);
        assert_eq!(first.iter().filter(|&&a| (a - 0.9).abs() < 1e-12).count(), 2);
        assert_eq!(
            first.iter().filter(|&&a| equal(a, 0.95)).count(),
            8,
            "not turned with the others"
        );
        // two pairs of six, at least, were shortened
        assert!(cloud.clipped >= 2.0 / 6.0 - 1e-12, "{}", cloud.clipped);
    }

    #[test]
    fn an_action_in_a_corner_of_the_box_cannot_be_perturbed() {
        assert_eq!(cloud(&[1.0, -1.0], 2, 0).actions.dim(), (0, 2));
    }
}
