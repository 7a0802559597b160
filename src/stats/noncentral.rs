//! The noncentral t distribution: exact intervals for `μ/σ` of a normal sample.
//!
//! `T = (Z + δ) / √(V/ν)` with `Z ~ N(0, 1)` and `V ~ χ²(ν)`. For `n` normal values with mean `x̄`
//! and standard deviation `s`, `√n·x̄/s` is such a `T` with `ν = n − 1` and `δ = √n·μ/σ`: whatever
//! confines `δ` confines `μ/σ`, and `σ/|μ|` with it. statrs has no such distribution.
//!
//! # References
//! Johnson and Welch, Biometrika 1940; Owen, Technometrics 1968; `docs/estimator.md` §6.2.

use statrs::function::gamma::ln_gamma;

use super::attenuation::integrate;
use super::{Estimate, tails};

/// Standard deviations beyond which a normal tail (below 1e-18) does not count.
const FAR: f64 = 9.0;

/// Panels of each stretch of an integral: each below one standard deviation, with a rule of order 8.
const PANELS: u32 = 24;

/// Returns `P(T ≤ t)` for the noncentral t with `dof` degrees of freedom and noncentrality `shift`.
///
/// `∫ Φ(t·u/√ν − δ) f(u) du` with the density `f` of `√V`, to about 1e-10. NaN if an argument is
/// NaN or `dof ≤ 0`.
pub(super) fn t_below(t: f64, dof: f64, shift: f64) -> f64 {
    if t.is_nan() || shift.is_nan() || dof.is_nan() || dof <= 0.0 {
        return f64::NAN;
    }
    let ln_norm = (1.0 - 0.5 * dof) * std::f64::consts::LN_2 - ln_gamma(0.5 * dof);
    let slope = t / dof.sqrt();
    let integrand = |u: f64| {
        let density = (ln_norm + (dof - 1.0) * u.ln() - 0.5 * u * u).exp();
        density * tails::normal_above(shift - slope * u)
    };
    // The standard deviation of √V is below 1. Φ rises from 0 to 1 on a stretch that may be far shorter
    // or longer. Cut at its ends, each stretch is smooth on its own scale.
    let (low, high) = ((dof.sqrt() - FAR).max(0.0), dof.sqrt() + FAR);
    let cut = |edge: f64| if slope == 0.0 { low } else { (edge / slope).clamp(low, high) };
    let (a, b) = (cut(shift - FAR), cut(shift + FAR));
    let cuts = [low, a.min(b), a.max(b), high];
    let stretches = cuts.windows(2).filter(|ends| ends[0] < ends[1]);
    stretches.map(|ends| integrate(integrand, ends[0], ends[1], PANELS)).sum()
}

/// Returns `mean / std` of `n` normal values with its exact interval at `level`.
///
/// `std` is the sample standard deviation (divisor `n − 1`). The interval confines `μ/σ` and is
/// equal-tailed. NaN below two values or if an argument is NaN, without an interval where `std`
/// is 0.
pub(super) fn standardised_mean(mean: f64, std: f64, n: usize, level: f64) -> Estimate {
    let value = mean / std;
    if n < 2 || !value.is_finite() || !(level > 0.0 && level < 1.0) {
        return Estimate::without_interval(if n < 2 { f64::NAN } else { value }, n);
    }
    let (root, dof) = ((n as f64).sqrt(), n as f64 - 1.0);
    let tail = 0.5 * (1.0 - level);
    let end = |below: f64| noncentrality(root * value, dof, below) / root;
    Estimate { value, low: end(1.0 - tail), high: end(tail), n }
}

/// Returns the interval of `σ/|μ|` that follows from one of `μ/σ`, as `(low, high)`.
///
/// Where the interval of `μ/σ` holds 0 the mean may be 0, and `high` is infinite.
pub(super) fn variation_interval(ratio: &Estimate) -> (f64, f64) {
    let (low, high) = (ratio.low, ratio.high);
    if low.is_nan() || high.is_nan() {
        return (f64::NAN, f64::NAN);
    }
    let furthest = low.abs().max(high.abs());
    let nearest = if low <= 0.0 && high >= 0.0 { 0.0 } else { low.abs().min(high.abs()) };
    (1.0 / furthest, 1.0 / nearest)
}

