//! Names of curves: the model, and what tells its curves apart.

use crate::algo::registry::Config;
use crate::algo::{Algo, Learning};
use crate::env::TaskList;
use crate::nn::pearl::PearlModel;

/// What stands between a model and the setting, or the state, in which its curves differ.
pub const VARIANT: &str = ", ";

/// The states of MAML's policy in which returns are measured.
pub const STATES: [&str; 2] = ["before adaptation", "after adaptation"];

/// The name of PEARL's model in specs and figures.
pub fn pearl_name(model: PearlModel) -> &'static str {
    match model {
        PearlModel::Mlp => "pearl",
        PearlModel::Hyper => "hyper-pearl",
    }
}

/// Returns the name of a run's model in specs and figures.
pub(crate) fn model_name(config: &Config) -> String {
    match config {
        Config::Pearl(config) => pearl_name(config.model).into(),
        Config::OffPolicy(_) | Config::Maml(_) => config.model(),
    }
}

/// Returns the name of a model's curve; of an only one that of the model.
pub(crate) fn label(model: &str, which: &str) -> String {
    if which.is_empty() { model.into() } else { format!("{model}{VARIANT}{which}") }
}

/// Returns the name of a list of tasks, such as `test tasks`.
pub(crate) fn tasks(on: TaskList) -> String {
    format!("{} tasks", on.adjective())
}

/// Returns the name of PEARL's curve on a list of tasks.
pub(crate) fn task_label(model: &str, on: TaskList) -> String {
    label(model, &tasks(on))
}

/// Returns what tells the curves of returns of one model apart.
pub(crate) fn of_returns(algo: Algo) -> Vec<String> {
    match algo.learning() {
        Learning::OffPolicy => vec![String::new()],
        Learning::Maml => STATES.map(String::from).into(),
        Learning::Pearl => [TaskList::Train, TaskList::Test].map(tasks).into(),
    }
}
