//! Intervals from printed means and standard deviations, against scipy (`tests/fixtures/scipy/printed.py`).

use hyperl::stats::printed::{Moments, difference, mean_share, ratio_of_spreads};
use serde_json::Value;

use crate::support::scipy::{assert_near, number, numbers};

fn cases(name: &str) -> Vec<Value> {
    let all: Value =
        serde_json::from_str(include_str!("../../fixtures/scipy/printed.json")).unwrap();
    all[name].as_array().unwrap().clone()
}

fn moments(of: &Value) -> Moments {
    let [mean, std, n] = numbers(of)[..] else { panic!("{of}") };
    Moments { mean, std, n: n as usize }
}

#[test]
fn differences_are_those_of_scipys_welch_test() {
    for case in cases("difference") {
        let found = difference(moments(&case["a"]), moments(&case["b"]), number(&case["level"]));
        assert_near(found.low, &case["low"], 1e-8);
        assert_near(found.high, &case["high"], 1e-8);
    }
}

#[test]
fn mean_shares_are_those_of_numerical_slopes() {
    for case in cases("share") {
        let pairs = case["pairs"].as_array().unwrap().iter().map(|pair| {
            let [a, s, n, b, r, m] = numbers(pair)[..] else { panic!("{pair}") };
            let of = |mean, std, n| Moments { mean, std, n: n as usize };
            (of(a, s, n), of(b, r, m))
        });
        let found = mean_share(&pairs.collect::<Vec<_>>(), number(&case["level"]));
        assert_near(found.low, &case["low"], 1e-6);
        assert_near(found.high, &case["high"], 1e-6);
    }
}

#[test]
fn ratios_of_spreads_are_those_of_scipys_f() {
    for case in cases("spreads") {
        let [a, b] = numbers(&case["variances"])[..] else { panic!("{case}") };
        let found = ratio_of_spreads([a, b], number(&case["n"]) as usize, number(&case["level"]));
        assert_near(found.low, &case["low"], 1e-10);
        assert_near(found.high, &case["high"], 1e-10);
    }
}
