//! One update of PEARL: encoder and Q, then V and its target, then the policy (Rakelly et al. 2019,
//! Algorithm 1).
//!
//! The tasks of a batch are cut into [`GROUPS`], each of which runs on a worker with its own view of the
//! weights; losses and gradients are added up in the order of the groups.
//!
//! # Deviations
//! - The published code draws the latents twice and uses the second draw; here they are drawn once.
//! - No gradient flows into the weights of Q in the policy's step (the authors compute it and throw it
//!   away).

use tch::Tensor;

use super::super::pieces::{Descent, on_each, sum};
use super::agent::{PearlAgent, PearlBatch, PearlLosses};
use super::config::PearlConfig;
use crate::error::Result;
use crate::nn::adam::{Adam, Follow};
use crate::nn::context::Encoder;
use crate::nn::pearl::policy::TaskPolicy;
use crate::nn::pearl::value::{Least, TaskCritic, TaskValue};
use crate::nn::weights::{Params, Reuse, Training};

/// Groups of a batch's tasks: always four, where there are as many tasks, whatever the number of
/// workers, so that results do not depend on it.
pub(super) const GROUPS: i64 = 4;

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
struct Rows {
    /// `[t, N, S + A + 1]`.
    context: Tensor,
    /// `[t, B, S]`.
    obs: Tensor,
    /// `[t, B, A]`.
    action: Tensor,
    /// `[t, B]`.
    reward: Tensor,
    /// `[t, B, S]`.
    next_obs: Tensor,
    /// `[t, B]`.
    alive: Tensor,
    /// Of the latents, `[t, Z]`.
    latent_noise: Tensor,
    /// Of the policy's actions, `[t, B, A]`.
    noise: Tensor,
}

/// A group's share of the step of encoder and critics.
struct Regression {
    /// The latents of its tasks, without their graph, `[t, Z]`.
    z: Tensor,
    /// The divergence from the prior, weighted, and the encoder's gradients.
    encoder: Descent,
    critics: [Descent; 2],
}

/// A group's share of the gradients of V and of the policy.
struct Improvement {
    value: Descent,
    policy: Descent,
}

impl PearlAgent {
    /// One gradient step of every network.
    ///
    /// # Shapes
    /// The noise of latents `[T, Z]` and of actions `[T, B, A]` is standard normal, drawn by the
    /// caller.
    ///
    /// # Panics
    /// If the tensors of the batch differ in tasks or rows.
    pub fn update(&mut self, batch: &PearlBatch, noises: [&Tensor; 2]) -> PearlLosses {
        check(batch, noises);
        self.updates += 1;
        let groups = Rows::of_groups(batch, noises);
        let (divergence, critics, z) = self.regress(&groups);
        let [value, policy] = self.improve(groups, z);
        PearlLosses { divergence, critics, value, policy }
    }

    /// One step of both critics, and of the encoder on the sum of their losses and the divergence.
    /// Returns divergence, losses and each group's latents.
    fn regress(&mut self, groups: &[Rows]) -> (f64, [f64; 2], Vec<Tensor>) {
        let total = entries(groups, |rows| &rows.reward);
        let config = &self.config;
        let views = self.groups.iter_mut().collect();
        let work = |view: &mut Group, rows: Rows| view.regress(&rows, total, config);
        let found = on_each(&self.workers, views, share_all(groups), work);

        let (mut z, mut of_encoder) = (Vec::new(), Vec::new());
        let (mut of_q1, mut of_q2) = (Vec::new(), Vec::new());
        for Regression { z: latents, encoder, critics: [q1, q2] } in found {
            z.push(latents);
            of_encoder.push(encoder);
            of_q1.push(q1);
            of_q2.push(q2);
        }
        let (encoder, [q1, q2]) = (&mut self.encoder, &mut self.critics);
        let ((divergence, first), second) = self.workers.join(
            move || {
                let divergence = step(&mut encoder.adam, encoder.net.params(), of_encoder, None);
                (divergence, step(&mut q1.adam, q1.net.params(), of_q1, None))
            },
            move || step(&mut q2.adam, q2.net.params(), of_q2, None),
        );
        (divergence, [first, second], z)
    }

