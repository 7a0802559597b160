//! The runs that a spec selects: where they are, whether they are what they say, how to make others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Select, Spec, Variant, label};
use crate::algo::RunConfig;
use crate::algo::config::TrainConfig;
use crate::algo::registry::Config;
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
    /// Folders of runs with at least one checkpoint.
    pub runs: Vec<PathBuf>,
    /// The series that each of them belongs to.
    pub labels: Vec<String>,
    /// `hyperl-train` commands.
    pub missing: Vec<String>,
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
        let Select { algo, envs, critics, seeds, steps, checkpoint_every, .. } = &self.select;
        for &env in envs {
            for &critic in critics {
                for variant in self.select.variants() {
                    for &seed in seeds {
                        let config = TrainConfig { critic, seed, ..TrainConfig::of(*algo, env) };
                        let set =
                            variant.map(|v| v.beside(&config)).transpose()?.unwrap_or_default();
                        let within = variant.filter(|_| !set.is_empty()).map(|v| &*v.folder);
                        let place =
                            within.map_or(checkpoints.into(), |within| checkpoints.join(within));
                        let folder = place.join(config.run_name());
                        if !run::checkpoints(&folder)?.is_empty() {
                            let stored = stored::read_of(&folder, &[*algo], "this spec")?;
                            check_run(&folder, &stored)?;
                            check_settings(&folder, &stored, &set)?;
                            found.runs.push(folder);
                            found.labels.push(label(critic, variant));
                            continue;
                        }
                        let set: Vec<String> =
                            set.iter().map(|(k, value)| format!(" --set {k}={value}")).collect();
                        let command = format!(
                            "hyperl-train {algo} --env {env} --critic {critic} --seed {seed} \
                             --steps {steps} --checkpoint-every {checkpoint_every}{} --out {}",
                            set.concat(),
                            place.display()
                        );
                        if missing == Missing::Fail {
                            let what = format!("{} ({})", config.run_name(), self.figure);
                            return Err(Error::MissingCheckpoint { what, command });
                        }
                        found.missing.push(command);
                    }
                }
            }
        }
        Ok(found)
    }
}

impl Variant {
    /// Returns the settings that `config` does not have by itself.
    fn beside(&self, config: &TrainConfig) -> Result<BTreeMap<String, f64>> {
        let own = numbers(&config.clone().resolved()?);
        let mut set = BTreeMap::new();
        for (key, value) in &self.set {
            match own.get(key) {
                Some(own) if own.to_bits() == value.to_bits() => {}
                Some(_) => _ = set.insert(key.clone(), *value),
                None => {
                    let algo = config.algo;
                    return Err(Error::Usage(format!(
                        "variant '{}': {algo} has no number called {key}; see hyperl-train {algo} \
                         --dry-run",
                        self.name
                    )));
                }
            }
        }
        Ok(set)
    }
}

/// The settings that are numbers, by their keys on the command line.
fn numbers(config: &impl Serialize) -> BTreeMap<String, f64> {
    fn walk(table: &toml::Table, path: &str, all: &mut BTreeMap<String, f64>) {
        for (key, value) in table {
            let name = format!("{path}{key}");
            match value {
                toml::Value::Table(inner) => walk(inner, &format!("{name}."), all),
                toml::Value::Float(x) => _ = all.insert(name, *x),
                toml::Value::Integer(x) => _ = all.insert(name, *x as f64),
                _ => {}
            }
        }
    }
    let mut all = BTreeMap::new();
    walk(&toml::Table::try_from(config).unwrap_or_default(), "", &mut all);
    all
}

/// Checks that a run has the settings of its variant.
fn check_settings(folder: &Path, config: &Config, set: &BTreeMap<String, f64>) -> Result<()> {
    let own = numbers(config);
    let differs = set.iter().find(|(key, value)| own.get(*key) != Some(value));
    differs.map_or(Ok(()), |(key, value)| {
        Err(Error::Mismatch {
            what: format!("{key} of {}", folder.display()),
            expected: value.to_string(),
            found: own.get(key).map_or("none".into(), f64::to_string),
            remedy: "put the run of the variant there, or give another --checkpoints".into(),
        })
    })
}

impl Found {
    /// Returns the series that the run in `folder` belongs to.
    pub fn label(&self, folder: &Path) -> Option<&str> {
        let place = self.runs.iter().position(|run| run == folder)?;
        self.labels.get(place).map(String::as_str)
    }

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
                check_run(folder, checkpoint.config())?;
                all.push(checkpoint);
            }
        }
        Ok(all)
    }
}

/// Checks that algorithm, environment, critic and seed are those that the name of a folder says: a
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
