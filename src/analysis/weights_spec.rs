//! A table of weight distances as one declarative file; the other kind of spec beside [`Spec`].

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::measure::weights::WeightSettings;
use super::spec::Spec;
use crate::checkpoint::disk;
use crate::env::EnvId;
use crate::error::{Error, Result};

/// Networks that are drawn and compared, without any training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightsSpec {
    /// Which table and figure of the paper.
    pub figure: String,
    /// What is shown.
    pub title: String,
    /// The paper's claim, in our words.
    pub claim: String,
    /// Always `weights`: what tells this kind of spec from the other.
    pub measure: Marker,
    /// Environments.
    pub envs: Vec<EnvId>,
    /// Networks that are drawn for each environment and initialisation.
    pub seeds: u64,
    /// What the paper leaves open; the report shows the other readings too.
    #[serde(default)]
    pub settings: WeightSettings,
}

/// The one measure of a [`WeightsSpec`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Marker {
    /// Distances of weight distributions.
    Weights,
}

/// A spec of either kind.
#[derive(Debug, Clone, PartialEq)]
pub enum AnySpec {
    /// Of trained runs.
    Runs(Box<Spec>),
    /// Of networks that are only drawn.
    Weights(WeightsSpec),
}

impl AnySpec {
    /// Reads a spec; its `measure` says which kind it is.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Config`].
    pub fn read(path: &Path) -> Result<Self> {
        let config = |reason: String| Error::Config { path: path.into(), reason };
        let text = String::from_utf8_lossy(&disk::read(path)?).into_owned();
        let measure = toml::from_str::<toml::Table>(&text)
            .ok()
            .and_then(|table| Some(table.get("measure")?.as_str()? == "weights"));
        if measure != Some(true) {
            return Ok(Self::Runs(Box::new(Spec::read(path)?)));
        }
        let spec: WeightsSpec =
            toml::from_str(&text).map_err(|e| config(e.to_string().trim().replace('\n', "; ")))?;
        if spec.seeds == 0 || spec.envs.is_empty() {
            return Err(config(
                "`weights` needs at least one environment and `seeds` of 1 or more".into(),
            ));
        }
        // The messages name flags; in a file the same settings are keys.
        spec.settings.validated().map_err(|e| config(e.to_string().replace("--", "")))?;
        Ok(Self::Weights(spec))
    }

    /// Returns the paper's claim.
    pub fn claim(&self) -> &str {
        match self {
            Self::Runs(spec) => &spec.claim,
            Self::Weights(spec) => &spec.claim,
        }
    }
}
