//! The states at which gradients are compared.

use crate::env::{Env, Visited};
use crate::error::{Error, Result};
use crate::rng::Stream;
use crate::rollout::{BLOCK, Policy};

/// Picks `count` different ones of the visited states (s ∼ D).
///
/// # Errors
/// [`Error::Usage`] if there are fewer.
pub(crate) fn from_replay(
    visited: &[Visited],
    count: usize,
    stream: &mut Stream,
) -> Result<Vec<Visited>> {
    if visited.len() < count {
        return Err(Error::Usage(format!(
            "the checkpoint carries {} visited states, {count} were asked for; lower --states",
            visited.len()
        )));
    }
    let picked = stream.sample_without_replacement(visited.len(), count);
    Ok(picked.into_iter().map(|i| visited[i].clone()).collect())
}

/// Lets the policy run a random number of steps, as the authors' script does: `n` uniform on
/// 0 … limit − 1, from a reset, with a new reset at each end (which counts as a step). Each state comes from
/// resets, and so an episode, of its own.
///
/// # Errors
/// Those of environment and policy.
pub fn from_policy(
    make_env: &dyn Fn() -> Result<Box<dyn Env>>,
    policy: &dyn Policy,
    count: usize,
    stream: &Stream,
) -> Result<Vec<Visited>> {
    let mut starts = Vec::with_capacity(count);
    for block in (0..count).collect::<Vec<_>>().chunks(BLOCK) {
        starts.extend(run_block(make_env, policy, block, stream)?);
    }
    Ok(starts)
}

/// One state under way: its simulator, its stream of resets, the steps still to make.
struct Walk {
    env: Box<dyn Env>,
    stream: Stream,
    left: usize,
    ended: bool,
}

fn run_block(
    make_env: &dyn Fn() -> Result<Box<dyn Env>>,
    policy: &dyn Policy,
    states: &[usize],
    stream: &Stream,
) -> Result<Vec<Visited>> {
    let mut walks = Vec::with_capacity(states.len());
    for state in states {
        let mut stream = stream.child(&state.to_string());
        let mut env = make_env()?;
        let left = stream.index(env.spec().time_limit as usize);
        env.reset(&mut stream)?;
        walks.push(Walk { env, stream, left, ended: false });
    }
    let (obs_dim, action_dim) = (walks[0].env.spec().obs_dim, walks[0].env.spec().action_dim);
    let mut obs = vec![0.0; BLOCK * obs_dim];
    let mut actions = vec![0.0; BLOCK * action_dim];
    while walks.iter().any(|walk| walk.left > 0) {
        for (row, walk) in obs.chunks_exact_mut(obs_dim).zip(&walks) {
            row.copy_from_slice(walk.env.obs());
        }
        policy.act(&obs, &mut actions)?;
        for (action, walk) in actions.chunks_exact(action_dim).zip(&mut walks) {
            if walk.left > 0 && !walk.ended {
                walk.env.prepare(action);
            }
        }
        for (action, walk) in actions.chunks_exact(action_dim).zip(&mut walks) {
            walk.advance(action)?;
        }
    }
    // A state at which the episode has ended has no value; the walk starts anew there.
    for walk in walks.iter_mut().filter(|walk| walk.ended) {
        walk.env.reset(&mut walk.stream)?;
    }
    walks.iter().map(|walk| Ok(walk.env.snapshot()?.into())).collect()
}

impl Walk {
    fn advance(&mut self, action: &[f64]) -> Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        if self.ended {
            self.env.reset(&mut self.stream)?;
            self.ended = false;
        } else {
            let step = self.env.step(action)?;
            self.ended = step.terminated || step.truncated;
        }
        Ok(())
    }
}
