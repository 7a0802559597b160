//! The runs that a spec selects: where they are, whether they are what they say, how to make others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Value;

use super::selection::{Selection, Variant};
use super::spec::Spec;
use crate::algo::Algo;
use crate::algo::config::TrainConfig;
use crate::algo::frozen::{Frozen, INITIAL};
use crate::algo::registry::Config;
use crate::analysis::series::label;
use crate::checkpoint::run_log::evaluations_file;
use crate::checkpoint::save::step_folder;
use crate::checkpoint::{Checkpoint, run, stored};
use crate::error::{Error, Result};

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
    /// Runs of which there is something to measure.
    pub runs: Vec<FoundRun>,
    /// Runs that the spec selects.
    pub asked: usize,
    /// `hyperl-train` commands that make the other runs, or the other checkpoints of a run.
    pub missing: Vec<String>,
}

/// One run.
#[derive(Debug)]
pub struct FoundRun {
    /// Its folder.
    pub folder: PathBuf,
    /// The series that it belongs to.
    pub label: String,
    /// The checkpoints that are measured; none of a spec that reads the log of a run.
    points: Vec<PathBuf>,
}

impl Spec {
    /// Finds the runs of the spec below a folder.
    ///
    /// # Errors
    /// [`Error::MissingCheckpoint`] with the command that makes it, if [`Missing::Fail`] is asked;
    /// [`Error::Mismatch`] if a folder holds another run than its name says, or other settings than
    /// its variant; [`Error::Usage`] for a setting that does not exist.
    pub fn find(&self, checkpoints: &Path, missing: Missing) -> Result<Found> {
        let mut found = Found::default();
        for wanted in self.select.wanted()? {
            found.asked += 1;
            let place = match wanted.folder {
                Some(folder) => checkpoints.join(folder),
                None => checkpoints.into(),
            };
            let folder = place.join(wanted.config.run_name());
            let (points, complete) = if self.measure.is_of_log() {
                (Vec::new(), evaluations_file(&folder).is_some())
            } else {
                self.select.points(&folder)?
            };
            let there = !points.is_empty() || evaluations_file(&folder).is_some();
            if there {
                wanted.check(&folder)?;
            }
            if !complete {
                let command = self.select.command(&wanted, there, &place);
                if missing == Missing::Fail {
                    let what = format!("{} ({})", wanted.config.run_name(), self.figure);
                    return Err(Error::MissingCheckpoint { what, command });
                }
                found.missing.push(command);
            }
            if complete || !points.is_empty() {
                found.runs.push(FoundRun { folder, label: wanted.label, points });
            }
        }
        Ok(found)
    }
}

/// A run that is selected.
struct Wanted<'s> {
    config: Config,
    label: String,
    /// Folder below that of all runs.
    folder: Option<&'s Path>,
    /// What is set otherwise than by default.
    set: BTreeMap<String, Value>,
}

impl Selection {
    /// Returns the runs that are selected.
    fn wanted(&self) -> Result<Vec<Wanted<'_>>> {
        let mut all = Vec::new();
        for env in &self.envs {
            for model in &self.models {
                for variant in self.variants() {
                    for &seed in &self.seeds {
                        let config = self.config(env, model, seed)?;
                        let set =
                            variant.map_or(Ok(BTreeMap::new()), |v| v.beside(config.clone()))?;
                        let folder = variant.filter(|_| !set.is_empty()).map(|v| &*v.folder);
                        let label = label(model, variant.map_or("", |variant| &variant.name));
                        all.push(Wanted { config, label, folder, set });
                    }
                }
            }
        }
        Ok(all)
    }

    /// Returns the checkpoints of a run that are measured, and whether they are all that are asked for.
    fn points(&self, folder: &Path) -> Result<(Vec<PathBuf>, bool)> {
        if self.at.is_empty() {
            let all = run::checkpoints(folder)?;
            let count = all.len();
            let each = all.into_iter().enumerate();
            let points = each.filter(|(i, _)| (count - 1 - i) % self.every == 0);
            return Ok((points.map(|(_, path)| path).collect(), count > 0));
        }
        let all = self.at.iter().map(|step| step_folder(folder, *step));
        let points: Vec<PathBuf> = all.filter(|path| path.exists()).collect();
        let complete = points.len() == self.at.len();
        Ok((points, complete))
    }

    /// Returns all runs that are selected, as commands without a place.
    ///
    /// # Errors
    /// [`Error::UnknownName`] or [`Error::Usage`] for what does not exist.
    pub(crate) fn planned(&self) -> Result<Vec<Planned>> {
        let planned = |wanted: Wanted| {
            let words = self.words(&wanted);
            let folder = wanted.folder.map(Into::into);
            let config = wanted.config.with_length(self.longest());
            Planned { config, label: wanted.label, folder, words }
        };
        Ok(self.wanted()?.into_iter().map(planned).collect())
    }

    /// Returns the command that makes a run, or what it lacks.
    fn command(&self, wanted: &Wanted<'_>, there: bool, place: &Path) -> String {
        let resume = if there { " --resume" } else { "" };
        let quoted = |word: String| if word.contains(' ') { format!("'{word}'") } else { word };
        let words: Vec<String> = self.words(wanted).into_iter().map(quoted).collect();
        let words = words.join(" ");
        format!("hyperl-train {words}{resume} --out {}", place.display())
    }

    /// Returns the steps or iterations that a run needs.
    fn longest(&self) -> u64 {
        self.at.iter().copied().max().unwrap_or(self.length)
    }

    /// Returns the words of `hyperl-train` that make a run, but for the place.
    fn words(&self, wanted: &Wanted<'_>) -> Vec<String> {
        let model = match &wanted.config {
            Config::OffPolicy(config) => vec!["--critic".into(), config.critic.to_string()],
            Config::Maml(config) => {
                let multi_task = config.multi_task.then(|| "--multi-task".into());
                let policy = ["--policy".into(), config.policy.to_string()];
                policy.into_iter().chain(multi_task).collect()
            }
            Config::Pearl(config) => vec!["--model".into(), config.model.to_string()],
        };
        let config = &wanted.config;
        let (run, length_flag) = match &self.actor {
            Some(Frozen { trained_by, step, data, .. }) => {
                let path = match &**trained_by {
                    INITIAL => INITIAL.into(),
                    run => step_folder(Path::new(run), *step),
                };
                let path = path.to_string_lossy().into_owned();
                let words = ["critic".into(), "--actor".into(), path, "--data".into()];
                (words.into_iter().chain([data.to_string()]).collect(), "--updates".into())
            }
            None => (vec![self.algo.to_string()], format!("--{}", self.algo.unit().name())),
        };
        let length = self.longest();
        let mut words: Vec<String> = run;
        words.extend(["--env".into(), config.env_name().into()]);
        words.extend(model);
        words.extend(["--seed".into(), config.seed().to_string(), length_flag, length.to_string()]);
        if let Some(steps) = self.checkpoint_every {
            words.extend(["--checkpoint-every".into(), steps.to_string()]);
        }
        for (key, value) in &wanted.set {
            words.extend(["--set".into(), format!("{key}={}", shown(value))]);
        }
        words
    }
}

