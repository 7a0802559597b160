//! How far does noise pull a cosine: worked values, closed forms, simulations.

use hyperl::stats::attenuation::{gaussian_design, mean_direction, orthogonal_design};

use crate::support::seeds::drawn;

#[test]
fn mean_direction_matches_the_worked_values() {
    // 40-digit mpmath, docs/estimator.md §2.1
    for (dims, delta, expected) in [
        (3, 0.5, 0.259_486_539_413_12),
        (3, 1.0, 0.483_941_449_038_29),
        (6, 2.0, 0.633_240_122_730_42),
        (8, 1.0, 0.326_578_449_999_28),
        (8, 5.0, 0.878_976_514_803_75),
    ] {
        assert!((mean_direction(delta, dims) - expected).abs() < 2e-14, "{dims} {delta}");
    }
}

#[test]
fn one_and_three_dimensions_have_closed_forms() {
    use statrs::function::erf::erf;
    for delta in [0.0f64, 1e-6, 0.3, 1.0, 3.0, 8.0, 19.0, 21.0, 100.0, 1e8, f64::INFINITY] {
        // n = 1: P(positive) − P(negative) = erf(δ/√2)
        assert!((mean_direction(delta, 1) - erf(delta / 2f64.sqrt())).abs() < 1e-10);
        if delta > 1e-3 && delta.is_finite() {
            // n = 3: √(2/π) e^{−δ²/2}/δ + (1 − δ⁻²) erf(δ/√2)
            let bell = (2.0 / std::f64::consts::PI).sqrt() * (-0.5 * delta * delta).exp();
            let closed = bell / delta + (1.0 - delta.powi(-2)) * erf(delta / 2f64.sqrt());
            assert!((mean_direction(delta, 3) - closed).abs() < 1e-10, "{delta}");
        }
    }
}

#[test]
fn expansions_meet_where_they_change_over() {
    for dims in [1, 2, 3, 6, 8, 17, 30, 111, 500] {
        let n = dims as f64;
        let edge = 2.0 * 200f64.max(n);
        let (below, above) = ((edge * (1.0 - 1e-12)).sqrt(), (edge * (1.0 + 1e-12)).sqrt());
        let gap = mean_direction(below, dims) - mean_direction(above, dims);
        assert!(gap.abs() < 1e-11, "{dims} {gap:e}");
    }
}

#[test]
fn gaussian_design_matches_the_worked_values() {
    for (snr, rollouts, dims, expected) in [
        (0.1, 15, 3, 0.506_796_376_304),
        (0.3, 15, 3, 0.728_681_634_609),
        (0.3, 15, 6, 0.533_173_962_67),
        (0.3, 15, 8, 0.430_647_489_523),
        (1.0, 15, 8, 0.654_415_587_728),
        (0.3, 60, 6, 0.862_271_976_99),
    ] {
        let ceiling = gaussian_design(snr, rollouts, dims);
        assert!((ceiling - expected).abs() < 1e-11, "{snr} {rollouts} {dims}: {ceiling}");
    }
}

#[test]
fn orthogonal_design_matches_the_worked_values() {
    for (snr, rollouts, dims, expected) in [
        (0.3, 12, 3, 0.750_004_365_4),
        (0.3, 24, 6, 0.746_251_927_8),
        (0.3, 32, 8, 0.744_612_988_3),
        (1.0, 16, 8, 0.824_978_011_8),
    ] {
        assert!((orthogonal_design(snr, rollouts, dims) - expected).abs() < 1e-10);
    }
}

#[test]
fn the_ceiling_grows_from_nothing_to_one() {
    assert!(gaussian_design(0.0, 15, 6).abs() < 1e-15);
    assert!((gaussian_design(1e12, 15, 6) - 1.0).abs() < 1e-9);
    assert!(gaussian_design(0.3, 6, 6).is_nan() && gaussian_design(f64::NAN, 15, 6).is_nan());
    let rising = [0.01, 0.1, 1.0, 10.0].map(|snr| gaussian_design(snr, 9, 8));
    assert!(rising.is_sorted() && rising[0] > 0.0);
}

#[test]
fn simulated_directions_have_the_mean_of_the_formula() {
    let mut stream = drawn(0, "directions");
    let trials = 20_000;
    let sum: f64 = (0..trials)
        .map(|_| {
            let mut v: Vec<f64> = (0..6).map(|_| stream.normal()).collect();
            v[0] += 2.0;
            v[0] / v.iter().map(|x| x * x).sum::<f64>().sqrt()
        })
        .sum();
    assert!((sum / f64::from(trials) - mean_direction(2.0, 6)).abs() < 0.01);
}
