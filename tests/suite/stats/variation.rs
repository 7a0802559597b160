//! Does the spread of repeated policy updates come out as scipy and simulations say it should?
//! (`tests/fixtures/scipy/variation.py`)

use hyperl::rng::Stream;
use hyperl::stats::Estimate;
use hyperl::stats::density::{bandwidth, density};
use hyperl::stats::resample::Bootstrap;
use hyperl::stats::summary::mean;
use hyperl::stats::variation::{
    EvaluationStreams, Updates, Variation, coefficient_interval, variation,
};
use serde_json::Value;

use crate::support::scipy::{assert_near, number, numbers};
use crate::support::seeds::drawn;

const FEW: Bootstrap = Bootstrap { level: 0.95, resamples: 40 };

fn fixture(name: &str) -> Vec<Value> {
    let text = include_str!("../../fixtures/scipy/variation.json");
    let all: Value = serde_json::from_str(text).unwrap();
    all[name].as_array().unwrap().clone()
}

fn table(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

/// Without anything but returns.
fn spread(returns: &[Vec<f64>], streams: EvaluationStreams, settings: Bootstrap) -> Variation {
    let updates = Updates { returns, streams, before: None, gram: None };
    variation(&updates, settings, &drawn(0, "variation")).unwrap()
}

/// `N` updates with variance 1, evaluated `r` times with noise of variance 9, around `centre`.
fn simulated(stream: &mut Stream, n: usize, r: usize, centre: f64) -> Vec<Vec<f64>> {
    let one = |stream: &mut Stream| {
        let policy = centre + stream.normal();
        (0..r).map(|_| policy + 3.0 * stream.normal()).collect()
    };
    (0..n).map(|_| one(stream)).collect()
}

/// Value and ends; null is infinity.
#[track_caller]
fn assert_estimate(found: Estimate, expected: &Value) {
    for (index, found) in [found.value, found.low, found.high].into_iter().enumerate() {
        let expected = expected[index].as_f64().unwrap_or(f64::INFINITY);
        let near = (found - expected).abs() < 1e-8 * expected.abs().max(1.0);
        assert!(near || found == expected, "number {index}: {found}, not {expected}");
    }
}

#[test]
fn intervals_of_the_coefficient_of_variation_match_scipy() {
    for case in fixture("coefficient") {
        let (value, n) = (number(&case["value"]), number(&case["n"]) as usize);
        let found = coefficient_interval(value, n, number(&case["level"]));
        let low = &case["interval"][0];
        assert!((found.low - number(low)).abs() < 1e-8 * number(low), "{found:?} {case}");
        match case["interval"][1].as_f64() {
            // An end near infinity is the reciprocal of one near 0.
            Some(high) => assert!((1.0 / found.high - 1.0 / high).abs() < 1e-8, "{found:?} {case}"),
            None => assert!(found.high.is_infinite(), "{found:?} {case}"),
        }
    }
}

#[test]
fn the_papers_ratios_have_their_known_intervals() {
    // docs/estimator.md §6.2; its values take the printed ratios for those with divisor n − 1
    let notes = [(1.184, 0.86, 1.93), (2.590, 1.49, 10.3), (0.822, 0.63, 1.18)];
    for (printed, low, high) in notes {
        let found = coefficient_interval(printed, 50, 0.95);
        assert!((found.low - low).abs() < 0.005, "{found:?}");
        assert!((found.high / high - 1.0).abs() < 0.005, "{found:?}");
    }
    let unbounded = coefficient_interval(4.492, 50, 0.95);
    assert!((unbounded.low - 1.99).abs() < 0.005 && unbounded.high == f64::INFINITY);
}

#[test]
fn every_number_of_a_checkpoint_matches_numpy_and_scipy() {
    for case in fixture("checkpoints") {
        let (returns, before) = (table(&case["returns"]), table(&case["before"]));
        let gram = numbers(&case["gram"]);
        let settings = Bootstrap { level: number(&case["level"]), resamples: 400 };
        let found = |streams| {
            let (before, gram) = (Some(before.as_slice()), Some(gram.as_slice()));
            let updates = Updates { returns: &returns, streams, before, gram };
            variation(&updates, settings, &drawn(0, "variation")).unwrap()
        };
        let own = found(EvaluationStreams::Own);
        assert_eq!((own.updates, own.evaluations), (returns.len(), returns[0].len()));
        assert_estimate(own.mean, &case["mean"]);
        assert_near(own.population_variance.value, &case["population_variance"], 1e-11);
        assert_estimate(own.coefficient_of_variation, &case["coefficient"]);
        assert_eq!(own.unbounded, case["coefficient"][2].is_null());
        assert_near(own.sd.value, &case["sd"], 1e-11);
        assert_near(own.robust_sd.value, &case["robust_sd"], 1e-11);
        let centre = number(&case["mean"][0]).abs();
        assert!((own.sd_relative.value * centre / own.sd.value - 1.0).abs() < 1e-11);
        assert!((own.robust_sd_relative.value * centre / own.robust_sd.value - 1.0).abs() < 1e-11);
        assert_near(own.evaluation_variance.value, &case["evaluation_variance"], 1e-10);
        assert_near(own.update_variance.value, &case["update_variance"], 1e-9);
        let shared = found(EvaluationStreams::Shared);
        assert_near(shared.evaluation_variance.value, &case["evaluation_variance_shared"], 1e-10);
        assert_near(shared.update_variance.value, &case["update_variance_shared"], 1e-10);
        let gain = own.improvement.unwrap();
        assert_estimate(gain.mean, &case["gain"]);
        assert_near(gain.sd.value, &case["gain_sd"], 1e-10);
        assert_estimate(gain.signal_to_noise, &case["signal_to_noise"]);
        assert_estimate(gain.share_positive, &case["share_positive"]);
        let directions = own.directions.unwrap();
        assert_estimate(directions.cosine, &case["cosine"]);
        assert_eq!(directions.unmoved, 0);
        for spread in [own.sd, own.robust_sd, own.update_variance, gain.sd] {
            assert!(spread.low <= spread.value && spread.value <= spread.high, "{spread:?}");
        }
    }
}

#[test]
fn the_variance_of_updates_is_free_of_the_noise_of_evaluations() {
    let mut stream = drawn(3, "simulated");
    let settings = Bootstrap { resamples: 1, ..FEW };
    let found: Vec<[f64; 3]> = (0..1500)
        .map(|_| {
            let mut returns = simulated(&mut stream, 12, 2, 5.0);
            let own = spread(&returns, EvaluationStreams::Own, settings);
            let common = [4.0 * stream.normal(), 4.0 * stream.normal()];
            for row in &mut returns {
                row.iter_mut().zip(common).for_each(|(y, c)| *y += c);
            }
            let shared = spread(&returns, EvaluationStreams::Shared, settings);
            [own.update_variance.value, shared.update_variance.value, own.sd.value.powi(2)]
        })
        .collect();
    let column = |k: usize| found.iter().map(|row| row[k]).collect::<Vec<f64>>();
    // The truth is 1; the standard error of 1500 simulations 0.09. With the noise it is 1 + 9/2.
    assert!((mean(&column(0)) - 1.0).abs() < 0.35, "{}", mean(&column(0)));
    assert!((mean(&column(1)) - 1.0).abs() < 0.35, "{}", mean(&column(1)));
    assert!((mean(&column(2)) - 5.5).abs() < 0.35, "{}", mean(&column(2)));
    assert!(column(0).iter().any(|x| *x < 0.0), "unbiased, so sometimes negative");
}

#[test]
fn intervals_cover_the_truth_as_often_as_they_say() {
    const RUNS: usize = 300;
    let mut stream = drawn(4, "simulated");
    let settings = Bootstrap { resamples: 200, ..FEW };
    let (mut coefficient, mut robust, mut update) = (0, 0, 0);
    for _ in 0..RUNS {
        // Means of two evaluations have variance 1 + 9/2.
        let found = spread(&simulated(&mut stream, 50, 2, 3.0), EvaluationStreams::Own, settings);
        let sd = 5.5f64.sqrt();
        coefficient += usize::from(found.coefficient_of_variation.covers(sd / 3.0));
        robust += usize::from(found.robust_sd.covers(sd));
        update += usize::from(found.update_variance.covers(1.0));
    }
    let share = |covered: usize| covered as f64 / RUNS as f64;
    // 4 standard errors of 300 runs are 0.05; the bootstrap of a variance falls somewhat short.
    assert!((share(coefficient) - 0.95).abs() < 0.05, "{coefficient}");
    assert!(share(robust) > 0.89, "{robust}");
    assert!(share(update) > 0.85, "{update}");
}

#[test]
fn equal_returns_have_no_spread() {
    let constant = vec![vec![4.0, 4.0]; 6];
    let found = spread(&constant, EvaluationStreams::Own, FEW);
    for zero in [
        found.population_variance,
        found.coefficient_of_variation,
        found.sd,
        found.robust_sd_relative,
        found.update_variance,
        found.update_sd,
        found.evaluation_variance,
    ] {
        assert_eq!((zero.value, zero.low, zero.high), (0.0, 0.0, 0.0));
    }
    assert!(!found.unbounded);
    let nothing = spread(&[vec![0.0, 0.0], vec![0.0, 0.0]], EvaluationStreams::Own, FEW);
    assert!(nothing.coefficient_of_variation.value.is_nan(), "0 by 0");
}

#[test]
fn a_mean_near_zero_has_an_unbounded_coefficient_and_json_says_so() {
    let returns = vec![vec![-1.0], vec![1.0], vec![-2.0], vec![2.0]];
    let found = spread(&returns, EvaluationStreams::Own, FEW);
    let coefficient = found.coefficient_of_variation;
    assert!(coefficient.value.is_infinite() && coefficient.high.is_infinite() && found.unbounded);
    assert!(coefficient.low > 0.5, "{coefficient:?}");
    assert!(found.evaluation_variance.value.is_nan() && found.update_variance.value.is_nan());
    assert!(found.update_sd.value.is_nan(), "one evaluation tells nothing of its noise");
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["unbounded"], Value::Bool(true));
    assert!(json["coefficient_of_variation"]["high"].is_null());
}

