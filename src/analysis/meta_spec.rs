//! A figure of meta-learning runs as one declarative file, beside the [`Spec`](super::spec::Spec) of
//! critics.

mod find;

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::measure::maml_adaptation::AdaptationSettings;
use super::measure::maml_noise::NoiseSettings;
use super::spec::{VARIANT, parse};
use crate::algo::Algo;
use crate::algo::maml::config::MamlConfig;
use crate::env::Family;
use crate::env::TaskList;
use crate::error::{Error, Result};
use crate::names::named;
use crate::nn::pearl::PearlModel;

pub use find::MetaFound;

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetaSpec {
    /// Which figure of the paper, such as `Fig. 15`.
    pub figure: String,
    /// What is shown.
    pub title: String,
    /// The paper's claim, in our words.
    pub claim: String,
    /// What is measured.
    pub measure: MetaMeasure,
    /// Which runs.
    pub select: MetaSelect,
    /// Pairs `[better, worse]` of a `meta-return` that the claim is about, such as
    /// `hyper, before adaptation` of MAML and `hyper-pearl, test tasks` of PEARL.
    #[serde(default)]
    pub contrasts: Vec<[String; 2]>,
    /// Tasks of a `meta-return`; of PEARL's unset: both lists.
    #[serde(default)]
    pub tasks: Option<TaskList>,
    /// What a `meta-return` draws.
    #[serde(default)]
    pub draw: Vec<MetaDraw>,
    /// The series whose final score is the yardstick of `normalised-by-iteration`.
    #[serde(default)]
    pub baseline: Option<String>,
    /// How a `maml-noise` is measured.
    #[serde(default)]
    pub noise: Option<NoiseSettings>,
    /// How a `maml-adaptation` is measured.
    #[serde(default)]
    pub adaptation: Option<AdaptationSettings>,
    /// What the figure does not show, beyond what every report says.
    #[serde(default)]
    pub caveat: String,
}

named!("measure of meta-learning",
    /// What is measured.
    MetaMeasure {
        /// Returns during training, before and after adaptation.
        MetaReturn = "meta-return",
        /// How much independent updates differ.
        MamlNoise = "maml-noise",
        /// What an adaptation step does.
        MamlAdaptation = "maml-adaptation",
        /// How much worse PEARL does in tasks that it was not trained on.
        TaskGap = "task-gap",
    }
);

/// What a figure of returns shows, one panel for each family or one for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetaDraw {
    /// Mean return against the iteration.
    ReturnByIteration,
    /// Mean return against the seconds of training.
    ReturnBySecond,
    /// Return divided by the baseline's final score, mean over families, against the iteration.
    NormalisedByIteration,
}

fn maml() -> Algo {
    Algo::Maml
}

/// Which runs a figure needs; the paper's, so that what is missing can be named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetaSelect {
    /// The algorithm: MAML, or PEARL.
    #[serde(default = "maml")]
    pub algo: Algo,
    /// PEARL's runs with two training and two test tasks, as the authors' code in effect has them; they
    /// stand in a folder `as-coded`.
    #[serde(default)]
    pub as_coded_tasks: bool,
    /// Families of tasks.
    pub envs: Vec<Family>,
    /// Models, such as `hyper-multi-task` of MAML; `pearl` or `hyper-pearl`.
    pub models: Vec<String>,
    /// Seeds.
    pub seeds: Vec<u64>,
    /// Iterations of a run in the paper.
    pub iterations: u64,
    /// Iterations whose checkpoints are measured; none for returns, which every iteration has.
    #[serde(default)]
    pub at: Vec<u64>,
}

/// The name of PEARL's model in specs and figures.
pub fn pearl_name(model: PearlModel) -> &'static str {
    match model {
        PearlModel::Mlp => "pearl",
        PearlModel::Hyper => "hyper-pearl",
    }
}

/// The model of PEARL that has that name.
fn pearl_model(name: &str) -> Option<PearlModel> {
    PearlModel::ALL.into_iter().find(|model| pearl_name(*model) == name)
}

/// The two states of a policy in which returns are measured.
pub const STATES: [&str; 2] = ["before adaptation", "after adaptation"];

/// Returns the name of a series of returns: a model before (0) or after (1) adaptation.
pub fn label(model: &str, state: usize) -> String {
    format!("{model}{VARIANT}{}", STATES[state])
}

