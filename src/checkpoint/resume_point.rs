//! The point from which a run continues as if it had never stopped: a folder `resume/point-…` with the
//! tensors and `point.json`, which holds the hashes of all else; `resume/latest` names the folder and the
//! hash of that file. What is remembered is appended in `resume/replay`, a folder for each buffer.
//!
//! A new point is complete before `latest` names it; what no point needs is removed after that. Until the
//! first one is complete, `latest` says so: a run that is killed then starts anew, and makes the same again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Tensor;

use super::load::visited;
use super::lock::Lock;
use super::replay_log::{self, ReplayLog};
use super::run::has_checkpoints;
use super::save::add_visited;
use super::tensors::{TensorFile, TensorSet};
use super::{disk, networks, run_log};
use crate::algo::Algo;
use crate::algo::learner::Part;
use crate::algo::trainer::{State, Trainer};
use crate::env::Snapshot;
use crate::error::{Error, Result};

/// Folder of the point inside a run.
const RESUME: &str = "resume";

/// File that names the point.
const LATEST: &str = "latest";

/// What `latest` says before the first point.
const NONE_YET: &str = "none yet";

/// Folder of the replay buffers.
const REPLAY: &str = "replay";

/// File of the tensors inside a point.
const TENSORS: &str = "state.safetensors";

/// File that describes a point.
const POINT: &str = "point.json";

/// Version of the layout; another one is refused.
const FORMAT: u32 = 2;

/// Names of the tensors beside the networks'.
const SIMULATOR: &str = "env";
const VISITED: &str = "reservoir";

/// Counters and file list of one point.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    /// Always [`FORMAT`].
    hyperl_resume: u32,
    algo: Algo,
    counters: Value,
    seconds: Vec<f64>,
    /// Steps taken by the optimiser of each network.
    adam_steps: Vec<u64>,
    tensors_hash: String,
    replays: Vec<ReplayLog>,
}

/// Notes that a run has no point yet; before its first checkpoint, which is made before the point.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn begin(run: &Path) -> Result<()> {
    let resume = run.join(RESUME);
    disk::create_dir(&resume)?;
    disk::write(&resume.join(LATEST), format!("{NONE_YET}\n").as_bytes())
}

