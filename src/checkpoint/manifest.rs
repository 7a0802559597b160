//! What a checkpoint says of itself.

use serde::{Deserialize, Serialize};

use crate::algo::config::TrainConfig;

/// Version of the layout on disk; another number is refused.
pub const FORMAT: u32 = 1;

/// The manifest of one checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always [`FORMAT`].
    pub hyperl_checkpoint: u32,
    /// The run's configuration: algorithm, environment, critic, seed and all the rest.
    pub config: TrainConfig,
    /// Environment steps made.
    pub step: u64,
    /// Updates made.
    pub updates: u64,
    /// Visited states in `states.safetensors`.
    pub states: usize,
    /// States of which they are a sample.
    pub states_seen: u64,
    /// SHA-256 of the files beside it.
    pub hashes: Hashes,
    /// What wrote it.
    pub versions: Versions,
}

/// SHA-256 of the files of a checkpoint, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hashes {
    /// Of `weights.safetensors`.
    pub weights: String,
    /// Of `states.safetensors`.
    pub states: String,
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
    /// The versions of this program.
    pub fn current() -> Self {
        Self {
            hyperl: env!("CARGO_PKG_VERSION").into(),
            libtorch: "2.13.0".into(),
            mujoco: "3.17.0".into(),
        }
    }
}
