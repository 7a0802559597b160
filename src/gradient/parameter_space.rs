//! The policy gradient that a critic gives, against the true one (paper, Prop. 1 in its honest form).
//!
//! The actor climbs `Σ_s J_sᵀ ∂Q/∂a(s)`, with `J_s` the Jacobian of its action. What matters to it is
//! therefore the angle in the space of its weights. Per unit, an episode or a state, `w_s = J_sᵀ ĝ_s` is the
//! true part and `u_s = J_sᵀ v_s` the critic's; sums over *pairs of different units* are free of the noise of
//! rollouts and of the choice of states alike.
//!
//! # Deviations
//!
//! The paper's Proposition 1 bounds learning rates by constants of critic and actor. Two of its steps
//! do not hold as printed: composing the Lipschitz constants gives `κ_J = κ_q σ_μ² + κ_μ σ_q`, and
//! the descent lemma has `k̃ = κ_J / 2`, where the paper has other powers of both
//! (see the tests: one-dimensional problems in which the printed constants allow
//! a step that makes things worse). The constants cannot be bounded from samples either, and cancel
//! in a ratio of two critics only on the same policy. So what is reported is the **progress ratio**
//! `cos²_A / cos²_B` of two critics on one frozen policy: the ratio of the gains that the best step
//! along each guarantees.
//!
//! # References
//! `docs/estimator.md` §7.

use ndarray::{Array2, ArrayView2, Axis};

use crate::stats::Estimate;
use crate::stats::resample::jackknife_interval;
use crate::stats::summary::positive;

/// Sums behind a U-statistic of two sets of vectors, and what leaving a unit out takes away.
struct Products {
    /// `⟨Σx, Σy⟩`.
    total: f64,
    /// `⟨x_s, Σy⟩ + ⟨Σx, y_s⟩ − ⟨x_s, y_s⟩` of each unit.
    of_unit: Vec<f64>,
    /// `⟨x_s, y_s⟩` of each unit.
    own: Vec<f64>,
}

impl Products {
    /// From the inner products `⟨x_s, y_t⟩`, `[n, n]`.
    fn new(inner: ArrayView2<f64>) -> Self {
        let own = inner.diag().to_vec();
        let (rows, columns) = (inner.sum_axis(Axis(1)), inner.sum_axis(Axis(0)));
        let of_unit = (0..own.len()).map(|s| rows[s] + columns[s] - own[s]).collect();
        Self { total: inner.sum(), of_unit, own }
    }

    /// `U(x, y) = (⟨Σx, Σy⟩ − Σ⟨x_s, y_s⟩) / (n (n − 1))`, over all units or all but one.
    fn u(&self, without: Option<usize>) -> f64 {
        let all: f64 = self.own.iter().sum();
        let n = self.own.len() as f64;
        match without {
            None => (self.total - all) / (n * (n - 1.0)),
            Some(s) => {
                // ⟨Σx − x_s, Σy − y_s⟩ − (Σ⟨x, y⟩ − ⟨x_s, y_s⟩)
                let total = self.total - self.of_unit[s];
                (total - (all - self.own[s])) / ((n - 1.0) * (n - 2.0))
            }
        }
    }
}

/// What a critic's policy gradient is worth on one frozen policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PolicyGradient {
    /// Cosine of its policy gradient and the true one; not clipped, NaN where a squared norm was not
    /// estimated to be positive.
    pub cosine: Estimate,
    /// `cos²` of the first critic over this one's: ratio of the gains that the best step along each
    /// guarantees. NaN unless both cosines are positive: a gradient that points downhill makes no progress.
    pub progress_ratio: Estimate,
    /// `√(U(u − w, u − w) / U(w, w))`: the error of Proposition 1, which also counts a wrong scale.
    pub alpha: Estimate,
}

/// Inner products of a critic's vectors `u_s` of each unit, `[n, n]`.
pub(crate) struct Inner {
    /// `⟨u_s, u_t⟩`.
    pub own: Array2<f64>,
    /// `⟨u_s, w_t⟩` with the true ones.
    pub with_truth: Array2<f64>,
}

