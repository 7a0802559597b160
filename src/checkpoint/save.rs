//! Writes a checkpoint.

use std::path::{Path, PathBuf};

use tch::Tensor;

use super::manifest::{FORMAT, Hashes, Manifest, States, Versions};
use super::tensors::TensorSet;
use super::{disk, networks};
use crate::algo::trainer::Trainer;
use crate::env::Visited;
use crate::error::Result;

/// File of the weights inside a checkpoint.
pub(crate) const WEIGHTS: &str = "weights.safetensors";
/// File of the visited states inside a checkpoint.
pub const STATES: &str = "states.safetensors";
/// File that describes a checkpoint.
pub(crate) const MANIFEST: &str = "manifest.json";

pub(crate) fn step_folder(run: &Path, step: u64) -> PathBuf {
    run.join(format!("step-{step:09}"))
}

/// Adds visited states to a file: `name`, `[n, length]`, and their episodes, `[n]`, −1 where unknown. States of an
/// environment in another process may differ in length: shorter ones are filled up with zeros.
pub(super) fn add_visited(set: &mut TensorSet, name: &str, states: &[Visited]) -> Result<()> {
    let longest = states.iter().map(|s| s.snapshot.0.len()).max().unwrap_or(0);
    let filled = |s: &Visited| {
        let mut row = s.snapshot.0.clone();
        row.resize(longest, 0.0);
        row
    };
    let flat: Vec<f64> = states.iter().flat_map(filled).collect();
    let shape = [states.len() as i64, longest as i64];
    set.add(name.into(), &Tensor::from_slice(&flat).f_view(shape)?)?;
    let episodes: Vec<f64> =
        states.iter().map(|s| s.episode.map_or(-1.0, |episode| episode as f64)).collect();
    set.add(format!("{name}_episodes"), &Tensor::from_slice(&episodes))
}

/// Writes the checkpoint of the present moment into the run's folder; returns its folder.
///
/// # Errors
/// [`crate::Error::Io`] naming the file; [`crate::Error::Diverged`] if training has diverged.
pub fn checkpoint(run: &Path, trainer: &dyn Trainer) -> Result<PathBuf> {
    trainer.check()?;
    let config = trainer.config();
    let folder = step_folder(run, trainer.made());
    disk::write_dir(&folder, |partial| {
        networks::weights(&trainer.weights())?.write(&partial.join(WEIGHTS))?;
        let hash = |name| disk::hash_part(&partial.join(name));
        let mut hashes = Hashes { weights: hash(WEIGHTS)?, states: None };
        let mut states = None;
        if let Some(reservoir) = trainer.reservoir() {
            let mut set = TensorSet::default();
            add_visited(&mut set, "states", reservoir.states())?;
            set.write(&partial.join(STATES))?;
            hashes.states = Some(hash(STATES)?);
            states = Some(States { kept: reservoir.states().len(), seen: reservoir.seen() });
        }
        let manifest = Manifest {
            hyperl_checkpoint: FORMAT,
            algo: config.algo(),
            config: config.to_json()?,
            unit: config.algo().unit(),
            step: trainer.made(),
            updates: trainer.updates(),
            transitions: trainer.transitions(),
            tasks: trainer.tasks().cloned(),
            states,
            imported: None,
            hashes,
            versions: Versions::current(),
        };
        disk::write(&partial.join(MANIFEST), &disk::json(&manifest)?)
    })?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Snapshot;

    #[test]
    fn states_of_several_lengths_are_filled_up_with_zeros() {
        let state = |numbers: &[f64]| Visited { snapshot: Snapshot(numbers.into()), episode: None };
        let mut set = TensorSet::default();
        add_visited(&mut set, "states", &[state(&[1.0, 2.0]), state(&[3.0, 4.0, 5.0])]).unwrap();
        let bytes = set.to_bytes().unwrap();
        let read = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let states = read.tensor("states").unwrap();
        assert_eq!(states.shape(), [2, 3]);
        let rows = [1.0f64, 2.0, 0.0, 3.0, 4.0, 5.0].map(f64::to_le_bytes).concat();
        assert_eq!(states.data(), rows);
    }
}
