//! What a run writes down, as TensorBoard reads it: a file of events in the run's folder `tensorboard`.
//!
//! | tag | from |
//! |---|---|
//! | `eval/mean_reward` | the mean return of an evaluation; of tasks, `eval/test_after_mean_reward` and its like |
//! | `train/NAME` | what `progress.csv` tells of the algorithm: `critic_loss` and `actor_loss` of TD3 and SAC, `q1`, `policy`, … |
//! | `time/time_elapsed`, `time/fps` | seconds of training, and steps a second since its start |
//! | `time/NAME_seconds` | seconds of a part of an iteration |
//! | `gradient/kappa`, `gradient/gain`, `gradient/inside` | what `hyperl-analyze cosine --track` measured, in `tensorboard/gradient` |
//!
//! Those of TD3 and SAC are Stable-Baselines3's. The run's tables are what counts: whoever goes on with a run by `--track`
//! writes the file anew from them, and removes the former one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crc::{CRC_32_ISCSI, Crc};
use prost::{Message, Oneof};

use super::disk;
use super::run_log::RunLog;
use crate::algo::{Evaluated, Stage};
use crate::env::TaskList;
use crate::error::{Error, Result};

/// Folder of the events, in that of a run.
pub(crate) const FOLDER: &str = "tensorboard";

/// Folder of the events of analyses, in that one.
pub(crate) const GRADIENT: &str = "gradient";

/// How the names of TensorBoard's files begin.
const PREFIX: &str = "events.out.tfevents.";

/// What the first record says.
const VERSION: &str = "brain.Event:2";

/// `SessionLog.START`: what came at this step or later is void.
const START: i32 = 1;

/// A file of events that grows.
pub(crate) struct Events {
    path: PathBuf,
    file: File,
}

impl Events {
    /// Starts a file in a folder, and removes those that are there.
    ///
    /// # Errors
    /// [`Error::Io`] naming file or folder.
    pub(crate) fn anew(folder: &Path) -> Result<Self> {
        disk::create_dir(folder)?;
        let is_ours = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(PREFIX) && path.is_file()
        };
        let former: Vec<_> = disk::entries(folder)?.into_iter().filter(is_ours).collect();
        let now = now();
        let (seconds, nanos, process) = (now.as_secs(), now.subsec_nanos(), std::process::id());
        let path = folder.join(format!("{PREFIX}{seconds:010}.{nanos}.{process}"));
        let file = File::create_new(&path).map_err(Error::io("create", &path))?;
        let mut events = Self { path, file };
        events.send(0, Payload::FileVersion(VERSION.into()))?;
        // A TensorBoard that is open may have read the former ones.
        events.send(0, Payload::SessionLog(SessionLog { status: START }))?;
        for path in former {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
        Ok(events)
    }

    /// Writes numbers of one moment, each below its tag; those that are none are left out.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub(crate) fn scalars(&mut self, at: u64, numbers: &[(String, f64)]) -> Result<()> {
        let numbers = numbers.iter().filter(|(_, number)| !number.is_nan());
        let value =
            |(tag, number): &(String, f64)| Value { tag: tag.clone(), number: *number as f32 };
        let values: Vec<Value> = numbers.map(value).collect();
        if values.is_empty() { Ok(()) } else { self.send(at, Payload::Summary(Summary { values })) }
    }

    fn send(&mut self, at: u64, what: Payload) -> Result<()> {
        let event = Event { wall_time: now().as_secs_f64(), step: at as i64, what: Some(what) };
        let record = record(&event.encode_to_vec());
        self.file.write_all(&record).map_err(Error::io("write", &self.path))
    }
}

/// Writes the events of a run as its tables grow.
pub(crate) struct Follower {
    events: Events,
    evaluated: usize,
    progress: usize,
}

impl Follower {
    /// Writes what a run has written down so far, in place of the events of whoever trained it before.
    ///
    /// # Errors
    /// [`Error::Io`] naming file or folder.
    pub(crate) fn start(run: &Path, log: &RunLog) -> Result<Self> {
        let events = Events::anew(&run.join(FOLDER))?;
        let mut follower = Self { events, evaluated: 0, progress: 0 };
        follower.follow(log)?;
        Ok(follower)
    }

    /// Writes what came to the tables since.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub(crate) fn follow(&mut self, log: &RunLog) -> Result<()> {
        for ((at, tag), mean) in means(&log.evaluated[self.evaluated..]) {
            self.events.scalars(at, &[(tag, mean)])?;
        }
        for (at, row) in &log.progress[self.progress..] {
            self.events.scalars(*at, &numbers_by_tag(log.columns(), *at, row))?;
        }
        (self.evaluated, self.progress) = (log.evaluated.len(), log.progress.len());
        Ok(())
    }
}

/// Returns the mean return of each moment and tag. Where there are tasks, a list's mean is a row of its own.
fn means(evaluated: &[Evaluated]) -> BTreeMap<(u64, String), f64> {
    let mut all: BTreeMap<(u64, String), Vec<f64>> = BTreeMap::new();
    for row in evaluated.iter().filter(|row| row.task.is_none()) {
        let of = [row.split.map(TaskList::name), row.stage.map(Stage::name)];
        let words: Vec<&str> = of.into_iter().flatten().chain(["mean_reward"]).collect();
        all.entry((row.at, format!("eval/{}", words.join("_")))).or_default().push(row.total);
    }
    let mean = |returns: Vec<f64>| returns.iter().sum::<f64>() / returns.len() as f64;
    all.into_iter().map(|(key, returns)| (key, mean(returns))).collect()
}

/// The time since 1970.
#[allow(clippy::disallowed_methods, reason = "TensorBoard tells when something was written")]
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Returns the numbers in a row of progress by tag.
fn numbers_by_tag(columns: &[&str], at: u64, row: &[f64]) -> Vec<(String, f64)> {
    let mut all = Vec::new();
    for (&name, &number) in columns.iter().zip(row) {
        if name == "seconds" {
            all.push(("time/time_elapsed".into(), number));
            all.push(("time/fps".into(), at as f64 / number));
        } else {
            let folder = if name.ends_with("_seconds") { "time" } else { "train" };
            all.push((format!("{folder}/{name}"), number));
        }
    }
    all
}

/// Returns data as a record of a TFRecord file: length, its checksum, data, their checksum.
fn record(data: &[u8]) -> Vec<u8> {
    const CASTAGNOLI: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
    // Checksums are masked, so that data which hold checksums are no easy prey to chance.
    let masked =
        |bytes: &[u8]| CASTAGNOLI.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8);
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length).to_le_bytes(), data, &masked(data).to_le_bytes()].concat()
}

/// TensorFlow's `Event`, as far as it is used here (`tensorflow/core/util/event.proto`).
#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "Payload", tags = "3, 5, 7")]
    what: Option<Payload>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Payload {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, tag = "2")]
    number: f32,
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}
