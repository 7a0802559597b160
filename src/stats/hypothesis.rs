//! Is a difference more than chance? Tests of means, shares and families of them.
//!
//! The gate (`hyperl-analyze gate`) rests on these; distributions come from the private module
//! `tails`. Every p-value is the probability of what was seen, or something more extreme, if
//! there were no difference.

use super::resample::pseudo_values_of_clusters;
use super::summary::{mean, std};
use super::{Estimate, tails};

/// A t test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TTest {
    /// The t statistic; infinite if the differences are equal and not 0.
    pub statistic: f64,
    /// Degrees of freedom; a fraction for Welch's test.
    pub dof: f64,
    /// Standard error of the difference.
    pub standard_error: f64,
    /// p-value against any difference.
    pub p_two_sided: f64,
    /// p-value against a mean below 0 (the candidate is worse).
    pub p_less: f64,
    /// p-value against a mean above 0 (the candidate is better).
    pub p_greater: f64,
}

impl TTest {
    fn new(difference: f64, standard_error: f64, dof: f64) -> Self {
        // No difference and no spread, as when a thing is compared to itself: t = 0, not 0/0.
        let nothing = difference == 0.0 && standard_error == 0.0;
        let statistic = if nothing { 0.0 } else { difference / standard_error };
        Self {
            statistic,
            dof,
            standard_error,
            p_two_sided: 2.0 * tails::t_above(statistic.abs(), dof),
            p_less: tails::t_above(-statistic, dof),
            p_greater: tails::t_above(statistic, dof),
        }
    }
}

/// Tests whether the mean of paired `differences` is 0.
///
/// All differences equal to 0 give `t = 0` and `p = 1`; below two differences everything is NaN.
///
/// # Examples
/// ```
/// use hyperl::stats::hypothesis::paired_t;
/// let test = paired_t(&[0.1, 0.3, 0.2]);
/// assert!((test.statistic - 12f64.sqrt()).abs() < 1e-12);
/// assert!(test.p_greater < 0.05 && test.p_less > 0.95);
/// ```
pub fn paired_t(differences: &[f64]) -> TTest {
    paired_t_with_freedom(differences, differences.len() as f64 - 1.0)
}

/// [`paired_t`] with other degrees of freedom than one less than there are differences.
pub(super) fn paired_t_with_freedom(differences: &[f64], freedom: f64) -> TTest {
    let error = std(differences) / (differences.len() as f64).sqrt();
    TTest::new(mean(differences), error, freedom)
}

/// Tests whether two independent samples have the same mean, without assuming equal variances.
///
/// The difference is `candidate − base`. NaN if either sample has fewer than two values.
///
/// # References
/// Welch, Biometrika 1947; degrees of freedom by Satterthwaite.
pub fn welch_t(candidate: &[f64], base: &[f64]) -> TTest {
    let freedom = |values: &[f64]| values.len() as f64 - 1.0;
    welch_t_with_freedom(candidate, base, [freedom(candidate), freedom(base)])
}

/// [`welch_t`] with other degrees of freedom of either sample than one less than it has values.
pub(super) fn welch_t_with_freedom(candidate: &[f64], base: &[f64], freedom: [f64; 2]) -> TTest {
    let difference = mean(candidate) - mean(base);
    let share = |v: &[f64]| std(v).powi(2) / v.len() as f64;
    let (a, b) = (share(candidate), share(base));
    let [of_a, of_b] = freedom;
    // Two constant samples have no variance to share out; any positive dof gives the same p.
    let dof =
        if a + b == 0.0 { of_a + of_b } else { (a + b).powi(2) / (a * a / of_a + b * b / of_b) };
    TTest::new(difference, (a + b).sqrt(), dof)
}

