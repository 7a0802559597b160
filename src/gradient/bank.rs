//! Banks: rollouts of one policy at many states, made once, that judge any number of critics of that policy
//! (`docs/estimator.md` §8).

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::pairs::{Around, Pair};
use super::perturb::repeats;
use super::{Agent, in_blocks, observed};
use crate::env::{Snapshot, Visited};
use crate::error::{GradientError, Result};
use crate::rng::Stream;
use crate::rollout::{Job, Outcome, Rollouts};
use crate::stats::summary::mean_vector;

/// Most blocks: more is a slip, and would take all memory before it fails.
pub(super) const MOST_BLOCKS: usize = 1000;

/// How a bank is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// What pairs lie around.
    pub around: Vec<Around>,
    /// Independent blocks of each state and place; with fewer than four a mean cosine inside the box is
    /// corrected too little where states differ in their noise.
    pub blocks: usize,
    /// Size σ of the perturbations: before tanh, and in action half-ranges inside the box.
    pub std: f64,
    /// Steps after which a rollout is cut.
    pub horizon: u32,
    /// Steps after which the return so far is noted, too, in rising order.
    pub marks: Vec<u32>,
    /// Seed of directions, lengths and noise.
    pub seed: u64,
}

impl Default for Plan {
    /// Four blocks, and the horizon of γ = 0.99: the first with γʰ < 0.001.
    fn default() -> Self {
        let (around, blocks, std) = (Around::ALL.to_vec(), 4, 0.3);
        Self { around, blocks, std, horizon: 688, marks: Vec::new(), seed: 0 }
    }
}

/// A pair of actions and the returns of both rollouts.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// The actions.
    pub pair: Pair,
    /// Discounted returns on the side of the direction and on the other, in units of the critic; NaN where
    /// the simulation became unstable.
    pub returns: [f64; 2],
    /// The same after each of [`Plan::marks`] steps.
    pub partial: [Vec<f64>; 2],
}

/// What was tried at one state.
#[derive(Debug, Clone, PartialEq)]
pub struct BankState {
    /// The simulator's state, from which other policies can be followed.
    pub snapshot: Snapshot,
    /// The episode in which training visited it, where that is known.
    pub episode: Option<u64>,
    /// Observation `[S]`.
    pub obs: Vec<f64>,
    /// The policy's action before tanh `[A]`.
    pub before_tanh: Vec<f64>,
    /// Pairs, block by block.
    pub tried: Vec<Tried>,
}

/// Rollouts of one policy at many states.
#[derive(Debug, Clone, PartialEq)]
pub struct Bank {
    /// How they were made.
    pub plan: Plan,
    /// The states.
    pub states: Vec<BankState>,
}

impl BankState {
    /// Returns whether two rollouts try the same action, so that blocks which have one each agree by
    /// construction. Actions at the bound in every coordinate do not count: where the policy is too far beyond its
    /// bound for any coordinate to move, all actions and returns are the same, and say nothing.
    pub fn repeats(&self, std: f64) -> bool {
        let actions = self.tried.iter().flat_map(|tried| {
            tried.pair.actions(&tried.pair.around.centre(&self.before_tanh, std))
        });
        repeats(actions.filter(|action| action.iter().any(|a| a.abs() < 1.0)))
    }

    /// Returns the gradient `[A]` around a place, the mean of its blocks; `None` without a whole block.
    pub fn truth(&self, around: Around) -> Option<Vec<f64>> {
        let blocks = self.gradients(around, |tried| tried.returns);
        (!blocks.is_empty()).then(|| mean_vector(&blocks))
    }

    /// Returns the number of blocks around a place, unstable ones included.
    pub(super) fn blocks(&self, around: Around) -> usize {
        let there = self.tried.iter().filter(|tried| tried.pair.around == around);
        there.map(|tried| tried.pair.block + 1).max().unwrap_or(0)
    }

    /// Returns an independent estimate of the gradient `[A]` from each block around a place whose rollouts
    /// were all stable, given what counts as the return of a pair.
    pub(super) fn gradients(
        &self,
        around: Around,
        returns: impl Fn(&Tried) -> [f64; 2],
    ) -> Vec<Vec<f64>> {
        let there: Vec<&Tried> = self.tried.iter().filter(|t| t.pair.around == around).collect();
        let blocks = there.chunk_by(|a, b| a.pair.block == b.pair.block);
        let estimate = |block: &[&Tried]| {
            let mut sum = vec![0.0; self.before_tanh.len()];
            for tried in block {
                tried.pair.add_slope(returns(tried), &mut sum);
            }
            sum.into_iter().map(|x| x / block.len() as f64).collect::<Vec<f64>>()
        };
        blocks.map(estimate).filter(|g| g.iter().all(|x| x.is_finite())).collect()
    }

