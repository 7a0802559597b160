//! A group of a batch's tasks: one worker's view of the weights, and its share of losses and gradients.
//!
//! # Deviations
//! No gradient flows into the weights of Q in the policy's step (the authors compute it and throw it away).

use tch::Tensor;

use super::super::chunks::{LossAndGradient, loss_and_gradient};
use super::config::PearlConfig;
use crate::error::Result;
use crate::nn::context::Encoder;
use crate::nn::pearl::policy::TaskPolicy;
use crate::nn::pearl::value::{Least, TaskCritic, TaskValue};
use crate::nn::weights::{Reuse, Training};

/// Groups of a batch's tasks: always four, where there are as many tasks, whatever the number of
/// workers, so that results do not depend on it.
pub(super) const GROUPS: i64 = 4;

/// What one update learns from.
#[derive(Debug)]
pub struct PearlBatch {
    /// Observation, action and reward of the transitions of each context, `[T, N, S + A + 1]`.
    pub context: Tensor,
    /// `[T, B, S]`.
    pub obs: Tensor,
    /// `[T, B, A]`.
    pub action: Tensor,
    /// `[T, B]`, not scaled.
    pub reward: Tensor,
    /// `[T, B, S]`.
    pub next_obs: Tensor,
    /// 1, or 0 where the episode ended in a terminal state, `[T, B]`.
    pub alive: Tensor,
}

/// One worker's view of the weights, which all share.
pub(super) struct Group {
    encoder: Encoder,
    /// Both critics, where they learn.
    learning: [TaskCritic; 2],
    /// Both critics, where the policy climbs them.
    fixed: [TaskCritic; 2],
    value: TaskValue,
    target: TaskValue,
    policy: TaskPolicy,
}

/// The rows of a group's tasks; `t` of the `T` tasks.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) batch: PearlBatch,
    /// Of the latents, `[t, Z]`.
    pub(super) latent_noise: Tensor,
    /// Of the policy's actions, `[t, B, A]`.
    pub(super) noise: Tensor,
}

/// A group's share of the step of encoder and critics.
pub(super) struct Regression {
    /// The latents of its tasks, without their graph, `[t, Z]`.
    pub(super) z: Tensor,
    /// The divergence from the prior, weighted, and the encoder's gradient.
    pub(super) encoder: LossAndGradient,
    pub(super) critics: [LossAndGradient; 2],
}

impl PearlBatch {
    /// Returns the tensors in the order of the fields.
    pub(super) fn tensors(&self) -> [&Tensor; 6] {
        let Self { context, obs, action, reward, next_obs, alive } = self;
        [context, obs, action, reward, next_obs, alive]
    }

    /// Takes tensors in the order of the fields.
    pub(super) fn of([context, obs, action, reward, next_obs, alive]: [Tensor; 6]) -> Self {
        Self { context, obs, action, reward, next_obs, alive }
    }
}

impl Rows {
    /// Returns the same rows in the same memory.
    pub(super) fn share(&self) -> Self {
        let batch = PearlBatch::of(self.batch.tensors().map(Tensor::shallow_clone));
        let [latent_noise, noise] = [&self.latent_noise, &self.noise].map(Tensor::shallow_clone);
        Self { batch, latent_noise, noise }
    }
}

impl Group {
    /// Makes a view of the encoder, of the critics, of V and its target, and of the policy.
    pub(super) fn sharing(
        encoder: &Encoder,
        [q1, q2]: [&TaskCritic; 2],
        [value, target]: [&TaskValue; 2],
        policy: &TaskPolicy,
    ) -> Result<Self> {
        let both = |training| -> Result<[TaskCritic; 2]> {
            Ok([q1.again(Reuse::Share, training)?, q2.again(Reuse::Share, training)?])
        };
        Ok(Self {
            encoder: encoder.again(Reuse::Share, Training::Trainable)?,
            learning: both(Training::Trainable)?,
            fixed: both(Training::Frozen)?,
            value: value.again(Reuse::Share, Training::Trainable)?,
            target: target.again(Reuse::Share, Training::Frozen)?,
            policy: policy.again(Reuse::Share, Training::Trainable)?,
        })
    }

