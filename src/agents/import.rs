//! From an agent of another tool to a checkpoint of ours.

use std::path::Path;

use super::foreign::{Actor, Critics, ForeignAgent, Network, Script, Standardised};
use super::state_dict::Layer;
use super::vec_normalize::Normalise;
use super::{cleanrl, described, sac_files, sb3, spinning_up, td3_files::Td3Files, vec_normalize};
use crate::algo::config::{Hidden, TrainConfig};
use crate::algo::{Algo, RunConfig};
use crate::checkpoint::disk;
use crate::checkpoint::manifest::{FORMAT, Hashes, Imported, ImportedFile, Manifest, Versions};
use crate::checkpoint::save::{MANIFEST, WEIGHTS};
use crate::checkpoint::tensors::TensorSet;
use crate::env::EnvId;
use crate::error::{Error, Result};
use crate::nn::critic::CriticKind;
use crate::nn::plain::{Activation, Plain, Standardiser};
use crate::pickled::archive::Archive;
use crate::pickled::tensor::Tensor as Numbers;

/// What a user says of an agent; all but the environment only where its files do not.
#[derive(Debug, Clone)]
pub struct Given {
    /// The environment in which it acts.
    pub env: EnvId,
    /// Discount factor γ, per environment step.
    pub gamma: Option<f64>,
    /// Temperature: what a unit of entropy is worth; SAC only.
    pub alpha: Option<f64>,
    /// Environment steps of its training.
    pub steps: Option<u64>,
    /// Seed of its training: names it beside others.
    pub seed: Option<u64>,
    /// Whether, and by what, observations are standardised.
    pub normalise: Option<Normalise>,
}

/// Returns whether a path names an agent of a kind that can be read.
pub fn is_agent(path: &Path) -> bool {
    sac_files::is_one(path)
        || Td3Files::of(path).is_some()
        || cleanrl::is_one(path)
        || described::is_one(path)
        || holds_one(&spinning_up::file(path))
}

/// Returns whether a file holds an agent. A pipe, which may have no end, is not read.
fn holds_one(file: &Path) -> bool {
    file.is_file()
        && std::fs::read(file).is_ok_and(|bytes| sb3::is_one(&bytes) || spinning_up::is_one(&bytes))
}

/// Reads an agent and writes it as a checkpoint into `folder`; an old folder of that name goes. Returns what was
/// recognised, in a line.
///
/// # Errors
/// [`Error::Agent`] naming what is damaged, not known or does not fit the environment; [`Error::Usage`] naming the
/// flag for what its files do not say, or say otherwise; [`Error::Io`].
pub fn import(path: &Path, given: &Given, folder: &Path) -> Result<String> {
    let mut agent = read(path)?;
    vec_normalize::add(&mut agent, path, given.normalise.as_ref())?;
    agent.check(given.env).map_err(|reason| Error::agent(path, reason))?;
    agent.see_unit_actions(given.env);
    let config = config(&agent, given)?;
    let said = said(&agent, &config);
    let imported = Imported {
        tool: agent.tool.into(),
        files: files(&agent)?,
        mean_of_critics: agent.mean_of_critics,
        one_critic: agent.one_critic,
        reward_scale: agent.reward_scale,
    };
    disk::write_dir(folder, |partial| {
        let weights = partial.join(WEIGHTS);
        tensors(&agent)?.write(&weights)?;
        let manifest = Manifest {
            hyperl_checkpoint: FORMAT,
            algo: agent.algo,
            config: config.to_json()?,
            unit: agent.algo.unit(),
            step: config.steps,
            updates: agent.updates.unwrap_or(0),
            transitions: None,
            tasks: None,
            states: None,
            imported: Some(imported),
            hashes: Hashes { weights: disk::hash_part(&weights)?, states: None },
            versions: Versions::current(),
        };
        disk::write(&partial.join(MANIFEST), &disk::json(&manifest)?)
    })?;
    Ok(said)
}

