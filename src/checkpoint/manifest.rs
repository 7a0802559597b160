//! What a checkpoint says of itself.

use serde::{Deserialize, Serialize};

use crate::algo::config::TrainConfig;
use crate::env::mujoco_version;

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
    /// The versions of this program: of the libtorch it was built with and the `MuJoCo` it runs on.
    pub fn current() -> Self {
        Self {
            hyperl: env!("CARGO_PKG_VERSION").into(),
            libtorch: env!("HYPERL_LIBTORCH_VERSION").into(),
            mujoco: mujoco_version().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_libraries() {
        let Versions { libtorch, mujoco, .. } = Versions::current();
        // What the bindings of this crate were made for.
        assert!(libtorch.starts_with("2.13."), "{libtorch}");
        assert!(mujoco.starts_with("3.17."), "{mujoco}");
    }
}
