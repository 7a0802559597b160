//! Files that are there whole or not at all.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Returns the SHA-256 of some bytes, in hexadecimal.
pub fn hash(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Returns the SHA-256 of a part of something larger, in hexadecimal, without holding it in memory.
///
/// # Errors
/// As [`read_part`].
pub fn hash_part(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(part(path))?;
    let mut digest = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece).map_err(Error::io("read", path))? {
            0 => return Ok(hexadecimal(&digest.finalize())),
            length => digest.update(&piece[..length]),
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
pub fn read_part(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(part(path))
}

fn part(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| match source.kind() {
        ErrorKind::NotFound => Error::Corrupt { path, reason: "the file is missing".into() },
        _ => Error::Io { action: "read", path, source },
    }
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
    let mut file = File::create(&partial).map_err(Error::io("write", path))?;
    file.write_all(bytes).map_err(Error::io("write", path))?;
    file.sync_all().map_err(Error::io("write", path))?;
    fs::rename(&partial, path).map_err(Error::io("write", path))?;
    sync_parent(path)
}

/// Fills a folder beside its place and renames it; an old folder of that name goes.
///
/// # Errors
/// Those of `fill`; [`Error::Io`] naming the folder.
pub fn write_dir(path: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let partial = beside(path);
    remove_dir(&partial)?;
    create_dir(&partial)?;
    fill(&partial)?;
    remove_dir(path)?;
    fs::rename(&partial, path).map_err(Error::io("write", path))?;
    sync_parent(path)
}

/// Removes a folder if it is there.
///
/// # Errors
/// [`Error::Io`] naming the folder.
pub fn remove_dir(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).map_err(Error::io("remove", path))?;
    }
    Ok(())
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

fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    path.with_file_name(format!(".{name}.partial"))
}

fn sync_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) else {
        return Ok(());
    };
    File::open(parent).and_then(|f| f.sync_all()).map_err(Error::io("write", parent))
}