/// Reads an agent of whichever kind it is.
fn read(path: &Path) -> Result<ForeignAgent> {
    if sac_files::is_one(path) {
        return sac_files::read(path);
    }
    if let Some(files) = Td3Files::of(path) {
        return files.read();
    }
    if described::is_one(path) {
        return described::read(path);
    }
    let file = spinning_up::file(path);
    if file.exists() && !file.is_dir() && !file.is_file() {
        return Err(Error::agent(&file, "it is a pipe or device, and a file is needed".into()));
    }
    let bytes = disk::read(&file)?;
    let agent = if cleanrl::is_one(path) {
        cleanrl::read(path, &bytes)
    } else if sb3::is_one(&bytes) {
        sb3::read(path, &bytes)
    } else if spinning_up::is_one(&bytes) {
        spinning_up::read(&file, &bytes)
    } else if Archive::is_one(&bytes) && path.extension().is_some_and(|name| name == "zip") {
        Err("a zip without the policy.pth of Stable-Baselines3, or not whole; was it copied to its end?".into())
    } else {
        Err("it is no zip of Stable-Baselines3, no .cleanrl_model, no model.pt of Spinning Up, no NAME_actor beside \
             NAME_critic, and no folder with actor.pt, q1.pt and q2.pt; of other state dicts and of \
             TorchScript, a TOML file can say what is what"
            .into())
    };
    agent.map_err(|reason| Error::agent(&file, reason))
}

/// Returns the settings of a run that would have made the agent; what its files do not say must be given, and what
/// they say must not be given otherwise.
fn config(agent: &ForeignAgent, given: &Given) -> Result<TrainConfig> {
    let tool = agent.tool;
    let out_of_range = |name, value, range| {
        Error::agent(&agent.files[0], format!("its {name} is {value}, {range} is needed"))
    };
    if let Some(gamma) = agent.gamma.filter(|gamma| !(0.0..1.0).contains(gamma)) {
        return Err(out_of_range("γ", gamma, "a discount factor in [0, 1)"));
    }
    if let Some(alpha) = agent.alpha.filter(|alpha| !(0.0..f64::INFINITY).contains(alpha)) {
        return Err(out_of_range("entropy coefficient", alpha, "a number of 0 or more"));
    }
    let gamma = settled("gamma", tool, agent.gamma, given.gamma)?;
    let steps = settled("steps", tool, agent.steps, given.steps)?;
    let seed = given.seed.or(agent.seed).unwrap_or(0);
    if i64::try_from(seed.max(steps)).is_err() {
        return Err(Error::Usage(format!("{seed} or {steps} is too large for a seed or steps")));
    }
    let mut config = TrainConfig {
        critic: CriticKind::MlpStandard,
        seed,
        steps,
        ..TrainConfig::of(agent.algo, given.env)
    };
    config.method_mut().set_gamma(gamma);
    if config.entropy().is_some() {
        let alpha = settled("alpha", tool, agent.alpha, given.alpha)?;
        config.method_mut().set_alpha(alpha);
    } else if given.alpha.is_some() {
        return Err(Error::Usage(format!(
            "--alpha is SAC's, and this is an agent of {tool}; drop it"
        )));
    }
    let hidden = agent.hidden().map_err(|reason| Error::agent(&agent.files[0], reason))?;
    // Of runs of ours all follows from the critic's name.
    let ours = Plain::default();
    let of_ours = Hidden {
        actor: ours.hidden.clone(),
        critic: ours.hidden,
        activation: None,
        standardised: false,
        tanh_log_std: None,
        actor_script: None,
        critic_script: None,
    };
    Ok(TrainConfig { hidden: (hidden != of_ours).then_some(hidden), ..config.resolved()? })
}

/// Returns what the files say, or else what the flag says; they must not contradict each other.
fn settled<T: PartialEq + Copy + std::fmt::Display>(
    flag: &str,
    tool: &str,
    said: Option<T>,
    given: Option<T>,
) -> Result<T> {
    match (said, given) {
        (Some(said), Some(given)) if said != given => Err(Error::Usage(format!(
            "--{flag} {given}: the files of this agent say {said}; drop the flag"
        ))),
        (Some(value), _) | (None, Some(value)) => Ok(value),
        (None, None) => {
            Err(Error::Usage(format!("files of {tool} do not say its {flag}; add --{flag}")))
        }
    }
}

/// Describes in a line what was recognised.
fn said(agent: &ForeignAgent, config: &TrainConfig) -> String {
    let critics = if agent.one_critic { "one critic" } else { "two critics" };
    let built = match &agent.critics {
        Network::Layers(Critics([critic, _])) => {
            let widths = critic[..critic.len() - 1].iter().map(|layer| layer.outputs().to_string());
            let widths = widths.collect::<Vec<_>>().join("×");
            match agent.activation {
                Activation::Relu => widths,
                other => format!("{widths} with {other}"),
            }
        }
        Network::Scripts(_) => "in TorchScript".into(),
    };
    let seen =
        agent.standardised.as_ref().map_or(String::new(), |Standardised { clip, .. }| {
            format!(", observations standardised and clipped at ±{clip}")
        });
    let scaled = agent.reward_scale.map_or(String::new(), |scale| {
        format!(", values in units of {} of reward", three_digits(1.0 / scale))
    });
    let clipped = agent.reward_clip.map_or(String::new(), |clip| {
        format!(" (that training clipped rewards at ±{clip} of these units is not followed)")
    });
    let temperature = config.entropy().map_or(String::new(), |entropy| {
        format!(", entropy coefficient {}", three_digits(entropy.alpha))
    });
    let (tool, gamma, steps) = (agent.tool, config.gamma(), config.steps);
    format!(
        "{tool}: {critics} {built}, γ {gamma}{temperature}, {steps} steps{seen}{scaled}{clipped}"
    )
}

