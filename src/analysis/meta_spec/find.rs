//! The meta-learning runs and checkpoints that a spec selects, and how to make others.

use std::path::{Path, PathBuf};

use super::{MetaSelect, MetaSpec, pearl_model};
use crate::algo::maml::config::MamlConfig;
use crate::algo::pearl::config::PearlConfig;
use crate::algo::registry::Config;
use crate::algo::{Algo, RunConfig};
use crate::analysis::spec::Missing;
use crate::checkpoint::run_log::evaluations_file;
use crate::checkpoint::save::step_folder;
use crate::checkpoint::{Checkpoint, stored};
use crate::env::Family;
use crate::error::{Error, Result};

/// What a spec selects, as far as it is there.
#[derive(Debug, Default)]
pub struct MetaFound {
    /// Folders of runs.
    pub runs: Vec<PathBuf>,
    /// Their checkpoints at the selected iterations.
    pub points: Vec<Checkpoint>,
    /// Runs that the spec selects.
    pub asked: usize,
    /// `hyperl-train` commands that make the other runs, or the other checkpoints of a run.
    pub missing: Vec<String>,
}

impl MetaSpec {
    /// Finds the runs of the spec below a folder, and of each the checkpoints that are measured.
    ///
    /// # Errors
    /// [`Error::MissingCheckpoint`] with the command that makes it, if [`Missing::Fail`] is asked;
    /// [`Error::Mismatch`] if a folder holds another run than its name says; those of opening.
    pub fn find(&self, checkpoints: &Path, missing: Missing) -> Result<MetaFound> {
        let mut found = MetaFound::default();
        for wanted in self.select.wanted() {
            found.asked += 1;
            let place = match wanted.folder {
                Some(folder) => checkpoints.join(folder),
                None => checkpoints.into(),
            };
            let folder = place.join(&wanted.run);
            let there = evaluations_file(&folder).is_some();
            if there {
                wanted.check(&folder)?;
            }
            let mut points = Vec::new();
            for &iteration in &self.select.at {
                let point = step_folder(&folder, iteration);
                if point.exists() {
                    let opened = Checkpoint::open(&point)?;
                    opened.maml()?;
                    points.push(opened);
                }
            }
            if !there || points.len() < self.select.at.len() {
                let what = format!("{} ({})", wanted.run, self.figure);
                let resume = if there { " --resume" } else { "" };
                let command = format!("{}{resume} --out {}", wanted.command, place.display());
                if missing == Missing::Fail {
                    return Err(Error::MissingCheckpoint { what, command });
                }
                found.missing.push(command);
            }
            if there && (self.select.at.is_empty() || !points.is_empty()) {
                found.runs.push(folder);
                found.points.extend(points);
            }
        }
        Ok(found)
    }
}

/// A run that is selected.
struct Wanted {
    run: String,
    /// Folder below that of all runs.
    folder: Option<&'static str>,
    /// What makes it.
    command: String,
    /// PEARL's number of tasks, as the authors' code has it.
    as_coded_tasks: bool,
}

impl MetaSelect {
    /// Returns the runs that are selected.
    fn wanted(&self) -> Vec<Wanted> {
        let mut all = Vec::new();
        for &env in &self.envs {
            for model in &self.models {
                for &seed in &self.seeds {
                    all.extend(if self.is_pearl() {
                        self.pearl(env, model, seed)
                    } else {
                        self.maml(env, model, seed)
                    });
                }
            }
        }
        all
    }

    fn maml(&self, env: Family, model: &str, seed: u64) -> Option<Wanted> {
        let (policy, multi_task) = MamlConfig::of_model(model)?;
        let iterations = self.at.iter().copied().max().unwrap_or(self.iterations);
        let config = MamlConfig { env, policy, multi_task, seed, ..MamlConfig::default() };
        let multi_task = if multi_task { " --multi-task" } else { "" };
        let command = format!(
            "hyperl-train maml --env {env} --policy {policy}{multi_task} --seed {seed} --iterations \
             {iterations}"
        );
        Some(Wanted { run: config.run_name(), folder: None, command, as_coded_tasks: false })
    }

    fn pearl(&self, env: Family, model: &str, seed: u64) -> Option<Wanted> {
        let model = pearl_model(model)?;
        let (iterations, as_coded_tasks) = (self.iterations, self.as_coded_tasks);
        let config = PearlConfig { env, model, seed, ..PearlConfig::default() };
        let set = if as_coded_tasks { " --set as_coded_tasks=true" } else { "" };
        let command = format!(
            "hyperl-train pearl --env {env} --model {model} --seed {seed} --iterations {iterations}{set}"
        );
        let folder = as_coded_tasks.then_some("as-coded");
        Some(Wanted { run: config.run_name(), folder, command, as_coded_tasks })
    }
}

impl Wanted {
    /// Checks that the run in a folder is the one that the folder's name says.
    fn check(&self, folder: &Path) -> Result<()> {
        let config = stored::read_of(folder, &Algo::META, "this spec")?;
        let as_coded_tasks = matches!(&config, Config::Pearl(config) if config.as_coded_tasks);
        let found = config.run_name();
        if found == self.run && as_coded_tasks == self.as_coded_tasks {
            return Ok(());
        }
        let tasks = |as_coded: bool| if as_coded { ", tasks as coded" } else { "" };
        Err(Error::Mismatch {
            what: format!("the run in {}", folder.display()),
            expected: format!("{}{}", self.run, tasks(self.as_coded_tasks)),
            found: format!("{found}{}", tasks(as_coded_tasks)),
            remedy: "name the folder after its run, or give another --checkpoints".into(),
        })
    }
}
