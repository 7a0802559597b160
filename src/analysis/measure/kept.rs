//! Rows of checkpoints, each kept in a file of its own as soon as it is measured: an interrupted measurement goes
//! on where it stopped, and what several commands ask for is measured once, by one process at a time.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cosine::{Cosine, Work, in_checkpoint};
use super::policy_cosine::{self, Judged};
use super::promise::{self, Promised};
use super::subject::Subject;
use super::value_error::{Learned, Unit};
use crate::analysis::bank::BankFile;
use crate::analysis::table::{self, StateRow};
use crate::checkpoint::kept::{self, Kept};
use crate::checkpoint::lock::Lock;
use crate::checkpoint::{Checkpoint, disk};
use crate::error::{Error, Result};
use crate::gradient::Settings;

/// Name of the folder of single measurements, beside the folders of results.
pub(crate) const UNITS: &str = "units";

/// Follows the progress of a measurement, and may stop it.
pub(crate) trait Listener: Sync {
    /// More steps were simulated.
    fn steps(&self, more: u64);
    /// One more unit is done.
    fn unit(&self);
    /// Another process measures the same; it is waited for.
    fn waiting(&self, holder: &str);
    /// A kept file is not as it was written: it is measured again.
    fn damaged(&self, path: &Path);
    /// Returns whether nothing more is to be measured.
    fn stops(&self) -> bool;
}

/// A stop was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped {
    /// Whether something was measured before.
    pub saved: bool,
}

/// Where and by whom rows are measured.
pub(crate) struct Keeper<'k> {
    /// Folder of the files, one for each subject and way to measure.
    pub units: &'k Path,
    /// Threads that rollouts are spread over.
    pub workers: &'k Arc<rayon::ThreadPool>,
    /// Follows the progress.
    pub listener: &'k dyn Listener,
}

