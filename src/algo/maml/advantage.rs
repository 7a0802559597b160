//! How much better an action was than what was to be expected: a linear baseline, and generalised
//! advantage estimation (Duan et al. 2016; Schulman et al. 2016).

use ndarray::{Array1, Array2, ArrayView1};
use ndarray_linalg::{FactorizeCInto, SolveC, UPLO};

use super::sample::Episodes;
use crate::error::{Error, Result};

/// First ridge of the fit, and what each further try adds (authors' baseline).
const RIDGE: f64 = 1e-5;
const RIDGE_STEP: f64 = 10.0;

/// Tries of the fit.
const TRIES: u32 = 5;

/// Added to the standard deviation of advantages before dividing by it.
const TINY: f64 = 1e-8;

/// A value that is linear in `[o, o², t, t², t³, 1]`, with `t` the number of the step from 1, in hundreds.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline(Array1<f64>);

impl Baseline {
    /// Fits the discounted returns of these episodes by ridge regression.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if the normal equations stay singular: returns or observations are not
    /// finite.
    pub fn fit(episodes: &Episodes, gamma: f64) -> Result<Self> {
        let features = features(episodes);
        let returns: Vec<f64> =
            episodes.rewards.iter().flat_map(|rewards| discounted(rewards, gamma)).collect();
        let gram = features.t().dot(&features);
        let target = features.t().dot(&Array1::from(returns));
        for attempt in 0..TRIES {
            let mut ridged = gram.clone();
            ridged.diag_mut().mapv_inplace(|x| x + RIDGE + RIDGE_STEP * f64::from(attempt));
            let Ok(factors) = ridged.factorizec_into(UPLO::Lower) else { continue };
            match factors.solvec(&target) {
                Ok(weights) if weights.iter().all(|w| w.is_finite()) => return Ok(Self(weights)),
                _ => {}
            }
        }
        Err(Error::NonFinite(format!(
            "the baseline's normal equations stay singular after {TRIES} ridges up to {:.0}: returns or \
             observations are not finite",
            RIDGE_STEP * f64::from(TRIES - 1)
        )))
    }

    /// Returns the value of each step, `[N]`.
    pub fn values(&self, episodes: &Episodes) -> Vec<f64> {
        features(episodes).dot(&self.0).to_vec()
    }
}

/// Returns the features of each step, `[N, 2S + 4]`.
fn features(episodes: &Episodes) -> Array2<f64> {
    let steps = episodes.steps();
    let width = episodes.obs.len() / steps.max(1);
    let mut features = Array2::zeros((steps, 2 * width + 4));
    let times = episodes.rewards.iter().flat_map(|rewards| 1..=rewards.len());
    let rows = features.outer_iter_mut().zip(episodes.obs.chunks_exact(width.max(1)));
    for ((mut row, obs), time) in rows.zip(times) {
        for (i, &x) in obs.iter().enumerate() {
            row[i] = f64::from(x);
            row[width + i] = f64::from(x) * f64::from(x);
        }
        let t = time as f64 / 100.0;
        let powers = [t, t * t, t * t * t, 1.0];
        row.slice_mut(ndarray::s![2 * width..]).assign(&ArrayView1::from(&powers));
    }
    features
}

/// Returns the discounted return from each step of an episode.
fn discounted(rewards: &[f64], gamma: f64) -> Vec<f64> {
    let mut returns = rewards.to_vec();
    for t in (1..returns.len()).rev() {
        returns[t - 1] += gamma * returns[t];
    }
    returns
}

/// Returns the advantage of each step, `[N]`: `Â_t = Σ_k (γλ)^k δ_{t+k}`, `δ_t = r_t + γ v_{t+1} − v_t`.
///
/// The value after the last step is 0, whether the robot fell or time was over, as in the authors' code.
pub fn advantages(episodes: &Episodes, values: &[f64], [gamma, lambda]: [f64; 2]) -> Vec<f64> {
    let mut all = Vec::with_capacity(values.len());
    let mut rest = values;
    for rewards in &episodes.rewards {
        let (own, others) = rest.split_at(rewards.len());
        rest = others;
        let next = own.iter().skip(1).chain([&0.0]);
        let errors = rewards.iter().zip(own).zip(next).map(|((r, v), next)| r + gamma * next - v);
        all.extend(discounted(&errors.collect::<Vec<_>>(), gamma * lambda));
    }
    all
}

/// Shifts and scales numbers to mean 0 and standard deviation 1 (population); equal ones become 0.
pub fn normalise(numbers: &mut [f64]) {
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let std = (numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
    for x in numbers {
        *x = (*x - mean) / (std + TINY);
    }
}