#[test]
fn one_update_has_a_mean_and_nothing_else() {
    let returns = [vec![3.0, 5.0]];
    let updates = Updates {
        returns: &returns,
        streams: EvaluationStreams::Own,
        before: Some(&returns),
        gram: Some(&[2.0]),
    };
    let found = variation(&updates, FEW, &drawn(0, "variation")).unwrap();
    assert_eq!(found.mean.value, 4.0);
    for undefined in [
        found.mean.low,
        found.population_variance.value,
        found.coefficient_of_variation.value,
        found.sd.value,
        found.robust_sd.low,
        found.update_sd.value,
        found.improvement.unwrap().signal_to_noise.value,
        found.directions.unwrap().cosine.value,
    ] {
        assert!(undefined.is_nan(), "{found:?}");
    }
    assert_eq!(found.improvement.unwrap().share_positive.value, 0.0, "0 is no improvement");
}

#[test]
fn directions_agree_wholly_or_not_at_all_and_rest_is_no_direction() {
    let returns = vec![vec![1.0, 2.0]; 4];
    let cosine = |gram: [f64; 16]| {
        let updates = Updates {
            returns: &returns,
            streams: EvaluationStreams::Own,
            before: None,
            gram: Some(&gram),
        };
        variation(&updates, FEW, &drawn(0, "variation")).unwrap().directions.unwrap()
    };
    // Lengths 1, 2, 3 and 4 along one line; orthogonal; the last two at rest.
    let line = cosine(std::array::from_fn(|k| ((k / 4 + 1) * (k % 4 + 1)) as f64)).cosine;
    assert!((line.value - 1.0).abs() < 1e-12 && line.half_width() < 1e-12 && line.n == 4);
    let apart = cosine(std::array::from_fn(|k| if k / 4 == k % 4 { 3.0 } else { 0.0 })).cosine;
    assert_eq!((apart.value, apart.half_width()), (0.0, 0.0));
    let rest = cosine(std::array::from_fn(|k| if k / 4 < 2 && k % 4 < 2 { 2.0 } else { 0.0 }));
    assert_eq!((rest.unmoved, rest.cosine.n), (2, 2));
    assert!((rest.cosine.value - 1.0).abs() < 1e-12 && rest.cosine.low.is_nan());
}

