//! Environments: what they promise, which exist, and exact snapshots of their state.
//!
//! [`Env`] is what training, evaluation and rollouts see. [`EnvId`] is the registry of environments,
//! [`Family`] that of task families for meta-learning; the suite of tests runs over both. An
//! observation is what the policy sees; a [`Snapshot`] is what the simulator needs to continue bit
//! for bit. Letters of shapes: `S` observation, `A` action.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::rng::Stream;

mod ant;
mod half_cheetah;
mod hopper;
mod lockstep;
mod meta;
mod physics;
mod simulated;
mod tasks;
mod walker2d;

pub use lockstep::Lockstep;
pub use physics::mujoco_version;
pub use simulated::RecordedState;
pub use tasks::{Family, Task, TaskLists};

use simulated::{Robot, Simulated};

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

    /// Draws the noise of the next steps from this stream, so that two rollouts can share theirs.
    /// A deterministic simulator, as all of `MuJoCo` are, has none to draw.
    fn set_noise(&mut self, _noise: &Stream) {}
}

/// The environments that exist. In files and on the command line each is its [`EnvId::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
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
    /// Gymnasium's Ant-v4 with contact forces: 111 numbers, control cost and contact cost.
    AntContact,
}
impl EnvId {
    /// Every environment, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Hopper, Self::Walker2d, Self::HalfCheetah, Self::Ant, Self::AntV4, Self::AntContact];

    /// Returns the name on the command line and in files, such as `half-cheetah`.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// Returns sizes and limits.
    pub fn spec(self) -> &'static Spec {
        self.robot().spec()
    }

    /// Makes one environment, standing at its rest pose; call [`Env::reset`] before the first step.
    ///
    /// The model is compiled once per process and shared by all environments that use it.
    ///
    /// # Errors
    /// [`Error::Usage`] if the `MuJoCo` library does not accept the model.
    pub fn make(self) -> Result<Box<dyn Env>> {
        Ok(Box::new(Simulated::new(self.robot())?))
    }

    /// Returns the snapshot of a state that was recorded elsewhere, ready for [`Env::restore`].
    ///
    /// Contact forces are no part of such a state: the observation of `ant-contact` shows zeros
    /// until the next step, as after a reset.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if a length does not fit the model.
    pub fn snapshot_from_state(self, state: &RecordedState) -> Result<Snapshot> {
        Simulated::new(self.robot())?.snapshot_from_state(state)
    }

    /// Returns the compiled model, for tests that compare it with Gymnasium's.
    ///
    /// # Errors
    /// As [`Self::make`].
    #[doc(hidden)]
    pub fn compiled_model(self) -> Result<std::sync::Arc<physics::MjModel>> {
        self.robot().model().compiled()
    }

    /// Returns reward, termination and observation: the one place that maps names to code.
    fn robot(self) -> Box<dyn Robot> {
        match self {
            Self::Hopper => Box::new(hopper::Hopper),
            Self::Walker2d => Box::new(walker2d::Walker2d),
            Self::HalfCheetah => Box::new(half_cheetah::HalfCheetah),
            Self::Ant => Box::new(ant::PAPER),
            Self::AntV4 => Box::new(ant::V4),
            Self::AntContact => Box::new(ant::CONTACT),
        }
    }
}

impl FromStr for EnvId {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|id| id.name() == name).ok_or_else(|| Error::UnknownName {
            kind: "environment",
            name: name.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }
}

impl fmt::Display for EnvId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl TryFrom<String> for EnvId {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        name.parse()
    }
}

impl From<EnvId> for String {
    fn from(id: EnvId) -> Self {
        id.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for id in EnvId::ALL {
            assert_eq!(id.to_string().parse::<EnvId>().unwrap(), id);
            let json = serde_json::to_string(&id).unwrap();
            assert_eq!(json, format!("\"{id}\""));
            assert_eq!(serde_json::from_str::<EnvId>(&json).unwrap(), id);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let message = "cheetah".parse::<EnvId>().unwrap_err().to_string();
        assert_eq!(
            message,
            "unknown environment 'cheetah'; choose one of: \
             hopper, walker2d, half-cheetah, ant, ant-v4, ant-contact"
        );
    }
}
