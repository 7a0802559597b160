//! One state: the fit to its returns, its replicates, and their agreement with the critic.

use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};

use super::least_squares::{Fit, least_norm_slope, local_gradient};
use super::perturb::{Clouds, distinct};
use crate::error::Result;
use crate::rng::Stream;
use crate::rollout::{End, Outcome};
use crate::stats::replicates::Replicates;
use crate::stats::similarity::{cosine, dot, norm_ratio, sign_agreement};

/// Random half splits of independent perturbations, over which replicates average.
const SPLITS: usize = 10;

/// The results at one state; one row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct StateResult {
    /// The episode of the state; see [`crate::env::Visited::episode`].
    pub episode: Option<u64>,
    /// Cosine between critic's and true gradient; NaN where it is undefined or the state excluded.
    pub cosine: f64,
    /// Cosine between the critic's gradient and a fit to the critic's own values (Fig. 8).
    pub self_cosine: f64,
    /// Cosine between the fits to the returns and to the critic's values on the same actions, which
    /// smooths both alike. Inflated by curvature that both share.
    pub matched_cosine: f64,
    /// The estimated true gradient `[A]`, 0 where a coordinate was not tried; empty without a fit.
    pub truth: Vec<f64>,
    /// Norm of the estimated true gradient.
    pub truth_norm: f64,
    /// Norm of the critic's gradient.
    pub critic_norm: f64,
    /// Critic's norm over the true one; NaN if undefined.
    pub norm_ratio: f64,
    /// Share of dimensions in which both have the same sign; NaN if undefined.
    pub sign_agreement: f64,
    /// The fit to the returns.
    pub fit: FitSummary,
    /// Share of action entries that clipping to the box moved.
    pub clipped: f64,
    /// Share of rollouts that ended in an absorbing state.
    pub fell: f64,
    /// Mean steps of a rollout.
    pub mean_steps: f64,
    /// Mean return of the rollouts.
    pub mean_return: f64,
    /// Steps after which a rollout was cut; 0 in a self-check.
    pub horizon: u32,
    /// Steps of the longest rollout; 0 without any.
    pub longest: u32,
    /// Rollouts made; in a self-check, actions whose value the critic was asked for.
    pub rollouts: usize,
    /// What independent replicates of the true gradient say; `None` where they are undefined.
    pub replicates: Option<Replicates>,
    /// What is strange about the state.
    pub flags: Flags,
}

/// The part of a [`Fit`] that goes into the results.
#[derive(Debug, Clone, PartialEq)]
pub struct FitSummary {
    /// Independent directions tried.
    pub rank: usize,
    /// Action dimensions that varied.
    pub tried: usize,
    /// Which action dimensions these are, `[A]`; empty without a fit.
    pub identified: Vec<bool>,
    /// Condition of the centred actions.
    pub condition: f64,
    /// R² adjusted for the number of unknowns.
    pub adjusted_r2: f64,
    /// p-value of the F-test against "the gradient is 0".
    pub f_p_value: f64,
}

/// Degenerate cases, each counted by name (`docs/estimator.md` §1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "each case is counted on its own")]
pub struct Flags {
    /// One of the two gradients is exactly zero: the cosine is undefined.
    pub undefined: bool,
    /// The actions left a direction untried: excluded.
    pub rank_deficient: bool,
    /// Some dimension was saturated in every rollout and is left out of the comparison.
    pub projected: bool,
    /// Every rollout ended with its first step.
    pub one_step: bool,
    /// Rollouts whose simulation became unstable; they are left out.
    pub non_finite: usize,
    /// Too few rollouts were left: excluded.
    pub too_few: bool,
    /// The F-test does not tell the gradient from zero at 5 %; kept.
    pub unresolved: bool,
}

/// Leaves the saturated dimensions out of a vector `[A]`.
fn on_identified<'a>(fit: &Fit, vector: impl IntoIterator<Item = &'a f64>) -> Vec<f64> {
    vector.into_iter().zip(&fit.identified).filter(|(_, kept)| **kept).map(|(x, _)| *x).collect()
}

impl StateResult {
    /// What is known before the fit.
    fn before_fit(clouds: &Clouds, state: usize, outcomes: &[Outcome]) -> Self {
        let (cloud, critic) = (&clouds.tried[state], clouds.critic.row(state));
        let n = outcomes.len() as f64;
        let fell = outcomes.iter().filter(|o| o.end == End::Terminated).count() as f64 / n;
        let finite: Array1<f64> =
            outcomes.iter().map(|o| o.discounted_return).filter(|q| q.is_finite()).collect();
        let nan = f64::NAN;
        let at_once = |o: &Outcome| o.end == End::Terminated && o.steps == 1;
        Self {
            episode: None,
            cosine: nan,
            self_cosine: nan,
            matched_cosine: nan,
            truth: Vec::new(),
            truth_norm: nan,
            critic_norm: critic.dot(&critic).sqrt(),
            norm_ratio: nan,
            sign_agreement: nan,
            fit: FitSummary {
                rank: 0,
                tried: 0,
                identified: Vec::new(),
                condition: nan,
                adjusted_r2: nan,
                f_p_value: nan,
            },
            clipped: cloud.clipped,
            fell,
            mean_steps: outcomes.iter().map(|o| f64::from(o.steps)).sum::<f64>() / n,
            mean_return: finite.mean().unwrap_or(nan),
            horizon: clouds.horizons[state],
            longest: outcomes.iter().map(|o| o.steps).max().unwrap_or(0),
            rollouts: outcomes.len(),
            replicates: None,
            flags: Flags {
                non_finite: outcomes.len() - finite.len(),
                one_step: !outcomes.is_empty() && outcomes.iter().all(at_once),
                ..Flags::default()
            },
        }
    }

