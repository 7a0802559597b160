//! The latest point of a run: a folder `resume/point-…` with tensors and `point.json`, which holds the
//! hashes of all else; `resume/latest` names the folder and the hash of that file.
//!
//! A new point is complete before `latest` names it; what no point needs is removed after that. Until the
//! first one is complete, `latest` says so: a run that is killed then starts anew, and makes the same again.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::disk;
use super::tensors::TensorSet;
use crate::error::{Error, Result};

/// Folder of the point inside a run.
const RESUME: &str = "resume";

const LATEST: &str = "latest";

/// Folder of the replay buffer inside it.
pub(super) const REPLAY: &str = "replay";

/// What `latest` says before the first point.
const NONE_YET: &str = "none yet";

/// File of the tensors inside a point.
pub(super) const TENSORS: &str = "state.safetensors";

/// File that describes a point.
pub(super) const POINT: &str = "point.json";

/// Returns the folder in which a run keeps its point.
pub(super) fn folder(run: &Path) -> PathBuf {
    run.join(RESUME)
}

/// Notes that a run has no point yet; before its first checkpoint, which is made before the point.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn begin(run: &Path) -> Result<()> {
    disk::create_dir(&folder(run))?;
    disk::write(&folder(run).join(LATEST), format!("{NONE_YET}\n").as_bytes())
}

/// Writes the point called `point-NAME` and makes it the latest; `describe` gets the hash of the tensors.
///
/// # Errors
/// [`Error::Io`] naming the file.
///
/// # Panics
/// Never: a point is plain data.
pub(super) fn write<P: Serialize>(
    run: &Path,
    name: &str,
    tensors: &TensorSet,
    describe: impl FnOnce(String) -> P,
) -> Result<()> {
    let (resume, name) = (folder(run), format!("point-{name}"));
    disk::create_dir(&resume)?;
    disk::write_dir(&resume.join(&name), |partial| {
        tensors.write(&partial.join(TENSORS))?;
        let point = describe(disk::hash_part(&partial.join(TENSORS))?);
        let text = serde_json::to_vec_pretty(&point).expect("a point is plain data");
        disk::write(&partial.join(POINT), &text)
    })?;
    let hash = disk::hash_part(&resume.join(&name).join(POINT))?;
    disk::write(&resume.join(LATEST), format!("{name} {hash}\n").as_bytes())?;
    remove_others(run)
}

/// Removes all points but the latest; none, if `latest` names none that is there.
///
/// # Errors
/// [`Error::Io`] naming a folder.
pub(super) fn remove_others(run: &Path) -> Result<()> {
    let resume = folder(run);
    let text = std::fs::read_to_string(resume.join(LATEST)).unwrap_or_default();
    let latest = text.split_whitespace().next().unwrap_or_default();
    if !latest.starts_with("point-") || !resume.join(latest).is_dir() {
        return Ok(());
    }
    for path in disk::entries(&resume)? {
        let other = path.file_name().unwrap_or_default().to_string_lossy();
        if other.starts_with("point-") && other != latest {
            disk::remove_dir(&path)?;
        }
    }
    Ok(())
}

/// Returns the folders in which points are written.
///
/// # Errors
/// [`Error::Io`] naming a folder.
pub(super) fn folders(run: &Path) -> Result<Vec<PathBuf>> {
    let replay = folder(run).join(REPLAY);
    let tasks = disk::entries(&replay)?.into_iter().filter(|path| path.is_dir()).collect();
    Ok([vec![folder(run), replay], tasks].concat())
}

/// Returns the folder and the content of the latest point, if there is one.
///
/// # Errors
/// [`Error::Corrupt`] naming the file that is damaged.
pub(super) fn latest<P: DeserializeOwned>(run: &Path) -> Result<Option<(PathBuf, P)>> {
    let pointer = folder(run).join(LATEST);
    if !pointer.is_file() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&disk::read(&pointer)?).into_owned();
    if text.trim() == NONE_YET {
        return Ok(None);
    }
    let mut words = text.split_whitespace();
    let Some(name) = words.next().filter(|name| name.starts_with("point-")) else {
        let reason = format!("it should name a point, and says '{}'", text.trim());
        return Err(Error::Corrupt { path: pointer, reason });
    };
    let folder = folder(run).join(name);
    let file = folder.join(POINT);
    let bytes = disk::read_part(&file)?;
    // Points of early runs have no hash.
    if words.next().is_some_and(|hash| disk::hash(&bytes) != hash) {
        let reason = "its SHA-256 differs from the one in resume/latest".into();
        return Err(Error::Corrupt { path: file, reason });
    }
    let point = serde_json::from_slice(&bytes)
        .map_err(|e| Error::Corrupt { path: file, reason: e.to_string() })?;
    Ok(Some((folder, point)))
}

/// Returns the latest point, or nothing if the run stopped before its first one; `reached` says that it has
/// checkpoints, which are only made where a point is saved too.
///
/// # Errors
/// As [`latest`]; [`Error::Usage`] if the run has checkpoints and no point.
pub(super) fn to_continue<P: DeserializeOwned>(
    run: &Path,
    reached: bool,
) -> Result<Option<(PathBuf, P)>> {
    let point = latest(run)?;
    if point.is_none() && reached && !folder(run).join(LATEST).is_file() {
        return Err(Error::Usage(format!(
            "{} has checkpoints but no {RESUME}/{LATEST} from which to continue; put its folder {RESUME} \
             back, choose another --out, or remove the run to train it anew",
            run.display()
        )));
    }
    Ok(point)
}
