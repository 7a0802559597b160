//! TD3 (Fujimoto et al. 2018) as the authors of the paper ran it (paper, Table 5).
//!
//! Two critics regress on the smaller of two target values; the actor climbs the first critic every
//! second update; then the targets follow.
//!
//! # Deviations
//!
//! - Those of [`twin_critic`](super::twin_critic).
//! - The actor's batch is cut into `CHUNKS`.
//! - No gradient flows into the critic's weights in the actor's update (the authors compute it and
//!   throw it away).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::chunks::{CHUNKS, LossAndGradient, loss_and_gradient, sum_over};
use super::learner::{Learner, Losses, Part, normal};
use super::method::{Design, Method, Schedule, check, not_negative, positive};
use super::replay::Batch;
use super::twin_critic::{Twin, TwinSpec};
use crate::env::EnvId;
use crate::error::Result;
use crate::nn::actor::Actor;
use crate::nn::adam::{Adam, PolyakTarget};
use crate::nn::bf16::Precision;
use crate::nn::critic::{CriticKind, Dims, QNet};
use crate::nn::init::Inits;
use crate::nn::plain::Plain;
use crate::nn::policy_net::PolicyNet;
use crate::nn::weights::{Reuse, Source, Training};
use crate::rng::Stream;
use crate::rollout::Policy;

/// Standard deviation of the exploration noise (paper, Table 5), in action half-ranges.
const EXPLORATION: f64 = 0.1;

/// Hyper-parameters of TD3, with the defaults of the authors' code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Td3Config {
    /// Discount factor γ, per environment step.
    pub gamma: f64,
    /// Fraction of the online weights mixed into the targets at each delayed update.
    pub tau: f64,
    /// Standard deviation of the smoothing noise on target actions, in action half-ranges.
    pub policy_noise: f64,
    /// Bound on that noise, same unit.
    pub noise_clip: f64,
    /// Critic updates per actor update.
    pub policy_delay: u64,
    /// Adam's learning rate of the actor.
    pub actor_lr: f64,
    /// Adam's learning rate of the critics; unset: 3e-4 for plain ones, 5e-5 for hypernetworks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critic_lr: Option<f64>,
}

impl Default for Td3Config {
    fn default() -> Self {
        Self {
            gamma: 0.99,
            tau: 0.005,
            policy_noise: 0.2,
            noise_clip: 0.5,
            policy_delay: 2,
            actor_lr: 3e-4,
            critic_lr: None,
        }
    }
}

impl Td3Config {
    /// Returns the critics' learning rate for this kind of critic.
    pub(crate) fn critic_lr_for(&self, kind: CriticKind) -> f64 {
        self.critic_lr.unwrap_or(if kind.is_hyper() { 5e-5 } else { 3e-4 })
    }
}

impl Method for Td3Config {
    fn schedule(&self, _env: EnvId) -> Schedule {
        Schedule { warmup_steps: 1_000, batch: 100, exploration_noise: Some(EXPLORATION) }
    }

    /// Once the random actions are over.
    fn first_update(&self, schedule: &Schedule) -> (u64, &'static str) {
        (schedule.warmup_steps, "warmup_steps")
    }

    fn gamma(&self) -> f64 {
        self.gamma
    }

    fn set_gamma(&mut self, gamma: f64) {
        self.gamma = gamma;
    }

    fn set_critic_lr(&mut self, rate: Option<f64>) {
        self.critic_lr = rate;
    }

    fn has_slow_actor(&self) -> bool {
        true
    }

