//! Whose critic is measured: that of a checkpoint, or the same in the tasks of one of its lists.

use super::cosine::{Against, Cosine, FirstTasks, Work, in_checkpoint};
use super::{gradient_cosine, pearl_cosine, policy_cosine};
use crate::analysis::table::StateRow;
use crate::checkpoint::Checkpoint;
use crate::env::TaskList;
use crate::error::{Error, Result};
use crate::gradient::{Mode, Settings, StatesFrom};

/// Returns the settings with the source of states that checkpoints have: agents that another tool trained come without
/// those that their training visited, and are measured at those that their policies reach, unless asked otherwise.
///
/// # Errors
/// [`Error::Usage`] if some come with states and some do not.
pub(crate) fn with_source<'c>(
    settings: Settings,
    checkpoints: impl IntoIterator<Item = &'c Checkpoint>,
) -> Result<Settings> {
    let mut imported = checkpoints.into_iter().map(|c| c.manifest().imported.is_some());
    let first = imported.next().unwrap_or(false);
    let mixed = imported.any(|other| other != first);
    match settings.states_from {
        None if mixed => Err(Error::Usage(
            "some of these agents were trained by another tool and come without the states that their training \
             visited: ask for --states-from policy, or give the others alone"
                .into(),
        )),
        None if first => Ok(Settings { states_from: Some(StatesFrom::Policy), ..settings }),
        _ => Ok(settings),
    }
}

/// What is measured at once and kept in one file.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'c> {
    pub checkpoint: &'c Checkpoint,
    /// The tasks, where its critic knows tasks.
    pub tasks: Option<FirstTasks>,
}

impl<'c> Subject<'c> {
    /// A checkpoint whose critic knows no task.
    pub(crate) fn plain(checkpoint: &'c Checkpoint) -> Self {
        Self { checkpoint, tasks: None }
    }

    /// A checkpoint in the first `count` tasks of a list.
    ///
    /// # Errors
    /// [`Error::Usage`] if there are fewer, or none is asked for.
    pub(crate) fn in_tasks(
        checkpoint: &'c Checkpoint,
        list: TaskList,
        count: usize,
    ) -> Result<Self> {
        let there = checkpoint.tasks(list).len();
        if (1..=there).contains(&count) {
            return Ok(Self { checkpoint, tasks: Some(FirstTasks { list, count }) });
        }
        Err(Error::Usage(format!(
            "{}: --tasks {count}: there are {there} {} tasks; ask for 1 to {there}",
            checkpoint.path().display(),
            list.adjective()
        )))
    }

    /// Returns a key that is equal exactly if checkpoint, tasks, settings and method are.
    pub(crate) fn key(&self, how: &Cosine) -> String {
        match self.tasks {
            None => gradient_cosine::key(self.checkpoint, how),
            Some(tasks) => pearl_cosine::key(self.checkpoint, tasks, how),
        }
    }

    /// Returns whether it is judged by a bank of its policy.
    pub(super) fn has_bank(&self, how: &Cosine) -> bool {
        let of_returns = how.against == Against::Returns;
        of_returns && how.settings.mode == Mode::Lab && self.tasks.is_none()
    }

    /// Checks that it can be measured, so that the last one of many does not fail after hours.
    pub(crate) fn check(&self, how: &Cosine) -> Result<()> {
        let Cosine { settings, against } = how;
        if self.has_bank(how) {
            return policy_cosine::check(self.checkpoint, settings); // names the checkpoint itself
        }
        match self.tasks {
            None => gradient_cosine::check(self.checkpoint, settings, *against),
            Some(tasks) => pearl_cosine::check(self.checkpoint, tasks, settings),
        }
        .map_err(|e| in_checkpoint(self.checkpoint.path(), e))
    }

    /// Measures it; one row for each state.
    pub(crate) fn rows(&self, how: &Cosine, work: Work) -> Result<Vec<StateRow>> {
        match self.tasks {
            None => gradient_cosine::rows(self.checkpoint, how, work),
            Some(tasks) => pearl_cosine::rows(self.checkpoint, tasks, how, work),
        }
        .map_err(|e| in_checkpoint(self.checkpoint.path(), e))
    }
}
