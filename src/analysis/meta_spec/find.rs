//! The meta-learning runs and checkpoints that a spec selects, and how to make others.

use std::path::{Path, PathBuf};

use super::{MetaSelect, MetaSpec};
use crate::algo::maml::config::MamlConfig;
use crate::analysis::spec::Missing;
use crate::checkpoint::meta::MetaCheckpoint;
use crate::checkpoint::save::step_folder;
use crate::checkpoint::{meta_run, run};
use crate::error::{Error, Result};

/// What a spec selects, as far as it is there.
#[derive(Debug, Default)]
pub struct MetaFound {
    /// Folders of runs.
    pub runs: Vec<PathBuf>,
    /// Their checkpoints at the selected iterations.
    pub points: Vec<MetaCheckpoint>,
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
        for config in self.select.configs() {
            found.asked += 1;
            let folder = checkpoints.join(config.run_name());
            let there = folder.join(meta_run::RETURNS).is_file();
            if there {
                check(&folder, &config)?;
            }
            let mut points = Vec::new();
            for &iteration in &self.select.at {
                let point = step_folder(&folder, iteration);
                if point.exists() {
                    points.push(MetaCheckpoint::open(&point)?);
                }
            }
            if !there || points.len() < self.select.at.len() {
                let what = format!("{} ({})", config.run_name(), self.figure);
                let command = command(&config, there, checkpoints);
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

impl MetaSelect {
    /// Returns the runs that are selected.
    fn configs(&self) -> Vec<MamlConfig> {
        let mut all = Vec::new();
        for &env in &self.envs {
            for (policy, multi_task) in self.models.iter().filter_map(|m| MamlConfig::of_model(m)) {
                for &seed in &self.seeds {
                    let iterations = self.at.iter().copied().max().unwrap_or(self.iterations);
                    let own = MamlConfig::default();
                    all.push(MamlConfig { env, policy, multi_task, seed, iterations, ..own });
                }
            }
        }
        all
    }
}

/// The command that makes a run, or goes on with it until it has all checkpoints.
fn command(config: &MamlConfig, there: bool, out: &Path) -> String {
    let MamlConfig { env, policy, multi_task, seed, iterations, .. } = config;
    format!(
        "hyperl-train maml --env {env} --policy {policy}{} --seed {seed} --iterations {iterations}{} \
         --out {}",
        if *multi_task { " --multi-task" } else { "" },
        if there { " --resume" } else { "" },
        out.display()
    )
}

/// Checks that family, model and seed are those that the name of a folder says.
fn check(folder: &Path, expected: &MamlConfig) -> Result<()> {
    let stored: MamlConfig = run::read_config(&folder.join(run::RUN))?;
    let [expected, found] = [expected, &stored].map(MamlConfig::run_name);
    if expected == found {
        return Ok(());
    }
    Err(Error::Mismatch {
        what: format!("the run in {}", folder.display()),
        expected,
        found,
        remedy: "name the folder after its run, or give another --checkpoints".into(),
    })
}
