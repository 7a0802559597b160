//! Is a density as wide as its values?

use hyperl::stats::density::bandwidth;

#[test]
fn equal_values_have_no_width_and_half_equal_ones_have_one() {
    assert_eq!(bandwidth(&[4.0; 9]).to_bits(), 0.0f64.to_bits());
    assert!(bandwidth(&[1.0]).is_nan());
    assert!(bandwidth(&[0.0, 0.0, 0.0, 0.0, 7.0]) > 0.0);
}