/// A run that is selected, and how to make it.
#[derive(Debug)]
pub(crate) struct Planned {
    pub config: Config,
    /// The series that it belongs to.
    pub label: String,
    /// Folder below that of all runs.
    pub folder: Option<PathBuf>,
    /// Words of `hyperl-train`, but for the place.
    pub words: Vec<String>,
}

impl Wanted<'_> {
    /// Checks that the run in a folder is the one that the folder's name says, with these settings.
    fn check(&self, folder: &Path) -> Result<()> {
        let stored = stored::read(folder)?;
        check_run(folder, &stored)?;
        let mut set = self.set.clone();
        if let Config::OffPolicy(TrainConfig { frozen: Some(frozen), .. }) = &self.config {
            let Frozen { trained_by, step, weights, data } = frozen;
            set.insert("frozen.trained_by".into(), Value::String(trained_by.clone()));
            set.insert("frozen.step".into(), Value::Integer(*step as i64));
            set.insert("frozen.data".into(), Value::Integer(*data as i64));
            if !weights.is_empty() {
                set.insert("frozen.weights".into(), Value::String(weights.clone()));
            }
        }
        if self.config.algo() == Algo::Pearl {
            // A name does not tell these runs from others, whose tasks are not theirs.
            set.entry("as_coded_tasks".into()).or_insert(Value::Boolean(false));
        }
        let own = stored::settings(&stored);
        let differs =
            set.iter().find(|(key, value)| !own.get(*key).is_some_and(|x| same(x, value)));
        differs.map_or(Ok(()), |(key, value)| {
            Err(Error::Mismatch {
                what: format!("{key} of {}", folder.display()),
                expected: shown(value),
                found: own.get(key).map_or("none".into(), shown),
                remedy: "put the run of the variant there, or give another --checkpoints".into(),
            })
        })
    }
}

impl Variant {
    /// Returns the settings that `config` does not have by itself.
    fn beside(&self, config: Config) -> Result<BTreeMap<String, Value>> {
        let algo = config.algo();
        let own = stored::settings(&config.resolved()?);
        let mut set = BTreeMap::new();
        for (key, value) in &self.set {
            match own.get(key) {
                Some(own) if same(own, value) => {}
                Some(_) => _ = set.insert(key.clone(), value.clone()),
                None => {
                    return Err(Error::Usage(format!(
                        "variant '{}': {algo} has no setting called {key}; see hyperl-train {algo} \
                         --dry-run",
                        self.name
                    )));
                }
            }
        }
        Ok(set)
    }
}

/// A setting as a number, if it is one.
fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|n| n as f64))
}

/// Whether two settings are the same; `3` and `3.0` are.
fn same(a: &Value, b: &Value) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.to_bits() == b.to_bits(),
        _ => a == b,
    }
}

/// A setting as the command line takes it.
fn shown(value: &Value) -> String {
    number(value).map_or_else(|| value.to_string(), |x| x.to_string())
}

impl Found {
    /// Returns the series that the run in `folder` belongs to.
    pub fn label(&self, folder: &Path) -> Option<&str> {
        self.runs.iter().find(|run| run.folder == folder).map(|run| &*run.label)
    }

    /// Opens the checkpoints of the runs that are measured, in order of run and step.
    ///
    /// # Errors
    /// Those of opening; [`Error::Mismatch`] if a checkpoint is of another run than its folder.
    pub fn checkpoints(&self) -> Result<Vec<Checkpoint>> {
        let mut all = Vec::new();
        for run in &self.runs {
            for path in &run.points {
                let checkpoint = Checkpoint::open(path)?;
                check_run(&run.folder, checkpoint.config())?;
                all.push(checkpoint);
            }
        }
        Ok(all)
    }
}

/// Checks that algorithm, environment, model and seed are those that the name of a folder says: a
/// copy under another name would pass for another run.
fn check_run(folder: &Path, config: &Config) -> Result<()> {
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
