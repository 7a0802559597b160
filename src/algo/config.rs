//! What a training run is: resolved once, printed by `--dry-run`, stored in the run.

use serde::{Deserialize, Serialize};

use super::Algo;
use super::frozen::Frozen;
use super::method::{Entropy, Method, Schedule, check, not_negative, positive};
use super::run_config::{Range, RunConfig, same_fields};
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

    /// Returns whether its scripts give what those of soft critics, or of others, must.
    fn gives_what_is_needed(&self, soft: bool) -> bool {
        self.actor_script.is_none_or(|gives| gives.is_of_actor(soft))
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
        let mut config = Self {
            algo,
            env,
            critic: CriticKind::SaHyper,
            seed: 0,
            steps: 1_000_000,
            checkpoint_every: 10_000,
            evaluate_every: 5_000,
            evaluation_episodes: 10,
            warmup_steps: 0,
            batch: 0,
            exploration_noise: None,
            replay_capacity: 1_000_000,
            reservoir: 1_000,
            precision: Precision::Fp32,
            hidden: None,
            frozen: None,
            td3: None,
            sac: None,
        };
        let Schedule { warmup_steps, batch, exploration_noise } = config.method_mut().schedule(env);
        Self { warmup_steps, batch, exploration_noise, ..config }
    }

    /// Returns the hyper-parameters of its algorithm, and what follows from them; TD3's for MAML and PEARL, which
    /// [`Self::resolved`] and `agent::make` refuse.
    pub(crate) fn method(&self) -> Box<dyn Method> {
        match self.algo {
            Algo::Sac => Box::new(self.sac()),
            Algo::Td3 | Algo::Maml | Algo::Pearl => Box::new(self.td3()),
        }
    }

    /// Returns the hyper-parameters of its algorithm, to change them.
    pub(crate) fn method_mut(&mut self) -> &mut dyn Method {
        match self.algo {
            Algo::Sac => self.sac.get_or_insert_default(),
            Algo::Td3 | Algo::Maml | Algo::Pearl => self.td3.get_or_insert_default(),
        }
    }

    /// Returns the hyper-parameters of other algorithms that are set, and should not be.
    fn of_others(&self) -> impl Iterator<Item = &'static str> {
        let tables = [(self.td3.is_some(), Algo::Td3), (self.sac.is_some(), Algo::Sac)];
        let algo = self.algo;
        tables.into_iter().filter(move |(set, of)| *set && *of != algo).map(|(_, of)| of.name())
    }

    /// Returns the hyper-parameters of TD3.
    pub fn td3(&self) -> Td3Config {
        self.td3.clone().unwrap_or_default()
    }

    /// Returns the hyper-parameters of SAC.
    pub fn sac(&self) -> SacConfig {
        self.sac.clone().unwrap_or_default()
    }

    /// Returns what its critics estimate beside rewards; nothing, unless they are soft.
    pub fn entropy(&self) -> Option<Entropy> {
        self.method().entropy()
    }

    /// Returns the critic's discount factor γ, per environment step.
    pub fn gamma(&self) -> f64 {
        self.method().gamma()
    }

    /// Returns the standard deviation of the exploration noise, in action half-ranges; 0 where the actor draws.
    pub fn exploration_noise(&self) -> f64 {
        let usual = || self.method().schedule(self.env).exploration_noise;
        self.exploration_noise.or_else(usual).unwrap_or_default()
    }

    /// Returns how the loop runs.
    fn schedule(&self) -> Schedule {
        let Self { warmup_steps, batch, exploration_noise, .. } = *self;
        Schedule { warmup_steps, batch, exploration_noise }
    }

    /// Returns the environment steps before the first update.
    pub fn learn_from(&self) -> u64 {
        self.method().first_update(&self.schedule()).0
    }

    /// Returns the configuration with every value that depends on another one filled in.
    ///
    /// # Errors
    /// [`Error::Usage`] for a value outside its range or of another algorithm, naming it.
    pub fn resolved(mut self) -> Result<Self> {
        self.algo.expect(&Algo::OFF_POLICY)?;
        let usual = self.method().schedule(self.env).exploration_noise;
        let noise = self.exploration_noise.filter(|_| usual.is_none()).map(|_| "exploration_noise");
        if let Some(name) = self.of_others().chain(noise).next() {
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
        check(&[(not_negative(self.exploration_noise()), "exploration_noise", "0 or more")])?;
        self.exploration_noise = usual.map(|_| self.exploration_noise());
        let (critic, env) = (self.critic, self.env);
        self.method_mut().resolve(critic, env)?;
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
            (
                self.entropy().is_none_or(|entropy| positive(entropy.reward_scale)),
                "sac.reward_scale",
                "positive",
            ),
            (
                self.hidden.as_ref().is_none_or(Hidden::fits),
                "hidden",
                "at most 16 layers of 1 to 65536",
            ),
            (
                self.hidden
                    .as_ref()
                    .is_none_or(|hidden| hidden.gives_what_is_needed(self.entropy().is_some())),
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
        let steps = self.steps;
        let (first, until) = self.method().first_update(&self.schedule());
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
