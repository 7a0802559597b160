//! Tensors by name, and the layers that they make.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::pickled::pickle::Value;
use crate::pickled::pickle_code::Read;
use crate::pickled::tensor::Tensor;
use crate::pickled::torch_file::TorchFile;

/// Most dictionaries inside each other.
const MOST_NESTED: usize = 4;

/// A linear layer: weight `[out, in]`, bias `[out]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
}

impl Layer {
    pub(super) fn inputs(&self) -> usize {
        self.weight.shape[1]
    }

    pub(super) fn outputs(&self) -> usize {
        self.weight.shape[0]
    }

    /// Returns a layer whose single output is the mean of all outputs.
    pub(super) fn mean_of_outputs(&self) -> Self {
        let (outputs, inputs) = (self.outputs(), self.inputs());
        let mean = |numbers: &mut dyn Iterator<Item = &f32>| {
            (numbers.map(|x| f64::from(*x)).sum::<f64>() / outputs as f64) as f32
        };
        let weights = &self.weight.numbers;
        let of_input = |i: usize| mean(&mut weights.iter().skip(i).step_by(inputs));
        Self {
            weight: Tensor { shape: vec![1, inputs], numbers: (0..inputs).map(of_input).collect() },
            bias: Tensor { shape: vec![1], numbers: vec![mean(&mut self.bias.numbers.iter())] },
        }
    }

    /// Splits a layer that gives means and log σ into two; an odd number of outputs is an error.
    pub(super) fn halves(self) -> Read<[Self; 2]> {
        let (outputs, inputs) = (self.outputs(), self.inputs());
        if !outputs.is_multiple_of(2) {
            return Err(format!("{outputs} outputs cannot be means and logarithms of σ"));
        }
        let half = outputs / 2;
        let part = |from: usize| Self {
            weight: Tensor {
                shape: vec![half, inputs],
                numbers: self.weight.numbers[from * inputs..][..half * inputs].to_vec(),
            },
            bias: Tensor { shape: vec![half], numbers: self.bias.numbers[from..][..half].to_vec() },
        };
        Ok([part(0), part(half)])
    }
}

/// The tensors of a file that were not taken yet.
#[derive(Debug, Default)]
pub(super) struct StateDict(BTreeMap<String, Tensor>);

impl StateDict {
    /// Reads a file of `torch.save` whose tensors stand in dictionaries; names inside are joined by dots.
    pub(super) fn read(bytes: &[u8]) -> Read<Self> {
        let file = TorchFile::read(bytes)?;
        let mut tensors = Tensors::of(&file, bytes.len());
        tensors.add(file.root(), "", 0)?;
        Ok(tensors.found)
    }

    /// Reads a file of `torch.save` that holds several, one after the other.
    pub(super) fn all(bytes: &[u8]) -> Read<Vec<Self>> {
        let file = TorchFile::read(bytes)?;
        let dicts = file.root().sequence().ok_or("it holds no list of state dicts")?;
        let mut tensors = Tensors::of(&file, bytes.len());
        let one = |value| {
            tensors.add(value, "", 0)?;
            Ok(std::mem::take(&mut tensors.found))
        };
        dicts.into_iter().map(one).collect()
    }

