//! Environments: what they promise, which exist, and exact snapshots of their state.
//!
//! [`Env`] is what training, evaluation and rollouts see. [`EnvId`] is the registry of environments,
//! [`Family`] that of task families for meta-learning; the suite of tests runs over both. An
//! observation is what the policy sees; a [`Snapshot`] is what the simulator needs to continue bit
//! for bit. Letters of shapes: `S` observation, `A` action.

use crate::error::Result;
use crate::rng::Stream;

mod ant;
mod gymnasium;
mod half_cheetah;
mod hopper;
mod humanoid;
mod inverted_double_pendulum;
mod inverted_pendulum;
mod lockstep;
mod meta;
mod physics;
mod pusher;
mod reacher;
mod registry;
mod simulated;
mod swimmer;
mod task_list;
mod tasks;
mod walker2d;
mod worker;

pub use lockstep::Lockstep;
pub(crate) use physics::{end_by, mujoco_version};
pub use registry::EnvId;
pub use simulated::RecordedState;
pub use task_list::TaskList;
pub use tasks::{Family, Task, TaskLists};
pub use worker::WorkerEnv;

/// Sizes and limits of an environment. Actions live in the box `[-1, 1]^A`.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Name as on the command line, such as `half-cheetah`.
    pub name: &'static str,
    /// Length `S` of an observation.
    pub obs_dim: usize,
    /// Length `A` of an action.
    pub action_dim: usize,
    /// Steps after which an episode is truncated.
    pub time_limit: u32,
    /// Seconds of simulated time per step.
    pub dt: f64,
}

/// The result of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Reward of the step.
    pub reward: f64,
    /// The state is absorbing: nothing follows, and the value of what follows is 0.
    pub terminated: bool,
    /// The time limit was reached: the episode is cut, but something would follow.
    pub truncated: bool,
}

/// Everything that restoring a state needs, as one flat vector whose layout belongs to the
/// environment that made it: integration state of the physics, steps since the reset, stale
/// quantities that the next reward reads, and the observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot(pub Vec<f64>);

/// A state, and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Visited {
    /// The state itself.
    pub snapshot: Snapshot,
    /// Number of the episode in which it was visited: states of one resemble each other. `None` where it
    /// is not known, or where each state has an episode of its own.
    pub episode: Option<u64>,
}

impl From<Snapshot> for Visited {
    fn from(snapshot: Snapshot) -> Self {
        Self { snapshot, episode: None }
    }
}

/// A Markov decision process that can be stepped, saved and restored.
pub trait Env: Send {
    /// Returns sizes and limits.
    fn spec(&self) -> &Spec;

    /// Starts an episode; the initial state is drawn from `reset`.
    ///
    /// # Errors
    /// [`crate::Error::Worker`] of an environment in another process; none of ours.
    fn reset(&mut self, reset: &mut Stream) -> Result<()>;

    /// Returns the current observation `[S]`.
    fn obs(&self) -> &[f64];

    /// Applies `action [A]` for one step.
    ///
    /// Stepping on after `terminated` or `truncated` is allowed: the physics goes on, `truncated`
    /// stays true past the limit.
    ///
    /// # Errors
    /// [`crate::Error::Physics`] if the simulator reports an instability or has reset itself.
    ///
    /// # Panics
    /// If `action` has not `A` entries.
    fn step(&mut self, action: &[f64]) -> Result<Step>;

    /// Returns the steps since the last reset.
    fn elapsed(&self) -> u32;

    /// Returns the state, such that [`Self::restore`] continues bit for bit.
    ///
    /// # Errors
    /// As [`Self::reset`].
    fn snapshot(&self) -> Result<Snapshot>;

    /// Returns to a state; the next steps repeat bit for bit what followed it.
    ///
    /// # Errors
    /// [`crate::Error::Mismatch`] if the snapshot is not one of this environment (its length differs).
    fn restore(&mut self, snapshot: &Snapshot) -> Result<()>;

    /// Draws the noise of the next steps from this stream, so that two rollouts can share theirs.
    /// A deterministic simulator, as all of `MuJoCo` are, has none to draw.
    ///
    /// # Errors
    /// As [`Self::reset`].
    fn set_noise(&mut self, _noise: &Stream) -> Result<()> {
        Ok(())
    }

    /// Says which action the next [`Self::step`] is to take, so that a process with many environments makes the
    /// steps of all of them at once. Where each step is made by itself, there is nothing to prepare.
    ///
    /// # Panics
    /// Where there is: if `action` has not `A` entries; the next step, if it takes another action.
    fn prepare(&mut self, _action: &[f64]) {}
}
