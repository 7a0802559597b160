//! What a MAML run is: resolved once, printed by `--dry-run`, stored in the run (paper, Table 9).

use serde::{Deserialize, Serialize};

use super::super::Algo;
use super::super::config::MOST;
use super::super::method::{check, not_negative, positive};
use super::super::run_config::{Range, RunConfig, same_fields};
use crate::env::{Family, Spec, TaskLists};
use crate::error::{Error, Result};
use crate::nn::meta_policy::PolicyKind;

/// Step of an adaptation of the plain policies (authors' `fast_lr`).
const PLAIN_INNER_LR: f64 = 0.1;

/// Step of an adaptation of the hypernetwork (authors' `fast_hyper_lr`).
const HYPER_INNER_LR: f64 = 5e-5;

/// What the name of a model that trains on all tasks at once ends in.
const MULTI_TASK: &str = "-multi-task";

/// One MAML run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MamlConfig {
    /// Always `maml`.
    pub algo: Algo,
    /// The family of tasks.
    pub env: Family,
    /// The policy.
    pub policy: PolicyKind,
    /// Train without adaptation, on all tasks at once; evaluations adapt all the same.
    pub multi_task: bool,
    /// Take the derivative through the adaptation step; the authors' code, in effect, does not.
    pub second_order: bool,
    /// Step η of an adaptation; unset: 0.1, and 5e-5 for the hypernetwork.
    pub inner_lr: Option<f64>,
    /// Seed of every random stream of the run.
    pub seed: u64,
    /// Updates in all.
    pub iterations: u64,
    /// Tasks of one update, drawn with replacement from the training tasks.
    pub tasks: usize,
    /// Episodes of one task, before adaptation and again after it.
    pub episodes: usize,
    /// Training tasks.
    pub train_tasks: usize,
    /// Test tasks.
    pub test_tasks: usize,
    /// Episodes of one test task, before adaptation and again after it.
    pub test_episodes: usize,
    /// Updates between checkpoints; the last one always has one.
    pub checkpoint_every: u64,
    /// Updates between evaluations on the test tasks; there is one before training.
    pub evaluate_every: u64,
    /// Discount factor γ.
    pub gamma: f64,
    /// λ of generalised advantage estimation.
    pub gae_lambda: f64,
    /// The update itself.
    pub trpo: TrpoConfig,
}

/// The trust-region update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrpoConfig {
    /// Bound on the mean KL divergence of an update, nats.
    pub max_kl: f64,
    /// Steps of conjugate gradient.
    pub cg_steps: usize,
    /// Added to the Hessian's diagonal.
    pub cg_damping: f64,
    /// Lengths that the line search tries.
    pub search_steps: usize,
    /// Ratio of one length to the one before.
    pub search_ratio: f64,
}

impl Default for TrpoConfig {
    fn default() -> Self {
        Self { max_kl: 1e-2, cg_steps: 10, cg_damping: 1e-5, search_steps: 20, search_ratio: 0.8 }
    }
}

impl Default for MamlConfig {
    fn default() -> Self {
        Self {
            algo: Algo::Maml,
            env: Family::HalfCheetahVel,
            policy: PolicyKind::Hyper,
            multi_task: false,
            second_order: false,
            inner_lr: None,
            seed: 0,
            iterations: 400,
            tasks: 40,
            episodes: 20,
            train_tasks: 100,
            test_tasks: 30,
            test_episodes: 20,
            checkpoint_every: 10,
            evaluate_every: 10,
            gamma: 0.95,
            gae_lambda: 1.0,
            trpo: TrpoConfig::default(),
        }
    }
}

impl MamlConfig {
    /// Returns the step η of an adaptation.
    pub fn inner_lr(&self) -> f64 {
        self.inner_lr.unwrap_or(match self.policy {
            PolicyKind::Hyper => HYPER_INNER_LR,
            PolicyKind::Vanilla | PolicyKind::Context => PLAIN_INNER_LR,
        })
    }

