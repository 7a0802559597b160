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
use super::manifest::Versions;
use super::save::{MANIFEST, WEIGHTS, step_folder};
use super::tensors::{TensorFile, TensorSet};
use crate::algo::maml::Maml;
use crate::algo::maml::config::MamlConfig;
use crate::env::TaskLists;
use crate::error::{Error, Result};
use crate::nn::meta_policy::MetaPolicy;
use crate::nn::weights::{Shapes, Training};

/// Version of the layout on disk; another number is refused.
pub const FORMAT: u32 = 1;

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

/// A meta-learning checkpoint whose manifest was read.
#[derive(Debug, Clone)]
pub struct MetaCheckpoint {
    path: PathBuf,
    manifest: MetaManifest,
    hash: String,
}

/// Returns whether the manifest in a folder says that it is of a meta-learning run, readable or not.
pub fn is_meta(path: &Path) -> bool {
    // What cannot be read is nobody's; opening it says why.
    std::fs::read_to_string(path.join(MANIFEST))
        .is_ok_and(|text| text.contains("\"hyperl_meta_checkpoint\""))
}

/// Writes a run's present state into `folder`.
///
/// # Errors
/// [`Error::Io`] naming the file; [`Error::NonFinite`] if training has diverged.
///
/// # Panics
/// Never: a manifest is plain data.
pub fn save(folder: &Path, maml: &Maml) -> Result<()> {
    let params = maml.policy().params();
    let bad = params.non_finite();
    if bad > 0 {
        let iteration = maml.iteration();
        return Err(Error::NonFinite(format!(
            "training diverged: {bad} weights are NaN or infinite at iteration {iteration}; lower \
             trpo.max_kl"
        )));
    }
    disk::write_dir(folder, |partial| {
        let mut set = TensorSet::default();
        set.add_params(POLICY, params)?;
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
/// Those of [`MetaCheckpoint::open`]; [`Error::Io`] naming the folder.
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
    Ok(all.into_iter().max_by_key(|c| c.manifest.iteration))
}

impl MetaCheckpoint {
    /// Reads and checks the manifest of the checkpoint in folder `path`.
    ///
    /// # Errors
    /// [`Error::NotACheckpoint`] if there is none or it is of another kind, [`Error::Corrupt`] if it cannot
    /// be read, [`Error::Mismatch`] if it is of another format or its tasks are not those of its seed.
    pub fn open(path: &Path) -> Result<Self> {
        let not = |reason: &str| Error::NotACheckpoint { path: path.into(), reason: reason.into() };
        let file = path.join(MANIFEST);
        if !file.is_file() {
            return Err(not("it holds no manifest.json; give a folder step-… of a MAML run"));
        }
        let bytes = disk::read(&file)?;
        let corrupt = |e: serde_json::Error| Error::Corrupt {
            path: file.clone(),
            reason: format!("it is no readable manifest ({e})"),
        };
        let raw: serde_json::Value = serde_json::from_slice(&bytes).map_err(corrupt)?;
        match raw.get("hyperl_meta_checkpoint").and_then(serde_json::Value::as_u64) {
            None => return Err(not("it is not of a MAML run; this needs a folder step-… of one")),
            Some(version) if version != u64::from(FORMAT) => {
                return Err(Error::Mismatch {
                    what: format!("format of {}", path.display()),
                    expected: FORMAT.to_string(),
                    found: version.to_string(),
                    remedy: "read it with the version of hyperl that wrote it".into(),
                });
            }
            Some(_) => {}
        }
        let manifest: MetaManifest = serde_json::from_value(raw).map_err(corrupt)?;
        let config = &manifest.config;
        let tasks = config.env.tasks(config.seed, config.train_tasks, config.test_tasks)?;
        if tasks != manifest.tasks {
            return Err(Error::Mismatch {
                what: format!("tasks of {}", path.display()),
                expected: format!("those that seed {} draws", config.seed),
                found: "others".into(),
                remedy: "read it with the version of hyperl that wrote it".into(),
            });
        }
        Ok(Self { path: path.into(), manifest, hash: disk::hash(&bytes) })
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the checkpoint says of itself.
    pub fn manifest(&self) -> &MetaManifest {
        &self.manifest
    }

    /// Returns the hash of the manifest, and so of everything in the checkpoint.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Maps the weights and checks hash, names and shapes.
    ///
    /// # Errors
    /// [`Error::Corrupt`] naming what does not fit.
    pub fn weights(&self) -> Result<TensorFile> {
        let config = &self.manifest.config;
        let file = TensorFile::open(&self.path.join(WEIGHTS), &self.manifest.weights)?;
        let shapes = MetaPolicy::new(config.policy, config.dims(), Training::Frozen, &mut Shapes)?;
        let named =
            |p: &crate::nn::weights::Param| (format!("{POLICY}.{}", p.name), p.tensor.size());
        file.expect(shapes.params().iter().map(named).collect())?;
        Ok(file)
    }

    /// Returns the run as it was at this checkpoint, under `config`, whose length may differ.
    ///
    /// # Errors
    /// Those of [`Self::weights`]; [`Error::NonFinite`] if a weight is NaN or infinite.
    pub fn restore(&self, config: MamlConfig, workers: Arc<rayon::ThreadPool>) -> Result<Maml> {
        let file = self.weights()?;
        let source = &mut file.source(POLICY);
        let maml = Maml::with_weights(config, self.manifest.iteration, source, workers)?;
        let bad = maml.policy().params().non_finite();
        if bad > 0 {
            return Err(Error::NonFinite(format!(
                "{}: {bad} weights are NaN or infinite; training diverged, use an earlier checkpoint",
                self.path.display()
            )));
        }
        Ok(maml)
    }
}
