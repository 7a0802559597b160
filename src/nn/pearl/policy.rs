//! PEARL's policy: a Gaussian squashed by tanh, in a task.
//!
//! # Deviations
//! - A hypernetwork makes the weights of a task's policy once, not once for each of its 256 rows as in
//!   the published code: the function is the same.
//! - Its two dynamic output layers, mean and log σ, are halves of one layer here, each with its own
//!   initial bound: the function and the initial distribution are the same.

use std::f64::consts::PI;

use tch::Tensor;

use super::value::for_each_row;
use super::{Design, PearlModel, WIDTH, hidden_layers};
use crate::error::Result;
use crate::nn::architecture::DynamicNetwork;
use crate::nn::context::LATENT;
use crate::nn::dense::Linear;
use crate::nn::hyper::Hypernetwork;
use crate::nn::init::{Init, OUTPUT_HEAD_BOUND};
use crate::nn::mlp::Mlp;
use crate::nn::weights::{Builder, Of, Params, Reuse, Source, Training};

/// Bounds of log σ.
const LOG_STD: [f64; 2] = [-20.0, 2.0];

/// Bound of weights and biases of both output layers of the plain policy: rlkit's.
const OUTPUT_BOUND: f64 = 1e-3;

/// Bound of the heads that make the dynamic layer of log σ (paper, App. D.3).
const LOG_STD_HEAD_BOUND: f64 = 0.001;

/// Keeps the logarithm of the squash finite: rlkit's.
const EPSILON: f64 = 1e-6;

/// A policy that draws its actions in `(-1, 1)^A`.
pub struct TaskPolicy {
    design: Design,
    net: Net,
    params: Params,
}

#[derive(Debug)]
enum Net {
    Plain { hidden: Mlp, mean: Linear, log_std: Linear },
    Hyper(Hypernetwork),
}

/// A policy in given tasks: what depends on their latents alone is computed once. Its weights are those of
/// the policy, in the same memory.
pub struct InTasks {
    /// Gives mean and log σ of so many actions.
    made: Made,
    actions: i64,
}

enum Made {
    /// One network for all tasks, and the latents `[T, Z]` that join its input.
    Plain { net: Mlp, z: Tensor },
    /// The network of each task.
    Hyper(DynamicNetwork),
}

/// The Gaussian before it is squashed.
#[derive(Debug)]
pub struct Gaussian {
    /// `[T, B, A]`.
    pub mean: Tensor,
    /// `[T, B, A]`, within its bounds.
    pub log_std: Tensor,
}

/// Actions that were drawn, and how likely they are.
#[derive(Debug)]
pub struct Drawn {
    /// `[T, B, A]`.
    pub action: Tensor,
    /// Logarithm of their density, `[T, B]`.
    pub log_prob: Tensor,
    /// The actions before they were squashed, `[T, B, A]`.
    pub before: Tensor,
}

impl TaskPolicy {
    /// Builds a policy whose weights come from `source`; new ones start as the authors'.
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn new(design: Design, training: Training, source: &mut dyn Source) -> Result<Self> {
        let (obs, action) = (design.dims.obs, design.dims.action);
        let mut builder = Builder::new(source, training);
        let net = match design.model {
            PearlModel::Mlp => {
                let hidden = hidden_layers(&mut builder, obs + LATENT)?;
                let init = Init::Uniform(OUTPUT_BOUND);
                let mut output = |name: &str| {
                    let sizes = [WIDTH, action];
                    builder.within(name, |b| Linear::with_bias(b, sizes, &init, &init))
                };
                Net::Plain { hidden, mean: output("mean")?, log_std: output("log_std")? }
            }
            PearlModel::Hyper => {
                let outputs = [(action, OUTPUT_HEAD_BOUND), (action, LOG_STD_HEAD_BOUND)];
                Net::Hyper(Hypernetwork::with_outputs(&mut builder, [LATENT, obs], &outputs)?)
            }
        };
        Ok(Self { design, net, params: builder.finish() })
    }

    /// Returns a policy with the same weights: a copy, or the same memory.
    pub(crate) fn again(&self, reuse: Reuse, training: Training) -> Result<Self> {
        Self::new(self.design, training, &mut Of { params: &self.params, reuse })
    }

    /// Returns the policy in the tasks of these latents, `z [T, Z]`.
    pub fn in_tasks(&self, z: &Tensor) -> InTasks {
        let made = match &self.net {
            Net::Plain { hidden, mean, log_std } => {
                let net = hidden.followed_by(mean.beside(log_std)).in_lines();
                Made::Plain { net, z: z.shallow_clone() }
            }
            Net::Hyper(net) => Made::Hyper(net.weights(z)),
        };
        InTasks { made, actions: self.design.dims.action }
    }

    /// Returns the Gaussian of each row; `obs [T, B, S]`, `z [T, Z]`.
    pub fn gaussian(&self, obs: &Tensor, z: &Tensor) -> Gaussian {
        self.in_tasks(z).gaussian(obs)
    }

    /// Returns the weights.
    pub fn params(&self) -> &Params {
        &self.params
    }
}

impl InTasks {
    /// Returns the same policy in the same tasks, in the same memory.
    #[must_use]
    pub fn share(&self) -> Self {
        let made = match &self.made {
            Made::Plain { net, z } => Made::Plain { net: net.share(), z: z.shallow_clone() },
            Made::Hyper(net) => Made::Hyper(net.share()),
        };
        Self { made, actions: self.actions }
    }

    /// Returns the number of action dimensions `A`.
    pub fn actions(&self) -> i64 {
        self.actions
    }

    /// Returns the Gaussian of each row; `obs [T, B, S]`.
    pub fn gaussian(&self, obs: &Tensor) -> Gaussian {
        let both = match &self.made {
            Made::Plain { net, z } => {
                net.forward(&Tensor::cat(&[obs, &for_each_row(z, obs.size()[1])], 2))
            }
            Made::Hyper(net) => net.forward_tasks(obs),
        };
        let [mean, log_std] = [0, self.actions].map(|first| both.narrow(2, first, self.actions));
        let [low, high] = LOG_STD;
        Gaussian { mean, log_std: log_std.clamp(low, high) }
    }

    /// Returns actions in `[-1, 1]^A`, `[T, B, A]`: draws with `noise [T, B, A]`, standard normal, without
    /// it tanh of the mean; `obs [T, B, S]`.
    pub fn act(&self, obs: &Tensor, noise: Option<&Tensor>) -> Tensor {
        tch::no_grad(|| {
            let gaussian = self.gaussian(obs);
            match noise {
                Some(noise) => gaussian.draw(noise).action,
                None => gaussian.mode(),
            }
        })
    }
}

impl Gaussian {
    /// Returns the greedy actions tanh(μ), `[T, B, A]`.
    pub fn mode(&self) -> Tensor {
        self.mean.tanh()
    }

    /// Draws actions tanh(ξ), ξ = μ + σ·ε; `noise [T, B, A]` is standard normal, drawn by the caller.
    ///
    /// log π = Σ log N(ξ; μ, σ²) − Σ log(1 − tanh² ξ + 1e-6), as the authors' code has it.
    pub fn draw(&self, noise: &Tensor) -> Drawn {
        let before = &self.mean + self.log_std.exp() * noise;
        let action = before.tanh();
        let density = noise.square() * -0.5 - &self.log_std - 0.5 * (2.0 * PI).ln();
        let slope: Tensor = 1.0 - action.square();
        let squash = (slope + EPSILON).log();
        let log_prob = (density - squash).sum_dim_intlist([2i64].as_slice(), false, before.kind());
        Drawn { action, log_prob, before }
    }
}
