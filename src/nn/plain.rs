//! Plain networks as other tools build them: widths, activation, and observations standardised before they go in.

use tch::Tensor;

use super::architecture::Critic;
use super::init::Init;
use super::weights::Builder;
use crate::error::Result;
use crate::names::named;

/// Widths of the hidden layers of actors and of MLP-Standard.
pub const HIDDEN: [i64; 2] = [256, 256];

named!("activation",
    /// What stands between linear layers.
    Activation {
        /// max(x, 0).
        Relu = "relu",
        /// tanh x.
        Tanh = "tanh",
        /// x, and eˣ − 1 below 0.
        Elu = "elu",
        /// x Φ(x).
        Gelu = "gelu",
        /// x σ(x).
        Silu = "silu",
        /// x, and x / 100 below 0.
        LeakyRelu = "leaky-relu",
    }
);

impl Activation {
    /// Applies it to each number.
    pub(super) fn apply(self, x: Tensor) -> Tensor {
        match self {
            Self::Relu => x.relu(),
            Self::Tanh => x.tanh(),
            Self::Elu => x.elu(),
            Self::Gelu => x.gelu("none"),
            Self::Silu => x.silu(),
            Self::LeakyRelu => x.leaky_relu(),
        }
    }
}

named!("output of a script",
    /// What a network in `TorchScript` gives.
    Gives {
        /// Of an actor what its actions are tanh of, `[B, A]`.
        BeforeTanh = "before-tanh",
        /// Of an actor its actions in `[-1, 1]`, `[B, A]`.
        Action = "action",
        /// Of an actor that draws its actions: mean and log σ of what they are tanh of, two of `[B, A]`.
        MeanAndLogStd = "mean-and-log-std",
        /// Of a critic Q, `[B]` or `[B, 1]`.
        Value = "value",
    }
);

impl Gives {
    /// Returns whether an actor of SAC, or of TD3, gives this.
    pub(crate) fn is_of_actor(self, sac: bool) -> bool {
        match self {
            Self::BeforeTanh | Self::Action => !sac,
            Self::MeanAndLogStd => sac,
            Self::Value => false,
        }
    }
}

/// How a plain network is built.
#[derive(Debug, Clone, PartialEq)]
pub struct Plain {
    /// Widths of the hidden layers.
    pub hidden: Vec<i64>,
    /// What stands between layers.
    pub activation: Activation,
    /// Whether observations are standardised before they go in.
    pub standardised: bool,
    /// Lowest and highest log σ of a distribution that a tanh bounds; where unset it is clipped.
    pub tanh_log_std: Option<[f64; 2]>,
    /// What a script gives that stands in place of the layers.
    pub script: Option<Gives>,
}

impl Default for Plain {
    /// As our own actors and MLP-Standard are built.
    fn default() -> Self {
        let hidden = HIDDEN.to_vec();
        let activation = Activation::Relu;
        Self { hidden, activation, standardised: false, tanh_log_std: None, script: None }
    }
}

impl Plain {
    /// Returns what standardises observations of length `obs`, where this network asks for it.
    pub(super) fn standardiser(
        &self,
        builder: &mut Builder,
        obs: i64,
    ) -> Result<Option<Standardiser>> {
        self.standardised.then(|| Standardiser::new(builder, obs)).transpose()
    }
}

/// Standardises observations: (o − mean) / σ, clipped. Its numbers lie among the weights, and nothing learns them.
#[derive(Debug)]
pub struct Standardiser {
    mean: Tensor,
    std: Tensor,
    clip: Tensor,
}

impl Standardiser {
    /// Path of its tensors in a network.
    pub const PATH: &str = "standardise";

    fn new(builder: &mut Builder, obs: i64) -> Result<Self> {
        builder.within(Self::PATH, |b| {
            let mut number =
                |name, length, start| b.constant(name, &[length], &Init::Constant(start));
            let (mean, std) = (number("mean", obs, 0.0)?, number("std", obs, 1.0)?);
            Ok(Self { mean, std, clip: number("clip", 1, f64::from(f32::MAX))? })
        })
    }
}

/// Returns what a network sees of observations `[B, S]`.
pub(super) fn seen(standardiser: Option<&Standardiser>, obs: &Tensor) -> Tensor {
    match standardiser {
        Some(Standardiser { mean, std, clip }) => {
            ((obs - mean) / std).minimum(clip).maximum(&-clip)
        }
        None => obs.shallow_clone(),
    }
}

/// A critic that sees standardised observations.
#[derive(Debug)]
pub(super) struct Standardised<C> {
    pub(super) standardiser: Option<Standardiser>,
    pub(super) critic: C,
}

impl<C: Critic> Critic for Standardised<C> {
    fn q(&self, obs: &Tensor, action: &Tensor) -> Tensor {
        self.critic.q(&seen(self.standardiser.as_ref(), obs), action)
    }
}