    fn resolve(&mut self, critic: CriticKind, _env: EnvId) -> Result<()> {
        let Self { gamma, tau, policy_noise, noise_clip, policy_delay, actor_lr, .. } = *self;
        let critic_lr = self.critic_lr_for(critic);
        check(&[
            ((0.0..1.0).contains(&gamma), "td3.gamma", "in [0, 1)"),
            (tau > 0.0 && tau <= 1.0, "td3.tau", "in (0, 1]"),
            (not_negative(policy_noise), "td3.policy_noise", "0 or more"),
            (not_negative(noise_clip), "td3.noise_clip", "0 or more"),
            (policy_delay > 0, "td3.policy_delay", "at least 1"),
            (positive(actor_lr), "td3.actor_lr", "positive"),
            (positive(critic_lr), "td3.critic_lr", "positive"),
        ])?;
        self.critic_lr = Some(critic_lr);
        Ok(())
    }

    fn agent(&self, design: Design, sources: [&mut dyn Source; 3]) -> Result<Box<dyn Learner>> {
        let critic = (design.critic, design.dims);
        let td3 = Td3::new(self.clone(), critic, sources, design.workers)?;
        let td3 = td3.computing_in(design.precision)?;
        let (exploration, frozen) = (design.exploration_noise, design.frozen);
        Ok(Box::new(Td3 { exploration, frozen, ..td3 }))
    }

    fn policy(&self, plain: &Plain, dims: Dims, source: &mut dyn Source) -> Result<PolicyNet> {
        Ok(PolicyNet::Deterministic(Actor::plain(plain, dims, Training::Frozen, source)?))
    }
}

/// The actor with its target and its optimiser.
pub struct ActorUnit {
    /// The actor that learns.
    pub online: Actor,
    /// The slow copy.
    pub target: Actor,
    /// Its optimiser.
    pub adam: Adam,
}

/// One worker's view of the actor's update: the weights of actor and first critic, shared.
struct View {
    actor: Actor,
    critic: QNet,
}

/// The agent.
pub struct Td3 {
    config: Td3Config,
    /// Actor, its target, its optimiser.
    pub actor: ActorUnit,
    /// Both critics.
    pub critics: Twin,
    views: Vec<View>,
    exploration: f64,
    frozen: bool,
    updates: u64,
    workers: Arc<rayon::ThreadPool>,
}

impl Td3 {
    /// Builds an agent from sources of actor, first and second critic; targets start as copies.
    ///
    /// # Errors
    /// Those of the sources.
    pub fn new(
        config: Td3Config,
        (kind, dims): (CriticKind, Dims),
        [actor, q1, q2]: [&mut dyn Source; 3],
        workers: Arc<rayon::ThreadPool>,
    ) -> Result<Self> {
        let learning_rate = config.critic_lr_for(kind);
        let spec = TwinSpec { kind, dims, inits: Inits::default(), learning_rate };
        let critics = Twin::new(&spec, [q1, q2], Arc::clone(&workers))?;
        let online = Actor::new(dims, Training::Trainable, actor)?;
        let target = online.again(Reuse::Copy, Training::Frozen)?;
        let adam = Adam::new(online.params(), config.actor_lr);
        let views = views(&online, &critics)?;
        let actor = ActorUnit { online, target, adam };
        Ok(Self {
            config,
            actor,
            critics,
            views,
            exploration: EXPLORATION,
            frozen: false,
            updates: 0,
            workers,
        })
    }

    /// Sets in what the critics' products compute (`f32` unless set).
    ///
    /// # Errors
    /// None in practice: the architectures are equal.
    pub fn computing_in(mut self, precision: Precision) -> Result<Self> {
        self.critics.compute_in(precision)?;
        self.views = views(&self.actor.online, &self.critics)?;
        Ok(self)
    }

