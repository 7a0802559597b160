//! SAC (Haarnoja et al. 2018) as the authors of the paper ran it (paper, Table 7): no value network,
//! a fixed temperature.
//!
//! Two critics regress on the smaller of two soft target values; the actor climbs the smaller critic
//! and its own entropy at every update; then the targets follow.
//!
//! # Deviations
//!
//! - Those of [`twin_critic`](super::twin_critic).
//! - The actor's batch is cut into `CHUNKS`.
//! - The first update comes once a batch is stored, as in the authors' code, which draws it before the
//!   step of the environment and not after it.
//! - Minibatches are drawn with replacement, as TD3's; the authors' are drawn without.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::chunks::{CHUNKS, LossAndGradient, loss_and_gradient, sum_over};
use super::learner::{Learner, Losses, Part, normal};
use super::method::{Design, Entropy, Method, Schedule, check, not_negative, positive};
use super::replay::Batch;
use super::twin_critic::{Twin, TwinSpec};
use crate::env::EnvId;
use crate::error::Result;
use crate::nn::adam::Adam;
use crate::nn::bf16::Precision;
use crate::nn::critic::{CriticKind, Dims, QNet};
use crate::nn::init::{HyperInit, Inits, LayerInit};
use crate::nn::plain::Plain;
use crate::nn::policy_net::PolicyNet;
use crate::nn::squashed_gaussian::{Greedily, Sample, SquashedGaussian};
use crate::nn::weights::{Reuse, Source, Training};
use crate::rng::Stream;
use crate::rollout::{Greedy, Policy};

/// Hyper-parameters of SAC, with the defaults of the authors' documented runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SacConfig {
    /// Discount factor γ, per environment step.
    pub gamma: f64,
    /// Fraction of the online weights mixed into the targets at each update.
    pub tau: f64,
    /// Temperature α: what a unit of entropy is worth.
    pub alpha: f64,
    /// Factor on rewards; α = 1 at scale 5 has the optimum of the default.
    pub reward_scale: f64,
    /// Adam's learning rate of the actor; unset: 3e-4 beside plain critics, 2e-5 beside
    /// hypernetworks (1e-4 on half-cheetah).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_lr: Option<f64>,
    /// Adam's learning rate of the critics; unset: 3e-4 for plain ones, 5e-5 for hypernetworks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critic_lr: Option<f64>,
    /// How a hypernetwork's weights start: the paper's bounds, or those of the authors' SAC code.
    pub hyper_init: HyperInit,
    /// What evaluations do: tanh(μ), or μ itself as the authors' code.
    pub evaluate: Greedily,
}

impl Default for SacConfig {
    fn default() -> Self {
        Self {
            gamma: 0.99,
            tau: 0.005,
            alpha: 0.2,
            reward_scale: 1.0,
            actor_lr: None,
            critic_lr: None,
            hyper_init: HyperInit::Paper,
            evaluate: Greedily::Tanh,
        }
    }
}

impl SacConfig {
    /// Returns the learning rates of actor and critics (paper, Table 7).
    fn rates(&self, kind: CriticKind, env: EnvId) -> [f64; 2] {
        let actor = match (kind.is_hyper(), env) {
            (false, _) => 3e-4,
            (true, EnvId::HalfCheetah) => 1e-4,
            (true, _) => 2e-5,
        };
        let critic = if kind.is_hyper() { 5e-5 } else { 3e-4 };
        [self.actor_lr.unwrap_or(actor), self.critic_lr.unwrap_or(critic)]
    }
}

impl Method for SacConfig {
    fn schedule(&self, env: EnvId) -> Schedule {
        let warmup_steps = if env == EnvId::HalfCheetah { 10_000 } else { 1_000 };
        Schedule { warmup_steps, batch: 256, exploration_noise: None }
    }

