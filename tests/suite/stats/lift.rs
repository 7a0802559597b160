//! Does the ceiling of all rollouts follow from that of one block?

use hyperl::stats::attenuation::{gaussian_design, mean_direction, orthogonal_design};
use hyperl::stats::lift::Lift;

#[test]
fn blocks_lift_to_the_worked_values() {
    // docs/estimator.md §2.1: C_lab(0.3, 12, 3), (0.3, 24, 6), (0.3, 32, 8), from blocks of 2·Na
    for (dims, blocks, expected) in
        [(3, 2, 0.750_004_365_4), (6, 2, 0.746_251_927_8), (8, 2, 0.744_612_988_3)]
    {
        let block = orthogonal_design(0.3, 2 * dims, dims);
        let lifted = Lift::Orthogonal { blocks, dims }.ceiling(block);
        assert!((lifted - expected).abs() < 1e-9, "{dims} {lifted}");
    }
}

#[test]
fn halves_lift_to_the_worked_values() {
    // docs/estimator.md §2.1: C(0.3, 15, 3), C(0.3, 15, 6), C(0.3, 60, 6)
    for (rollouts, dims, expected) in
        [(15, 3, 0.728_681_634_609), (15, 6, 0.533_173_962_67), (60, 6, 0.862_271_976_99)]
    {
        let half = gaussian_design(0.3, rollouts / 2, dims)
            * gaussian_design(0.3, rollouts.div_ceil(2), dims);
        let lifted = Lift::Gaussian { rollouts, dims }.ceiling(half.sqrt());
        assert!((lifted - expected).abs() < 1e-9, "{rollouts} {dims} {lifted}");
    }
}

#[test]
fn lifting_undoes_itself_over_the_whole_range() {
    for dims in [1, 3, 8, 30] {
        for delta in [1e-6, 1e-3, 0.1, 1.0, 5.0, 40.0, 300.0] {
            let block = mean_direction(delta, dims);
            let lifted = Lift::Orthogonal { blocks: 1, dims }.ceiling(block);
            assert!((lifted / block - 1.0).abs() < 1e-9, "{dims} {delta} {lifted}");
        }
    }
}

#[test]
fn the_ceiling_rises_and_stays_within_its_ends() {
    let lift = Lift::Orthogonal { blocks: 2, dims: 6 };
    let ends = [-0.3, 0.0, 1.0, 1.2].map(|c| lift.ceiling(c));
    assert!(ends.iter().zip([0.0, 0.0, 1.0, 1.0]).all(|(c, e)| (c - e).abs() < 1e-15));
    let rising = [0.01, 0.2, 0.5, 0.9, 0.99].map(|c| lift.ceiling(c));
    assert!(rising.is_sorted() && rising[0] > 0.01 && rising[4] < 1.0);
    assert!(lift.ceiling(f64::NAN).is_nan());
    // Ant with 15 rollouts: seven cannot fit eight slopes.
    let ant = Lift::Gaussian { rollouts: 15, dims: 8 };
    assert!(ant.ceiling(0.5).is_nan());
    assert_eq!(ant.needs(), Some(18));
    let enough = Lift::Gaussian { rollouts: 18, dims: 8 };
    assert!(enough.ceiling(0.5) > 0.5 && enough.needs().is_none());
}