/// Compares the policy gradients of critics with the true one, given the inner products `⟨w_s, w_t⟩` of the true
/// vectors of `n` independent units, `[n, n]`, and those of each critic. Intervals: delete-one-unit jackknife at
/// `level`.
///
/// # Panics
/// If there are fewer than three units, or the shapes differ.
pub(crate) fn policy_gradients(
    truth: &Array2<f64>,
    critics: &[Inner],
    level: f64,
) -> Vec<PolicyGradient> {
    let n = truth.nrows();
    assert!(n >= 3 && truth.is_square(), "three units or more: {:?}", truth.dim());
    let ww = Products::new(truth.view());
    let uu: Vec<Products> = critics.iter().map(|u| Products::new(u.own.view())).collect();
    let uw: Vec<Products> = critics.iter().map(|u| Products::new(u.with_truth.view())).collect();
    let cosine = |k: usize, without| {
        uw[k].u(without) / (positive(uu[k].u(without)) * positive(ww.u(without))).sqrt()
    };
    let ratio = |k: usize, without| {
        let [a, b] = [0, k].map(|k| cosine(k, without));
        if a > 0.0 && b > 0.0 { (a / b).powi(2) } else { f64::NAN }
    };
    let estimate = |stat: &dyn Fn(Option<usize>) -> f64| {
        let left_out: Vec<f64> = (0..n).map(|s| stat(Some(s))).collect();
        jackknife_interval(stat(None), &left_out, level)
    };
    let worth = |(k, Inner { own, with_truth }): (usize, &Inner)| {
        // ⟨u − w, u − w⟩
        let error = own - with_truth - with_truth.t() + truth;
        let ee = Products::new(error.view());
        PolicyGradient {
            cosine: estimate(&|without| cosine(k, without)),
            progress_ratio: estimate(&|without| ratio(k, without)),
            alpha: estimate(&|without| (positive(ee.u(without)) / positive(ww.u(without))).sqrt()),
        }
    };
    critics.iter().enumerate().map(worth).collect()
}