    fn judge(&mut self, fit: &Fit, critic: &[f64]) {
        let (critic, truth) = (on_identified(fit, critic), on_identified(fit, &fit.gradient));
        self.truth = fit.gradient.to_vec();
        self.fit = FitSummary {
            rank: fit.rank,
            tried: fit.tried(),
            identified: fit.identified.clone(),
            condition: fit.condition,
            adjusted_r2: fit.adjusted_r2,
            f_p_value: fit.f_p_value,
        };
        self.truth_norm = dot(&truth, &truth).sqrt();
        self.flags.rank_deficient = fit.is_rank_deficient();
        self.flags.projected = fit.identified.iter().any(|kept| !kept);
        self.flags.unresolved = fit.f_p_value.is_nan() || fit.f_p_value > 0.05;
        if self.flags.rank_deficient {
            return;
        }
        let agreement = cosine(&critic, &truth);
        self.flags.undefined = agreement.is_none();
        self.cosine = agreement.unwrap_or(f64::NAN);
        self.norm_ratio = norm_ratio(&critic, &truth).unwrap_or(f64::NAN);
        self.sign_agreement = sign_agreement(&critic, &truth).unwrap_or(f64::NAN);
    }
}

/// Compares the critic's gradient at one state with the fit to its own values.
pub(super) fn compare_own(clouds: &Clouds, state: usize, own: &Fit) -> StateResult {
    let mut result = StateResult::before_fit(clouds, state, &[]);
    (result.horizon, result.rollouts) = (0, clouds.tried[state].actions.nrows());
    result.judge(own, &clouds.critic.row(state).to_vec());
    result.self_cosine = std::mem::replace(&mut result.cosine, f64::NAN);
    result
}

/// Fits the returns of one state and compares, given the fit to the critic's `own` values on the same actions;
/// `halves` draws the halves of independent rollouts.
pub(super) fn compare(
    clouds: &Clouds,
    state: usize,
    outcomes: &[Outcome],
    own: &Fit,
    halves: Stream,
) -> Result<StateResult> {
    let cloud = &clouds.tried[state];
    let critic = clouds.critic.row(state).to_vec();
    let mut result = StateResult::before_fit(clouds, state, outcomes);
    result.self_cosine = compare_own(clouds, state, own).self_cosine;
    let finite: Vec<usize> =
        (0..outcomes.len()).filter(|&i| outcomes[i].discounted_return.is_finite()).collect();
    let actions = cloud.actions.select(Axis(0), &finite);
    let returns: Array1<f64> = finite.iter().map(|&i| outcomes[i].discounted_return).collect();
    result.flags.too_few = finite.len() < actions.ncols() + 3;
    if result.flags.too_few {
        return Ok(result);
    }
    let fit = local_gradient(actions.view(), returns.view())?;
    result.judge(&fit, &critic);
    if result.cosine.is_finite() {
        let [own, truth] = [own, &fit].map(|f| on_identified(&fit, &f.gradient));
        result.matched_cosine = cosine(&own, &truth).unwrap_or(f64::NAN);
        result.replicates = replicates_of_halves(&actions, &returns, &fit, &critic, halves);
    }
    Ok(result)
}

/// Returns replicates from random halves of independent perturbations (`docs/estimator.md` §2.4), in the
/// dimensions that vary over all rollouts; a half with fewer rollouts than dimensions gives the solution of
/// least norm.
///
/// Rollouts of the same action, as the box makes them of a saturated policy, stay together: halves
/// that share one are not independent.
fn replicates_of_halves(
    actions: &Array2<f64>,
    returns: &Array1<f64>,
    fit: &Fit,
    critic: &[f64],
    mut stream: Stream,
) -> Option<Replicates> {
    let groups = distinct(actions.view());
    let n = groups.len();
    if n < 2 {
        return None;
    }
    let gradient = |half: &[usize]| {
        let rows: Vec<usize> = half.iter().flat_map(|&i| groups[i].iter().copied()).collect();
        let (actions, returns) = (actions.select(Axis(0), &rows), returns.select(Axis(0), &rows));
        on_identified(fit, &least_norm_slope(actions, &returns))
    };
    let halves: Vec<[Vec<f64>; 2]> = (0..SPLITS)
        .map(|_| {
            let order = stream.sample_without_replacement(n, n);
            let (first, second) = order.split_at(n / 2);
            [first, second].map(gradient)
        })
        .collect();
    let (critic, full) = (on_identified(fit, critic), on_identified(fit, &fit.gradient));
    Replicates::of_splits(&full, &halves, &critic)
}
