//! What a bank says of a critic: κ, gain and inside (`docs/estimator.md` §8).
//!
//! The critic is smoothed over the same perturbations as the truth, so that an exactly right one scores the
//! ceiling; its gradient at the policy's own action, the one that the actor climbs, is judged beside it.

use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};

use super::bank::{Bank, BankState};
use super::critic_gradient::ActionValue;
use super::pairs::{Around, Pair};
use crate::error::Result;
use crate::rng::Stream;
use crate::stats::LEVEL;
use crate::stats::clusters::clusters;
use crate::stats::corrected::{Corrected, correct_units};
use crate::stats::lift::Lift;
use crate::stats::replicates::Replicates;
use crate::stats::similarity::dot;
use crate::stats::stacked::{Stacked, Sums};
use crate::stats::summary::mean_vector;

/// Blocks over which a critic is smoothed, an even number: their two halves are independent.
const SMOOTHING: usize = 16;

/// A coordinate whose action moves less than this with its value before tanh is called saturated.
const SATURATED: f64 = 0.05;

/// What a critic says at one state of a bank: its gradients `[A]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// At the policy's action.
    pub local: Vec<f64>,
    /// Smoothed as the truth is, around each place of the bank's plan: two independent estimates.
    pub smoothed: Vec<[Vec<f64>; 2]>,
}

/// What a bank says of a critic at one state.
#[derive(Debug, Clone, PartialEq)]
pub struct StateScore {
    /// The episode in which training visited it, where that is known.
    pub episode: Option<u64>,
    /// Products with the critic's smoothed gradient; `None` with fewer than two blocks, or where a rollout became
    /// unstable.
    pub smoothed: Option<Sums>,
    /// The true gradient and the critic's smoothed one before tanh `[A]`, where there are products.
    pub before_tanh: Option<[Vec<f64>; 2]>,
    /// Products with its gradient at the policy's action.
    pub local: Option<Sums>,
    /// Cosines inside the box; `None` where they are undefined, or a rollout became unstable.
    pub inside: Option<Replicates>,
    /// Cosines of 0 for the gate, which counts a critic without a gradient inside the box (0 or not finite) as
    /// orthogonal. `None` where it has one, or the rollouts have none.
    pub silent: Option<Replicates>,
    /// `‖D v‖²` and `‖v‖²` of the critic's gradient `v`, with `D` the derivative of tanh.
    pub reach: [f64; 2],
    /// Share of the coordinates that are saturated.
    pub saturated: f64,
    /// Whether a rollout became unstable.
    pub unstable: bool,
}

/// What a bank says of a critic.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Score {
    /// κ and gain of the critic, smoothed as the truth is.
    pub policy: Stacked,
    /// The same of its gradient at the policy's own action.
    pub local: Stacked,
    /// Mean cosine inside the box, all coordinates alike.
    pub inside: Corrected,
    /// Share of the critic's squared gradient that the actor can use.
    pub reach: f64,
    /// Share of the coordinates that are saturated.
    pub saturated: f64,
    /// States.
    pub states: usize,
    /// States left out of κ, of inside or of both, because a simulation became unstable.
    pub left_out: usize,
}

/// Judges a critic at each state of a bank but the first `known`; `stream` draws what it is smoothed over.
///
/// # Errors
/// Those of the networks.
///
/// # Panics
/// If there are fewer states than are known.
pub fn score_states(
    bank: &Bank,
    known: usize,
    critic: &dyn ActionValue,
    stream: &Stream,
) -> Result<Vec<StateScore>> {
    let said = ask(bank, known, critic, stream)?;
    Ok(scores(&bank.states[known..], &said, &bank.plan.around))
}

/// Returns what states of a bank say of a critic's gradients there, smoothed around the places `around`.
pub fn scores(states: &[BankState], said: &[Said], around: &[Around]) -> Vec<StateScore> {
    states.iter().zip(said).map(|(state, said)| StateScore::of(state, said, around)).collect()
}

/// Asks a critic for its gradients at each state of a bank but the first `known`; `stream` draws what it is
/// smoothed over.
///
/// # Errors
/// Those of the networks.
///
/// # Panics
/// If there are fewer states than are known.
pub fn ask(
    bank: &Bank,
    known: usize,
    critic: &dyn ActionValue,
    stream: &Stream,
) -> Result<Vec<Said>> {
    let [obs, before] = bank.points(known);
    let local = critic.action_gradient(&obs, &before.mapv(f64::tanh))?;
    let said = |local: ArrayView1<f64>| Said { local: local.to_vec(), smoothed: Vec::new() };
    let mut all: Vec<Said> = local.rows().into_iter().map(said).collect();
    let of_state = |number: usize| stream.child(&number.to_string());
    let mut streams: Vec<Stream> = (known..bank.states.len()).map(of_state).collect();
    for &around in &bank.plan.around {
        let states = bank.states[known..].iter().zip(&mut streams);
        let pairs: Vec<_> = states
            .map(|(state, stream)| Smoothing::new(state, around, bank.plan.std, stream))
            .collect();
        let actions: Vec<Array2<f64>> = pairs.iter().map(Smoothing::actions).collect();
        let values = critic.values_in_states(&obs, &actions)?;
        for ((said, pairs), values) in all.iter_mut().zip(&pairs).zip(&values) {
            said.smoothed.push(pairs.gradients(values));
        }
    }
    Ok(all)
}

