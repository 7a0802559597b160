//! What the settings of every run say, whichever its algorithm.

use super::Algo;
use crate::env::{Spec, TaskLists};
use crate::error::{Error, Result};
use crate::names::named;
use crate::nn::critic::Dims;

impl Algo {
    /// Returns what the length of its runs is counted in.
    pub fn unit(self) -> Unit {
        if Self::META.contains(&self) { Unit::Iterations } else { Unit::Steps }
    }

    /// Fails with [`Error::Usage`], naming these algorithms, unless it is one of them.
    pub(crate) fn expect(self, known: &[Self]) -> Result<()> {
        if known.contains(&self) {
            return Ok(());
        }
        let known: Vec<&str> = known.iter().map(|algo| algo.name()).collect();
        Err(Error::Usage(format!("algo is {self}, it must be {}", known.join(" or "))))
    }
}

named!("unit",
    /// What the length of a run is counted in; also the key of that length in its settings.
    Unit {
        /// Steps of the environment.
        Steps = "steps",
        /// Rounds of collecting data and learning from it.
        Iterations = "iterations",
    }
);

impl Unit {
    /// Returns the name of one of them.
    pub fn one(self) -> &'static str {
        match self {
            Self::Steps => "step",
            Self::Iterations => "iteration",
        }
    }
}

/// A setting that an analysis counts with: whether it lies in its range, its key, and the range.
pub type Range = (bool, &'static str, &'static str);

/// The answers that are fields of the same name in all settings; `length` is the field of the length.
macro_rules! same_fields {
    (length: $length:ident) => {
        fn algo(&self) -> Algo {
            self.algo
        }

        fn spec(&self) -> &'static Spec {
            self.env.spec()
        }

        fn seed(&self) -> u64 {
            self.seed
        }

        fn length(&self) -> u64 {
            self.$length
        }

        fn checkpoint_every(&self) -> u64 {
            self.checkpoint_every
        }

        fn evaluate_every(&self) -> u64 {
            self.evaluate_every
        }

        fn to_json(&self) -> Result<serde_json::Value> {
            serde_json::to_value(self).map_err(|e| Error::Usage(e.to_string()))
        }
    };
}
pub(super) use same_fields;

/// The settings of a run, whichever its algorithm.
pub trait RunConfig {
    /// Returns the algorithm.
    fn algo(&self) -> Algo;

    /// Returns sizes and limits of the environment, or of the family of tasks, and its name.
    fn spec(&self) -> &'static Spec;

    /// Returns the name of the model: the critic, or the policy.
    fn model(&self) -> String;

    /// Returns the seed.
    fn seed(&self) -> u64;

    /// Returns the steps or iterations in all.
    fn length(&self) -> u64;

    /// Returns the steps or iterations between checkpoints.
    fn checkpoint_every(&self) -> u64;

    /// Returns the steps or iterations between evaluations.
    fn evaluate_every(&self) -> u64;

    /// Says of each setting that an analysis counts with whether it can be. What a run may be *trained*
    /// with is for `resolved` to say, and may grow stricter.
    fn ranges(&self) -> Vec<Range>;

    /// Returns the tasks of the seed, where the algorithm has any.
    ///
    /// # Errors
    /// [`Error::Usage`] for numbers of tasks that the family does not have.
    fn tasks(&self) -> Result<Option<TaskLists>>;

    /// Returns the columns of the table of progress. Seconds of a part of the work end in `_seconds`; what
    /// counts up from the start of the run is called `seconds`.
    fn columns(&self) -> &'static [&'static str];

    /// Says what is odd about the settings, if anything is.
    fn warning(&self) -> Option<String> {
        None
    }

    /// Returns what checkpoints of one algorithm are sorted by before their seed: environment, then model.
    fn order(&self) -> [String; 2];

    /// Returns the settings as JSON.
    ///
    /// # Errors
    /// [`Error::Usage`] for a setting that is no number.
    fn to_json(&self) -> Result<serde_json::Value>;

    /// Returns the name of the environment, or of the family of tasks.
    fn env_name(&self) -> &'static str {
        self.spec().name
    }

    /// Returns the sizes of observation and action.
    fn dims(&self) -> Dims {
        Dims::of(self.spec())
    }

    /// Returns the run's folder name, such as `td3-hopper-sa-hyper-s0`.
    fn run_name(&self) -> String {
        format!("{}-{}-{}-s{}", self.algo(), self.env_name(), self.model(), self.seed())
    }

    /// Returns whether there is an evaluation at a step or iteration: before training, every so often, and at
    /// the end.
    ///
    /// When a run is continued past its end, the evaluation there is dropped: the longer run is as if it had never
    /// ended before.
    fn evaluates_at(&self, at: u64) -> bool {
        at.is_multiple_of(self.evaluate_every()) || at == self.length()
    }

    /// Returns whether there is a checkpoint at a step or iteration: every so often, and at the end.
    fn saves_at(&self, at: u64) -> bool {
        at.is_multiple_of(self.checkpoint_every()) || at == self.length()
    }
}
