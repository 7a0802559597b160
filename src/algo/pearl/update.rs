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
use crate::nn::adam::Follow;
use crate::nn::context::Posterior;
use crate::nn::pearl::policy::TaskPolicy;
use crate::nn::pearl::value::{TaskCritic, TaskValue};
use crate::nn::weights::{Reuse, Training};

/// Groups of a batch's tasks: always four, where there are as many tasks, whatever the number of
/// workers, so that results do not depend on it.
pub(super) const GROUPS: i64 = 4;

/// One worker's view of the weights, which all share.
pub(super) struct Group {
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
    /// The latents, without their graph, `[t, Z]`.
    z: Tensor,
    /// Of the policy's actions, `[t, B, A]`.
    noise: Tensor,
}

/// What the critics' step leaves for the encoder.
struct Regression {
    /// Mean squared error of each critic.
    losses: [f64; 2],
    /// Gradient of their sum for each latent, `[T, Z]`.
    slope: Tensor,
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
    pub fn update(
        &mut self,
        batch: &PearlBatch,
        [latent_noise, action_noise]: [&Tensor; 2],
    ) -> PearlLosses {
        check(batch, [latent_noise, action_noise]);
        self.updates += 1;

        // z ~ q(z | c), the encoder's product of Gaussians; λ KL(q(z | c) ‖ N(0, 1))
        let posterior = self.encoder.net.posterior(&batch.context);
        let z = posterior.sample(latent_noise);
        let groups = Rows::of_groups(batch, &z.detach(), action_noise);

        // Both critics regress on y, and the encoder on the sum of their losses and the divergence.
        let target_q = self.target_q(&groups);
        let Regression { losses: critics, slope } = self.regress(&groups, target_q);
        let divergence = self.step_encoder(&posterior, &z, &slope);

        // V regresses on min(Q₁, Q₂)(s, a, z) − log π(a | s, z), a ~ π, and its target follows; the
        // policy climbs that soft value. Neither moves the encoder.
        let Improvement { value, policy } = self.improve(groups);
        let Self { value: v, policy: pi, target, config, .. } = self;
        let follow = Some(Follow { target: target.params(), tau: config.tau });
        v.adam.step(v.net.params(), &value.1, follow);
        pi.adam.step(pi.net.params(), &policy.1, None);
        PearlLosses { divergence, critics, value: value.0, policy: policy.0 }
    }

    /// Returns y = c r + γ (1 − d) V̄(s', z) of each group, `[t, B]`.
    fn target_q(&mut self, groups: &[Rows]) -> Vec<Tensor> {
        let PearlConfig { gamma, reward_scale, .. } = self.config;
        let views = self.groups.iter_mut().collect();
        on_each(&self.workers, views, share_all(groups), |view: &mut Group, rows| {
            tch::no_grad(|| {
                let next = rows.alive * view.target.v(&rows.next_obs, &rows.z);
                rows.reward * reward_scale + next * gamma
            })
        })
    }

    /// One step of both critics towards y.
    fn regress(&mut self, groups: &[Rows], target_q: Vec<Tensor>) -> Regression {
        let total = entries(groups, |rows| &rows.reward);
        // Each group twice, once for each critic.
        let views = self.groups.iter_mut().flat_map(|view| view.learning.iter_mut()).collect();
        let pieces = groups
            .iter()
            .zip(target_q)
            .flat_map(|(rows, y)| [(rows.share(), y.shallow_clone()), (rows.share(), y)]);
        let work = |critic: &mut TaskCritic, (rows, y): (Rows, Tensor)| {
            critic_error(critic, &rows, &y, total)
        };
        let mut results = on_each(&self.workers, views, pieces.collect(), work).into_iter();
        let (mut first, mut second, mut slopes) = (Vec::new(), Vec::new(), Vec::new());
        while let (Some((a, slope_a)), Some((b, slope_b))) = (results.next(), results.next()) {
            first.push(a);
            second.push(b);
            slopes.push(slope_a + slope_b);
        }
        let [q1, q2] = &mut self.critics;
        let (first, second) = self.workers.join(
            move || {
                let (loss, gradients) = sum(first);
                q1.adam.step(q1.net.params(), &gradients, None);
                loss
            },
            move || {
                let (loss, gradients) = sum(second);
                q2.adam.step(q2.net.params(), &gradients, None);
                loss
            },
        );
        Regression { losses: [first, second], slope: Tensor::cat(&slopes, 0) }
    }

