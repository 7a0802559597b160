//! Zip archives in memory: those of `torch.save`, and those that Stable-Baselines3 makes of several of them.

use std::borrow::Cow;
use std::io::{Cursor, Read as _};

use zip::ZipArchive;

use super::pickle_code::Read;

/// Bytes that a byte of an archive may expand to; weights hardly shrink when they are deflated.
const FACTOR: u64 = 8;

/// Bytes that a small archive may expand to.
const LEAST_ALLOWED: u64 = 1 << 16;

/// An archive.
pub(crate) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    allowed: u64,
}

impl<'a> Archive<'a> {
    /// Returns whether bytes begin as an archive does.
    pub(crate) fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(b"PK\x03\x04")
    }

    /// Reads the table of contents.
    pub(crate) fn open(bytes: &'a [u8]) -> Read<Self> {
        let zip =
            ZipArchive::new(Cursor::new(bytes)).map_err(|e| format!("no zip archive: {e}"))?;
        let allowed = (FACTOR * bytes.len() as u64).max(LEAST_ALLOWED);
        Ok(Self { zip, allowed })
    }

    /// Returns the names of its entries; one that is no text is an error.
    pub(crate) fn names(&self) -> Read<Vec<String>> {
        let names = self.zip.file_names().map(|name| name.map(Cow::into_owned));
        names.collect::<Result<_, _>>().map_err(|e| e.to_string())
    }

    /// Reads one of them.
    ///
    /// # Errors
    /// Says that it is missing, damaged, encrypted, packed by a method other than deflate, or far larger than the
    /// archive lets expect.
    pub(crate) fn read(&mut self, name: &str) -> Read<Vec<u8>> {
        let mut entry = self.zip.by_name(name).map_err(|e| format!("{name}: {e}"))?;
        let size = entry.size();
        self.allowed = self.allowed.checked_sub(size).ok_or_else(|| {
            format!("{name}: {size} bytes, far more than an archive of this length should hold")
        })?;
        let mut bytes = vec![0; usize::try_from(size).map_err(|e| format!("{name}: {e}"))?];
        entry.read_exact(&mut bytes).map_err(|e| format!("{name}: {e}"))?;
        // The checksum is looked at where the end is.
        match entry.read(&mut [0]) {
            Ok(0) => Ok(bytes),
            Ok(_) => Err(format!("{name}: longer than the {size} bytes that are announced")),
            Err(e) => Err(format!("{name}: {e}")),
        }
    }
}
