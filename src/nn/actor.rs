//! The deterministic actor of TD3: `s → 256 → 256 → a`, ReLU, tanh at the end.

use tch::Tensor;

use super::critic::Dims;
use super::init::LayerInit;
use super::mlp::Mlp;
use super::weights::{Builder, Of, Params, Reuse, Source, Training};
use crate::error::Result;

/// A policy that returns one action in `[-1, 1]^A` for each observation.
pub struct Actor {
    dims: Dims,
    trunk: Mlp,
    params: Params,
}

impl Actor {
    /// Builds an actor whose weights come from `source` (`PyTorch`'s initialisation for new ones).
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn new(dims: Dims, training: Training, source: &mut dyn Source) -> Result<Self> {
        let mut builder = Builder::new(source, training);
        let trunk = Mlp::new(&mut builder, &[dims.obs, 256, 256, dims.action], LayerInit::Pytorch)?;
        Ok(Self { dims, trunk, params: builder.finish() })
    }

    /// Returns an actor with the same weights: a copy, or the same memory.
    ///
    /// # Errors
    /// None in practice: the architectures are equal.
    pub fn again(&self, reuse: Reuse, training: Training) -> Result<Self> {
        Self::new(self.dims, training, &mut Of { params: &self.params, reuse })
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