/// Returns Holm's adjusted p-values, in the order of the input: reject where the adjusted value
/// is at most α, and the chance of any false rejection is at most α.
///
/// # References
/// Holm, Scand. J. Stat. 1979.
///
/// # Panics
/// If a p-value is NaN.
///
/// # Examples
/// ```
/// use hyperl::stats::hypothesis::holm;
/// assert_eq!(holm(&[0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
/// ```
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    assert!(p_values.iter().all(|p| !p.is_nan()), "Holm's adjustment needs defined p-values");
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&i, &j| p_values[i].total_cmp(&p_values[j]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest = 0.0f64;
    for (rank, &i) in order.iter().enumerate() {
        largest = largest.max((p_values.len() - rank) as f64 * p_values[i]).min(1.0);
        adjusted[i] = largest;
    }
    adjusted
}

/// Returns `P(F > f)` for Fisher's F: the p-value of a regression whose F statistic is `f`.
///
/// NaN if `f` is NaN or a degree of freedom is 0.
pub fn f_test_p_value(f: f64, numerator_dof: usize, denominator_dof: usize) -> f64 {
    tails::f_above(f, numerator_dof as f64, denominator_dof as f64)
}

/// Returns `successes / n` with Wilson's score interval; without an interval if `n` is 0.
///
/// # References
/// Wilson, J. Am. Stat. Assoc. 1927.
///
/// # Panics
/// If there are more successes than trials.
pub fn wilson(successes: usize, n: usize, level: f64) -> Estimate {
    assert!(successes <= n, "{successes} successes of {n} trials");
    if n == 0 {
        return Estimate::without_interval(f64::NAN, 0);
    }
    let (low, high) = wilson_ends(successes as f64 / n as f64, n as f64, level);
    Estimate { value: successes as f64 / n as f64, low, high, n }
}

/// Returns the share of ones among zeros and ones, with Wilson's interval for as many independent trials as
/// the clusters are worth: `n` over the design effect, the variance between clusters relative to that of
/// independent trials, which is taken to be 1 at least. A share of 0 or 1 shows no variance, and each
/// cluster counts as one trial.
///
/// # References
/// Kish, "Survey Sampling", 1965 (design effect); Korn and Graubard, Surv. Methodol. 1998.
pub(crate) fn wilson_of_clusters(clusters: &[Vec<[f64; 1]>], level: f64) -> Estimate {
    let (units, n) = (clusters.iter().filter(|c| !c.is_empty()).count(), clusters.concat().len());
    let ones = clusters.iter().flatten().filter(|[x]| *x > 0.5).count();
    if units == n || n == 0 {
        return wilson(ones, n, level);
    }
    let (share, trials) = (ones as f64 / n as f64, n as f64);
    let worth = if ones == 0 || ones == n || units == 1 {
        units as f64
    } else {
        let values = pseudo_values_of_clusters(clusters, |[mean]| mean);
        let variance = std(&values).powi(2) / units as f64;
        trials / (variance / (share * (1.0 - share) / (trials - 1.0))).max(1.0)
    };
    let (low, high) = wilson_ends(share, worth, level);
    Estimate { value: share, low, high, n: units }
}

/// The ends of Wilson's interval around a share of `trials`.
fn wilson_ends(share: f64, trials: f64, level: f64) -> (f64, f64) {
    let z2 = tails::normal_two_sided(level).powi(2);
    let centre = (share + z2 / (2.0 * trials)) / (1.0 + z2 / trials);
    let radicand = share * (1.0 - share) / trials + z2 / (4.0 * trials * trials);
    let half = (z2 * radicand).sqrt() / (1.0 + z2 / trials);
    // At the ends the bound is exact; rounding must not move it.
    let low = if share <= 0.0 { 0.0 } else { centre - half };
    let high = if share >= 1.0 { 1.0 } else { centre + half };
    (low, high)
}

/// Returns the half width of the simultaneous band around a curve of shares of `n` units,
/// `√(ln(2/α) / 2n)` with `α = 1 − level`.
///
/// # References
/// Dvoretzky, Kiefer and Wolfowitz 1956, with the constant of Massart 1990.
pub fn dkw_half_width(n: usize, level: f64) -> f64 {
    ((2.0 / (1.0 - level)).ln() / (2.0 * n as f64)).sqrt()
}
