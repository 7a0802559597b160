//! Tail probabilities and quantiles of Student's t, Fisher's F and the normal distribution.
//!
//! All go through the regularised incomplete beta function, in the form that keeps relative
//! accuracy in the tail (never `1 − cdf`).

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::gamma::ln_gamma;

/// Returns the regularised incomplete beta function `I_x(a, b)`, for `a, b > 0` and `0 ≤ x ≤ 1`.
///
/// `y = 1 − x` is an argument of its own, so that whichever of the two is small keeps its digits.
/// Lentz's continued fraction, on the side of `x` where it converges in about `√max(a, b)` terms;
/// that of statrs stops after 140, too few beyond some 10⁴ degrees of freedom.
pub(super) fn beta_reg(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 {
        return 0.0;
    }
    if y <= 0.0 {
        return 1.0;
    }
    let ln_x = if x < 0.5 { x.ln() } else { (-y).ln_1p() };
    let ln_y = if y < 0.5 { y.ln() } else { (-x).ln_1p() };
    let ln_front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * ln_x + b * ln_y;
    if x < (a + 1.0) / (a + b + 2.0) {
        ln_front.exp() * beta_fraction(a, b, x) / a
    } else {
        1.0 - ln_front.exp() * beta_fraction(b, a, y) / b
    }
}

/// The continued fraction of `I_x(a, b)` (Abramowitz and Stegun 26.5.8), by Lentz's method.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TERMS: u32 = 20_000;
    const TINY: f64 = 1e-300;
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in (1..TERMS).map(f64::from) {
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        for coefficient in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + coefficient * d);
            c = away_from_zero(1.0 + coefficient / c);
            fraction *= c * d;
        }
        if (c * d - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    fraction
}

/// Returns `P(T > t)` for Student's t with `dof` degrees of freedom; NaN if `dof ≤ 0`.
pub(super) fn t_above(t: f64, dof: f64) -> f64 {
    if t.is_nan() || dof.is_nan() || dof <= 0.0 {
        return f64::NAN;
    }
    let square = t * t;
    let x = if square.is_finite() { dof / (dof + square) } else { 0.0 };
    let y = if square.is_finite() { square / (dof + square) } else { 1.0 };
    let tail = 0.5 * beta_reg(0.5 * dof, 0.5, x, y);
    if t >= 0.0 { tail } else { 1.0 - tail }
}

/// Returns the `t` with `P(|T| ≤ t) = level`; NaN if `dof ≤ 0` or the level is outside `(0, 1)`.
pub(super) fn t_two_sided(level: f64, dof: f64) -> f64 {
    if !(level > 0.0 && level < 1.0 && dof > 0.0) {
        return f64::NAN;
    }
    let tail = 0.5 * (1.0 - level);
    let (mut low, mut high) = (0.0, 1.0);
    while t_above(high, dof) > tail {
        high *= 2.0;
    }
    // Bisection to the last bit: 60 evaluations, no derivative to go wrong.
    while let middle = 0.5 * (low + high)
        && low < middle
        && middle < high
    {
        if t_above(middle, dof) > tail { low = middle } else { high = middle }
    }
    high
}

/// Returns `P(F > f)` for Fisher's F with `(numerator, denominator)` degrees of freedom.
///
/// NaN if `f` is NaN or a degree of freedom is not positive.
pub(super) fn f_above(f: f64, numerator: f64, denominator: f64) -> f64 {
    if f.is_nan() || !(numerator > 0.0 && denominator > 0.0) {
        return f64::NAN;
    }
    if f <= 0.0 {
        return 1.0;
    }
    if f.is_infinite() {
        return 0.0;
    }
    let total = denominator + numerator * f;
    beta_reg(0.5 * denominator, 0.5 * numerator, denominator / total, numerator * f / total)
}

/// Returns the `z` with `P(|Z| ≤ z) = level` for the standard normal distribution.
pub(super) fn normal_two_sided(level: f64) -> f64 {
    Normal::standard().inverse_cdf(0.5 + 0.5 * level)
}

/// Returns `P(Z > z)` for the standard normal distribution.
pub(super) fn normal_above(z: f64) -> f64 {
    if z.is_nan() { f64::NAN } else { Normal::standard().sf(z) }
}

/// Returns the `z` with `P(Z ≤ z) = share`, for `0 < share < 1`.
pub(super) fn normal_quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incomplete_beta_matches_closed_forms() {
        for x in [0.0, 1e-9, 0.1, 0.37, 0.5, 0.8, 0.999_999, 1.0] {
            // I_x(a, 1) = x^a; I_x(1, b) = 1 − (1−x)^b; I_x(½, ½) = (2/π) asin √x
            assert!((beta_reg(3.5, 1.0, x, 1.0 - x) - x.powf(3.5)).abs() < 1e-14, "{x}");
            assert!(
                (beta_reg(1.0, 4.0, x, 1.0 - x) - (1.0 - (1.0 - x).powi(4))).abs() < 1e-14,
                "{x}"
            );
            let arcsine = x.sqrt().atan2((1.0 - x).sqrt()) * std::f64::consts::FRAC_2_PI;
            assert!((beta_reg(0.5, 0.5, x, 1.0 - x) - arcsine).abs() < 1e-14, "{x}");
        }
    }

    #[test]
    fn cauchy_is_t_with_one_degree_of_freedom() {
        for t in [-30.0f64, -1.0, -1e-5, 0.0, 0.3, 2.0, 1e6] {
            let cauchy = 0.5 - t.atan() / std::f64::consts::PI;
            assert!((t_above(t, 1.0) - cauchy).abs() < 1e-15, "{t}");
        }
        // tan(0.475 π)
        assert!((t_two_sided(0.95, 1.0) - 12.706_204_736_174_698).abs() < 1e-10);
    }

    #[test]
    fn quantiles_undo_probabilities() {
        for dof in [1.0, 4.0, 14.0, 149.0, 1e5, 1e6] {
            let t = t_two_sided(0.95, dof);
            assert!((t_above(t, dof) - 0.025).abs() < 1e-11, "{dof}");
        }
        assert!((normal_two_sided(0.95) - 1.959_963_984_540_054).abs() < 1e-12);
    }

    #[test]
    fn normal_tails_match_scipy() {
        // scipy.stats.norm.sf and .ppf
        for (z, above) in [(-1.0, 0.841_344_746_068_542_9), (2.5, 0.006_209_665_325_776_132)] {
            assert!((normal_above(z) - above).abs() < 1e-10); // statrs' erfc
        }
        assert!((normal_quantile(0.95) - 1.644_853_626_951_472_7).abs() < 1e-12);
        assert!((normal_quantile(0.8) - 0.841_621_233_572_914_2).abs() < 1e-12);
        let ends = [f64::NEG_INFINITY, f64::INFINITY].map(normal_above);
        assert!((ends[0] - 1.0).abs() < 1e-15 && ends[1].abs() < 1e-15);
    }

    #[test]
    fn impossible_arguments_give_nan() {
        assert!(t_above(1.0, 0.0).is_nan() && t_above(f64::NAN, 3.0).is_nan());
        assert!(t_two_sided(0.95, 0.0).is_nan() && t_two_sided(1.0, 3.0).is_nan());
        assert!(f_above(1.0, 0.0, 3.0).is_nan());
    }
}
