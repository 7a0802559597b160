//! Realised against promised improvement, along the critic's own gradient and along random directions
//! (`docs/estimator.md` §8.4).
//!
//! Two rollouts a state suffice, however many dimensions an action has: only one direction is tried.
//! A critic may be right along random directions and wrong along its own: the actor climbs its errors.

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use super::bank::{Try, roll_out};
use super::pairs::{Around, LENGTHS, Pair, rotation};
use super::{Agent, in_blocks, observed};
use crate::env::Visited;
use crate::error::Result;
use crate::names::named;
use crate::rng::Stream;
use crate::stats::Estimate;
use crate::stats::clusters::clusters;
use crate::stats::similarity::dot;
use crate::stats::stacked::{effective, jackknife};

named!("direction",
    /// Along which direction an action is moved.
    Along {
        /// The critic's gradient before tanh.
        Own = "own",
        /// A random one.
        Random = "random",
    }
);

/// The improvement that a critic promised for one step, and the one realised: differences of value between both sides.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Number of the state.
    pub state: usize,
    /// The episode in which training visited it, where that is known.
    pub episode: Option<u64>,
    /// Along which direction.
    pub along: Along,
    /// By how much the critic values one side above the other.
    pub promised: f64,
    /// By how much its return is larger.
    pub realised: f64,
}

/// Tries one step on either side of the policy's action at each of `starts`, along both directions.
///
/// States without a gradient, or whose simulation became unstable, are left out.
///
/// # Errors
/// Those of the networks and of the rollouts.
pub fn promises(
    agent: &Agent,
    starts: &[Visited],
    horizon: u32,
    std: f64,
    seed: u64,
    workers: &rayon::ThreadPool,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<Kept>> {
    let stream = |name: &str| Stream::new(seed, name).child(agent.streams);
    let (lengths, noise, draws) =
        (stream("promise"), stream("noise of promises"), stream("draws of promises"));
    let (obs, _, dims) = observed(agent, starts)?;
    let before = in_blocks(&obs, dims, |obs, before| agent.policy.before_tanh(obs, before))?;
    let slopes = agent.critic.action_gradient(&obs, &before.mapv(f64::tanh))?;
    let (mut tries, mut alongs) = (Vec::new(), Vec::new());
    for (state, u) in before.rows().into_iter().enumerate() {
        let u = u.to_vec();
        let mut own = lengths.child(&state.to_string());
        let through: Vec<f64> =
            slopes.row(state).iter().zip(&u).map(|(v, u)| v * (1.0 - u.tanh().powi(2))).collect();
        let norm = dot(&through, &through).sqrt();
        let random = rotation(dims, &mut own).swap_remove(0);
        for along in Along::ALL {
            let length = std * own.uniform(LENGTHS[0], LENGTHS[1]);
            let unit: Vec<f64> = match along {
                Along::Own if norm > 0.0 => through.iter().map(|x| x / norm).collect(),
                Along::Own => continue,
                Along::Random => random.clone(),
            };
            let direction = unit.into_iter().map(|x| x * (dims as f64).sqrt()).collect();
            let pair = Pair { around: Around::Policy, block: 0, direction, length };
            let [noise, draws] = [&noise, &draws].map(|s| s.child(&format!("{state}/{along}")));
            tries.push(Try { state, actions: pair.actions(&u), noise, draws });
            alongs.push(along);
        }
    }
    let outcomes = roll_out(agent, starts, &tries, horizon, &[], workers, progress)?;
    let action = |(row, j): (usize, usize)| tries[row / 2].actions[row % 2][j];
    let actions = Array2::from_shape_fn((2 * tries.len(), dims), action);
    let rows: Vec<usize> = tries.iter().flat_map(|tried| [tried.state; 2]).collect();
    let values = agent.critic.value(&obs.select(Axis(0), &rows), &actions)?;
    let sides = outcomes.chunks_exact(2).zip(values.chunks_exact(2));
    let kept = tries.iter().zip(alongs).zip(sides).map(|((tried, along), (outcome, value))| Kept {
        state: tried.state,
        episode: starts[tried.state].episode,
        along,
        promised: value[0] - value[1],
        realised: outcome[0].discounted_return - outcome[1].discounted_return,
    });
    Ok(kept.filter(|kept| kept.realised.is_finite()).collect())
}

/// How promises are kept along one kind of direction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Promise {
    /// Along which direction.
    pub along: Along,
    pub states: usize,
    /// Sum of what was realised over sum of what was promised: the share that is real.
    pub kept: Estimate,
    /// Slope of realised over promised, through the origin: large promises count more.
    pub slope: Estimate,
    /// Correlation of both, about the origin.
    pub correlation: Estimate,
}

impl Promise {
    /// Returns how promises are kept; the unit of intervals is the episode.
    pub(crate) fn of(all: &[Kept], along: Along) -> Self {
        let there = all.iter().filter(|kept| kept.along == along);
        let rows = there.map(|kept| {
            let Kept { promised, realised, .. } = *kept;
            // Which side is called the first means nothing.
            let products = [
                realised * promised.signum(),
                promised.abs(),
                realised * promised,
                promised * promised,
                realised * realised,
            ];
            (products, kept.episode)
        });
        let units: Vec<Vec<[f64; 5]>> = clusters(rows);
        let counting = |weight: fn(&[f64; 5]) -> f64| {
            effective(&units.iter().map(|u| u.iter().map(weight).sum()).collect::<Vec<f64>>())
        };
        let (by_size, by_square) = (counting(|row| row[1]), counting(|row| row[3]));
        Self {
            along,
            states: units.iter().map(Vec::len).sum(),
            kept: jackknife(&units, |[r, p, ..]| r / p, by_size),
            slope: jackknife(&units, |[_, _, rp, pp, _]| rp / pp, by_square),
            correlation: jackknife(&units, |[_, _, rp, pp, rr]| rp / (pp * rr).sqrt(), by_square),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::drawn;

    #[test]
    fn a_promise_kept_by_half_has_slope_one_half_whichever_side_is_first() {
        let mut stream = drawn(0, "promises");
        let all: Vec<Kept> = (0..4000)
            .map(|state| {
                let promised = stream.normal();
                let realised = 0.5 * promised + 0.2 * stream.normal();
                Kept { state, episode: None, along: Along::Own, promised, realised }
            })
            .collect();
        let found = Promise::of(&all, Along::Own);
        for (number, truth) in [(found.kept, 0.5), (found.slope, 0.5)] {
            // Four standard errors: twice the interval.
            assert!((number.value - truth).abs() < 2.0 * number.half_width(), "{number:?}");
            assert!(number.half_width() < 0.02, "{number:?}");
        }
        let correlation = 0.5 / (0.25f64 + 0.04).sqrt();
        assert!((found.correlation.value - correlation).abs() < 0.02, "{:?}", found.correlation);
        let turned: Vec<Kept> = all
            .iter()
            .map(|k| Kept { promised: -k.promised, realised: -k.realised, ..*k })
            .collect();
        assert_eq!(Promise::of(&turned, Along::Own), found);
        assert_eq!(Promise::of(&all, Along::Random).states, 0);
    }
}