impl Keeper<'_> {
    /// Returns the rows of each subject, measured now or before.
    pub(crate) fn rows(
        &self,
        subjects: &[Subject],
        how: &Cosine,
    ) -> Result<ControlFlow<Stopped, Vec<Vec<StateRow>>>> {
        self.each(subjects, |subject| self.rows_of(subject, how))
    }

    /// Returns the bank of a checkpoint's policy, made now or before; `None` if a stop was asked for before its turn
    /// came.
    pub(crate) fn bank(
        &self,
        checkpoint: &Checkpoint,
        settings: &Settings,
    ) -> Result<Option<BankFile>> {
        let path = self.units.join(format!("{}.parquet", policy_cosine::key(checkpoint, settings)));
        let read = |bytes| BankFile::of_parquet(bytes).ok();
        kept_or_made(&path, self.listener, read, || {
            let progress = |more: u64| self.listener.steps(more);
            let work = Work { workers: self.workers, progress: &progress };
            let file = policy_cosine::make(checkpoint, settings, work)?;
            let bytes = file.to_parquet()?;
            Ok((file, bytes))
        })
    }

    /// Returns what the bank of its policy says of each checkpoint's critic.
    pub(crate) fn judged(
        &self,
        checkpoints: &[Checkpoint],
        settings: &Settings,
    ) -> Result<ControlFlow<Stopped, Vec<Judged>>> {
        self.each(checkpoints, |checkpoint| {
            let judged = |file| policy_cosine::judged(checkpoint, settings, &file);
            let found = self.bank(checkpoint, settings);
            let found = found.and_then(|file| file.map(judged).transpose());
            found.map_err(|e| in_checkpoint(checkpoint.path(), e))
        })
    }

    /// Returns how each checkpoint's critic keeps its promises.
    pub(crate) fn promised(
        &self,
        checkpoints: &[Checkpoint],
        settings: &Settings,
    ) -> Result<ControlFlow<Stopped, Vec<Promised>>> {
        self.each(checkpoints, |checkpoint| {
            let measured = self.json(&promise::key(checkpoint, settings), || {
                let progress = |more: u64| self.listener.steps(more);
                let work = Work { workers: self.workers, progress: &progress };
                promise::measure(checkpoint, settings, work)
            });
            let measured = measured.map_err(|e| in_checkpoint(checkpoint.path(), e))?;
            Ok(measured.map(|measured| Promised::of(checkpoint, measured)))
        })
    }

    /// Returns what critics of a known world learned.
    pub(crate) fn learned(&self, units: &[Unit]) -> Result<ControlFlow<Stopped, Vec<Learned>>> {
        self.each(units, |unit| self.json(&unit.key(), || unit.learn(self.workers)))
    }

    /// Returns what is kept as JSON under a key, or makes and keeps it.
    fn json<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Option<T>> {
        let path = self.units.join(format!("{key}.json"));
        let read = |bytes: Vec<u8>| serde_json::from_slice(&bytes).ok();
        kept_or_made(&path, self.listener, read, || {
            let made = make()?;
            let bytes = disk::json(&made)?;
            Ok((made, bytes))
        })
    }

    /// Measures each of them, until a stop is asked for.
    fn each<S, T>(
        &self,
        subjects: &[S],
        measure: impl Fn(&S) -> Result<Option<T>>,
    ) -> Result<ControlFlow<Stopped, Vec<T>>> {
        disk::create_dir(self.units)?;
        let mut all = Vec::new();
        for subject in subjects {
            let Some(measured) = measure(subject)? else {
                return Ok(ControlFlow::Break(Stopped { saved: !all.is_empty() }));
            };
            all.push(measured);
            self.listener.unit();
        }
        Ok(ControlFlow::Continue(all))
    }

    /// Returns the rows of one subject; `None` if a stop was asked for before its turn came.
    fn rows_of(&self, subject: &Subject, how: &Cosine) -> Result<Option<Vec<StateRow>>> {
        if subject.has_bank(how) {
            let (checkpoint, settings) = (subject.checkpoint, &how.settings);
            let file = self.bank(checkpoint, settings);
            let file = file.map_err(|e| in_checkpoint(checkpoint.path(), e))?;
            let rows = |file| policy_cosine::rows(checkpoint, settings, &file);
            return file.map(rows).transpose();
        }
        let path = self.units.join(format!("{}.parquet", subject.key(how)));
        let read = |bytes| table::of_parquet(bytes).ok().filter(|r| r.len() >= how.settings.states);
        kept_or_made(&path, self.listener, read, || {
            let progress = |more: u64| self.listener.steps(more);
            let rows = subject.rows(how, Work { workers: self.workers, progress: &progress })?;
            let bytes = table::to_parquet(&rows)?;
            Ok((rows, bytes))
        })
    }
}

/// Returns what is kept under `path`, or makes and keeps it, one process at a time; `None` if a stop was asked for
/// before its turn came. `read` decodes bytes, and returns `None` if they cannot be what was written.
fn kept_or_made<T>(
    path: &Path,
    listener: &dyn Listener,
    read: impl Fn(Vec<u8>) -> Option<T>,
    make: impl FnOnce() -> Result<(T, Vec<u8>)>,
) -> Result<Option<T>> {
    let known = || match kept::read(path) {
        Kept::Whole(bytes) => read(bytes).ok_or(true),
        Kept::Damaged => Err(true),
        Kept::Missing => Err(false),
    };
    if let Ok(kept) = known() {
        Lock::clear_beside(path);
        return Ok(Some(kept));
    }
    if listener.stops() {
        return Ok(None);
    }
    let Some(_lock) = in_turn(path, listener)? else { return Ok(None) };
    // By now another process may have made it.
    match known() {
        Ok(kept) => return Ok(Some(kept)),
        Err(true) => listener.damaged(path),
        Err(false) => {}
    }
    let (made, bytes) = make()?;
    kept::write(path, &bytes)?;
    Ok(Some(made))
}

/// Locks what is kept under `path`, once no other process measures it; `None` if a stop was asked for before.
pub(crate) fn in_turn(path: &Path, listener: &dyn Listener) -> Result<Option<Lock>> {
    let mut told = false;
    loop {
        match Lock::beside(path) {
            Err(Error::InUse { holder, .. }) => {
                if !told {
                    listener.waiting(&holder);
                    told = true;
                }
                if listener.stops() {
                    return Ok(None);
                }
                std::thread::sleep(Duration::from_millis(500));
            }
            taken => return taken.map(Some),
        }
    }
}
