//! How far a run of a sweep is, as its own folder tells.

use std::path::Path;

use serde::Serialize;

use super::plan::{Plan, Run};
use crate::checkpoint::lock::Lock;
use crate::checkpoint::save::{MANIFEST, step_folder};
use crate::checkpoint::{disk, resume_point};
use crate::names::named;

/// Page that an analysis writes last.
const PAGE: &str = "report.html";

named!("state",
    /// How far a run is.
    State {
        /// It was not started.
        Waiting = "waiting",
        /// A process works on it.
        Running = "running",
        /// It was started, and no process works on it.
        Stopped = "stopped",
        /// It ended with an error, and no process works on it.
        Failed = "failed",
        /// It is trained and analysed.
        Finished = "finished",
    }
);

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Status<'p> {
    pub number: usize,
    #[serde(skip)]
    pub run: &'p Run,
    pub folder: &'p Path,
    pub state: State,
    /// Steps or iterations that would not be lost.
    pub at: u64,
    pub length: u64,
    /// Analyses that are done.
    pub analysed: usize,
    /// Which process works on it, or why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
}

pub(crate) fn all(plan: &Plan) -> Vec<Status<'_>> {
    (0..plan.runs.len()).map(|number| of(plan, number)).collect()
}

/// Returns how far a run is.
pub(crate) fn of(plan: &Plan, number: usize) -> Status<'_> {
    let run = &plan.runs[number];
    let folder = plan.folder_of(run);
    let trained = is_trained(plan, run);
    let analysed = (0..plan.about.analyse.len()).filter(|i| is_analysed(plan, run, *i)).count();
    let in_order = trained && is_in_order(&folder);
    let works_on = |i: usize| Lock::holder(&plan.analysis(run, i));
    let holder = Lock::holder(&folder)
        .or_else(|| trained.then(|| (0..plan.about.analyse.len()).find_map(works_on)).flatten());
    let at = if trained { run.length } else { resume_point::reached(&folder).unwrap_or(0) };
    let failure = || disk::read(&plan.failure(number)).ok();
    let (state, said) = if in_order && analysed == plan.about.analyse.len() {
        (State::Finished, None)
    } else if holder.is_some() {
        (State::Running, holder)
    } else if let Some(why) = failure() {
        (State::Failed, Some(String::from_utf8_lossy(&why).trim().into()))
    } else if trained || folder.is_dir() {
        (State::Stopped, None)
    } else {
        (State::Waiting, None)
    };
    Status { number, run, folder: &run.folder, state, at, length: run.length, analysed, said }
}

/// Returns whether no process died at work in a folder.
pub(crate) fn is_in_order(folder: &Path) -> bool {
    !Lock::is_left(folder)
}

/// Returns whether a run has its last checkpoint.
pub(crate) fn is_trained(plan: &Plan, run: &Run) -> bool {
    step_folder(&plan.folder_of(run), run.length).join(MANIFEST).is_file()
}

/// Returns whether one of a run's analyses is done.
pub(crate) fn is_analysed(plan: &Plan, run: &Run, number: usize) -> bool {
    let folder = plan.analysis(run, number);
    folder.join(PAGE).is_file() && is_in_order(&folder)
}
