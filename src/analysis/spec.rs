//! A figure of the paper as one declarative file, `analyses/*.toml`: select, measure, draw, judge.
//!
//! A spec holds no code and no paths; unknown keys are errors.

mod find;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::algo::Algo;
use crate::checkpoint::disk;
use crate::env::EnvId;
use crate::error::{Error, Result};
use crate::gradient::Settings;
use crate::nn::critic::CriticKind;

pub use find::{Found, Missing};

/// What stands between a critic and the setting in which its runs differ.
pub const VARIANT: &str = ", ";

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Which figure of the paper, such as `Fig. 3`.
    pub figure: String,
    /// What is shown.
    pub title: String,
    /// The paper's claim, in our words.
    pub claim: String,
    /// Which runs.
    pub select: Select,
    /// What is measured.
    pub measure: Measure,
    /// How the estimator works, where there is one.
    #[serde(default)]
    pub settings: Settings,
    /// What is drawn.
    pub panels: Vec<Panel>,
    /// Pairs `[better, worse]` that the claim is about: critics, or with variants `critic, variant`.
    pub contrasts: Vec<[String; 2]>,
    /// The critic whose cosine stays above zero throughout, as the claim has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above_zero: Option<String>,
    /// The critic whose final score is the yardstick of returns.
    #[serde(default = "standard")]
    pub baseline: CriticKind,
    /// What the paper prints, to stand beside our returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper: Option<PrintedTable>,
    /// What the figure does not show, beyond what every report says.
    #[serde(default)]
    pub caveat: String,
}

/// Which runs a figure needs; the paper's, so that what is missing can be named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// The algorithm.
    pub algo: Algo,
    /// Environments.
    pub envs: Vec<EnvId>,
    /// Critics.
    pub critics: Vec<CriticKind>,
    /// Seeds.
    pub seeds: Vec<u64>,
    /// Environment steps of a run in the paper.
    pub steps: u64,
    /// Environment steps between checkpoints in the paper.
    pub checkpoint_every: u64,
    /// Measure the last checkpoint of a run and every n-th before it.
    #[serde(default = "one")]
    pub every: usize,
    /// Each critic is selected once for each of these; none means the defaults alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
}

/// Settings in which runs of the same name differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// What distinguishes it, in figures and tables.
    pub name: String,
    /// Folder of its runs below that of all runs; a critic whose defaults have these settings already
    /// stands outside.
    pub folder: PathBuf,
    /// Settings of `hyperl-train --set`, such as `"td3.critic_lr" = 3e-4`.
    pub set: BTreeMap<String, f64>,
}

/// Mean and standard deviation over the paper's seeds, as a table of it prints them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Printed(pub f64, pub f64);

/// A table of the paper: environment, critic, what is printed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrintedTable {
    /// Its name, such as `Table 4`.
    pub table: String,
    /// By environment and critic.
    pub highest: BTreeMap<String, BTreeMap<String, Printed>>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Cosine between critic and rollouts.
    GradientCosine,
    /// The same without the noise of the rollouts: the verdict is about corrected cosines.
    CorrectedCosine,
    /// Cosine between the critic's gradient and a fit to its own values.
    SelfCheck,
    /// Return of greedy episodes during training.
    EpisodeReturn,
}

/// What one panel shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// The quantity.
    pub draw: Draw,
    /// Threshold of a learnable fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tau: Option<f64>,
    /// Evaluations in a moving average; the paper uses 20 in Figs. 8 and 9.
    #[serde(default = "one")]
    pub window: usize,
    /// One panel for each environment, or all pooled in one.
    #[serde(default)]
    pub facet: Facet,
}

fn one() -> usize {
    1
}

fn standard() -> CriticKind {
    CriticKind::MlpStandard
}

/// The quantity of a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Draw {
    /// Share of states above τ, against τ.
    LearnableByThreshold,
    /// Share of states above one τ, against the step.
    LearnableByStep,
    /// Mean cosine against the step.
    MeanByStep,
    /// Mean cosine without the noise of the rollouts, against the step.
    CorrectedByStep,
    /// Mean return against the step.
    ReturnByStep,
    /// Mean return against the seconds of training.
    ReturnBySecond,
    /// Return divided by the baseline's final score, mean over environments, against the step.
    NormalisedByStep,
}

