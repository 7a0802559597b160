//! PEARL's encoder: what a set of transitions says about the task (Rakelly et al. 2019; App. B.2).
//!
//! Each transition gives a Gaussian of the latent `z`: `[s, a, r] → 200 → 200 → 200 → 2·5`, ReLU, the
//! first five outputs its means, softplus of the last five its variances. The posterior is their
//! product, whatever their order. Letters of shapes: `T` tasks, `N` transitions of one, `Z` = 5.

use tch::{Kind, Tensor};

use super::critic::Dims;
use super::init::{Init, LayerInit};
use super::mlp::Mlp;
use super::weights::{Builder, Of, Params, Reuse, Source, Training};
use crate::error::Result;

/// Length `Z` of the latent.
pub const LATENT: i64 = 5;

/// Width of a hidden layer.
const WIDTH: i64 = 200;

/// Least variance of one transition's Gaussian (authors' code).
const MIN_VARIANCE: f64 = 1e-7;

/// Bound of the weights and biases of an output layer: rlkit's.
pub(crate) const OUTPUT_BOUND: f64 = 3e-3;

/// What is known of the latent of each task: independent Gaussians.
#[derive(Debug)]
pub struct Posterior {
    /// `[T, Z]`.
    pub mean: Tensor,
    /// `[T, Z]`.
    pub variance: Tensor,
}

impl Posterior {
    /// Returns the product of Gaussians, one for each transition, as a Gaussian: precisions add up, and
    /// means are weighted by them.
    ///
    /// # Shapes
    /// `means [T, N, Z]`, `variances [T, N, Z]`.
    pub fn product(means: &Tensor, variances: &Tensor) -> Self {
        let over_transitions = |x: &Tensor| x.sum_dim_intlist([1i64].as_slice(), false, x.kind());
        let precisions = variances.clamp_min(MIN_VARIANCE).reciprocal();
        let variance = over_transitions(&precisions).reciprocal();
        let mean = &variance * over_transitions(&(means * precisions));
        Self { mean, variance }
    }

    /// Returns `KL(q(z) ‖ N(0, 1))` of each task, nats, `[T]`: `½ Σ (σ² + μ² − 1 − ln σ²)`.
    pub fn divergence(&self) -> Tensor {
        let each = (&self.variance + self.mean.square() - 1.0 - self.variance.log()) * 0.5;
        each.sum_dim_intlist([1i64].as_slice(), false, each.kind())
    }

    /// Returns `z = μ + σ ε`; `noise [T, Z]` is standard normal, drawn by the caller.
    pub fn sample(&self, noise: &Tensor) -> Tensor {
        &self.mean + self.variance.sqrt() * noise
    }

    /// Returns the prior N(0, 1) of so many tasks.
    pub fn prior(tasks: i64, kind: Kind) -> Self {
        let options = (kind, tch::Device::Cpu);
        let size = [tasks, LATENT];
        Self { mean: Tensor::zeros(size, options), variance: Tensor::ones(size, options) }
    }
}

/// The encoder.
pub struct Encoder {
    dims: Dims,
    net: Mlp,
    params: Params,
}

impl Encoder {
    /// Builds an encoder whose weights come from `source`; new ones start as rlkit's.
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn new(dims: Dims, training: Training, source: &mut dyn Source) -> Result<Self> {
        let mut builder = Builder::new(source, training);
        let inputs = dims.obs + dims.action + 1;
        let net = Mlp::new(&mut builder, &[inputs, WIDTH, WIDTH, WIDTH], LayerInit::FanOut)?.then(
            &mut builder,
            [WIDTH, 2 * LATENT],
            &Init::Uniform(OUTPUT_BOUND),
        )?;
        Ok(Self { dims, net, params: builder.finish() })
    }

    /// Returns an encoder with the same weights: a copy, or the same memory.
    pub(crate) fn again(&self, reuse: Reuse, training: Training) -> Result<Self> {
        Self::new(self.dims, training, &mut Of { params: &self.params, reuse })
    }

    /// Returns the posterior of each task; `context [T, N, S + A + 1]` holds observation, action and
    /// reward of its transitions.
    pub fn posterior(&self, context: &Tensor) -> Posterior {
        let outputs = self.net.in_lines().forward(context);
        let means = outputs.narrow(2, 0, LATENT);
        let variances = outputs.narrow(2, LATENT, LATENT).softplus();
        Posterior::product(&means, &variances)
    }

    /// Returns the weights.
    pub fn params(&self) -> &Params {
        &self.params
    }
}
