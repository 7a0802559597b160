//! What a training run is: resolved once, printed by `--dry-run`, stored in the run.

use serde::{Deserialize, Serialize};

use super::frozen::Frozen;
use super::run_config::{Algo, Range, RunConfig, same_fields};
use super::sac::SacConfig;
use super::td3::Td3Config;
use crate::env::{EnvId, Spec, TaskLists};
use crate::error::{Error, Result};
use crate::nn::bf16::Precision;
use crate::nn::critic::CriticKind;
use crate::nn::plain::{Activation, Gives, Plain};

/// Most rows of a batch, and most states and episodes of a run: more would not fit into memory.
pub(super) const MOST: usize = 1_000_000;

/// Most transitions that a replay buffer holds.
pub(super) const MOST_TRANSITIONS: usize = 1_000_000_000;

/// Standard deviation of TD3's exploration noise (paper, Table 5), in action half-ranges.
const EXPLORATION: f64 = 0.1;

/// How the networks of an agent that another tool trained are built.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hidden {
    /// Widths of the actor's hidden layers.
    pub actor: Vec<i64>,
    /// Widths of each critic's hidden layers.
    pub critic: Vec<i64>,
    /// What stands between layers; ReLU where unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
    /// Whether all networks see standardised observations.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standardised: bool,
    /// Lowest and highest log σ of the actor, where a tanh bounds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tanh_log_std: Option<[f64; 2]>,
    /// What the actor gives, where it is a script and has no layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_script: Option<Gives>,
    /// What each critic gives, where it is a script and has no layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critic_script: Option<Gives>,
}

impl Hidden {
    /// Most hidden layers, and the widest.
    const MOST: (usize, i64) = (16, 1 << 16);

    /// Returns how the actor is built.
    pub(super) fn actor(&self) -> Plain {
        self.plain(&self.actor, self.actor_script)
    }

    /// Returns how each critic is built.
    pub(super) fn critic(&self) -> Plain {
        self.plain(&self.critic, self.critic_script)
    }

    fn plain(&self, hidden: &[i64], script: Option<Gives>) -> Plain {
        let activation = self.activation.unwrap_or(Activation::Relu);
        Plain {
            hidden: hidden.to_vec(),
            activation,
            standardised: self.standardised,
            tanh_log_std: self.tanh_log_std,
            script,
        }
    }

    /// Returns the name of the critic.
    fn model(&self) -> String {
        if self.critic_script.is_some() {
            return "torchscript".into();
        }
        let widths = self.critic.iter().map(|width| format!("-{width}"));
        let activation = self.activation.map(|activation| format!("-{activation}"));
        std::iter::once("mlp".to_owned()).chain(widths).chain(activation).collect()
    }

    /// Returns whether its scripts give what those of SAC, or of TD3, must.
    fn gives_what_is_needed(&self, sac: bool) -> bool {
        self.actor_script.is_none_or(|gives| gives.is_of_actor(sac))
            && self.critic_script.is_none_or(|gives| gives == Gives::Value)
    }

    fn fits(&self) -> bool {
        let (layers, widest) = Self::MOST;
        [&self.actor, &self.critic].into_iter().all(|widths| {
            widths.len() <= layers && widths.iter().all(|width| (1..=widest).contains(width))
        })
    }
}

/// One off-policy training run, with the defaults of [`TrainConfig::of`].
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
    /// Environment steps between evaluations; there is one before training, and one after its last step.
    pub evaluate_every: u64,
    /// Episodes of one evaluation, from the same initial states each time.
    pub evaluation_episodes: usize,
    /// Environment steps with uniformly random actions and without updates at the start.
    pub warmup_steps: u64,
    /// Transitions in a minibatch.
    pub batch: usize,
    /// TD3 only: standard deviation of the exploration noise, in action half-ranges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exploration_noise: Option<f64>,
    /// Transitions that the replay buffer holds.
    pub replay_capacity: usize,
    /// Exact simulator states that a checkpoint carries, a uniform sample of those visited.
    pub reservoir: usize,
    /// In what the critics' products compute while they learn.
    pub precision: Precision,
    /// Hidden layers of an agent that another tool trained, where they are not those of `critic` and of our
    /// actors; unset in every run of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Hidden>,
    /// The actor, where it stays as it is and only critics learn; `steps` are then updates. Unset in training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Frozen>,
    /// Hyper-parameters of TD3; unset for other algorithms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub td3: Option<Td3Config>,
    /// Hyper-parameters of SAC; unset for other algorithms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sac: Option<SacConfig>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self::of(Algo::Td3, EnvId::Hopper)
    }
}

