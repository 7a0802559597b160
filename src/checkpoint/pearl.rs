//! Checkpoints of PEARL runs.
//!
//! ```text
//! checkpoints/pearl-half-cheetah-vel-mlp-s0/
//!   run.toml                     the resolved configuration
//!   returns.csv                  one row for each iteration: transitions, scores, losses
//!   trials.csv                   one row for each trajectory of each evaluation
//!   timing.csv                   seconds of collection, updates and evaluation
//!   step-000000010/
//!     manifest.json              format, configuration, iteration, tasks, hash, versions
//!     weights.safetensors        encoder, critics, value network with its target, policy
//!   resume/                      the latest point from which training continues bit for bit
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::manifest::{FORMAT, Versions};
use super::opened::{Describes, Kind, Opened};
use super::save::{MANIFEST, WEIGHTS, step_folder};
use super::tensors::TensorFile;
use super::{disk, parts};
use crate::algo::learner::target_name;
use crate::algo::pearl::Pearl;
use crate::algo::pearl::agent::{PearlAgent, PearlSources};
use crate::algo::pearl::config::PearlConfig;
use crate::env::TaskLists;
use crate::error::Result;
use crate::nn::context::Encoder;
use crate::nn::pearl::policy::TaskPolicy;
use crate::nn::pearl::value::{TaskCritic, TaskValue};
use crate::nn::weights::{Params, Shapes, Training};

/// What a PEARL checkpoint says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PearlManifest {
    /// Always [`FORMAT`].
    pub hyperl_pearl_checkpoint: u32,
    /// The run's configuration.
    pub config: PearlConfig,
    /// Iterations made.
    pub iteration: u64,
    /// Updates made.
    pub updates: u64,
    /// Transitions stored, of all tasks.
    pub transitions: u64,
    /// The tasks of the run's seed.
    pub tasks: TaskLists,
    /// SHA-256 of `weights.safetensors`, in hexadecimal.
    pub weights: String,
    /// What wrote it.
    pub versions: Versions,
}

impl Describes for PearlManifest {
    type Config = PearlConfig;
    const KIND: Kind = Kind::Pearl;

    fn config(&self) -> &PearlConfig {
        &self.config
    }

    fn moment(&self) -> u64 {
        self.iteration
    }
}

/// A PEARL checkpoint whose manifest was read.
pub type PearlCheckpoint = Opened<PearlManifest>;

/// Writes the checkpoint of the present iteration into the run's folder; returns its folder.
///
/// # Errors
/// [`crate::Error::Io`] naming the file; [`crate::Error::Diverged`] if training has diverged.
///
/// # Panics
/// Never: a manifest is plain data.
pub fn checkpoint(run: &Path, pearl: &Pearl) -> Result<PathBuf> {
    pearl.check()?;
    let agent = pearl.agent.parts();
    let folder = step_folder(run, pearl.iteration());
    disk::write_dir(&folder, |partial| {
        parts::weights(&agent)?.write(&partial.join(WEIGHTS))?;
        let manifest = PearlManifest {
            hyperl_pearl_checkpoint: FORMAT,
            config: pearl.config().clone(),
            iteration: pearl.iteration(),
            updates: pearl.updates(),
            transitions: pearl.buffers.added(),
            tasks: pearl.tasks().clone(),
            weights: disk::hash_part(&partial.join(WEIGHTS))?,
            versions: Versions::current(),
        };
        let text = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
        disk::write(&partial.join(MANIFEST), &text)
    })?;
    Ok(folder)
}

impl PearlCheckpoint {
    /// Reads and checks the manifest of the checkpoint in folder `path`.
    ///
    /// # Errors
    /// [`crate::Error::NotACheckpoint`] if there is none or it is of another kind,
    /// [`crate::Error::Corrupt`] if it cannot be read, [`crate::Error::Mismatch`] if it is of another
    /// format or its tasks are not those of its seed.
    pub fn open(path: &Path) -> Result<Self> {
        let opened = Self::read(path)?;
        let PearlManifest { config, tasks, .. } = opened.manifest();
        opened.check_tasks(tasks, config.task_counts(), (config.env, config.seed))?;
        Ok(opened)
    }

    /// Maps the weights and checks hash, names and shapes.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] naming what does not fit.
    pub fn weights(&self) -> Result<TensorFile> {
        let file = TensorFile::open(&self.path().join(WEIGHTS), &self.manifest().weights)?;
        file.expect(self.expected_shapes()?)?;
        Ok(file)
    }

    /// Returns name and shape of every tensor that the configuration calls for.
    fn expected_shapes(&self) -> Result<Vec<(String, Vec<i64>)>> {
        let (design, frozen) = (self.manifest().config.design(), Training::Frozen);
        let encoder = Encoder::new(design.dims, frozen, &mut Shapes)?;
        let critic = TaskCritic::new(design, frozen, &mut Shapes)?;
        let value = TaskValue::new(design, frozen, &mut Shapes)?;
        let policy = TaskPolicy::new(design, frozen, &mut Shapes)?;
        let named = |prefix: &str, params: &Params| -> Vec<_> {
            params.iter().map(|p| (format!("{prefix}.{}", p.name), p.tensor.size())).collect()
        };
        Ok([
            named("encoder", encoder.params()),
            named("critic.q1", critic.params()),
            named("critic.q2", critic.params()),
            named("value", value.params()),
            named(&target_name("value"), value.params()),
            named("policy", policy.params()),
        ]
        .concat())
    }

    /// Returns the agent as it was at this checkpoint, with new optimisers.
    ///
    /// # Errors
    /// Those of [`Self::weights`]; [`crate::Error::NonFinite`] if a weight is NaN or infinite.
    pub fn agent(&self, workers: Arc<rayon::ThreadPool>) -> Result<PearlAgent> {
        let file = self.weights()?;
        let sources = PearlSources {
            encoder: &mut file.source("encoder"),
            q1: &mut file.source("critic.q1"),
            q2: &mut file.source("critic.q2"),
            value: &mut file.source("value"),
            policy: &mut file.source("policy"),
        };
        let mut agent = PearlAgent::from_sources(&self.manifest().config, sources, workers)?;
        // V's target is no copy of V here.
        parts::copy_weights(&file, &agent.parts())?;
        agent.set_updates(self.manifest().updates);
        for part in agent.parts() {
            let target = part.target.map_or(0, Params::non_finite);
            self.check_finite(part.online.non_finite() + target, part.name)?;
        }
        Ok(agent)
    }
}
