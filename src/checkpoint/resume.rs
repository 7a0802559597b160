//! The point from which training continues as if it had never stopped.
//!
//! `resume/latest` names a folder `point-…` with weights, moments, simulator, reservoir and counters,
//! and the hash of its `point.json`, which holds the hashes of all else. The replay buffer is appended
//! in segments, not rewritten. A new point is complete before `latest` names it; what no point needs
//! is removed after that.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::disk;
use super::load::snapshots;
use super::run::has_checkpoints;
use super::save::{snapshots_tensor, weights};
use super::tensors::{TensorFile, TensorSet};
use crate::algo::learner::{Part, target_name};
use crate::algo::off_policy::{OffPolicy, Progress};
use crate::algo::reservoir::Reservoir;
use crate::env::Snapshot;
use crate::error::{Error, Result};
use crate::nn::weights::{Param, Params};

const LATEST: &str = "latest";
const TENSORS: &str = "state.safetensors";
const POINT: &str = "point.json";

/// Adam's moments, as they are called on disk.
const MOMENTS: [&str; 2] = ["first", "second"];

/// Most rows of the replay buffer in one file.
const SEGMENT: usize = 65_536;

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

/// A file of consecutive replay rows, `f32` little endian.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Segment {
    first: u64,
    end: u64,
    hash: String,
}

impl Segment {
    fn path(&self, resume: &Path) -> PathBuf {
        resume.join("replay").join(format!("{:012}-{:012}.bin", self.first, self.end))
    }
}

/// Saves the current point; `seconds` is the time trained so far.
///
/// # Errors
/// [`Error::Io`] naming the file.
///
/// # Panics
/// Never: a point is plain data.
pub fn save(run: &Path, training: &OffPolicy, seconds: f64) -> Result<()> {
    let resume = run.join("resume");
    disk::create_dir(&resume.join("replay"))?;
    let progress = training.progress();
    let mut segments = match latest(run)? {
        // The state of a step is always the same; a complete point is not touched again.
        Some((_, point)) if point.progress == progress => return Ok(()),
        Some((_, point)) => point.segments,
        None => Vec::new(),
    };
    // Rows that were saved already stay where they are.
    let (oldest, added) = (training.replay.oldest(), training.replay.added());
    segments.retain(|s| s.end <= added && s.end > oldest);
    let unsaved = segments.last().map_or(oldest, |s| s.end);
    for first in (unsaved..added).step_by(SEGMENT) {
        let end = added.min(first + SEGMENT as u64);
        let rows = training.replay.rows(first..end);
        let bytes: Vec<u8> = rows.iter().flat_map(|x| x.to_le_bytes()).collect();
        let segment = Segment { first, end, hash: disk::hash(&bytes) };
        disk::write(&segment.path(&resume), &bytes)?;
        segments.push(segment);
    }

    let name = format!("point-{:09}", progress.step);
    disk::write_dir(&resume.join(&name), |partial| {
        state_tensors(training)?.write(&partial.join(TENSORS))?;
        let tensors_hash = disk::hash_part(&partial.join(TENSORS))?;
        let point = Point {
            progress,
            tensors_hash,
            replay_added: added,
            segments: segments.clone(),
            seconds,
        };
        let text = serde_json::to_vec_pretty(&point).expect("a point is plain data");
        disk::write(&partial.join(POINT), &text)
    })?;
    let hash = disk::hash_part(&resume.join(&name).join(POINT))?;
    disk::write(&resume.join(LATEST), format!("{name} {hash}\n").as_bytes())?;
    remove_unneeded(&resume, &name, &segments)
}

