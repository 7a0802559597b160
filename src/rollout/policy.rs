//! Policies, as rollouts see them: blocks of observations in, blocks of actions out.
//!
//! Here, and in the critic's gradient, `f64` physics meets `f32` networks.

use tch::{Kind, Tensor};

use super::BLOCK;
use crate::error::Result;
use crate::nn::actor::Actor;
use crate::nn::policy_net::PolicyNet;
use crate::nn::squashed_gaussian::{Greedily, SquashedGaussian};
use crate::nn::weights::{Reuse, Training};

/// A policy that rollouts can follow. All arrays are row by row, [`BLOCK`] rows each.
pub trait Policy: Send {
    /// Writes the greedy actions `[BLOCK, A]` for a block of observations `[BLOCK, S]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the network refuses its input.
    fn act(&self, obs: &[f64], actions: &mut [f64]) -> Result<()>;

    /// Writes what the greedy actions are tanh of, `[BLOCK, A]`.
    ///
    /// # Errors
    /// As [`Self::act`].
    fn before_tanh(&self, obs: &[f64], before: &mut [f64]) -> Result<()>;

    /// Returns the standard normal numbers that it draws for one action; none if it is deterministic.
    fn draws(&self) -> usize {
        0
    }

    /// Writes the actions that a rollout takes, and what each is worth beside its reward, `[BLOCK]`.
    ///
    /// A deterministic policy acts greedily and leaves `bonus` at 0. `noise [BLOCK, draws]` is
    /// standard normal, drawn by the caller.
    ///
    /// # Errors
    /// As [`Self::act`].
    fn follow(
        &self,
        (obs, _noise): (&[f64], &[f64]),
        (actions, _bonus): (&mut [f64], &mut [f64]),
    ) -> Result<()> {
        self.act(obs, actions)
    }

    /// Returns the same policy for another worker.
    ///
    /// # Errors
    /// None in practice.
    fn share(&self) -> Result<Box<dyn Policy>>;
}

/// Rows of a block as a tensor of `f32`.
pub(super) fn block(rows: &[f64], device: tch::Device) -> Result<Tensor> {
    let rows: Vec<f32> = rows.iter().map(|&x| x as f32).collect();
    Ok(Tensor::f_from_slice(&rows)?.f_view([BLOCK as i64, -1])?.to_device(device))
}

/// Writes a tensor of any shape as `f64`, row by row.
pub(super) fn write(from: &Tensor, to: &mut [f64]) -> Result<()> {
    from.to_kind(Kind::Double).f_copy_data(to, to.len())?;
    Ok(())
}

impl Policy for Actor {
    fn act(&self, obs: &[f64], actions: &mut [f64]) -> Result<()> {
        let obs = block(obs, self.params().device())?;
        write(&tch::no_grad(|| Actor::act(self, &obs)), actions)
    }

    fn before_tanh(&self, obs: &[f64], before: &mut [f64]) -> Result<()> {
        let obs = block(obs, self.params().device())?;
        write(&tch::no_grad(|| Actor::before_tanh(self, &obs)), before)
    }

    fn share(&self) -> Result<Box<dyn Policy>> {
        Ok(Box::new(self.again(Reuse::Share, Training::Frozen)?))
    }
}

/// A squashed Gaussian without its noise.
pub struct Greedy {
    actor: SquashedGaussian,
    how: Greedily,
}

impl Greedy {
    /// Makes it of an actor.
    pub fn new(actor: SquashedGaussian, how: Greedily) -> Self {
        Self { actor, how }
    }
}

impl Policy for Greedy {
    fn act(&self, obs: &[f64], actions: &mut [f64]) -> Result<()> {
        let obs = block(obs, self.actor.params().device())?;
        write(&tch::no_grad(|| self.actor.greedy(&obs, self.how)), actions)
    }

    fn before_tanh(&self, obs: &[f64], before: &mut [f64]) -> Result<()> {
        let obs = block(obs, self.actor.params().device())?;
        write(&tch::no_grad(|| self.actor.raw_mean(&obs)), before)
    }

    fn share(&self) -> Result<Box<dyn Policy>> {
        let actor = self.actor.again(Reuse::Share, Training::Frozen)?;
        Ok(Box::new(Self { actor, how: self.how }))
    }
}

/// A squashed Gaussian that draws its actions, each worth −α log π(a|s) beside its reward: what a
/// soft critic estimates. Greedily it takes tanh of its mean.
pub struct Soft {
    greedy: Greedy,
    temperature: f64,
}

impl Soft {
    /// Makes it of an actor and the temperature α, in units of reward; 0 makes returns hard.
    pub fn new(actor: SquashedGaussian, temperature: f64) -> Self {
        Self { greedy: Greedy::new(actor, Greedily::Tanh), temperature }
    }
}

impl Policy for Soft {
    fn act(&self, obs: &[f64], actions: &mut [f64]) -> Result<()> {
        self.greedy.act(obs, actions)
    }

    fn before_tanh(&self, obs: &[f64], before: &mut [f64]) -> Result<()> {
        self.greedy.before_tanh(obs, before)
    }

    fn draws(&self) -> usize {
        self.greedy.actor.dims().action as usize
    }

    fn follow(
        &self,
        (obs, noise): (&[f64], &[f64]),
        (actions, bonus): (&mut [f64], &mut [f64]),
    ) -> Result<()> {
        let actor = &self.greedy.actor;
        let device = actor.params().device();
        let (obs, noise) = (block(obs, device)?, block(noise, device)?);
        let drawn = tch::no_grad(|| actor.sample(&obs, &noise));
        write(&drawn.action, actions)?;
        write(&drawn.log_prob, bonus)?;
        for worth in bonus {
            *worth *= -self.temperature;
        }
        Ok(())
    }

    fn share(&self) -> Result<Box<dyn Policy>> {
        let actor = self.greedy.actor.again(Reuse::Share, Training::Frozen)?;
        Ok(Box::new(Self::new(actor, self.temperature)))
    }
}

/// Returns the policy that rollouts of a network follow: itself if it is deterministic, else its draws,
/// with entropy worth `temperature` in units of reward.
pub(crate) fn following(net: &PolicyNet, temperature: f64) -> Result<Box<dyn Policy>> {
    Ok(match net.again(Reuse::Share, Training::Frozen)? {
        PolicyNet::Deterministic(actor) => Box::new(actor),
        PolicyNet::SquashedGaussian(actor) => Box::new(Soft::new(actor, temperature)),
    })
}

/// Returns a policy without its noise: tanh of its mean where it draws its actions.
pub(crate) fn greedy(net: &PolicyNet) -> Result<Box<dyn Policy>> {
    Ok(match net.again(Reuse::Share, Training::Frozen)? {
        PolicyNet::Deterministic(actor) => Box::new(actor),
        PolicyNet::SquashedGaussian(actor) => Box::new(Greedy::new(actor, Greedily::Tanh)),
    })
}
