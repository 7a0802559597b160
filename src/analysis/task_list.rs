//! Which of the two lists of tasks is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::env::{Task, TaskLists};
use crate::error::{Error, Result};
use crate::names::find;

/// Which tasks a policy is evaluated on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskList {
    /// Those that training never sees.
    Test,
    /// Those that training draws from.
    Train,
}

impl TaskList {
    /// Returns the name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Train => "train",
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

impl fmt::Display for TaskList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Test => "test",
            Self::Train => "training",
        })
    }
}

impl FromStr for TaskList {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        find(name, "list of tasks", &[Self::Train, Self::Test], Self::name)
    }
}