    /// One gradient step on `batch`; `noise [B, A]` is standard normal, drawn by the caller.
    ///
    /// The critics move every time, the actor and all targets every `policy_delay` calls.
    pub fn update(&mut self, batch: &Batch, noise: &Tensor) -> Losses {
        let Td3Config { gamma, tau, policy_noise, noise_clip, policy_delay, .. } = self.config;
        self.updates += 1;
        let delayed = self.updates.is_multiple_of(policy_delay);

        // y = r + γ min(Q₁', Q₂')(s', π'(s') + ε)
        let next_action = tch::no_grad(|| {
            let epsilon = (noise * policy_noise).clamp(-noise_clip, noise_clip);
            (self.actor.target.act(&batch.next_obs) + epsilon).clamp(-1.0, 1.0)
        });
        let next_q = self.critics.smaller_target(&batch.next_obs, &next_action);
        let target_q = &batch.reward + gamma * &batch.alive * next_q;

        // Both critics regress on y; their targets follow when it is time.
        let inputs = [&batch.obs, &batch.action, &target_q];
        let critics = self.critics.regress(inputs, delayed.then_some(tau));

        // The actor climbs Q₁; then its target follows.
        let actor = (delayed && !self.frozen).then(|| self.actor_step(&batch.obs));
        Losses { critics, actor }
    }

    /// One step of the actor along ∂Q₁/∂a; returns the actor's loss.
    fn actor_step(&mut self, obs: &Tensor) -> f64 {
        let rows = obs.size()[0];
        let (loss, gradient) =
            sum_over(&self.workers, &mut self.views, obs.chunk(CHUNKS, 0), |view, obs| {
                view.loss_and_gradient(&obs, rows)
            });
        let ActorUnit { online, target, adam } = &mut self.actor;
        let target = PolyakTarget { params: target.params(), tau: self.config.tau };
        adam.step(online.params(), &gradient, Some(target));
        loss
    }
}

/// Returns a view for each chunk of the actor's batch.
fn views(actor: &Actor, critics: &Twin) -> Result<Vec<View>> {
    let view = |_| -> Result<View> {
        Ok(View {
            actor: actor.again(Reuse::Share, Training::Trainable)?,
            critic: critics.units[0].computing()[0].again(Reuse::Share, Training::Frozen)?,
        })
    };
    (0..CHUNKS).map(view).collect()
}

impl Learner for Td3 {
    fn learn(&mut self, batch: &Batch, noise: &mut Stream) -> Losses {
        let [rows, dims] = [batch.action.size()[0], batch.action.size()[1]];
        self.update(batch, &normal(noise, [rows, dims], batch.obs.device()))
    }

    /// π(s) + N(0, σ²), clipped to the box.
    fn explore(&self, obs: &Tensor, noise: &mut Stream) -> Result<Vec<f64>> {
        let greedy = tch::no_grad(|| self.actor.online.act(obs));
        let greedy = Vec::<f32>::try_from(greedy.flatten(0, 1))?;
        let mut noisy = |a: &f32| f64::from(*a) + self.exploration * noise.normal();
        Ok(greedy.iter().map(|a| noisy(a).clamp(-1.0, 1.0)).collect())
    }

    fn greedy(&self) -> &dyn Policy {
        &self.actor.online
    }

    fn updates(&self) -> u64 {
        self.updates
    }

    fn set_updates(&mut self, updates: u64) {
        self.updates = updates;
        self.critics.restored();
    }

    fn parts(&self) -> [Part<'_>; 3] {
        let ActorUnit { online, target, adam } = &self.actor;
        let (online, target) = (online.params(), Some(target.params()));
        let [q1, q2] = self.critics.parts();
        [Part { name: "actor", online, target, adam }, q1, q2]
    }

    fn optimisers(&mut self) -> [&mut Adam; 3] {
        let [q1, q2] = &mut self.critics.units;
        [&mut self.actor.adam, &mut q1.adam, &mut q2.adam]
    }
}

impl View {
    /// Returns one chunk's share of the actor's loss and gradient; `rows` is the whole batch's `B`.
    fn loss_and_gradient(&self, obs: &Tensor, rows: i64) -> LossAndGradient {
        let q1 = self.critic.q(obs, &self.actor.act(obs));
        let loss = q1.sum(q1.kind()) * (-1.0 / rows as f64);
        loss_and_gradient(&loss, self.actor.params())
    }
}