fn remove_unneeded(resume: &Path, point: &str, segments: &[Segment]) -> Result<()> {
    for path in disk::entries(resume)? {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if (name.starts_with("point-") || name.starts_with(".point-")) && name != point {
            disk::remove_dir(&path)?;
        }
    }
    let needed: Vec<PathBuf> = segments.iter().map(|s| s.path(resume)).collect();
    for path in disk::entries(&resume.join("replay"))? {
        if !needed.contains(&path) {
            std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Returns the folder and the content of the latest point, if there is one.
fn latest(run: &Path) -> Result<Option<(PathBuf, Point)>> {
    let pointer = run.join("resume").join(LATEST);
    if !pointer.is_file() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&disk::read(&pointer)?).into_owned();
    let mut words = text.split_whitespace();
    let Some(name) = words.next().filter(|name| name.starts_with("point-")) else {
        let reason = format!("it should name a point, and says '{}'", text.trim());
        return Err(Error::Corrupt { path: pointer, reason });
    };
    let folder = run.join("resume").join(name);
    let file = folder.join(POINT);
    let bytes = disk::read_part(&file)?;
    // Points of early runs have no hash.
    if words.next().is_some_and(|hash| disk::hash(&bytes) != hash) {
        let reason = "its SHA-256 differs from the one in resume/latest".into();
        return Err(Error::Corrupt { path: file, reason });
    }
    let point = serde_json::from_slice(&bytes)
        .map_err(|e| Error::Corrupt { path: file, reason: e.to_string() })?;
    Ok(Some((folder, point)))
}

fn state_tensors(training: &OffPolicy) -> Result<TensorSet> {
    let mut set = weights(&*training.agent)?;
    for part in training.agent.parts() {
        for (moment, tensors) in MOMENTS.into_iter().zip(part.adam.moments()) {
            for (param, tensor) in part.online.iter().zip(tensors) {
                set.add(format!("adam.{}.{moment}.{}", part.name, param.name), &tensor)?;
            }
        }
    }
    set.add("env".into(), &Tensor::from_slice(&training.env_state().0))?;
    set.add("reservoir".into(), &snapshots_tensor(training.reservoir.states()))?;
    Ok(set)
}

/// Brings a freshly made training run to the latest saved point; returns the seconds trained
/// before it, or `None` if the run stopped before its first checkpoint and saved nothing.
///
/// # Errors
/// [`Error::Corrupt`] naming a file that is damaged; [`Error::Usage`] if the run has checkpoints and
/// no point.
pub fn load(run: &Path, training: &mut OffPolicy) -> Result<Option<f64>> {
    let Some((folder, point)) = latest(run)? else {
        if has_checkpoints(run)? {
            return Err(Error::Usage(format!(
                "{} has checkpoints but no resume/{LATEST} from which to continue; put its folder \
                 resume back, choose another --out, or remove the run to train it anew",
                run.display()
            )));
        }
        return Ok(None);
    };
    let file = TensorFile::open(&folder.join(TENSORS), &point.tensors_hash)?;
    for part in training.agent.parts() {
        copy_params(&file, part.name, part.online)?;
        if let Some(target) = part.target {
            copy_params(&file, &target_name(part.name), target)?;
        }
    }
    let Point { progress, replay_added, segments, seconds, .. } = point;
    restore_moments(&file, training, &progress)?;
    let states = snapshots(&file.tensor("reservoir")?)?;
    training.reservoir =
        Reservoir::restore(training.config().reservoir, progress.states_seen, states);
    restore_replay(&run.join("resume"), &segments, training)?;
    if training.replay.added() != replay_added {
        let reason = format!("its replay segments do not end at row {replay_added}");
        return Err(Error::Corrupt { path: folder.join(POINT), reason });
    }
    let env = Snapshot(Vec::<f64>::try_from(file.tensor("env")?)?);
    training.restore(&progress, &env)?.ok_or_else(|| Error::Corrupt {
        path: folder.join(POINT),
        reason: "a random stream or number in it is not readable".into(),
    })?;
    Ok(Some(seconds))
}

fn copy_params(file: &TensorFile, prefix: &str, params: &Params) -> Result<()> {
    for param in params {
        let stored = file.tensor(&format!("{prefix}.{}", param.name))?;
        crate::nn::weights::check_shape(&param.name, &param.tensor.size(), &stored.size())?;
        tch::no_grad(|| param.tensor.shallow_clone().copy_(&stored));
    }
    Ok(())
}

/// Reads the moments of one network after the other.
fn restore_moments(file: &TensorFile, training: &mut OffPolicy, progress: &Progress) -> Result<()> {
    let (actor, critic) = (progress.actor_adam_steps, progress.critic_adam_steps);
    let read = |part: &Part, moment: &str| {
        let tensor = |p: &Param| file.tensor(&format!("adam.{}.{moment}.{}", part.name, p.name));
        part.online.iter().map(tensor).collect::<Result<Vec<_>>>()
    };
    let saved = training.agent.parts().map(|part| MOMENTS.map(|moment| read(&part, moment)));
    for ((adam, [first, second]), steps) in
        training.agent.optimisers().into_iter().zip(saved).zip([actor, critic, critic])
    {
        adam.restore(steps, &first?, &second?);
    }
    Ok(())
}

fn restore_replay(resume: &Path, segments: &[Segment], training: &mut OffPolicy) -> Result<()> {
    for segment in segments {
        let path = segment.path(resume);
        let bytes = disk::read_part(&path)?;
        if disk::hash(&bytes) != segment.hash {
            let reason = "its SHA-256 differs from the recorded one".into();
            return Err(Error::Corrupt { path, reason });
        }
        let rows: Vec<f32> =
            bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        training.replay.restore(&rows, segment.end);
    }
    Ok(())
}
