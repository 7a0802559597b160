//! Which checkpoints: a checkpoint, a run, or a pattern of either.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::pattern::matches;
use crate::algo::RunConfig;
use crate::checkpoint::meta::{self, MetaCheckpoint};
use crate::checkpoint::opened::{Kind, kind};
use crate::checkpoint::pearl::PearlCheckpoint;
use crate::checkpoint::{Checkpoint, run, save};
use crate::error::{Error, Result};

/// Returns the runs and checkpoints that paths or patterns such as `runs/*/step-*` name. Of what a
/// pattern matches, all else is passed over; a path that is written out must be one of the two.
///
/// # Errors
/// [`Error::NotACheckpoint`] if a path or a pattern names nothing.
fn expand(patterns: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for pattern in patterns {
        if pattern.exists() {
            paths.push(pattern.clone());
            continue;
        }
        let mut found = matches(pattern)?;
        found.retain(|path| path.join(run::RUN).is_file() || path.join(save::MANIFEST).is_file());
        if found.is_empty() {
            return Err(Error::NotACheckpoint {
                path: pattern.into(),
                reason: "no run or checkpoint has that name; give one or a quoted pattern".into(),
            });
        }
        paths.extend(found);
    }
    Ok(paths)
}

/// Returns the folders of the checkpoints that the patterns name; of a run, all.
fn folders(patterns: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in expand(patterns)? {
        if path.join(run::RUN).is_file() {
            let steps = run::checkpoints(&path)?;
            if steps.is_empty() {
                let reason = "the run has no checkpoint yet; train on with --resume".into();
                return Err(Error::NotACheckpoint { path, reason });
            }
            all.extend(steps);
        } else {
            all.push(path);
        }
    }
    Ok(all)
}

/// Opens every checkpoint that the patterns name, sorted by environment, critic, seed and step.
///
/// # Errors
/// Those of opening; [`Error::NotACheckpoint`] for a run without checkpoints.
pub fn checkpoints(patterns: &[PathBuf]) -> Result<Vec<Checkpoint>> {
    open(&folders(patterns)?)
}

/// Checkpoints that have critics.
pub enum WithCritics {
    /// Of TD3 or SAC.
    Plain(Vec<Checkpoint>),
    /// Of PEARL, whose critics know a task.
    InTasks(Vec<PearlCheckpoint>),
}

/// Opens every checkpoint that the patterns name, all of PEARL or none, sorted as [`checkpoints`].
///
/// # Errors
/// As [`checkpoints`]; [`Error::Usage`] if some are of PEARL and some are not.
pub fn with_critics(patterns: &[PathBuf]) -> Result<WithCritics> {
    let folders = folders(patterns)?;
    let of_pearl = |path: &&PathBuf| kind(path) == Some(Kind::Pearl);
    match folders.iter().filter(of_pearl).count() {
        0 => Ok(WithCritics::Plain(open(&folders)?)),
        all if all == folders.len() => Ok(WithCritics::InTasks(open_pearl(&folders)?)),
        _ => Err(Error::Usage(
            "some of these checkpoints are of PEARL, whose states lie in tasks, and some are not; \
             figures would mix them: give those of one"
                .into(),
        )),
    }
}

fn open_pearl(folders: &[PathBuf]) -> Result<Vec<PearlCheckpoint>> {
    let mut all =
        folders.iter().map(|path| PearlCheckpoint::open(path)).collect::<Result<Vec<_>>>()?;
    all.sort_by_key(|c| {
        let m = c.manifest();
        (m.config.env, m.config.model.name(), m.config.seed, m.iteration, c.hash().to_owned())
    });
    all.dedup_by(|a, b| a.hash() == b.hash());
    Ok(all)
}

fn open(folders: &[PathBuf]) -> Result<Vec<Checkpoint>> {
    let mut all = folders.iter().map(|path| Checkpoint::open(path)).collect::<Result<Vec<_>>>()?;
    all.sort_by_key(|c| {
        let m = c.manifest();
        (m.config.env, m.config.critic, m.config.seed, m.step, c.hash().to_owned())
    });
    all.dedup_by(|a, b| a.hash() == b.hash());
    Ok(all)
}

