//! A figure or table of the paper as one declarative file, `analyses/*.toml`: select, measure, draw, judge.
//!
//! A spec holds no code and no paths; unknown keys are errors.

use std::fmt;
use std::path::Path;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};

use super::former;
use super::selection::{Selection, one};
use crate::algo::Algo;
use crate::analysis::measure::cosine::Against;
use crate::analysis::measure::maml_adaptation::AdaptationSettings;
use crate::analysis::measure::maml_noise::NoiseSettings;
use crate::analysis::measure::weights::WeightSettings;
use crate::analysis::printed;
use crate::checkpoint::disk;
use crate::error::{Error, Result};
use crate::gradient::{self, Mode};
use crate::names::named;

/// One figure or table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Which figure or table of the paper, such as `Fig. 3`.
    pub figure: String,
    /// What is shown.
    pub title: String,
    /// The paper's claim, in our words; a table of hyper-parameters makes none.
    #[serde(default)]
    pub claim: String,
    /// What the figure does not show, beyond what every report says.
    #[serde(default)]
    pub caveat: String,
    /// What is measured.
    pub measure: Measure,
    /// Which runs.
    pub select: Selection,
    /// How it is measured, where that can be set.
    #[serde(default)]
    settings: toml::Table,
    /// What is drawn of cosines and returns.
    #[serde(default)]
    pub panels: Vec<Panel>,
    /// Pairs `[better, worse]` of series that the claim is about: a model, `model, variant`, or of
    /// returns such as `hyper, before adaptation` or `hyper-pearl, test tasks`.
    #[serde(default, deserialize_with = "pairs")]
    pub contrasts: Vec<[String; 2]>,
    /// The series whose cosine stays above zero throughout, according to the claim.
    #[serde(default)]
    pub above_zero: Option<String>,
    /// The series whose final score is the yardstick of returns.
    #[serde(default = "standard")]
    pub baseline: String,
    /// The table of the paper that stands beside our scores.
    #[serde(default)]
    pub paper: Option<String>,
}

named!("measure",
    /// What is measured.
    Measure {
        /// Cosine between critic and rollouts.
        GradientCosine = "gradient-cosine",
        /// The same without the noise of the rollouts: the verdict is about corrected cosines.
        CorrectedCosine = "corrected-cosine",
        /// Cosine between the critic's gradient and a fit to its own values.
        SelfCheck = "self-check",
        /// Returns during training.
        Returns = "returns",
        /// How much independent updates of MAML differ.
        MamlNoise = "maml-noise",
        /// What an adaptation step of MAML does.
        MamlAdaptation = "maml-adaptation",
        /// How much worse PEARL does in tasks that it was not trained on.
        TaskGap = "task-gap",
        /// Distances of the weights of networks that are only drawn.
        Weights = "weights",
        /// Defaults beside the paper's values.
        HyperParameters = "hyper-parameters",
    }
);

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

fn standard() -> String {
    "mlp-standard".into()
}

named!("quantity",
    /// The quantity of a panel.
    Draw {
        /// Share of states above τ, against τ.
        LearnableByThreshold = "learnable-by-threshold",
        /// Share of states above one τ, against the step.
        LearnableByStep = "learnable-by-step",
        /// Mean cosine against the step.
        MeanByStep = "mean-by-step",
        /// Mean cosine without the noise of the rollouts, against the step; in lab mode inside the box.
        CorrectedByStep = "corrected-by-step",
        /// κ in lab mode, against the step.
        KappaByStep = "kappa-by-step",
        /// Mean return against the step or iteration.
        ReturnByStep = "return-by-step",
        /// Mean return against the seconds of training.
        ReturnBySecond = "return-by-second",
        /// Return divided by the baseline's final score, mean over environments, against the step.
        NormalisedByStep = "normalised-by-step",
    }
);

impl Draw {
    /// Returns whether shares of states are drawn.
    pub(crate) fn is_of_shares(self) -> bool {
        matches!(self, Self::LearnableByThreshold | Self::LearnableByStep)
    }

    /// Returns whether returns are drawn, and not cosines.
    fn is_of_returns(self) -> bool {
        matches!(self, Self::ReturnByStep | Self::ReturnBySecond | Self::NormalisedByStep)
    }
}

/// Reads pairs; a longer or shorter list is an error.
fn pairs<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Vec<[String; 2]>, D::Error> {
    let pair = |names: Vec<String>| {
        let count = names.len();
        names.try_into().map_err(|_| {
            D::Error::custom(format!("`contrasts` has pairs [better, worse], got {count} names"))
        })
    };
    Vec::<Vec<String>>::deserialize(from)?.into_iter().map(pair).collect()
}