impl Said {
    /// Returns the gradient at the policy's action with respect to the action before tanh `[A]`.
    pub(super) fn through(&self, state: &BankState) -> Vec<f64> {
        self.local.iter().zip(derivatives(state)).map(|(v, d)| v * d).collect()
    }
}

/// Derivatives of tanh at the policy's action before it.
fn derivatives(state: &BankState) -> Vec<f64> {
    state.before_tanh.iter().map(|u| 1.0 - u.tanh().powi(2)).collect()
}

impl StateScore {
    /// Returns what a state says of a critic's gradients there, smoothed around the places `around`.
    pub(super) fn of(state: &BankState, said: &Said, around: &[Around]) -> Self {
        let through = said.through(state);
        let derivatives = derivatives(state);
        let saturated = derivatives.iter().filter(|d| **d < SATURATED).count();
        let mut score = Self {
            episode: state.episode,
            smoothed: None,
            before_tanh: None,
            local: None,
            inside: None,
            silent: None,
            reach: [dot(&through, &through), dot(&said.local, &said.local)],
            saturated: saturated as f64 / derivatives.len() as f64,
            unstable: state.tried.iter().flat_map(|tried| tried.returns).any(f64::is_nan),
        };
        for (&around, [first, second]) in around.iter().zip(&said.smoothed) {
            let blocks = state.gradients(around, |tried| tried.returns);
            // Fewer blocks than elsewhere are noisier, and the ceiling of all states would be another one.
            if blocks.len() < state.blocks(around).max(2) {
                continue;
            }
            let mean: Vec<f64> = first.iter().zip(second).map(|(a, b)| 0.5 * (a + b)).collect();
            match around {
                Around::Policy => {
                    // The product of independent halves is free of what smoothing draws.
                    let critic = dot(first, second);
                    score.smoothed = Some(Sums { critic, ..Sums::of(&blocks, &mean) });
                    score.local = Some(Sums::of(&blocks, &through));
                    score.before_tanh = Some([mean_vector(&blocks), mean]);
                }
                Around::Inside => {
                    score.inside = Replicates::of(&blocks, &mean);
                    if score.inside.is_none() {
                        score.silent = Replicates::of_silent(&blocks);
                    }
                }
            }
        }
        score
    }
}

/// Pairs of actions over which a critic is smoothed at one state, as the truth is.
struct Smoothing {
    centre: Vec<f64>,
    pairs: Vec<Pair>,
}

impl Smoothing {
    fn new(state: &BankState, around: Around, std: f64, stream: &mut Stream) -> Self {
        let pairs = around.pairs(state.before_tanh.len(), std, SMOOTHING, stream);
        Self { centre: around.centre(&state.before_tanh, std), pairs }
    }

    /// Returns the two actions of each pair, one after the other.
    fn actions(&self) -> Array2<f64> {
        let actions = self.pairs.iter().flat_map(|pair| pair.actions(&self.centre).concat());
        let shape = (2 * self.pairs.len(), self.centre.len());
        Array2::from_shape_vec(shape, actions.collect()).expect("rows of actions")
    }

    /// Returns two independent estimates of the gradient `[A]` of what has these values.
    fn gradients(&self, values: &[f64]) -> [Vec<f64>; 2] {
        let dims = self.centre.len();
        let mut halves = [vec![0.0; dims], vec![0.0; dims]];
        for (pair, q) in self.pairs.iter().zip(values.chunks_exact(2)) {
            pair.add_slope([q[0], q[1]], &mut halves[pair.block % 2]);
        }
        let per_half = self.pairs.len() as f64 / 2.0;
        halves.map(|half| half.into_iter().map(|x| x / per_half).collect())
    }
}

impl Score {
    /// Returns what states of a bank say together, given its blocks and action dimensions; the unit of intervals
    /// is the episode.
    pub fn of(states: &[StateScore], blocks: usize, dims: usize) -> Self {
        let units = |sums: fn(&StateScore) -> Option<Sums>| {
            clusters(states.iter().filter_map(|s| Some((sums(s)?, s.episode))))
        };
        let smoothed = units(|s| s.smoothed);
        let inside = clusters(states.iter().filter_map(|s| Some((s.inside?, s.episode))));
        let sum = |of: fn(&StateScore) -> f64| states.iter().map(of).sum::<f64>();
        Self {
            policy: Stacked::of(&smoothed),
            local: Stacked::of(&units(|s| s.local)),
            inside: correct_units(&inside, Lift::Orthogonal { blocks, dims }, LEVEL),
            reach: sum(|s| s.reach[0]) / sum(|s| s.reach[1]),
            saturated: sum(|s| s.saturated) / states.len() as f64,
            states: states.len(),
            left_out: states.iter().filter(|s| s.unstable).count(),
        }
    }
}