/// The `δ` with `P(T ≤ t) = below`, by bisection: the probability falls as `δ` grows.
fn noncentrality(t: f64, dof: f64, below: f64) -> f64 {
    // Wide enough at first for the usual levels; doubled where it is not.
    let mut reach = 4.0 * (t / (2.0 * dof).sqrt()).hypot(1.0);
    while t_below(t, dof, t - reach) < below || t_below(t, dof, t + reach) > below {
        reach *= 2.0;
    }
    let (mut low, mut high) = (t - reach, t + reach);
    let close = 1e-13 * (1.0 + t.abs());
    while high - low > close {
        let middle = f64::midpoint(low, high);
        if t_below(t, dof, middle) > below { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_match_scipy() {
        let text = include_str!("../../tests/fixtures/scipy/variation.json");
        let fixture: serde_json::Value = serde_json::from_str(text).unwrap();
        let cases: Vec<[f64; 4]> = serde_json::from_value(fixture["nct"].clone()).unwrap();
        assert!(cases.len() > 200);
        for [t, dof, shift, below] in cases {
            let found = t_below(t, dof, shift);
            assert!((found - below).abs() < 1e-10, "{t} {dof} {shift}: {found}, not {below}");
        }
    }

    #[test]
    fn without_noncentrality_it_is_students_t() {
        for dof in [1.0, 4.0, 49.0, 1000.0] {
            for t in [-30.0, -1.0, 0.0, 1e-6, 0.7, 2.5, 40.0] {
                let central = 1.0 - tails::t_above(t, dof);
                let found = t_below(t, dof, 0.0);
                assert!((found - central).abs() < 1e-10, "{t} {dof}: {found}, not {central}");
            }
        }
    }

    #[test]
    fn at_zero_it_is_the_normal_distribution_and_signs_mirror() {
        for shift in [-3.0, -0.2, 0.0, 1.5, 6.0] {
            assert!((t_below(0.0, 7.0, shift) - tails::normal_above(shift)).abs() < 1e-10);
            let mirrored = 1.0 - t_below(2.0, 7.0, -shift);
            assert!((t_below(-2.0, 7.0, shift) - mirrored).abs() < 1e-10, "{shift}");
        }
    }

    #[test]
    fn a_tiny_spread_leaves_the_chi_distribution() {
        // As t grows, P(T ≤ t) tends to P(√V ≥ δ√ν/t); for ν = 2 that is exp(−(δ/t)²).
        for ratio in [0.3f64, 1.0, 1.7] {
            let t = 1e7;
            assert!((t_below(t, 2.0, ratio * t) - (-ratio * ratio).exp()).abs() < 1e-9, "{ratio}");
        }
    }

    #[test]
    fn intervals_of_the_ratio_become_intervals_of_the_variation() {
        let interval = |low, high| {
            variation_interval(&Estimate { value: 0.5 * (low + high), low, high, n: 50 })
        };
        assert_eq!(interval(0.5, 2.0), (0.5, 2.0));
        assert_eq!(interval(-2.0, -0.5), (0.5, 2.0));
        assert_eq!(interval(-0.25, 0.5), (2.0, f64::INFINITY));
        assert_eq!(interval(-4.0, 0.5), (0.25, f64::INFINITY));
        assert!(interval(f64::NAN, 1.0).0.is_nan());
    }

    #[test]
    fn too_little_data_has_no_interval() {
        assert!(standardised_mean(1.0, f64::NAN, 1, 0.95).value.is_nan());
        let constant = standardised_mean(1.0, 0.0, 5, 0.95);
        assert!(constant.value.is_infinite() && constant.low.is_nan());
        assert!(t_below(f64::NAN, 3.0, 0.0).is_nan() && t_below(1.0, 0.0, 0.0).is_nan());
    }
}
