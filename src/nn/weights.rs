//! Named tensors: where the weights of a network come from, and what is done with all of them.

use std::sync::Arc;

use tch::{CModule, Device, Kind, Tensor};

use super::init::Init;
use crate::error::{Error, Result};
use crate::rng::Stream;

/// One weight tensor of a network.
#[derive(Debug)]
pub struct Param {
    /// Path inside the network, such as `primary.0.weight`.
    pub name: String,
    /// The tensor, in `PyTorch`'s layout `[out, in]`.
    pub tensor: Tensor,
}

/// All weights of a network, in the order in which they were built.
#[derive(Debug)]
pub struct Params {
    all: Vec<Param>,
    /// The script of a network that is one, loaded.
    module: Option<Arc<CModule>>,
}

/// In place of a shape: bytes, as many as there are.
pub(crate) const BYTES: i64 = -1;

/// Whether gradients are taken with respect to the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Training {
    /// The weights are leaves of the graph.
    Trainable,
    /// No graph is recorded through them.
    Frozen,
}

/// Where the weights of a network come from.
pub trait Source {
    /// Returns the tensor called `name` with this shape; `init` says how a new one would start.
    ///
    /// # Errors
    /// If the source has no such tensor, or one of another shape.
    fn tensor(&mut self, name: &str, shape: &[i64], init: &Init) -> Result<Tensor>;

    /// Returns the script of a network that is one, if it is loaded already.
    fn module(&self) -> Option<Arc<CModule>> {
        None
    }
}

/// New weights, drawn from a stream.
#[derive(Debug)]
pub struct Draw<'s> {
    /// Each tensor takes its own child stream, named after it.
    pub stream: &'s Stream,
    /// `Kind::Float` for training, `Kind::Double` for reference computations.
    pub kind: Kind,
    /// Where the weights live.
    pub device: Device,
}

impl Source for Draw<'_> {
    fn tensor(&mut self, name: &str, shape: &[i64], init: &Init) -> Result<Tensor> {
        let mut stream = self.stream.child(name);
        let entries = shape.iter().product::<i64>() as usize;
        let mut values = Vec::with_capacity(entries);
        let row = shape.get(1..).map_or(1, |rest| rest.iter().product::<i64>());
        fill(init, shape[0], row, &mut stream, &mut values);
        Ok(Tensor::from_slice(&values).reshape(shape).to_kind(self.kind).to_device(self.device))
    }
}

fn fill(init: &Init, rows: i64, row: i64, stream: &mut Stream, values: &mut Vec<f64>) {
    match init {
        Init::Zeros => values.extend((0..rows * row).map(|_| 0.0)),
        Init::Constant(value) => values.extend((0..rows * row).map(|_| *value)),
        Init::Unit => values.extend((0..rows * row).map(|_| stream.uniform(0.0, 1.0))),
        Init::Uniform(bound) => {
            values.extend((0..rows * row).map(|_| stream.uniform(-bound, *bound)));
        }
        Init::Rows(blocks) => {
            for (rows, init) in blocks {
                fill(init, *rows, row, stream, values);
            }
        }
    }
}

/// Names and shapes without memory: every tensor is one zero, seen at each place.
#[derive(Debug)]
pub struct Shapes;

impl Source for Shapes {
    fn tensor(&mut self, _name: &str, shape: &[i64], _init: &Init) -> Result<Tensor> {
        Ok(Tensor::zeros([1], (Kind::Float, Device::Cpu)).expand(shape, false))
    }
}

/// What to do with the tensors of another network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// Copy their values into new memory.
    Copy,
    /// Use the same memory: both networks always hold the same values.
    Share,
    /// Round tensors of several rows to bfloat16, in new memory, and share those of one: the last layer of a critic.
    Round,
}

/// The weights of another network of the same architecture.
#[derive(Debug)]
pub struct Of<'p> {
    /// The other network's weights.
    pub params: &'p Params,
    /// Copy or share.
    pub reuse: Reuse,
}

impl Source for Of<'_> {
    fn tensor(&mut self, name: &str, shape: &[i64], _init: &Init) -> Result<Tensor> {
        let found = self.params.find(name)?;
        check_shape(name, shape, &found.size())?;
        Ok(match self.reuse {
            Reuse::Copy => found.detach().copy(),
            Reuse::Round if shape[0] > 1 => found.detach().to_kind(Kind::BFloat16),
            Reuse::Share | Reuse::Round => found.detach(),
        })
    }

    fn module(&self) -> Option<Arc<CModule>> {
        self.params.module.clone()
    }
}

/// Fails with [`Error::Mismatch`] unless a stored tensor has the shape that the architecture needs.
pub(crate) fn check_shape(name: &str, expected: &[i64], found: &[i64]) -> Result<()> {
    if expected == found || expected == [BYTES] && found.len() == 1 {
        return Ok(());
    }
    Err(Error::Mismatch {
        what: format!("shape of tensor {name}"),
        expected: format!("{expected:?}"),
        found: format!("{found:?}"),
        remedy: "the weights belong to another model or environment".into(),
    })
}