/// Returns the steps or iterations at the point from which a run would continue.
pub(crate) fn reached(run: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(run.join(RESUME).join(LATEST)).ok()?;
    let place = text.split_whitespace().next()?.strip_prefix("point-")?;
    place.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Locks the folder of a run for training, and removes what processes that were killed left: what is half
/// written, and what its latest point does not need.
///
/// # Errors
/// [`Error::InUse`] naming the process that trains it; [`Error::Io`] naming a folder.
pub fn lock(folder: &Path) -> Result<Lock> {
    let lock = Lock::folder(folder)?;
    for inside in folders(folder)? {
        disk::remove_partials(&inside, "")?;
    }
    // One that cannot be read is told where it is loaded.
    if let Ok(Some((point, Point { replays, .. }))) = latest(folder) {
        remove_unneeded(folder, &point, &replays)?;
    }
    Ok(lock)
}

fn folders(run: &Path) -> Result<Vec<PathBuf>> {
    let replay = run.join(RESUME).join(REPLAY);
    let buffers = disk::entries(&replay)?.into_iter().filter(|path| path.is_dir()).collect();
    Ok([vec![run.join(RESUME), replay], buffers].concat())
}

fn replay(run: &Path, buffer: usize) -> PathBuf {
    run.join(RESUME).join(REPLAY).join(format!("{buffer:03}"))
}

/// Saves the present point.
///
/// # Errors
/// [`Error::Diverged`] if training has diverged, whose point would take the place of a good one;
/// [`Error::Io`] naming the file.
pub fn save(run: &Path, trainer: &dyn Trainer) -> Result<()> {
    let State { counters, seconds, simulator, visited } = trainer.state()?;
    let mut saved = match latest(run)? {
        // The state of a moment is always the same; a complete point is not touched again.
        Some((_, point)) if point.counters == counters => return Ok(()),
        Some((_, point)) => point.replays,
        None => Vec::new(),
    };
    trainer.check()?;
    saved.resize_with(trainer.replays().len(), ReplayLog::default);
    let buffers = trainer.replays().into_iter().zip(saved).enumerate();
    let replays = buffers
        .map(|(buffer, (memory, saved))| saved.append(&replay(run, buffer), memory))
        .collect::<Result<Vec<_>>>()?;
    let parts = trainer.parts();
    let mut tensors = networks::weights(&trainer.weights())?;
    networks::add_moments(&mut tensors, &parts)?;
    if let Some(Snapshot(numbers)) = simulator {
        tensors.add(SIMULATOR.into(), &Tensor::from_slice(&numbers))?;
        add_visited(&mut tensors, VISITED, &visited)?;
    }
    let within = trainer.within().map_or_else(String::new, |updates| format!("-{updates:06}"));
    let mut name = format!("point-{:09}{within}", trainer.made());
    // A frozen actor's transitions are collected before any update is made: the point before has the same name.
    if run.join(RESUME).join(&name).exists() {
        name.push_str("-again");
    }
    let point = Point {
        hyperl_resume: FORMAT,
        algo: trainer.config().algo(),
        counters,
        seconds,
        adam_steps: parts.iter().map(|part| part.adam.steps()).collect(),
        tensors_hash: String::new(),
        replays,
    };
    let (point, replays) = write(run, &name, &tensors, point)?;
    remove_unneeded(run, &point, &replays)
}

/// Writes a point and makes it the latest; returns its folder and the files that its buffers need.
fn write(
    run: &Path,
    name: &str,
    tensors: &TensorSet,
    mut point: Point,
) -> Result<(PathBuf, Vec<ReplayLog>)> {
    let resume = run.join(RESUME);
    disk::create_dir(&resume)?;
    disk::write_dir(&resume.join(name), |partial| {
        tensors.write(&partial.join(TENSORS))?;
        point.tensors_hash = disk::hash_part(&partial.join(TENSORS))?;
        disk::write(&partial.join(POINT), &disk::json(&point)?)
    })?;
    let hash = disk::hash_part(&resume.join(name).join(POINT))?;
    disk::write(&resume.join(LATEST), format!("{name} {hash}\n").as_bytes())?;
    Ok((resume.join(name), point.replays))
}

/// Removes all points of a run but this one, and the rows of buffers that it does not need.
fn remove_unneeded(run: &Path, point: &Path, replays: &[ReplayLog]) -> Result<()> {
    for path in disk::entries(&run.join(RESUME))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("point-") && path != point {
            disk::remove_dir(&path)?;
        }
    }
    for (buffer, log) in replays.iter().enumerate() {
        replay_log::remove_unneeded(&replay(run, buffer), log)?;
    }
    Ok(())
}

/// Returns the folder and the content of the latest point, if there is one.
fn latest(run: &Path) -> Result<Option<(PathBuf, Point)>> {
    let pointer = run.join(RESUME).join(LATEST);
    if !pointer.is_file() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&disk::read(&pointer)?).into_owned();
    if text.trim() == NONE_YET {
        return Ok(None);
    }
    let mut words = text.split_whitespace();
    let Some(name) = words.next().filter(|name| name.starts_with("point-")) else {
        let reason = format!("it should name a point, and says '{}'", text.trim().escape_debug());
        return Err(Error::Corrupt { path: pointer, reason });
    };
    let folder = run.join(RESUME).join(name);
    let file = folder.join(POINT);
    let bytes = disk::read_part(&file)?;
    // Points of early runs have no hash.
    if words.next().is_some_and(|hash| disk::hash(&bytes) != hash) {
        let reason = "its SHA-256 differs from the one in resume/latest".into();
        return Err(Error::Corrupt { path: file, reason });
    }
    let damaged =
        |e: serde_json::Error| Error::Corrupt { path: file.clone(), reason: e.to_string() };
    let raw: Value = serde_json::from_slice(&bytes).map_err(damaged)?;
    if raw.get("hyperl_resume").and_then(Value::as_u64) != Some(FORMAT.into()) {
        return Err(of_earlier_version(run));
    }
    Ok(Some((folder, serde_json::from_value(raw).map_err(damaged)?)))
}

