//! A replay buffer on disk: files of consecutive rows, appended and never rewritten.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::disk;
use crate::algo::replay::Replay;
use crate::error::{Error, Result};

/// Most rows in one file.
const MOST_ROWS: usize = 65_536;

/// The files that hold a buffer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayLog {
    /// Rows that were added to the buffer in all.
    added: u64,
    files: Vec<Rows>,
}

/// A file of consecutive rows, `f32` little endian.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    first: u64,
    end: u64,
    hash: String,
}

impl Rows {
    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{:012}-{:012}.bin", self.first, self.end))
    }
}

impl ReplayLog {
    /// Writes the rows that are not on disk yet; returns the files that hold the whole buffer.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub(super) fn append(mut self, folder: &Path, replay: &Replay) -> Result<Self> {
        disk::create_dir(folder)?;
        // Rows that were saved already stay where they are.
        let (oldest, added) = (replay.oldest(), replay.added());
        self.files.retain(|rows| rows.end <= added && rows.end > oldest);
        let unsaved = self.files.last().map_or(oldest, |rows| rows.end);
        for first in (unsaved..added).step_by(MOST_ROWS) {
            let end = added.min(first + MOST_ROWS as u64);
            let bytes: Vec<u8> =
                replay.rows(first..end).iter().flat_map(|x| x.to_le_bytes()).collect();
            let rows = Rows { first, end, hash: disk::hash(&bytes) };
            disk::write(&rows.path(folder), &bytes)?;
            self.files.push(rows);
        }
        Ok(Self { added, files: self.files })
    }

    /// Puts the rows back into an empty buffer; `point` lists them.
    ///
    /// # Errors
    /// [`Error::Corrupt`] naming a file that is missing or damaged, or the point if they do not end where it
    /// says.
    pub(super) fn restore(&self, folder: &Path, replay: &mut Replay, point: &Path) -> Result<()> {
        for file in &self.files {
            let path = file.path(folder);
            let bytes = disk::read_part(&path)?;
            if disk::hash(&bytes) != file.hash {
                let reason = "its SHA-256 differs from the recorded one".into();
                return Err(Error::Corrupt { path, reason });
            }
            let rows: Vec<f32> =
                bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            replay.restore(&rows, file.end);
        }
        if replay.added() == self.added {
            return Ok(());
        }
        let reason = format!("its replay files do not end at row {}", self.added);
        Err(Error::Corrupt { path: point.into(), reason })
    }
}

/// Removes the files that no row of the buffer needs.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub(super) fn remove_unneeded(folder: &Path, log: &ReplayLog) -> Result<()> {
    let needed: Vec<PathBuf> = log.files.iter().map(|rows| rows.path(folder)).collect();
    for path in disk::entries(folder)? {
        if !needed.contains(&path) {
            std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}
