//! How long a run may take, from what a step took on two cores of this project's machine (`reports/speed-models.md`,
//! `speed-pearl.md`, `table03.md`). Another machine may be three times slower or faster.

use crate::algo::RunConfig;
use crate::algo::config::TrainConfig;
use crate::algo::registry::Config;
use crate::error::Result;
use crate::nn::critic::{CriticKind, parameter_count};
use crate::nn::meta_policy::PolicyKind;
use crate::nn::pearl::PearlModel;

/// Seconds of an environment step, the policy's forward pass included.
const STEP: f64 = 2e-4;

/// Returns the seconds that a run may take, evaluations left out.
///
/// # Errors
/// None in practice: the critics of a plan were built before.
pub(super) fn seconds(config: &Config) -> Result<f64> {
    let each = match config {
        Config::OffPolicy(off_policy) => {
            let update = update(off_policy)?;
            if off_policy.frozen.is_some() { update } else { STEP + update }
        }
        Config::Maml(maml) => match maml.policy {
            PolicyKind::Vanilla | PolicyKind::Context => 14.5,
            PolicyKind::Hyper => 22.0,
        },
        Config::Pearl(pearl) => {
            let update = match pearl.model {
                PearlModel::Mlp => 0.27,
                PearlModel::Hyper => 8.5,
            };
            update * pearl.schedule().train_steps as f64
        }
    };
    let data = match config {
        Config::OffPolicy(off_policy) => off_policy.frozen.as_ref().map_or(0, |frozen| frozen.data),
        _ => 0,
    };
    Ok(each * config.length() as f64 + STEP * data as f64)
}

/// Seconds of an update of both critics, every second time of the actor, too: what it takes to launch so many products,
/// and then a time for each weight. Of the nine critics that were timed this is right to a third; Emb-Hyper makes its
/// weights once for all of a batch.
fn update(config: &TrainConfig) -> Result<f64> {
    let soft = config.entropy().is_some();
    if config.critic == CriticKind::EmbHyper {
        return Ok(if soft { 0.06 } else { 0.045 });
    }
    let [least, each_million] = if soft { [4.8e-3, 0.045] } else { [1.3e-3, 0.018] };
    Ok(least + each_million * 1e-6 * parameter_count(config.critic, config.dims())? as f64)
}