impl Draw {
    /// Returns whether returns are drawn, and not cosines.
    fn is_of_returns(self) -> bool {
        matches!(self, Self::ReturnByStep | Self::ReturnBySecond | Self::NormalisedByStep)
    }
}

/// How environments share panels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Facet {
    /// All environments in one panel.
    #[default]
    Pooled,
    /// A panel for each.
    Environment,
}

impl Spec {
    /// Reads a spec.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Config`].
    pub fn read(path: &Path) -> Result<Self> {
        let config = |reason: String| Error::Config { path: path.into(), reason };
        let spec: Self = parse(path)?;
        spec.select.algo.expect(&Algo::OFF_POLICY).map_err(|e| config(e.to_string()))?;
        for panel in &spec.panels {
            if (panel.draw == Draw::LearnableByStep) != panel.tau.is_some() {
                return Err(config("`tau` belongs to `learnable-by-step`, and only there".into()));
            }
            let returns = panel.draw.is_of_returns();
            if panel.draw == Draw::CorrectedByStep && spec.measure == Measure::SelfCheck {
                return Err(config(
                    "`corrected-by-step` needs rollouts, `self-check` has none".into(),
                ));
            }
            if returns != (spec.measure == Measure::EpisodeReturn) || panel.window == 0 {
                return Err(config(format!(
                    "panel {:?} cannot be drawn from measure {:?} with window {}",
                    panel.draw, spec.measure, panel.window
                )));
            }
        }
        let named = spec.contrasts.iter().flatten().chain(&spec.above_zero);
        if let Some(unknown) = named.into_iter().find(|name| !spec.select.knows(name)) {
            let labels = spec.select.labels().join("; ");
            let critics = CriticKind::ALL.map(CriticKind::name).join(", ");
            return Err(config(format!(
                "'{unknown}' is none of the selected series: {labels}; critics are {critics}"
            )));
        }
        if spec.above_zero.is_some() && spec.measure == Measure::EpisodeReturn {
            return Err(config("`above_zero` is about cosines, `episode-return` has none".into()));
        }
        let Select { envs, critics, seeds, .. } = &spec.select;
        let counts = [
            (envs.len(), "envs"),
            (critics.len(), "critics"),
            (seeds.len(), "seeds"),
            (spec.panels.len(), "panels"),
        ];
        if let Some((_, name)) = counts.into_iter().find(|(count, _)| *count == 0) {
            return Err(config(format!("`{name}` is empty: name at least one")));
        }
        if spec.select.every == 0 {
            return Err(config("`every` must be at least 1".into()));
        }
        // The messages name flags; in a file the same settings are keys.
        let settings = spec.settings.clone().validated();
        let settings = settings.map_err(|e| config(e.to_string().replace("--", "")))?;
        Ok(Self { settings, ..spec })
    }
}

/// Reads a file of this shape.
///
/// # Errors
/// [`Error::Io`], or [`Error::Config`] naming the line.
pub(super) fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = String::from_utf8_lossy(&disk::read(path)?).into_owned();
    toml::from_str(&text).map_err(|e| {
        let reason = e.to_string().trim().replace('\n', "; ");
        Error::Config { path: path.into(), reason }
    })
}

/// The name of a series.
fn label(critic: CriticKind, variant: Option<&Variant>) -> String {
    match variant {
        Some(variant) => format!("{critic}{VARIANT}{}", variant.name),
        None => critic.to_string(),
    }
}

impl Select {
    /// Returns each variant, or one time none.
    fn variants(&self) -> Vec<Option<&Variant>> {
        let all: Vec<_> = self.variants.iter().map(Some).collect();
        if all.is_empty() { vec![None] } else { all }
    }

    /// Returns whether a contrast may name this series: one that is selected, or a critic.
    fn knows(&self, name: &String) -> bool {
        let critic = self.variants.is_empty() && name.parse::<CriticKind>().is_ok();
        critic || self.labels().contains(name)
    }

    /// Returns the names of all series.
    pub fn labels(&self) -> Vec<String> {
        let of = |&critic: &CriticKind| self.variants().into_iter().map(move |v| label(critic, v));
        self.critics.iter().flat_map(of).collect()
    }
}