impl TrainConfig {
    /// Returns the defaults of an algorithm in an environment, those of the authors' documented runs
    /// (paper, Tables 5 and 7).
    pub fn of(algo: Algo, env: EnvId) -> Self {
        let sac = algo == Algo::Sac;
        let warmup_steps = if sac && env == EnvId::HalfCheetah { 10_000 } else { 1_000 };
        let batch = if sac { 256 } else { 100 };
        Self {
            algo,
            env,
            critic: CriticKind::SaHyper,
            seed: 0,
            steps: 1_000_000,
            checkpoint_every: 10_000,
            evaluate_every: 5_000,
            evaluation_episodes: 10,
            warmup_steps,
            batch,
            exploration_noise: (!sac).then_some(EXPLORATION),
            replay_capacity: 1_000_000,
            reservoir: 1_000,
            precision: Precision::Fp32,
            hidden: None,
            frozen: None,
            td3: (!sac).then(Td3Config::default),
            sac: sac.then(SacConfig::default),
        }
    }

    /// Returns whether the algorithm is SAC; else it is TD3.
    pub fn is_sac(&self) -> bool {
        self.algo == Algo::Sac
    }

    /// Returns the hyper-parameters of TD3.
    pub fn td3(&self) -> Td3Config {
        self.td3.clone().unwrap_or_default()
    }

    /// Returns the hyper-parameters of SAC.
    pub fn sac(&self) -> SacConfig {
        self.sac.clone().unwrap_or_default()
    }

    /// Returns the standard deviation of TD3's exploration noise, in action half-ranges.
    pub fn exploration_noise(&self) -> f64 {
        self.exploration_noise.unwrap_or(EXPLORATION)
    }

    /// Returns the critic's discount factor γ, per environment step.
    pub fn gamma(&self) -> f64 {
        if self.is_sac() { self.sac().gamma } else { self.td3().gamma }
    }

    /// Returns the environment steps before the first update: TD3 learns once the random actions are
    /// over, SAC as soon as a batch is there.
    pub fn learn_from(&self) -> u64 {
        if self.is_sac() { self.batch as u64 } else { self.warmup_steps }
    }

    /// Returns the configuration with every value that depends on another one filled in.
    ///
    /// # Errors
    /// [`Error::Usage`] for a value outside its range or of another algorithm, naming it.
    pub fn resolved(mut self) -> Result<Self> {
        self.algo.expect(&Algo::OFF_POLICY)?;
        let noise = self.exploration_noise.is_some();
        let of_other = if self.is_sac() {
            [(self.td3.is_some(), "td3"), (noise, "exploration_noise")]
        } else {
            [(self.sac.is_some(), "sac"), (false, "")]
        };
        if let Some((_, name)) = of_other.into_iter().find(|(given, _)| *given) {
            let algo = self.algo.name();
            return Err(Error::Usage(format!("{algo} has no setting {name}; drop it")));
        }
        if self.hidden.is_some() {
            return Err(Error::Usage(
                "hidden is for agents that another tool trained; choose a critic with --critic"
                    .into(),
            ));
        }
        let frozen = self.frozen.as_ref();
        let data = |fits: &dyn Fn(u64) -> bool| frozen.is_none_or(|frozen| fits(frozen.data));
        check(&[
            (data(&|n| n >= self.batch as u64), "frozen.data (--data)", "at least `batch`"),
            (
                data(&|n| n <= self.replay_capacity as u64),
                "frozen.data (--data)",
                "at most `replay_capacity`",
            ),
            (self.steps > 0, "steps", "at least 1"),
            (self.checkpoint_every > 0, "checkpoint_every", "at least 1"),
            (self.evaluate_every > 0, "evaluate_every", "at least 1"),
            (self.evaluation_episodes > 0, "evaluation_episodes", "at least 1"),
            (self.batch > 1, "batch", "at least 2"),
            (self.replay_capacity >= self.batch, "replay_capacity", "at least `batch`"),
            (self.warmup_steps > 0 || frozen.is_some(), "warmup_steps", "at least 1"),
            (self.reservoir > 0, "reservoir", "at least 1"),
            (self.batch <= MOST, "batch", "at most 1000000"),
            (self.evaluation_episodes <= MOST, "evaluation_episodes", "at most 1000000"),
            (self.reservoir <= MOST, "reservoir", "at most 1000000"),
            (self.replay_capacity <= MOST_TRANSITIONS, "replay_capacity", "at most 1000000000"),
        ])?;
        if self.is_sac() {
            self.sac = Some(resolved_sac(self.sac(), self.critic, self.env)?);
        } else {
            let noise = self.exploration_noise();
            check(&[(not_negative(noise), "exploration_noise", "0 or more")])?;
            self.exploration_noise = Some(noise);
            self.td3 = Some(resolved_td3(self.td3(), self.critic)?);
        }
        Ok(self)
    }
}

