//! Without noise: the true gradient is found, by a critic of any rightness, at any horizon.

use hyperl::gradient::Settings;
use hyperl::gradient::known::{Critic, LinearQuadratic};
use hyperl::stats::resample::jackknife;
use hyperl::stats::summary;
use ndarray::Array1;

use crate::support::lab::{Lab, cosines, norm, rotated};
use crate::support::seeds::drawn;

/// Sizes like those of Hopper, `HalfCheetah` and Ant.
const SIZES: [(usize, usize); 3] = [(11, 3), (17, 6), (27, 8)];
/// First horizon with 0.95ʰ below 10⁻³: what the defaults choose.
const HORIZON: u32 = 135;

fn settings(states: usize, std: f64) -> Settings {
    Settings { states, std, ..Settings::default() }
}

/// States so far out that curvature is nothing beside slope; the policy's gain keeps actions small.
fn steep(size: (usize, usize)) -> Lab {
    Lab::random(size, 1e-4, (20, 1000.0, HORIZON))
}

#[test]
fn the_exact_critic_scores_one_at_the_papers_settings() {
    for size in SIZES {
        let lab = steep(size);
        let infinite = {
            let (q, gradient) = (lab.system.clone(), lab.system.clone());
            Critic {
                value: Box::new(move |s, a| q.q(s, a)),
                gradient: Box::new(move |_, s, a| gradient.q_gradient(s, a)),
            }
        };
        for result in lab.measure(&infinite, &settings(20, 0.3)) {
            assert!(result.cosine > 0.999, "{size:?} {result:?}");
            assert!((result.norm_ratio - 1.0).abs() < 0.05, "{size:?} {result:?}");
            assert!(result.horizon == HORIZON && result.clipped < 0.05, "{result:?}");
            assert!((result.self_cosine - 1.0).abs() < 1e-3, "{result:?}");
        }
    }
}

#[test]
fn the_gradient_itself_is_found_for_a_working_policy() {
    // The policy's own gain, small states, and perturbations so small that curvature drops out.
    for size in SIZES {
        let lab = Lab::random(size, 1.0, (6, 0.5, HORIZON));
        let estimates = lab.estimates(&settings(6, 1e-6));
        for (s, estimate) in lab.states.iter().zip(estimates) {
            let truth = lab.system.q_gradient_within(s, &lab.centre_at(s), HORIZON);
            assert!(norm(&(&estimate - &truth)) < 1e-4 * norm(&truth), "{estimate} {truth}");
        }
    }
}

#[test]
fn a_cut_rollout_gives_the_gradient_of_its_horizon() {
    let mut lab = Lab::new(LinearQuadratic::worked_example().unwrap(), vec![vec![1.0, -0.5, 0.25]]);
    lab.centre = Some(vec![0.3, -0.2]);
    // 40-digit mpmath, docs/estimator.md §4.2
    for (horizon, expected) in [
        (1, [-0.06, 0.08]),
        (2, [-0.012_813_5, -0.143_649]),
        (10, [-0.222_769_986_894_633_3, -0.801_720_830_331_621]),
        (50, [-0.464_977_882_461_430_8, -1.062_590_598_454_29]),
        (400, [-0.465_126_665_964_595_1, -1.062_746_011_353_217]),
    ] {
        let settings = Settings { horizon: Some(horizon), ..settings(1, 1e-6) };
        let found = lab.estimates(&settings).remove(0);
        let gap = &found - &Array1::from(expected.to_vec());
        assert!(norm(&gap) < 1e-5, "{horizon}: {found} {expected:?}");
    }
}

