//! Are the replicates of a state those worked out by hand, and unbiased?

use hyperl::stats::attenuation::mean_direction;
use hyperl::stats::replicates::Replicates;

use crate::support::seeds::drawn;

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
    let average =
        |field: fn(&Replicates) -> f64| states.iter().map(field).sum::<f64>() / f64::from(trials);
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
