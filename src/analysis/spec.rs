//! A figure of the paper as one declarative file, `analyses/*.toml`: select, measure, draw, judge.
//!
//! A spec holds no code and no paths; unknown keys are errors.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::algo::config::{Algo, TrainConfig};
use crate::checkpoint::{Checkpoint, disk, run};
use crate::env::EnvId;
use crate::error::{Error, Result};
use crate::gradient::Settings;
use crate::nn::critic::CriticKind;

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
    /// Pairs `[better, worse]` that the claim is about.
    pub contrasts: Vec<[CriticKind; 2]>,
    /// The critic whose cosine stays above zero throughout, as the claim has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above_zero: Option<CriticKind>,
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

/// What to do about runs that nobody has trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Stop with an error that says how to make the first one.
    Fail,
    /// Go on, and list them in the report.
    Report,
}

/// The runs of a spec that are there, and the commands that make the others.
#[derive(Debug, Default)]
pub struct Found {
    /// Folders of runs with at least one checkpoint.
    pub runs: Vec<PathBuf>,
    /// `hyperl-train` commands.
    pub missing: Vec<String>,
}

impl Spec {
    /// Reads a spec.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Config`].
    pub fn read(path: &Path) -> Result<Self> {
        let config = |reason: String| Error::Config { path: path.into(), reason };
        let text = String::from_utf8_lossy(&disk::read(path)?).into_owned();
        let spec: Self =
            toml::from_str(&text).map_err(|e| config(e.to_string().trim().replace('\n', "; ")))?;
        for panel in &spec.panels {
            if (panel.draw == Draw::LearnableByStep) != panel.tau.is_some() {
                return Err(config("`tau` belongs to `learnable-by-step`, and only there".into()));
            }
            let returns = panel.draw == Draw::ReturnByStep;
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
        if spec.above_zero.is_some() && spec.measure == Measure::EpisodeReturn {
            return Err(config("`above_zero` is about cosines, `episode-return` has none".into()));
        }
        if spec.select.every == 0 {
            return Err(config("`every` must be at least 1".into()));
        }
        // The messages name flags; in a file the same settings are keys.
        let settings = spec.settings.clone().validated();
        let settings = settings.map_err(|e| config(e.to_string().replace("--", "")))?;
        Ok(Self { settings, ..spec })
    }

    /// Finds the runs of the spec below a folder.
    ///
    /// # Errors
    /// [`Error::MissingCheckpoint`] with the command that makes it, if [`Missing::Fail`] is asked;
    /// [`Error::Mismatch`] if a folder holds another run than its name says.
    pub fn find(&self, checkpoints: &Path, missing: Missing) -> Result<Found> {
        let mut found = Found::default();
        let Select { algo, envs, critics, seeds, steps, checkpoint_every, .. } = &self.select;
        for &env in envs {
            for &critic in critics {
                for &seed in seeds {
                    let config =
                        TrainConfig { algo: *algo, env, critic, seed, ..TrainConfig::default() };
                    let folder = checkpoints.join(config.run_name());
                    if !run::checkpoints(&folder)?.is_empty() {
                        check_run(&folder, &run::read_config(&folder.join(run::RUN))?)?;
                        found.runs.push(folder);
                        continue;
                    }
                    let command = format!(
                        "hyperl-train {} --env {env} --critic {critic} --seed {seed} --steps {steps} \
                         --checkpoint-every {checkpoint_every} --out {}",
                        algo.name(),
                        checkpoints.display()
                    );
                    if missing == Missing::Fail {
                        let what = format!("{} ({})", config.run_name(), self.figure);
                        return Err(Error::MissingCheckpoint { what, command });
                    }
                    found.missing.push(command);
                }
            }
        }
        Ok(found)
    }
}

impl Found {
    /// Opens the checkpoints of the runs, in order of run and step: the last of each run and `every`
    /// n-th before it.
    ///
    /// # Errors
    /// Those of opening; [`Error::Mismatch`] if a checkpoint is of another run than its folder.
    pub fn checkpoints(&self, every: usize) -> Result<Vec<Checkpoint>> {
        let mut all = Vec::new();
        for folder in &self.runs {
            let paths = run::checkpoints(folder)?;
            let count = paths.len();
            for (_, path) in paths.iter().enumerate().filter(|(i, _)| (count - 1 - i) % every == 0)
            {
                let checkpoint = Checkpoint::open(path)?;
                check_run(folder, &checkpoint.manifest().config)?;
                all.push(checkpoint);
            }
        }
        Ok(all)
    }
}

/// Checks that algorithm, environment, critic and seed are those that the name of a folder says: a
/// copy under another name would pass for another run.
fn check_run(folder: &Path, config: &TrainConfig) -> Result<()> {
    let found = config.run_name();
    let named = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    if named.as_ref() == Some(&found) {
        return Ok(());
    }
    Err(Error::Mismatch {
        what: format!("the run in {}", folder.display()),
        expected: named.unwrap_or_default(),
        found,
        remedy: "name the folder after its run, or give another --checkpoints".into(),
    })
}
