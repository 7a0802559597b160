//! A checkpoint whose manifest was read and checked.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::manifest::{FORMAT, Manifest};
use super::run::{RUN, step_of};
use super::save::{MANIFEST, WEIGHTS};
use super::stored::{self, Difference};
use super::tensors::TensorFile;
use super::{disk, v1};
use crate::algo::Algo;
use crate::algo::config::TrainConfig;
use crate::algo::maml::config::MamlConfig;
use crate::algo::pearl::config::PearlConfig;
use crate::algo::registry::{Config, readers};
use crate::env::{Task, TaskList};
use crate::error::{Error, Result};

/// A checkpoint of any algorithm; its tensors are read when asked for.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    path: PathBuf,
    manifest: Manifest,
    hash: String,
}

impl Checkpoint {
    /// Reads and checks the manifest of the checkpoint in folder `path`.
    ///
    /// # Errors
    /// [`Error::NotACheckpoint`] if there is none, [`Error::Corrupt`] if it cannot be read or does not say
    /// which run it is of, [`Error::Mismatch`] if it is of another format, of another run or step than the
    /// folder it lies in, or its tasks are not those of its seed.
    pub fn open(path: &Path) -> Result<Self> {
        let give = |what: &str| Error::NotACheckpoint {
            path: path.into(),
            reason: format!("{what}; give a folder step-… made by hyperl-train"),
        };
        if !path.exists() {
            return Err(give("there is no such folder"));
        }
        let file = path.join(MANIFEST);
        if !file.is_file() {
            return Err(give("it holds no manifest.json"));
        }
        let bytes = disk::read(&file)?;
        let manifest = read(path, &bytes)?;
        let opened = Self { path: path.into(), manifest, hash: disk::hash(&bytes) };
        opened.check_tasks()?;
        opened.check_place()?;
        Ok(opened)
    }

    /// Checks that the tasks are those that the seed draws.
    fn check_tasks(&self) -> Result<()> {
        let Manifest { config, tasks, .. } = &self.manifest;
        let drawn = config.tasks().map_err(|error| Error::Corrupt {
            path: self.path.join(MANIFEST),
            reason: error.to_string(),
        })?;
        if drawn == *tasks {
            return Ok(());
        }
        Err(Error::Mismatch {
            what: format!("tasks of {}", self.path.display()),
            expected: format!("those that seed {} draws", config.seed()),
            found: "others".into(),
            remedy: "read it with the version of hyperl that wrote it".into(),
        })
    }

    /// Checks that a checkpoint inside a run is of that run, and of the step that its folder's name says;
    /// one that lies elsewhere may bear any name.
    fn check_place(&self) -> Result<()> {
        let run = self.path.parent().filter(|run| run.join(RUN).is_file());
        let (Some(run), Some(step)) = (run, step_of(&self.path)) else { return Ok(()) };
        let differs = |what: &str, expected: String, found: String| {
            Err(Error::Mismatch {
                what: format!("{what} of {}", self.path.display()),
                expected,
                found,
                remedy: "put each checkpoint back into the folder of its run and step".into(),
            })
        };
        if self.manifest.step != step {
            return differs("step", step.to_string(), self.manifest.step.to_string());
        }
        let difference = stored::first_difference(&stored::read(run)?, self.config());
        difference.map_or(Ok(()), |Difference { key, first, second }| {
            differs(&key, format!("{first} as in {}", run.join(RUN).display()), second)
        })
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the checkpoint says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the settings of the run.
    pub fn config(&self) -> &Config {
        &self.manifest.config
    }

    /// Returns the hash of the manifest, and so of everything in the checkpoint.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Returns the tasks on one list; none where the algorithm has no tasks.
    pub fn tasks(&self, list: TaskList) -> &[Task] {
        self.manifest.tasks.as_ref().map_or(&[], |lists| list.of(lists))
    }

    /// Returns the settings of a run of TD3 or SAC.
    ///
    /// # Errors
    /// [`Error::NotACheckpoint`] if it is of another algorithm, which says what reads it.
    pub fn off_policy(&self) -> Result<&TrainConfig> {
        let Config::OffPolicy(config) = self.config() else { return Err(self.of_another()) };
        Ok(config)
    }

    /// Returns the settings of a run of MAML.
    ///
    /// # Errors
    /// As [`Self::off_policy`].
    pub fn maml(&self) -> Result<&MamlConfig> {
        let Config::Maml(config) = self.config() else { return Err(self.of_another()) };
        Ok(config)
    }

    /// Returns the settings of a run of PEARL.
    ///
    /// # Errors
    /// As [`Self::off_policy`].
    pub fn pearl(&self) -> Result<&PearlConfig> {
        let Config::Pearl(config) = self.config() else { return Err(self.of_another()) };
        Ok(config)
    }

    fn of_another(&self) -> Error {
        let reason = readers(self.manifest.algo).into();
        Error::NotACheckpoint { path: self.path.clone(), reason }
    }

    /// Maps the weights and checks hash, names and shapes.
    ///
    /// # Errors
    /// [`Error::Corrupt`] naming what does not fit.
    pub fn weights(&self) -> Result<TensorFile> {
        let file = TensorFile::open(&self.path.join(WEIGHTS), &self.manifest.hashes.weights)?;
        file.expect(self.config().tensors()?)?;
        Ok(file)
    }
}

/// Reads the manifest of the checkpoint in folder `path`, of either version.
fn read(path: &Path, bytes: &[u8]) -> Result<Manifest> {
    let file = path.join(MANIFEST);
    let damaged = |reason: String| Error::Corrupt { path: file.clone(), reason };
    let unreadable = |e: serde_json::Error| damaged(format!("it is no readable manifest ({e})"));
    let raw: Value = serde_json::from_slice(bytes).map_err(unreadable)?;
    let (Value::Object(table), Some(format)) = (&raw, v1::format(&raw)) else {
        let reason = "its manifest.json was not written by hyperl-train".into();
        return Err(Error::NotACheckpoint { path: path.into(), reason });
    };
    if !(1..=u64::from(FORMAT)).contains(&format) {
        return Err(Error::Mismatch {
            what: format!("format of {}", path.display()),
            expected: format!("1 or {FORMAT}"),
            found: format.to_string(),
            remedy: "read it with the version of hyperl that wrote it".into(),
        });
    }
    let Some(algo) = raw["config"].get("algo").and_then(Value::as_str) else {
        let lack =
            "in its config there is no `algo`: a run says its algorithm and all other settings";
        return Err(damaged(lack.into()));
    };
    let algo: Algo = algo.parse().map_err(|e: Error| damaged(e.to_string()))?;
    if let Some(lack) = stored::lacking(algo, |key| raw["config"].get(key).is_some()) {
        return Err(damaged(format!("in its config {lack}")));
    }
    let raw = if format == 1 { v1::manifest(table.clone(), algo) } else { raw };
    let manifest: Manifest = serde_json::from_value(raw).map_err(unreadable)?;
    let Manifest { config, unit, states, imported, hashes, .. } = &manifest;
    if let Some(reason) = stored::impossible(config) {
        return Err(damaged(reason));
    }
    let off_policy = Algo::OFF_POLICY.contains(&algo);
    // Other tools do not save states that a simulator could return to.
    let visited = off_policy && imported.is_none();
    if (manifest.algo, *unit) != (algo, algo.unit())
        || [states.is_some(), hashes.states.is_some()] != [visited; 2]
        || imported.is_some() && !off_policy
    {
        return Err(damaged(format!("it does not describe a checkpoint of {algo}")));
    }
    Ok(manifest)
}
