//! How cosines are measured, and by whom.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::analysis::summary::Column;
use crate::env::TaskList;
use crate::error::Error;
use crate::gradient::Settings;

/// What is measured at each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// The returns of rollouts: the truth.
    Returns,
    /// The critic's own values: the paper's self-check (Fig. 8), without rollouts.
    OwnValues,
}

/// How cosines are measured.
#[derive(Debug, Clone)]
pub struct Cosine {
    /// How the estimator works.
    pub settings: Settings,
    /// What the critic's gradient is compared with.
    pub against: Against,
}

impl Cosine {
    /// Returns the column that is the answer.
    pub(crate) fn column(&self) -> Column {
        match self.against {
            Against::Returns => Column::Cosine,
            Against::OwnValues => Column::SelfCosine,
        }
    }
}

/// The first tasks of a list, which are a random sample: their order is that of the draws.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstTasks {
    pub list: TaskList,
    /// How many.
    pub count: usize,
}

/// The workers, and the listener to simulated steps.
#[derive(Clone, Copy)]
pub struct Work<'w> {
    /// Threads that rollouts are spread over.
    pub workers: &'w Arc<rayon::ThreadPool>,
    /// Called with the number of steps just made.
    pub progress: &'w (dyn Fn(u64) + Sync),
}

/// Says which checkpoint an error is about, if it does not say so itself.
pub(super) fn in_checkpoint(path: &Path, error: Error) -> Error {
    match error {
        Error::Usage(_) | Error::Gradient(_) => {
            Error::Usage(format!("{}: {error}", path.display()))
        }
        other => other,
    }
}
