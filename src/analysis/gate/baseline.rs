//! The frozen side of the gate: a bank of rollouts, and what the critic of its checkpoint says at its states.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::algo::Algo;
use crate::analysis::bank::{BankFile, json};
use crate::analysis::measure::cosine::Work;
use crate::analysis::measure::gradient_cosine::Networks;
use crate::analysis::measure::policy_cosine::{make, smoothing};
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::{Checkpoint, disk};
use crate::env::EnvId;
use crate::error::{Error, Result};
use crate::gradient::Settings;
use crate::gradient::score::{Said, ask};

/// Key of what is said of the critic, in the metadata of the bank's file.
const KEY: &str = "hyperl_baseline";

/// Version of it; another number is refused.
const FORMAT: u32 = 4;

/// A bank with a critic.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// The rollouts.
    pub file: BankFile,
    /// The critic.
    pub critic: Critic,
}

/// The critic that later ones are compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Critic {
    /// Version of this record.
    pub format: u32,
    /// Environment.
    pub env: EnvId,
    /// Algorithm: it says which value its critics estimate.
    pub algo: Algo,
    /// Critic.
    pub model: String,
    /// What made it.
    pub versions: Versions,
    /// What it says at each state of the bank.
    pub said: Vec<Said>,
    /// SHA-256 of everything else in the file.
    pub seal: String,
}

impl Baseline {
    /// Makes the bank of a checkpoint's policy and asks its critic.
    pub(crate) fn make(checkpoint: &Checkpoint, settings: &Settings, work: Work) -> Result<Self> {
        let config = checkpoint.off_policy()?;
        let file = make(checkpoint, settings, work)?;
        let networks = Networks::for_critic(checkpoint)?;
        let said = ask(&file.bank, 0, &*networks.critic, &smoothing(file.about.plan.seed))?;
        let critic = Critic {
            format: FORMAT,
            env: config.env,
            algo: config.algo,
            model: config.critic.name().into(),
            versions: Versions::current(),
            said,
            seal: String::new(),
        };
        Self { file, critic }.sealed()
    }

    /// Returns this with the seal of what it holds.
    ///
    /// # Errors
    /// [`Error::Table`] if it cannot be written.
    pub fn sealed(mut self) -> Result<Self> {
        self.critic.seal = self.seal()?;
        Ok(self)
    }

    fn seal(&self) -> Result<String> {
        let unsealed = Critic { seal: String::new(), ..self.critic.clone() };
        Ok(disk::hash((self.file.digest()? + &json(&unsealed)?).as_bytes()))
    }

    /// Reads a baseline, strictly.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Config`] if it is no baseline, of another version, or damaged.
    pub fn read(path: &Path) -> Result<Self> {
        let refuse = |reason: String| Error::Config { path: path.into(), reason };
        let no_baseline = |why: String| {
            refuse(format!(
                "this is no baseline of hyperl: {why}; make one with hyperl-analyze baseline"
            ))
        };
        let (file, critic) =
            BankFile::with_further(disk::read(path)?, KEY).map_err(|e| match e {
                Error::Table(why) => no_baseline(why),
                other => other,
            })?;
        let critic = critic.ok_or_else(|| no_baseline("it is a bank without a critic".into()))?;
        let Version { format } =
            serde_json::from_str(&critic).map_err(|e| no_baseline(e.to_string()))?;
        if format != FORMAT {
            return Err(refuse(format!(
                "expected a baseline of version {FORMAT}, got {format}; make it again"
            )));
        }
        let critic = serde_json::from_str(&critic).map_err(|e| no_baseline(e.to_string()))?;
        let read = Self { file, critic };
        if read.critic.seal != read.seal()? || read.critic.said.len() != read.file.bank.states.len()
        {
            return Err(refuse(
                "its contents do not match its hash; copy it again or make a new one".into(),
            ));
        }
        Ok(read)
    }

    /// Writes the baseline.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Table`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let critic = vec![(KEY.to_owned(), json(&self.critic)?)];
        disk::write(path, &self.file.with_metadata(critic)?)
    }
}

/// The one field that every version has.
#[derive(Deserialize)]
struct Version {
    format: u32,
}