/// Builds a network: hands out tensors under a path and remembers them.
pub struct Builder<'s> {
    source: &'s mut dyn Source,
    training: Training,
    path: String,
    params: Vec<Param>,
    module: Option<Arc<CModule>>,
}

impl<'s> Builder<'s> {
    /// Starts a network whose weights come from `source`.
    ///
    /// From here on torch uses one thread for each operation: its sums change with their number,
    /// and we spread whole pieces of work over workers instead.
    pub fn new(source: &'s mut dyn Source, training: Training) -> Self {
        tch::set_num_threads(1);
        super::blas::sgemm_address();
        Self { source, training, path: String::new(), params: Vec::new(), module: None }
    }

    /// Builds a part of the network under `name`.
    ///
    /// # Errors
    /// Those of `build`.
    pub fn within<T>(
        &mut self,
        name: &str,
        build: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let outer = self.path.len();
        self.path.push_str(name);
        self.path.push('.');
        let part = build(self);
        self.path.truncate(outer);
        part
    }

    /// Returns the tensor `name` of the current part.
    pub(super) fn param(&mut self, name: &str, shape: &[i64], init: &Init) -> Result<Tensor> {
        let name = format!("{}{name}", self.path);
        let tensor = self.source.tensor(&name, shape, init)?;
        let tensor = tensor.set_requires_grad(self.training == Training::Trainable);
        self.params.push(Param { name, tensor: tensor.shallow_clone() });
        Ok(tensor)
    }

    /// Returns the tensor `name` of the current part, of which no gradient is taken.
    pub(super) fn constant(&mut self, name: &str, shape: &[i64], init: &Init) -> Result<Tensor> {
        let training = std::mem::replace(&mut self.training, Training::Frozen);
        let tensor = self.param(name, shape, init);
        self.training = training;
        tensor
    }

    /// Returns the script of a network: the one that is loaded already, where no gradient by its weights is taken,
    /// else what `load` makes of its bytes, the tensor `name`. Its weights become those of the network.
    pub(super) fn script(
        &mut self,
        name: &str,
        load: impl FnOnce(&Tensor) -> Result<CModule>,
    ) -> Result<Arc<CModule>> {
        let bytes = self.constant(name, &[BYTES], &Init::Zeros)?;
        let trainable = self.training == Training::Trainable;
        let module = match self.source.module().filter(|_| !trainable) {
            Some(module) => module,
            None => Arc::new(load(&bytes)?),
        };
        for (weight, tensor) in module.named_parameters()? {
            let tensor = tensor.set_requires_grad(trainable);
            self.params.push(Param { name: format!("{name}.{weight}"), tensor });
        }
        self.module = Some(Arc::clone(&module));
        Ok(module)
    }

    /// Returns all tensors that were handed out.
    pub(crate) fn finish(self) -> Params {
        Params { all: self.params, module: self.module }
    }
}

impl Params {
    /// Iterates over the tensors and their names.
    pub fn iter(&self) -> impl Iterator<Item = &Param> {
        self.all.iter()
    }

    /// Returns the tensors, sharing memory.
    pub fn tensors(&self) -> Vec<Tensor> {
        self.all.iter().map(|param| param.tensor.shallow_clone()).collect()
    }

    /// Returns name and shape of each tensor, the names under a prefix such as `critic.q1`.
    pub fn shapes(&self, prefix: &str) -> Vec<(String, Vec<i64>)> {
        self.all.iter().map(|p| (format!("{prefix}.{}", p.name), p.tensor.size())).collect()
    }

    /// Returns the number of single weights.
    pub fn count(&self) -> usize {
        self.all.iter().map(|param| param.tensor.numel()).sum()
    }

    /// Returns the number of single weights that are NaN or infinite.
    pub fn non_finite(&self) -> i64 {
        self.all.iter().map(|param| non_finite(&param.tensor)).sum()
    }

    /// Returns the device that holds the weights.
    pub fn device(&self) -> Device {
        self.all.first().map_or(Device::Cpu, |param| param.tensor.device())
    }

    /// Returns the tensor called `name`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if there is none.
    pub fn find(&self, name: &str) -> Result<&Tensor> {
        self.all.iter().find(|param| param.name == name).map(|param| &param.tensor).ok_or_else(
            || Error::Mismatch {
                what: "weights".into(),
                expected: format!("a tensor {name}"),
                found: "none of that name".into(),
                remedy: "the weights belong to another model".into(),
            },
        )
    }
}

/// Returns how many numbers of a tensor are NaN or infinite.
pub fn non_finite(tensor: &Tensor) -> i64 {
    tch::no_grad(|| tensor.isfinite().logical_not().sum(Kind::Int64).int64_value(&[]))
}

impl<'p> IntoIterator for &'p Params {
    type Item = &'p Param;
    type IntoIter = std::slice::Iter<'p, Param>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}
