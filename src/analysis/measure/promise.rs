//! How one checkpoint's critic keeps its promises (`docs/estimator.md` §8.4).

use serde::{Deserialize, Serialize};

use super::cosine::{Against, Work};
use super::gradient_cosine::{Networks, starts};
use super::policy_cosine::{self, Whose};
use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::gradient::horizon::{Choice, choose_horizon};
use crate::gradient::promise::{Along, Kept, Promise, promises};
use crate::gradient::{Settings, StatesFrom};

/// What was measured of a checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Measured {
    pub horizon: u32,
    pub choice: Choice,
    /// Promises, two a state.
    pub kept: Vec<Kept>,
}

/// How a critic keeps its promises.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Promised {
    #[serde(flatten)]
    pub whose: Whose,
    pub horizon: u32,
    /// Along its own gradient.
    pub own: Promise,
    /// Along random directions.
    pub random: Promise,
    /// What was measured at each state.
    #[serde(skip)]
    pub kept: Vec<Kept>,
}

/// Returns a key that is equal exactly if checkpoint and settings are: what a critic promises is its own, even where
/// it shares its bank with others.
pub(crate) fn key(checkpoint: &Checkpoint, settings: &Settings) -> String {
    format!("promise-{}", policy_cosine::key_of(checkpoint.hash(), settings))
}

/// Measures one checkpoint, at no more states than it carries.
pub(crate) fn measure(
    checkpoint: &Checkpoint,
    settings: &Settings,
    work: Work,
) -> Result<Measured> {
    let Work { workers, progress } = work;
    let networks = Networks::load(checkpoint, settings, Against::Returns)?;
    let env = checkpoint.off_policy()?.env;
    let make_env = || env.make();
    let agent = networks.agent(&make_env);
    let visited = settings.source() == StatesFrom::Replay;
    let there = if visited { checkpoint.states()?.len() } else { usize::MAX };
    let settings = Settings { states: settings.states.min(there), ..settings.clone() };
    let starts = starts(checkpoint, &*networks.policy, &settings)?;
    let (horizon, choice, _) = choose_horizon(&agent, &starts, &settings, workers, progress)?;
    let Settings { std, seed, .. } = settings;
    let kept = promises(&agent, &starts, horizon, std, seed, workers, progress)?;
    Ok(Measured { horizon, choice, kept })
}

impl Promised {
    /// Returns what was measured of a checkpoint in a few numbers.
    pub(crate) fn of(checkpoint: &Checkpoint, measured: Measured) -> Self {
        let Measured { horizon, kept, .. } = measured;
        Self {
            whose: Whose::of(checkpoint),
            horizon,
            own: Promise::of(&kept, Along::Own),
            random: Promise::of(&kept, Along::Random),
            kept,
        }
    }
}
