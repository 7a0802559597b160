//! Environments: what they promise, which exist, and exact snapshots of their state.
//!
//! [`Env`] is what training, evaluation and rollouts see. [`EnvId`] is the registry; the suite of
//! tests runs over it. An observation is what the policy sees; a [`Snapshot`] is what the simulator
//! needs to continue bit for bit. Letters of shapes: `S` observation, `A` action.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::rng::Stream;

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

/// What one step gives.
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

/// A Markov decision process that can be stepped, saved and restored.
pub trait Env: Send {
    /// Returns sizes and limits.
    fn spec(&self) -> &Spec;

    /// Starts an episode; the initial state is drawn from `reset`.
    fn reset(&mut self, reset: &mut Stream);

    /// Returns the current observation `[S]`.
    fn obs(&self) -> &[f64];

    /// Applies `action [A]` for one step.
    ///
    /// Stepping on after `terminated` or `truncated` is allowed: the physics goes on, `truncated`
    /// stays true past the limit.
    ///
    /// # Errors
    /// [`Error::Physics`] if the simulator reports an instability or has reset itself.
    ///
    /// # Panics
    /// If `action` has not `A` entries.
    fn step(&mut self, action: &[f64]) -> Result<Step>;

    /// Returns the steps since the last reset.
    fn elapsed(&self) -> u32;

    /// Returns the state, such that [`Self::restore`] continues bit for bit.
    fn snapshot(&self) -> Snapshot;

    /// Returns to a state; the next steps repeat bit for bit what followed it.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the snapshot is not one of this environment (its length differs).
    fn restore(&mut self, snapshot: &Snapshot) -> Result<()>;
}

/// The environments that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EnvId {
    /// Gymnasium's Hopper-v4.
    Hopper,
    /// Gymnasium's Walker2d-v4.
    Walker2d,
    /// Gymnasium's HalfCheetah-v4.
    HalfCheetah,
    /// The paper's Ant: 111 numbers whose contact part is zero, no control cost.
    Ant,
    /// Gymnasium's Ant-v4, 27 numbers.
    AntV4,
    /// Gymnasium's Ant-v4 with contact forces: 111 numbers, contact cost.
    AntContact,
}
