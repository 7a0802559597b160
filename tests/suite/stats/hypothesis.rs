//! Do tests of differences give the textbook's answers?

use hyperl::stats::hypothesis::{dkw_half_width, f_test_p_value, holm, paired_t, welch_t, wilson};

#[test]
fn a_thing_compared_to_itself_does_not_differ() {
    let test = paired_t(&[0.0; 20]);
    assert!((test.p_two_sided - 1.0).abs() < 1e-15 && (test.p_less - 0.5).abs() < 1e-15);
    let welch = welch_t(&[2.0; 4], &[2.0; 5]);
    assert!((welch.p_two_sided - 1.0).abs() < 1e-15);
    let shifted = paired_t(&[-0.25; 20]);
    assert!(shifted.p_less.abs() < 1e-300 && (shifted.p_greater - 1.0).abs() < 1e-15);
}

#[test]
fn too_little_data_is_nan() {
    assert!(paired_t(&[1.0]).p_two_sided.is_nan());
    assert!(welch_t(&[1.0], &[1.0, 2.0]).p_two_sided.is_nan());
    assert!(f_test_p_value(1.0, 3, 0).is_nan());
    assert!(wilson(0, 0, 0.95).value.is_nan());
}

#[test]
fn welch_equals_the_textbook_case() {
    // Equal sizes and variances: the dof is that of the pooled test, 2(n−1).
    let test = welch_t(&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0]);
    assert!((test.dof - 4.0).abs() < 1e-12);
    assert!((test.statistic + 1.0 / (2.0f64 / 3.0).sqrt()).abs() < 1e-12);
}

#[test]
fn holm_never_lowers_a_value_nor_passes_one() {
    assert!(holm(&[]).is_empty());
    let adjusted = holm(&[0.9, 0.2, 0.8]);
    let expected = [1.0, 0.6, 1.0];
    assert!(adjusted.iter().zip(expected).all(|(a, e)| (a - e).abs() < 1e-12));
}

#[test]
fn wilson_stays_between_nothing_and_all() {
    let none = wilson(0, 15, 0.95);
    assert!(none.low.abs() < 1e-15 && none.high > 0.0 && none.high < 0.25);
    let all = wilson(15, 15, 0.95);
    assert!((all.high - 1.0).abs() < 1e-15 && (all.low - (1.0 - none.high)).abs() < 1e-12);
}

#[test]
fn simultaneous_bands_have_the_known_widths() {
    // docs/estimator.md §6.1
    for (n, half_width) in [(15, 0.351), (150, 0.111), (600, 0.055)] {
        assert!((dkw_half_width(n, 0.95) - half_width).abs() < 5e-4);
    }
}