    /// Returns why no plan of size `std` with the `expected` pairs makes this state, if so; `name` is its name in the
    /// message.
    fn flaw(&self, name: &str, std: f64, expected: &[(Around, usize)]) -> Option<String> {
        let dims = self.before_tanh.len();
        if self.obs.iter().chain(&self.before_tanh).any(|x| !x.is_finite()) {
            return Some(format!("an observation or action of {name} is not finite"));
        }
        if self.repeats(std) {
            return Some(format!(
                "two rollouts of {name} try the same action, so that its blocks are not independent"
            ));
        }
        let made = self.tried.iter().map(|t| (t.pair.around, t.pair.block));
        if !made.eq(expected.iter().copied()) {
            return Some(format!("the pairs of {name} do not match its metadata"));
        }
        let pairs = || self.tried.iter().map(|tried| &tried.pair);
        if pairs()
            .any(|pair| pair.length.is_nan() || pair.length <= 0.0 || pair.direction.len() != dims)
        {
            return Some(format!("a pair of {name} has no length or no direction"));
        }
        let blocks: Vec<&Pair> = pairs().collect();
        let mut blocks = blocks.chunk_by(|a, b| (a.around, a.block) == (b.around, b.block));
        let skew = |block: &[&Pair]| {
            (0..dims).any(|i| {
                (0..dims).any(|j| {
                    let sum: f64 = block.iter().map(|p| p.direction[i] * p.direction[j]).sum();
                    let square = if i == j { block.len() as f64 } else { 0.0 };
                    sum.is_nan() || (sum - square).abs() > 1e-6
                })
            })
        };
        let said = || format!("a block of {name} does not weight all coordinates equally");
        blocks.any(skew).then(said)
    }
}

/// Two actions to try at a state, and what both rollouts share.
pub(super) struct Try {
    pub(super) state: usize,
    /// The actions `[A]`.
    pub(super) actions: [Vec<f64>; 2],
    pub(super) noise: Stream,
    /// What a stochastic policy draws from.
    pub(super) draws: Stream,
}

