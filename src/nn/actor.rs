//! The deterministic actor of TD3: `s → 256 → 256 → a`, ReLU, tanh at the end; other tools' may be built otherwise.

use tch::Tensor;

use super::critic::Dims;
use super::init::LayerInit;
use super::mlp::{Mlp, widths};
use super::plain::{Plain, Standardiser, seen};
use super::script::Script;
use super::weights::{Builder, Of, Params, Reuse, Source, Training};
use crate::error::Result;

/// A policy that returns one action in `[-1, 1]^A` for each observation.
pub struct Actor {
    dims: Dims,
    plain: Plain,
    standardiser: Option<Standardiser>,
    trunk: Trunk,
    params: Params,
}

/// What gives the actions.
enum Trunk {
    Layers(Mlp),
    Script(Script),
}

impl Actor {
    /// Builds an actor whose weights come from `source` (`PyTorch`'s initialisation for new ones).
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn new(dims: Dims, training: Training, source: &mut dyn Source) -> Result<Self> {
        Self::plain(&Plain::default(), dims, training, source)
    }

    /// Builds an actor in another way.
    pub(crate) fn plain(
        plain: &Plain,
        dims: Dims,
        training: Training,
        source: &mut dyn Source,
    ) -> Result<Self> {
        let mut builder = Builder::new(source, training);
        let standardiser = plain.standardiser(&mut builder, dims.obs)?;
        let trunk = if let Some(gives) = plain.script {
            Trunk::Script(Script::new(&mut builder, gives, [dims.obs, dims.action])?)
        } else {
            let widths = widths(dims.obs, &plain.hidden, dims.action);
            let mlp = Mlp::new(&mut builder, &widths, LayerInit::Pytorch)?;
            Trunk::Layers(mlp.with(plain.activation))
        };
        Ok(Self { dims, plain: plain.clone(), standardiser, trunk, params: builder.finish() })
    }

    /// Returns an actor with the same weights: a copy, or the same memory.
    ///
    /// # Errors
    /// None in practice: the architectures are equal.
    pub fn again(&self, reuse: Reuse, training: Training) -> Result<Self> {
        let source = &mut Of { params: &self.params, reuse };
        Self::plain(&self.plain, self.dims, training, source)
    }

    /// Returns the greedy actions; `obs [B, S]`, result `[B, A]`.
    pub fn act(&self, obs: &Tensor) -> Tensor {
        match &self.trunk {
            Trunk::Layers(_) => self.before_tanh(obs).tanh(),
            Trunk::Script(script) => script.act(&seen(self.standardiser.as_ref(), obs)),
        }
    }

    /// Returns what the greedy actions are tanh of; `obs [B, S]`, result `[B, A]`.
    pub fn before_tanh(&self, obs: &Tensor) -> Tensor {
        let obs = seen(self.standardiser.as_ref(), obs);
        match &self.trunk {
            Trunk::Layers(mlp) => mlp.forward(&obs),
            Trunk::Script(script) => script.before_tanh(&obs),
        }
    }

    /// Returns the weights.
    pub fn params(&self) -> &Params {
        &self.params
    }
}
