//! Figures of the worked example come from the formulas at 40 digits (mpmath); Monte Carlo agrees
//! (Q = -9.878 ± 0.024).

use super::*;

use crate::rng::drawn;

const S: [f64; 3] = [1.0, -0.5, 0.25];
const A: [f64; 2] = [0.3, -0.2];

fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-13 * expected.abs().max(1.0), "{found} {expected}");
}

fn assert_all_near(found: &Array1<f64>, expected: [f64; 2]) {
    for (&found, expected) in found.iter().zip(expected) {
        assert_near(found, expected);
    }
}

#[test]
fn the_value_of_the_worked_example_is_known() {
    let system = LinearQuadratic::worked_example().unwrap();
    let p = [
        [8.228_100_390_496_677, 2.036_505_803_632_858, -0.426_434_377_703_317_9],
        [2.036_505_803_632_858, 1.886_931_139_487_823, -0.025_792_323_761_081_09],
        [-0.426_434_377_703_317_9, -0.025_792_323_761_081_09, 0.546_922_467_977_887_7],
    ];
    for (found, expected) in system.forever.p.iter().zip(p.as_flattened()) {
        assert_near(*found, *expected);
    }
    assert_near(system.forever.c, 3.190_104_528_202_702);
    assert_near(system.value(&S), -9.680_845_446_275_705);
    assert_all_near(&system.act(&S), [-0.125, -0.25]);
}

#[test]
fn q_and_its_derivatives_in_the_worked_example_are_known() {
    let system = LinearQuadratic::worked_example().unwrap();
    assert_near(system.q(&S, &A), -9.854_173_665_577_78);
    assert_all_near(&system.q_gradient(&S, &A), [-0.465_126_665_964_595_1, -1.062_746_011_353_217]);
    // The gradient is linear in the action, so that a step of 1 along a coordinate gives a column of the Hessian.
    let hessian = [
        [-0.351_838_076_886_812_3, -0.097_519_223_127_661_93],
        [-0.097_519_223_127_661_93, -0.601_244_130_385_477_4],
    ];
    for (beyond, column) in [[A[0] + 1.0, A[1]], [A[0], A[1] + 1.0]].into_iter().zip(hessian) {
        let more = system.q_gradient(&S, &beyond) - system.q_gradient(&S, &A);
        assert_all_near(&more, column);
    }
    let mean = [-0.125, -0.25];
    assert_near(system.q(&S, &mean), -9.637_956_746_948_452);
    let gradient = system.q_gradient(&S, &mean);
    assert_all_near(&gradient, [-0.310_719_522_131_316_8, -0.991_238_135_004_686_4]);
    assert_near(gradient.dot(&gradient).sqrt(), 1.038_797_218_768_458);
}

#[test]
fn noise_moves_values_and_no_gradient() {
    let noisy = LinearQuadratic::worked_example().unwrap();
    let quiet = noisy.clone().with_noise(Array1::zeros(3), Array1::zeros(2));
    assert_near(quiet.value(&S), -6.490_740_918_073_004);
    assert_near(quiet.q(&S, &A), -6.706_957_836_702_333);
    assert_eq!(quiet.q_gradient(&S, &A), noisy.q_gradient(&S, &A));
}

#[test]
fn finite_horizons_in_the_worked_example_are_known() {
    let system = LinearQuadratic::worked_example().unwrap();
    for (horizon, q, gradient) in [
        (1, -1.157_625, [-0.06, 0.08]),
        (2, -2.115_948_187_5, [-0.012_813_5, -0.143_649]),
        (10, -6.329_582_178_423_778, [-0.222_769_986_894_633_3, -0.801_720_830_331_621]),
        (50, -9.516_791_087_260_742, [-0.464_977_882_461_430_8, -1.062_590_598_454_29]),
    ] {
        assert_near(system.q_within(&S, &A, horizon), q);
        assert_all_near(&system.q_gradient_within(&S, &A, horizon), gradient);
    }
    // P = Q + K.T @ R @ K; a = -K @ s; -2 * (R @ a + 0.95 * B.T @ P @ (A @ s + B @ a))   # numpy
    let at_mean = system.q_gradient_within(&S, &[-0.125, -0.25], 2);
    assert_all_near(&at_mean, [0.094_271_625, -0.111_617_25]);
}

#[test]
fn the_value_is_q_at_the_policys_own_action() {
    let mut stream = drawn(0, "linear");
    for (obs_dim, action_dim) in [(4, 3), (17, 6), (27, 8)] {
        let system = LinearQuadratic::random(obs_dim, action_dim, &mut stream).unwrap();
        let s: Vec<f64> = (0..obs_dim).map(|_| stream.normal()).collect();
        let a = system.act(&s).to_vec();
        assert_near(system.q(&s, &a) / system.value(&s), 1.0);
        assert_near(system.q_within(&s, &a, 7) / system.value_within(&s, 7), 1.0);
        let other: Vec<f64> = a.iter().map(|a| 0.5 - a).collect();
        assert_near(system.q_of(7)(&s, &other) / system.q_within(&s, &other, 7), 1.0);
        assert_near(system.value_within(&s, 2000) / system.value(&s), 1.0);
        assert!(system.q_gradient(&s, &a).dot(&system.q_gradient(&s, &a)).sqrt() > 1e-3);
    }
}

#[test]
fn at_the_optimal_gain_the_gradient_vanishes() {
    let mut stream = drawn(1, "linear");
    let mut coefficients =
        LinearQuadratic::random(5, 2, &mut stream).unwrap().coefficients().clone();
    coefficients.gain = optimal_gain(&coefficients).unwrap();
    let system = LinearQuadratic::new(coefficients).unwrap();
    let s = [1.0, -1.0, 0.5, 2.0, -0.3];
    let gradient = system.q_gradient(&s, &system.act(&s).to_vec());
    assert!(gradient.iter().all(|g| g.abs() < 1e-12), "{gradient}");
}

#[test]
fn random_systems_are_stable_and_repeat_under_a_seed() {
    for seed in 0..50 {
        let draw = || LinearQuadratic::random(8, 3, &mut drawn(seed, "linear")).unwrap();
        assert_eq!(draw(), draw());
        let radius = spectral_radius(&draw().coefficients.dynamics);
        assert!((radius - RANDOM_RADIUS).abs() < 1e-6, "{radius}");
    }
}

#[test]
fn an_unstable_policy_is_refused() {
    let mut coefficients = LinearQuadratic::worked_example().unwrap().coefficients().clone();
    coefficients.gain *= -10.0;
    let message = LinearQuadratic::new(coefficients).unwrap_err().to_string();
    assert!(message.contains("does not stabilise"), "{message}");
}
