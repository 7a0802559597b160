//! With noise in the returns: errors and attenuated cosines are those of the formulas.

use hyperl::gradient::{Design, Settings, StateResult, local_gradient, perturb};
use hyperl::stats::attenuation::gaussian_design;
use hyperl::stats::similarity::cosine;
use hyperl::stats::summary;
use ndarray::Array1;

use crate::support::lab::{Lab, cosines, rotated};
use crate::support::seeds::drawn;

const STATES: usize = 300;
const HORIZON: u32 = 5;
const STD: f64 = 0.3;

/// Slope and noise so large that curvature is nothing beside them; `snr` is ρ of one rollout.
fn noisy(size: (usize, usize), noise: f64, snr: f64) -> Lab {
    let slope = noise * f64::sqrt(snr) / STD;
    Lab { noise, ..Lab::random(size, 1e-5, (STATES, slope, HORIZON)) }
}

fn settings(rollouts: usize) -> Settings {
    Settings { states: STATES, rollouts, horizon: Some(HORIZON), ..Settings::default() }
}

/// Root mean square of ‖ĝ − g‖, from norms and cosine of the exact critic.
fn error(results: &[StateResult]) -> f64 {
    let square = |r: &StateResult| {
        let (found, truth) = (r.truth_norm, r.critic_norm);
        found * found + truth * truth - 2.0 * found * truth * r.cosine
    };
    summary::mean(&results.iter().map(square).collect::<Vec<_>>()).sqrt()
}

#[test]
fn the_error_falls_with_rollouts_and_noise_as_predicted() {
    for (size, rollouts, noise) in [
        ((11, 3), 15, 1e4),
        ((11, 3), 60, 1e4),
        ((11, 3), 60, 2e4),
        ((17, 6), 15, 1e4),
        ((17, 6), 60, 1e4),
        ((27, 8), 30, 1e4),
        ((27, 8), 30, 5e3),
    ] {
        let lab = noisy(size, noise, 1.0);
        let found = error(&lab.measure(&lab.slope(HORIZON), &settings(rollouts)));
        // E[(XᵀX)⁻¹] = I / (σ² (Nr − Na − 2)): docs/estimator.md §1.2
        let spare = (rollouts - size.1 - 2) as f64;
        let predicted = noise / STD * (size.1 as f64 / spare).sqrt();
        assert!((found / predicted - 1.0).abs() < 0.15, "{size:?} {rollouts}: {found} {predicted}");
    }
}

#[test]
fn noise_pulls_the_mean_cosine_down_by_the_predicted_factor() {
    for (size, rollouts, snr) in
        [((11, 3), 15, 0.1), ((11, 3), 15, 1.0), ((17, 6), 15, 0.3), ((27, 8), 30, 0.3)]
    {
        let lab = noisy(size, 1e4, snr);
        let ceiling = gaussian_design(snr, rollouts, size.1);
        for (degrees, cosine) in [(0.0, 1.0), (60.0, 0.5), (180.0, -1.0)] {
            let critic = rotated(lab.slope(HORIZON), degrees);
            let found = cosines(&lab.measure(&critic, &settings(rollouts)));
            let errors =
                (summary::mean(&found) - ceiling * cosine) / summary::standard_error(&found);
            assert!(errors.abs() < 4.0, "{size:?} {rollouts} {snr} {degrees}°: {errors}");
        }
    }
}

#[test]
fn noise_alone_is_flagged_as_unresolved_as_often_as_the_test_says() {
    let lab = noisy((17, 6), 1e4, 1e-8);
    let results = lab.measure(&lab.slope(HORIZON), &settings(15));
    let resolved = results.iter().filter(|r| !r.flags.unresolved).count() as f64;
    // 5 % of 300 by chance: 15 ± 4 · 3.8
    assert!((resolved - 15.0).abs() < 15.0, "{resolved}");
    let adjusted: Vec<f64> = results.iter().map(|r| r.fit.adjusted_r2).collect();
    assert!(summary::mean(&adjusted).abs() < 0.06, "{}", summary::mean(&adjusted));
}

#[test]
fn results_do_not_depend_on_the_number_of_workers() {
    let mut lab = noisy((11, 3), 1e4, 1.0);
    lab.states.truncate(41);
    lab.breaks_above = 0.6;
    let settings = Settings { states: 41, ..settings(15) };
    let run = |threads| {
        let results = lab.try_measure((&lab.slope(HORIZON), None), &settings, threads).unwrap();
        format!("{results:?}") // shortest digits that read back the same; NaN equals itself
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
}

#[test]
fn a_wavy_value_shows_the_gradient_of_its_smoothed_self() {
    // Q = Σ α sin(w·Δ + φ): Gaussian smoothing damps each term by exp(−σ²‖w‖²/2) (docs/estimator.md §4.3)
    let value =
        |a: &[f64]| (2.0 * a[0] - a[1] + 0.3).sin() - 0.5 * (0.5 * a[0] + 3.0 * a[1] - 0.7).sin();
    let fitted = |std: f64| {
        let mut stream = drawn(0, "perturb");
        let cloud = perturb(&[0.0, 0.0], 400_000, std, Design::Gaussian, &mut stream);
        let values: Array1<f64> =
            cloud.actions.rows().into_iter().map(|a| value(&a.to_vec())).collect();
        local_gradient(cloud.actions.view(), values.view()).unwrap().gradient
    };
    let (local, smoothed) = (
        [1.719_462_431_430_01, -2.102_599_770_052_339],
        [1.399_597_067_147_282_6, -1.519_489_449_328_994],
    );
    for j in 0..2 {
        // The box cuts 0.09 % of the perturbations of 0.3.
        assert!((fitted(0.3)[j] - smoothed[j]).abs() < 0.01, "{}", fitted(0.3));
        assert!((fitted(1e-3)[j] - local[j]).abs() < 1e-4, "{}", fitted(1e-3));
    }
    assert!((cosine(&local, &smoothed).unwrap() - 0.998_268_189_137_838).abs() < 1e-12);
}
