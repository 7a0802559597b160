//! Reads manifests: which kinds of checkpoints there are, and who reads which.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::disk;
use super::manifest::FORMAT;
use super::run::{RUN, step_of};
use super::save::MANIFEST;
use super::stored::{self, Apart, Stored};
use crate::env::{Family, TaskLists};
use crate::error::{Error, Result};

/// The kinds of checkpoints, by the key in their manifest that holds the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of TD3 and SAC.
    Critic,
    /// Of MAML.
    Maml,
    /// Of PEARL.
    Pearl,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Critic, Self::Maml, Self::Pearl];

    /// The kind whose key a manifest has.
    fn of(manifest: &serde_json::Value) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| manifest.get(kind.key()).is_some())
    }

    fn key(self) -> &'static str {
        match self {
            Self::Critic => "hyperl_checkpoint",
            Self::Maml => "hyperl_meta_checkpoint",
            Self::Pearl => "hyperl_pearl_checkpoint",
        }
    }

    /// The command that makes it.
    fn maker(self) -> &'static str {
        match self {
            Self::Critic => "hyperl-train",
            Self::Maml => "hyperl-train maml",
            Self::Pearl => "hyperl-train pearl",
        }
    }

    /// What to say where another kind is asked for.
    fn instead(self) -> &'static str {
        match self {
            Self::Critic => {
                "it is of a TD3 or SAC run, which has no tasks; cosine, returns and others read those"
            }
            Self::Maml => {
                "it is of a MAML run, which has no critic; inspect, maml-noise, maml-adaptation and \
                 meta-returns read those"
            }
            Self::Pearl => {
                "it is of a PEARL run, whose critic knows its task by a latent; cosine, self-check, \
                 learnable and inspect read those"
            }
        }
    }
}

/// Returns the kind of the checkpoint in folder `path`; none if it is not readable as one, which reading it
/// as any kind explains.
pub fn kind(path: &Path) -> Option<Kind> {
    let manifest = disk::read(&path.join(MANIFEST)).ok()?;
    let raw: serde_json::Value = serde_json::from_slice(&manifest).ok()?;
    Kind::of(&raw)
}

/// What a manifest says, of whichever kind.
pub trait Describes: DeserializeOwned {
    /// The settings of the run.
    type Config: Stored;

    /// The kind of checkpoint.
    const KIND: Kind;

    /// Returns the settings of the run.
    fn config(&self) -> &Self::Config;

    /// Returns the steps or iterations made.
    fn moment(&self) -> u64;
}

/// A checkpoint whose manifest was read.
#[derive(Debug, Clone)]
pub struct Opened<M> {
    path: PathBuf,
    manifest: M,
    hash: String,
}

impl<M: Describes> Opened<M> {
    /// Reads and checks the manifest of the checkpoint in folder `path`, which must be of this kind.
    ///
    /// # Errors
    /// [`Error::NotACheckpoint`] if there is none or it is of another kind, [`Error::Corrupt`] if it cannot
    /// be read or does not say which run it is of, [`Error::Mismatch`] if it is of another format, or of
    /// another run or step than the folder it lies in.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let kind = M::KIND;
        let not = |reason: &str| Error::NotACheckpoint { path: path.into(), reason: reason.into() };
        let give =
            |what: &str| not(&format!("{what}; give a folder step-… made by {}", kind.maker()));
        if !path.exists() {
            return Err(give("there is no such folder"));
        }
        let file = path.join(MANIFEST);
        if !file.is_file() {
            return Err(give("it holds no manifest.json"));
        }
        let bytes = disk::read(&file)?;
        let corrupt = |e: serde_json::Error| Error::Corrupt {
            path: file.clone(),
            reason: format!("it is no readable manifest ({e})"),
        };
        let raw: serde_json::Value = serde_json::from_slice(&bytes).map_err(corrupt)?;
        let Some(format) = raw.get(kind.key()).and_then(serde_json::Value::as_u64) else {
            return Err(not(match Kind::of(&raw) {
                Some(other) if other != kind => other.instead(),
                _ => "its manifest.json was not written by hyperl-train",
            }));
        };
        if format != u64::from(FORMAT) {
            return Err(Error::Mismatch {
                what: format!("format of {}", path.display()),
                expected: FORMAT.to_string(),
                found: format.to_string(),
                remedy: "read it with the version of hyperl that wrote it".into(),
            });
        }
        let lack = stored::lacking::<M::Config>(|key| raw["config"].get(key).is_some());
        let damaged = |reason| Error::Corrupt { path: file.clone(), reason };
        lack.map_or(Ok(()), |lack| Err(damaged(format!("in its config {lack}"))))?;
        let manifest: M = serde_json::from_value(raw).map_err(corrupt)?;
        let impossible = stored::impossible(manifest.config());
        impossible.map_or(Ok(()), |reason| Err(damaged(reason)))?;
        let opened = Self { path: path.into(), manifest, hash: disk::hash(&bytes) };
        opened.check_place()?;
        Ok(opened)
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
        let moment = self.manifest.moment();
        if moment != step {
            return differs("step", step.to_string(), moment.to_string());
        }
        let config: M::Config = stored::read(run)?;
        let apart = stored::apart(&config, self.manifest.config(), M::Config::LENGTH);
        apart.map_or(Ok(()), |Apart { key, first, second }| {
            differs(&key, format!("{first} as in {}", run.join(RUN).display()), second)
        })
    }
}

impl<M> Opened<M> {
    /// Returns the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the checkpoint says of itself.
    pub fn manifest(&self) -> &M {
        &self.manifest
    }

    /// Returns the hash of the manifest, and so of everything in the checkpoint.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Checks that the tasks are those that the seed draws, so many of training and of the test.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if they are not.
    pub(super) fn check_tasks(
        &self,
        tasks: &TaskLists,
        [train, test]: [usize; 2],
        (family, seed): (Family, u64),
    ) -> Result<()> {
        if *tasks == family.tasks(seed, train, test)? {
            return Ok(());
        }
        Err(Error::Mismatch {
            what: format!("tasks of {}", self.path.display()),
            expected: format!("those that seed {seed} draws"),
            found: "others".into(),
            remedy: "read it with the version of hyperl that wrote it".into(),
        })
    }

    /// Checks that no weights of `part` are NaN or infinite, where `bad` of them are.
    ///
    /// # Errors
    /// [`Error::NonFinite`].
    pub(super) fn check_finite(&self, bad: i64, part: &str) -> Result<()> {
        if bad == 0 {
            return Ok(());
        }
        Err(Error::NonFinite(format!(
            "{}: {bad} weights of {part} are NaN or infinite; training diverged, use an earlier checkpoint",
            self.path.display()
        )))
    }
}
