//! What a training run is: resolved once, printed by `--dry-run`, stored in the run.

use serde::{Deserialize, Serialize};

use super::td3::Td3Config;
use crate::env::EnvId;
use crate::error::{Error, Result};
use crate::nn::critic::{CriticKind, Dims};

/// The algorithms that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algo {
    /// Twin Delayed Deep Deterministic policy gradient.
    Td3,
}

impl Algo {
    /// Returns the name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Td3 => "td3",
        }
    }
}

/// One off-policy training run, with the defaults of the authors' code (paper, Table 5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// The algorithm.
    pub algo: Algo,
    /// The environment.
    pub env: EnvId,
    /// The critic.
    pub critic: CriticKind,
    /// Seed of every random stream of the run.
    pub seed: u64,
    /// Environment steps in all.
    pub steps: u64,
    /// Environment steps between checkpoints; the last step always has one.
    pub checkpoint_every: u64,
    /// Environment steps between evaluations; there is one before training.
    pub evaluate_every: u64,
    /// Episodes of one evaluation, from the same initial states each time.
    pub evaluation_episodes: usize,
    /// Environment steps with uniformly random actions and without updates at the start.
    pub warmup_steps: u64,
    /// Transitions in a minibatch.
    pub batch: usize,
    /// Standard deviation of the exploration noise, in action half-ranges.
    pub exploration_noise: f64,
    /// Transitions that the replay buffer holds.
    pub replay_capacity: usize,
    /// Exact simulator states that a checkpoint carries, a uniform sample of those visited.
    pub reservoir: usize,
    /// Hyper-parameters of TD3.
    pub td3: Td3Config,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            algo: Algo::Td3,
            env: EnvId::Hopper,
            critic: CriticKind::SaHyper,
            seed: 0,
            steps: 1_000_000,
            checkpoint_every: 10_000,
            evaluate_every: 5_000,
            evaluation_episodes: 10,
            warmup_steps: 1_000,
            batch: 100,
            exploration_noise: 0.1,
            replay_capacity: 1_000_000,
            reservoir: 1_000,
            td3: Td3Config::default(),
        }
    }
}

impl TrainConfig {
    /// Returns the run's folder name, such as `td3-hopper-sa-hyper-s0`.
    pub fn run_name(&self) -> String {
        format!("{}-{}-{}-s{}", self.algo.name(), self.env, self.critic, self.seed)
    }

    /// Returns the sizes of the networks.
    pub fn dims(&self) -> Dims {
        let spec = self.env.spec();
        Dims { obs: spec.obs_dim as i64, action: spec.action_dim as i64 }
    }

    /// Returns the configuration with every value that depends on another one filled in.
    ///
    /// # Errors
    /// [`Error::Usage`] for a value outside its range, naming it.
    pub fn resolved(mut self) -> Result<Self> {
        let Td3Config { gamma, tau, policy_noise, noise_clip, actor_lr, .. } = self.td3;
        let critic_lr = self.td3.critic_lr_for(self.critic);
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let not_negative = |x: f64| x.is_finite() && x >= 0.0;
        let checks = [
            (self.steps > 0, "steps", "at least 1"),
            (self.checkpoint_every > 0, "checkpoint_every", "at least 1"),
            (self.evaluate_every > 0, "evaluate_every", "at least 1"),
            (self.evaluation_episodes > 0, "evaluation_episodes", "at least 1"),
            (self.batch > 1, "batch", "at least 2"),
            (self.replay_capacity >= self.batch, "replay_capacity", "at least `batch`"),
            (self.warmup_steps > 0, "warmup_steps", "at least 1"),
            (self.reservoir > 0, "reservoir", "at least 1"),
            (not_negative(self.exploration_noise), "exploration_noise", "0 or more"),
            ((0.0..1.0).contains(&gamma), "td3.gamma", "in [0, 1)"),
            (tau > 0.0 && tau <= 1.0, "td3.tau", "in (0, 1]"),
            (not_negative(policy_noise), "td3.policy_noise", "0 or more"),
            (not_negative(noise_clip), "td3.noise_clip", "0 or more"),
            (self.td3.policy_delay > 0, "td3.policy_delay", "at least 1"),
            (positive(actor_lr), "td3.actor_lr", "positive"),
            (positive(critic_lr), "td3.critic_lr", "positive"),
        ];
        for (fits, name, range) in checks {
            if !fits {
                return Err(Error::Usage(format!("{name} must be {range}; set it so")));
            }
        }
        self.td3.critic_lr = Some(critic_lr);
        Ok(self)
    }
}
