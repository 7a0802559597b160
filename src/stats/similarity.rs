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
    let dot: f64 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
    let square = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>();
    Some((dot / (square(&a) * square(&b)).sqrt()).clamp(-1.0, 1.0))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::drawn;

    #[test]
    fn cosine_of_known_angles() {
        let right = cosine(&[1.0, 0.0], &[0.0, 5.0]).unwrap();
        let sixty = cosine(&[2.0, 0.0], &[1.0, 3f64.sqrt()]).unwrap();
        assert!(right.abs() < 1e-15 && (sixty - 0.5).abs() < 1e-15);
        // A direction beside the true gradient of the worked example (docs/estimator.md §4.2).
        let truth = [-0.310_719_522_131_316_8, -0.991_238_135_004_686_4];
        let expected = 0.463_227_391_441_138_8;
        assert!((cosine(&truth, &[1.0, -1.0]).unwrap() - expected).abs() < 1e-15);
    }

    #[test]
    fn cosine_does_not_depend_on_scale_even_at_the_ends_of_f64() {
        let (a, b) = ([1.0, 2.0, -3.0], [0.5, -1.0, 4.0]);
        let expected = cosine(&a, &b).unwrap();
        for scale in [1e-300, 1e-160, 1e160, 1e300] {
            let scaled = cosine(&a.map(|x| x * scale), &b.map(|x| x * scale)).unwrap();
            assert!((scaled - expected).abs() < 1e-15, "{scale}");
        }
    }

    #[test]
    fn undefined_is_none_and_never_zero() {
        for bad in [[0.0, 0.0], [f64::NAN, 1.0], [f64::INFINITY, 1.0]] {
            assert_eq!(cosine(&bad, &[1.0, 2.0]), None);
            assert_eq!(cosine(&[1.0, 2.0], &bad), None);
            assert_eq!(norm_ratio(&bad, &[1.0, 2.0]), None);
        }
        assert_eq!(sign_agreement(&[0.0, 1.0], &[1.0, 0.0]), None);
        assert_eq!(sign_agreement(&[f64::NAN, 1.0], &[1.0, 1.0]), None);
    }

    #[test]
    fn ratio_and_signs_by_hand() {
        assert!((norm_ratio(&[3.0, 4.0], &[0.0, 2.0]).unwrap() - 2.5).abs() < 1e-15);
        let share = sign_agreement(&[1.0, -1.0, 2.0, 0.0], &[3.0, 1.0, 0.1, 1.0]).unwrap();
        assert!((share - 2.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn chance_matches_the_worked_values() {
        // docs/estimator.md §2.1, at τ = ¼, ½, ¾
        let golden = [
            (3, [0.375, 0.25, 0.125]),
            (6, [0.294_362_224, 0.126_584_997_6, 0.026_090_700_23]),
            (8, [0.258_244_776_2, 0.085_235_330_39, 0.009_971_063_066]),
        ];
        for (dims, values) in golden {
            for (tau, value) in [0.25, 0.5, 0.75].into_iter().zip(values) {
                let chance = chance_above(tau, dims);
                assert!((chance / value - 1.0).abs() < 2e-9, "{dims} {tau} {chance}");
                assert!((chance_above(-tau, dims) - (1.0 - chance)).abs() < 1e-15);
            }
        }
        assert!((chance_above(0.0, 1) - 0.5).abs() < 1e-15);
        assert!((chance_above(0.5, 2) - 1.0 / 3.0).abs() < 1e-14); // acos(½)/π
    }

    #[test]
    fn random_directions_exceed_a_threshold_as_often_as_chance_says() {
        let mut stream = drawn(0, "directions");
        let fixed = [0.3, -1.0, 0.2, 0.9, 0.0, 2.0];
        let above = (0..40_000)
            .filter(|_| {
                let direction: Vec<f64> = (0..6).map(|_| stream.normal()).collect();
                cosine(&direction, &fixed).unwrap() > 0.25
            })
            .count();
        assert!((above as f64 / 40_000.0 - chance_above(0.25, 6)).abs() < 0.01);
    }
}
