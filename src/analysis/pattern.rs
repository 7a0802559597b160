//! Patterns of paths, such as `runs/*/step-*`, also where a name is no UTF-8.
//!
//! A part of a path that has no `*`, `?` or `[` in it is taken as it stands; the others are compared with
//! the names that are there. `**` stands for any folders, or none.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use glob::Pattern;

use crate::checkpoint::disk;
use crate::error::{Error, Result};

/// First of the characters that stand for bytes which are no UTF-8: the last plane has no letters.
const BYTES: u32 = 0x10_0000;

/// Returns the paths that a pattern matches, sorted part by part.
///
/// # Errors
/// [`Error::Usage`] for what is no pattern.
pub(super) fn matches(pattern: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let Component::Normal(name) = part else {
            for path in &mut found {
                path.push(part);
            }
            continue;
        };
        found = if name == "**" {
            found.iter().flat_map(|path| with_below(path)).collect()
        } else if name.as_bytes().iter().any(|byte| b"*?[".contains(byte)) {
            let of = Pattern::new(&text(name)).map_err(|e| {
                Error::Usage(format!("'{}' is not a valid pattern: {e}", pattern.display()))
            })?;
            found.iter().flat_map(|path| entries(path, &of)).collect()
        } else {
            found.iter().map(|path| path.join(name)).filter(|path| path.exists()).collect()
        };
    }
    Ok(found)
}

/// A name as text, one character for each byte that is no UTF-8.
fn text(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|&b| char::from_u32(BYTES + u32::from(b))));
    }
    text
}

/// The entries of a folder that match; names with a dot in front are no exception.
fn entries(folder: &Path, pattern: &Pattern) -> Vec<PathBuf> {
    let matches = |path: &PathBuf| path.file_name().is_some_and(|n| pattern.matches(&text(n)));
    below(folder).into_iter().filter(matches).collect()
}

/// The folder with all folders below it.
fn with_below(folder: &Path) -> Vec<PathBuf> {
    let folders = below(folder).into_iter().filter(|path| path.is_dir() && !path.is_symlink());
    let deeper = folders.flat_map(|path| with_below(&path));
    [folder.to_owned()].into_iter().chain(deeper).collect()
}

/// The entries of a folder; where the path is empty so far, those of the working folder. What may not be
/// read holds nothing for a pattern, as in a shell.
fn below(folder: &Path) -> Vec<PathBuf> {
    if folder.as_os_str().is_empty() {
        let here = disk::entries(Path::new(".")).unwrap_or_default().into_iter();
        return here.filter_map(|path| path.file_name().map(PathBuf::from)).collect();
    }
    disk::entries(folder).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn patterns_match_names_of_any_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let odd = OsStr::from_bytes(b"od\xffd");
        for run in ["a/s1", "a/s10", "b/s1"]
            .map(Path::new)
            .into_iter()
            .chain([&*Path::new(odd).join("s1")])
        {
            fs::create_dir_all(folder.path().join(run)).unwrap();
        }
        let found = |pattern: &OsStr| -> Vec<PathBuf> {
            let all = matches(&folder.path().join(pattern)).unwrap();
            all.iter().map(|path| path.strip_prefix(folder.path()).unwrap().to_owned()).collect()
        };
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let with_odd = |names: &[&str]| [paths(names), vec![Path::new(odd).join("s1")]].concat();
        assert_eq!(found("a/s*".as_ref()), paths(&["a/s1", "a/s10"]));
        assert_eq!(found("*/s1".as_ref()), with_odd(&["a/s1", "b/s1"]));
        assert_eq!(found("**/s1".as_ref()), with_odd(&["a/s1", "b/s1"]));
        assert_eq!(found("od?d/s[0-9]".as_ref()), with_odd(&[]));
        assert_eq!(found(OsStr::from_bytes(b"od\xffd/s*")), with_odd(&[]));
        assert_eq!(found(OsStr::from_bytes(b"od\xfe*/s1")), paths(&[]));
        assert_eq!(found("nowhere/*".as_ref()), paths(&[]));
        let error = matches(Path::new("a/[")).unwrap_err().to_string();
        assert!(error.starts_with("'a/[' is not a valid pattern: "), "{error}");
    }
}
