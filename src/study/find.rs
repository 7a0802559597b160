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
pub(crate) enum Missing {
    /// Stop with an error that says how to make the first one.
    Fail,
    /// Go on, and list them in the report.
    Report,
}

/// The runs of a spec that are there, and the commands that make the others.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Runs of which there is something to measure.
    pub runs: Vec<FoundRun>,
    /// Runs that the spec selects.
    pub asked: usize,
    /// `hyperl-train` commands that make the other runs, or the other checkpoints of a run.
    pub missing: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct FoundRun {
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
    pub(crate) fn find(&self, checkpoints: &Path, missing: Missing) -> Result<Found> {
        let mut found = Found::default();
        for wanted in self.select.wanted()? {
            found.asked += 1;
            let parent = match wanted.folder {
                Some(folder) => checkpoints.join(folder),
                None => checkpoints.into(),
            };
            let folder = parent.join(wanted.config.run_name());
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
                let command = self.select.command(&wanted, there, &parent);
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
    /// Settings that are not the default.
    set: BTreeMap<String, Value>,
}

/// A flag of `hyperl-train` and its value.
fn flag(name: &str, value: impl ToString) -> [String; 2] {
    [format!("--{name}"), value.to_string()]
}

impl Selection {
    fn wanted(&self) -> Result<Vec<Wanted<'_>>> {
        let mut all = Vec::new();
        for env in &self.envs {
            for model in &self.models {
                for variant in self.variants(model) {
                    for &seed in &self.seeds {
                        let config = self.config(env, model, seed)?;
                        let set =
                            variant.map_or(Ok(BTreeMap::new()), |v| v.overrides(config.clone()))?;
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

    /// Returns all runs that are selected, and how each is trained.
    ///
    /// # Errors
    /// [`Error::UnknownName`] or [`Error::Usage`] for what does not exist.
    pub(crate) fn planned(&self) -> Result<Vec<Planned>> {
        let planned = |wanted: Wanted| {
            let arguments = self.arguments(&wanted);
            let folder = wanted.folder.map(Into::into);
            let config = wanted.config.with_length(self.longest());
            Planned { config, label: wanted.label, folder, arguments }
        };
        Ok(self.wanted()?.into_iter().map(planned).collect())
    }

    /// Returns the command that makes a run, or what it lacks.
    fn command(&self, wanted: &Wanted<'_>, there: bool, parent: &Path) -> String {
        let resume = if there { " --resume" } else { "" };
        let quoted = |word: String| if word.contains(' ') { format!("'{word}'") } else { word };
        let arguments: Vec<String> = self.arguments(wanted).into_iter().map(quoted).collect();
        let parent = quoted(parent.display().to_string());
        format!("hyperl-train {}{resume} --out {parent}", arguments.join(" "))
    }

    /// Returns the steps or iterations that a run needs.
    fn longest(&self) -> u64 {
        self.at.iter().copied().max().unwrap_or(self.length)
    }

    /// Returns the arguments of `hyperl-train` that make a run, without `--out`.
    fn arguments(&self, wanted: &Wanted<'_>) -> Vec<String> {
        let config = &wanted.config;
        let (mut all, length) = match &self.actor {
            Some(Frozen { trained_by, step, data, .. }) => {
                let path = match &**trained_by {
                    INITIAL => INITIAL.into(),
                    run => step_folder(Path::new(run), *step),
                };
                let mut all = vec!["critic".to_owned()];
                all.extend(flag("actor", path.to_string_lossy()));
                all.extend(flag("data", data));
                (all, "updates")
            }
            None => (vec![self.algo.to_string()], self.algo.unit().name()),
        };
        all.extend(flag("env", config.env_name()));
        match config {
            Config::OffPolicy(config) => all.extend(flag("critic", config.critic)),
            Config::Maml(config) => {
                all.extend(flag("policy", config.policy));
                all.extend(config.multi_task.then(|| "--multi-task".to_owned()));
            }
            Config::Pearl(config) => all.extend(flag("model", config.model)),
        }
        all.extend(flag("seed", config.seed()));
        all.extend(flag(length, self.longest()));
        if let Some(steps) = self.checkpoint_every {
            all.extend(flag("checkpoint-every", steps));
        }
        for (key, value) in &wanted.set {
            all.extend(flag("set", format!("{key}={}", shown(value))));
        }
        all
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
    /// Arguments of `hyperl-train`, without `--out`.
    pub arguments: Vec<String>,
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
            // Runs on the tasks of the authors' code have the same names.
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
    fn overrides(&self, config: Config) -> Result<BTreeMap<String, Value>> {
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
    pub(crate) fn label(&self, folder: &Path) -> Option<&str> {
        self.runs.iter().find(|run| run.folder == folder).map(|run| &*run.label)
    }

    /// Opens the checkpoints of the runs that are measured, in order of run and step.
    ///
    /// # Errors
    /// Those of opening; [`Error::Mismatch`] if a checkpoint is of another run than its folder.
    pub(crate) fn checkpoints(&self) -> Result<Vec<Checkpoint>> {
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
