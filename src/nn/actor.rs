//! The deterministic actor of TD3: `s → 256 → 256 → a`, ReLU, tanh at the end; other tools' may be of other widths.

use tch::Tensor;

use super::critic::Dims;
use super::init::LayerInit;
use super::mlp::{HIDDEN, Mlp, widths};
use super::weights::{Builder, Of, Params, Reuse, Source, Training};
use crate::error::Result;

/// A policy that returns one action in `[-1, 1]^A` for each observation.
pub struct Actor {
    dims: Dims,
    hidden: Vec<i64>,
    trunk: Mlp,
    params: Params,
}

impl Actor {
    /// Builds an actor whose weights come from `source` (`PyTorch`'s initialisation for new ones).
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn new(dims: Dims, training: Training, source: &mut dyn Source) -> Result<Self> {
        Self::with_hidden(&HIDDEN, dims, training, source)
    }

    /// Builds an actor with hidden layers of these widths.
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn with_hidden(
        hidden: &[i64],
        dims: Dims,
        training: Training,
        source: &mut dyn Source,
    ) -> Result<Self> {
        let mut builder = Builder::new(source, training);
        let widths = widths(dims.obs, hidden, dims.action);
        let trunk = Mlp::new(&mut builder, &widths, LayerInit::Pytorch)?;
        Ok(Self { dims, hidden: hidden.to_vec(), trunk, params: builder.finish() })
    }

    /// Returns an actor with the same weights: a copy, or the same memory.
    ///
    /// # Errors
    /// None in practice: the architectures are equal.
    pub fn again(&self, reuse: Reuse, training: Training) -> Result<Self> {
        let source = &mut Of { params: &self.params, reuse };
        Self::with_hidden(&self.hidden, self.dims, training, source)
    }

    /// Returns the greedy actions; `obs [B, S]`, result `[B, A]`.
    pub fn act(&self, obs: &Tensor) -> Tensor {
        self.before_tanh(obs).tanh()
    }

    /// Returns what the greedy actions are tanh of; `obs [B, S]`, result `[B, A]`.
    pub fn before_tanh(&self, obs: &Tensor) -> Tensor {
        self.trunk.forward(obs)
    }

    /// Returns the weights.
    pub fn params(&self) -> &Params {
        &self.params
    }
}