fn one_line(message: &str) -> String {
    message.trim().replace('\n', "; ")
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

impl Measure {
    /// Returns what cosines are taken against, if it is one of cosines.
    pub(crate) fn against(self) -> Option<Against> {
        match self {
            Self::GradientCosine | Self::CorrectedCosine => Some(Against::Returns),
            Self::SelfCheck => Some(Against::OwnValues),
            _ => None,
        }
    }

    /// Returns whether it reads the log of a run, and no checkpoint.
    pub(crate) fn is_of_log(self) -> bool {
        matches!(self, Self::Returns | Self::TaskGap)
    }

    /// Returns whether a spec of it says what is drawn and compared.
    fn is_drawn(self) -> bool {
        self == Self::Returns || self.against().is_some()
    }

    /// Returns whether it is taken at iterations that a spec names.
    fn is_at(self) -> bool {
        matches!(self, Self::MamlNoise | Self::MamlAdaptation)
    }

    /// Returns the algorithms whose runs it measures.
    fn algos(self) -> &'static [Algo] {
        match self {
            Self::Returns | Self::HyperParameters => &Algo::ALL,
            Self::MamlNoise | Self::MamlAdaptation => &[Algo::Maml],
            Self::TaskGap => &[Algo::Pearl],
            _ => &Algo::OFF_POLICY,
        }
    }
}

impl Spec {
    /// Reads a spec.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Config`].
    pub fn read(path: &Path) -> Result<Self> {
        let config = |reason: String| Error::Config { path: path.into(), reason };
        let text = String::from_utf8_lossy(&disk::read(path)?).into_owned();
        if let Some(reason) = toml::from_str(&text).ok().and_then(|table| former::answer(&table)) {
            return Err(config(reason));
        }
        let spec: Self = toml::from_str(&text).map_err(|e| config(one_line(&e.to_string())))?;
        // The messages of settings name flags; in a file the same settings are keys.
        spec.check().map_err(|e| config(e.to_string().replace("--", "")))?;
        Ok(spec)
    }

    /// Returns figure and title.
    pub fn heading(&self) -> String {
        format!("{}: {}", self.figure, self.title)
    }

