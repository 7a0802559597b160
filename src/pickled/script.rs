//! Files of `TorchScript`: zip archives with a module as a pickle, its tensors, and its code as text.
//!
//! `PyTorch` runs that code, and the code may write files. So nothing of such a file is given to `PyTorch` before
//! all of it was read here: the code may call nothing but functions of tensors (`script_code.rs`), pickles may name
//! nothing but modules of that code, tensors must lie inside their storages. What passes is packed into a new
//! archive, so that there is only one way to read it.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::archive::Archive;
use super::pickle_code::Read;
use super::script_code;
use super::script_names::CUSTOM;
use super::storage::Storage;
use super::tensor::Tensor;
use super::torch_file::TorchFile;

/// Most functions of a script; `PyTorch` reads nested calls by recursion.
const MOST_FUNCTIONS: usize = 500;

/// Checks a file of `TorchScript`, and returns it as a new archive that holds nothing but what was checked.
pub(crate) fn checked(bytes: &[u8]) -> Read<Vec<u8>> {
    if !Archive::is_one(bytes) {
        return Err("it is no file of torch.jit.save".into());
    }
    let mut archive = Archive::open(bytes)?;
    let names = archive.names()?;
    let constants = names.iter().find_map(|name| name.strip_suffix("constants.pkl"));
    let folder = constants.ok_or("it is no file of torch.jit.save: there is no constants.pkl")?;
    let mut new = NewArchive::default();
    let version = [".data/version", "version"];
    let version = version.into_iter().find(|name| names.contains(&format!("{folder}{name}")));
    let version = version.ok_or("it is no file of torch.jit.save: it has no version")?;
    new.add(version, &archive.read(&format!("{folder}{version}"))?)?;
    let mut functions = 0;
    for name in &names {
        let inside = name.strip_prefix(folder).unwrap_or_default();
        let code = inside.strip_prefix("code/").and_then(|path| path.strip_suffix(".py"));
        if code.is_some() {
            let code = archive.read(name)?;
            let text = str::from_utf8(&code).map_err(|e| format!("{inside}: {e}"))?;
            functions += script_code::check(text).map_err(|e| format!("{inside}, {e}"))?;
            new.add(inside, &code)?;
        }
    }
    if functions > MOST_FUNCTIONS {
        return Err(format!(
            "its code has {functions} functions; at most {MOST_FUNCTIONS} are read"
        ));
    }
    for part in ["constants", "data"] {
        let file = TorchFile::part(&mut archive, folder, part)?;
        check_object(&file, bytes.len()).map_err(|e| format!("{part}.pkl: {e}"))?;
        new.add(&format!("{part}.pkl"), &file.object.bytes[..file.object.length])?;
        for (key, bytes) in &file.storages {
            new.add(&format!("{part}/{key}"), bytes)?;
        }
    }
    new.finish()
}

/// Checks names and tensors of a pickle in a file of `length` bytes.
fn check_object(file: &TorchFile, length: usize) -> Read<()> {
    for storage in file.object.persistent() {
        let count = storage.tuple().and_then(|parts| parts.get(4)?.int());
        let Storage { key, dtype } = Storage::of(storage)?;
        let bytes = count.and_then(|count| usize::try_from(count).ok()?.checked_mul(dtype.bytes()));
        let found = file.storages.get(key).map(|bytes| bytes.len());
        if bytes.is_none() || bytes != found {
            return Err(format!("storage {key} should have {bytes:?} bytes, it has {found:?}"));
        }
    }
    let mut allowed = length;
    for value in file.object.all() {
        if let Some((module, name)) = value.global() {
            check_name(module, name)?;
        }
        if value.callable().is_some_and(|callable| callable.global().is_none()) {
            return Err("it calls something without a name".into());
        }
        if value.calls("torch._utils", "_rebuild_tensor_v2").is_some() {
            let numbers = Tensor::read(file, value)?.numbers.len();
            allowed = allowed.checked_sub(numbers).ok_or("more numbers than the file holds")?;
        }
    }
    Ok(())
}

/// Checks what a pickle would import.
fn check_name(module: &str, name: &str) -> Read<()> {
    let lists = ["build_intlist", "build_doublelist", "build_boollist", "build_tensorlist"];
    let known = match module {
        "torch._utils" => name == "_rebuild_tensor_v2",
        "collections" => name == "OrderedDict",
        "torch.jit._pickle" => lists.contains(&name),
        "torch" => name.ends_with("Storage"),
        _ => {
            let class = format!("{module}.{name}");
            class.starts_with("__torch__.") && !class.starts_with(CUSTOM)
        }
    };
    if known { Ok(()) } else { Err(format!("{module}.{name} is nothing that a module may hold")) }
}

/// An archive that is being written.
struct NewArchive(ZipWriter<Cursor<Vec<u8>>>);

impl Default for NewArchive {
    fn default() -> Self {
        Self(ZipWriter::new(Cursor::default()))
    }
}

impl NewArchive {
    fn add(&mut self, name: &str, bytes: &[u8]) -> Read<()> {
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let added = self.0.start_file(format!("script/{name}"), stored);
        added.map_err(|e| e.to_string())?;
        self.0.write_all(bytes).map_err(|e| e.to_string())
    }

    fn finish(self) -> Read<Vec<u8>> {
        self.0.finish().map(Cursor::into_inner).map_err(|e| e.to_string())
    }
}
