//! How far noise in the estimated gradient pulls a cosine towards 0.
//!
//! Letters: `Nr` rollouts per state, `Na` action dimensions, `ρ = σ²‖g‖²/s²` the signal-to-noise
//! ratio of one rollout (perturbation std σ, true gradient g, variance s² around the fit). With a
//! Gaussian design and homoscedastic Gaussian noise the error of the fit is spherical, hence
//! `E[cos(v, ĝ)] = C · cos(v, g)` for every critic gradient `v`: the attenuation `C` is what an
//! exactly right critic would score, its ceiling.
//!
//! # References
//! `docs/estimator.md` §2.1; `C_n` is the mean resultant length of a projected normal.

use statrs::function::gamma::ln_gamma;

/// `δ²/2` beyond which the expansion for large signals is exact to the last digits; below it,
/// `e^{−δ²/2}` is no denormal.
const LARGE: f64 = 200.0;

/// Returns `C_n(δ)`: the mean first coordinate of the unit vector of `N(δ·e₁, I_n)`, for `δ ≥ 0`.
///
/// `C_n(δ) = δ/√2 · Γ((n+1)/2)/Γ(n/2+1) · ₁F₁(½; n/2+1; −δ²/2)`; 0 at `δ = 0`, towards 1 for
/// large `δ`. NaN if `δ` is NaN.
///
/// # Panics
/// If `dims` is not in `1..=500` or `delta` is negative.
pub fn mean_direction(delta: f64, dims: usize) -> f64 {
    assert!((1..=500).contains(&dims), "dimensions from 1 to 500, got {dims}");
    assert!(delta.is_nan() || delta >= 0.0, "a signal-to-noise ratio is not negative");
    let x = 0.5 * delta * delta;
    let n = dims as f64;
    if delta.is_infinite() {
        return 1.0;
    }
    if x > LARGE.max(n) {
        return large_signal(x, n);
    }
    // Kummer: ₁F₁(½; b; −x) = e^{−x} ₁F₁(b−½; b; x), whose terms are all positive.
    let b = 0.5 * n + 1.0;
    let ln_front = ln_gamma(b - 0.5) - ln_gamma(b) - x;
    let (mut term, mut sum, mut k) = (1.0, 1.0, 0.0);
    while term > sum * 1e-17 {
        term *= (b - 0.5 + k) / (b + k) * x / (k + 1.0);
        sum += term;
        k += 1.0;
    }
    x.sqrt() * ln_front.exp() * sum
}

/// `C_n` for large `x = δ²/2`: `Σ_k (½)_k ((1−n)/2)_k / (k! x^k)`, cut where it would diverge.
fn large_signal(x: f64, n: f64) -> f64 {
    let (mut term, mut sum, mut k) = (1.0f64, 1.0, 0.0);
    loop {
        let next = term * (0.5 + k) * (0.5 * (1.0 - n) + k) / ((k + 1.0) * x);
        if next.abs() < 1e-17 || next.abs() >= term.abs() {
            return sum;
        }
        term = next;
        sum += term;
        k += 1.0;
    }
}

/// Returns `C(ρ, Nr, Na) = E[C_Na(√(ρu))]`, `u ~ χ²(Nr − Na)`: the ceiling of the mean cosine
/// under the paper's independent Gaussian design.
///
/// NaN if `rollouts ≤ dims` (no fit) or `ρ` is NaN or negative.
pub fn gaussian_design(snr: f64, rollouts: usize, dims: usize) -> f64 {
    if rollouts <= dims || snr.is_nan() || snr < 0.0 {
        return f64::NAN;
    }
    // With t = √u the density is that of χ, and everything is smooth in t.
    let dof = (rollouts - dims) as f64;
    let ln_norm = (1.0 - 0.5 * dof) * std::f64::consts::LN_2 - ln_gamma(0.5 * dof);
    let integrand = |t: f64| {
        let ln_density = ln_norm + (dof - 1.0) * t.ln() - 0.5 * t * t;
        ln_density.exp() * mean_direction(snr.sqrt() * t, dims)
    };
    // The mass of χ beyond 9 standard deviations (each below 1) is less than 1e-18.
    let (low, high) = ((dof.sqrt() - 9.0).max(0.0), dof.sqrt() + 9.0);
    let mut panels = 16;
    let mut previous = integrate(integrand, low, high, panels);
    loop {
        panels *= 2;
        let integral = integrate(integrand, low, high, panels);
        if (integral - previous).abs() < 1e-13 || panels >= 4096 {
            return integral;
        }
        previous = integral;
    }
}

/// Returns `C_Na(√(ρ·n))`: the ceiling of the mean cosine under the orthogonal antithetic design
/// with `rollouts` in all.
///
/// NaN if `ρ` is NaN or negative.
pub fn orthogonal_design(snr: f64, rollouts: usize, dims: usize) -> f64 {
    if snr.is_nan() || snr < 0.0 {
        return f64::NAN;
    }
    mean_direction((snr * rollouts as f64).sqrt(), dims)
}

/// Gauss-Legendre quadrature of order 8 on `panels` equal panels; never evaluates the ends.
pub(super) fn integrate(f: impl Fn(f64) -> f64, low: f64, high: f64, panels: u32) -> f64 {
    /// Nodes on (0, 1) of the order-8 rule on (−1, 1), with their weights; the rule is symmetric.
    const RULE: [(f64, f64); 4] = [
        (0.183_434_642_495_649_8, 0.362_683_783_378_362),
        (0.525_532_409_916_329, 0.313_706_645_877_887_3),
        (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
        (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
    ];
    let half = 0.5 * (high - low) / f64::from(panels);
    (0..panels)
        .map(|panel| {
            let centre = low + half * f64::from(2 * panel + 1);
            let node = |(x, w): &(f64, f64)| w * (f(centre - half * x) + f(centre + half * x));
            half * RULE.iter().map(node).sum::<f64>()
        })
        .sum()
}
