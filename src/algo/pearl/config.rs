//! What a PEARL run is: resolved once, printed by `--dry-run`, stored in the run (paper, Table 11).

use serde::{Deserialize, Serialize};

use super::super::Algo;
use super::super::config::{MOST, MOST_TRANSITIONS};
use super::super::method::{check, not_negative, positive};
use super::super::run_config::{Range, RunConfig, same_fields};
use super::schedule::Schedule;
use crate::env::{Family, Spec, TaskLists};
use crate::error::{Error, Result};
use crate::nn::pearl::{Design, LatentIn, PearlModel};

/// Training and test tasks where tasks are velocities (paper, App. B.2).
const VELOCITIES: [usize; 2] = [100, 30];

/// Both tasks that there are where tasks are directions.
const DIRECTIONS: [usize; 2] = [2, 2];

/// The tasks that the authors' code in effect trains and tests on, whatever its settings.
const AS_CODED: [usize; 2] = [2, 2];

/// One PEARL run.
///
/// What is unset depends on family and model, see [`Schedule`], [`Rates`] and
/// [`PearlConfig::task_counts`]; [`PearlConfig::resolved`] fills it in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PearlConfig {
    /// Always `pearl`.
    pub algo: Algo,
    /// The family of tasks.
    pub env: Family,
    /// Plain networks or hypernetworks.
    pub model: PearlModel,
    /// Hypernetworks only: the latent joins Q's meta-variable, not its base variable.
    pub context_is_meta: bool,
    /// Seed of every random stream of the run.
    pub seed: u64,
    /// Iterations of collection and training in all.
    pub iterations: u64,
    /// Training tasks; unset: 100 velocities, or 2 directions.
    pub train_tasks: Option<usize>,
    /// Test tasks; unset: 30 velocities, or 2 directions.
    pub test_tasks: Option<usize>,
    /// Train and test on 2 tasks each, as the authors' code in effect does.
    pub as_coded_tasks: bool,
    /// Environment steps in each training task before the first iteration, the latent drawn from the
    /// prior.
    pub initial_steps: u64,
    /// Tasks in which one iteration collects, drawn with replacement from the training tasks.
    pub tasks_per_iteration: usize,
    /// Environment steps in one such task with latents of the prior.
    pub prior_steps: Option<u64>,
    /// Environment steps in one such task with latents of the posterior; the first episode's comes from the prior.
    pub posterior_steps: Option<u64>,
    /// Updates of one iteration.
    pub train_steps: Option<u64>,
    /// Tasks of one update, drawn with replacement from the training tasks.
    pub meta_batch: Option<usize>,
    /// Transitions from which the latent of one task is inferred.
    pub context_batch: Option<usize>,
    /// Transitions of one task in an update.
    pub batch: usize,
    /// Most steps of an episode.
    pub horizon: usize,
    /// Transitions that each of a task's two buffers holds.
    pub replay_capacity: usize,
    /// Store the last transition of an episode that ended; the authors' code loses it.
    pub keep_terminals: bool,
    /// Iterations between checkpoints; the last one always has one.
    pub checkpoint_every: u64,
    /// Iterations between evaluations.
    pub evaluate_every: u64,
    /// Evaluations of one task, each with a context of its own.
    pub evaluations: Option<usize>,
    /// Environment steps of one evaluation, at least: it ends with an episode, after the exploration.
    pub evaluation_steps: u64,
    /// Episodes of an evaluation with latents of the prior.
    pub exploration_episodes: usize,
    /// Discount factor γ, per environment step.
    pub gamma: f64,
    /// Fraction of the online weights mixed into V's target at each update.
    pub tau: f64,
    /// Factor on rewards; the temperature is 1.
    pub reward_scale: f64,
    /// Weight of the divergence of the posterior from the prior.
    pub kl_weight: f64,
    /// Weight of the mean square of the policy's means, in its loss.
    pub mean_weight: f64,
    /// Weight of the mean square of the policy's log σ.
    pub log_std_weight: f64,
    /// Weight of the mean squared length of the actions before they are squashed.
    pub before_weight: f64,
    /// Adam's learning rate of the encoder.
    pub encoder_lr: f64,
    /// Adam's learning rate of Q₁, Q₂ and V; unset: 3e-4 for plain ones, 5e-5 for hypernetworks.
    pub critic_lr: Option<f64>,
    /// Adam's learning rate of the policy; unset: 3e-4 for a plain one, 1e-4 for a hypernetwork.
    pub policy_lr: Option<f64>,
}

/// Adam's learning rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Of the encoder.
    pub encoder: f64,
    /// Of Q₁, Q₂ and V.
    pub critic: f64,
    /// Of the policy.
    pub policy: f64,
}