    /// As soon as a batch is there.
    fn first_update(&self, schedule: &Schedule) -> (u64, &'static str) {
        (schedule.batch as u64, "batch")
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

    fn entropy(&self) -> Option<Entropy> {
        Some(Entropy { alpha: self.alpha, reward_scale: self.reward_scale })
    }

    fn set_alpha(&mut self, alpha: f64) {
        self.alpha = alpha;
    }

    fn climbs_smaller(&self) -> bool {
        true
    }

    fn has_slow_actor(&self) -> bool {
        false
    }

    fn resolve(&mut self, critic: CriticKind, env: EnvId) -> Result<()> {
        let Self { gamma, tau, alpha, reward_scale, .. } = *self;
        let [actor_lr, critic_lr] = self.rates(critic, env);
        check(&[
            ((0.0..1.0).contains(&gamma), "sac.gamma", "in [0, 1)"),
            (tau > 0.0 && tau <= 1.0, "sac.tau", "in (0, 1]"),
            (not_negative(alpha), "sac.alpha", "0 or more"),
            (positive(reward_scale), "sac.reward_scale", "positive"),
            (positive(actor_lr), "sac.actor_lr", "positive"),
            (positive(critic_lr), "sac.critic_lr", "positive"),
        ])?;
        (self.actor_lr, self.critic_lr) = (Some(actor_lr), Some(critic_lr));
        Ok(())
    }

    fn agent(&self, design: Design, sources: [&mut dyn Source; 3]) -> Result<Box<dyn Learner>> {
        let critic = (design.critic, design.dims);
        let rates = self.rates(design.critic, design.env);
        let sac = Sac::new(self.clone(), critic, rates, sources, design.workers)?;
        let sac = sac.computing_in(design.precision)?;
        Ok(Box::new(Sac { frozen: design.frozen, ..sac }))
    }

    fn policy(&self, plain: &Plain, dims: Dims, source: &mut dyn Source) -> Result<PolicyNet> {
        let actor = SquashedGaussian::plain(plain, dims, Training::Frozen, source)?;
        Ok(PolicyNet::SquashedGaussian(actor))
    }
}

/// The actor with its optimiser.
pub struct ActorUnit {
    /// The actor that learns.
    pub online: SquashedGaussian,
    /// The same weights, as evaluations run them.
    greedy: Greedy,
    /// Its optimiser.
    pub adam: Adam,
}

/// One worker's view of the actor's update: the weights of actor and critics, shared.
struct View {
    actor: SquashedGaussian,
    critics: [QNet; 2],
}

/// The agent.
pub struct Sac {
    config: SacConfig,
    /// Actor and its optimiser.
    pub actor: ActorUnit,
    /// Both critics.
    pub critics: Twin,
    views: Vec<View>,
    frozen: bool,
    updates: u64,
    workers: Arc<rayon::ThreadPool>,
}

impl Sac {
    /// Builds an agent from sources of actor, first and second critic; targets start as copies.
    ///
    /// # Errors
    /// Those of the sources.
    pub fn new(
        config: SacConfig,
        (kind, dims): (CriticKind, Dims),
        [actor_lr, critic_lr]: [f64; 2],
        [actor, q1, q2]: [&mut dyn Source; 3],
        workers: Arc<rayon::ThreadPool>,
    ) -> Result<Self> {
        let inits = Inits { plain: LayerInit::Xavier, hyper: config.hyper_init };
        let spec = TwinSpec { kind, dims, inits, learning_rate: critic_lr };
        let critics = Twin::new(&spec, [q1, q2], Arc::clone(&workers))?;
        let online = SquashedGaussian::new(dims, Training::Trainable, actor)?;
        let adam = Adam::new(online.params(), actor_lr);
        let views = views(&online, &critics)?;
        let greedy = Greedy::new(online.again(Reuse::Share, Training::Frozen)?, config.evaluate);
        let actor = ActorUnit { online, greedy, adam };
        Ok(Self { config, actor, critics, views, frozen: false, updates: 0, workers })
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

    /// One gradient step on `batch`; both `[B, A]` tensors of noise are standard normal, drawn by the
    /// caller: for the next actions, and for those of the actor's step.
    pub fn update(&mut self, batch: &Batch, [next_noise, noise]: [&Tensor; 2]) -> Losses {
        let SacConfig { gamma, tau, alpha, reward_scale, .. } = self.config;
        self.updates += 1;

        // y = c r + γ (min(Q₁', Q₂')(s', a') − α log π(a'|s')), a' ~ π(s')
        let Sample { action, log_prob } =
            tch::no_grad(|| self.actor.online.sample(&batch.next_obs, next_noise));
        let next_q = self.critics.smaller_target(&batch.next_obs, &action);
        let next_value = next_q - alpha * log_prob;
        let target_q = reward_scale * &batch.reward + gamma * &batch.alive * next_value;

        // Both critics regress on y; their targets follow.
        let inputs = [&batch.obs, &batch.action, &target_q];
        let critics = self.critics.regress(inputs, Some(tau));

        // The actor climbs min(Q₁, Q₂)(s, a) − α log π(a|s), a ~ π(s).
        let actor = (!self.frozen).then(|| self.actor_step(&batch.obs, noise));
        Losses { critics, actor }
    }

    /// One step of the actor; returns its loss.
    fn actor_step(&mut self, obs: &Tensor, noise: &Tensor) -> f64 {
        let (rows, alpha) = (obs.size()[0], self.config.alpha);
        let chunks = obs.chunk(CHUNKS, 0).into_iter().zip(noise.chunk(CHUNKS, 0)).collect();
        let (loss, gradient) =
            sum_over(&self.workers, &mut self.views, chunks, |view, (obs, noise)| {
                view.loss_and_gradient(&obs, &noise, rows, alpha)
            });
        self.actor.adam.step(self.actor.online.params(), &gradient, None);
        loss
    }
}

/// Returns a view for each chunk of the actor's batch.
fn views(actor: &SquashedGaussian, critics: &Twin) -> Result<Vec<View>> {
    let view = |_| -> Result<View> {
        let [q1, q2] = critics.units.each_ref().map(|unit| unit.computing()[0]);
        let share = |q: &QNet| q.again(Reuse::Share, Training::Frozen);
        Ok(View {
            actor: actor.again(Reuse::Share, Training::Trainable)?,
            critics: [share(q1)?, share(q2)?],
        })
    };
    (0..CHUNKS).map(view).collect()
}

impl Learner for Sac {
    fn learn(&mut self, batch: &Batch, noise: &mut Stream) -> Losses {
        let [rows, dims] = [batch.action.size()[0], batch.action.size()[1]];
        let mut draw = || normal(noise, [rows, dims], batch.obs.device());
        let (next, own) = (draw(), draw());
        self.update(batch, [&next, &own])
    }

