//! A table of weight distances as one declarative file; another kind of spec beside [`Spec`](super::spec::Spec).

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::measure::weights::WeightSettings;
use super::spec::parse;
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

impl WeightsSpec {
    /// Reads a spec.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Config`].
    pub fn read(path: &Path) -> Result<Self> {
        let config = |reason: String| Error::Config { path: path.into(), reason };
        let spec: Self = parse(path)?;
        if spec.seeds == 0 || spec.envs.is_empty() {
            return Err(config(
                "`weights` needs at least one environment and `seeds` of 1 or more".into(),
            ));
        }
        // The messages name flags; in a file the same settings are keys.
        spec.settings.validated().map_err(|e| config(e.to_string().replace("--", "")))?;
        Ok(spec)
    }
}
