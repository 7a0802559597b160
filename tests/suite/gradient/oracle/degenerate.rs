//! Where there is no gradient to compare, the pipeline says so and does not make one up.

use hyperl::gradient::known::{Coefficients, Critic, LinearQuadratic};
use hyperl::gradient::{Flags, Mode, Settings};
use ndarray::{Array1, Array2};

use crate::support::lab::Lab;

fn settings() -> Settings {
    Settings { states: 8, horizon: Some(20), ..Settings::default() }
}

/// Steep enough that the exact critic scores one.
fn steep() -> Lab {
    Lab::random((11, 3), 1e-4, (8, 1000.0, 20))
}

#[test]
fn equal_returns_leave_the_cosine_undefined() {
    let coefficients = Coefficients {
        dynamics: Array2::eye(4) * 0.5,
        input: Array2::zeros((4, 3)),
        state_cost: Array2::eye(4),
        action_cost: Array2::zeros((3, 3)),
        gain: Array2::zeros((3, 4)),
        gamma: 0.9,
        process_variance: Array1::zeros(4),
        policy_variance: Array1::zeros(3),
    };
    let lab = Lab::new(LinearQuadratic::new(coefficients).unwrap(), vec![vec![1.0; 4]; 8]);
    let critic = Critic::constant(Array1::ones(3));
    for result in lab.measure(&critic, &settings()) {
        assert!(result.cosine.is_nan() && result.norm_ratio.is_nan(), "{result:?}");
        assert!(result.flags.undefined && result.flags.unresolved, "{result:?}");
        assert!(result.truth_norm == 0.0 && !result.flags.rank_deficient, "{result:?}");
    }
}

#[test]
fn a_critic_without_slope_leaves_the_cosine_undefined() {
    let flat = Critic::constant(Array1::zeros(3));
    for result in steep().measure(&flat, &settings()) {
        assert!(result.cosine.is_nan() && result.self_cosine.is_nan() && result.flags.undefined);
        assert!(result.truth_norm > 900.0 && result.critic_norm == 0.0, "{result:?}");
    }
}

#[test]
fn a_saturated_dimension_is_left_out_and_the_others_are_right() {
    // Far outside the box, so that every perturbed action is clipped to the same bound.
    let centre = vec![0.1, 5.0, -0.1];
    let lab = Lab { centre: Some(centre), ..steep() };
    let inside = |a: &[f64]| a.iter().map(|x| x.clamp(-1.0, 1.0)).collect::<Vec<_>>();
    let system = lab.system.clone();
    let exact = Critic {
        gradient: Box::new(move |_, s, a| system.q_gradient_within(s, &inside(a), 20)),
        ..lab.slope(20)
    };
    // However wrong the critic is about the dimension that cannot be seen.
    let critic = exact.map(|_, mut g| {
        g[1] *= -1e3;
        g
    });
    for result in lab.measure(&critic, &settings()) {
        assert!(result.flags.projected && !result.flags.rank_deficient, "{result:?}");
        assert_eq!((result.fit.tried, result.fit.rank), (2, 2));
        assert!(result.cosine > 0.999, "{result:?}");
    }
    let all = Lab { centre: Some(vec![5.0, -5.0, 5.0]), ..steep() };
    for result in all.measure(&all.slope(20), &settings()) {
        assert!(result.cosine.is_nan() && result.flags.projected && result.flags.undefined);
    }
}

#[test]
fn a_self_check_names_what_is_degenerate_and_says_how_well_it_fits() {
    let linear = || Critic::constant(Array1::from(vec![3.0, 0.0, -4.0]));
    for result in steep().self_check(&linear(), &settings()) {
        assert!((result.self_cosine - 1.0).abs() < 1e-12 && result.cosine.is_nan());
        assert!((result.truth_norm - 5.0).abs() < 1e-9 && (result.critic_norm - 5.0).abs() < 1e-12);
        assert!((result.fit.adjusted_r2 - 1.0).abs() < 1e-9 && result.fit.tried == 3);
        assert_eq!((result.rollouts, result.horizon, result.longest), (15, 0, 0));
        assert_eq!(result.flags, Flags::default());
    }
    let flat = Critic::constant(Array1::zeros(3));
    for result in steep().self_check(&flat, &settings()) {
        assert!(result.self_cosine.is_nan() && result.flags.undefined, "{result:?}");
    }
}

#[test]
fn too_few_rollouts_are_refused_with_the_number_that_is_enough() {
    for (size, too_few) in [((11, 3), 5), ((17, 6), 8), ((27, 8), 10)] {
        let lab = Lab::random(size, 1e-4, (2, 1000.0, 20));
        for mode in [Mode::Paper, Mode::AsReleased] {
            let with = |rollouts| {
                let settings = Settings { mode, states: 2, rollouts, ..Settings::default() };
                lab.try_measure((&lab.slope(20), None), &settings, 1)
            };
            let dims = size.1;
            assert_eq!(
                with(too_few).unwrap_err().to_string(),
                format!(
                    "{too_few} rollouts cannot determine a gradient in {dims} action dimensions; \
                     use --rollouts {} or more",
                    dims + 3
                )
            );
            assert!(with(too_few + 1).unwrap().iter().all(|r| !r.flags.too_few));
        }
    }
}

#[test]
fn unstable_rollouts_are_dropped_and_counted() {
    let lab = Lab { breaks_above: 0.3, ..steep() };
    let results = lab.measure(&lab.slope(20), &settings());
    let dropped: usize = results.iter().map(|r| r.flags.non_finite).sum();
    // One in six lies above one standard deviation: 19 of 120 are expected.
    assert!((8..=32).contains(&dropped), "{dropped}");
    for result in &results {
        assert!(result.cosine > 0.999 && result.mean_return.is_finite(), "{result:?}");
        assert!(!result.flags.too_few);
    }

    let lab = Lab { breaks_above: -0.3, ..steep() };
    for result in lab.measure(&lab.slope(20), &settings()) {
        assert!(result.flags.non_finite > 9 && result.flags.too_few, "{result:?}");
        assert!(result.cosine.is_nan() && result.truth_norm.is_nan(), "{result:?}");
    }
    let lab = Lab { breaks_above: -100.0, ..steep() };
    for result in lab.measure(&lab.slope(20), &settings()) {
        assert!(result.flags.non_finite == 15 && result.cosine.is_nan(), "{result:?}");
    }
}
