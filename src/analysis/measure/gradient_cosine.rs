//! Agreement of critic and truth at the states of one checkpoint (paper §3, App. B).

use serde::Serialize;

use super::cosine::{Against, Cosine, Work};
use crate::algo::config::TrainConfig;
use crate::algo::method::Entropy;
use crate::analysis::table::{Column, StateRow};
use crate::checkpoint::Checkpoint;
use crate::checkpoint::disk::hash;
use crate::checkpoint::load::Which;
use crate::checkpoint::manifest::Imported;
use crate::env::{Env, Visited};
use crate::error::{Error, Result};
use crate::gradient::critic_gradient::{Mean, Smaller};
use crate::gradient::own::own_scores;
use crate::gradient::{
    ActionValue, Agent, Judged, Mode, Returns, Settings, StatesFrom, measure, self_check, states,
};
use crate::nn::critic::QNet;
use crate::nn::policy_net::PolicyNet;
use crate::rng::Stream;
use crate::rollout::{Policy, following};

/// Changes whenever the same checkpoint and settings would give other numbers.
const REVISION: u32 = 4;

/// Returns a key that is equal exactly if checkpoint, settings and method are.
pub(super) fn key(checkpoint: &Checkpoint, how: &Cosine) -> String {
    key_of(checkpoint, &(&how.settings, how.against, REVISION))
}

/// Returns a key that is equal exactly if checkpoint and `what` are.
pub(super) fn key_of(checkpoint: &Checkpoint, what: &impl Serialize) -> String {
    let what = serde_json::to_string(what).expect("plain data");
    hash(format!("{} {what}", checkpoint.hash()).as_bytes())[..16].to_owned()
}

/// The networks of a checkpoint that a measurement needs, and what its critics estimate.
pub(in crate::analysis) struct Networks {
    /// The network of the policy.
    pub(in crate::analysis) actor: PolicyNet,
    /// The policy that rollouts follow.
    pub(in crate::analysis) policy: Box<dyn Policy>,
    /// The value that is judged.
    pub(in crate::analysis) critic: Box<dyn ActionValue>,
    targets: Option<Smaller<QNet>>,
    /// What a unit of entropy adds to a reward; 0 for hard returns.
    pub(in crate::analysis) temperature: f64,
    gamma: f64,
    reward_scale: f64,
    streams: String,
}

impl Networks {
    /// Returns policy and critic in their world, without bootstrap.
    pub(in crate::analysis) fn agent<'a>(
        &'a self,
        make_env: &'a (dyn Fn() -> Result<Box<dyn Env>> + Sync),
    ) -> Agent<'a> {
        Agent {
            make_env,
            policy: &*self.policy,
            critic: &*self.critic,
            bootstrap: None,
            gamma: self.gamma,
            reward_scale: self.reward_scale,
            streams: &self.streams,
        }
    }

    /// Returns what its critic's returns are made by: γ, the factor on rewards, and what a unit of entropy adds.
    pub(in crate::analysis) fn returns(&self) -> [f64; 3] {
        [self.gamma, self.reward_scale, self.temperature]
    }

    /// Loads the policy and the value that it climbs.
    pub(in crate::analysis) fn for_critic(checkpoint: &Checkpoint) -> Result<Self> {
        Self::load(checkpoint, &Settings::lab(), Against::Returns)
    }

    /// Loads the policy and the value that is judged.
    pub(in crate::analysis) fn load(
        checkpoint: &Checkpoint,
        settings: &Settings,
        against: Against,
    ) -> Result<Self> {
        let config = checkpoint.off_policy()?;
        let imported = checkpoint.manifest().imported.as_ref();
        let scale = imported.and_then(|imported| imported.reward_scale);
        let (temperature, reward_scale) = soft(config, settings, scale)?;
        let weights = checkpoint.weights()?;
        let actor = checkpoint.policy(&weights)?;
        let critic = |which| checkpoint.critic(&weights, which);
        let climbed = match imported {
            Some(Imported { mean_of_critics: true, .. }) => Judged::Mean,
            _ if config.method().climbs_smaller() => Judged::Min,
            _ => Judged::Q1,
        };
        let judged: Box<dyn ActionValue> = match settings.judged.unwrap_or(climbed) {
            Judged::Q1 => Box::new(critic(Which::Q1)?),
            Judged::Min => Box::new(Smaller([critic(Which::Q1)?, critic(Which::Q2)?])),
            Judged::Mean => Box::new(Mean([critic(Which::Q1)?, critic(Which::Q2)?])),
        };
        let targets = match settings.mode {
            Mode::AsReleased if against == Against::Returns => {
                Some(Smaller([critic(Which::TargetQ1)?, critic(Which::TargetQ2)?]))
            }
            Mode::AsReleased | Mode::Paper | Mode::Lab => None,
        };
        Ok(Self {
            policy: following(&actor, temperature)?,
            actor,
            critic: judged,
            targets,
            temperature,
            gamma: config.gamma(),
            reward_scale,
            streams: streams(checkpoint),
        })
    }
}

