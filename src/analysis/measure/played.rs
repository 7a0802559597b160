//! A few episodes of a policy: their returns, and the values of its critic beside them.
//!
//! They show whether an agent that another tool trained was imported correctly: whether it acts as it did there, and
//! whether the critic belongs to the actor.

use ndarray::Array2;
use serde::Serialize;

use super::cosine::{Against, in_checkpoint};
use super::gradient_cosine::Networks;
use crate::algo::evaluate::{episode_returns, initial_states};
use crate::checkpoint::Checkpoint;
use crate::env::{Env, EnvId, Snapshot};
use crate::error::{Error, Result};
use crate::gradient::{ActionValue, Settings};
use crate::rng::Stream;
use crate::rollout::{BLOCK, Policy, greedy, is_action};
use crate::stats::summary::mean;

/// Most episodes.
pub(crate) const MOST: usize = BLOCK;

/// Weight of all rewards after the end of an episode that was cut, at most: earlier steps are compared.
const LEFT_OUT: f64 = 0.01;

/// Steps below which nothing is said of the critic.
const FEWEST: usize = 200;

/// Returns of the episodes, and the critic beside them.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Played {
    /// Environment.
    pub env: &'static str,
    /// Returns of episodes without the policy's noise.
    pub returns: Vec<f64>,
    /// The critic beside the returns; none where episodes are too short for its discount factor.
    pub values: Option<Beside>,
}

/// The critic's values of the actions taken, beside discounted returns of what followed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Beside {
    /// Steps compared.
    pub steps: usize,
    /// Correlation of values and returns.
    pub correlation: f64,
    /// Mean value.
    pub value: f64,
    /// Mean discounted return.
    pub discounted_return: f64,
}

/// Plays episodes with the policy of a checkpoint: without its noise, and once more as its critics assume.
pub(crate) fn play(
    checkpoint: &Checkpoint,
    episodes: usize,
    workers: &rayon::ThreadPool,
) -> Result<Played> {
    let env = checkpoint.off_policy()?.env;
    let networks = Networks::load(checkpoint, &Settings::lab(), Against::Returns)?;
    let starts = initial_states(env, 0, episodes)?;
    let returns = episode_returns(env, &*greedy(&networks.actor)?, &starts, workers);
    let returns = returns.map_err(|e| in_checkpoint(checkpoint.path(), e))?;
    let all = record(env, &*networks.policy, &starts)?;
    let [gamma, scale, _] = networks.returns();
    let values = beside(&all, &*networks.critic, [gamma, scale])?;
    Ok(Played { env: env.name(), returns, values })
}

/// What happened in an episode.
#[derive(Default)]
struct Episode {
    obs: Vec<f64>,
    actions: Vec<f64>,
    rewards: Vec<f64>,
    /// What the entropy of the policy's choices is worth.
    bonuses: Vec<f64>,
    terminated: bool,
    ended: bool,
}

impl Episode {
    /// Returns Σ γᵏ (r + b) from each step on, without the bonus of the action taken there.
    fn discounted(&self, gamma: f64) -> Vec<f64> {
        let mut after = 0.0;
        let mut all = Vec::with_capacity(self.rewards.len());
        for (reward, bonus) in self.rewards.iter().zip(&self.bonuses).rev() {
            all.push(reward + gamma * after);
            after = reward + bonus + gamma * after;
        }
        all.reverse();
        all
    }

    /// Returns the steps whose returns are known: all, or those far enough from where the episode was cut.
    fn known(&self, gamma: f64) -> usize {
        let steps = self.rewards.len();
        if self.terminated {
            return steps;
        }
        let unknown = (LEFT_OUT.ln() / gamma.ln()).ceil();
        if unknown < steps as f64 { steps - unknown as usize } else { 0 }
    }

    fn advance(&mut self, env: &mut dyn Env, action: &[f64], bonus: f64) -> Result<()> {
        if !is_action(action) {
            return Err(Error::NonFinite("the policy returned NaN, or a number above 1e10".into()));
        }
        self.obs.extend(env.obs());
        self.actions.extend(action);
        let step = env.step(action)?;
        self.rewards.push(step.reward);
        self.bonuses.push(bonus);
        self.terminated = step.terminated;
        self.ended = step.terminated || step.truncated;
        Ok(())
    }
}

