//! Agents of Spinning Up: `pyt_save/model.pt` holds the whole `MLPActorCritic`, of SAC, TD3 or DDPG, and `config.json`
//! beside that folder what it was trained with.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::foreign::{Actor, Critics, ForeignAgent};
use super::modules::Modules;
use crate::algo::Algo;
use crate::nn::plain::Activation;
use crate::pickled::pickle_code::Read;
use crate::pickled::torch_file::TorchFile;

/// The file in the folder of a run.
const MODEL: &str = "pyt_save/model.pt";

/// The attribute that bounds actions.
const LIMIT: &str = "act_limit";

/// What is read of `config.json`; all else is ignored.
#[derive(Deserialize, Default)]
struct Config {
    gamma: Option<f64>,
    alpha: Option<f64>,
    seed: Option<u64>,
}

/// Returns the file that a path names: itself, or the one in the folder of a run.
pub(super) fn file(path: &Path) -> PathBuf {
    let inside = path.join(MODEL);
    if inside.is_file() { inside } else { path.into() }
}

/// Returns whether a file holds such an agent.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    TorchFile::read(bytes).is_ok_and(|file| Modules::has(&file, "pi"))
}

/// Reads an agent. The steps are not in it, nor slow copies.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Read<ForeignAgent> {
    let file = TorchFile::read(bytes)?;
    let mut modules = Modules::read(&file, bytes.len(), LIMIT)?;
    let sac = modules.state.has("pi.mu_layer.weight");
    let one_critic = modules.state.has("q.q.0.weight");
    let tool = match (sac, one_critic) {
        (true, false) => "Spinning Up SAC",
        (false, false) => "Spinning Up TD3",
        (false, true) => "Spinning Up DDPG",
        (true, true) => return Err("an agent of SAC with one critic".into()),
    };
    let limit = modules.limit("pi")?;
    let (actor, of_actor) = if sac {
        let (hidden, activation) = modules.sequential("pi.net", "")?;
        let mean = modules.state.layer("pi.mu_layer")?;
        let log_std = Some(modules.state.layer("pi.log_std_layer")?);
        (Actor { hidden, mean, log_std }, activation)
    } else {
        let (mut hidden, activation) = modules.sequential("pi.pi", "Tanh")?;
        let mean = hidden.pop().ok_or("an actor without layers")?;
        (Actor { hidden, mean, log_std: None }, activation)
    };
    let mut critic = |name: &str| modules.sequential(name, "Identity");
    let (critics, of_critics) = if one_critic {
        let (only, activation) = critic("q.q")?;
        (Critics::single(only), [activation; 2])
    } else {
        let [(first, of_first), (second, of_second)] = [critic("q1.q")?, critic("q2.q")?];
        (Critics([first, second]), [of_first, of_second])
    };
    modules.finish()?;
    let mut activations = of_critics.into_iter().chain([of_actor]).flatten();
    let activation = activations.next().unwrap_or(Activation::Relu);
    if activations.any(|other| other != activation) {
        return Err("its networks have several activations".into());
    }
    let (config, beside) = config(path)?;
    let files = [Some(path.to_owned()), beside].into_iter().flatten().collect();
    let algo = if sac { Algo::Sac } else { Algo::Td3 };
    let bounds = Some(vec![[-limit, limit]; actor.mean.outputs()]);
    Ok(ForeignAgent {
        one_critic,
        activation,
        bounds,
        gamma: config.gamma,
        alpha: config.alpha.filter(|_| sac),
        seed: config.seed,
        ..ForeignAgent::new(tool, algo, actor, critics, files)
    })
}

/// Reads what the agent was trained with, where the file is there.
fn config(path: &Path) -> Read<(Config, Option<PathBuf>)> {
    let folder = path.parent().and_then(Path::parent);
    let Some(file) = folder.map(|folder| folder.join("config.json")).filter(|file| file.is_file())
    else {
        return Ok((Config::default(), None));
    };
    let text = std::fs::read(&file).map_err(|e| format!("config.json: {e}"))?;
    let config = serde_json::from_slice(&text).map_err(|e| format!("config.json: {e}"))?;
    Ok((config, Some(file)))
}
