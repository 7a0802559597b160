//! A spec of any kind: its `measure` says which.

use std::path::Path;

use super::hyper_parameters::HyperParameterSpec;
use super::meta_spec::{MetaMeasure, MetaSpec};
use super::spec::Spec;
use super::weights_spec::WeightsSpec;
use crate::checkpoint::disk;
use crate::error::Result;

/// A spec of any kind.
#[derive(Debug, Clone, PartialEq)]
pub enum AnySpec {
    /// Of trained critics.
    Runs(Box<Spec>),
    /// Of networks that are only drawn.
    Weights(WeightsSpec),
    /// Of meta-learning runs.
    Meta(Box<MetaSpec>),
    /// Of settings, which need no run.
    HyperParameters(HyperParameterSpec),
}

impl AnySpec {
    /// Reads a spec.
    ///
    /// # Errors
    /// [`crate::Error::Io`] or [`crate::Error::Config`].
    pub fn read(path: &Path) -> Result<Self> {
        let text = String::from_utf8_lossy(&disk::read(path)?).into_owned();
        // What cannot be read here is refused below, with its reason.
        let table = toml::from_str::<toml::Table>(&text).unwrap_or_default();
        let measure = table.get("measure").and_then(toml::Value::as_str).unwrap_or_default();
        Ok(match measure {
            "weights" => Self::Weights(WeightsSpec::read(path)?),
            "hyper-parameters" => Self::HyperParameters(HyperParameterSpec::read(path)?),
            name if MetaMeasure::ALL.iter().any(|measure| measure.name() == name) => {
                Self::Meta(Box::new(MetaSpec::read(path)?))
            }
            _ => Self::Runs(Box::new(Spec::read(path)?)),
        })
    }

    /// Returns the paper's claim; a table of settings makes none.
    pub fn claim(&self) -> &str {
        match self {
            Self::Runs(spec) => &spec.claim,
            Self::Weights(spec) => &spec.claim,
            Self::Meta(spec) => &spec.claim,
            Self::HyperParameters(_) => "",
        }
    }
}