    /// One step of the encoder along the latents' `slope` and against the divergence from the prior,
    /// which it returns, weighted.
    fn step_encoder(&mut self, posterior: &Posterior, z: &Tensor, slope: &Tensor) -> f64 {
        let divergence = posterior.divergence().sum(z.kind()) * self.config.kl_weight;
        // The chain rule: the gradient of Σ z·(∂L/∂z) in the encoder's weights is that of L.
        let loss = &divergence + (z * slope).sum(z.kind());
        let params = self.encoder.net.params();
        let gradients = Tensor::run_backward(&[&loss], &params.tensors(), false, false);
        self.encoder.adam.step(params, &gradients, None);
        divergence.double_value(&[])
    }

    /// Returns losses and gradients of V and of the policy.
    fn improve(&mut self, groups: Vec<Rows>) -> Improvement {
        let total = entries(&groups, |rows| &rows.reward);
        let config = &self.config;
        let views = self.groups.iter_mut().collect();
        let results = on_each(&self.workers, views, groups, |view: &mut Group, rows| {
            view.improve(&rows, total, config)
        });
        let (value, policy): (Vec<_>, Vec<_>) =
            results.into_iter().map(|Improvement { value, policy }| (value, policy)).unzip();
        let (value, policy) = self.workers.join(move || sum(value), move || sum(policy));
        Improvement { value, policy }
    }
}

impl Rows {
    /// Cuts a batch into its groups.
    fn of_groups(batch: &PearlBatch, z: &Tensor, noise: &Tensor) -> Vec<Self> {
        let PearlBatch { obs, action, reward, next_obs, alive, .. } = batch;
        let cut = |whole: &Tensor| whole.chunk(GROUPS, 0).into_iter();
        let all = [obs, action, reward, next_obs, alive, z, noise];
        let mut parts = all.map(cut);
        let mut groups = Vec::new();
        while let [
            Some(obs),
            Some(action),
            Some(reward),
            Some(next_obs),
            Some(alive),
            Some(z),
            Some(noise),
        ] = parts.each_mut().map(Iterator::next)
        {
            groups.push(Self { obs, action, reward, next_obs, alive, z, noise });
        }
        groups
    }

    /// Returns the same rows in the same memory.
    fn share(&self) -> Self {
        let Self { obs, action, reward, next_obs, alive, z, noise } = self;
        let [obs, action, reward, next_obs, alive, z, noise] =
            [obs, action, reward, next_obs, alive, z, noise].map(Tensor::shallow_clone);
        Self { obs, action, reward, next_obs, alive, z, noise }
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
    rows: &Rows,
    target_q: &Tensor,
    total: f64,
) -> (Descent, Tensor) {
    let z = rows.z.detach().set_requires_grad(true);
    let error = critic.q(&rows.obs, &rows.action, &z) - target_q;
    let loss = error.square().sum(error.kind()) / total;
    let mut inputs = vec![z];
    inputs.extend(critic.params().tensors());
    let mut gradients = Tensor::run_backward(&[&loss], &inputs, false, false);
    let slope = gradients.remove(0);
    ((loss.double_value(&[]), gradients), slope)
}

impl Group {
    /// Makes a view of these critics, of V and its target, and of the policy.
    pub(super) fn sharing(
        [q1, q2]: [&TaskCritic; 2],
        [value, target]: [&TaskValue; 2],
        policy: &TaskPolicy,
    ) -> Result<Self> {
        let both = |training| -> Result<[TaskCritic; 2]> {
            Ok([q1.again(Reuse::Share, training)?, q2.again(Reuse::Share, training)?])
        };
        Ok(Self {
            learning: both(Training::Trainable)?,
            fixed: both(Training::Frozen)?,
            value: value.again(Reuse::Share, Training::Trainable)?,
            target: target.again(Reuse::Share, Training::Frozen)?,
            policy: policy.again(Reuse::Share, Training::Trainable)?,
        })
    }

    /// Returns this group's share of the losses and gradients of V and of the policy; `total` counts the
    /// rows of all groups.
    fn improve(&self, rows: &Rows, total: f64, config: &PearlConfig) -> Improvement {
        let Rows { obs, z, noise, .. } = rows;
        let gaussian = self.policy.gaussian(obs, z);
        let drawn = gaussian.draw(noise);
        let [q1, q2] = self.fixed.each_ref().map(|critic| critic.q(obs, &drawn.action, z));
        let soft_value = q1.minimum(&q2) - &drawn.log_prob;
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
fn descent(loss: &Tensor, params: &crate::nn::weights::Params) -> Descent {
    let gradients = Tensor::run_backward(&[loss], &params.tensors(), false, false);
    (loss.double_value(&[]), gradients)
}
