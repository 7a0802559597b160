//! What a gradient can be measured of, whatever the algorithm.

use std::path::Path;
use std::sync::Arc;

use super::gradient_cosine::{self, Against};
use crate::analysis::table::StateRow;
use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::gradient::Settings;

/// The workers, and who is told the simulated steps.
pub(crate) type Work<'w> = (&'w Arc<rayon::ThreadPool>, &'w (dyn Fn(u64) + Sync));

/// A checkpoint, or it in the tasks of one list: what is measured at once and kept in one file.
pub(crate) trait Measurable {
    /// What several of them are, for a progress bar.
    const UNITS: &'static str;

    /// Returns the folder of the checkpoint.
    fn path(&self) -> &Path;

    /// Returns a key that is equal exactly if checkpoint, settings and method are.
    fn key(&self, settings: &Settings, against: Against) -> String;

    /// Checks that it can be measured, so that the last one of many does not fail after hours.
    fn check(&self, settings: &Settings, against: Against) -> Result<()>;

    /// Measures it; one row for each state.
    fn rows(&self, settings: &Settings, against: Against, work: Work) -> Result<Vec<StateRow>>;
}

impl Measurable for Checkpoint {
    const UNITS: &'static str = "checkpoints";

    fn path(&self) -> &Path {
        self.path()
    }

    fn key(&self, settings: &Settings, against: Against) -> String {
        gradient_cosine::key(self, settings, against)
    }

    fn check(&self, settings: &Settings, against: Against) -> Result<()> {
        gradient_cosine::check(self, settings, against)
    }

    fn rows(
        &self,
        settings: &Settings,
        against: Against,
        (workers, progress): Work,
    ) -> Result<Vec<StateRow>> {
        gradient_cosine::rows(self, settings, against, (workers, progress))
    }
}
