//! `hyperl-train critic`: critics of an actor that stays as it is.

use std::path::PathBuf;
use std::slice;

use clap::Args;
use tch::Device;

use super::agent::{AgentArgs, Facts, Output, as_checkpoints};
use super::one_checkpoint::one_checkpoint;
use super::program::{self, Done};
use super::settings::{number, one_of, text, whole};
use super::training::{RunArgs, StartFrom, train};
use super::worker;
use crate::algo::config::TrainConfig;
use crate::algo::frozen::{Frozen, INITIAL};
use crate::algo::{Algo, RunConfig};
use crate::checkpoint::Checkpoint;
use crate::env::EnvId;
use crate::error::{Error, Result};
use crate::nn::bf16::Precision;
use crate::nn::critic::CriticKind;

/// Checkpoints of a run, unless asked otherwise.
const CHECKPOINTS: u64 = 10;

#[derive(Debug, Args)]
pub(super) struct CriticArgs {
    /// Whose policy acts: a checkpoint, or an agent that another tool trained; or `initial`, with which TD3 starts in
    /// --env, another one for each seed
    #[arg(long, value_name = "PATH")]
    actor: PathBuf,
    /// Critics, one run after the other; those of `hyperl-train td3 --help`
    #[arg(long, value_name = "KIND", required = true, num_args = 1..)]
    critic: Vec<CriticKind>,
    /// Transitions that are collected
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = whole)]
    data: u64,
    /// Updates of the critics
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = whole)]
    updates: u64,
    /// Adam's learning rate of the critics [default: 3e-4, hypernetworks 5e-5]
    #[arg(long)]
    lr: Option<f64>,
    #[arg(long, help = one_of("In what the critics' matrix products compute while they learn", Precision::ALL, "fp32"))]
    precision: Option<Precision>,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    agent: AgentArgs,
}

impl CriticArgs {
    /// Trains one run for each critic and seed.
    pub(super) fn train(&self) -> Result<Done> {
        let served = self.agent.worker.start()?;
        let actor = self.actor(served)?;
        let of_actor = match &actor {
            Some(actor) => actor.off_policy()?.clone(),
            None => self.initial(served)?,
        };
        let frozen = self.frozen(actor.as_ref(), &of_actor)?;
        program::one_by_one(&self.critic, |&critic| {
            let base = self.base(&of_actor, &frozen, critic);
            let from = StartFrom::Policy { actor: actor.as_ref(), base: &base };
            let rate = format!("{}.critic_lr", of_actor.algo);
            let flags = [
                (&*rate, self.lr.map(toml::Value::Float)),
                ("critic", Some(text(critic))),
                ("steps", Some(number(self.updates))),
                ("precision", self.precision.map(text)),
            ];
            train(of_actor.algo, from, &self.run, &flags, Device::Cpu)
        })
    }

    /// Opens the actor's checkpoint, if it has one.
    fn actor(&self, served: Option<EnvId>) -> Result<Option<Checkpoint>> {
        if self.actor.as_os_str() == INITIAL {
            return Ok(None);
        }
        let beside = self.run.out.join("actor");
        let given = slice::from_ref(&self.actor);
        let (paths, _) = as_checkpoints(given, &self.agent, served, &beside, Output::Stderr)?;
        let actor = one_checkpoint(&paths[0])?;
        worker::check(served, slice::from_ref(&actor))?;
        Ok(Some(actor))
    }

    /// Returns the settings of a run that starts with the actor called `initial`.
    fn initial(&self, served: Option<EnvId>) -> Result<TrainConfig> {
        let AgentArgs { env, facts: Facts { gamma, alpha, steps, normalise }, .. } = &self.agent;
        if alpha.is_some() || steps.is_some() || normalise.is_some() {
            return Err(Error::Usage(
                "--alpha, --steps and --normalise are for agents that other tools trained, and nothing trained \
                 --actor initial; drop them"
                    .into(),
            ));
        }
        let env = env.or(served).ok_or_else(|| {
            Error::Usage(
                "--actor initial needs an environment; add --env, such as --env hopper".into(),
            )
        })?;
        let mut config = TrainConfig::of(Algo::Td3, env);
        if let Some(gamma) = *gamma {
            config.method_mut().set_gamma(gamma);
        }
        Ok(config)
    }

    /// Returns what the settings of the runs say about their actor.
    fn frozen(&self, actor: Option<&Checkpoint>, of_actor: &TrainConfig) -> Result<Frozen> {
        let Some(actor) = actor else { return Ok(Frozen::initial(self.data)) };
        if of_actor.hidden.is_some() {
            return Err(Error::Usage(format!(
                "{}: its actor has another architecture than ours (two hidden layers of 256, ReLU); critics are trained beside such \
                 actors only",
                actor.path().display()
            )));
        }
        let trained_by = match &actor.manifest().imported {
            Some(imported) => imported.tool.clone(),
            None => of_actor.run_name(),
        };
        let (step, weights) = (actor.manifest().step, actor.hash().into());
        Ok(Frozen { trained_by, step, weights, data: self.data })
    }

    /// Returns the settings that files and flags change: defaults, except for what the actor's returns depend on.
    fn base(&self, of_actor: &TrainConfig, frozen: &Frozen, critic: CriticKind) -> TrainConfig {
        let mut config = TrainConfig {
            critic,
            steps: self.updates,
            checkpoint_every: (self.updates / CHECKPOINTS).max(1),
            evaluate_every: self.updates.max(1), // the policy does not change
            warmup_steps: 0,
            frozen: Some(frozen.clone()),
            td3: of_actor.td3.clone(),
            sac: of_actor.sac.clone(),
            ..TrainConfig::of(of_actor.algo, of_actor.env)
        };
        config.method_mut().set_critic_lr(None); // that of the critic's kind, not of the actor's run
        config
    }
}
