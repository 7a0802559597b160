//! Agreement of critic and truth at the states of one checkpoint (paper §3, App. B).

use serde::Serialize;

use crate::analysis::table::StateRow;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::disk::hash;
use crate::checkpoint::load::Which;
use crate::env::{Env, Snapshot};
use crate::error::{Error, Result};
use crate::gradient::critic_gradient::Smaller;
use crate::gradient::{Agent, Mode, Settings, StatesFrom, measure, self_check, states};
use crate::nn::actor::Actor;
use crate::nn::critic::QNet;
use crate::rng::Stream;
use crate::rollout::Policy;

/// Changes whenever the same checkpoint and settings would give other numbers.
const REVISION: u32 = 3;

/// What is measured at each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// The returns of rollouts: the truth.
    Returns,
    /// The critic's own values: the paper's self-check (Fig. 8), without rollouts.
    OwnValues,
}

/// Returns a key that is equal exactly if checkpoint, settings and method are.
///
/// # Panics
/// Never: settings are plain data.
pub fn key(checkpoint: &Checkpoint, settings: &Settings, against: Against) -> String {
    let settings = serde_json::to_string(&(settings, against, REVISION)).expect("plain data");
    hash(format!("{} {settings}", checkpoint.hash()).as_bytes())[..16].to_owned()
}

/// The networks of a checkpoint that a measurement needs.
pub(in crate::analysis) struct Networks {
    pub(in crate::analysis) actor: Actor,
    pub(in crate::analysis) critic: QNet,
    targets: Option<[QNet; 2]>,
    streams: String,
}

impl Networks {
    /// Returns actor and first critic in their world, without bootstrap.
    pub(in crate::analysis) fn agent<'a>(
        &'a self,
        make_env: &'a (dyn Fn() -> Result<Box<dyn Env>> + Sync),
        gamma: f64,
    ) -> Agent<'a> {
        let (policy, critic) = (&self.actor, &self.critic);
        Agent { make_env, policy, critic, bootstrap: None, gamma, streams: &self.streams }
    }

    /// Loads actor and first critic.
    pub(in crate::analysis) fn for_critic(checkpoint: &Checkpoint) -> Result<Self> {
        Self::load(checkpoint, &Settings::lab(), Against::Returns)
    }

    fn load(checkpoint: &Checkpoint, settings: &Settings, against: Against) -> Result<Self> {
        let weights = checkpoint.weights()?;
        let actor = checkpoint.actor(&weights)?;
        let critic = checkpoint.critic(&weights, Which::Q1)?;
        let targets = match settings.mode {
            Mode::AsReleased if against == Against::Returns => Some([
                checkpoint.critic(&weights, Which::TargetQ1)?,
                checkpoint.critic(&weights, Which::TargetQ2)?,
            ]),
            Mode::AsReleased | Mode::Paper | Mode::Lab => None,
        };
        Ok(Self { actor, critic, targets, streams: streams(checkpoint) })
    }
}

/// Returns the name of a checkpoint's random streams: its own, for the sample of visited states of
/// one checkpoint holds most of those of the one before, and the same slots would be the same states.
fn streams(checkpoint: &Checkpoint) -> String {
    let manifest = checkpoint.manifest();
    format!("seed {} step {}", manifest.config.seed, manifest.step)
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
    settings.enough_rollouts(checkpoint.manifest().config.env.spec().action_dim)?;
    if settings.source() == StatesFrom::Replay {
        replay_states(checkpoint, settings)?;
    }
    Ok(())
}

/// Measures one checkpoint; one row for each state.
///
/// # Errors
/// Those of loading, and of the estimator.
pub fn rows(
    checkpoint: &Checkpoint,
    settings: &Settings,
    against: Against,
    (workers, progress): (&rayon::ThreadPool, &(dyn Fn(u64) + Sync)),
) -> Result<Vec<StateRow>> {
    let config = &checkpoint.manifest().config;
    let networks = Networks::load(checkpoint, settings, against)?;
    let smaller = networks.targets.as_ref().map(|[q1, q2]| Smaller(q1, q2));
    let make_env = || config.env.make();
    let bootstrap = smaller.as_ref().map(|s| s as _);
    let agent = Agent { bootstrap, ..networks.agent(&make_env, config.td3.gamma) };
    let starts = starts(checkpoint, &networks.actor, settings)?;
    let results = match against {
        Against::Returns => measure(&agent, &starts, settings, (workers, progress))?,
        Against::OwnValues => self_check(&agent, &starts, settings)?,
    };
    let row = |state: usize| StateRow::new(checkpoint.manifest(), settings, state);
    Ok(results.iter().enumerate().map(|(state, result)| row(state).with(result)).collect())
}

/// Returns the states at which the checkpoint is measured; those of another step or seed are drawn
/// independently.
pub(in crate::analysis) fn starts(
    checkpoint: &Checkpoint,
    policy: &dyn Policy,
    settings: &Settings,
) -> Result<Vec<Snapshot>> {
    match settings.source() {
        StatesFrom::Replay => replay_states(checkpoint, settings),
        StatesFrom::Policy => {
            let stream = Stream::new(settings.seed, "states").child(&streams(checkpoint));
            let env = checkpoint.manifest().config.env;
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
fn replay_states(checkpoint: &Checkpoint, settings: &Settings) -> Result<Vec<Snapshot>> {
    let visited = checkpoint.states()?;
    let count = settings.most_states().min(visited.len()).max(settings.states);
    let stream = Stream::new(settings.seed, "states").child(&streams(checkpoint));
    states::from_replay(&visited, count, &mut stream.child("replay"))
}