/// Returns the error of a run that an earlier version wrote.
fn of_earlier_version(run: &Path) -> Error {
    Error::Usage(format!(
        "{} was saved by an earlier version of hyperl; train it anew with another --out, or finish it with the \
         version that wrote it",
        run.display()
    ))
}

/// Returns the latest point; `None` if the run stopped before its first one.
fn to_continue(run: &Path) -> Result<Option<(PathBuf, Point)>> {
    let point = latest(run)?;
    // Checkpoints are only made where a point is saved too.
    if point.is_none() && has_checkpoints(run)? && !run.join(RESUME).join(LATEST).is_file() {
        if run_log::are_of_version_1(run) {
            return Err(of_earlier_version(run));
        }
        return Err(Error::Usage(format!(
            "{} has checkpoints but no {RESUME}/{LATEST} from which to continue; put its folder {RESUME} \
             back, choose another --out, or remove the run to train it anew",
            run.display()
        )));
    }
    Ok(point)
}

/// Brings a freshly made run to the latest saved point; returns whether there is one. There is none if the
/// run stopped before its first checkpoint and saved nothing.
///
/// # Errors
/// [`Error::Corrupt`] naming a file that is damaged; [`Error::Usage`] if the run has checkpoints and no
/// point, or an earlier version wrote it.
pub fn load(run: &Path, trainer: &mut dyn Trainer) -> Result<bool> {
    let Some((folder, point)) = to_continue(run)? else { return Ok(false) };
    let path = folder.join(POINT);
    let damaged = |reason: &str| Error::Corrupt { path: path.clone(), reason: reason.into() };
    let file = TensorFile::open(&folder.join(TENSORS), &point.tensors_hash)?;
    networks::copy_weights(&file, &trainer.weights())?;
    let moments = networks::moments(&file, &trainer.parts())?;
    let lists = [point.adam_steps.len(), point.replays.len()];
    if lists != [moments.len(), trainer.replays().len()] {
        return Err(damaged("it is of other networks or buffers than the run"));
    }
    networks::restore_moments(trainer.optimisers(), &moments, &point.adam_steps);
    check_networks(&folder, trainer)?;
    for (buffer, (memory, log)) in trainer.replays_mut().into_iter().zip(&point.replays).enumerate()
    {
        log.restore(&replay(run, buffer), memory, &path)?;
    }
    let has_simulator = file.shapes()?.iter().any(|(name, _)| name == SIMULATOR);
    let simulator = has_simulator.then(|| file.tensor(SIMULATOR)).transpose()?;
    let visited = if has_simulator { visited(&file, VISITED)? } else { Vec::new() };
    let simulator = simulator.map(Vec::<f64>::try_from).transpose()?.map(Snapshot);
    let state = State { counters: point.counters, seconds: point.seconds, simulator, visited };
    let restored = trainer.restore(state)?;
    restored.ok_or_else(|| damaged("a random stream or number in it is not readable"))?;
    Ok(true)
}

/// Checks the networks of a point, since earlier versions saved points of runs that had diverged.
fn check_networks(point: &Path, trainer: &dyn Trainer) -> Result<()> {
    let say = |error| {
        let point = point.display();
        Error::NonFinite(format!(
            "{point}: {error}: training had diverged before it was saved; train anew with lower learning \
             rates"
        ))
    };
    trainer.parts().iter().try_for_each(Part::check).map_err(say)
}
