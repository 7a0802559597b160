//! How long a run may take, from what a step took on two cores of this project's machine (`reports/speed-models.md`,
//! `speed-pearl.md`, `table03.md`). Another machine may be three times slower or faster.

use crate::algo::Algo;
use crate::algo::registry::Config;
use crate::nn::critic::CriticKind;
use crate::nn::meta_policy::PolicyKind;
use crate::nn::pearl::PearlModel;

/// Seconds of an environment step, the policy's forward pass included.
const STEP: f64 = 2e-4;

/// Returns the seconds that a run may take, evaluations left out.
pub(super) fn seconds(config: &Config) -> f64 {
    let each = match config {
        Config::OffPolicy(off_policy) => {
            let update = update(off_policy.algo, off_policy.critic);
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
    each * config.length() as f64 + STEP * data as f64
}

/// Seconds of an update of both critics, every second time of the actor, too.
fn update(algo: Algo, critic: CriticKind) -> f64 {
    let [td3, sac] = match critic {
        CriticKind::MlpStandard => [2.2, 8.5],
        CriticKind::MlpSmall => [1.3, 4.8],
        CriticKind::MlpLarge => [173.0, 409.0],
        CriticKind::ResNetFeatures => [99.0, 223.0],
        CriticKind::ResNet35 => [89.0, 223.0],
        CriticKind::QD2rl => [5.2, 16.0],
        CriticKind::SaHyper => [140.0, 363.0],
        CriticKind::AsHyper => [220.0, 515.0],
        CriticKind::EmbHyper => [45.0, 60.0],
    };
    1e-3 * if algo == Algo::Sac { sac } else { td3 }
}
