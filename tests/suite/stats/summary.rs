//! Moments and quantiles worked out by hand.

use hyperl::stats::summary::{interquartile_mean, mean, median, moving_average, quantile, std};

#[test]
fn moments_match_those_worked_out_by_hand() {
    let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
    assert!((mean(&values) - 5.0).abs() < 1e-15);
    assert!((std(&values) - (32.0f64 / 7.0).sqrt()).abs() < 1e-15);
}

#[test]
fn quantiles_reach_both_ends_and_survive_infinities() {
    let values = [3.0, f64::NEG_INFINITY, 1.0, f64::INFINITY];
    assert_eq!(quantile(&values, 0.0).to_bits(), f64::NEG_INFINITY.to_bits());
    assert_eq!(quantile(&values, 1.0).to_bits(), f64::INFINITY.to_bits());
    assert!((median(&values) - 2.0).abs() < 1e-15);
}

#[test]
fn interquartile_mean_ignores_outliers_but_not_the_middle() {
    assert!((interquartile_mean(&[1e9, 1.0, 2.0, 3.0, 4.0, -1e9]) - 2.5).abs() < 1e-15);
    assert!((interquartile_mean(&[1.0, 2.0, 6.0]) - 3.0).abs() < 1e-15);
}

#[test]
fn undefined_numbers_are_nan() {
    assert!(mean(&[]).is_nan() && std(&[1.0]).is_nan() && interquartile_mean(&[]).is_nan());
    assert!(quantile(&[1.0, f64::NAN], 0.0).is_nan());
    assert!(moving_average(&[], 3).is_empty());
}

#[test]
fn moving_average_holds_no_more_than_its_window() {
    let ramp: Vec<f64> = (0..100).map(f64::from).collect();
    let smooth = moving_average(&ramp, 20);
    assert!((smooth[99] - 89.5).abs() < 1e-12 && (smooth[4] - 2.0).abs() < 1e-12);
    assert_eq!(moving_average(&ramp, 1), ramp);
}
