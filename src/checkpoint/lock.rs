//! A folder, or one thing in it, that a single process works on.
//!
//! The lock is the kernel's (`flock`) on a hidden file, so that it ends with the process, however that ends.
//! The file says who holds it, and goes when the lock is given back. Readers need no lock: whatever they can
//! see is whole (see [`disk`]).

use std::borrow::Cow;
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::disk;
use crate::error::{Error, Result};

/// How often, and after how long, a lock is tried again whose holder is not known yet or is just leaving.
const TRIES: (u32, Duration) = (50, Duration::from_millis(20));

/// Characters of a command that are kept.
const LONGEST: usize = 200;

/// A lock; it is given back when this is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Locks a folder, which is made if it is not there, and removes what dead processes left half written
    /// in it.
    ///
    /// # Errors
    /// [`Error::InUse`] naming the process that has it; [`Error::Io`] naming the file.
    pub fn folder(folder: &Path) -> Result<Self> {
        disk::create_dir(folder)?;
        let lock = Self::take(folder, &folder.join(".lock"))?;
        disk::remove_partials(folder, "")?;
        Ok(lock)
    }

    /// Locks one thing in a folder, a file or a folder, which need not be there yet, and removes what dead processes left of it
    /// half written.
    ///
    /// # Errors
    /// As [`Self::folder`].
    pub fn beside(path: &Path) -> Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let lock = Self::take(path, &file_beside(path))?;
        disk::remove_partials(folder, &name_of(path))?;
        disk::remove_partials(path, "")?; // if it is a folder
        Ok(lock)
    }

    /// Removes what a process left of one thing that died before it could give its lock back. Nothing happens if a
    /// process holds the lock, or if the folder cannot be written.
    pub(crate) fn clear_beside(path: &Path) {
        if file_beside(path).is_file() {
            drop(Self::beside(path));
        }
    }

    /// Says who holds the lock of a folder, if anybody does; the lock itself is left alone.
    pub(crate) fn holder(folder: &Path) -> Option<String> {
        let path = folder.join(".lock");
        let file = File::open(&path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {}
            Ok(()) | Err(TryLockError::Error(_)) => return None,
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let signed = Signed::of(&text);
        Some(signed.map_or("another process".into(), |signed| signed.to_string()))
    }

    /// Returns whether the process that held the lock of a folder died and left files for the next one to remove.
    pub(crate) fn is_left(folder: &Path) -> bool {
        folder.join(".lock").is_file() && Self::holder(folder).is_none()
    }

    /// Locks `path` for `what`.
    fn take(what: &Path, path: &Path) -> Result<Self> {
        let failed = || Error::io("lock", what);
        let (tries, pause) = TRIES;
        for _ in 0..tries {
            let open = OpenOptions::new().write(true).create(true).truncate(false).open(path);
            let file = open.map_err(failed())?;
            match file.try_lock() {
                Ok(()) if is_at(&file, path) => return Self::sign(file, path),
                Ok(()) => {} // its last holder has removed it
                Err(TryLockError::WouldBlock) => {
                    if let Some(holder) = living_holder(path) {
                        return Err(Error::InUse { path: what.into(), holder });
                    }
                }
                Err(TryLockError::Error(source)) => return Err(failed()(source)),
            }
            std::thread::sleep(pause);
        }
        Err(Error::InUse { path: what.into(), holder: "another process".into() })
    }

    /// Writes the holder's name into the file.
    fn sign(mut file: File, path: &Path) -> Result<Self> {
        let words: Vec<String> =
            std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        let command: String = words.join(" ").replace('\n', " ").chars().take(LONGEST).collect();
        let text = format!("{} {} {command}\n", std::process::id(), host());
        file.set_len(0)
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(Error::io("write", path))?;
        Ok(Self { path: path.into(), _file: file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is held: who opened it before finds that it is gone, and asks again.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Returns the file of the lock of one thing in a folder.
fn file_beside(path: &Path) -> PathBuf {
    path.with_file_name(format!(".{}.lock", name_of(path)))
}

fn name_of(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// Returns whether an open file is the one that has this path now.
fn is_at(file: &File, path: &Path) -> bool {
    let id = |m: std::fs::Metadata| (m.dev(), m.ino());
    let (open, there) = (file.metadata().map(id), std::fs::metadata(path).map(id));
    matches!((open, there), (Ok(open), Ok(there)) if open == there)
}

/// Says who holds a lock; `None` if its file names nobody, or a process of this machine that has ended.
fn living_holder(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let signed = Signed::of(&text)?;
    let here = signed.host == host();
    (!here || disk::is_alive(signed.process)).then(|| signed.to_string())
}

/// What a lock's file says of its holder.
struct Signed<'t> {
    process: u32,
    host: &'t str,
    command: &'t str,
}

impl<'t> Signed<'t> {
    fn of(text: &'t str) -> Option<Self> {
        let (process, rest) = text.trim().split_once(' ')?;
        let (host, command) = rest.split_once(' ')?;
        Some(Self { process: process.parse().ok()?, host, command })
    }
}

impl fmt::Display for Signed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { process, host: on, command } = self;
        let machine = if *on == host() { String::new() } else { format!(" on {on}") };
        write!(f, "process {process}{machine} ({command})")
    }
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() || name.contains(' ') { "localhost".into() } else { name.into() }
}
