//! With noise in the returns: errors and attenuated cosines are those of the formulas.

use hyperl::gradient::{Settings, StateResult};
use hyperl::stats::attenuation::gaussian_design;
use hyperl::stats::summary;

use super::lab::{Lab, cosines, rotated};

const STATES: usize = 600;
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
        let found = error(&lab.measure(&lab.exact(HORIZON), &settings(rollouts)));
        // E[(XᵀX)⁻¹] = I / (σ² (Nr − Na − 2)): estimator §1.2
        let spare = (rollouts - size.1 - 2) as f64;
        let predicted = noise / STD * (size.1 as f64 / spare).sqrt();
        assert!((found / predicted - 1.0).abs() < 0.1, "{size:?} {rollouts}: {found} {predicted}");
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
            let critic = rotated(lab.exact(HORIZON), degrees);
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
    let results = lab.measure(&lab.exact(HORIZON), &settings(15));
    let resolved = results.iter().filter(|r| !r.flags.unresolved).count() as f64;
    // 5 % of 600 by chance: 30 ± 4 · 5.3
    assert!((resolved - 30.0).abs() < 22.0, "{resolved}");
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
        let results = lab.try_measure((&lab.exact(HORIZON), None), &settings, threads).unwrap();
        format!("{results:?}") // shortest digits that read back the same; NaN equals itself
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
}
