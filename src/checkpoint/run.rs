//! The folder of a run: configuration, and which checkpoints it holds.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::lock::Lock;
pub use super::logs::{EVALUATIONS, TIMING, read_evaluations, read_timing, write_evaluations};
use super::save::MANIFEST;
use super::{disk, point};
use crate::error::{Error, Result};

/// File of the resolved configuration.
pub const RUN: &str = "run.toml";

/// Locks the folder of a run for training, and removes what processes that were killed left: what is half
/// written, and points before the latest.
///
/// # Errors
/// [`Error::InUse`] naming the process that trains it; [`Error::Io`] naming a folder.
pub fn lock(folder: &Path) -> Result<Lock> {
    let lock = Lock::folder(folder)?;
    for inside in point::folders(folder)? {
        disk::remove_partials(&inside, "")?;
    }
    point::remove_others(folder)?;
    Ok(lock)
}

/// Makes the folder of a new run.
///
/// # Errors
/// [`Error::RunExists`] if there is one already; [`Error::Usage`] if there are checkpoints of one.
pub fn create(folder: &Path, config: &impl Serialize) -> Result<()> {
    if folder.join(RUN).exists() {
        return Err(Error::RunExists(folder.into()));
    }
    if has_checkpoints(folder)? {
        return Err(Error::Usage(format!(
            "{} holds checkpoints but no {RUN} that says how they were trained; put it back, choose \
             another --out, or remove the folder to train anew",
            folder.display()
        )));
    }
    disk::create_dir(folder)?;
    write_config(folder, config)
}

/// Returns whether a run has ever reached a checkpoint.
///
/// # Errors
/// [`Error::Io`] naming the folder.
pub fn has_checkpoints(folder: &Path) -> Result<bool> {
    Ok(folder.join(TIMING).exists() || disk::entries(folder)?.iter().any(|path| is_step(path)))
}

fn is_step(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-"))
}

/// Writes the configuration of a run.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn write_config(folder: &Path, config: &impl Serialize) -> Result<()> {
    let text = toml::to_string(config)
        .map_err(|e| Error::Config { path: folder.join(RUN), reason: e.to_string() })?;
    disk::write(&folder.join(RUN), text.as_bytes())
}

/// Reads a configuration file; unknown keys are errors.
///
/// # Errors
/// [`Error::Io`] or [`Error::Config`].
pub fn read_config<C: DeserializeOwned>(path: &Path) -> Result<C> {
    let bytes = disk::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    toml::from_str(&text)
        .map_err(|e| Error::Config { path: path.into(), reason: place_and_reason(&text, &e) })
}

/// Checks that a run is of one of some algorithms, which `reader` reads.
///
/// # Errors
/// [`Error::Usage`] naming the algorithm if it is not; else as [`read_config`].
pub fn check_algo(folder: &Path, known: &[&str], reader: &str) -> Result<()> {
    let algo = algo(folder)?;
    if known.contains(&&*algo) {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "{} is a run of hyperl-train {algo}; {reader} reads those of {}",
        folder.display(),
        known.join(" and ")
    )))
}

/// Returns the algorithm of a run, which its settings name.
///
/// # Errors
/// As [`read_config`]; [`Error::Config`] if they name none.
pub fn algo(folder: &Path) -> Result<String> {
    let path = folder.join(RUN);
    let table: toml::Table = read_config(&path)?;
    let algo = table.get("algo").and_then(toml::Value::as_str);
    algo.map(str::to_owned).ok_or_else(|| {
        let found = if table.is_empty() { "it is empty" } else { "it names no algorithm" };
        let reason = format!(
            "{found}: expected `algo` and all other settings of a run; copy the file again, or train the \
             run anew"
        );
        Error::Config { path, reason }
    })
}

/// Returns what is wrong with a TOML text in one line, with its line number where it is known.
fn place_and_reason(text: &str, error: &toml::de::Error) -> String {
    let Some(span) = error.span() else {
        return error.to_string().trim().replace('\n', "; ");
    };
    let line = 1 + text.get(..span.start).unwrap_or_default().matches('\n').count();
    format!("line {line}: {}", error.message().trim().replace('\n', "; "))
}

/// Returns the checkpoints of a run, in order of steps. Copies beside them under other names, such as
/// `step-000010000.old`, are none.
///
/// # Errors
/// [`Error::Io`] naming the folder.
pub fn checkpoints(folder: &Path) -> Result<Vec<PathBuf>> {
    let whole = |path: PathBuf| Some((step_of(&path)?, path)).filter(|(_, path)| is_whole(path));
    let mut all: Vec<(u64, PathBuf)> =
        disk::entries(folder)?.into_iter().filter_map(whole).collect();
    all.sort();
    Ok(all.into_iter().map(|(_, path)| path).collect())
}

fn is_whole(path: &Path) -> bool {
    path.join(MANIFEST).is_file()
}

/// Returns the step that the name of a checkpoint's folder says; `None` for another name.
pub(super) fn step_of(path: &Path) -> Option<u64> {
    let digits = path.file_name()?.to_str()?.strip_prefix("step-")?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}
