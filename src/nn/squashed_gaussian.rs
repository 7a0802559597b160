//! The stochastic actor of SAC: a Gaussian squashed by tanh (Haarnoja et al. 2018, App. C).
//!
//! `s → 256 → 256`, ReLU, then two linear heads: mean μ and log σ. The action is tanh(ξ) with
//! ξ = μ + σ·ε. Other tools' actors may be built otherwise.

use std::f64::consts::{LN_2, PI};

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::critic::Dims;
use super::dense::Linear;
use super::init::LayerInit;
use super::plain::{Plain, Standardiser, seen};
use super::weights::{Builder, Of, Params, Reuse, Source, Training};
use crate::error::Result;

/// Bounds of log σ.
const LOG_STD: [f64; 2] = [-20.0, 2.0];

/// A policy that draws its actions in `(-1, 1)^A`.
pub struct SquashedGaussian {
    dims: Dims,
    plain: Plain,
    standardiser: Option<Standardiser>,
    hidden: Vec<Linear>,
    mean: Linear,
    log_std: Linear,
    params: Params,
}

/// What the policy does without noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Greedily {
    /// tanh(μ).
    #[default]
    Tanh,
    /// μ itself, as the authors' code evaluates: it may lie outside the action box, where motors do no
    /// more than at the bound and the cost of actions goes on growing.
    RawMean,
}

/// Actions that were drawn, and how likely they are.
#[derive(Debug)]
pub struct Sample {
    /// `[B, A]`.
    pub action: Tensor,
    /// Logarithm of their density, `[B]`.
    pub log_prob: Tensor,
}

impl SquashedGaussian {
    /// Builds an actor whose weights come from `source` (the authors' Xavier initialisation for new
    /// ones).
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn new(dims: Dims, training: Training, source: &mut dyn Source) -> Result<Self> {
        Self::plain(&Plain::default(), dims, training, source)
    }

    /// Builds an actor in another way.
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn plain(
        plain: &Plain,
        dims: Dims,
        training: Training,
        source: &mut dyn Source,
    ) -> Result<Self> {
        let mut builder = Builder::new(source, training);
        let standardiser = plain.standardiser(&mut builder, dims.obs)?;
        let mut layer =
            |name: &str, sizes| builder.within(name, |b| Linear::new(b, sizes, LayerInit::Xavier));
        let (mut hidden, mut inputs) = (Vec::with_capacity(plain.hidden.len()), dims.obs);
        for (i, width) in plain.hidden.iter().enumerate() {
            hidden.push(layer(&format!("layers.{i}"), [inputs, *width])?);
            inputs = *width;
        }
        let mean = layer("mean", [inputs, dims.action])?;
        let log_std = layer("log_std", [inputs, dims.action])?;
        let (plain, params) = (plain.clone(), builder.finish());
        Ok(Self { dims, plain, standardiser, hidden, mean, log_std, params })
    }

    /// Returns an actor with the same weights: a copy, or the same memory.
    ///
    /// # Errors
    /// None in practice: the architectures are equal.
    pub fn again(&self, reuse: Reuse, training: Training) -> Result<Self> {
        let source = &mut Of { params: &self.params, reuse };
        Self::plain(&self.plain, self.dims, training, source)
    }

    fn features(&self, obs: &Tensor) -> Tensor {
        let layer =
            |input: Tensor, layer: &Linear| self.plain.activation.apply(layer.forward(&input));
        self.hidden.iter().fold(seen(self.standardiser.as_ref(), obs), layer)
    }

    /// Draws actions; `obs [B, S]`, `noise [B, A]` is standard normal, drawn by the caller.
    ///
    /// log π = Σ log N(ξ; μ, σ²) − Σ log(1 − tanh² ξ), the latter as 2 (ln 2 − ξ − softplus(−2ξ)),
    /// which does not overflow.
    pub fn sample(&self, obs: &Tensor, noise: &Tensor) -> Sample {
        let features = self.features(obs);
        let log_std = self.log_std.forward(&features);
        let log_std = match self.plain.tanh_log_std {
            None => log_std.clamp(LOG_STD[0], LOG_STD[1]),
            Some([low, high]) => (log_std.tanh() + 1.0) * (0.5 * (high - low)) + low,
        };
        let before = self.mean.forward(&features) + log_std.exp() * noise;
        let gaussian = noise.square() * -0.5 - &log_std - 0.5 * (2.0 * PI).ln();
        let squash = (LN_2 - &before - (&before * -2.0).softplus()) * 2.0;
        let log_prob = (gaussian - squash).sum_dim_intlist([1i64].as_slice(), false, before.kind());
        Sample { action: before.tanh(), log_prob }
    }

    /// Returns μ before it is squashed; `obs [B, S]`, result `[B, A]`.
    pub(crate) fn raw_mean(&self, obs: &Tensor) -> Tensor {
        self.mean.forward(&self.features(obs))
    }

    /// Returns the greedy actions tanh(μ).
    pub fn mode(&self, obs: &Tensor) -> Tensor {
        self.raw_mean(obs).tanh()
    }

    /// Returns what the policy does without noise; `obs [B, S]`, result `[B, A]`.
    pub fn greedy(&self, obs: &Tensor, how: Greedily) -> Tensor {
        match how {
            Greedily::Tanh => self.mode(obs),
            Greedily::RawMean => self.raw_mean(obs),
        }
    }

    /// Returns the sizes of observation and action.
    pub fn dims(&self) -> Dims {
        self.dims
    }

    /// Returns the weights.
    pub fn params(&self) -> &Params {
        &self.params
    }
}
