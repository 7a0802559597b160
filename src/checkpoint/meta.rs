//! Checkpoints of meta-learning runs: a policy and the iteration, which are the whole state.
//!
//! ```text
//! checkpoints/maml-half-cheetah-vel-hyper-s0/
//!   run.toml                     the resolved configuration
//!   returns.csv                  one row for each iteration: returns, divergence, line search
//!   timing.csv                   seconds of sampling, update and evaluation
//!   step-000000050/
//!     manifest.json              format, configuration, iteration, tasks, hash, versions
//!     weights.safetensors        the policy
//!   resume/                      the same after a stop between two checkpoints
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::disk;
use super::manifest::{FORMAT, Versions};
use super::opened::{Describes, Kind, Opened};
use super::save::{MANIFEST, WEIGHTS, step_folder};
use super::tensors::{TensorFile, TensorSet};
use crate::algo::RunConfig;
use crate::algo::maml::Maml;
use crate::algo::maml::config::MamlConfig;
use crate::env::TaskLists;
use crate::error::Result;
use crate::nn::meta_policy::MetaPolicy;
use crate::nn::weights::{Shapes, Training};

/// Folder of the point at which a run was stopped between two checkpoints.
pub const RESUME: &str = "resume";

/// Prefix of the policy's tensors.
const POLICY: &str = "policy";

/// What a meta-learning checkpoint says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetaManifest {
    /// Always [`FORMAT`].
    pub hyperl_meta_checkpoint: u32,
    /// The run's configuration.
    pub config: MamlConfig,
    /// Updates made.
    pub iteration: u64,
    /// The tasks of the run's seed.
    pub tasks: TaskLists,
    /// SHA-256 of `weights.safetensors`, in hexadecimal.
    pub weights: String,
    /// What wrote it.
    pub versions: Versions,
}

impl Describes for MetaManifest {
    type Config = MamlConfig;
    const KIND: Kind = Kind::Maml;

    fn config(&self) -> &MamlConfig {
        &self.config
    }

    fn moment(&self) -> u64 {
        self.iteration
    }
}

/// A meta-learning checkpoint whose manifest was read.
pub type MetaCheckpoint = Opened<MetaManifest>;

/// Writes a run's present state into `folder`.
///
/// # Errors
/// [`crate::Error::Io`] naming the file; [`crate::Error::Diverged`] if training has diverged.
///
/// # Panics
/// Never: a manifest is plain data.
pub fn save(folder: &Path, maml: &Maml) -> Result<()> {
    maml.check()?;
    disk::write_dir(folder, |partial| {
        let mut set = TensorSet::default();
        set.add_params(POLICY, maml.policy().params())?;
        set.write(&partial.join(WEIGHTS))?;
        let manifest = MetaManifest {
            hyperl_meta_checkpoint: FORMAT,
            config: maml.config().clone(),
            iteration: maml.iteration(),
            tasks: maml.tasks().clone(),
            weights: disk::hash_part(&partial.join(WEIGHTS))?,
            versions: Versions::current(),
        };
        let text = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
        disk::write(&partial.join(MANIFEST), &text)
    })
}

/// Writes the checkpoint of the present iteration into the run's folder; returns its folder.
///
/// # Errors
/// As [`save`].
pub fn checkpoint(run: &Path, maml: &Maml) -> Result<PathBuf> {
    let folder = step_folder(run, maml.iteration());
    save(&folder, maml)?;
    disk::remove_dir(&run.join(RESUME))?;
    Ok(folder)
}

/// Returns the checkpoints of a run, in order of iterations.
///
/// # Errors
/// Those of [`MetaCheckpoint::open`]; [`crate::Error::Io`] naming the folder.
pub fn checkpoints(run: &Path) -> Result<Vec<MetaCheckpoint>> {
    super::run::checkpoints(run)?.iter().map(|path| MetaCheckpoint::open(path)).collect()
}

/// Returns the point from which a run goes on: its newest checkpoint, or where it was stopped after
/// that; none if it has reached neither.
///
/// # Errors
/// As [`checkpoints`].
pub fn newest(run: &Path) -> Result<Option<MetaCheckpoint>> {
    let mut all = checkpoints(run)?;
    let stopped = run.join(RESUME);
    if stopped.exists() {
        all.push(MetaCheckpoint::open(&stopped)?);
    }
    Ok(all.into_iter().max_by_key(|c| c.manifest().iteration))
}

impl MetaCheckpoint {
    /// Reads and checks the manifest of the checkpoint in folder `path`.
    ///
    /// # Errors
    /// [`crate::Error::NotACheckpoint`] if there is none or it is of another kind, [`crate::Error::Corrupt`] if it cannot
    /// be read, [`crate::Error::Mismatch`] if it is of another format or its tasks are not those of its seed.
    pub fn open(path: &Path) -> Result<Self> {
        let opened = Self::read(path)?;
        let MetaManifest { config, tasks, .. } = opened.manifest();
        let counts = [config.train_tasks, config.test_tasks];
        opened.check_tasks(tasks, counts, (config.env, config.seed))?;
        Ok(opened)
    }

    /// Maps the weights and checks hash, names and shapes.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] naming what does not fit.
    pub fn weights(&self) -> Result<TensorFile> {
        let config = &self.manifest().config;
        let file = TensorFile::open(&self.path().join(WEIGHTS), &self.manifest().weights)?;
        let shapes = MetaPolicy::new(config.policy, config.dims(), Training::Frozen, &mut Shapes)?;
        let named =
            |p: &crate::nn::weights::Param| (format!("{POLICY}.{}", p.name), p.tensor.size());
        file.expect(shapes.params().iter().map(named).collect())?;
        Ok(file)
    }

    /// Returns the run as it was at this checkpoint, under `config`, whose length may differ.
    ///
    /// # Errors
    /// Those of [`Self::weights`]; [`crate::Error::NonFinite`] if a weight is NaN or infinite.
    pub fn restore(&self, config: MamlConfig, workers: Arc<rayon::ThreadPool>) -> Result<Maml> {
        let file = self.weights()?;
        let source = &mut file.source(POLICY);
        let maml = Maml::with_weights(config, self.manifest().iteration, source, workers)?;
        self.check_finite(maml.policy().params().non_finite(), POLICY)?;
        Ok(maml)
    }
}
