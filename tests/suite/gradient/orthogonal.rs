//! Are the actions of lab mode orthogonal pairs within the box?

use hyperl::gradient::orthogonal::orthogonal_blocks;
use hyperl::gradient::perturb::Cloud;

use crate::support::seeds::drawn;

fn cloud(centre: &[f64], blocks: usize, seed: u64) -> Cloud {
    orthogonal_blocks(centre, 0.3, blocks, &mut drawn(seed, "perturb"))
}

#[test]
fn pairs_mirror_each_other_and_blocks_are_orthogonal() {
    let centre = [0.01, -0.02, 0.0, 0.03, 0.02, -0.01];
    let cloud = cloud(&centre, 3, 1);
    assert!(cloud.clipped == 0.0 && cloud.actions.dim() == (36, 6));
    let steps = &cloud.actions - &ndarray::aview1(&centre);
    let radius2 = 0.09 * 6.0;
    for block in steps.axis_chunks_iter(ndarray::Axis(0), 12) {
        let sides = block.slice(ndarray::s![..;2, ..]);
        for ((i, j), x) in (sides.dot(&sides.t()) / radius2).indexed_iter() {
            let lengths = 0.49..1.69;
            assert!(if i == j { lengths.contains(x) } else { x.abs() < 1e-12 }, "{i} {j} {x}");
        }
        let mirrored = &sides + &block.slice(ndarray::s![1..;2, ..]);
        assert!(mirrored.iter().all(|x| x.abs() < 1e-12));
    }
}

#[test]
fn the_box_shortens_pairs_on_both_sides_alike_and_saturated_coordinates_are_left_alone() {
    let centre = [0.95, 0.999, -0.3, 0.0];
    let cloud = cloud(&centre, 2, 3);
    assert_eq!(cloud.actions.dim(), (12, 4), "0.999 leaves 0.001, less than 0.05 × 0.3");
    let equal = |a: f64, b: f64| a.to_bits() == b.to_bits();
    assert!(cloud.actions.column(1).iter().all(|&a| equal(a, 0.999)));
    assert!(cloud.actions.iter().all(|a| a.abs() <= 1.0));
    // The coordinate with 0.05 of room has one pair in each block, of a length of its own.
    let own: Vec<f64> = cloud.actions.column(0).iter().map(|a| a - 0.95).collect();
    let mut lengths: Vec<f64> = own.iter().copied().filter(|step| *step > 0.0).collect();
    lengths.sort_by(f64::total_cmp);
    assert_eq!(own.iter().filter(|step| **step == 0.0).count(), 8, "not turned with the others");
    assert!(lengths.len() == 2 && lengths[1] - lengths[0] > 1e-4, "{lengths:?}");
    let fits = |length: &f64| (0.05 * 0.7 / 1.3..=0.05 + 1e-12).contains(length);
    assert!(lengths.iter().all(fits), "{lengths:?}");
    // two pairs of six, at least, were shortened
    assert!(cloud.clipped >= 2.0 / 6.0 - 1e-12, "{}", cloud.clipped);
}

#[test]
fn no_two_rollouts_of_a_state_try_the_same_action_wherever_the_actor_is() {
    // One coordinate with room, narrow or wide, once had the same pair in every block.
    let saturated = [1.0, -1.0, 0.999];
    for free in [vec![0.0], vec![0.8], vec![0.98], vec![-0.9, 0.2], vec![0.1, 0.2, 0.3]] {
        for seed in 0..200 {
            let centre = [&free[..], &saturated].concat();
            let cloud = cloud(&centre, 4, seed);
            assert_eq!(cloud.actions.nrows(), 8 * free.len());
            assert!(!cloud.repeats(), "{free:?} {seed}");
        }
    }
}

#[test]
fn an_action_in_a_corner_of_the_box_cannot_be_perturbed() {
    assert_eq!(cloud(&[1.0, -1.0], 2, 0).actions.dim(), (0, 2));
}