    /// Returns how it is measured.
    ///
    /// # Errors
    /// [`Error::Usage`] naming a key that does not exist, or a value that cannot be.
    pub(crate) fn settings<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(self.settings.clone())
            .map_err(|e| Error::Usage(format!("[settings]: {}", one_line(&e.to_string()))))
    }

    /// Returns how the estimator of a cosine works.
    pub(crate) fn of_estimator(&self) -> Result<gradient::Settings> {
        self.settings::<gradient::Settings>()?.validated()
    }

    /// Returns whether it measures what the actor can use, by banks of rollouts.
    pub(crate) fn in_lab_mode(&self) -> bool {
        let cosine = self.measure.against().is_some();
        cosine && self.of_estimator().is_ok_and(|settings| settings.mode == Mode::Lab)
    }

    fn check(&self) -> Result<()> {
        self.select.algo.expect(self.measure.algos())?;
        match self.measure {
            Measure::GradientCosine | Measure::CorrectedCosine | Measure::SelfCheck => {
                self.of_estimator()?;
            }
            Measure::MamlNoise => self.settings::<NoiseSettings>()?.check()?,
            Measure::MamlAdaptation => self.settings::<AdaptationSettings>()?.check()?,
            Measure::Weights => _ = self.settings::<WeightSettings>()?.validated()?,
            Measure::Returns | Measure::TaskGap | Measure::HyperParameters => {}
        }
        let refused = self.panels.iter().find_map(|panel| self.misfit(panel));
        if let Some(reason) =
            self.lacking().or_else(|| self.repeated()).or_else(|| self.misplaced()).or(refused)
        {
            return Err(Error::Usage(reason));
        }
        for env in &self.select.envs {
            for model in &self.select.models {
                self.select.config(env, model, 0)?;
            }
        }
        self.select.check_variants()?;
        let named = self.contrasts.iter().flatten().chain(&self.above_zero);
        let normalised = self.panels.iter().any(|p| p.draw == Draw::NormalisedByStep);
        let baseline = Some(&self.baseline).filter(|_| normalised);
        let of_curves = self.measure == Measure::Returns;
        named.chain(baseline).try_for_each(|name| self.select.check_label(name, of_curves))
    }

    /// Says which list must not be empty and is.
    fn lacking(&self) -> Option<String> {
        let Selection { envs, models, seeds, length, .. } = &self.select;
        let measure = self.measure;
        let of_runs = !matches!(measure, Measure::Weights | Measure::HyperParameters);
        let networks = measure != Measure::HyperParameters;
        [
            (networks, envs.is_empty(), "envs"),
            (of_runs, models.is_empty(), "models"),
            (networks, seeds.is_empty(), "seeds"),
            (measure.is_drawn(), self.panels.is_empty(), "panels"),
            (measure.is_at(), self.select.at.is_empty(), "at"),
        ]
        .into_iter()
        .find(|(needed, empty, _)| *needed && *empty)
        .map(|(.., name)| format!("`{name}` is empty: name at least one"))
        .or_else(|| (of_runs && *length == 0).then(|| "`length` must be at least 1".into()))
        .or_else(|| (self.select.every == 0).then(|| "`every` must be at least 1".into()))
    }

    /// Says which entry stands twice.
    fn repeated(&self) -> Option<String> {
        fn twice<T: PartialEq + fmt::Debug>(name: &str, all: &[T]) -> Option<String> {
            let again = all.iter().enumerate().find(|(i, one)| all[..*i].contains(one));
            again.map(|(_, one)| format!("`{name}` has {one:?} twice: leave one out"))
        }
        let Selection { envs, models, seeds, .. } = &self.select;
        let mut sorted = self.contrasts.clone();
        for pair in &mut sorted {
            pair.sort();
        }
        let itself = self.contrasts.iter().find(|[better, worse]| better == worse);
        let itself = itself.map(|[name, _]| format!("`contrasts` compares {name} with itself"));
        let lists = twice("envs", envs).or_else(|| twice("models", models));
        lists.or_else(|| twice("seeds", seeds)).or(itself).or_else(|| twice("contrasts", &sorted))
    }

    /// Says which key belongs to another measure.
    fn misplaced(&self) -> Option<String> {
        let (measure, select) = (self.measure, &self.select);
        let cosine = measure.against().is_some();
        let returns = measure == Measure::Returns;
        let in_tasks = returns && Algo::META.contains(&select.algo);
        let without = measure.is_of_log() || measure == Measure::HyperParameters;
        let off_policy = Algo::OFF_POLICY.contains(&select.algo);
        let misplaced = [
            (select.actor.is_some() && !off_policy, "`select.actor`", "td3 and sac"),
            (!self.settings.is_empty() && without, "`settings`", "a measure of checkpoints"),
            (!self.panels.is_empty() && !measure.is_drawn(), "`panels`", "cosines and returns"),
            (
                !self.contrasts.is_empty() && !measure.is_drawn(),
                "`contrasts`",
                "cosines and returns",
            ),
            (!select.at.is_empty() && !measure.is_at(), "`at`", "maml-noise and maml-adaptation"),
            (select.every > 1 && !cosine, "`every`", "cosines"),
            (self.above_zero.is_some() && !cosine, "`above_zero`", "cosines"),
            (self.paper.is_some() && !returns, "`paper`", "returns"),
            (select.tasks.is_some() && !in_tasks, "`tasks`", "returns of MAML and PEARL"),
        ]
        .into_iter()
        .find(|(wrong, ..)| *wrong);
        if let Some((_, key, owner)) = misplaced {
            return Some(format!("{key} belongs to {owner}, and this is a spec of {measure}"));
        }
        if in_tasks && select.algo == Algo::Maml && select.tasks.is_none() {
            return Some("`tasks` is missing: MAML's returns are of test or train".into());
        }
        let name = self.paper.as_deref()?;
        printed::table(name).is_none().then(|| format!("the paper has no scores in '{name}'"))
    }

    /// Says why a panel cannot be drawn.
    fn misfit(&self, panel: &Panel) -> Option<String> {
        let measure = self.measure;
        if (panel.draw == Draw::LearnableByStep) != panel.tau.is_some() {
            return Some("`tau` belongs to `learnable-by-step`, and only there".into());
        }
        if panel.draw == Draw::CorrectedByStep && measure == Measure::SelfCheck {
            return Some("`corrected-by-step` needs rollouts, `self-check` has none".into());
        }
        if panel.draw == Draw::KappaByStep && !self.in_lab_mode() {
            return Some("`kappa-by-step` needs `mode = \"lab\"`".into());
        }
        let fits = panel.draw.is_of_returns() == (measure == Measure::Returns) && panel.window > 0;
        (!fits).then(|| {
            let (draw, window) = (panel.draw, panel.window);
            format!("panel {draw} cannot be drawn from measure {measure} with window {window}")
        })
    }
}
