//! A run under way, whichever its algorithm: what a checkpoint and a point to resume from hold of it.

use serde_json::Value;

use super::learner::{Part, by_name};
use super::replay::Replay;
use super::reservoir::Reservoir;
use super::run_config::RunConfig;
use crate::env::{Snapshot, TaskList, TaskLists, Visited};
use crate::error::Result;
use crate::names::named;
use crate::nn::adam::Adam;
use crate::nn::weights::Params;

/// All of a run beside weights, moments and transitions.
#[derive(Debug, Default)]
pub struct State {
    /// Counters and random streams.
    pub counters: Value,
    /// Seconds spent so far, by part of the work; they alone differ when the same run is made again.
    pub seconds: Vec<f64>,
    /// The simulator, where an episode is under way.
    pub simulator: Option<Snapshot>,
    /// The sample of visited states.
    pub visited: Vec<Visited>,
}

named!("stage",
    /// When in a task a return was earned.
    Stage {
        /// Before adaptation to the task.
        Before = "before",
        /// After it.
        After = "after",
    }
);

/// The return of one evaluated episode, or the mean over the tasks of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Evaluated {
    /// Steps or iterations before it.
    pub at: u64,
    /// The list of its task, where there are tasks.
    pub split: Option<TaskList>,
    /// Before or after adaptation, where the algorithm adapts.
    pub stage: Option<Stage>,
    /// The task's place among those that were evaluated; unset for a mean.
    pub task: Option<u64>,
    /// The task: a velocity, or a direction.
    pub goal: Option<f64>,
    /// Which evaluation of the task.
    pub course: Option<u64>,
    /// Which episode of that.
    pub episode: Option<u64>,
    /// Transitions from which the latent was inferred; 0 if it came from the prior.
    pub context: Option<u64>,
    /// Undiscounted return.
    pub total: f64,
}

impl Evaluated {
    /// Returns a return of which nothing else is known.
    pub fn new(at: u64, total: f64) -> Self {
        Self { at, total, ..Self::default() }
    }
}

/// What is to be saved now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Save {
    /// Nothing.
    #[default]
    Nothing,
    /// The point to resume from.
    Point,
    /// That, and a checkpoint.
    Checkpoint,
}

/// What a run did last.
#[derive(Debug, Default)]
pub struct Event {
    /// Returns that were earned.
    pub evaluated: Vec<Evaluated>,
    /// A row of the table of progress: a number for each of [`RunConfig::columns`], NaN where there is none.
    pub progress: Option<Vec<f64>>,
    /// A line for the log.
    pub line: Option<String>,
    /// A few words for the progress bar.
    pub message: Option<String>,
    /// What is to be saved.
    pub save: Save,
    /// A stop at this moment loses nothing.
    pub may_stop: bool,
}

pub(super) fn rounded(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

/// A run under way.
pub trait Trainer {
    /// Goes on to the next event; none at the end of the run.
    fn advance(&mut self) -> Option<Result<Event>>;

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

    /// Returns what a progress bar counts: how many there will be, and their name.
    fn goal(&self) -> (u64, &'static str) {
        (self.config().length(), self.config().algo().unit().name())
    }

    /// Returns how many of [`Self::goal`] are done.
    fn position(&self) -> u64 {
        self.made()
    }

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
        by_name(&self.parts())
    }

    /// Returns the networks that have an optimiser.
    fn parts(&self) -> Vec<Part<'_>> {
        Vec::new()
    }

    /// Returns the optimisers of [`Self::parts`].
    fn optimisers(&mut self) -> Vec<&mut Adam> {
        Vec::new()
    }

    /// Returns the replay buffers.
    fn replays(&self) -> Vec<&Replay> {
        Vec::new()
    }

    /// Returns the replay buffers, to put saved transitions back.
    fn replays_mut(&mut self) -> Vec<&mut Replay> {
        Vec::new()
    }

    /// Checks that every number of the networks and their optimisers is one.
    ///
    /// # Errors
    /// [`crate::Error::Diverged`] naming the network if one is not.
    fn check(&self) -> Result<()>;

    /// Returns all that is not in weights, moments and transitions.
    ///
    /// # Errors
    /// Those of [`crate::env::Env::snapshot`].
    fn state(&self) -> Result<State>;

    /// Goes on from a saved state, after weights, moments and transitions were put back. Returns `None` if a
    /// number of it is not readable, or names what is not there.
    ///
    /// # Errors
    /// [`crate::Error::Mismatch`] if the simulator's state is of another environment.
    fn restore(&mut self, state: State) -> Result<Option<()>>;
}