    /// Returns policy and objective of a model of that name; none if there is no such model.
    pub(crate) fn of_model(name: &str) -> Option<(PolicyKind, bool)> {
        let (policy, multi_task) = match name.strip_suffix(MULTI_TASK) {
            Some(policy) => (policy, true),
            None => (name, false),
        };
        Some((policy.parse().ok()?, multi_task))
    }

    /// Returns the configuration with every value that depends on another one filled in.
    ///
    /// # Errors
    /// [`Error::Usage`] for a value outside its range, naming it.
    pub fn resolved(mut self) -> Result<Self> {
        self.algo.expect(&[Algo::Maml])?;
        let TrpoConfig { max_kl, cg_steps, cg_damping, search_steps, search_ratio } = self.trpo;
        let inner_lr = self.inner_lr();
        let few = |tasks: usize, episodes| tasks.saturating_mul(episodes) <= MOST;
        check(&[
            (not_negative(inner_lr), "inner_lr", "0 or more"),
            (self.iterations > 0, "iterations", "at least 1"),
            (self.tasks > 0, "tasks", "at least 1"),
            (self.episodes > 0, "episodes", "at least 1"),
            (self.test_episodes > 0, "test_episodes", "at least 1"),
            (few(self.tasks, self.episodes), "tasks × episodes", "at most 1000000"),
            (self.train_tasks <= MOST, "train_tasks", "at most 1000000"),
            (
                few(self.test_tasks, self.test_episodes),
                "test_tasks × test_episodes",
                "at most 1000000",
            ),
            (self.checkpoint_every > 0, "checkpoint_every", "at least 1"),
            (self.evaluate_every > 0, "evaluate_every", "at least 1"),
            ((0.0..1.0).contains(&self.gamma), "gamma", "in [0, 1)"),
            ((0.0..=1.0).contains(&self.gae_lambda), "gae_lambda", "in [0, 1]"),
            (positive(max_kl), "trpo.max_kl", "positive"),
            (cg_steps > 0, "trpo.cg_steps", "at least 1"),
            (not_negative(cg_damping), "trpo.cg_damping", "0 or more"),
            (search_steps > 0, "trpo.search_steps", "at least 1"),
            (search_ratio > 0.0 && search_ratio < 1.0, "trpo.search_ratio", "in (0, 1)"),
        ])?;
        if self.multi_task && self.second_order {
            return Err(Error::Usage(
                "multi_task trains without adaptation: there is none to take second_order \
                 derivatives of; give one of the two"
                    .into(),
            ));
        }
        self.tasks()?;
        self.inner_lr = Some(inner_lr);
        Ok(self)
    }
}

impl RunConfig for MamlConfig {
    same_fields!(length: iterations);

    fn model(&self) -> String {
        format!("{}{}", self.policy, if self.multi_task { MULTI_TASK } else { "" })
    }

    fn ranges(&self) -> Vec<Range> {
        vec![
            ((0.0..1.0).contains(&self.gamma), "gamma", "in [0, 1)"),
            (self.evaluate_every > 0, "evaluate_every", "at least 1"),
            (self.tasks > 0, "tasks", "at least 1"),
            (self.episodes > 0, "episodes", "at least 1"),
            (self.test_episodes > 0, "test_episodes", "at least 1"),
        ]
    }

    fn columns(&self) -> &'static [&'static str] {
        &[
            "sampling_seconds",
            "update_seconds",
            "evaluation_seconds",
            "divergence",
            "improvement",
            "lengths_tried",
            "accepted",
        ]
    }

    fn order(&self) -> [String; 2] {
        [self.env.name().into(), self.model()]
    }

    fn tasks(&self) -> Result<Option<TaskLists>> {
        self.env.tasks(self.seed, self.train_tasks, self.test_tasks).map(Some)
    }
}
