//! Numbers of scipy and numpy (`tests/fixtures/scipy/stats.py`).

use serde_json::Value;

pub(crate) fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/scipy/stats.json")).unwrap()
}

pub(crate) fn cases(name: &str) -> Vec<Value> {
    fixture()[name].as_array().unwrap().clone()
}

pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// Asserts that `found` equals the number of the fixture to a relative `tolerance`.
#[track_caller]
pub(crate) fn assert_near(found: f64, expected: &Value, tolerance: f64) {
    let expected = number(expected);
    let gap = (found - expected).abs();
    assert!(gap <= tolerance * expected.abs().max(1e-300), "{found:e}, not {expected:e}");
}
