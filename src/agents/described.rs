//! State dicts of any tool, with a short TOML file that says what is what (`docs/agents.md` shows one).

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde::Deserialize;

use super::foreign::{Actor, Critics, ForeignAgent};
use super::pickle_code::Read;
use super::state_dict::{Layer, StateDict};
use super::storage::Dtype;
use super::tensor::Tensor;
use crate::algo::Algo;
use crate::checkpoint::disk;
use crate::error::{Error, Result};
use crate::nn::plain::Activation;

/// What the TOML file says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    /// `td3` if the actor gives actions, `sac` if it gives means and log σ of a distribution.
    algo: Algo,
    activation: Option<Activation>,
    gamma: Option<f64>,
    alpha: Option<f64>,
    steps: Option<u64>,
    seed: Option<u64>,
    actor: ActorPart,
    critics: Vec<CriticPart>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActorPart {
    file: PathBuf,
    /// Linear layers in order, each `NAME.weight` and `NAME.bias`; the action is tanh of the last, times the scale.
    layers: Vec<String>,
    /// Another layer after the hidden ones, for log σ.
    log_std: Option<String>,
    action_scale: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CriticPart {
    file: PathBuf,
    layers: Vec<String>,
    /// What goes in, in order.
    #[serde(default = "observation_first")]
    inputs: [Input; 2],
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Input {
    Observation,
    Action,
}

fn observation_first() -> [Input; 2] {
    [Input::Observation, Input::Action]
}

/// Returns whether a path names such a description.
pub(super) fn is_one(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|extension| extension == "toml")
}

/// Reads an agent; files that the description names lie beside it.
///
/// # Errors
/// [`Error::Io`]; [`Error::Agent`] saying what does not fit.
pub(super) fn read(path: &Path) -> Result<ForeignAgent> {
    let wrong = |reason: String| Error::agent(path, reason);
    let text = String::from_utf8_lossy(&disk::read(path)?).into_owned();
    let described: Description = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    let Description { algo, activation, gamma, alpha, steps, seed, actor: of_actor, critics } =
        described;
    if ![Algo::Td3, Algo::Sac].contains(&algo) || (algo == Algo::Sac) != of_actor.log_std.is_some()
    {
        return Err(wrong("its algo must be td3, or sac with a log_std of the actor".into()));
    }
    let mut files = vec![path.to_owned()];
    let mut open = |file: &Path| {
        let file = path.parent().unwrap_or(path).join(file);
        let state = state(&file)?;
        if !files.contains(&file) {
            files.push(file);
        }
        Ok::<_, Error>(state)
    };
    let actor = open(&of_actor.file).and_then(|state| actor(state, &of_actor).map_err(wrong))?;
    let actions = actor.mean.outputs();
    let mut critic = |part: &CriticPart| {
        open(&part.file).and_then(|state| critic(state, part, actions).map_err(wrong))
    };
    let (critics, one_critic) = match &critics[..] {
        [only] => (Critics::single(critic(only)?), true),
        [first, second] => (Critics([critic(first)?, critic(second)?]), false),
        other => return Err(wrong(format!("it names {} critics; name one or two", other.len()))),
    };
    let scale = of_actor.action_scale.unwrap_or(1.0);
    Ok(ForeignAgent {
        one_critic,
        activation: activation.unwrap_or(Activation::Relu),
        bounds: Some(vec![[-scale, scale]; actions]),
        gamma,
        alpha,
        steps,
        seed,
        ..ForeignAgent::new("Described in TOML", algo, actor, critics, files)
    })
}

fn actor(mut state: StateDict, part: &ActorPart) -> Read<Actor> {
    let mut hidden = layers(&mut state, &part.layers)?;
    let mean = hidden.pop().ok_or("it names no layers of the actor")?;
    let log_std = part.log_std.as_ref().map(|name| state.layer(name)).transpose()?;
    Ok(Actor { hidden, mean, log_std })
}

/// Takes a critic, whose first layer then sees the observation first.
fn critic(mut state: StateDict, part: &CriticPart, actions: usize) -> Read<Vec<Layer>> {
    let mut layers = layers(&mut state, &part.layers)?;
    let first = layers.first_mut().ok_or("it names no layers of a critic")?;
    match part.inputs {
        [Input::Observation, Input::Action] => {}
        [Input::Action, Input::Observation] => {
            let inputs = first.inputs();
            first
                .weight
                .numbers
                .chunks_exact_mut(inputs.max(1))
                .for_each(|row| row.rotate_left(actions.min(inputs)));
        }
        _ => return Err("a critic's inputs are \"observation\" and \"action\", once each".into()),
    }
    Ok(layers)
}

fn layers(state: &mut StateDict, names: &[String]) -> Read<Vec<Layer>> {
    names.iter().map(|name| state.layer(name)).collect()
}

/// Reads a file of safetensors or of `torch.save`.
fn state(file: &Path) -> Result<StateDict> {
    if file.extension().is_none_or(|extension| extension != "safetensors") {
        return StateDict::open(file);
    }
    let bytes = disk::read(file)?;
    let wrong = |reason: String| Error::agent(file, reason);
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| wrong(e.to_string()))?;
    let mut state = StateDict::default();
    for (name, view) in tensors.iter() {
        let dtype = match view.dtype() {
            safetensors::Dtype::F16 => Dtype::F16,
            safetensors::Dtype::BF16 => Dtype::Bf16,
            safetensors::Dtype::F32 => Dtype::F32,
            safetensors::Dtype::F64 => Dtype::F64,
            other => return Err(wrong(format!("{name} is of {other:?}; floats can be read"))),
        };
        let numbers = view.data().chunks_exact(dtype.bytes()).map(|bytes| dtype.number(bytes));
        let tensor = Tensor { shape: view.shape().to_vec(), numbers: numbers.collect() };
        state.insert(name.to_owned(), tensor);
    }
    Ok(state)
}
