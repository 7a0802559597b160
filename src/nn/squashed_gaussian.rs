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
use super::script::Script;
use super::weights::{Builder, Of, Params, Reuse, Source, Training};
use crate::error::Result;

/// Bounds of log σ.
const LOG_STD: [f64; 2] = [-20.0, 2.0];

/// A policy that draws its actions in `(-1, 1)^A`.
pub struct SquashedGaussian {
    dims: Dims,
    plain: Plain,
    standardiser: Option<Standardiser>,
    trunk: Trunk,
    params: Params,
}

/// What gives mean and log σ.
enum Trunk {
    Layers { hidden: Vec<Linear>, mean: Linear, log_std: Linear },
    Script(Script),
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
            let mut layer = |name: &str, sizes| {
                builder.within(name, |b| Linear::new(b, sizes, LayerInit::Xavier))
            };
            let (mut hidden, mut inputs) = (Vec::with_capacity(plain.hidden.len()), dims.obs);
            for (i, width) in plain.hidden.iter().enumerate() {
                hidden.push(layer(&format!("layers.{i}"), [inputs, *width])?);
                inputs = *width;
            }
            let mean = layer("mean", [inputs, dims.action])?;
            let log_std = layer("log_std", [inputs, dims.action])?;
            Trunk::Layers { hidden, mean, log_std }
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

    /// Returns what the hidden layers make of what is seen.
    fn features(&self, hidden: &[Linear], seen: Tensor) -> Tensor {
        let layer =
            |input: Tensor, layer: &Linear| self.plain.activation.apply(layer.forward(&input));
        hidden.iter().fold(seen, layer)
    }

    /// Returns mean and log σ, the latter without its bounds.
    fn mean_and_log_std(&self, obs: &Tensor) -> [Tensor; 2] {
        let seen = seen(self.standardiser.as_ref(), obs);
        match &self.trunk {
            Trunk::Layers { hidden, mean, log_std } => {
                let features = self.features(hidden, seen);
                [mean.forward(&features), log_std.forward(&features)]
            }
            Trunk::Script(script) => script.mean_and_log_std(&seen),
        }
    }

    /// Draws actions; `obs [B, S]`, `noise [B, A]` is standard normal, drawn by the caller.
    ///
    /// log π = Σ log N(ξ; μ, σ²) − Σ log(1 − tanh² ξ), the latter as 2 (ln 2 − ξ − softplus(−2ξ)),
    /// which does not overflow.
    pub fn sample(&self, obs: &Tensor, noise: &Tensor) -> Sample {
        let [mean, log_std] = self.mean_and_log_std(obs);
        let log_std = match self.plain.tanh_log_std {
            None => log_std.clamp(LOG_STD[0], LOG_STD[1]),
            Some([low, high]) => (log_std.tanh() + 1.0) * (0.5 * (high - low)) + low,
        };
        let before = mean + log_std.exp() * noise;
        let gaussian = noise.square() * -0.5 - &log_std - 0.5 * (2.0 * PI).ln();
        let squash = (LN_2 - &before - (&before * -2.0).softplus()) * 2.0;
        let log_prob = (gaussian - squash).sum_dim_intlist([1i64].as_slice(), false, before.kind());
        Sample { action: before.tanh(), log_prob }
    }

    /// Returns μ before it is squashed; `obs [B, S]`, result `[B, A]`.
    pub(crate) fn raw_mean(&self, obs: &Tensor) -> Tensor {
        let seen = seen(self.standardiser.as_ref(), obs);
        match &self.trunk {
            Trunk::Layers { hidden, mean, .. } => mean.forward(&self.features(hidden, seen)),
            Trunk::Script(script) => script.before_tanh(&seen),
        }
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
