//! The swap point: which critics exist, and a critic with its weights.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::architecture::{Critic, DynamicNetwork};
use super::d2rl::D2rl;
use super::hyper::{AsHyper, EmbHyper, Hypernetwork, LEARNED, ResNetFeatures, SaHyper};
use super::init::Inits;
use super::mlp::{Mlp, MlpCritic};
use super::residual::ResNet35;
use super::weights::{Builder, Of, Params, Reuse, Shapes, Source, Training};
use crate::error::Result;
use crate::names::by_name;

/// Sizes that a critic and an actor are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dims {
    /// Length `S` of an observation.
    pub obs: i64,
    /// Length `A` of an action.
    pub action: i64,
}

/// The critics that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CriticKind {
    /// `[s, a] → 256 → 256 → 1`.
    MlpStandard,
    /// `[s, a] → 256 → 1`.
    MlpSmall,
    /// `[s, a] → 2900 → 2900 → 1`: as many weights as a hypernetwork.
    MlpLarge,
    /// The primary network's trunk makes ten features of the state, for an MLP-Small.
    #[serde(rename = "resnet-features")]
    ResNetFeatures,
    /// 35 residual blocks on `[s, a]`.
    #[serde(rename = "resnet35")]
    ResNet35,
    /// Four hidden layers, each of which sees `[s, a]`.
    #[serde(rename = "q-d2rl")]
    QD2rl,
    /// The state makes the weights, the action is the input.
    SaHyper,
    /// The action makes the weights, the state is the input.
    AsHyper,
    /// A learned vector makes the weights, state and action are the input.
    EmbHyper,
}

impl CriticKind {
    /// All critics, in the order of the paper's tables.
    pub const ALL: [Self; 9] = [
        Self::MlpStandard,
        Self::MlpSmall,
        Self::MlpLarge,
        Self::ResNetFeatures,
        Self::ResNet35,
        Self::QD2rl,
        Self::SaHyper,
        Self::AsHyper,
        Self::EmbHyper,
    ];

    /// Returns the name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::MlpStandard => "mlp-standard",
            Self::MlpSmall => "mlp-small",
            Self::MlpLarge => "mlp-large",
            Self::ResNetFeatures => "resnet-features",
            Self::ResNet35 => "resnet35",
            Self::QD2rl => "q-d2rl",
            Self::SaHyper => "sa-hyper",
            Self::AsHyper => "as-hyper",
            Self::EmbHyper => "emb-hyper",
        }
    }

    /// Returns whether weights are made by a primary network, which takes the smaller learning rate.
    pub fn is_hyper(self) -> bool {
        matches!(self, Self::SaHyper | Self::AsHyper | Self::EmbHyper)
    }

    /// Returns the weights that both critics of a pair have in common, by name.
    pub fn tied(self) -> &'static [&'static str] {
        if self == Self::EmbHyper { &[LEARNED] } else { &[] }
    }

    /// Builds the critic.
    fn build(
        self,
        builder: &mut Builder,
        Dims { obs, action }: Dims,
        Inits { plain, hyper }: Inits,
    ) -> Result<Box<dyn Critic>> {
        let both = obs + action;
        let mut mlp = |widths: &[i64]| Mlp::new(builder, widths, plain).map(MlpCritic);
        Ok(match self {
            Self::MlpStandard => Box::new(mlp(&[both, 256, 256, 1])?),
            Self::MlpSmall => Box::new(mlp(&[both, 256, 1])?),
            Self::MlpLarge => Box::new(mlp(&[both, 2900, 2900, 1])?),
            Self::ResNetFeatures => Box::new(ResNetFeatures::new(builder, [obs, action], plain)?),
            Self::ResNet35 => Box::new(ResNet35::new(builder, both, plain)?),
            Self::QD2rl => Box::new(D2rl::new(builder, both, plain)?),
            Self::SaHyper => {
                Box::new(SaHyper(Hypernetwork::new(builder, [obs, action, 1], hyper)?))
            }
            Self::AsHyper => {
                Box::new(AsHyper(Hypernetwork::new(builder, [action, obs, 1], hyper)?))
            }
            Self::EmbHyper => Box::new(EmbHyper::new(builder, both, hyper)?),
        })
    }
}

by_name!(CriticKind, "critic");

/// A critic together with its weights.
pub struct QNet {
    kind: CriticKind,
    dims: Dims,
    critic: Box<dyn Critic>,
    params: Params,
}

impl QNet {
    /// Builds a critic whose weights come from `source`, with the paper's initialisation for new ones.
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn new(
        kind: CriticKind,
        dims: Dims,
        training: Training,
        source: &mut dyn Source,
    ) -> Result<Self> {
        Self::with_init(kind, dims, training, (source, Inits::default()))
    }

    /// Builds a critic with named initialisations for new weights.
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn with_init(
        kind: CriticKind,
        dims: Dims,
        training: Training,
        (source, inits): (&mut dyn Source, Inits),
    ) -> Result<Self> {
        let mut builder = Builder::new(source, training);
        let critic = kind.build(&mut builder, dims, inits)?;
        Ok(Self { kind, dims, critic, params: builder.finish() })
    }

    /// Returns a critic with the same weights: a copy, or the same memory.
    ///
    /// # Errors
    /// None in practice: the architectures are equal.
    pub fn again(&self, reuse: Reuse, training: Training) -> Result<Self> {
        let mut source = Of { params: &self.params, reuse };
        Self::new(self.kind, self.dims, training, &mut source)
    }

    /// Returns Q; `obs [B, S]`, `action [B, A]`, result `[B]`.
    pub fn q(&self, obs: &Tensor, action: &Tensor) -> Tensor {
        self.critic.q(obs, action)
    }

    /// Returns the dynamic networks that the critic makes, as [`Critic::dynamic`].
    pub fn dynamic(&self, obs: &Tensor, action: &Tensor) -> Option<DynamicNetwork> {
        self.critic.dynamic(obs, action)
    }

    /// Returns the weights.
    pub fn params(&self) -> &Params {
        &self.params
    }
}

/// Returns the number of weights of one critic of this kind, without building it in memory; those that
/// both critics of a pair share are not counted.
///
/// # Errors
/// None in practice.
pub fn parameter_count(kind: CriticKind, dims: Dims) -> Result<usize> {
    let net = QNet::new(kind, dims, Training::Frozen, &mut Shapes)?;
    let own = net.params.iter().filter(|param| !kind.tied().contains(&param.name.as_str()));
    Ok(own.map(|param| param.tensor.numel()).sum())
}
