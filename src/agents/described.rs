//! State dicts and scripts of any tool, with a short TOML file that says what is what (`docs/agents.md` shows two).

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde::Deserialize;

use super::foreign::{Actor, Critics, ForeignAgent, Network, Script};
use super::state_dict::{Layer, StateDict};
use crate::algo::Algo;
use crate::checkpoint::disk;
use crate::checkpoint::run::place_and_reason;
use crate::error::{Error, Result};
use crate::nn::plain::{Activation, Gives};
use crate::pickled::pickle_code::Read;
use crate::pickled::script::checked;
use crate::pickled::storage::Dtype;
use crate::pickled::tensor::Tensor;

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
    #[serde(default)]
    layers: Vec<String>,
    /// The file is a script instead, which gives this.
    script: Option<Gives>,
    /// Another layer after the hidden ones, for log σ.
    log_std: Option<String>,
    action_scale: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CriticPart {
    file: PathBuf,
    #[serde(default)]
    layers: Vec<String>,
    /// The file is a script instead, which takes the observation first.
    script: Option<Gives>,
    /// What goes in, in order.
    #[serde(default = "observation_first")]
    inputs: [Input; 2],
}

impl CriticPart {
    /// Returns whether it is a script, and nothing is said that is only about layers.
    fn is_script(&self) -> bool {
        let inputs = observation_first();
        self.script == Some(Gives::Value) && self.layers.is_empty() && self.inputs == inputs
    }
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

const NO_ACTOR: &str = "its actor must have either layers or a script; of td3 that is \"before-tanh\" or \"action\", of sac \
                        \"mean-and-log-std\"";
const NO_CRITICS: &str = "its critics must either both have layers, or both script = \"value\", which take the observation \
                          first, and no layers";

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
    let described: Description =
        toml::from_str(&text).map_err(|e| wrong(place_and_reason(&text, &e)))?;
    let Description { algo, activation, gamma, alpha, steps, seed, actor: of_actor, critics } =
        described;
    let draws = of_actor.log_std.is_some() || of_actor.script == Some(Gives::MeanAndLogStd);
    if ![Algo::Td3, Algo::Sac].contains(&algo) || (algo == Algo::Sac) != draws {
        return Err(wrong(
            "its algo must be td3, or sac with a log_std of the actor or a script of \"mean-and-log-std\"".into(),
        ));
    }
    let mut files = vec![path.to_owned()];
    let mut place = |file: &Path| {
        let file = path.parent().unwrap_or(path).join(file);
        if !files.contains(&file) {
            files.push(file.clone());
        }
        file
    };
    let (actor, actions) = match of_actor.script {
        Some(gives)
            if of_actor.layers.is_empty()
                && of_actor.log_std.is_none()
                && gives.is_of_actor(draws) =>
        {
            (Network::Scripts(vec![script(&place(&of_actor.file), gives)?]), None)
        }
        Some(_) => return Err(wrong(NO_ACTOR.into())),
        None => {
            let state = state(&place(&of_actor.file))?;
            let actor = actor(state, &of_actor).map_err(wrong)?;
            let actions = actor.mean.outputs();
            (Network::Layers(actor), Some(actions))
        }
    };
    let one_critic = critics.len() == 1;
    let critics = match &critics[..] {
        [only] => both(&[only, only], actions, &mut place),
        [first, second] => both(&[first, second], actions, &mut place),
        other => Err(wrong(format!("it names {} critics; name one or two", other.len()))),
    };
    let critics = critics?.ok_or_else(|| wrong(NO_CRITICS.into()))?;
    let scale = of_actor.action_scale.unwrap_or(1.0);
    Ok(ForeignAgent {
        one_critic,
        activation: activation.unwrap_or(Activation::Relu),
        bounds: Some(vec![[-scale, scale]]),
        gamma,
        alpha,
        steps,
        seed,
        ..ForeignAgent::new("Described in TOML", algo, actor, critics, files)
    })
}

/// Reads both critics; none if they are of different kinds.
fn both(
    parts: &[&CriticPart; 2],
    actions: Option<usize>,
    place: &mut dyn FnMut(&Path) -> PathBuf,
) -> Result<Option<Network<Critics>>> {
    if parts.iter().all(|part| part.is_script()) {
        let script = |part: &&CriticPart| script(&place(&part.file), Gives::Value);
        let scripts = parts.iter().map(script).collect::<Result<_>>()?;
        return Ok(Some(Network::Scripts(scripts)));
    }
    if parts.iter().any(|part| part.script.is_some()) {
        return Ok(None);
    }
    let mut critic = |part: &CriticPart| {
        let file = place(&part.file);
        critic(state(&file)?, part, actions).map_err(|reason| Error::agent(&file, reason))
    };
    Ok(Some(Network::Layers(Critics([critic(parts[0])?, critic(parts[1])?]))))
}

fn script(file: &Path, gives: Gives) -> Result<Script> {
    let bytes = checked(&disk::read(file)?).map_err(|reason| Error::agent(file, reason))?;
    let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Script { file, bytes, gives })
}

fn actor(mut state: StateDict, part: &ActorPart) -> Read<Actor> {
    let mut hidden = layers(&mut state, &part.layers)?;
    let mean = hidden.pop().ok_or("it names no layers of the actor")?;
    let log_std = part.log_std.as_ref().map(|name| state.layer(name)).transpose()?;
    Ok(Actor { hidden, mean, log_std })
}

/// Takes a critic, whose first layer then sees the observation first.
fn critic(mut state: StateDict, part: &CriticPart, actions: Option<usize>) -> Read<Vec<Layer>> {
    let mut layers = layers(&mut state, &part.layers)?;
    let first = layers.first_mut().ok_or("it names no layers of a critic")?;
    match part.inputs {
        [Input::Observation, Input::Action] => {}
        [Input::Action, Input::Observation] => {
            let actions = actions
                .ok_or("beside a script, a critic of layers must see the observation first")?;
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