impl Default for PearlConfig {
    fn default() -> Self {
        Self {
            algo: Algo::Pearl,
            env: Family::HalfCheetahVel,
            model: PearlModel::Hyper,
            context_is_meta: false,
            seed: 0,
            iterations: 400,
            train_tasks: None,
            test_tasks: None,
            as_coded_tasks: false,
            initial_steps: 2000,
            tasks_per_iteration: 5,
            prior_steps: None,
            posterior_steps: None,
            train_steps: None,
            meta_batch: None,
            context_batch: None,
            batch: 256,
            horizon: 200,
            replay_capacity: 1_000_000,
            keep_terminals: true,
            checkpoint_every: 10,
            evaluate_every: 1,
            evaluations: None,
            evaluation_steps: 600,
            exploration_episodes: 2,
            gamma: 0.99,
            tau: 0.005,
            reward_scale: 5.0,
            kl_weight: 0.1,
            mean_weight: 1e-3,
            log_std_weight: 1e-3,
            before_weight: 0.0,
            encoder_lr: 3e-4,
            critic_lr: None,
            policy_lr: None,
        }
    }
}

impl PearlConfig {
    /// Returns what depends on the family, with the values that are set.
    pub fn schedule(&self) -> Schedule {
        let of_family = Schedule::of(self.env);
        Schedule {
            meta_batch: self.meta_batch.unwrap_or(of_family.meta_batch),
            prior_steps: self.prior_steps.unwrap_or(of_family.prior_steps),
            posterior_steps: self.posterior_steps.unwrap_or(of_family.posterior_steps),
            train_steps: self.train_steps.unwrap_or(of_family.train_steps),
            evaluations: self.evaluations.unwrap_or(of_family.evaluations),
            context_batch: self.context_batch.unwrap_or(of_family.context_batch),
        }
    }

    /// Returns the numbers of training and test tasks.
    pub fn task_counts(&self) -> [usize; 2] {
        let [train, test] = match (self.as_coded_tasks, self.env.tests_on_training_tasks()) {
            (true, _) => AS_CODED,
            (false, true) => DIRECTIONS,
            (false, false) => VELOCITIES,
        };
        [self.train_tasks.unwrap_or(train), self.test_tasks.unwrap_or(test)]
    }

    /// Returns the learning rates (paper, Table 11).
    pub fn rates(&self) -> Rates {
        let (critic, policy) = match self.model {
            PearlModel::Mlp => (3e-4, 3e-4),
            PearlModel::Hyper => (5e-5, 1e-4),
        };
        Rates {
            encoder: self.encoder_lr,
            critic: self.critic_lr.unwrap_or(critic),
            policy: self.policy_lr.unwrap_or(policy),
        }
    }

    /// Returns what the networks are built for.
    pub fn design(&self) -> Design {
        let latent_in = if self.context_is_meta { LatentIn::Meta } else { LatentIn::Base };
        Design { model: self.model, dims: self.dims(), latent_in }
    }

    /// Returns the configuration with every value that depends on another one filled in.
    ///
    /// # Errors
    /// [`Error::Usage`] for a value outside its range, naming it.
    pub fn resolved(mut self) -> Result<Self> {
        self.algo.expect(&[Algo::Pearl])?;
        self.check_counts()?;
        self.check_sizes()?;
        self.check_numbers()?;
        self.check_exploration()?;
        self.check_capacity()?;
        if self.context_is_meta && self.model == PearlModel::Mlp {
            return Err(Error::Usage(
                "context_is_meta is a choice of hypernetworks: a plain network joins all inputs; \
                 drop it, or train the model hyper"
                    .into(),
            ));
        }
        let counts = self.task_counts();
        if self.as_coded_tasks && counts != AS_CODED {
            return Err(Error::Usage(
                "as_coded_tasks means 2 training and 2 test tasks; drop it, or train_tasks and \
                 test_tasks"
                    .into(),
            ));
        }
        self.tasks()?;
        [self.train_tasks, self.test_tasks] = counts.map(Some);
        let (schedule, rates) = (self.schedule(), self.rates());
        self.meta_batch = Some(schedule.meta_batch);
        self.prior_steps = Some(schedule.prior_steps);
        self.posterior_steps = Some(schedule.posterior_steps);
        self.train_steps = Some(schedule.train_steps);
        self.evaluations = Some(schedule.evaluations);
        self.context_batch = Some(schedule.context_batch);
        self.critic_lr = Some(rates.critic);
        self.policy_lr = Some(rates.policy);
        Ok(self)
    }

    fn check_counts(&self) -> Result<()> {
        let schedule = self.schedule();
        let limit = self.env.spec().time_limit as usize;
        let range = format!("from 1 to {limit}, the time limit of {}", self.env);
        let rows = self.batch.max(schedule.context_batch);
        check(&[
            (self.iterations > 0, "iterations", "at least 1"),
            (self.initial_steps > 0, "initial_steps", "at least 1"),
            (self.tasks_per_iteration > 0, "tasks_per_iteration", "at least 1"),
            (schedule.prior_steps > 0, "prior_steps", "at least 1"),
            (schedule.train_steps > 0, "train_steps", "at least 1"),
            (schedule.meta_batch > 0, "meta_batch", "at least 1"),
            (schedule.context_batch > 0, "context_batch", "at least 1"),
            (schedule.evaluations > 0, "evaluations", "at least 1"),
            (self.batch > 0, "batch", "at least 1"),
            ((1..=limit).contains(&self.horizon), "horizon", &range),
            (self.replay_capacity >= rows, "replay_capacity", "at least a batch"),
            (self.checkpoint_every > 0, "checkpoint_every", "at least 1"),
            (self.evaluate_every > 0, "evaluate_every", "at least 1"),
            (self.evaluation_steps > 0, "evaluation_steps", "at least 1"),
            (self.exploration_episodes > 0, "exploration_episodes", "at least 1"),
        ])
    }

