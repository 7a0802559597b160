//! Policy evaluation: the actor stays as it is, and all critics learn from the same transitions of it.

use serde::{Deserialize, Serialize};

/// Name of the actor with which a run of the same seed would start.
pub(crate) const INITIAL: &str = "initial";

/// The actor of a run in which only critics learn.
///
/// The run first makes [`Self::data`] transitions with it, exploring as its algorithm does; then it counts updates
/// of the critics, and touches the environment no more. What is collected depends on actor, seed and exploration
/// alone, and minibatches on seed and size: all critics of one seed see the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frozen {
    /// The run, or the tool, that trained it; `initial` if nothing did.
    pub trained_by: String,
    /// Its step in that training.
    pub step: u64,
    /// SHA-256 of the manifest of the checkpoint that it was taken from, which holds the hash of its weights; empty if
    /// nothing trained it.
    pub weights: String,
    /// Transitions that are collected.
    pub data: u64,
}

impl Frozen {
    /// Returns the actor with which a run of the same seed would start.
    pub fn initial(data: u64) -> Self {
        Self { trained_by: INITIAL.into(), step: 0, weights: String::new(), data }
    }
}
