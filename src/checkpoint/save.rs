//! Writes a checkpoint.

use std::path::{Path, PathBuf};

use tch::Tensor;

use super::manifest::{FORMAT, Hashes, Manifest, Versions};
use super::tensors::TensorSet;
use super::{disk, parts};
use crate::algo::off_policy::OffPolicy;
use crate::env::Visited;
use crate::error::Result;

/// File of the weights inside a checkpoint.
pub const WEIGHTS: &str = "weights.safetensors";
/// File of the visited states inside a checkpoint.
pub const STATES: &str = "states.safetensors";
/// File that describes a checkpoint.
pub const MANIFEST: &str = "manifest.json";

/// Returns the folder of a step inside a run.
pub fn step_folder(run: &Path, step: u64) -> PathBuf {
    run.join(format!("step-{step:09}"))
}

/// Adds visited states to a file: `name`, `[n, length]`, and their episodes, `[n]`, −1 where unknown.
///
/// # Errors
/// Those of reading a tensor.
pub(super) fn add_visited(set: &mut TensorSet, name: &str, states: &[Visited]) -> Result<()> {
    let length = states.first().map_or(0, |s| s.snapshot.0.len()) as i64;
    let flat: Vec<f64> = states.iter().flat_map(|s| s.snapshot.0.iter().copied()).collect();
    set.add(name.into(), &Tensor::from_slice(&flat).view([states.len() as i64, length]))?;
    let episodes: Vec<f64> =
        states.iter().map(|s| s.episode.map_or(-1.0, |episode| episode as f64)).collect();
    set.add(format!("{name}_episodes"), &Tensor::from_slice(&episodes))
}

/// Writes the checkpoint of the current step into the run's folder; returns its folder.
///
/// # Errors
/// [`crate::Error::Io`] naming the file; [`crate::Error::Diverged`] if training has diverged.
///
/// # Panics
/// Never: a manifest is plain data.
pub fn checkpoint(run: &Path, training: &OffPolicy) -> Result<PathBuf> {
    let progress = training.progress();
    let agent = &*training.agent;
    training.check()?;
    let folder = step_folder(run, progress.step);
    disk::write_dir(&folder, |partial| {
        parts::weights(&agent.parts())?.write(&partial.join(WEIGHTS))?;
        let states = training.reservoir.states();
        let mut set = TensorSet::default();
        add_visited(&mut set, "states", states)?;
        set.write(&partial.join(STATES))?;
        let hash = |name| disk::hash_part(&partial.join(name));
        let manifest = Manifest {
            hyperl_checkpoint: FORMAT,
            config: training.config().clone(),
            step: progress.step,
            updates: progress.updates,
            states: states.len(),
            states_seen: progress.states_seen,
            hashes: Hashes { weights: hash(WEIGHTS)?, states: hash(STATES)? },
            versions: Versions::current(),
        };
        let text = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
        disk::write(&partial.join(MANIFEST), &text)
    })?;
    Ok(folder)
}
