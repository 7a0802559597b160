//! Which of the two lists of tasks is meant.

use super::{Task, TaskLists};
use crate::names::named;

named!("list of tasks",
    /// Which tasks a policy is evaluated on.
    TaskList {
        /// Those that training never sees.
        Test = "test",
        /// Those that training draws from.
        Train = "train",
    }
);

impl TaskList {
    /// Returns what such tasks are called in a sentence: `test` or `training`.
    pub(crate) fn adjective(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Train => "training",
        }
    }

    /// Returns the tasks of this list.
    pub fn of(self, lists: &TaskLists) -> &[Task] {
        match self {
            Self::Test => &lists.test,
            Self::Train => &lists.train,
        }
    }
}
