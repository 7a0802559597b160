//! The point from which PEARL continues as if it had never stopped.
//!
//! A point holds weights, moments and counters; the buffers are appended in segments, each task's in a
//! folder of its own.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::point::{self, POINT, REPLAY, TENSORS};
use super::segments::{self, Segment};
use super::tensors::TensorFile;
use super::{parts, run as runs};
use crate::algo::pearl::{Pearl, Progress};
use crate::error::{Error, Result};

pub use super::point::begin;

/// Counters and file list of one point.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    progress: Progress,
    /// Steps taken by the optimiser of each network.
    adam_steps: Vec<u64>,
    tensors_hash: String,
    tasks: Vec<TaskPoint>,
    /// Seconds of collection and updates in the iteration under way.
    seconds: [f64; 2],
}

/// What a training task remembers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskPoint {
    added: u64,
    /// Numbers of the transitions that the encoder may see: the first, and one past the last.
    context: [u64; 2],
    segments: Vec<Segment>,
}

/// Folder of a task's buffer.
fn replay(run: &Path, task: usize) -> PathBuf {
    point::folder(run).join(REPLAY).join(format!("{task:03}"))
}

/// Saves the current point.
///
/// # Errors
/// [`Error::Io`] naming the file; [`Error::Diverged`] if training has diverged.
pub fn save(run: &Path, pearl: &Pearl) -> Result<()> {
    pearl.check()?;
    let progress = pearl.progress();
    let buffers = pearl.buffers.tasks();
    let mut saved = match point::latest::<Point>(run)? {
        // The state of an update is always the same; a complete point is not touched again.
        Some((_, point)) if point.progress == progress => return Ok(()),
        Some((_, point)) => point.tasks.into_iter().map(|task| task.segments).collect(),
        None => Vec::new(),
    };
    saved.resize(buffers.len(), Vec::new());
    let mut tasks = Vec::new();
    for (task, (memory, saved)) in buffers.iter().zip(saved).enumerate() {
        tasks.push(TaskPoint {
            added: memory.replay.added(),
            context: [memory.context.start, memory.context.end],
            segments: segments::append(&replay(run, task), &memory.replay, saved)?,
        });
    }
    let agent = pearl.agent.parts();
    let mut tensors = parts::weights(&agent)?;
    parts::add_moments(&mut tensors, &agent)?;
    let within = progress.updated.map_or_else(|| "start".into(), |n| format!("{n:06}"));
    let name = format!("{:06}-{within}", progress.iteration);
    point::write(run, &name, &tensors, |tensors_hash| {
        let adam_steps = agent.iter().map(|part| part.adam.steps()).collect();
        let (tasks, seconds) = (tasks.clone(), pearl.seconds);
        Point { progress, adam_steps, tensors_hash, tasks, seconds }
    })?;
    for (task, TaskPoint { segments, .. }) in tasks.iter().enumerate() {
        segments::remove_unneeded(&replay(run, task), segments)?;
    }
    Ok(())
}

/// Brings a freshly made run to the latest saved point; returns whether there is one. There is none if the
/// run stopped before its first checkpoint and saved nothing.
///
/// # Errors
/// [`Error::Corrupt`] naming a file that is damaged; [`Error::Usage`] if the run has checkpoints and no
/// point.
pub fn load(run: &Path, pearl: &mut Pearl) -> Result<bool> {
    let reached = !runs::checkpoints(run)?.is_empty();
    let Some((folder, point)) = point::to_continue::<Point>(run, reached)? else {
        return Ok(false);
    };
    let file = TensorFile::open(&folder.join(TENSORS), &point.tensors_hash)?;
    parts::copy_weights(&file, &pearl.agent.parts())?;
    let moments = parts::moments(&file, &pearl.agent.parts())?;
    let of_point =
        |reason: &str| Error::Corrupt { path: folder.join(POINT), reason: reason.into() };
    let lists = (point.adam_steps.len(), point.tasks.len());
    if lists != (moments.len(), pearl.buffers.tasks().len()) {
        return Err(of_point("it is of other networks or tasks than the run"));
    }
    parts::restore_moments(&mut pearl.agent.optimisers(), &moments, &point.adam_steps);
    parts::check_point(&folder, &pearl.agent.parts())?;
    let path = folder.join(POINT);
    for (task, (memory, saved)) in
        pearl.buffers.tasks_mut().iter_mut().zip(&point.tasks).enumerate()
    {
        let rows = (saved.segments.as_slice(), saved.added);
        segments::restore(&replay(run, task), rows, &mut memory.replay, &path)?;
        memory.context = saved.context[0]..saved.context[1];
        let held = memory.replay.oldest()..=memory.replay.added();
        if !saved.context.iter().all(|number| held.contains(number)) {
            return Err(of_point("it names transitions for the encoder that are not held"));
        }
    }
    pearl
        .restore(&point.progress, point.seconds)
        .ok_or_else(|| of_point("a number in it is not readable"))?;
    Ok(true)
}
