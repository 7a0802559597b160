//! Named tensors on disk, in the safetensors format.

use std::borrow::Cow;
use std::path::Path;

use memmap2::Mmap;
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, SafeTensors, View, serialize, serialize_to_file};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};
use crate::nn::init::Init;
use crate::nn::weights::{BYTES, Params, Source, check_shape};

/// A tensor on its way to disk, contiguous and in the memory of the CPU. It shares that memory where
/// it can; its bytes are copied when they are written, one tensor at a time.
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    tensor: Tensor,
}

impl View for &Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = vec![0; self.data_len()];
        self.tensor.copy_data_u8(&mut bytes, self.tensor.numel());
        Cow::Owned(bytes)
    }
    fn data_len(&self) -> usize {
        self.tensor.numel() * self.tensor.kind().elt_size_in_bytes()
    }
}

/// Tensors to be written to one file; their values are those of the time of writing.
#[derive(Default)]
pub struct TensorSet(Vec<(String, Stored)>);

impl TensorSet {
    /// Adds one tensor of `f32` or `f64`, or of bytes.
    ///
    /// # Errors
    /// [`Error::Usage`] for other number types.
    pub fn add(&mut self, name: String, tensor: &Tensor) -> Result<()> {
        let dtype = match tensor.kind() {
            Kind::Float => Dtype::F32,
            Kind::Double => Dtype::F64,
            Kind::Uint8 => Dtype::U8,
            kind => return Err(Error::Usage(format!("tensor {name} is {kind:?}, not f32 or f64"))),
        };
        let tensor = tensor.detach().to_device(Device::Cpu).contiguous();
        let shape = tensor.size().iter().map(|&n| n as usize).collect();
        self.0.push((name, Stored { dtype, shape, tensor }));
        Ok(())
    }

    /// Adds all weights of a network under a prefix such as `critic.q1`.
    pub(crate) fn add_params(&mut self, prefix: &str, params: &Params) -> Result<()> {
        params.iter().try_for_each(|p| self.add(format!("{prefix}.{}", p.name), &p.tensor))
    }

    /// Returns the file's bytes.
    ///
    /// # Errors
    /// [`Error::Usage`] if two tensors have one name.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let views = self.0.iter().map(|(name, stored)| (name.as_str(), stored));
        serialize(views, None).map_err(|e| Error::Usage(e.to_string()))
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn write(&self, path: &Path) -> Result<()> {
        let views = self.0.iter().map(|(name, stored)| (name.as_str(), stored));
        let reason = |e| match e {
            SafeTensorError::IoError(e) => e,
            other => std::io::Error::other(other.to_string()),
        };
        serialize_to_file(views, None, path)
            .map_err(reason)
            .and_then(|()| std::fs::File::open(path)?.sync_all())
            .map_err(Error::io("write", path))
    }
}

/// A file of tensors, mapped into memory.
pub struct TensorFile {
    path: std::path::PathBuf,
    map: Mmap,
}

impl TensorFile {
    /// Maps a file and checks its hash; only the tensors that are asked for come into memory.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::Corrupt`] if it is missing, or its hash or layout
    /// is wrong.
    #[allow(unsafe_code, reason = "mapping a file has no safe form")]
    pub fn open(path: &Path, expected_hash: &str) -> Result<Self> {
        let found_hash = super::disk::hash_part(path)?;
        let file = std::fs::File::open(path).map_err(Error::io("read", path))?;
        let corrupt = |reason: String| Error::Corrupt { path: path.into(), reason };
        if found_hash != expected_hash {
            let length = file.metadata().map_err(Error::io("read", path))?.len();
            return Err(corrupt(format!(
                "its SHA-256 differs from the one recorded beside it ({length} bytes)"
            )));
        }
        // SAFETY: checkpoints are never changed in place (see `disk`); if somebody else truncates
        // the file meanwhile, the process gets a bus error, as with any mapped file.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io("read", path))?;
        SafeTensors::deserialize(&map).map_err(|e| corrupt(e.to_string()))?;
        Ok(Self { path: path.into(), map })
    }

    /// Returns where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn corrupt(&self, reason: String) -> Error {
        Error::Corrupt { path: self.path.clone(), reason }
    }

    fn tensors(&self) -> Result<SafeTensors<'_>> {
        SafeTensors::deserialize(&self.map).map_err(|e| self.corrupt(e.to_string()))
    }

    /// Returns names and shapes, sorted by name.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the file is not readable.
    pub fn shapes(&self) -> Result<Vec<(String, Vec<i64>)>> {
        let tensors = self.tensors()?;
        let shape = |view: &[usize]| view.iter().map(|&n| n as i64).collect();
        let mut all: Vec<_> =
            tensors.iter().map(|(name, view)| (name.to_owned(), shape(view.shape()))).collect();
        all.sort();
        Ok(all)
    }

    /// Reads one tensor into its own memory.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it is not there.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        self.of_kind(name, &[(Dtype::F32, Kind::Float), (Dtype::F64, Kind::Double)])
    }

    /// Reads the bytes of a script.
    pub(crate) fn bytes(&self, name: &str) -> Result<Tensor> {
        self.of_kind(name, &[(Dtype::U8, Kind::Uint8)])
    }

    /// Reads one tensor whose numbers are of one of these kinds.
    fn of_kind(&self, name: &str, kinds: &[(Dtype, Kind)]) -> Result<Tensor> {
        let tensors = self.tensors()?;
        let view = tensors.tensor(name).map_err(|e| self.corrupt(e.to_string()))?;
        let Some((_, kind)) = kinds.iter().find(|(dtype, _)| *dtype == view.dtype()) else {
            return Err(self.corrupt(format!("tensor {name} is {:?}", view.dtype())));
        };
        let shape: Vec<i64> = view.shape().iter().map(|&n| n as i64).collect();
        Ok(Tensor::f_from_data_size(view.data(), &shape, *kind)?)
    }

    /// Returns a source for the network whose tensors stand under `prefix`.
    pub fn source<'f>(&'f self, prefix: &str) -> FileSource<'f> {
        FileSource { file: self, prefix: prefix.to_owned() }
    }

    /// Checks that the file holds exactly the tensors of `expected`, by name and shape.
    ///
    /// # Errors
    /// [`Error::Corrupt`] naming the first difference.
    pub fn expect(&self, mut expected: Vec<(String, Vec<i64>)>) -> Result<()> {
        expected.sort();
        let found = self.shapes()?;
        if let Some((name, _)) = found.iter().find(|f| !expected.iter().any(|e| e.0 == f.0)) {
            return Err(self.corrupt(format!("it holds a tensor {name} that no network needs")));
        }
        for (name, shape) in &expected {
            match found.iter().find(|f| f.0 == *name) {
                None => return Err(self.corrupt(format!("tensor {name} is missing"))),
                Some((_, other)) if other != shape && *shape != [BYTES] => {
                    let reason = format!("tensor {name} has shape {other:?}, expected {shape:?}");
                    return Err(self.corrupt(reason));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// The weights of one network in a file.
pub struct FileSource<'f> {
    file: &'f TensorFile,
    prefix: String,
}

impl Source for FileSource<'_> {
    fn tensor(&mut self, name: &str, shape: &[i64], _init: &Init) -> Result<Tensor> {
        let name = format!("{}.{name}", self.prefix);
        let tensor =
            if shape == [BYTES] { self.file.bytes(&name)? } else { self.file.tensor(&name)? };
        check_shape(&name, shape, &tensor.size())?;
        Ok(tensor)
    }
}
