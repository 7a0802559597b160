//! What sets one off-policy algorithm apart from another. The loop, the readers of checkpoints and the measures ask this,
//! and never which algorithm it is.

use std::sync::Arc;

use super::learner::Learner;
use crate::env::EnvId;
use crate::error::Result;
use crate::nn::bf16::Precision;
use crate::nn::critic::{CriticKind, Dims};
use crate::nn::plain::Plain;
use crate::nn::policy_net::PolicyNet;
use crate::nn::weights::Source;

/// The hyper-parameters of an off-policy algorithm, and what follows from them.
pub trait Method {
    /// Returns how its loop runs by default.
    fn schedule(&self, env: EnvId) -> Schedule;

    /// Returns the environment steps before the first update, and the setting that says so.
    fn first_update(&self, schedule: &Schedule) -> (u64, &'static str);

    /// Returns the discount factor γ, per environment step.
    fn gamma(&self) -> f64;

    /// Sets γ.
    fn set_gamma(&mut self, gamma: f64);

    /// Sets Adam's learning rate of the critics; unset, it is that of [`Self::resolve`].
    fn set_critic_lr(&mut self, rate: Option<f64>);

    /// Returns what its critics estimate beside rewards; nothing, unless they are soft.
    fn entropy(&self) -> Option<Entropy> {
        None
    }

    /// Sets the temperature of soft critics.
    fn set_alpha(&mut self, _alpha: f64) {}

    /// Returns whether its actor climbs the smaller of both critics, and not the first.
    fn climbs_smaller(&self) -> bool {
        false
    }

    /// Returns whether its actor has a slow copy.
    fn has_slow_actor(&self) -> bool;

    /// Fills in what depends on critic and environment.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for a value outside its range, naming it.
    fn resolve(&mut self, critic: CriticKind, env: EnvId) -> Result<()>;

    /// Makes an agent with new weights from the sources of actor, first and second critic.
    ///
    /// # Errors
    /// Those of the sources.
    fn agent(&self, design: Design, sources: [&mut dyn Source; 3]) -> Result<Box<dyn Learner>>;

    /// Makes its actor as a policy that does not learn.
    ///
    /// # Errors
    /// Those of the source.
    fn policy(&self, plain: &Plain, dims: Dims, source: &mut dyn Source) -> Result<PolicyNet>;
}

/// How the loop of an off-policy algorithm runs.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Environment steps with uniformly random actions and without updates at the start.
    pub warmup_steps: u64,
    /// Transitions in a minibatch.
    pub batch: usize,
    /// Standard deviation of the exploration noise in action half-ranges, where it is not the actor that draws.
    pub exploration_noise: Option<f64>,
}

/// What soft critics estimate: returns of `reward_scale · r − alpha · log π`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entropy {
    /// Temperature α: what a unit of entropy is worth, in units of scaled reward.
    pub alpha: f64,
    /// Factor on rewards.
    pub reward_scale: f64,
}

/// What an agent is made of, whichever its algorithm.
pub struct Design {
    /// The critics.
    pub critic: CriticKind,
    /// Sizes of observation and action.
    pub dims: Dims,
    /// The environment.
    pub env: EnvId,
    /// In what the critics' products compute while they learn.
    pub precision: Precision,
    /// Standard deviation of the exploration noise, in action half-ranges.
    pub exploration_noise: f64,
    /// Whether the actor stays as it is.
    pub frozen: bool,
    /// Threads.
    pub workers: Arc<rayon::ThreadPool>,
}

/// Returns whether a rate or a factor can be: positive and finite.
pub(super) fn positive(x: f64) -> bool {
    x.is_finite() && x > 0.0
}

/// Returns whether a deviation or a temperature can be: finite, and 0 or more.
pub(super) fn not_negative(x: f64) -> bool {
    x.is_finite() && x >= 0.0
}

/// Names the first setting that does not fit its range.
pub(super) fn check(settings: &[(bool, &str, &str)]) -> Result<()> {
    match settings.iter().find(|(fits, ..)| !fits) {
        Some((_, name, range)) => {
            Err(crate::Error::Usage(format!("{name} must be {range}; change it")))
        }
        None => Ok(()),
    }
}