/// Returns the factor `(1 − α)/(1 + α)²` of Proposition 1 for the best scale of a gradient with this
/// cosine, `α = √(1 − cos²)`. Only its ratio for two critics on one policy means anything: a
/// worst-case bound, from which the unknown constants cancel.
pub(crate) fn proposition_factor(cosine: f64) -> f64 {
    let alpha = (1.0 - cosine * cosine).sqrt();
    (1.0 - alpha) / (1.0 + alpha).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::drawn;
    use crate::stats::similarity::cosine;
    use crate::stats::summary;

    /// What the policy gradients `u` and `o` of two critics are worth.
    fn of_two(w: &Array2<f64>, critics: [&Array2<f64>; 2]) -> [PolicyGradient; 2] {
        let inner = critics.map(|u| Inner { own: u.dot(&u.t()), with_truth: u.dot(&w.t()) });
        policy_gradients(&w.dot(&w.t()), &inner, 0.95).try_into().unwrap()
    }

    /// A world of `n` states in `p` weights: a common direction of length 1, what differs between
    /// states, and noise in the truth; the critic's common direction has the given cosine with it.
    fn world(n: usize, p: usize, cosine: f64, seed: u64) -> [Array2<f64>; 2] {
        let mut stream = drawn(seed, "world");
        let mut normal = |std: f64| Array2::from_shape_simple_fn((n, p), || std * stream.normal());
        let own = normal(0.3);
        let noise = normal(0.5);
        let (mut u, mut w) = (own.clone(), own + noise);
        w.column_mut(0).mapv_inplace(|x| x + 1.0);
        u.column_mut(0).mapv_inplace(|x| x + cosine);
        u.column_mut(1).mapv_inplace(|x| x + (1.0 - cosine * cosine).sqrt());
        [u * 3.0, w]
    }

    #[test]
    fn noise_does_not_pull_the_cosine_down() {
        let (mut found, mut naive, mut covered) = (Vec::new(), Vec::new(), 0);
        for seed in 0..60 {
            let [u, w] = world(100, 120, 0.6, seed);
            let [estimate, again] = of_two(&w, [&u, &u]);
            found.push(estimate.cosine.value);
            let sums = [&u, &w].map(|rows| rows.sum_axis(Axis(0)).to_vec());
            naive.push(cosine(&sums[0], &sums[1]).unwrap());
            covered += usize::from(estimate.cosine.covers(0.6));
            assert!((again.progress_ratio.value - 1.0).abs() < 1e-12);
            assert!(again.progress_ratio.half_width() < 1e-9, "a critic against itself");
        }
        assert!((summary::mean(&found) - 0.6).abs() < 0.02, "{}", summary::mean(&found));
        assert!(summary::mean(&naive) < 0.58, "{}", summary::mean(&naive));
        // Of 60 intervals of 95 %, fewer than 49 cover in 3 of 100 000 cases.
        assert!(covered >= 49, "{covered} of 60");
    }

    /// Tells whether `truth` lies within twice the 95 % interval, some four standard errors.
    fn within_four_errors(found: Estimate, truth: f64) -> bool {
        (found.value - truth).abs() < 2.0 * found.half_width()
    }

    #[test]
    fn alpha_counts_scale_and_the_cosine_does_not() {
        let [u, w] = world(400, 60, 1.0, 1);
        let [found, twice] = of_two(&w, [&u, &(&w * 2.0)]);
        assert!(within_four_errors(found.cosine, 1.0), "{:?}", found.cosine);
        assert!((twice.alpha.value - 1.0).abs() < 1e-9, "{:?}", twice.alpha);
        // u = 3 w in the mean: ‖u − w‖ / ‖w‖ = 2
        assert!(within_four_errors(found.alpha, 2.0), "{:?}", found.alpha);
    }

    #[test]
    fn the_ratio_of_two_critics_is_that_of_their_squared_cosines() {
        let ([good, w], [bad, _]) = (world(400, 60, 0.8, 2), world(400, 60, 0.4, 2));
        let [_, found] = of_two(&w, [&good, &bad]);
        assert!(within_four_errors(found.progress_ratio, 4.0), "{:?}", found.progress_ratio);
        let [_, downhill] = of_two(&w, [&good, &-bad]);
        assert!(downhill.progress_ratio.value.is_nan() && downhill.cosine.value < 0.0);
    }

    #[test]
    fn sums_that_leave_one_out_are_those_computed_anew() {
        let [u, w] = world(7, 5, 0.5, 3);
        let products = Products::new(u.dot(&w.t()).view());
        for left in 0..7 {
            let others = || (0..7).filter(move |&s| s != left);
            let pairs = others().flat_map(|a| others().map(move |b| (a, b)));
            let sum: f64 =
                pairs.filter(|(a, b)| a != b).map(|(a, b)| u.row(a).dot(&w.row(b))).sum();
            assert!((products.u(Some(left)) - sum / 30.0).abs() < 1e-12);
        }
    }

    #[test]
    fn the_factor_of_the_proposition_at_known_cosines() {
        // docs/estimator.md §7.3
        for (cosine, factor) in [(0.1, 0.0013), (0.2, 0.0052), (0.4, 0.0227), (0.6, 0.062)] {
            assert!((proposition_factor(cosine) - factor).abs() < 0.04 * factor);
        }
    }

    /// `J(φ) = −½ κ_q (c φ)²`: the policy is `μ = c φ` and the critic exact, so that α = 0.
    fn objective(kappa_q: f64, c: f64, phi: f64) -> f64 {
        -0.5 * kappa_q * (c * phi).powi(2)
    }

    #[test]
    fn the_printed_constants_of_proposition_one_allow_steps_that_make_things_worse() {
        // κ_μ = 0, σ_μ = c, φ = 1, a step of 0.99 of the claimed limit 1/k̃ (docs/estimator.md §7.1)
        for (kappa_q, c, printed, before, after, corrected) in [
            (1.0, 2.0, 0.5 * (1.0 * 2.0), -2.0, -17.5, -1.92),
            (0.5, 1.0, 0.5 * (0.5f64 * 1.0).powi(2), -0.25, -2.19, -0.240),
        ] {
            let gradient = -kappa_q * c * c;
            let step = |k_tilde: f64| objective(kappa_q, c, 1.0 + 0.99 / k_tilde * gradient);
            assert!((objective(kappa_q, c, 1.0) - before).abs() < 1e-12);
            assert!((step(printed) - after).abs() < 0.01 * after.abs(), "{}", step(printed));
            assert!(step(printed) < before, "the printed constant promises progress");
            let kappa_j = kappa_q * c * c; // κ_q σ_μ² + κ_μ σ_q
            assert!((step(0.5 * kappa_j) - corrected).abs() < 0.005, "{}", step(0.5 * kappa_j));
            let eta = 0.99 / (0.5 * kappa_j);
            // The descent lemma: η ⟨G_c, G⟩ − ½ κ_J η² ‖G_c‖².
            let gain = eta * gradient.powi(2) - 0.5 * kappa_j * (eta * gradient).powi(2);
            assert!((step(0.5 * kappa_j) - before - gain).abs() < 1e-12, "the lemma is tight here");
        }
    }
}
