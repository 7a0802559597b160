//! TD3 (Fujimoto et al. 2018) as the authors of the paper ran it (paper, Table 5).
//!
//! Two critics regress on the smaller of two target values; the actor climbs the first critic every
//! second update; then the targets follow.
//!
//! # Deviations
//!
//! - Each critic has its own Adam and runs on its own worker: the sum of two separate losses has
//!   separate gradients, so this equals the authors' one optimiser over both.
//! - The actor's batch is always cut into two pieces, whatever the number of workers, so that
//!   results do not depend on it.
//! - No gradient flows into the critic's weights in the actor's update (the authors compute it and
//!   throw it away).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tch::{Reduction, Tensor};

use super::replay::Batch;
use crate::error::Result;
use crate::nn::actor::Actor;
use crate::nn::adam::{Adam, Follow};
use crate::nn::critic::{CriticKind, Dims, QNet};
use crate::nn::weights::{Reuse, Source, Training};

/// Pieces of the actor's batch.
const PIECES: i64 = 2;

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
    pub fn critic_lr_for(&self, kind: CriticKind) -> f64 {
        self.critic_lr.unwrap_or(if kind.is_hyper() { 5e-5 } else { 3e-4 })
    }
}

/// One critic with its target and its optimiser.
pub struct CriticUnit {
    /// The critic that learns.
    pub online: QNet,
    /// The slow copy that makes the regression's targets.
    pub target: QNet,
    /// Its optimiser.
    pub adam: Adam,
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
struct Climber {
    actor: Actor,
    critic: QNet,
}

/// The agent.
pub struct Td3 {
    config: Td3Config,
    /// Actor, its target, its optimiser.
    pub actor: ActorUnit,
    /// Both critics.
    pub critics: [CriticUnit; 2],
    climbers: Vec<Climber>,
    updates: u64,
    workers: Arc<rayon::ThreadPool>,
}

/// Losses of one update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Losses {
    /// Mean squared error of each critic.
    pub critics: [f64; 2],
    /// −mean Q₁(s, π(s)); only on delayed updates.
    pub actor: Option<f64>,
}

/// Where the weights of actor and both critics come from.
pub struct Td3Sources<'s> {
    /// The actor's.
    pub actor: &'s mut dyn Source,
    /// The first critic's.
    pub q1: &'s mut dyn Source,
    /// The second critic's.
    pub q2: &'s mut dyn Source,
}

impl Td3 {
    /// Builds an agent; targets start as copies.
    ///
    /// # Errors
    /// Those of the sources.
    pub fn new(
        config: Td3Config,
        (kind, dims): (CriticKind, Dims),
        sources: Td3Sources,
        workers: Arc<rayon::ThreadPool>,
    ) -> Result<Self> {
        let critic_lr = config.critic_lr_for(kind);
        let unit = |source: &mut dyn Source| -> Result<CriticUnit> {
            let online = QNet::new(kind, dims, Training::Trainable, source)?;
            let target = online.again(Reuse::Copy, Training::Frozen)?;
            let adam = Adam::new(online.params(), critic_lr);
            Ok(CriticUnit { online, target, adam })
        };
        let critics = [unit(sources.q1)?, unit(sources.q2)?];
        let online = Actor::new(dims, Training::Trainable, sources.actor)?;
        let target = online.again(Reuse::Copy, Training::Frozen)?;
        let adam = Adam::new(online.params(), config.actor_lr);
        let climber = |_| -> Result<Climber> {
            Ok(Climber {
                actor: online.again(Reuse::Share, Training::Trainable)?,
                critic: critics[0].online.again(Reuse::Share, Training::Frozen)?,
            })
        };
        let climbers = (0..PIECES).map(climber).collect::<Result<_>>()?;
        let actor = ActorUnit { online, target, adam };
        Ok(Self { config, actor, critics, climbers, updates: 0, workers })
    }

    /// Returns the updates made so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Continues the count of updates after the weights were restored.
    pub fn set_updates(&mut self, updates: u64) {
        self.updates = updates;
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
        let [next_q1, next_q2] = self.on_both_critics(
            [&batch.next_obs, &next_action].map(Tensor::shallow_clone),
            |unit, [next_obs, action]| tch::no_grad(|| unit.target.q(&next_obs, &action)),
        );
        let target_q = &batch.reward + gamma * &batch.alive * next_q1.minimum(&next_q2);

        // Both critics regress on y; their targets follow when it is time.
        let follow = delayed.then_some(tau);
        let critics = self.on_both_critics(
            [&batch.obs, &batch.action, &target_q].map(Tensor::shallow_clone),
            |unit, [obs, action, target_q]| unit.regress(&obs, &action, &target_q, follow),
        );

        // The actor climbs Q₁; then its target follows.
        let actor = delayed.then(|| self.climb(&batch.obs));
        Losses { critics, actor }
    }

    /// Runs the same work for both critics, on two workers where there are two.
    fn on_both_critics<const N: usize, T: Send>(
        &mut self,
        inputs: [Tensor; N],
        work: impl Fn(&mut CriticUnit, [Tensor; N]) -> T + Sync,
    ) -> [T; 2] {
        let [first, second] = &mut self.critics;
        let again = inputs.each_ref().map(Tensor::shallow_clone);
        let (a, b) = self.workers.join(|| work(first, inputs), || work(second, again));
        [a, b]
    }

    /// One step of the actor along ∂Q₁/∂a; returns the actor's loss.
    fn climb(&mut self, obs: &Tensor) -> f64 {
        let rows = obs.size()[0];
        let pieces = obs.chunk(PIECES, 0);
        let mut results: Vec<Option<(f64, Vec<Tensor>)>> = pieces.iter().map(|_| None).collect();
        self.workers.scope(|scope| {
            for ((climber, piece), result) in self.climbers.iter_mut().zip(pieces).zip(&mut results)
            {
                scope.spawn(move |_| *result = Some(climber.climb(&piece, rows)));
            }
        });
        let mut results = results.into_iter().flatten();
        let (mut loss, mut gradients) = results.next().expect("a batch has rows");
        for (piece_loss, piece) in results {
            loss += piece_loss;
            for (sum, gradient) in gradients.iter_mut().zip(piece) {
                *sum += gradient;
            }
        }
        let ActorUnit { online, target, adam } = &mut self.actor;
        let follow = Follow { target: target.params(), tau: self.config.tau };
        adam.step(online.params(), &gradients, Some(follow));
        loss
    }
}

impl CriticUnit {
    /// One step of the critic towards `target_q [B]`; returns the loss before it.
    fn regress(
        &mut self,
        obs: &Tensor,
        action: &Tensor,
        target_q: &Tensor,
        follow: Option<f64>,
    ) -> f64 {
        let loss = self.online.q(obs, action).mse_loss(target_q, Reduction::Mean);
        let params = self.online.params();
        let gradients = Tensor::run_backward(&[&loss], &params.tensors(), false, false);
        let follow = follow.map(|tau| Follow { target: self.target.params(), tau });
        self.adam.step(params, &gradients, follow);
        loss.double_value(&[])
    }
}

impl Climber {
    /// Returns one piece's share of the actor's loss and gradients; `rows` is the whole batch's `B`.
    fn climb(&mut self, obs: &Tensor, rows: i64) -> (f64, Vec<Tensor>) {
        let q1 = self.critic.q(obs, &self.actor.act(obs));
        let loss = q1.sum(q1.kind()) * (-1.0 / rows as f64);
        let params = self.actor.params().tensors();
        let gradients = Tensor::run_backward(&[&loss], &params, false, false);
        (loss.double_value(&[]), gradients)
    }
}
