//! A run under way, whichever its algorithm: what a checkpoint and a point to resume from hold of it.

use serde_json::Value;

use super::learner::{Part, named};
use super::replay::Replay;
use super::reservoir::Reservoir;
use super::run_config::RunConfig;
use crate::env::{Snapshot, TaskLists, Visited};
use crate::error::Result;
use crate::nn::adam::Adam;
use crate::nn::weights::Params;

/// All of a run beside weights, moments and transitions.
#[derive(Debug, Default)]
pub struct State {
    /// Counters and random streams.
    pub counters: Value,
    /// Seconds spent so far, by part of the work; of all that is here they alone differ from one making of
    /// the same run to the next.
    pub seconds: Vec<f64>,
    /// The simulator, where an episode is under way.
    pub simulator: Option<Snapshot>,
    /// The sample of visited states.
    pub visited: Vec<Visited>,
}

/// A run under way.
pub trait Trainer {
    /// Returns the settings.
    fn config(&self) -> &dyn RunConfig;

    /// Returns the steps or iterations made.
    fn made(&self) -> u64;

    /// Returns the updates made in the iteration under way, where one is.
    fn within(&self) -> Option<u64> {
        None
    }

    /// Returns the updates made.
    fn updates(&self) -> u64;

    /// Returns the tasks of the run's seed, where it has any.
    fn tasks(&self) -> Option<&TaskLists> {
        None
    }

    /// Returns the transitions stored for all tasks.
    fn transitions(&self) -> Option<u64> {
        None
    }

    /// Returns the sample of visited states, where the run keeps one.
    fn reservoir(&self) -> Option<&Reservoir> {
        None
    }

    /// Returns the weights of all networks, slow copies included, by their names on disk.
    fn weights(&self) -> Vec<(String, &Params)> {
        named(&self.parts())
    }

    /// Returns the networks that have an optimiser.
    fn parts(&self) -> Vec<Part<'_>>;

    /// Returns the optimisers of [`Self::parts`].
    fn optimisers(&mut self) -> Vec<&mut Adam>;

    /// Returns the replay buffers.
    fn replays(&self) -> Vec<&Replay>;

    /// Returns the replay buffers, to put saved transitions back.
    fn replays_mut(&mut self) -> Vec<&mut Replay>;

    /// Checks that every number of the networks and their optimisers is one.
    ///
    /// # Errors
    /// [`crate::Error::Diverged`] naming the network if one is not.
    fn check(&self) -> Result<()>;

    /// Returns all that is not in weights, moments and transitions.
    fn state(&self) -> State;

    /// Goes on from a saved state, after weights, moments and transitions were put back. Returns `None` if a
    /// number of it is not readable, or names what is not there.
    ///
    /// # Errors
    /// [`crate::Error::Mismatch`] if the simulator's state is of another environment.
    fn restore(&mut self, state: State) -> Result<Option<()>>;
}