/// Makes the two rollouts of each try; returns are in units of the critic.
pub(super) fn roll_out(
    agent: &Agent,
    starts: &[Visited],
    tries: &[Try],
    horizon: u32,
    marks: &[u32],
    workers: &rayon::ThreadPool,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<Outcome>> {
    let mut jobs = Vec::with_capacity(2 * tries.len());
    for Try { state, actions, noise, draws } in tries {
        for action in actions {
            jobs.push(Job {
                start: &starts[*state].snapshot,
                first_action: Some(action),
                max_steps: horizon,
                noise: Some(noise),
                draws: Some(draws),
            });
        }
    }
    let Agent { make_env, policy, gamma, reward_scale, .. } = *agent;
    let rollouts = Rollouts { make_env, policy, gamma, hold: 1, marks, workers, progress };
    let mut outcomes = rollouts.run(&jobs)?;
    for outcome in &mut outcomes {
        outcome.discounted_return *= reward_scale;
        outcome.partial.iter_mut().for_each(|q| *q *= reward_scale);
    }
    Ok(outcomes)
}

/// Returns the states of a bank before anything is tried there.
pub(super) fn bank_states(agent: &Agent, starts: &[Visited]) -> Result<Vec<BankState>> {
    let (obs, _, dims) = observed(agent, starts)?;
    let before = in_blocks(&obs, dims, |obs, before| agent.policy.before_tanh(obs, before))?;
    let rows = starts.iter().zip(obs.rows()).zip(before.rows());
    let states = rows.map(|((Visited { snapshot, episode }, obs), before)| BankState {
        snapshot: snapshot.clone(),
        episode: *episode,
        obs: obs.to_vec(),
        before_tanh: before.to_vec(),
        tried: Vec::new(),
    });
    Ok(states.collect())
}

/// Makes the bank of a policy at `starts`; the first of them is state number `first`.
///
/// The two rollouts of a pair share the noise of the environment and a stochastic policy's draws; different
/// pairs do not.
///
/// # Errors
/// [`GradientError::RepeatedAction`]; those of the rollouts.
pub fn make_bank(
    agent: &Agent,
    starts: &[Visited],
    first: usize,
    plan: &Plan,
    workers: &rayon::ThreadPool,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Bank> {
    let stream = |name: &str| Stream::new(plan.seed, name).child(agent.streams);
    let (directions, noise, draws) = (stream("pairs"), stream("noise"), stream("draws"));
    let (mut tries, mut states) = (Vec::new(), bank_states(agent, starts)?);
    for (state, made) in states.iter_mut().enumerate() {
        for &around in &plan.around {
            let name = format!("{}/{around}", first + state);
            let (centre, dims) =
                (around.centre(&made.before_tanh, plan.std), made.before_tanh.len());
            let pairs = around.pairs(dims, plan.std, plan.blocks, &mut directions.child(&name));
            for (i, pair) in pairs.into_iter().enumerate() {
                let [noise, draws] = [&noise, &draws].map(|s| s.child(&format!("{name}/{i}")));
                tries.push(Try { state, actions: pair.actions(&centre), noise, draws });
                made.tried.push(Tried {
                    pair,
                    returns: [f64::NAN; 2],
                    partial: Default::default(),
                });
            }
        }
        if made.repeats(plan.std) {
            return Err(GradientError::RepeatedAction { std: plan.std }.into());
        }
    }
    let outcomes = roll_out(agent, starts, &tries, plan.horizon, &plan.marks, workers, progress)?;
    let mut outcomes = outcomes.into_iter();
    for tried in states.iter_mut().flat_map(|state| &mut state.tried) {
        for (side, outcome) in outcomes.by_ref().take(2).enumerate() {
            tried.returns[side] = outcome.discounted_return;
            tried.partial[side] = outcome.partial;
        }
    }
    Ok(Bank { plan: plan.clone(), states })
}

impl Bank {
    /// Returns why its plan makes no such bank, if so: that of a file may have been edited.
    pub fn flaw(&self) -> Option<String> {
        let Plan { around, blocks, std, horizon, .. } = &self.plan;
        let dims = self.dims();
        if dims == 0 {
            return Some("it has no states, or no actions".into());
        }
        if !(*std > 0.0 && *std < 1.0) || *horizon == 0 {
            return Some(format!("no rollouts are made with σ = {std} and {horizon} steps"));
        }
        if *blocks > MOST_BLOCKS {
            return Some(format!("it has {blocks} blocks, and at most {MOST_BLOCKS} are made"));
        }
        let pairs = around.iter().flat_map(|&around| {
            (0..*blocks).flat_map(move |block| vec![(around, block); around.count(dims)])
        });
        let expected: Vec<(Around, usize)> = pairs.collect();
        let mut states = (0..).zip(&self.states);
        let flaw = |(number, state): (usize, &BankState)| {
            state.flaw(&format!("state {number}"), *std, &expected)
        };
        states.find_map(flaw)
    }

    /// Returns the action dimensions; 0 without states.
    pub fn dims(&self) -> usize {
        self.states.first().map_or(0, |state| state.before_tanh.len())
    }

    /// Returns the observations of its states but the first `known` `[n, S]`, and the policy's actions there
    /// before tanh `[n, A]`.
    pub(super) fn points(&self, known: usize) -> [Array2<f64>; 2] {
        let states = &self.states[known..];
        let table = |of: fn(&BankState) -> &Vec<f64>| {
            let width = states.first().map_or(0, |state| of(state).len());
            let all = states.iter().flat_map(|state| of(state).iter().copied()).collect();
            Array2::from_shape_vec((states.len(), width), all).expect("rows of one length")
        };
        [table(|state| &state.obs), table(|state| &state.before_tanh)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient::known::{Place, World};
    use crate::nn::workers;

    type Edit = fn(&mut Bank);

    #[test]
    fn a_bank_that_was_edited_has_a_flaw_and_one_that_was_made_has_none() {
        let world = World::new(Place::FREE, 3, 0).unwrap();
        let made = world.bank(&world.plan(0), &workers::start(1).unwrap()).unwrap();
        assert_eq!(made.flaw(), None);
        let edits: [(&str, Edit); 13] = [
            ("no states", |bank| bank.states.clear()),
            ("σ = 1", |bank| bank.plan.std = 1.0),
            ("σ = NaN", |bank| bank.plan.std = f64::NAN),
            ("0 steps", |bank| bank.plan.horizon = 0),
            ("at most 1000 are made", |bank| bank.plan.blocks = usize::MAX),
            ("do not match its metadata", |bank| bank.plan.blocks = 3),
            ("do not match its metadata", |bank| bank.plan.around = vec![Around::Policy]),
            ("do not match its metadata", |bank| bank.states[2].tried[1].pair.block = 1),
            ("not finite", |bank| bank.states[2].obs[0] = f64::NAN),
            ("not finite", |bank| bank.states[2].before_tanh[0] = f64::INFINITY),
            ("no length", |bank| bank.states[2].tried[0].pair.length = f64::NAN),
            ("no length or no direction", |bank| {
                bank.states[2].tried[0].pair.direction.truncate(2);
            }),
            ("all coordinates equally", |bank| bank.states[2].tried[0].pair.direction[0] *= 1.1),
        ];
        for (said, edit) in edits {
            let mut edited = made.clone();
            edit(&mut edited);
            let flaw = edited.flaw().unwrap_or_default();
            assert!(flaw.contains(said), "{said}: {flaw}");
        }
        // A rollout that became unstable is none.
        let mut unstable = made;
        unstable.states[0].tried[0].returns = [f64::NAN; 2];
        assert_eq!(unstable.flaw(), None);
    }
}
