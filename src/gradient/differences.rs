//! Finite differences of the return, and how long they can be believed.
//!
//! Two-sided differences along each coordinate need no cloud: with an exact simulator they are the
//! gradient itself wherever one exists. Where contacts or chaos make the return rough, differences
//! of neighbouring sizes disagree, and no critic can be right about a gradient that is not there.
//! They are a diagnosis, not the yardstick: what they say holds at their own scale only.
//!
//! # References
//! `docs/estimator.md` §4.4; Metz et al. 2021, "Gradients are Not All You Need".

use ndarray::Array2;

use super::bank::{Try, roll_out};
use super::{Agent, greedy_at};
use crate::env::Visited;
use crate::error::Result;
use crate::rng::Stream;
use crate::rollout::Outcome;
use crate::stats::similarity::cosine;

/// Room that the policy's action is given inside the box, so that both sides fit.
const INSIDE: f64 = 0.9;

/// Cosine above which two differences of neighbouring sizes agree.
pub(crate) const AGREE: f64 = 0.99;

/// Share of states that must agree for a horizon to count as smooth.
pub const MOST: f64 = 0.9;

/// Returns the difference quotients `(q(a + ε eⱼ) − q(a − ε eⱼ)) / 2ε` of returns cut at `horizon`,
/// `[states, A]`, around the policy's action, pulled inside ±0.9. Rows of states whose simulation
/// became unstable are NaN.
pub(crate) fn differences(
    agent: &Agent,
    starts: &[Visited],
    epsilon: f64,
    horizon: u32,
    workers: &rayon::ThreadPool,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Array2<f64>> {
    let (_, centres, _) = greedy_at(agent, starts)?;
    let dims = centres.ncols();
    let noise = Stream::new(0, "differences");
    let draws = Stream::new(0, "draws of differences");
    let mut tries = Vec::with_capacity(dims * starts.len());
    for (state, centre) in centres.rows().into_iter().enumerate() {
        let name = state.to_string();
        for j in 0..dims {
            let actions = [epsilon, -epsilon].map(|step| {
                let mut action: Vec<f64> =
                    centre.iter().map(|a| a.clamp(-INSIDE, INSIDE)).collect();
                action[j] += step;
                action
            });
            let [noise, draws] = [&noise, &draws].map(|stream| stream.child(&name));
            tries.push(Try { state, actions, noise, draws });
        }
    }
    let outcomes = roll_out(agent, starts, &tries, horizon, &[], workers, progress)?;
    let slope = |pair: &[Outcome]| {
        (pair[0].discounted_return - pair[1].discounted_return) / (2.0 * epsilon)
    };
    let slopes = outcomes.chunks_exact(2).map(slope).collect();
    Ok(Array2::from_shape_vec((starts.len(), dims), slopes).expect("two per entry"))
}

/// Returns the cosine of each row of two sets of gradients; undefined ones are left out.
pub(crate) fn row_cosines(a: &Array2<f64>, b: &Array2<f64>) -> Vec<f64> {
    let rows = a.rows().into_iter().zip(b.rows());
    rows.filter_map(|(a, b)| cosine(&a.to_vec(), &b.to_vec())).collect()
}

/// Returns the share of `cosines` above [`AGREE`]; NaN if there are none.
pub(crate) fn agreeing(cosines: &[f64]) -> f64 {
    cosines.iter().filter(|c| **c > AGREE).count() as f64 / cosines.len() as f64
}

/// Returns the chaos horizon H*: the longest horizon up to which differences agree in more than
/// [`MOST`] of the states, given `(horizon, share)` in rising order; `None` if even the first is
/// rough.
///
/// # Examples
/// ```
/// use hyperl::gradient::differences::chaos_horizon;
/// assert_eq!(chaos_horizon(&[(1, 1.0), (5, 0.96), (20, 0.08), (50, 0.95)]), Some(5));
/// assert_eq!(chaos_horizon(&[(1, 0.5)]), None);
/// ```
pub fn chaos_horizon(shares: &[(u32, f64)]) -> Option<u32> {
    shares.iter().take_while(|(_, share)| *share > MOST).last().map(|(horizon, _)| *horizon)
}
