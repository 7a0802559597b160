//! The point from which TD3 and SAC continue as if they had never stopped.
//!
//! `resume/latest` names a folder `point-…` with weights, moments, simulator, reservoir and counters. The
//! replay buffer is appended in segments, not rewritten.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::load::visited;
use super::parts;
use super::point::{self, POINT, REPLAY, TENSORS};
use super::run::has_checkpoints;
use super::save::add_visited;
use super::segments::{self, Segment};
use super::tensors::{TensorFile, TensorSet};
use crate::algo::off_policy::{OffPolicy, Progress};
use crate::algo::reservoir::Reservoir;
use crate::env::Snapshot;
use crate::error::{Error, Result};

pub use super::point::begin;

/// Counters and file list of one point.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    progress: Progress,
    tensors_hash: String,
    replay_added: u64,
    segments: Vec<Segment>,
    seconds: f64,
}

/// Saves the current point; `seconds` is the time trained so far.
///
/// # Errors
/// [`Error::Diverged`] if training has diverged, whose point would take the place of a good one;
/// [`Error::Io`] naming the file.
///
/// # Panics
/// Never: a point is plain data.
pub fn save(run: &Path, training: &OffPolicy, seconds: f64) -> Result<()> {
    let progress = training.progress();
    let saved = match point::latest::<Point>(run)? {
        // The state of a step is always the same; a complete point is not touched again.
        Some((_, point)) if point.progress == progress => return Ok(()),
        Some((_, point)) => point.segments,
        None => Vec::new(),
    };
    training.check()?;
    let replay = point::folder(run).join(REPLAY);
    let segments = segments::append(&replay, &training.replay, saved)?;
    let (name, replay_added) = (format!("{:09}", progress.step), training.replay.added());
    let tensors = state_tensors(training)?;
    point::write(run, &name, &tensors, |tensors_hash| {
        let segments = segments.clone();
        Point { progress, tensors_hash, replay_added, segments, seconds }
    })?;
    segments::remove_unneeded(&replay, &segments)
}

fn state_tensors(training: &OffPolicy) -> Result<TensorSet> {
    let agent = training.agent.parts();
    let mut set = parts::weights(&agent)?;
    parts::add_moments(&mut set, &agent)?;
    set.add("env".into(), &Tensor::from_slice(&training.env_state().0))?;
    add_visited(&mut set, "reservoir", training.reservoir.states())?;
    Ok(set)
}

/// Brings a freshly made training run to the latest saved point; returns the seconds trained
/// before it, or `None` if the run stopped before its first checkpoint and saved nothing.
///
/// # Errors
/// [`Error::Corrupt`] naming a file that is damaged; [`Error::Usage`] if the run has checkpoints and
/// no point.
pub fn load(run: &Path, training: &mut OffPolicy) -> Result<Option<f64>> {
    let Some((folder, point)) = point::to_continue::<Point>(run, has_checkpoints(run)?)? else {
        return Ok(None);
    };
    let Point { progress, tensors_hash, replay_added, segments, seconds } = point;
    let file = TensorFile::open(&folder.join(TENSORS), &tensors_hash)?;
    parts::copy_weights(&file, &training.agent.parts())?;
    let moments = parts::moments(&file, &training.agent.parts())?;
    let (actor, critic) = (progress.actor_adam_steps, progress.critic_adam_steps);
    let steps = [actor, critic, critic];
    parts::restore_moments(&mut training.agent.optimisers(), &moments, &steps);
    parts::check_point(&folder, &training.agent.parts())?;
    let states = visited(&file, "reservoir")?;
    training.reservoir =
        Reservoir::restore(training.config().reservoir, progress.states_seen, states);
    let (replay, point) = (point::folder(run).join(REPLAY), folder.join(POINT));
    segments::restore(&replay, (&segments, replay_added), &mut training.replay, &point)?;
    let env = Snapshot(Vec::<f64>::try_from(file.tensor("env")?)?);
    training.restore(&progress, &env)?.ok_or_else(|| Error::Corrupt {
        path: point,
        reason: "a random stream or number in it is not readable".into(),
    })?;
    Ok(Some(seconds))
}