    fn check_sizes(&self) -> Result<()> {
        let Schedule { train_steps, meta_batch, context_batch, evaluations, .. } = self.schedule();
        let [train, test] = self.task_counts();
        let rows = meta_batch.saturating_mul(self.batch.max(context_batch));
        let courses = test.saturating_mul(evaluations);
        let updates = self.iterations.checked_mul(train_steps);
        let most = "at most 1000000";
        check(&[
            (rows <= MOST, "meta_batch × batch, or × context_batch,", most),
            (train <= MOST, "train_tasks", most),
            (courses <= MOST, "test_tasks × evaluations", most),
            (self.tasks_per_iteration <= MOST, "tasks_per_iteration", most),
            (self.evaluation_steps <= MOST as u64, "evaluation_steps", most),
            (self.replay_capacity <= MOST_TRANSITIONS, "replay_capacity", "at most 1000000000"),
            (updates.is_some(), "iterations × train_steps", "below 2^64"),
        ])
    }

    /// Checks that an evaluation gets as far as the posterior.
    fn check_exploration(&self) -> Result<()> {
        let Self { evaluation_steps, exploration_episodes, horizon, .. } = *self;
        let explored = (exploration_episodes as u64).saturating_mul(horizon as u64);
        if evaluation_steps > explored {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "evaluation_steps = {evaluation_steps} ends an evaluation within its exploration_episodes = \
             {exploration_episodes} of up to horizon = {horizon} steps, before any episode with a latent of \
             the posterior; set evaluation_steps above {explored}"
        )))
    }

    /// Checks that a buffer holds what one visit of a task may bring.
    fn check_capacity(&self) -> Result<()> {
        let (capacity, visit) = (self.replay_capacity, self.visit());
        if capacity >= visit {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "replay_capacity = {capacity} is less than the {visit} transitions that one visit of a task may \
             bring; set it to {visit} or more"
        )))
    }

    /// Returns the transitions that one visit of a task may bring.
    fn visit(&self) -> usize {
        let Schedule { prior_steps, posterior_steps, .. } = self.schedule();
        // The last trajectory of each kind may begin one step before the number is reached.
        let horizon = self.horizon as u64;
        let visit = prior_steps.saturating_add(posterior_steps).saturating_add(horizon);
        visit.max(self.initial_steps).saturating_add(horizon) as usize
    }

    fn check_numbers(&self) -> Result<()> {
        let Rates { encoder, critic, policy } = self.rates();
        check(&[
            ((0.0..1.0).contains(&self.gamma), "gamma", "in [0, 1)"),
            (self.tau > 0.0 && self.tau <= 1.0, "tau", "in (0, 1]"),
            (positive(self.reward_scale), "reward_scale", "positive"),
            (not_negative(self.kl_weight), "kl_weight", "0 or more"),
            (not_negative(self.mean_weight), "mean_weight", "0 or more"),
            (not_negative(self.log_std_weight), "log_std_weight", "0 or more"),
            (not_negative(self.before_weight), "before_weight", "0 or more"),
            (positive(encoder), "encoder_lr", "positive"),
            (positive(critic), "critic_lr", "positive"),
            (positive(policy), "policy_lr", "positive"),
        ])
    }
}

impl RunConfig for PearlConfig {
    same_fields!(length: iterations);

    fn model(&self) -> String {
        self.model.to_string()
    }

    fn ranges(&self) -> Vec<Range> {
        vec![
            ((0.0..1.0).contains(&self.gamma), "gamma", "in [0, 1)"),
            (self.evaluate_every > 0, "evaluate_every", "at least 1"),
            (self.horizon > 0, "horizon", "at least 1"),
            (positive(self.reward_scale), "reward_scale", "positive"),
        ]
    }

    fn columns(&self) -> &'static [&'static str] {
        &[
            "collection_seconds",
            "updates_seconds",
            "evaluation_seconds",
            "transitions",
            "divergence",
            "q1",
            "q2",
            "value",
            "policy",
        ]
    }

    /// Warns if training asks for episodes with latents of the posterior and gets none.
    fn warning(&self) -> Option<String> {
        let (steps, horizon) = (self.schedule().posterior_steps, self.horizon as u64);
        (1..=horizon).contains(&steps).then(|| {
            format!(
                "training will never act on a latent of the posterior: the first episode of posterior_steps = \
                 {steps} has one of the prior, and up to horizon = {horizon} steps; set posterior_steps above \
                 {horizon}"
            )
        })
    }

    fn order(&self) -> [String; 2] {
        [format!("{:02}", self.env as usize), self.model()]
    }

    fn tasks(&self) -> Result<Option<TaskLists>> {
        let [train, test] = self.task_counts();
        self.env.tasks(self.seed, train, test).map(Some)
    }
}
