//! A result that is kept to be read back, with its hash beside it, so that damage is seen.
//!
//! The hash stands in `NAME.sha256`, as `sha256sum` writes it: a file under another name is damaged too.

use std::path::{Path, PathBuf};

use super::disk;
use crate::error::Result;

/// What is there under a name.
#[derive(Debug, PartialEq, Eq)]
pub enum Kept {
    /// What was written.
    Whole(Vec<u8>),
    /// Something else, or something that cannot be read.
    Damaged,
    /// Nothing.
    Missing,
}

/// Keeps a result.
///
/// # Errors
/// [`crate::Error::Io`] naming the file.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    disk::write(&sum_of(path), sum(path, bytes).as_bytes())?;
    disk::write(path, bytes)
}

/// Reads a result back.
pub fn read(path: &Path) -> Kept {
    if !path.exists() {
        return Kept::Missing;
    }
    match (disk::read(path), disk::read(&sum_of(path))) {
        (Ok(bytes), Ok(found)) if found == sum(path, &bytes).as_bytes() => Kept::Whole(bytes),
        _ => Kept::Damaged,
    }
}

fn sum(path: &Path, bytes: &[u8]) -> String {
    format!("{}  {}\n", disk::hash(bytes), name(path))
}

fn sum_of(path: &Path) -> PathBuf {
    path.with_file_name(format!("{}.sha256", name(path)))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