#[test]
fn a_shared_row_before_the_update_serves_all_updates() {
    let returns = vec![vec![3.0, 5.0], vec![4.0, 7.0], vec![9.0, 1.0]];
    let gain = |before: &[Vec<f64>]| {
        let streams = EvaluationStreams::Shared;
        let updates = Updates { returns: &returns, streams, before: Some(before), gram: None };
        variation(&updates, FEW, &drawn(0, "variation")).unwrap().improvement.unwrap()
    };
    let one = gain(&[vec![2.0, 8.0]]);
    assert_eq!(one, gain(&vec![vec![2.0, 8.0]; 3]));
    assert!((one.mean.value - (-1.0 + 0.5) / 3.0).abs() < 1e-12); // −1, ½ and 0
    assert!((one.share_positive.value - 1.0 / 3.0).abs() < 1e-12);
}

#[test]
fn what_cannot_be_analysed_is_refused_in_words() {
    let message = |returns: &[Vec<f64>], before: Option<&[Vec<f64>]>, gram: Option<&[f64]>| {
        let updates = Updates { returns, streams: EvaluationStreams::Own, before, gram };
        variation(&updates, FEW, &drawn(0, "variation")).unwrap_err().to_string()
    };
    let two = [vec![1.0, 2.0], vec![3.0, 4.0]];
    insta::assert_snapshot!(message(&[], None, None), @"returns: expected at least one update with one evaluation, got none; measure some");
    insta::assert_snapshot!(message(&[vec![1.0, 2.0], vec![1.0]], None, None), @"returns: expected 2 evaluations of each update, got 1; evaluate every update as often as the others");
    insta::assert_snapshot!(message(&[vec![1.0], vec![f64::NAN]], None, None), @"returns: one of update 1 is not finite; measure that update again");
    insta::assert_snapshot!(message(&two, Some(&[vec![1.0]]), None), @"returns before the update: expected 1 or 2 rows of 2, got 1 of 1; evaluate the policy before on the streams of the updates");
    insta::assert_snapshot!(message(&two, None, Some(&[1.0])), @"inner products of updates: expected 2 × 2, got 1; give one for each pair, row by row");
    insta::assert_snapshot!(message(&two, None, Some(&[1.0, 0.0, 0.0, f64::INFINITY])), @"inner products of updates: a number is not finite, or a square is negative; check the weights after each update");
}

#[test]
fn kernel_densities_match_scipy() {
    for case in fixture("density") {
        let values = numbers(&case["values"]);
        let width = bandwidth(&values);
        assert_near(width, &case["bandwidth"], 1e-12);
        for point in table(&case["curve"]) {
            let found = density(&values, point[0], width);
            assert!((found - point[1]).abs() < 1e-12 * point[1].max(1e-3), "{found} {point:?}");
        }
    }
}