    /// A draw of the policy.
    fn explore(&self, obs: &Tensor, noise: &mut Stream) -> Result<Vec<f64>> {
        let dims = self.actor.online.dims().action;
        let noise = normal(noise, [obs.size()[0], dims], obs.device());
        let drawn = tch::no_grad(|| self.actor.online.sample(obs, &noise));
        Ok(Vec::<f64>::try_from(drawn.action.flatten(0, 1).to_kind(tch::Kind::Double))?)
    }

    fn greedy(&self) -> &dyn Policy {
        &self.actor.greedy
    }

    fn updates(&self) -> u64 {
        self.updates
    }

    fn set_updates(&mut self, updates: u64) {
        self.updates = updates;
        self.critics.restored();
    }

    fn parts(&self) -> [Part<'_>; 3] {
        let ActorUnit { online, adam, .. } = &self.actor;
        let [q1, q2] = self.critics.parts();
        [Part { name: "actor", online: online.params(), target: None, adam }, q1, q2]
    }

    fn optimisers(&mut self) -> [&mut Adam; 3] {
        let [q1, q2] = &mut self.critics.units;
        [&mut self.actor.adam, &mut q1.adam, &mut q2.adam]
    }
}

impl View {
    /// Returns one chunk's share of the actor's loss and gradient; `rows` is the whole batch's `B`.
    fn loss_and_gradient(
        &self,
        obs: &Tensor,
        noise: &Tensor,
        rows: i64,
        alpha: f64,
    ) -> LossAndGradient {
        let Sample { action, log_prob } = self.actor.sample(obs, noise);
        let [q1, q2] = self.critics.each_ref().map(|critic| critic.q(obs, &action));
        let loss = (alpha * log_prob - q1.minimum(&q2)).sum(q1.kind()) / rows as f64;
        loss_and_gradient(&loss, self.actor.params())
    }
}
