//! The folder of a run: configuration, evaluations, which checkpoints it holds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::lock::Lock;
use super::save::MANIFEST;
use super::{disk, point};
use crate::algo::evaluate::Evaluation;
use crate::error::{Error, Result};

/// File of the resolved configuration.
pub const RUN: &str = "run.toml";
/// File of the greedy episodes.
pub const EVALUATIONS: &str = "evaluations.csv";
/// File of the training time.
pub const TIMING: &str = "timing.csv";

/// Locks the folder of a run for training, and removes what processes that were killed left half written.
///
/// # Errors
/// [`Error::InUse`] naming the process that trains it; [`Error::Io`] naming a folder.
pub fn lock(folder: &Path) -> Result<Lock> {
    let lock = Lock::folder(folder)?;
    for inside in point::folders(folder)? {
        disk::remove_partials(&inside, "")?;
    }
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
    let table: toml::Table = read_config(&folder.join(RUN))?;
    let algo = table.get("algo").and_then(toml::Value::as_str).unwrap_or("td3");
    if known.contains(&algo) {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "{} is a run of hyperl-train {algo}; {reader} reads those of {}",
        folder.display(),
        known.join(" and ")
    )))
}

/// Returns what is wrong with a TOML text in one line, with its line number where it is known.
fn place_and_reason(text: &str, error: &toml::de::Error) -> String {
    let Some(span) = error.span() else {
        return error.to_string().trim().replace('\n', "; ");
    };
    let line = 1 + text.get(..span.start).unwrap_or_default().matches('\n').count();
    format!("line {line}: {}", error.message().trim().replace('\n', "; "))
}

/// Checks that a run may be continued under `config`: everything but its length, the setting called
/// `length`, must agree.
///
/// # Errors
/// [`Error::Mismatch`] naming the first setting that differs.
pub fn check_same<C: Serialize + DeserializeOwned>(
    folder: &Path,
    config: &C,
    length: &str,
) -> Result<()> {
    let stored: C = read_config(&folder.join(RUN))?;
    let as_table = |c: &C| toml::Table::try_from(c).unwrap_or_default();
    let (old, new) = (settings(&as_table(&stored), ""), settings(&as_table(config), ""));
    for key in new.keys().chain(old.keys()) {
        if key != length && old.get(key) != new.get(key) {
            let show = |all: &BTreeMap<String, String>| {
                all.get(key).map_or_else(|| "nothing".into(), Clone::clone)
            };
            return Err(Error::Mismatch {
                what: format!("{key} of {}", folder.display()),
                expected: show(&old),
                found: show(&new),
                remedy: "resume with the settings of the run, or choose another --out".into(),
            });
        }
    }
    Ok(())
}

/// Returns every single setting of a table with its key as on the command line, such as `td3.tau`.
fn settings(table: &toml::Table, path: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (key, value) in table {
        match value.as_table() {
            Some(inner) => all.extend(settings(inner, &format!("{path}{key}."))),
            None => _ = all.insert(format!("{path}{key}"), value.to_string()),
        }
    }
    all
}

/// Writes all evaluations so far.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn write_evaluations(folder: &Path, evaluations: &[Evaluation]) -> Result<()> {
    let mut text = String::from("step,episode,return\n");
    for evaluation in evaluations {
        for (episode, value) in evaluation.returns.iter().enumerate() {
            let _ = writeln!(text, "{},{episode},{value}", evaluation.step);
        }
    }
    disk::write(&folder.join(EVALUATIONS), text.as_bytes())
}

/// Reads the evaluations of a run.
///
/// # Errors
/// [`Error::Io`], or [`Error::Corrupt`] naming the line.
pub fn read_evaluations(folder: &Path) -> Result<Vec<Evaluation>> {
    let path = folder.join(EVALUATIONS);
    let text = String::from_utf8_lossy(&disk::read(&path)?).into_owned();
    let mut evaluations: Vec<Evaluation> = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let parsed = match fields[..] {
            [step, _, value] => step.parse::<u64>().ok().zip(value.parse::<f64>().ok()),
            _ => None,
        };
        let Some((step, value)) = parsed else {
            let reason = format!("line {} is not `step,episode,return`", number + 1);
            return Err(Error::Corrupt { path, reason });
        };
        match evaluations.last_mut() {
            Some(last) if last.step == step => last.returns.push(value),
            _ => evaluations.push(Evaluation { step, returns: vec![value] }),
        }
    }
    Ok(evaluations)
}

/// Reads the seconds of training at each checkpoint of a run; nothing before its first.
///
/// # Errors
/// [`Error::Io`], or [`Error::Corrupt`] naming the line.
pub fn read_timing(folder: &Path) -> Result<Vec<(u64, f64)>> {
    let path = folder.join(TIMING);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = String::from_utf8_lossy(&disk::read(&path)?).into_owned();
    let line = |(number, line): (usize, &str)| {
        let parsed = line.split_once(',').and_then(|(a, b)| a.parse().ok().zip(b.parse().ok()));
        parsed.ok_or_else(|| Error::Corrupt {
            path: path.clone(),
            reason: format!("line {} is not `step,seconds`", number + 1),
        })
    };
    text.lines().enumerate().skip(1).map(line).collect()
}

/// Returns the checkpoints of a run, in order of steps.
///
/// # Errors
/// [`Error::Io`] naming the folder.
pub fn checkpoints(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_whole = |path: &PathBuf| is_step(path) && path.join(MANIFEST).is_file();
    Ok(disk::entries(folder)?.into_iter().filter(is_whole).collect())
}
