//! Files of `torch.save`: an object, and the numbers of its tensors.
//!
//! Since `PyTorch` 1.6 they are zip archives: `NAME/data.pkl` is the object, `NAME/data/KEY` the numbers of one storage.
//! Before that they were pickles one after the other (a magic number, the version 1001, about the machine, the
//! object, the keys of the storages), then the number of elements and the numbers of each storage.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::archive::Archive;
use super::pickle::{Pickle, Value};
use super::pickle_code::Read;
use super::pickle_machine::read;
use super::storage::{Dtype, Storage};

/// What the oldest files begin with: 0x1950a86a20f9469cfc6c as a pickle of protocol 2.
const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// The version of the oldest files.
const VERSION: i64 = 1001;

/// A file of `torch.save`, with all its numbers.
pub(crate) struct TorchFile<'a> {
    pub(super) object: Pickle<'a>,
    pub(super) storages: BTreeMap<String, Cow<'a, [u8]>>,
}

impl<'a> TorchFile<'a> {
    /// Reads a file of either kind.
    pub(crate) fn read(bytes: &'a [u8]) -> Read<Self> {
        if Archive::is_one(bytes) {
            return of_archive(Archive::open(bytes)?);
        }
        if bytes.starts_with(MAGIC) {
            return of_pickles(&bytes[MAGIC.len()..]);
        }
        Err("it is no file of torch.save".into())
    }

    /// Reads one object of an archive: `PART.pkl` in a folder, and the storages in `PART/`.
    pub(super) fn part(
        archive: &mut Archive,
        folder: &str,
        part: &str,
    ) -> Read<TorchFile<'static>> {
        if let Ok(order) = archive.read(&format!("{folder}byteorder"))
            && order != b"little"
        {
            return Err("its numbers are big-endian; save it on a little-endian machine".into());
        }
        let object = read(archive.read(&format!("{folder}{part}.pkl"))?)?;
        let mut storages = BTreeMap::new();
        for storage in object.persistent() {
            let Storage { key, .. } = Storage::of(storage)?;
            if !storages.contains_key(key) {
                let bytes = archive.read(&format!("{folder}{part}/{key}"))?;
                storages.insert(key.to_owned(), Cow::Owned(bytes));
            }
        }
        Ok(TorchFile { object, storages })
    }

    /// Returns the object that was saved.
    pub(crate) fn root(&self) -> Value<'_> {
        self.object.root()
    }

    /// Returns the bytes of a storage.
    pub(crate) fn storage(&self, storage: &Storage) -> Read<&[u8]> {
        let bytes = self.storages.get(storage.key);
        bytes.map(|bytes| &**bytes).ok_or_else(|| format!("storage {} is missing", storage.key))
    }
}

fn of_archive(mut archive: Archive) -> Read<TorchFile<'static>> {
    let mut objects = archive.names()?;
    objects.retain(|name| name == "data.pkl" || name.ends_with("/data.pkl"));
    let [object] = &objects[..] else {
        return Err(format!(
            "an archive of torch.save has one data.pkl, this has {}",
            objects.len()
        ));
    };
    let folder = object.strip_suffix("data.pkl").unwrap_or_default();
    TorchFile::part(&mut archive, folder, "data")
}

fn of_pickles(mut rest: &[u8]) -> Read<TorchFile<'_>> {
    let mut next = || {
        let pickle = read(rest)?;
        rest = &rest[pickle.length..];
        Ok::<_, String>(pickle)
    };
    if next()?.root().int() != Some(VERSION) {
        return Err(format!("its version is not {VERSION}"));
    }
    if next()?.root().get("little_endian").and_then(|v| v.bool()) != Some(true) {
        return Err("its numbers are big-endian; save it on a little-endian machine".into());
    }
    let object = next()?;
    let keys = next()?;
    let keys = keys.root().sequence().ok_or("the list of its storages is missing")?;
    let mut dtypes: BTreeMap<&str, Dtype> = BTreeMap::new();
    // Of modules that were saved whole, their classes are there too.
    let is_class = |stored: &Value| {
        stored.tuple().is_some_and(|t| t.first().and_then(Value::text) == Some("module"))
    };
    for storage in object.persistent().filter(|stored| !is_class(stored)) {
        let Storage { key, dtype, .. } = Storage::of(storage)?;
        dtypes.insert(key, dtype);
    }
    let mut storages = BTreeMap::new();
    for key in keys {
        let key = key.text().ok_or("a storage without a key")?;
        let dtype = dtypes.get(key).ok_or_else(|| format!("nothing is in storage {key}"))?;
        let (count, after) = rest.split_first_chunk().ok_or("the file ends too early")?;
        let length = usize::try_from(i64::from_le_bytes(*count)).ok();
        let length = length.and_then(|count| count.checked_mul(dtype.bytes()));
        let parts = length.and_then(|length| after.split_at_checked(length));
        let (numbers, after) = parts.ok_or_else(|| format!("storage {key} ends too early"))?;
        storages.insert(key.to_owned(), Cow::Borrowed(numbers));
        rest = after;
    }
    drop(dtypes);
    Ok(TorchFile { object, storages })
}