/// Plays an episode from each state with the policy's noise.
fn record(env: EnvId, policy: &dyn Policy, starts: &[Snapshot]) -> Result<Vec<Episode>> {
    let spec = env.spec();
    let mut envs = Vec::with_capacity(starts.len());
    for start in starts {
        let mut env = env.make()?;
        env.restore(start)?;
        envs.push(env);
    }
    let draws = Stream::new(0, "played");
    let mut streams: Vec<Stream> =
        (0..starts.len()).map(|episode| draws.child(&episode.to_string())).collect();
    let width = policy.draws();
    let mut all: Vec<Episode> = starts.iter().map(|_| Episode::default()).collect();
    let (mut obs, mut noise) = (vec![0.0; BLOCK * spec.obs_dim], vec![0.0; BLOCK * width]);
    let (mut actions, mut bonuses) = (vec![0.0; BLOCK * spec.action_dim], vec![0.0; BLOCK]);
    while all.iter().any(|episode| !episode.ended) {
        for (row, env) in obs.chunks_exact_mut(spec.obs_dim).zip(&envs) {
            row.copy_from_slice(env.obs());
        }
        for (row, stream) in noise.chunks_exact_mut(width.max(1)).zip(&mut streams) {
            row.fill_with(|| stream.normal());
        }
        policy.follow((&obs, &noise), (&mut actions, &mut bonuses))?;
        for ((episode, env), action) in
            all.iter().zip(&mut envs).zip(actions.chunks_exact(spec.action_dim))
        {
            if !episode.ended && is_action(action) {
                env.prepare(action);
            }
        }
        let chosen = actions.chunks_exact(spec.action_dim).zip(&bonuses);
        for ((episode, env), (action, bonus)) in all.iter_mut().zip(&mut envs).zip(chosen) {
            if !episode.ended {
                episode.advance(&mut **env, action, *bonus)?;
            }
        }
    }
    Ok(all)
}

/// Sets values beside returns, which `scale` brings to the critic's unit.
fn beside(
    all: &[Episode],
    critic: &dyn ActionValue,
    [gamma, scale]: [f64; 2],
) -> Result<Option<Beside>> {
    let (mut values, mut returns) = (Vec::new(), Vec::new());
    for episode in all.iter().filter(|episode| episode.known(gamma) > 0) {
        let (steps, known) = (episode.rewards.len(), episode.known(gamma));
        let rows = |flat: &[f64]| {
            let flat = &flat[..flat.len() / steps * known];
            Array2::from_shape_vec((known, flat.len() / known), flat.to_vec()).expect("whole rows")
        };
        values.extend(critic.value(&rows(&episode.obs), &rows(&episode.actions))?);
        returns.extend(episode.discounted(gamma).into_iter().take(known).map(|g| scale * g));
    }
    let steps = values.len();
    if steps < FEWEST {
        return Ok(None);
    }
    let (value, discounted_return) = (mean(&values), mean(&returns));
    let mut sums = [0.0; 3];
    for (q, g) in values.iter().zip(&returns) {
        let (q, g) = (q - value, g - discounted_return);
        for (sum, product) in sums.iter_mut().zip([q * g, q * q, g * g]) {
            *sum += product;
        }
    }
    let [both, own, came] = sums;
    let correlation = both / (own * came).sqrt();
    Ok(Some(Beside { steps, correlation, value, discounted_return }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says of each action that it is worth twice its first number, and 1 more.
    struct Doubled;

    impl ActionValue for Doubled {
        fn value(&self, _: &Array2<f64>, actions: &Array2<f64>) -> Result<Vec<f64>> {
            Ok(actions.rows().into_iter().map(|row| 2.0 * row[0] + 1.0).collect())
        }

        fn action_gradient(&self, _: &Array2<f64>, _: &Array2<f64>) -> Result<Array2<f64>> {
            unreachable!("only values are asked for")
        }
    }

    fn episode(rewards: &[f64], terminated: bool) -> Episode {
        let steps = rewards.len();
        let (obs, rewards, bonuses) = (vec![0.0; 3 * steps], rewards.to_vec(), vec![0.5; steps]);
        Episode { obs, actions: Vec::new(), rewards, bonuses, terminated, ended: true }
    }

    #[test]
    fn returns_are_discounted_and_leave_out_the_entropy_of_the_first_action() {
        // By hand, γ = ½: 4; 2 + ½ (4 + ½); 1 + ½ (2 + ½ + ½ (4 + ½)).
        assert_eq!(episode(&[1.0, 2.0, 4.0], true).discounted(0.5), [3.375, 4.25, 4.0]);
        // ½⁷ is the first power below 0.01: of ten steps that were cut, three are known.
        assert_eq!(episode(&[1.0; 10], false).known(0.5), 3);
        assert_eq!(episode(&[1.0; 5], false).known(0.5), 0);
        assert_eq!(episode(&[1.0; 10], true).known(0.5), 10);
    }

    #[test]
    fn values_are_set_beside_what_came() {
        let rewards: Vec<f64> = (0..300).map(|i| f64::from(i % 7)).collect();
        let mut all = vec![episode(&rewards, true)];
        all[0].actions = all[0].discounted(0.5).iter().map(|g| -3.0 * g).collect();
        let found = beside(&all, &Doubled, [0.5, 3.0]).unwrap().unwrap();
        // Twice the action, which is −3 times the return, is −2 times the scaled one.
        assert!((found.correlation + 1.0).abs() < 1e-12 && found.steps == 300);
        assert!((found.value - (1.0 - 2.0 * found.discounted_return)).abs() < 1e-9);
        let short = Episode { actions: vec![0.0; 50], ..episode(&[1.0; 50], true) };
        assert!(beside(&[short], &Doubled, [0.5, 3.0]).unwrap().is_none());
    }
}
