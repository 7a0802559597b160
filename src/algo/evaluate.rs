//! Greedy episodes of a policy, from the same initial states each time (authors' evaluation: a new
//! environment seeded with the run's seed plus 100).

use crate::env::{EnvId, Snapshot};
use crate::error::{Error, Result};
use crate::rng::Stream;
use crate::rollout::{End, Job, Outcome, Policy, Rollouts};

/// Undiscounted returns of the episodes of one evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Environment steps of training before it.
    pub step: u64,
    /// One entry for each episode.
    pub returns: Vec<f64>,
}

/// Draws the initial states on which every evaluation of a run starts.
///
/// # Errors
/// Those of the environment.
pub fn initial_states(env: EnvId, seed: u64, episodes: usize) -> Result<Vec<Snapshot>> {
    let stream = Stream::new(seed.wrapping_add(100), "evaluate");
    let mut env = env.make()?;
    let draw = |episode: usize| -> Result<Snapshot> {
        env.reset(&mut stream.child(&episode.to_string()))?;
        env.snapshot()
    };
    (0..episodes).map(draw).collect()
}

/// Runs one greedy episode from each state, up to the time limit.
///
/// # Errors
/// [`Error::NonFinite`] if the policy or a return is NaN or infinite; [`Error::Physics`] if the simulator
/// becomes unstable; those of the rollouts.
pub fn episode_returns(
    env: EnvId,
    policy: &dyn Policy,
    states: &[Snapshot],
    workers: &rayon::ThreadPool,
) -> Result<Vec<f64>> {
    let max_steps = env.spec().time_limit;
    let jobs: Vec<Job> = states
        .iter()
        .map(|start| Job { start, first_action: None, max_steps, noise: None, draws: None })
        .collect();
    let rollouts = Rollouts {
        make_env: &|| env.make(),
        policy,
        gamma: 1.0,
        hold: 1,
        marks: &[],
        workers,
        progress: &|_| (),
    };
    rollouts.run(&jobs)?.iter().map(|outcome| undiscounted(env, outcome)).collect()
}

/// Returns the return of an episode, where it has one.
fn undiscounted(env: EnvId, Outcome { discounted_return, end, .. }: &Outcome) -> Result<f64> {
    match end {
        End::NoAction => {
            Err(Error::NonFinite("the policy returned NaN, or a number above 1e10".into()))
        }
        End::Unstable => Err(Error::Physics {
            env: env.name().into(),
            reason: "the simulator became unstable in a greedy episode, although every action was finite".into(),
        }),
        End::Terminated | End::Cut if discounted_return.is_finite() => Ok(*discounted_return),
        End::Terminated | End::Cut => {
            Err(Error::NonFinite(format!("a greedy episode returned {discounted_return}")))
        }
    }
}