impl RunConfig for TrainConfig {
    same_fields!(length: steps);

    fn model(&self) -> String {
        self.hidden.as_ref().map_or_else(|| self.critic.to_string(), Hidden::model)
    }

    fn run_name(&self) -> String {
        let of = if self.frozen.is_some() { "critic-" } else { "" };
        format!("{of}{}-{}-{}-s{}", self.algo, self.env_name(), self.model(), self.seed)
    }

    fn ranges(&self) -> Vec<Range> {
        vec![
            ((0.0..1.0).contains(&self.gamma()), "gamma", "in [0, 1)"),
            (positive(self.sac().reward_scale), "sac.reward_scale", "positive"),
            (
                self.hidden.as_ref().is_none_or(Hidden::fits),
                "hidden",
                "at most 16 layers of 1 to 65536",
            ),
            (
                self.hidden
                    .as_ref()
                    .is_none_or(|hidden| hidden.gives_what_is_needed(self.is_sac())),
                "hidden.actor_script and hidden.critic_script",
                "what actors and critics of its algorithm give",
            ),
            (self.evaluate_every > 0, "evaluate_every", "at least 1"),
            (self.evaluation_episodes > 0, "evaluation_episodes", "at least 1"),
        ]
    }

    fn columns(&self) -> &'static [&'static str] {
        &["seconds", "critic_loss", "actor_loss"]
    }

    /// Warns if the run ends before its first update.
    fn warning(&self) -> Option<String> {
        let (steps, first) = (self.steps, self.learn_from());
        let until = if self.is_sac() { "batch" } else { "warmup_steps" };
        (steps <= first && self.frozen.is_none()).then(|| {
            format!(
                "there will be no update in {steps} steps, for learning starts after {first} ({until}); the \
                 networks stay as they start"
            )
        })
    }

    fn order(&self) -> [String; 2] {
        [self.env.place(), self.critic as usize].map(|place| format!("{place:02}"))
    }

    fn tasks(&self) -> Result<Option<TaskLists>> {
        Ok(None)
    }
}

fn resolved_td3(td3: Td3Config, kind: CriticKind) -> Result<Td3Config> {
    let Td3Config { gamma, tau, policy_noise, noise_clip, policy_delay, actor_lr, .. } = td3;
    let critic_lr = td3.critic_lr_for(kind);
    check(&[
        ((0.0..1.0).contains(&gamma), "td3.gamma", "in [0, 1)"),
        (tau > 0.0 && tau <= 1.0, "td3.tau", "in (0, 1]"),
        (not_negative(policy_noise), "td3.policy_noise", "0 or more"),
        (not_negative(noise_clip), "td3.noise_clip", "0 or more"),
        (policy_delay > 0, "td3.policy_delay", "at least 1"),
        (positive(actor_lr), "td3.actor_lr", "positive"),
        (positive(critic_lr), "td3.critic_lr", "positive"),
    ])?;
    Ok(Td3Config { critic_lr: Some(critic_lr), ..td3 })
}

fn resolved_sac(sac: SacConfig, kind: CriticKind, env: EnvId) -> Result<SacConfig> {
    let SacConfig { gamma, tau, alpha, reward_scale, .. } = sac;
    let [actor_lr, critic_lr] = sac.rates(kind, env);
    check(&[
        ((0.0..1.0).contains(&gamma), "sac.gamma", "in [0, 1)"),
        (tau > 0.0 && tau <= 1.0, "sac.tau", "in (0, 1]"),
        (not_negative(alpha), "sac.alpha", "0 or more"),
        (positive(reward_scale), "sac.reward_scale", "positive"),
        (positive(actor_lr), "sac.actor_lr", "positive"),
        (positive(critic_lr), "sac.critic_lr", "positive"),
    ])?;
    Ok(SacConfig { actor_lr: Some(actor_lr), critic_lr: Some(critic_lr), ..sac })
}

pub(super) fn positive(x: f64) -> bool {
    x.is_finite() && x > 0.0
}

pub(super) fn not_negative(x: f64) -> bool {
    x.is_finite() && x >= 0.0
}

/// Names the first setting that does not fit its range.
pub(super) fn check(settings: &[(bool, &str, &str)]) -> Result<()> {
    match settings.iter().find(|(fits, ..)| !fits) {
        Some((_, name, range)) => Err(Error::Usage(format!("{name} must be {range}; change it"))),
        None => Ok(()),
    }
}
