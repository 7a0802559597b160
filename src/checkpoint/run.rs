//! The folder of a run: configuration, and which checkpoints it holds.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::run_log::PROGRESS;
use super::save::{MANIFEST, step_folder};
use super::{disk, v1_logs};
use crate::error::{Error, Result};

/// File of the resolved configuration.
pub const RUN: &str = "run.toml";

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
pub(crate) fn has_checkpoints(folder: &Path) -> Result<bool> {
    let told = [PROGRESS, v1_logs::TIMING].iter().any(|name| folder.join(name).exists());
    let is_step = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-"))
    };
    Ok(told || disk::entries(folder)?.iter().any(is_step))
}

/// Returns whether a run has the checkpoint of a step.
pub(crate) fn has_checkpoint(folder: &Path, step: u64) -> bool {
    step_folder(folder, step).join(MANIFEST).is_file()
}

/// Writes the configuration of a run.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub(crate) fn write_config(folder: &Path, config: &impl Serialize) -> Result<()> {
    let text = toml::to_string(config)
        .map_err(|e| Error::Config { path: folder.join(RUN), reason: e.to_string() })?;
    disk::write(&folder.join(RUN), text.as_bytes())
}

/// Reads a configuration file; unknown keys are errors.
///
/// # Errors
/// [`Error::Io`] or [`Error::Config`].
pub(crate) fn read_config<C: DeserializeOwned>(path: &Path) -> Result<C> {
    let bytes = disk::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    toml::from_str(&text)
        .map_err(|e| Error::Config { path: path.into(), reason: place_and_reason(&text, &e) })
}

/// Returns in one line what is wrong with a TOML text, with the line number if it is known.
pub(crate) fn place_and_reason(text: &str, error: &toml::de::Error) -> String {
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
    let whole = |path: PathBuf| {
        let step = step_of(&path)?;
        path.join(MANIFEST).is_file().then_some((step, path))
    };
    let mut all: Vec<(u64, PathBuf)> =
        disk::entries(folder)?.into_iter().filter_map(whole).collect();
    all.sort();
    Ok(all.into_iter().map(|(_, path)| path).collect())
}

/// Returns the step that the name of a checkpoint's folder says; `None` for another name.
pub(super) fn step_of(path: &Path) -> Option<u64> {
    let digits = path.file_name()?.to_str()?.strip_prefix("step-")?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}