    /// Returns this group's share of divergence, of the critics' losses, and of the gradients of all three;
    /// `total` counts the rows of all groups.
    pub(super) fn regress(&mut self, rows: &Rows, total: f64, config: &PearlConfig) -> Regression {
        // z ~ q(z | c), the encoder's product of Gaussians; λ KL(q(z | c) ‖ N(0, 1))
        let posterior = self.encoder.posterior(&rows.batch.context);
        let latents = posterior.sample(&rows.latent_noise);
        let divergence = posterior.divergence().sum(latents.kind()) * config.kl_weight;

        // y = c r + γ (1 − d) V̄(s', z)
        let z = latents.detach();
        let target_q = tch::no_grad(|| {
            let next = &rows.batch.alive * self.target.v(&rows.batch.next_obs, &z);
            &rows.batch.reward * config.reward_scale + next * config.gamma
        });
        let [q1, q2] = &mut self.learning;
        let given = || (rows.share(), z.shallow_clone(), target_q.shallow_clone());
        let (first, second) = (given(), given());
        let error = |critic: &mut TaskCritic, (rows, z, target_q): (Rows, Tensor, Tensor)| {
            critic_error(critic, &rows.batch, [&z, &target_q], total)
        };
        let ((q1, slope_1), (q2, slope_2)) =
            rayon::join(move || error(q1, first), move || error(q2, second));

        // The chain rule: the gradient of Σ z·(∂L/∂z) in the encoder's weights is that of L.
        let slope = slope_1 + slope_2;
        let through = &divergence + (&latents * slope).sum(latents.kind());
        let (_, encoder) = loss_and_gradient(&through, self.encoder.params());
        let encoder = (divergence.double_value(&[]), encoder);
        Regression { z, encoder, critics: [q1, q2] }
    }

    /// Returns this group's share of the losses and gradients of V and of the policy. V regresses on
    /// min(Q₁, Q₂)(s, a, z) − log π(a | s, z), a ~ π, and the policy climbs that soft value; neither moves
    /// the encoder. `total` counts the rows of all groups.
    pub(super) fn improve(
        &self,
        rows: &Rows,
        z: &Tensor,
        total: f64,
        config: &PearlConfig,
    ) -> (LossAndGradient, LossAndGradient) {
        let (obs, noise) = (&rows.batch.obs, &rows.noise);
        let gaussian = self.policy.gaussian(obs, z);
        let drawn = gaussian.draw(noise);
        // min(Q₁, Q₂) is linear in the action here: what counts is its value, and its slope there.
        let action = drawn.action.detach();
        let least = Least::of(self.fixed.each_ref(), [obs, &action, z]);
        let rise = least.slope * (&drawn.action - &action);
        let rise = rise.sum_dim_intlist([2i64].as_slice(), false, action.kind());
        let soft_value = least.q + rise - &drawn.log_prob;
        let kind = soft_value.kind();

        let error = self.value.v(obs, z) - soft_value.detach();
        let value = loss_and_gradient(&(error.square().sum(kind) / total), self.value.params());

        // mean(log π − min Q) + w_μ mean(μ²) + w_σ mean(log² σ) + w_ξ mean(‖ξ‖²)
        let actions = total * noise.size()[2] as f64;
        let square = |x: &Tensor, weight: f64| x.square().sum(kind) * weight;
        let policy_loss = soft_value.sum(kind) / -total
            + square(&gaussian.mean, config.mean_weight / actions)
            + square(&gaussian.log_std, config.log_std_weight / actions)
            + square(&drawn.before, config.before_weight / total);
        (value, loss_and_gradient(&policy_loss, self.policy.params()))
    }
}

/// Returns a group's share of a critic's mean squared error and its gradient for each weight; and that
/// for each latent, `[t, Z]`. `total` counts the rows of all groups.
fn critic_error(
    critic: &TaskCritic,
    PearlBatch { obs, action, .. }: &PearlBatch,
    [z, target_q]: [&Tensor; 2],
    total: f64,
) -> (LossAndGradient, Tensor) {
    let z = z.detach().set_requires_grad(true);
    let error = critic.q(obs, action, &z) - target_q;
    let loss = error.square().sum(error.kind()) / total;
    let mut inputs = vec![z];
    inputs.extend(critic.params().tensors());
    let mut gradients = Tensor::run_backward(&[&loss], &inputs, false, false);
    let slope = gradients.remove(0);
    ((loss.double_value(&[]), gradients), slope)
}
