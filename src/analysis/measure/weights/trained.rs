//! The critics of checkpoints (Fig. 11, lower half of Table 2).

use super::sample::{Weights, observed, pick};
use super::start::{HyperLayer, compare, mlp_small};
use super::{Layer, Measured, Start, WeightSettings};
use crate::checkpoint::Checkpoint;
use crate::checkpoint::load::Which;
use crate::error::{Error, Result};
use crate::nn::critic::CriticKind;
use crate::rng::Stream;

/// What a checkpoint's dynamic weights are compared with.
#[derive(Debug, Clone, Copy)]
pub enum Against<'c> {
    /// The critics of an MLP-Small checkpoint.
    Checkpoint(&'c Checkpoint),
    /// Two MLP-Smalls that are drawn.
    Drawn,
}

/// The two critics of a checkpoint: they share data and differ in their draws.
const TWINS: [Which; 2] = [Which::Q1, Which::Q2];

/// Compares the dynamic weights of both critics of a checkpoint, at a sample of its visited states and
/// its policy's actions there, with both critics of MLP-Small; the two of MLP-Small are each other's
/// equals.
///
/// # Errors
/// [`Error::Usage`] if the critic makes no weights; [`Error::Mismatch`] if the other is no MLP-Small or
/// of another environment; those of loading.
pub fn measure(
    checkpoint: &Checkpoint,
    against: Against<'_>,
    settings: &WeightSettings,
) -> Result<Vec<Measured>> {
    check(checkpoint, against)?;
    let (config, step) = (checkpoint.off_policy()?, checkpoint.manifest().step);
    let stream = Stream::new(config.seed, "weights").child(&format!("step {step}"));
    let references = match against {
        Against::Checkpoint(other) => {
            let tensors = other.weights()?;
            TWINS.map(|which| other.critic(&tensors, which).and_then(|q| Weights::plain(&q)))
        }
        Against::Drawn => {
            ["mlp-small 1", "mlp-small 2"].map(|name| mlp_small(config.env, &stream.child(name)))
        }
    };
    let [first, second] = references;
    let references = [first?, second?];

    let tensors = checkpoint.weights()?;
    let obs = observed(config.env, &checkpoint.states()?)?;
    let obs = pick(&obs, settings.states, &mut stream.child("pick"))?;
    let action = tch::no_grad(|| checkpoint.policy(&tensors).map(|policy| policy.greedy(&obs)))?;
    let mut all = Vec::new();
    for (i, which) in TWINS.into_iter().enumerate() {
        let critic = checkpoint.critic(&tensors, which)?;
        let made =
            Weights::dynamic(&critic, &obs, &action)?.ok_or_else(|| no_weights(checkpoint))?;
        for layer in Layer::ALL {
            let pair = [made.of(layer), references[i].of(layer)];
            let (env, seed, twin, start) = (config.env, config.seed, i as u8 + 1, Start::Trained);
            let of = HyperLayer { env, seed, twin, step, start, layer };
            all.push(compare(of, pair, &[references[1 - i].of(layer)], settings)?);
        }
    }
    Ok(all)
}

/// Checks that the two can be compared, before anything is read but their manifests.
///
/// # Errors
/// As [`measure`].
pub fn check(checkpoint: &Checkpoint, against: Against<'_>) -> Result<()> {
    let config = checkpoint.off_policy()?;
    if !config.critic.is_hyper() {
        return Err(no_weights(checkpoint));
    }
    let Against::Checkpoint(other) = against else { return Ok(()) };
    let reference = other.off_policy()?;
    let what = |name: &str| format!("{name} of --against {}", other.path().display());
    if reference.critic != CriticKind::MlpSmall {
        return Err(Error::Mismatch {
            what: what("critic"),
            expected: CriticKind::MlpSmall.to_string(),
            found: reference.critic.to_string(),
            remedy: "give a run of hyperl-train --critic mlp-small".into(),
        });
    }
    if reference.env != config.env {
        return Err(Error::Mismatch {
            what: what("environment"),
            expected: format!("{}, as {}", config.env, checkpoint.path().display()),
            found: reference.env.to_string(),
            remedy: "compare runs of one environment".into(),
        });
    }
    Ok(())
}

fn no_weights(checkpoint: &Checkpoint) -> Error {
    Error::Usage(format!(
        "{}: its critic, {}, makes no weights; give a checkpoint of sa-hyper, as-hyper or emb-hyper",
        checkpoint.path().display(),
        checkpoint.config().model()
    ))
}