    /// Reads a file of `torch.save` from disk.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Agent`] naming the file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        Self::read(&bytes).map_err(|reason| Error::agent(path, reason))
    }

    pub(super) fn insert(&mut self, name: String, tensor: Tensor) {
        self.0.insert(name, tensor);
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn take(&mut self, name: &str) -> Read<Tensor> {
        self.0.remove(name).ok_or_else(|| format!("it holds no tensor {name}"))
    }

    /// Takes a single number.
    pub(super) fn number(&mut self, name: &str) -> Read<f64> {
        let Tensor { shape, numbers } = self.take(name)?;
        match numbers[..] {
            [number] if number.is_finite() => Ok(f64::from(number)),
            [number] => Err(format!("{name} is {number}")),
            _ => Err(format!("{name} should be one number, its shape is {shape:?}")),
        }
    }

    /// Takes the layer `NAME.weight`, `NAME.bias`.
    pub(super) fn layer(&mut self, name: &str) -> Read<Layer> {
        let weight = self.take(&format!("{name}.weight"))?;
        let bias = self.take(&format!("{name}.bias"))?;
        if weight.shape.len() != 2 || bias.shape != weight.shape[..1] {
            let shapes = (weight.shape, bias.shape);
            return Err(format!("{name} is no linear layer: its shapes are {shapes:?}"));
        }
        if let Some(bad) = weight.numbers.iter().chain(&bias.numbers).find(|x| !x.is_finite()) {
            return Err(format!("{name} holds {bad}: its training had diverged"));
        }
        Ok(Layer { weight, bias })
    }

    /// Takes the layers of a `Sequential`: `PREFIX0.weight`, `PREFIX2.weight` and so on, with activations between
    /// them, which have no weights.
    pub(super) fn sequential(&mut self, prefix: &str) -> Read<Vec<Layer>> {
        let mut layers = Vec::new();
        while self.has(&format!("{prefix}{}.weight", 2 * layers.len())) {
            layers.push(self.layer(&format!("{prefix}{}", 2 * layers.len()))?);
        }
        if layers.is_empty() {
            return Err(format!("it holds no layers {prefix}0, {prefix}2, …"));
        }
        Ok(layers)
    }

    /// Returns how many numbers there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.values().map(|tensor| tensor.numbers.len()).sum()
    }

    /// Takes all that a file on disk must hold.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Agent`] naming the file.
    pub(super) fn take_from<T>(path: &Path, take: impl FnOnce(&mut Self) -> Read<T>) -> Result<T> {
        Self::open(path)?.take_all(take).map_err(|reason| Error::agent(path, reason))
    }

    /// Takes tensors, and checks that none is left over.
    pub(super) fn take_all<T>(mut self, take: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        let taken = take(&mut self)?;
        self.finish().map(|()| taken)
    }

    /// Checks that nothing is left over: what is not understood is not passed over.
    pub(super) fn finish(self) -> Read<()> {
        let Some(name) = self.0.keys().next() else { return Ok(()) };
        let count = self.0.len();
        Err(format!("{count} of its tensors have no place in such an agent, the first is {name}"))
    }
}

/// The tensors of a file as they are found. What a file names many times, or lets hold itself, is read no more often
/// than a file of its length can say.
struct Tensors<'f> {
    file: &'f TorchFile<'f>,
    found: StateDict,
    /// Bytes that names and numbers may still take.
    allowed: usize,
}

impl<'f> Tensors<'f> {
    /// Bytes for each byte of the file: numbers of one byte become `f32`, and have a name.
    const EACH: usize = 8;

    /// Bytes of a dictionary or a tensor without its numbers, at least.
    const ENTRY: usize = 64;

    fn of(file: &'f TorchFile<'f>, bytes: usize) -> Self {
        let allowed = bytes.saturating_mul(Self::EACH).saturating_add(1 << 16);
        Self { file, found: StateDict::default(), allowed }
    }

    fn take(&mut self, bytes: usize) -> Read<()> {
        let left = self.allowed.checked_sub(bytes);
        self.allowed = left.ok_or("more tensors than a file of this length holds")?;
        Ok(())
    }

    /// Adds a tensor called `name`, or the tensors of a dictionary inside so many others, whose names begin with it.
    fn add(&mut self, value: Value<'f>, name: &str, inside: usize) -> Read<()> {
        self.take(name.len() + Self::ENTRY)?;
        if Tensor::is_one(value) {
            let tensor = Tensor::read(self.file, value).map_err(|e| format!("{name}: {e}"))?;
            self.take(tensor.numbers.len().saturating_mul(size_of::<f32>()))?;
            self.found.insert(name.to_owned(), tensor);
            return Ok(());
        }
        let what = if name.is_empty() { "what was saved" } else { name };
        let class = value.callable().and_then(|class| class.global());
        let entries = value.entries().ok_or_else(|| match class {
            Some((module, class)) => format!(
                "{what} is a {module}.{class}, no state dict: save what its state_dict() \
                 returns"
            ),
            None => format!("{what} is neither a tensor nor a dictionary of tensors"),
        })?;
        if inside > MOST_NESTED && !entries.is_empty() {
            return Err(format!("{what} is a dictionary inside {MOST_NESTED} others"));
        }
        for (key, value) in entries {
            let key = key.text().ok_or_else(|| format!("{what} has a key that is no text"))?;
            self.take(key.len())?;
            let dot = if name.is_empty() { "" } else { "." };
            self.add(value, &format!("{name}{dot}{key}"), inside + 1)?;
        }
        Ok(())
    }
}