/// Returns a positive number to three significant digits.
fn three_digits(x: f64) -> String {
    if x <= 0.0 {
        return x.to_string();
    }
    let decimals = (2.0 - x.log10().floor()).clamp(0.0, 12.0) as usize;
    format!("{x:.decimals$}")
}

/// Returns all weights under our names; slow copies that the files do not hold are equal to what they follow.
fn tensors(agent: &ForeignAgent) -> Result<TensorSet> {
    let mut set = TensorSet::default();
    let through = agent.standardised.as_ref();
    let mut actor = |name: &str, slow: Option<&Actor>| {
        add_standardised(&mut set, name, through)?;
        match (slow, &agent.actor) {
            (Some(actor), _) | (None, Network::Layers(actor)) => add_actor(&mut set, name, actor),
            (None, Network::Scripts(scripts)) => add_scripts(&mut set, &[name.into()], scripts),
        }
    };
    actor("actor", None)?;
    if agent.algo != Algo::Sac {
        actor("actor_target", agent.actor_target.as_ref())?;
    }
    for (name, slow) in [("critic", None), ("critic_target", agent.critic_targets.as_ref())] {
        let names = ["q1", "q2"].map(|which| format!("{name}.{which}"));
        names.iter().try_for_each(|name| add_standardised(&mut set, name, through))?;
        match (slow, &agent.critics) {
            (Some(critics), _) | (None, Network::Layers(critics)) => {
                for (name, layers) in names.iter().zip(&critics.0) {
                    for (i, layer) in layers.iter().enumerate() {
                        add(&mut set, &format!("{name}.layers.{i}"), layer)?;
                    }
                }
            }
            (None, Network::Scripts(scripts)) => add_scripts(&mut set, &names, scripts)?,
        }
    }
    Ok(set)
}

fn add_standardised(
    set: &mut TensorSet,
    network: &str,
    through: Option<&Standardised>,
) -> Result<()> {
    let Some(Standardised { mean, std, clip }) = through else { return Ok(()) };
    for (name, numbers) in [("mean", mean), ("std", std), ("clip", &vec![*clip])] {
        let numbers: Vec<f32> = numbers.iter().map(|x| *x as f32).collect();
        let name = format!("{network}.{}.{name}", Standardiser::PATH);
        set.add(name, &tch::Tensor::f_from_slice(&numbers)?)?;
    }
    Ok(())
}

fn add_scripts(set: &mut TensorSet, networks: &[String], scripts: &[Script]) -> Result<()> {
    for (network, Script { bytes, .. }) in networks.iter().zip(scripts) {
        set.add(format!("{network}.script"), &tch::Tensor::f_from_slice(bytes)?)?;
    }
    Ok(())
}

fn add_actor(set: &mut TensorSet, name: &str, actor: &Actor) -> Result<()> {
    let Actor { hidden, mean, log_std } = actor;
    for (i, layer) in hidden.iter().enumerate() {
        add(set, &format!("{name}.layers.{i}"), layer)?;
    }
    match log_std {
        Some(log_std) => {
            add(set, &format!("{name}.mean"), mean)?;
            add(set, &format!("{name}.log_std"), log_std)
        }
        None => add(set, &format!("{name}.layers.{}", hidden.len()), mean),
    }
}

fn add(set: &mut TensorSet, name: &str, Layer { weight, bias }: &Layer) -> Result<()> {
    let tensor = |Numbers { shape, numbers }: &Numbers| {
        let shape: Vec<i64> = shape.iter().map(|n| *n as i64).collect();
        Ok::<_, Error>(tch::Tensor::f_from_slice(numbers)?.f_view(&shape[..])?)
    };
    set.add(format!("{name}.weight"), &tensor(weight)?)?;
    set.add(format!("{name}.bias"), &tensor(bias)?)
}

/// Returns name and hash of each file.
fn files(agent: &ForeignAgent) -> Result<Vec<ImportedFile>> {
    let file = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(ImportedFile { name, sha256: disk::hash_part(path)? })
    };
    agent.files.iter().map(file).collect()
}
