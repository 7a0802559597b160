//! Is the gradient that least squares find the right one, and what is refused?

use hyperl::error::GradientError;
use hyperl::gradient::least_squares::local_gradient;
use ndarray::{Array1, Array2, ArrayView1, Axis, array};

use crate::support::seeds::drawn;

fn noisy_plane(rollouts: usize, dims: usize, seed: u64) -> (Array2<f64>, Array1<f64>) {
    let mut stream = drawn(seed, "perturb");
    let actions = Array2::from_shape_simple_fn((rollouts, dims), || 0.3 * stream.normal());
    let slope = Array1::from_shape_simple_fn(dims, || stream.normal());
    let noise = Array1::from_shape_simple_fn(rollouts, || 0.3 * stream.normal());
    let returns = actions.dot(&slope) + noise + 50.0;
    (actions, returns)
}

fn relative_gap(a: &Array1<f64>, b: &Array1<f64>) -> f64 {
    ((a - b).dot(&(a - b)) / b.dot(b)).sqrt()
}

#[test]
fn linear_quadratic_example_gives_the_worked_gradient() {
    // 40-digit mpmath, docs/estimator.md §4.2: deterministic returns around a_μ of a known system.
    let actions = array![[0.3, 0.1], [-0.2, 0.25], [0.1, -0.35], [-0.4, -0.15], [0.05, 0.2]];
    let returns = array![
        -6.704_845_099_018_531,
        -6.697_356_226_853_811,
        -6.210_051_743_595_572,
        -6.258_529_584_975_215,
        -6.717_964_393_615_601
    ];
    let fit = local_gradient(actions.view(), returns.view()).unwrap();
    let expected = array![-0.293_226_308_554_014_7, -0.954_837_325_922_044_2];
    assert!(relative_gap(&fit.gradient, &expected) < 1e-14, "{}", fit.gradient);
    let truth = [-0.310_719_522_131_316_8, -0.991_238_135_004_686_4];
    let cosine = hyperl::stats::similarity::cosine(fit.gradient.as_slice().unwrap(), &truth);
    assert!((cosine.unwrap() - 0.999_983_115_964_479_3).abs() < 1e-14);
}

#[test]
fn antithetic_pairs_see_through_curvature() {
    let half = [[0.3, 0.1], [-0.2, 0.25], [0.1, -0.35]];
    let rows: Vec<[f64; 2]> = half.iter().flat_map(|a| [*a, a.map(|x| -x)]).collect();
    let actions = Array2::from(rows);
    let curved = |a: ArrayView1<'_, f64>| 2.0 * a[0] - a[1] - 3.0 * a[0] * a[0] + a[0] * a[1];
    let returns: Array1<f64> = actions.rows().into_iter().map(curved).collect();
    let fit = local_gradient(actions.view(), returns.view()).unwrap();
    assert!(relative_gap(&fit.gradient, &array![2.0, -1.0]) < 1e-14);
    assert!(fit.residual_variance > 0.0);
}

#[test]
fn equal_returns_give_a_gradient_of_exactly_zero() {
    let (actions, _) = noisy_plane(15, 3, 2);
    // A tenth is no binary number: a computed mean would leave rounding behind.
    let fit = local_gradient(actions.view(), Array1::from_elem(15, 0.1).view()).unwrap();
    assert!(fit.gradient.iter().all(|g| *g == 0.0) && fit.r2 == 0.0);
    assert!((fit.f_p_value - 1.0).abs() < 1e-15 && fit.residual_variance == 0.0);
}

#[test]
fn a_saturated_dimension_is_projected_out() {
    let (mut actions, returns) = noisy_plane(15, 4, 3);
    actions.column_mut(2).fill(1.0);
    let fit = local_gradient(actions.view(), returns.view()).unwrap();
    assert_eq!(fit.identified, [true, true, false, true]);
    assert!(fit.gradient[2] == 0.0 && !fit.is_rank_deficient());
    assert_eq!((fit.rank, fit.tried(), fit.dof), (3, 3, 11));
    let rest = actions.select(Axis(1), &[0, 1, 3]);
    let alone = local_gradient(rest.view(), returns.view()).unwrap();
    let kept = fit.gradient.select(Axis(0), &[0, 1, 3]);
    assert!(relative_gap(&kept, &alone.gradient) < 1e-14);

    actions.fill(-1.0);
    let nothing = local_gradient(actions.view(), returns.view()).unwrap();
    assert_eq!((nothing.rank, nothing.tried(), nothing.dof), (0, 0, 14));
    assert!(nothing.gradient.iter().all(|g| *g == 0.0) && nothing.condition.is_nan());
    assert!(nothing.f_p_value.is_nan(), "no direction, no test");
}

#[test]
fn as_many_rollouts_as_unknowns_interpolate() {
    let (actions, returns) = noisy_plane(9, 8, 4);
    let fit = local_gradient(actions.view(), returns.view()).unwrap();
    assert_eq!(fit.dof, 0);
    assert!((fit.r2 - 1.0).abs() < 1e-9 && fit.residual_variance.is_nan());
    assert!(fit.f_p_value.is_nan() && fit.adjusted_r2.is_nan());
}

#[test]
fn what_determines_nothing_is_refused() {
    let (actions, mut returns) = noisy_plane(8, 8, 5);
    let few = local_gradient(actions.view(), returns.view()).unwrap_err();
    assert_eq!(few, GradientError::TooFewRollouts { rollouts: 8, dims: 8 });
    let (actions, _) = noisy_plane(8, 3, 5);
    returns[4] = f64::NAN;
    let bad = local_gradient(actions.view(), returns.view()).unwrap_err();
    assert_eq!(bad, GradientError::NonFinite(4));
}

#[test]
fn the_gradient_is_unbiased_and_its_f_test_keeps_its_level() {
    let mut stream = drawn(6, "null");
    let rejected = (0..4000)
        .filter(|_| {
            let actions = Array2::from_shape_simple_fn((15, 6), || stream.normal());
            let returns = Array1::from_shape_simple_fn(15, || stream.normal());
            local_gradient(actions.view(), returns.view()).unwrap().f_p_value < 0.05
        })
        .count();
    // 0.05 ± 4 standard errors of 4000 trials
    assert!((rejected as f64 / 4000.0 - 0.05).abs() < 0.014, "{rejected}");
}