/// Returns what a unit of entropy is worth in units of reward, and the factor on returns, which the training of another
/// tool may have had.
fn soft(config: &TrainConfig, settings: &Settings, scale: Option<f64>) -> Result<(f64, f64)> {
    let wrong = match config.entropy() {
        None if settings.returns == Some(Returns::Soft) => {
            "--returns soft: TD3's critics estimate no entropy; drop it for this checkpoint"
        }
        None => return Ok((0.0, scale.unwrap_or(1.0))),
        Some(_) if settings.mode == Mode::AsReleased => {
            "--mode as-released is the authors' script for TD3, whose targets know no entropy; use \
             --mode lab or paper for a SAC checkpoint"
        }
        Some(Entropy { alpha, reward_scale }) => {
            let reward_scale = scale.unwrap_or(reward_scale);
            let hard = settings.returns == Some(Returns::Hard);
            return Ok((if hard { 0.0 } else { alpha / reward_scale }, reward_scale));
        }
    };
    Err(Error::Usage(wrong.into()))
}

/// Returns the name of a checkpoint's random streams: one of its own, since its sample of visited states holds most of
/// those of the checkpoint before, and the same draws would pick the same states. Checkpoints of a frozen actor share
/// their states.
fn streams(checkpoint: &Checkpoint) -> String {
    let (seed, step) = (checkpoint.config().seed(), checkpoint.manifest().step);
    let frozen = checkpoint.off_policy().is_ok_and(|config| config.frozen.is_some());
    if frozen { format!("seed {seed}") } else { format!("seed {seed} step {step}") }
}

/// Checks that a checkpoint can be measured, so that the last one of many does not fail after hours.
///
/// # Errors
/// Those of loading; too few rollouts or visited states for the settings; an adaptive number of
/// states without rollouts whose noise it could wait for.
pub fn check(checkpoint: &Checkpoint, settings: &Settings, against: Against) -> Result<()> {
    if against == Against::OwnValues && settings.adaptive.is_some() {
        return Err(Error::Usage(
            "self-check has no noise to average: use --states in place of --half-width and \
             --max-states"
                .into(),
        ));
    }
    Networks::load(checkpoint, settings, against)?;
    settings.enough_rollouts(checkpoint.config().spec().action_dim)?;
    if settings.source() == StatesFrom::Replay {
        replay_states(checkpoint, settings)?;
    }
    Ok(())
}

/// Measures one checkpoint; one row for each state.
///
/// # Errors
/// Those of loading, and of the estimator.
pub fn rows(checkpoint: &Checkpoint, how: &Cosine, work: Work) -> Result<Vec<StateRow>> {
    let (config, settings) = (checkpoint.off_policy()?, &how.settings);
    let networks = Networks::load(checkpoint, settings, how.against)?;
    let make_env = || config.env.make();
    let bootstrap = networks.targets.as_ref().map(|targets| targets as _);
    let agent = Agent { bootstrap, ..networks.agent(&make_env) };
    let starts = starts(checkpoint, &*networks.policy, settings)?;
    let step = checkpoint.manifest().step;
    measured(&agent, &starts, how, work, |state| StateRow::new(config, step, settings, state))
}

/// Measures an agent at states, without a bank; `row` says where each belongs.
pub(super) fn measured(
    agent: &Agent,
    starts: &[Visited],
    how: &Cosine,
    Work { workers, progress }: Work,
    row: impl Fn(usize) -> StateRow,
) -> Result<Vec<StateRow>> {
    let Cosine { settings, against } = how;
    let results = match against {
        Against::OwnValues if settings.mode == Mode::Lab => {
            let own = own_scores(agent, starts, settings.std, settings.seed)?;
            let own = own.iter().enumerate();
            return Ok(own.map(|(i, own)| row(i).judged(own, Column::SelfCosine, 0)).collect());
        }
        Against::Returns => measure(agent, starts, settings, workers, progress)?,
        Against::OwnValues => self_check(agent, starts, settings)?,
    };
    Ok(results.iter().enumerate().map(|(state, result)| row(state).with(result)).collect())
}

/// Returns the states at which the checkpoint is measured; those of another step or seed are drawn
/// independently.
pub(in crate::analysis) fn starts(
    checkpoint: &Checkpoint,
    policy: &dyn Policy,
    settings: &Settings,
) -> Result<Vec<Visited>> {
    match settings.source() {
        StatesFrom::Replay => replay_states(checkpoint, settings),
        StatesFrom::Policy => {
            let stream = Stream::new(settings.seed, "states").child(&streams(checkpoint));
            let env = checkpoint.off_policy()?.env;
            states::from_policy(
                &|| env.make(),
                policy,
                settings.most_states(),
                &stream.child("policy"),
            )
        }
    }
}

/// Picks from the states that the checkpoint carries; an adaptive measurement makes do with fewer
/// than it may take.
fn replay_states(checkpoint: &Checkpoint, settings: &Settings) -> Result<Vec<Visited>> {
    let visited = checkpoint.states()?;
    let count = settings.most_states().min(visited.len()).max(settings.states);
    let stream = Stream::new(settings.seed, "states").child(&streams(checkpoint));
    states::from_replay(&visited, count, &mut stream.child("replay"))
}
