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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_bit_counts_and_so_does_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["a.parquet", "b.parquet"].map(|name| folder.path().join(name));
        assert_eq!(read(&path), Kept::Missing);
        let bytes = b"PAR1 cells PAR1".to_vec();
        write(&path, &bytes).unwrap();
        write(&other, b"others").unwrap();
        assert_eq!(read(&path), Kept::Whole(bytes.clone()));
        for bit in 0..8 * bytes.len() {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, damaged).unwrap();
            assert_eq!(read(&path), Kept::Damaged, "bit {bit}");
        }
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            assert_eq!(read(&path), Kept::Damaged, "{length} bytes");
        }
        // The results of another measurement, whole, under this name.
        fs::copy(&other, &path).unwrap();
        fs::copy(sum_of(&other), sum_of(&path)).unwrap();
        assert_eq!(read(&path), Kept::Damaged);
        write(&path, &bytes).unwrap();
        assert_eq!(read(&path), Kept::Whole(bytes));
        fs::remove_file(sum_of(&path)).unwrap();
        assert_eq!(read(&path), Kept::Damaged);
    }
}
