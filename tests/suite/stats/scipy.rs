//! Statistics and least squares against scipy and numpy (`tests/fixtures/scipy/stats.py`).

use hyperl::gradient::local_gradient;
use hyperl::stats::{attenuation, histogram, hypothesis, resample, similarity, summary};
use ndarray::{Array1, Array2};
use serde_json::Value;

use crate::support::scipy::{assert_near, cases, fixture, number, numbers};

#[test]
fn summaries_match_numpy() {
    for case in cases("summary") {
        let values = numbers(&case["values"]);
        assert_near(summary::mean(&values), &case["mean"], 1e-13);
        assert_near(summary::std(&values), &case["std"], 1e-13);
        assert_near(summary::interquartile_mean(&values), &case["interquartile_mean"], 1e-13);
        for pair in case["quantiles"].as_array().unwrap() {
            assert_near(summary::quantile(&values, number(&pair[0])), &pair[1], 1e-12);
        }
    }
}

#[test]
fn jackknife_of_the_mean_is_the_t_interval_of_scipy() {
    for case in cases("mean_interval") {
        let values = numbers(&case["values"]);
        let estimate = resample::jackknife(&values, summary::mean, number(&case["level"]));
        assert_near(estimate.value, &case["value"], 1e-12);
        assert_near(estimate.low, &case["low"], 1e-10);
        assert_near(estimate.high, &case["high"], 1e-10);
    }
}

#[test]
fn wilson_intervals_match_scipy() {
    for case in cases("wilson") {
        let (k, n) = (number(&case["successes"]) as usize, number(&case["n"]) as usize);
        let estimate = hypothesis::wilson(k, n, number(&case["level"]));
        assert!((estimate.low - number(&case["low"])).abs() < 1e-12);
        assert_near(estimate.high, &case["high"], 1e-12);
    }
}

#[test]
fn t_tests_match_scipy() {
    let check = |test: hypothesis::TTest, case: &Value| {
        assert_near(test.statistic, &case["statistic"], 1e-11);
        assert_near(test.dof, &case["dof"], 1e-12);
        assert_near(test.p_two_sided, &case["p_two_sided"], 1e-10);
        assert_near(test.p_less, &case["p_less"], 1e-10);
        assert_near(test.p_greater, &case["p_greater"], 1e-10);
    };
    for case in cases("paired_t") {
        check(hypothesis::paired_t(&numbers(&case["differences"])), &case);
    }
    for case in cases("welch_t") {
        let (candidate, base) = (numbers(&case["candidate"]), numbers(&case["base"]));
        check(hypothesis::welch_t(&candidate, &base), &case);
    }
}

#[test]
fn holm_matches_its_definition() {
    let holm = &fixture()["holm"];
    let adjusted = hypothesis::holm(&numbers(&holm["p_values"]));
    for (p, expected) in adjusted.into_iter().zip(holm["adjusted"].as_array().unwrap()) {
        assert_near(p, expected, 1e-13);
    }
}

#[test]
fn tails_of_f_and_t_match_scipy() {
    for case in cases("f_above") {
        let (d1, d2) = (number(&case[1]) as usize, number(&case[2]) as usize);
        assert_near(hypothesis::f_test_p_value(number(&case[0]), d1, d2), &case[3], 1e-9);
    }
    for case in cases("t_two_sided") {
        // F(1, n) is the square of t(n).
        let (t, dof) = (number(&case[0]), number(&case[1]) as usize);
        assert_near(hypothesis::f_test_p_value(t * t, 1, dof), &case[2], 1e-8);
    }
}

#[test]
fn chance_and_attenuation_match_scipy() {
    for case in cases("chance_above") {
        let dims = number(&case[1]) as usize;
        assert_near(similarity::chance_above(number(&case[0]), dims), &case[2], 1e-11);
    }
    for case in cases("mean_direction") {
        let dims = number(&case[1]) as usize;
        assert_near(attenuation::mean_direction(number(&case[0]), dims), &case[2], 1e-12);
    }
}

#[test]
fn distances_of_distributions_match_scipy() {
    let case = &fixture()["distance"];
    let (a, b) = (numbers(&case["a"]), numbers(&case["b"]));
    let bins = histogram::Bins::spanning(&[&a, &b], number(&case["bins"]) as usize).unwrap();
    let tv = histogram::total_variation(&bins.shares(&a).unwrap(), &bins.shares(&b).unwrap());
    assert_near(tv, &case["total_variation"], 1e-13);
    assert_near(histogram::wasserstein(&a, &b), &case["wasserstein"], 1e-12);
    assert_near(histogram::kolmogorov_smirnov(&a, &b), &case["kolmogorov_smirnov"], 1e-12);
}

fn design(case: &Value) -> (Array2<f64>, Array1<f64>) {
    let rows: Vec<Vec<f64>> = case["actions"].as_array().unwrap().iter().map(numbers).collect();
    let shape = (rows.len(), rows[0].len());
    let actions = Array2::from_shape_vec(shape, rows.concat()).unwrap();
    (actions, Array1::from(numbers(&case["returns"])))
}

#[test]
fn least_squares_match_numpy() {
    for case in cases("least_squares") {
        let (actions, returns) = design(&case);
        let fit = local_gradient(actions.view(), returns.view()).unwrap();
        for (g, expected) in fit.gradient.iter().zip(case["gradient"].as_array().unwrap()) {
            // The returns lie around 5000 and are known to 1e-12 only.
            assert_near(*g, expected, 1e-9);
        }
        assert_eq!(fit.rank, number(&case["rank"]) as usize);
        assert_eq!(fit.dof, number(&case["dof"]) as usize);
        assert_near(fit.condition, &case["condition"], 1e-11);
        assert_near(fit.r2, &case["r2"], 1e-9);
        if fit.dof > 0 {
            assert_near(fit.adjusted_r2, &case["adjusted_r2"], 1e-9);
            assert_near(fit.residual_variance, &case["residual_variance"], 1e-9);
            assert_near(fit.f_statistic, &case["f_statistic"], 1e-9);
            assert_near(fit.f_p_value, &case["f_p_value"], 1e-8);
        }
    }
}

#[test]
fn a_deficient_design_gives_the_smallest_solution_of_numpy() {
    let case = &fixture()["rank_deficient"];
    let (actions, returns) = design(case);
    let fit = local_gradient(actions.view(), returns.view()).unwrap();
    for (g, expected) in fit.gradient.iter().zip(numbers(&case["gradient"])) {
        assert!((g - expected).abs() < 1e-12, "{g} {expected}");
    }
    assert!(fit.is_rank_deficient() && fit.condition.is_infinite());
    assert_eq!((fit.rank, fit.tried(), fit.dof), (2, 3, 9));
    assert_eq!(fit.identified, [true, true, true, false]);
}
