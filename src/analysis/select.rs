//! Which checkpoints: a checkpoint, a run, or a pattern of either.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::pattern::matches;
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

/// Opens every checkpoint that the patterns name, sorted by environment, model, seed and step.
fn open(patterns: &[PathBuf]) -> Result<Vec<Checkpoint>> {
    let opened = folders(patterns)?.into_iter().map(|path| Checkpoint::open(&path));
    let mut all = opened.collect::<Result<Vec<_>>>()?;
    all.sort_by_key(|c| {
        (c.config().order(), c.config().seed(), c.manifest().step, c.hash().to_owned())
    });
    all.dedup_by(|a, b| a.hash() == b.hash());
    Ok(all)
}

/// Opens every checkpoint of TD3 or SAC that the patterns name, sorted by environment, critic, seed and step.
///
/// # Errors
/// Those of opening; [`Error::NotACheckpoint`] for a run without checkpoints, or of another algorithm.
pub fn checkpoints(patterns: &[PathBuf]) -> Result<Vec<Checkpoint>> {
    of_off_policy(open(patterns)?)
}

fn of_off_policy(all: Vec<Checkpoint>) -> Result<Vec<Checkpoint>> {
    all.iter().try_for_each(|checkpoint| checkpoint.off_policy().map(drop))?;
    Ok(all)
}

/// Opens every checkpoint of MAML that the patterns name, sorted by family, model, seed and iteration.
pub(crate) fn maml_checkpoints(patterns: &[PathBuf]) -> Result<Vec<Checkpoint>> {
    let all = open(patterns)?;
    all.iter().try_for_each(|checkpoint| checkpoint.maml().map(drop))?;
    Ok(all)
}

/// Opens every checkpoint that the patterns name, all of PEARL or none, sorted as [`checkpoints`].
///
/// # Errors
/// As [`checkpoints`]; [`Error::Usage`] if some are of PEARL and some are not.
pub(crate) fn with_critics(patterns: &[PathBuf]) -> Result<Vec<Checkpoint>> {
    let all = open(patterns)?;
    match all.iter().filter(|checkpoint| checkpoint.pearl().is_ok()).count() {
        0 => of_off_policy(all),
        of_pearl if of_pearl == all.len() => Ok(all),
        _ => Err(Error::Usage(
            "some of these checkpoints are of PEARL, whose states lie in tasks, and some are not; \
             figures would mix them: give those of one"
                .into(),
        )),
    }
}

/// Checks that checkpoints can share figures, whose curves differ by model and seed only.
///
/// # Errors
/// [`Error::Usage`] for several algorithms, or two runs that differ in settings only.
pub(crate) fn one_figure(checkpoints: &[Checkpoint]) -> Result<()> {
    let algos: BTreeSet<_> = checkpoints.iter().map(|c| c.config().algo().name()).collect();
    if algos.len() > 1 {
        let algos = algos.into_iter().collect::<Vec<_>>().join(" and ");
        return Err(Error::Usage(format!(
            "these checkpoints are of {algos}, whose curves a figure would mix; give those of one"
        )));
    }
    let mut seen = BTreeMap::new();
    for checkpoint in checkpoints {
        let place = (checkpoint.config().run_name(), checkpoint.manifest().step);
        if let Some(first) = seen.insert(place, checkpoint.path()) {
            return Err(Error::Usage(format!(
                "{} and {} have the same name and step, and would look like one run; give one of them",
                first.display(),
                checkpoint.path().display()
            )));
        }
    }
    Ok(())
}

/// Makes sure that no seed counts twice: a run's name has its environment, model and seed in it.
///
/// # Errors
/// [`Error::Usage`] if two folders hold runs of the same name.
pub(crate) fn check_seeds_once<'r>(
    runs: impl IntoIterator<Item = (String, &'r Path)>,
) -> Result<()> {
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
