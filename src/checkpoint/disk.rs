//! Files that are there whole or not at all.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Returns the SHA-256 of some bytes, in hexadecimal.
pub fn hash(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Returns the SHA-256 of a part of something larger, in hexadecimal, without holding it in memory.
///
/// # Errors
/// As `read_part`.
pub fn hash_part(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(part(path))?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(Error::io("read", path))? {
            0 => return Ok(hexadecimal(&digest.finalize())),
            length => digest.update(&buffer[..length]),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Reads a whole file.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(Error::io("read", path))
}

/// Reads a whole file that must be there, because something larger consists of it.
///
/// # Errors
/// [`Error::Corrupt`] if it is not there, else [`Error::Io`].
pub(crate) fn read_part(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(part(path))
}

fn part(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| match source.kind() {
        ErrorKind::NotFound => Error::Corrupt { path, reason: "the file is missing".into() },
        _ => Error::Io { action: "read", path, source },
    }
}

/// Returns plain data as JSON that people can read.
///
/// # Errors
/// [`Error::Table`] if it is not plain data.
pub fn json(data: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(data).map_err(|e| Error::Table(e.to_string()))
}

/// Creates a folder and those above it.
///
/// # Errors
/// [`Error::Io`] naming the folder.
pub fn create_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(Error::io("create", path))
}

/// Writes a file beside its place, syncs it and renames it.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = beside(path);
    let whole = || {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    whole().map_err(|e| {
        let _ = fs::remove_file(&partial); // gives the space of a full disk back
        Error::io("write", path)(e)
    })?;
    sync_parent(path)
}

/// Fills a folder beside its place and renames it; an old folder of that name goes. If it holds the same already it
/// stays, for another process may be reading it.
///
/// # Errors
/// Those of `fill`; [`Error::Io`] naming the folder.
pub(crate) fn write_dir(path: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let partial = beside(path);
    let whole = || {
        create_dir(&partial)?;
        fill(&partial).map_err(|e| in_place(e, &partial, path))?;
        if is_same(&partial, path)? {
            return fs::remove_dir_all(&partial).map_err(Error::io("remove", &partial));
        }
        let old = aside(path)?;
        fs::rename(&partial, path).map_err(Error::io("write", path))?;
        old.map_or(Ok(()), |old| fs::remove_dir_all(&old).map_err(Error::io("remove", &old)))
    };
    whole().inspect_err(|_| {
        let _ = fs::remove_dir_all(&partial); // gives the space of a full disk back
    })?;
    sync_parent(path)
}

/// Returns whether two folders hold the same files with the same bytes; no if one is missing, or holds a folder.
fn is_same(one: &Path, other: &Path) -> Result<bool> {
    if !other.is_dir() {
        return Ok(false);
    }
    let (files, others) = (entries(one)?, entries(other)?);
    let is_there = |file: &PathBuf| {
        let twin = other.join(file.file_name().unwrap_or_default());
        let [one, other] = [file, &twin].map(|file| hash_part(file).ok());
        one.is_some() && one == other
    };
    Ok(files.len() == others.len() && files.iter().all(is_there))
}

/// Makes an error name the place where a file was to be in the end.
fn in_place(error: Error, partial: &Path, place: &Path) -> Error {
    match error {
        Error::Io { action, path, source } => {
            let end = path.strip_prefix(partial).map_or(path.clone(), |inside| place.join(inside));
            Error::Io { action, path: end, source }
        }
        other => other,
    }
}

/// Removes a folder if it is there. It goes at once: nobody finds it half removed.
///
/// # Errors
/// [`Error::Io`] naming the folder.
pub(crate) fn remove_dir(path: &Path) -> Result<()> {
    aside(path)?
        .map_or(Ok(()), |aside| fs::remove_dir_all(aside).map_err(Error::io("remove", path)))
}

/// Moves a folder out of its place, if it is there; returns where it is then.
fn aside(path: &Path) -> Result<Option<PathBuf>> {
    let aside = beside(path);
    match fs::rename(path, &aside) {
        Ok(()) => Ok(Some(aside)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("remove", path)(e)),
    }
}

/// Removes what processes that have ended left half written in a folder; of one thing in it and of the files
/// that go with it, as `NAME.sha256` does, if `name` says which. For the holder of its lock.
///
/// # Errors
/// [`Error::Io`] naming the folder.
pub(super) fn remove_partials(folder: &Path, name: &str) -> Result<()> {
    for path in entries(folder)? {
        let own = path.file_name().unwrap_or_default().to_string_lossy();
        let Some((of, writer)) = partial_of(&own) else { continue };
        let extension = of.strip_prefix(name);
        let meant =
            name.is_empty() || extension.is_some_and(|e| e.is_empty() || e.starts_with('.'));
        if meant && !(writer != std::process::id() && is_alive(writer)) {
            let removed =
                if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Returns whether a process of this machine runs; one that has ended and was not waited for does not.
pub(super) fn is_alive(process: u32) -> bool {
    // NUMBER (NAME) STATE …, where NAME may hold anything
    let stat = fs::read_to_string(format!("/proc/{process}/stat"));
    let state = stat.ok().and_then(|text| text.rsplit_once(") ")?.1.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Returns the entries of a folder, sorted by name; none if it is not there.
///
/// # Errors
/// [`Error::Io`] naming the folder.
pub fn entries(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let listing = fs::read_dir(path).map_err(Error::io("read", path))?;
    let mut paths = Vec::new();
    for entry in listing {
        paths.push(entry.map_err(Error::io("read", path))?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Returns a name beside a path that nobody else has: process and count are in it.
fn beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{process}-{count}.partial"))
}

/// Returns the name that such a name was made from, and the process that made it.
fn partial_of(name: &str) -> Option<(&str, u32)> {
    let (of, numbers) = name.strip_prefix('.')?.strip_suffix(".partial")?.rsplit_once('.')?;
    let (process, count) = numbers.split_once('-')?;
    count.parse::<u64>().ok()?;
    Some((of, process.parse().ok()?))
}

fn sync_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) else {
        return Ok(());
    };
    File::open(parent).and_then(|f| f.sync_all()).map_err(Error::io("write", parent))
}
