//! What an adaptation step of MAML does, at steps η of one's choosing.
//!
//! The authors' runs adapt plain policies with η = 0.1 and the hypernetwork with 5e-5. A step 2000 times
//! smaller may change nothing, and then "needs no adaptation" says nothing of the model. So every
//! checkpoint is adapted at every η asked for, and beside the gain stands how far the policy moved.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::algo::RunConfig;
use crate::algo::maml::Adapted;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::stats::resample::{jackknife, paired_differences};
use crate::stats::summary::mean;
use crate::stats::{Estimate, LEVEL};

/// How adaptation is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdaptationSettings {
    /// Steps η to adapt with, besides each run's own.
    pub rates: Vec<f64>,
    /// Episodes per test task, before adaptation and again after it.
    pub episodes: usize,
}

impl AdaptationSettings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the flag.
    pub(crate) fn check(&self) -> Result<()> {
        if self.episodes == 0 {
            return Err(Error::Usage("--episodes must be at least 1".into()));
        }
        match self.rates.iter().find(|rate| !(rate.is_finite() && **rate >= 0.0)) {
            Some(bad) => Err(Error::Usage(format!("--rates must be 0 or more, got {bad}"))),
            None => Ok(()),
        }
    }

    /// Returns the steps asked for and the run's own, in order.
    ///
    /// # Errors
    /// [`Error::NotACheckpoint`] if the checkpoint is none of MAML.
    pub(crate) fn rates_of(&self, point: &Checkpoint) -> Result<Vec<f64>> {
        let mut rates = self.rates.clone();
        rates.push(point.maml()?.inner_lr());
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        Ok(rates)
    }
}

/// What adaptation at one step η did, over the test tasks.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Adaptation {
    pub env: String,
    pub model: String,
    pub seed: u64,
    /// Updates made before the checkpoint.
    pub iteration: u64,
    /// Step η of the adaptation.
    pub inner_lr: f64,
    /// Whether it is that of the run's training.
    pub own: bool,
    /// Mean over tasks of ‖φ − θ‖.
    pub distance: f64,
    /// Mean over tasks and states of `KL(π_φ ‖ π_θ)`, nats.
    pub divergence: f64,
    /// Mean return before adaptation.
    pub before: f64,
    /// Mean return after it.
    pub after: f64,
    /// Mean of after minus before, with a 95 % t interval over tasks.
    pub gain: Estimate,
}

/// Adapts a checkpoint's policy to each of its test tasks at the step `inner_lr`, with `episodes` episodes
/// before and after. All rates start from the same states and draw the same noise.
pub(crate) fn maml_adaptation(
    point: &Checkpoint,
    (episodes, inner_lr): (usize, f64),
    workers: &Arc<rayon::ThreadPool>,
) -> Result<Adaptation> {
    let config = point.maml()?;
    let maml = point.restore_maml(config.clone(), Arc::clone(workers))?;
    let stream = maml.stream("adaptation");
    let all = maml.adaptations(&maml.tasks().test, (episodes, inner_lr), &stream);
    let all = all.map_err(|error| error.of_checkpoint(point.path()))?;
    let of = |what: fn(&Adapted) -> f64| all.iter().map(what).collect::<Vec<f64>>();
    let (before, after) = (of(|a| a.returns[0]), of(|a| a.returns[1]));
    let gain = jackknife(&paired_differences(&after, &before), mean, LEVEL);
    Ok(Adaptation {
        env: config.env.name().into(),
        model: config.model(),
        seed: config.seed,
        iteration: point.manifest().step,
        inner_lr,
        own: inner_lr.to_bits() == config.inner_lr().to_bits(),
        distance: mean(&of(|a| a.distance)),
        divergence: mean(&of(|a| a.divergence)),
        before: mean(&before),
        after: mean(&after),
        gain,
    })
}