#[test]
fn curvature_is_noise_of_the_predicted_size_and_no_bias() {
    let (states, rollouts, horizon, std) = (100, 100, 8, 0.1);
    for size in [(11, 3), (17, 6)] {
        let lab = Lab::random(size, 1e-3, (states, 20.0, horizon));
        let settings = Settings { rollouts, horizon: Some(horizon), ..settings(states, std) };
        let truth = |s: &[f64]| lab.system.q_gradient_within(s, &lab.centre_at(s), horizon);
        let errors: Vec<Array1<f64>> = lab
            .states
            .iter()
            .zip(lab.estimates(&settings))
            .map(|(s, found)| found - truth(s))
            .collect();
        // E‖ĝ − g‖² = ½σ² tr(H²) (Na + 4) / Nr for many rollouts: docs/estimator.md §1.5
        let trace: f64 = hessian_within(&lab, horizon).iter().map(|h| h * h).sum();
        let share = (size.1 as f64 + 4.0) / rollouts as f64;
        let predicted = (0.5 * std * std * trace * share).sqrt();
        let squares: Vec<f64> = errors.iter().map(|e| e.dot(e)).collect();
        let found = summary::mean(&squares).sqrt();
        assert!((found / predicted - 1.0).abs() < 0.15, "{size:?}: {found} {predicted}");
        for j in 0..size.1 {
            let of_axis: Vec<f64> = errors.iter().map(|e| e[j]).collect();
            let bias = summary::mean(&of_axis) / summary::standard_error(&of_axis);
            assert!(bias.abs() < 4.0, "{size:?}, dimension {j}: {bias} standard errors");
        }
    }
}

/// The constant Hessian of Q, by differences of its gradient, which is linear in the action.
fn hessian_within(lab: &Lab, horizon: u32) -> Vec<f64> {
    let (s, dims) = (&lab.states[0], lab.system.action_dim());
    let at_zero = lab.system.q_gradient_within(s, &vec![0.0; dims], horizon);
    let column = |j: usize| {
        let mut a = vec![0.0; dims];
        a[j] = 1.0;
        lab.system.q_gradient_within(s, &a, horizon) - &at_zero
    };
    (0..dims).flat_map(|j| column(j).to_vec()).collect()
}

#[test]
fn a_turned_critic_scores_the_cosine_of_its_angle() {
    for size in SIZES {
        let lab = steep(size);
        for (degrees, expected) in [(60.0, 0.5), (90.0, 0.0), (120.0, -0.5), (180.0, -1.0)] {
            let critic = rotated(lab.slope(HORIZON), degrees);
            let found = cosines(&lab.measure(&critic, &settings(20, 0.3)));
            let worst = found.iter().map(|c| (c - expected).abs()).fold(0.0, f64::max);
            // An error of the fit of ε turns the truth by ε at most: cos > 0.999 allows 0.045.
            assert!(worst < 0.045, "{size:?}, {degrees}°: {found:?}");
        }
        let twice = lab.slope(HORIZON).map(|_, g| g * 2.0);
        let result = lab.measure(&twice, &settings(20, 0.3));
        let ratios: Vec<f64> = result.iter().map(|r| r.norm_ratio).collect();
        assert!((summary::mean(&ratios) - 2.0).abs() < 0.02, "{ratios:?}");
        assert!(result.iter().all(|r| r.cosine > 0.999));
    }
}

#[test]
fn a_random_critic_scores_chance() {
    for size in SIZES {
        let lab = Lab::random(size, 1e-4, (150, 1000.0, 20));
        let random = lab.slope(20).map(|state, g| {
            let mut stream = drawn(state as u64, "random critic");
            Array1::from_shape_simple_fn(g.len(), || stream.normal())
        });
        let settings = Settings { horizon: Some(20), ..settings(150, 0.3) };
        let found = cosines(&lab.measure(&random, &settings));
        let mean = jackknife(&found, summary::mean, 0.997);
        assert!(mean.covers(0.0), "{size:?}: {mean:?}");
        // The cosine of random directions has variance 1/Na.
        let spread = summary::std(&found) * (size.1 as f64).sqrt();
        assert!((spread - 1.0).abs() < 0.2, "{size:?}: {spread}");
    }
}

#[test]
fn a_critic_agrees_with_a_fit_to_its_own_values() {
    let lab = Lab::random((11, 3), 1e-3, (10, 20.0, 30));
    let linear = Critic::constant(Array1::from(vec![0.3, -2.0, 0.7]));
    let own = |critic: &Critic| -> Vec<f64> {
        let results = lab.self_check(critic, &settings(10, 0.3));
        results.iter().map(|result| result.self_cosine).collect()
    };
    let linear = own(&linear);
    assert!(linear.iter().all(|c| (c - 1.0).abs() < 1e-12), "{linear:?}");
    let curved = own(&lab.exact(30));
    assert!(curved.iter().all(|c| *c > 0.5 && *c < 1.0 - 1e-9), "{curved:?}");
    let wrong = own(&lab.exact(30).map(|_, g| -g));
    assert!(wrong.iter().all(|c| *c < -0.5), "{wrong:?}");
}
