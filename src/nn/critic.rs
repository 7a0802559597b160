//! The swap point: which critics exist, and a critic with its weights.

use tch::Tensor;

use super::architecture::{Critic, DynamicNetwork, InState};
use super::d2rl::D2rl;
use super::hyper::{AsHyper, EmbHyper, Hypernetwork, LEARNED, ResNetFeatures, SaHyper};
use super::init::Inits;
use super::mlp::{Mlp, MlpCritic, widths};
use super::plain::{HIDDEN, Plain, Standardised};
use super::residual::ResNet35;
use super::script::Script;
use super::weights::{Builder, Of, Params, Reuse, Shapes, Source, Training};
use crate::env::Spec;
use crate::error::Result;
use crate::names::named;

/// Sizes that a critic and an actor are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dims {
    /// Length `S` of an observation.
    pub obs: i64,
    /// Length `A` of an action.
    pub action: i64,
}

impl Dims {
    /// Returns the sizes of an environment.
    pub fn of(spec: &Spec) -> Self {
        Self { obs: spec.obs_dim as i64, action: spec.action_dim as i64 }
    }
}

named!("critic",
    /// The critics that exist.
    CriticKind {
        /// `[s, a] → 256 → 256 → 1`.
        MlpStandard = "mlp-standard",
        /// `[s, a] → 256 → 1`.
        MlpSmall = "mlp-small",
        /// `[s, a] → 2900 → 2900 → 1`: as many weights as a hypernetwork.
        MlpLarge = "mlp-large",
        /// The primary network's trunk makes ten features of the state, for an MLP-Small.
        ResNetFeatures = "resnet-features",
        /// 35 residual blocks on `[s, a]`.
        ResNet35 = "resnet35",
        /// Four hidden layers, each of which sees `[s, a]`.
        QD2rl = "q-d2rl",
        /// The state makes the weights, the action is the input.
        SaHyper = "sa-hyper",
        /// The action makes the weights, the state is the input.
        AsHyper = "as-hyper",
        /// A learned vector makes the weights, state and action are the input.
        EmbHyper = "emb-hyper",
    }
);

impl CriticKind {
    /// Returns whether weights are made by a primary network, which takes the smaller learning rate.
    pub fn is_hyper(self) -> bool {
        matches!(self, Self::SaHyper | Self::AsHyper | Self::EmbHyper)
    }

    /// Returns the weights that both critics of a pair have in common, by name.
    pub(crate) fn tied(self) -> &'static [&'static str] {
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
        let mut mlp =
            |hidden: &[i64]| Mlp::new(builder, &widths(both, hidden, 1), plain).map(MlpCritic);
        Ok(match self {
            Self::MlpStandard => Box::new(mlp(&HIDDEN)?),
            Self::MlpSmall => Box::new(mlp(&[256])?),
            Self::MlpLarge => Box::new(mlp(&[2900, 2900])?),
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

/// What a critic is built as.
#[derive(Debug, Clone)]
enum Architecture {
    /// One of those that exist by name.
    Named(CriticKind),
    /// A plain one.
    Plain(Plain),
}

/// A critic together with its weights.
pub struct QNet {
    architecture: Architecture,
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
        let architecture = Architecture::Named(kind);
        Ok(Self { architecture, dims, critic, params: builder.finish() })
    }

    /// Builds a plain critic `[s, a] → … → 1`, or one that is a script.
    pub(crate) fn plain(
        plain: &Plain,
        dims: Dims,
        training: Training,
        source: &mut dyn Source,
    ) -> Result<Self> {
        let mut builder = Builder::new(source, training);
        let standardiser = plain.standardiser(&mut builder, dims.obs)?;
        let critic: Box<dyn Critic> = if let Some(gives) = plain.script {
            let critic = Script::new(&mut builder, gives, [dims.obs, dims.action])?;
            Box::new(Standardised { standardiser, critic })
        } else {
            let widths = widths(dims.obs + dims.action, &plain.hidden, 1);
            let mlp = Mlp::new(&mut builder, &widths, Inits::default().plain)?;
            Box::new(Standardised { standardiser, critic: MlpCritic(mlp.with(plain.activation)) })
        };
        let architecture = Architecture::Plain(plain.clone());
        Ok(Self { architecture, dims, critic, params: builder.finish() })
    }

    /// Returns a critic with the same weights: a copy, or the same memory.
    ///
    /// # Errors
    /// None in practice: the architectures are equal.
    pub fn again(&self, reuse: Reuse, training: Training) -> Result<Self> {
        let mut source = Of { params: &self.params, reuse };
        match &self.architecture {
            Architecture::Named(kind) => Self::new(*kind, self.dims, training, &mut source),
            Architecture::Plain(plain) => Self::plain(plain, self.dims, training, &mut source),
        }
    }

    /// Returns Q; `obs [B, S]`, `action [B, A]`, result `[B]`.
    pub fn q(&self, obs: &Tensor, action: &Tensor) -> Tensor {
        self.critic.q(obs, action)
    }

    /// Returns Q of many actions in each of several states, as [`Critic::in_states`].
    pub(crate) fn in_states<'c>(&'c self, obs: &Tensor) -> Vec<InState<'c>> {
        self.critic.in_states(obs)
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
