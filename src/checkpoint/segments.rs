//! A replay buffer on disk: files of consecutive rows, appended and never rewritten.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::disk;
use crate::algo::replay::Replay;
use crate::error::{Error, Result};

/// Most rows in one file.
const SEGMENT: usize = 65_536;

/// A file of consecutive replay rows, `f32` little endian.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Segment {
    first: u64,
    end: u64,
    hash: String,
}

impl Segment {
    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{:012}-{:012}.bin", self.first, self.end))
    }
}

/// Writes the rows that are not in `saved` yet; returns the files that hold the whole buffer.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub(super) fn append(
    folder: &Path,
    replay: &Replay,
    mut saved: Vec<Segment>,
) -> Result<Vec<Segment>> {
    disk::create_dir(folder)?;
    // Rows that were saved already stay where they are.
    let (oldest, added) = (replay.oldest(), replay.added());
    saved.retain(|s| s.end <= added && s.end > oldest);
    let unsaved = saved.last().map_or(oldest, |s| s.end);
    for first in (unsaved..added).step_by(SEGMENT) {
        let end = added.min(first + SEGMENT as u64);
        let bytes: Vec<u8> = replay.rows(first..end).iter().flat_map(|x| x.to_le_bytes()).collect();
        let segment = Segment { first, end, hash: disk::hash(&bytes) };
        disk::write(&segment.path(folder), &bytes)?;
        saved.push(segment);
    }
    Ok(saved)
}

/// Puts saved rows back into an empty buffer, to which `added` rows had been added in all.
///
/// # Errors
/// [`Error::Corrupt`] naming a file that is missing or damaged, or `point`, which lists them, if they do
/// not end there.
pub(super) fn restore(
    folder: &Path,
    (segments, added): (&[Segment], u64),
    replay: &mut Replay,
    point: &Path,
) -> Result<()> {
    for segment in segments {
        let path = segment.path(folder);
        let bytes = disk::read_part(&path)?;
        if disk::hash(&bytes) != segment.hash {
            let reason = "its SHA-256 differs from the recorded one".into();
            return Err(Error::Corrupt { path, reason });
        }
        let rows: Vec<f32> =
            bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        replay.restore(&rows, segment.end);
    }
    if replay.added() == added {
        return Ok(());
    }
    let reason = format!("its replay segments do not end at row {added}");
    Err(Error::Corrupt { path: point.into(), reason })
}

/// Removes the files that no row of the buffer needs.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub(super) fn remove_unneeded(folder: &Path, segments: &[Segment]) -> Result<()> {
    let needed: Vec<PathBuf> = segments.iter().map(|s| s.path(folder)).collect();
    for path in disk::entries(folder)? {
        if !needed.contains(&path) {
            std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}
