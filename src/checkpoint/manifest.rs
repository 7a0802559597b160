//! What a checkpoint says of itself.

use serde::{Deserialize, Serialize};

use crate::algo::registry::Config;
use crate::algo::{Algo, Unit};
use crate::env::{TaskLists, mujoco_version};

/// Version of the layout on disk. Version 1 is read too (`v1.rs`); another one is refused.
pub const FORMAT: u32 = 2;

/// The manifest of one checkpoint; `C` are its settings, or JSON that is to become settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest<C = Config> {
    /// Always [`FORMAT`].
    pub hyperl_checkpoint: u32,
    /// The algorithm.
    pub algo: Algo,
    /// The run's settings: algorithm, environment, model, seed and all the rest.
    pub config: C,
    /// What `step` counts.
    pub unit: Unit,
    /// Steps or iterations made.
    pub step: u64,
    /// Updates made.
    pub updates: u64,
    /// Transitions stored, of all tasks; PEARL only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transitions: Option<u64>,
    /// The tasks of the run's seed, where there are tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<TaskLists>,
    /// The sample of visited states, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub states: Option<States>,
    /// Where it was taken over from, where another tool trained it: of `config` only the algorithm, the
    /// environment, γ, the temperature, the steps and the seed are then known; all else are our defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<Imported>,
    /// SHA-256 of the files beside it.
    pub hashes: Hashes,
    /// What wrote it.
    pub versions: Versions,
}

/// What `states.safetensors` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct States {
    /// States in the file.
    pub kept: usize,
    /// Visited states of which they are a sample.
    pub seen: u64,
}

/// Where an agent that another tool trained was taken over from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imported {
    /// The tool and its algorithm.
    pub tool: String,
    /// The files that were read.
    pub files: Vec<ImportedFile>,
    /// Whether the actor climbs the mean of both critics, as TQC's does, and not what is usual in `algo`.
    pub mean_of_critics: bool,
    /// Whether it has one critic, as DDPG's do; the second is then the first again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_critic: bool,
    /// The factor on rewards in its training, where there was one: values are in these units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward_scale: Option<f64>,
}

/// A file that an agent was read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedFile {
    /// Its name, without folders.
    pub name: String,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// SHA-256 of the files of a checkpoint, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hashes {
    /// Of `weights.safetensors`.
    pub weights: String,
    /// Of `states.safetensors`, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub states: Option<String>,
}

/// Versions of what makes the numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// This crate.
    pub hyperl: String,
    /// Libtorch.
    pub libtorch: String,
    /// `MuJoCo`.
    pub mujoco: String,
}

impl Versions {
    /// The versions of this program: of the libtorch it was built with and the `MuJoCo` it runs on.
    pub fn current() -> Self {
        Self {
            hyperl: env!("CARGO_PKG_VERSION").into(),
            libtorch: env!("HYPERL_LIBTORCH_VERSION").into(),
            mujoco: mujoco_version().into(),
        }
    }
}