    /// One step of V, which its target follows, and of the policy; returns their losses.
    fn improve(&mut self, groups: Vec<Rows>, z: Vec<Tensor>) -> [f64; 2] {
        let total = entries(&groups, |rows| &rows.reward);
        let config = &self.config;
        let views = self.groups.iter_mut().collect();
        let pieces = groups.into_iter().zip(z).collect();
        let results = on_each(&self.workers, views, pieces, |view: &mut Group, (rows, z)| {
            view.improve(&rows, &z, total, config)
        });
        let (of_value, of_policy): (Vec<_>, Vec<_>) =
            results.into_iter().map(|Improvement { value, policy }| (value, policy)).unzip();
        let (v, pi) = (&mut self.value, &mut self.policy);
        let (target, tau) = (&mut self.target, config.tau);
        let (value, policy) = self.workers.join(
            move || {
                let follow = Follow { target: target.params(), tau };
                step(&mut v.adam, v.net.params(), of_value, Some(follow))
            },
            move || step(&mut pi.adam, pi.net.params(), of_policy, None),
        );
        [value, policy]
    }
}

/// One step along the sum of the groups' gradients; returns the sum of their losses.
fn step(adam: &mut Adam, params: &Params, groups: Vec<Descent>, follow: Option<Follow>) -> f64 {
    let (loss, gradients) = sum(groups);
    adam.step(params, &gradients, follow);
    loss
}

impl Rows {
    /// Cuts a batch into its groups.
    fn of_groups(batch: &PearlBatch, [latent_noise, noise]: [&Tensor; 2]) -> Vec<Self> {
        let PearlBatch { context, obs, action, reward, next_obs, alive } = batch;
        let all = [context, obs, action, reward, next_obs, alive, latent_noise, noise];
        let mut parts = all.map(|whole| whole.chunk(GROUPS, 0).into_iter());
        let mut groups = Vec::new();
        while let [
            Some(context),
            Some(obs),
            Some(action),
            Some(reward),
            Some(next_obs),
            Some(alive),
            Some(latent_noise),
            Some(noise),
        ] = parts.each_mut().map(Iterator::next)
        {
            groups.push(Self {
                context,
                obs,
                action,
                reward,
                next_obs,
                alive,
                latent_noise,
                noise,
            });
        }
        groups
    }

    /// Returns the same rows in the same memory.
    fn share(&self) -> Self {
        let Self { context, obs, action, reward, next_obs, alive, latent_noise, noise } = self;
        let all = [context, obs, action, reward, next_obs, alive, latent_noise, noise];
        let [context, obs, action, reward, next_obs, alive, latent_noise, noise] =
            all.map(Tensor::shallow_clone);
        Self { context, obs, action, reward, next_obs, alive, latent_noise, noise }
    }
}

/// Stops where tasks or rows differ from those of the actions: they would be cut short, or broadcast.
fn check(batch: &PearlBatch, [latent_noise, action_noise]: [&Tensor; 2]) {
    let PearlBatch { context, obs, action, reward, next_obs, alive } = batch;
    let rows = &action.size()[..2];
    for (number, name) in [(reward, "reward"), (alive, "alive")] {
        assert_eq!(number.size(), rows, "tasks and rows of {name}");
    }
    for (vector, name) in [(obs, "obs"), (next_obs, "next_obs"), (action_noise, "noise")] {
        assert_eq!(&vector.size()[..2], rows, "tasks and rows of {name}");
    }
    for (of_task, name) in [(context, "context"), (latent_noise, "latents")] {
        assert_eq!(of_task.size()[0], rows[0], "tasks of {name}");
    }
}

fn share_all(groups: &[Rows]) -> Vec<Rows> {
    groups.iter().map(Rows::share).collect()
}

/// Returns the entries that a tensor has in all groups together.
fn entries(groups: &[Rows], of: impl Fn(&Rows) -> &Tensor) -> f64 {
    groups.iter().map(|rows| of(rows).numel()).sum::<usize>() as f64
}

