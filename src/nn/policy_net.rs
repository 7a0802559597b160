//! The swap point of policies: what an algorithm's actor is, with its weights.

use tch::Tensor;

use super::actor::Actor;
use super::squashed_gaussian::SquashedGaussian;
use super::weights::{Params, Reuse, Training};
use crate::error::Result;

/// The network of a policy.
pub enum PolicyNet {
    /// One action for each observation (TD3).
    Deterministic(Actor),
    /// A distribution of actions (SAC).
    SquashedGaussian(SquashedGaussian),
}

impl PolicyNet {
    /// Returns the greedy actions, in `[-1, 1]^A`: of a distribution tanh of its mean;
    /// `obs [B, S]`, result `[B, A]`.
    pub fn greedy(&self, obs: &Tensor) -> Tensor {
        match self {
            Self::Deterministic(actor) => actor.act(obs),
            Self::SquashedGaussian(actor) => actor.mode(obs),
        }
    }

    /// Returns what the greedy actions are tanh of; `obs [B, S]`, result `[B, A]`.
    pub fn before_tanh(&self, obs: &Tensor) -> Tensor {
        match self {
            Self::Deterministic(actor) => actor.before_tanh(obs),
            Self::SquashedGaussian(actor) => actor.raw_mean(obs),
        }
    }

    /// Returns a policy with the same weights: a copy, or the same memory.
    pub(crate) fn again(&self, reuse: Reuse, training: Training) -> Result<Self> {
        Ok(match self {
            Self::Deterministic(actor) => Self::Deterministic(actor.again(reuse, training)?),
            Self::SquashedGaussian(actor) => Self::SquashedGaussian(actor.again(reuse, training)?),
        })
    }

    /// Returns the weights.
    pub fn params(&self) -> &Params {
        match self {
            Self::Deterministic(actor) => actor.params(),
            Self::SquashedGaussian(actor) => actor.params(),
        }
    }
}