/// Returns the name of a series of PEARL's returns.
pub fn task_label(model: &str, on: TaskList) -> String {
    format!("{model}{VARIANT}{} tasks", on.adjective())
}

impl MetaSelect {
    /// Returns whether the algorithm is PEARL; else it is MAML.
    fn is_pearl(&self) -> bool {
        self.algo == Algo::Pearl
    }

    /// Returns the names of all series of returns.
    fn labels(&self) -> BTreeSet<String> {
        let of = |model: &String| {
            if self.is_pearl() {
                [TaskList::Train, TaskList::Test].map(|on| task_label(model, on))
            } else {
                [0, 1].map(|state| label(model, state))
            }
        };
        self.models.iter().flat_map(of).collect()
    }

    /// Returns whether the algorithm has such a model.
    fn knows(&self, model: &str) -> bool {
        if self.is_pearl() {
            pearl_model(model).is_some()
        } else {
            MamlConfig::of_model(model).is_some()
        }
    }
}

impl MetaSpec {
    /// Reads a spec.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Config`].
    pub fn read(path: &Path) -> Result<Self> {
        let config = |reason: String| Error::Config { path: path.into(), reason };
        let spec: Self = parse(path)?;
        spec.check().map_err(config)?;
        Ok(spec)
    }

    /// Says what does not fit together.
    fn check(&self) -> std::result::Result<(), String> {
        let MetaSelect { algo, as_coded_tasks, envs, models, seeds, at, .. } = &self.select;
        let of_returns = self.measure == MetaMeasure::MetaReturn;
        let of_gaps = self.measure == MetaMeasure::TaskGap;
        algo.expect(&Algo::META).map_err(|e| e.to_string())?;
        let pearl = self.select.is_pearl();
        if let Some(unknown) = models.iter().find(|model| !self.select.knows(model)) {
            return Err(format!(
                "'{unknown}' is no model: give vanilla, context or hyper, each with or without \
                 -multi-task; of PEARL pearl or hyper-pearl"
            ));
        }
        let measure = self.measure.name();
        let must = [
            (!envs.is_empty(), "`envs` names at least one family"),
            (!models.is_empty(), "`models` names at least one model"),
            (!seeds.is_empty(), "`seeds` names at least one seed"),
            (self.draw.is_empty() != of_returns, "`draw` belongs to meta-return"),
            (
                self.tasks.is_some() == of_returns || (pearl && self.tasks.is_none()),
                "`tasks` belongs to meta-return",
            ),
            (self.contrasts.is_empty() || of_returns, "`contrasts` belong to meta-return"),
            (
                at.is_empty() == (of_returns || of_gaps),
                "`at` names iterations of checkpoints, not of returns",
            ),
            (pearl || !as_coded_tasks, "`as_coded_tasks` belongs to algo = \"pearl\""),
            (
                if pearl { of_returns || of_gaps } else { !of_gaps },
                "PEARL has meta-return and task-gap, MAML has all but task-gap",
            ),
            (
                self.noise.is_some() == (self.measure == MetaMeasure::MamlNoise),
                "`[noise]` belongs to maml-noise",
            ),
            (
                self.adaptation.is_some() == (self.measure == MetaMeasure::MamlAdaptation),
                "`[adaptation]` belongs to maml-adaptation",
            ),
            (
                self.baseline.is_some() == self.draw.contains(&MetaDraw::NormalisedByIteration),
                "`baseline` belongs to normalised-by-iteration",
            ),
        ];
        if let Some((_, rule)) = must.iter().find(|(fits, _)| !fits) {
            return Err(format!("{rule}, and this is a {measure}"));
        }
        let labels = self.select.labels();
        let named = self.contrasts.iter().flatten().chain(&self.baseline);
        if let Some(unknown) = named.into_iter().find(|name| !labels.contains(*name)) {
            let labels = labels.into_iter().collect::<Vec<_>>().join("; ");
            return Err(format!("'{unknown}' is none of the selected series: {labels}"));
        }
        // The messages name flags; in a file the same settings are keys.
        let checked = match (&self.noise, &self.adaptation) {
            (Some(noise), _) => noise.check(),
            (_, Some(adaptation)) => adaptation.check(),
            (None, None) => Ok(()),
        };
        checked.map_err(|e| e.to_string().replace("--", ""))
    }
}