/// Returns a group's share of a critic's mean squared error and its gradient for each weight; and that
/// for each latent, `[t, Z]`. `total` counts the rows of all groups.
fn critic_error(
    critic: &TaskCritic,
    Rows { obs, action, .. }: &Rows,
    [z, target_q]: [&Tensor; 2],
    total: f64,
) -> (Descent, Tensor) {
    let z = z.detach().set_requires_grad(true);
    let error = critic.q(obs, action, &z) - target_q;
    let loss = error.square().sum(error.kind()) / total;
    let mut inputs = vec![z];
    inputs.extend(critic.params().tensors());
    let mut gradients = Tensor::run_backward(&[&loss], &inputs, false, false);
    let slope = gradients.remove(0);
    ((loss.double_value(&[]), gradients), slope)
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
    fn regress(&mut self, rows: &Rows, total: f64, config: &PearlConfig) -> Regression {
        // z ~ q(z | c), the encoder's product of Gaussians; λ KL(q(z | c) ‖ N(0, 1))
        let posterior = self.encoder.posterior(&rows.context);
        let latents = posterior.sample(&rows.latent_noise);
        let divergence = posterior.divergence().sum(latents.kind()) * config.kl_weight;

        // y = c r + γ (1 − d) V̄(s', z)
        let z = latents.detach();
        let target_q = tch::no_grad(|| {
            let next = &rows.alive * self.target.v(&rows.next_obs, &z);
            &rows.reward * config.reward_scale + next * config.gamma
        });
        let [q1, q2] = &mut self.learning;
        let given = || (rows.share(), z.shallow_clone(), target_q.shallow_clone());
        let (first, second) = (given(), given());
        let error = |critic: &mut TaskCritic, (rows, z, target_q): (Rows, Tensor, Tensor)| {
            critic_error(critic, &rows, [&z, &target_q], total)
        };
        let ((q1, slope_1), (q2, slope_2)) =
            rayon::join(move || error(q1, first), move || error(q2, second));

        // The chain rule: the gradient of Σ z·(∂L/∂z) in the encoder's weights is that of L.
        let slope = slope_1 + slope_2;
        let (_, encoder) =
            descent(&(&divergence + (&latents * slope).sum(latents.kind())), self.encoder.params());
        let encoder = (divergence.double_value(&[]), encoder);
        Regression { z, encoder, critics: [q1, q2] }
    }

    /// Returns this group's share of the losses and gradients of V and of the policy. V regresses on
    /// min(Q₁, Q₂)(s, a, z) − log π(a | s, z), a ~ π, and the policy climbs that soft value; neither moves
    /// the encoder. `total` counts the rows of all groups.
    fn improve(&self, rows: &Rows, z: &Tensor, total: f64, config: &PearlConfig) -> Improvement {
        let Rows { obs, noise, .. } = rows;
        let gaussian = self.policy.gaussian(obs, z);
        let drawn = gaussian.draw(noise);
        // min(Q₁, Q₂) is linear in the action here: what counts is its value, and its slope there.
        let action = drawn.action.detach();
        let least = Least::of(self.fixed.each_ref(), [obs, &action, z]);
        let climb = (least.slope * (&drawn.action - &action)).sum_dim_intlist(
            [2i64].as_slice(),
            false,
            action.kind(),
        );
        let soft_value = least.q + climb - &drawn.log_prob;
        let kind = soft_value.kind();

        let error = self.value.v(obs, z) - soft_value.detach();
        let value = descent(&(error.square().sum(kind) / total), self.value.params());

        // mean(log π − min Q) + w_μ mean(μ²) + w_σ mean(log² σ) + w_ξ mean(‖ξ‖²)
        let actions = total * noise.size()[2] as f64;
        let square = |x: &Tensor, weight: f64| x.square().sum(kind) * weight;
        let policy_loss = soft_value.sum(kind) / -total
            + square(&gaussian.mean, config.mean_weight / actions)
            + square(&gaussian.log_std, config.log_std_weight / actions)
            + square(&drawn.before, config.before_weight / total);
        Improvement { value, policy: descent(&policy_loss, self.policy.params()) }
    }
}

/// Returns a loss and its gradient for each weight.
fn descent(loss: &Tensor, params: &Params) -> Descent {
    let gradients = Tensor::run_backward(&[loss], &params.tensors(), false, false);
    (loss.double_value(&[]), gradients)
}
