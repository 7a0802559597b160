//! Do two gradients point the same way? (paper §3, Fig. 3)

use super::tails::beta_reg;

/// Returns the cosine of the angle between `a` and `b`.
///
/// `None` if either has norm 0 or an entry that is not finite: such a state is counted as
/// undefined, never as 0, which would mean orthogonal.
///
/// # Panics
/// If the lengths differ.
///
/// # Examples
/// ```
/// use hyperl::stats::similarity::cosine;
/// assert_eq!(cosine(&[3.0, 4.0], &[-3.0, -4.0]), Some(-1.0));
/// assert_eq!(cosine(&[3.0, 4.0], &[0.0, 0.0]), None);
/// ```
pub fn cosine(a: &[f64], b: &[f64]) -> Option<f64> {
    assert_eq!(a.len(), b.len(), "a cosine needs two vectors of one length");
    let (a, b) = (scaled(a)?, scaled(b)?);
    Some((dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()).clamp(-1.0, 1.0))
}

/// Returns the inner product `⟨a, b⟩`.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Returns `‖a‖ / ‖b‖`; `None` under the conditions of [`cosine`].
///
/// # Panics
/// If the lengths differ.
pub fn norm_ratio(a: &[f64], b: &[f64]) -> Option<f64> {
    assert_eq!(a.len(), b.len(), "a ratio of norms needs two vectors of one length");
    let norm = |v: &[f64]| {
        let largest = largest(v);
        Some(scaled(v)?.iter().map(|x| x * x).sum::<f64>().sqrt() * largest)
    };
    Some(norm(a)? / norm(b)?)
}

/// Returns the share of coordinates on whose sign `a` and `b` agree; by chance it is ½.
///
/// Coordinates where either is 0 are left out; `None` if none is left or an entry is not finite.
///
/// # Panics
/// If the lengths differ.
pub fn sign_agreement(a: &[f64], b: &[f64]) -> Option<f64> {
    assert_eq!(a.len(), b.len(), "agreement needs two vectors of one length");
    if !a.iter().chain(b).all(|x| x.is_finite()) {
        return None;
    }
    let signed: Vec<bool> = a
        .iter()
        .zip(b)
        .filter(|(x, y)| **x != 0.0 && **y != 0.0)
        .map(|(x, y)| (*x > 0.0) == (*y > 0.0))
        .collect();
    let agreeing = signed.iter().filter(|agree| **agree).count();
    (!signed.is_empty()).then(|| agreeing as f64 / signed.len() as f64)
}

/// Returns the probability that a random direction in `dims` dimensions has a cosine above `tau`
/// with any fixed one: `½ I_{1−τ²}((dims−1)/2, ½)` for `τ ≥ 0`.
///
/// This is the chance level of the learnable-state curve, which the paper's Fig. 3 leaves out.
/// 0 for `tau ≥ 1`, 1 for `tau < −1`.
///
/// # Panics
/// If `dims` is 0.
///
/// # Examples
/// ```
/// use hyperl::stats::similarity::chance_above;
/// assert!((chance_above(0.25, 3) - 0.375).abs() < 1e-12); // uniform in three dimensions
/// ```
pub fn chance_above(tau: f64, dims: usize) -> f64 {
    assert!(dims > 0, "a direction needs at least one dimension");
    if tau.is_nan() {
        return f64::NAN;
    }
    if tau >= 1.0 {
        return 0.0;
    }
    if tau < -1.0 {
        return 1.0;
    }
    if dims == 1 {
        return 0.5; // the cosine is −1 or 1
    }
    let sine2 = (1.0 - tau) * (1.0 + tau);
    let above = 0.5 * beta_reg(0.5 * (dims - 1) as f64, 0.5, sine2, tau * tau);
    if tau >= 0.0 { above } else { 1.0 - above }
}

fn largest(v: &[f64]) -> f64 {
    v.iter().fold(0.0, |m, x| m.max(x.abs()))
}

/// `v` with its largest entry scaled to ±1, so that squares neither overflow nor vanish; `None`
/// if that is impossible.
fn scaled(v: &[f64]) -> Option<Vec<f64>> {
    let largest = largest(v);
    let usable = largest > 0.0 && v.iter().all(|x| x.is_finite());
    usable.then(|| v.iter().map(|x| x / largest).collect())
}
