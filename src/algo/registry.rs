//! The algorithms by name: the one place that tells all of them apart.

use std::ops::Deref;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tch::Device;

use super::config::TrainConfig;
use super::maml::Maml;
use super::maml::config::MamlConfig;
use super::off_policy::OffPolicy;
use super::pearl::Pearl;
use super::pearl::config::PearlConfig;
use super::run_config::RunConfig;
use super::trainer::Trainer;
use super::{Algo, Learning, agent, maml, pearl};
use crate::error::Result;

/// The settings of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Config {
    /// Of an off-policy algorithm.
    OffPolicy(TrainConfig),
    /// Of MAML.
    Maml(MamlConfig),
    /// Of PEARL.
    Pearl(PearlConfig),
}

impl Deref for Config {
    type Target = dyn RunConfig;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::OffPolicy(config) => config,
            Self::Maml(config) => config,
            Self::Pearl(config) => config,
        }
    }
}

impl Config {
    /// Reads the settings of a run of `algo`.
    pub(crate) fn read<'de, D: Deserializer<'de>>(
        algo: Algo,
        text: D,
    ) -> std::result::Result<Self, D::Error> {
        Ok(match algo.learning() {
            Learning::OffPolicy => Self::OffPolicy(TrainConfig::deserialize(text)?),
            Learning::Maml => Self::Maml(MamlConfig::deserialize(text)?),
            Learning::Pearl => Self::Pearl(PearlConfig::deserialize(text)?),
        })
    }

    /// Lays settings over those of `base`, or over the defaults of an algorithm.
    pub(crate) fn over(
        base: Option<&TrainConfig>,
        algo: Algo,
        table: &toml::Table,
    ) -> std::result::Result<Self, toml::de::Error> {
        // Also names a key that does not exist as it was given.
        let given = Self::read(algo, table.clone())?;
        let Self::OffPolicy(given) = given else { return Ok(given) };
        // Those of off-policy algorithms depend on the environment.
        let base = base.cloned().unwrap_or_else(|| TrainConfig::of(algo, given.env));
        let base =
            toml::Table::try_from(base).map_err(|e| toml::de::Error::custom(e.to_string()))?;
        Self::read(algo, overlaid(base, table))
    }

    /// Returns the settings with every value that depends on another one filled in.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for a value outside its range, naming it.
    pub fn resolved(self) -> Result<Self> {
        Ok(match self {
            Self::OffPolicy(config) => Self::OffPolicy(config.resolved()?),
            Self::Maml(config) => Self::Maml(config.resolved()?),
            Self::Pearl(config) => Self::Pearl(config.resolved()?),
        })
    }

    /// Returns the settings that a run of the same environment, model and seed has by default.
    pub(crate) fn defaults(&self) -> Result<Self> {
        let own = match self {
            Self::OffPolicy(config) => {
                let TrainConfig { algo, env, critic, seed, .. } = *config;
                Self::OffPolicy(TrainConfig { critic, seed, ..TrainConfig::of(algo, env) })
            }
            Self::Maml(config) => {
                let MamlConfig { env, policy, multi_task, seed, .. } = *config;
                Self::Maml(MamlConfig { env, policy, multi_task, seed, ..MamlConfig::default() })
            }
            Self::Pearl(config) => {
                let PearlConfig { env, model, seed, .. } = *config;
                Self::Pearl(PearlConfig { env, model, seed, ..PearlConfig::default() })
            }
        };
        own.resolved()
    }

    #[must_use]
    pub(crate) fn with_seed(mut self, seed: u64) -> Self {
        match &mut self {
            Self::OffPolicy(config) => config.seed = seed,
            Self::Maml(config) => config.seed = seed,
            Self::Pearl(config) => config.seed = seed,
        }
        self
    }

    #[must_use]
    pub(crate) fn with_length(mut self, length: u64) -> Self {
        match &mut self {
            Self::OffPolicy(config) => config.steps = length,
            Self::Maml(config) => config.iterations = length,
            Self::Pearl(config) => config.iterations = length,
        }
        self
    }

    /// Returns name and shape of every tensor of a checkpoint.
    pub(crate) fn tensors(&self) -> Result<Vec<(String, Vec<i64>)>> {
        match self {
            Self::OffPolicy(config) => agent::tensors(config),
            Self::Maml(config) => maml::run::tensors(config),
            Self::Pearl(config) => pearl::agent::tensors(config),
        }
    }

    /// Starts the run.
    ///
    /// # Errors
    /// Those of environments, tasks and networks.
    pub fn start(
        &self,
        device: Device,
        workers: Arc<rayon::ThreadPool>,
    ) -> Result<Box<dyn Trainer>> {
        Ok(match self.clone() {
            Self::OffPolicy(config) => Box::new(OffPolicy::new(config, device, workers)?),
            Self::Maml(config) => Box::new(Maml::new(config, workers)?),
            Self::Pearl(config) => Box::new(Pearl::new(config, workers)?),
        })
    }
}

/// Lays a table over another one, and the tables in it over those of the same name.
fn overlaid(mut base: toml::Table, over: &toml::Table) -> toml::Table {
    for (key, value) in over {
        let value = match (base.remove(key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => {
                toml::Value::Table(overlaid(below, above))
            }
            (_, value) => value.clone(),
        };
        base.insert(key.clone(), value);
    }
    base
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let settings = Value::deserialize(deserializer)?;
        let algo = settings.get("algo").and_then(Value::as_str).unwrap_or_default();
        let algo: Algo = algo.parse().map_err(D::Error::custom)?;
        Self::read(algo, settings).map_err(D::Error::custom)
    }
}

/// Returns the keys that say which run it is; every version has written them.
pub fn identity(algo: Algo) -> [&'static str; 5] {
    let model = match algo.learning() {
        Learning::OffPolicy => "critic",
        Learning::Maml => "policy",
        Learning::Pearl => "model",
    };
    ["algo", "env", model, "seed", algo.unit().name()]
}

/// Says of a checkpoint of an algorithm what it lacks, and what reads it.
pub fn readers(algo: Algo) -> &'static str {
    match algo.learning() {
        Learning::OffPolicy => {
            "it is of a run in one task, such as of TD3 or SAC; cosine, returns and others read those"
        }
        Learning::Maml => {
            "it is of a MAML run, which has no critic; inspect, maml-noise, maml-adaptation and \
             returns read those"
        }
        Learning::Pearl => {
            "it is of a PEARL run, whose critic knows its task by a latent; cosine, self-check, \
             learnable, returns and inspect read those"
        }
    }
}
