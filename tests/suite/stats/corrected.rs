//! Are the numbers of a set of states those worked out by hand?

use hyperl::stats::corrected::{correct, correct_clusters, mean_pair_lower};
use hyperl::stats::lift::Lift;
use hyperl::stats::replicates::Replicates;

const LIFT: Lift = Lift::Orthogonal { blocks: 2, dims: 3 };

/// A state with the given cosines; the products are those of unit vectors.
fn state(full: f64, block: f64, pair: f64) -> Replicates {
    Replicates {
        full,
        block,
        pair,
        quad: f64::NAN,
        dot: full,
        truth_square: pair,
        critic_square: 1.0,
        error_square: 1.0 - 2.0 * full + pair,
    }
}

#[test]
fn the_correction_divides_by_the_root_of_the_agreement() {
    let states = vec![state(0.5, 0.4, 0.64); 10];
    let found = correct(&states, LIFT, 0.95);
    // √0.64 = 0.8; 0.4/0.8; 2·0.5 − 0.4; 0.5/√0.64; √((1 − 1 + 0.64)/0.64)
    assert!((found.ceiling_block.value - 0.8).abs() < 1e-14);
    assert!((found.corrected.value - 0.5).abs() < 1e-14);
    assert!((found.second_opinion - 0.6).abs() < 1e-14);
    assert!((found.stacked.value - 0.625).abs() < 1e-14);
    assert!((found.alpha.value - 1.0).abs() < 1e-14);
    assert!(found.resolved && found.corrected.half_width() < 1e-12);
    assert_eq!((found.states, found.corrected.n), (10, 10));
}

#[test]
fn agreement_below_nothing_is_undefined_and_unresolved() {
    let found = correct(&[state(0.1, 0.1, -0.2), state(0.2, 0.1, -0.1)], LIFT, 0.95);
    assert!(found.corrected.value.is_nan() && found.ceiling.value.is_nan());
    assert!(found.stacked.value.is_nan() && found.alpha.value.is_nan());
    assert!(!found.resolved && !found.depends_on_snr);
    assert!((found.raw.value - 0.15).abs() < 1e-15);
}

#[test]
fn weak_agreement_is_computed_but_not_believed() {
    let states: Vec<Replicates> =
        (0..30).map(|i| state(0.1, 0.05, if i % 2 == 0 { 0.5 } else { -0.4 })).collect();
    let found = correct(&states, LIFT, 0.95);
    assert!((found.corrected.value - 0.05 / 0.05f64.sqrt()).abs() < 1e-12);
    assert!(!found.resolved);
    let pairs: Vec<_> = states.iter().map(|s| vec![[s.pair]]).collect();
    assert!(mean_pair_lower(&pairs) < 0.05 && mean_pair_lower(&pairs[..1]).is_nan());
}

#[test]
fn nothing_is_clipped() {
    let found = correct(&[state(0.9, 0.9, 0.25), state(0.8, 0.9, 0.36)], LIFT, 0.95);
    assert!(found.corrected.value > 1.0);
}

#[test]
fn nothing_and_little_have_no_interval() {
    assert!(correct(&[], LIFT, 0.95).raw.value.is_nan());
    let one = correct(&[state(0.5, 0.4, 0.64)], LIFT, 0.95);
    assert!((one.corrected.value - 0.5).abs() < 1e-14 && one.corrected.low.is_nan());
    assert!(!one.resolved && !one.depends_on_snr);
}

#[test]
fn clusters_are_the_units_of_intervals_and_no_more() {
    let (good, bad) = (state(0.5, 0.48, 0.36), state(0.2, 0.24, 0.36));
    let clusters = [vec![good; 10], vec![bad; 10], vec![good; 10], vec![]];
    let found = correct_clusters(&clusters, LIFT, 0.95);
    let alone = correct(&clusters.concat(), LIFT, 0.95);
    assert!((found.corrected.value - alone.corrected.value).abs() < 1e-14);
    // 0.8, 0.4 and 0.8 as three units: se = 0.4/3; t(2) is (2p − 1)/√(2p(1 − p)) at p = 0.975.
    assert!((found.corrected.value - 2.0 / 3.0).abs() < 1e-14);
    let half = 0.95 / (2.0 * 0.975 * 0.025f64).sqrt() * 0.4 / 3.0;
    assert!((found.corrected.half_width() - half).abs() < 1e-9);
    assert_eq!((found.states, found.corrected.n, found.resolved), (30, 3, alone.resolved));
    assert!(found.corrected.half_width() > 3.0 * alone.corrected.half_width());
    // One cluster has the interval of its states; all states in one of two clusters have none.
    assert_eq!(correct_clusters(&[vec![good, bad]], LIFT, 0.95).corrected.n, 2);
    assert!(correct_clusters(&[vec![good, bad], vec![]], LIFT, 0.95).corrected.low.is_nan());
}
