//! Which runs a spec is about: algorithm, environments, models, seeds, and variants of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::algo::config::TrainConfig;
use crate::algo::frozen::Frozen;
use crate::algo::maml::config::MamlConfig;
use crate::algo::pearl::config::PearlConfig;
use crate::algo::registry::Config;
use crate::algo::{Algo, Learning};
use crate::analysis::series::{label, of_returns, pearl_name};
use crate::env::TaskList;
use crate::error::{Error, Result};
use crate::nn::critic::CriticKind;
use crate::nn::pearl::PearlModel;

/// Which runs a figure needs; the paper's, so that what is missing can be named.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The algorithm.
    pub algo: Algo,
    /// The actor that stays as it is, where only critics are trained, as `hyperl-train critic --dry-run` prints it;
    /// where `weights` is empty any run of that name will do.
    #[serde(default)]
    pub actor: Option<Frozen>,
    /// Environments, or families of tasks.
    #[serde(default)]
    pub envs: Vec<String>,
    /// Critics; MAML's models, such as `hyper-multi-task`; `pearl` or `hyper-pearl`.
    #[serde(default)]
    pub models: Vec<String>,
    /// Seeds.
    #[serde(default)]
    pub seeds: Vec<u64>,
    /// Environment steps, or iterations, of a run in the paper.
    #[serde(default)]
    pub length: u64,
    /// Steps between checkpoints in the paper.
    #[serde(default)]
    pub checkpoint_every: Option<u64>,
    /// Measure the last checkpoint of a run and every n-th before it.
    #[serde(default = "one")]
    pub every: usize,
    /// Measure the checkpoints of these steps or iterations alone.
    #[serde(default)]
    pub at: Vec<u64>,
    /// The tasks of returns; PEARL's may be of both lists.
    #[serde(default)]
    pub tasks: Option<TaskList>,
    /// Each model is selected once for each of these; none means the defaults alone.
    #[serde(default)]
    pub variants: Vec<Variant>,
}

/// Settings in which runs of the same name differ.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// What distinguishes it, in figures and tables; nothing where it is the only one.
    #[serde(default)]
    pub name: String,
    /// Folder of its runs below that of all runs; a model whose defaults have these settings already
    /// stands outside.
    pub folder: PathBuf,
    /// Models that it is for; all, if there are none.
    #[serde(default)]
    pub models: Vec<String>,
    /// Settings of `hyperl-train --set`, such as `"td3.critic_lr" = 3e-4`.
    pub set: BTreeMap<String, toml::Value>,
}

pub(super) fn one() -> usize {
    1
}

impl Selection {
    /// Returns the settings of a run by default.
    ///
    /// # Errors
    /// [`Error::UnknownName`] or [`Error::Usage`] for an environment or a model that the algorithm does
    /// not have.
    pub(super) fn config(&self, env: &str, model: &str, seed: u64) -> Result<Config> {
        let unknown = |known: &str| {
            Error::Usage(format!("'{model}' is no model of {}: give {known}", self.algo))
        };
        Ok(match self.algo.learning() {
            Learning::OffPolicy => Config::OffPolicy(TrainConfig {
                critic: model.parse()?,
                seed,
                frozen: self.actor.clone(),
                ..TrainConfig::of(self.algo, env.parse()?)
            }),
            Learning::Maml => {
                let known = "vanilla, context or hyper, each with or without -multi-task";
                let (policy, multi_task) =
                    MamlConfig::of_model(model).ok_or_else(|| unknown(known))?;
                let env = env.parse()?;
                Config::Maml(MamlConfig { env, policy, multi_task, seed, ..MamlConfig::default() })
            }
            Learning::Pearl => {
                let named = |kind: &PearlModel| pearl_name(*kind) == model;
                let known = PearlModel::ALL.into_iter().find(named);
                let model = known.ok_or_else(|| unknown("pearl or hyper-pearl"))?;
                let env = env.parse()?;
                Config::Pearl(PearlConfig { env, model, seed, ..PearlConfig::default() })
            }
        })
    }

    /// Checks that variants are for models that are selected.
    pub(super) fn check_variants(&self) -> Result<()> {
        for Variant { name, models, .. } in &self.variants {
            if let Some(model) = models.iter().find(|model| !self.models.contains(model)) {
                let known = self.models.join(", ");
                return Err(Error::Usage(format!(
                    "the variant '{name}' is for {model}, which is not selected; choose from {known}"
                )));
            }
        }
        Ok(())
    }

    /// Returns the variants of a model.
    pub(super) fn variants(&self, model: &str) -> Vec<Option<&Variant>> {
        if self.variants.is_empty() {
            return vec![None];
        }
        let is_for = |variant: &&Variant| {
            variant.models.is_empty() || variant.models.iter().any(|name| name == model)
        };
        self.variants.iter().filter(is_for).map(Some).collect()
    }

    /// Returns the names of all series: those of runs, or of their curves of returns.
    pub(super) fn labels(&self, of_curves: bool) -> Vec<String> {
        let curves = if of_curves { of_returns(self.algo) } else { vec![String::new()] };
        let mut labels = Vec::new();
        for model in &self.models {
            for variant in self.variants(model) {
                let run = label(model, variant.map_or("", |variant| &variant.name));
                labels.extend(curves.iter().map(|curve| label(&run, curve)));
            }
        }
        labels
    }

    /// Checks that a contrast may name this series: one that is selected, or a critic.
    pub(super) fn check_label(&self, name: &str, of_curves: bool) -> Result<()> {
        let labels = self.labels(of_curves);
        let critics = Algo::OFF_POLICY.contains(&self.algo);
        let critic = critics && self.variants.is_empty() && name.parse::<CriticKind>().is_ok();
        if critic || labels.iter().any(|label| label == name) {
            return Ok(());
        }
        let mut known = labels.join("; ");
        if critics {
            known += "; critics are ";
            known += &CriticKind::ALL.map(CriticKind::name).join(", ");
        }
        Err(Error::Usage(format!("'{name}' is none of the selected series: {known}")))
    }
}