/// Opens every meta-learning checkpoint that the patterns name, sorted by family, model, seed and
/// iteration.
///
/// # Errors
/// Those of opening; [`Error::NotACheckpoint`] for a run without checkpoints.
pub fn meta_checkpoints(patterns: &[PathBuf]) -> Result<Vec<MetaCheckpoint>> {
    let mut all = Vec::new();
    for path in expand(patterns)? {
        if path.join(run::RUN).is_file() {
            let of_run = meta::checkpoints(&path)?;
            if of_run.is_empty() {
                let reason = "the run has no checkpoint yet; train on with --resume".into();
                return Err(Error::NotACheckpoint { path, reason });
            }
            all.extend(of_run);
        } else {
            all.push(MetaCheckpoint::open(&path)?);
        }
    }
    all.sort_by_key(|c| {
        let m = c.manifest();
        (m.config.env.name(), m.config.model(), m.config.seed, m.iteration, c.hash().to_owned())
    });
    all.dedup_by(|a, b| a.hash() == b.hash());
    Ok(all)
}

/// Checks that checkpoints can share figures, whose curves are told apart by critic and seed alone.
///
/// # Errors
/// [`Error::Usage`] for several algorithms, or two runs that differ in settings only.
pub fn one_figure(checkpoints: &[Checkpoint]) -> Result<()> {
    let algos: BTreeSet<_> = checkpoints.iter().map(|c| c.manifest().config.algo.name()).collect();
    if algos.len() > 1 {
        let algos = algos.into_iter().collect::<Vec<_>>().join(" and ");
        return Err(Error::Usage(format!(
            "these checkpoints are of {algos}, whose curves a figure would mix; give those of one"
        )));
    }
    let place = |c: &Checkpoint| (c.manifest().config.run_name(), c.manifest().step);
    of_different_names(checkpoints.iter().map(|c| (place(c), c.path())))
}

/// Checks that PEARL's checkpoints can share figures, whose curves are told apart by model and seed alone.
///
/// # Errors
/// [`Error::Usage`] for two runs that differ in settings only.
pub fn one_figure_of_tasks(checkpoints: &[PearlCheckpoint]) -> Result<()> {
    let place = |c: &PearlCheckpoint| (c.manifest().config.run_name(), c.manifest().iteration);
    of_different_names(checkpoints.iter().map(|c| (place(c), c.path())))
}

/// Checks that no two checkpoints are of one run's name and one step.
fn of_different_names<'c>(
    checkpoints: impl Iterator<Item = ((String, u64), &'c Path)>,
) -> Result<()> {
    let mut seen = BTreeMap::new();
    for (place, path) in checkpoints {
        if let Some(first) = seen.insert(place, path) {
            return Err(Error::Usage(format!(
                "{} and {} are of one name and step, and would pass for one run; give one of them",
                first.display(),
                path.display()
            )));
        }
    }
    Ok(())
}

/// Makes sure that no seed counts twice: a run's name has its environment, model and seed in it.
///
/// # Errors
/// [`Error::Usage`] if two folders hold runs of the same name.
pub fn check_seeds_once<'r>(runs: impl IntoIterator<Item = (String, &'r Path)>) -> Result<()> {
    let mut seen: BTreeMap<String, &Path> = BTreeMap::new();
    for (name, folder) in runs {
        if let Some(other) = seen.get(&name) {
            return Err(Error::Usage(format!(
                "{} and {} are both runs of {name}: a seed counts once; leave one of them out",
                other.display(),
                folder.display()
            )));
        }
        seen.insert(name, folder);
    }
    Ok(())
}

/// Returns the folders of the runs that the patterns name; a checkpoint stands for its run.
///
/// # Errors
/// [`Error::NotACheckpoint`] for a path that belongs to no run.
pub fn runs(patterns: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for path in expand(patterns)? {
        let of_a_run = |folder: &&Path| folder.join(run::RUN).is_file();
        let Some(folder) = [Some(&*path), path.parent()].into_iter().flatten().find(of_a_run)
        else {
            let reason = "it holds no run.toml; give a folder made by hyperl-train".into();
            return Err(Error::NotACheckpoint { path, reason });
        };
        if !folders.iter().any(|known| known == folder) {
            folders.push(folder.to_owned());
        }
    }
    folders.sort();
    Ok(folders)
}
