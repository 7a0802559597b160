//! Agents of Stable-Baselines3: SAC, TD3 and DDPG of any version, TQC and `CrossQ` of its sb3-contrib.
//!
//! A zip archive of `data` (JSON; what is no plain data stands in it as a pickle in base64 and as text),
//! `policy.pth` (the state dict of all networks) and `pytorch_variables.pth` (the temperature of SAC).

use std::path::Path;

use serde::Deserialize;

use super::foreign::{Actor, Critics, ForeignAgent};
use super::modules::activation_of;
use super::renorm;
use super::state_dict::StateDict;
use crate::algo::Algo;
use crate::nn::plain::Activation;
use crate::pickled::archive::Archive;
use crate::pickled::pickle_code::Read;

/// What is read of `data`; all else is ignored.
#[derive(Deserialize)]
struct Data {
    gamma: Option<f64>,
    num_timesteps: Option<u64>,
    #[serde(rename = "_n_updates")]
    updates: Option<u64>,
    seed: Option<u64>,
    #[serde(default)]
    use_sde: bool,
    policy_delay: Option<u64>,
    target_noise_clip: Option<f64>,
    policy_class: Option<Class>,
    policy_kwargs: Option<Keywords>,
    action_space: Option<Space>,
}

/// A class that is named.
#[derive(Deserialize)]
struct Class {
    #[serde(rename = "__module__")]
    module: Option<String>,
}

/// What the policy was made with.
#[derive(Deserialize)]
struct Keywords {
    activation_fn: Option<String>,
    features_extractor_class: Option<String>,
    batch_norm_eps: Option<f64>,
}

/// What `CrossQ` adds to a variance if nothing else is said.
const EPS: f64 = 0.001;

/// A box of actions; its bounds as `numpy` prints them.
#[derive(Deserialize)]
struct Space {
    low: Option<String>,
    high: Option<String>,
}

/// Returns whether an archive is one of Stable-Baselines3.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    let names = Archive::open(bytes).and_then(|archive| archive.names());
    names.is_ok_and(|names| names.iter().any(|name| name == "policy.pth"))
}

/// Reads an agent.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Read<ForeignAgent> {
    let mut archive = Archive::open(bytes)?;
    let data = archive.read("data")?;
    let data: Data = serde_json::from_slice(&data).map_err(|e| format!("data: {e}"))?;
    let in_file = |file: &'static str| move |e: String| format!("{file}: {e}");
    let policy = StateDict::read(&archive.read("policy.pth")?).map_err(in_file("policy.pth"))?;
    let kind = Kind::of(&data, &policy)?;
    let activation = data.activation()?;
    let one_critic = !["0", "1"].iter().any(|i| policy.has(&format!("critic.qf1.{i}.weight")));
    let (mut tool, algo) = kind.names();
    // DDPG is kept as a TD3 of one critic, without its delay and its noise.
    if one_critic && data.policy_delay == Some(1) && data.target_noise_clip == Some(0.0) {
        tool = "Stable-Baselines3 DDPG";
    }
    let alpha = if algo == Algo::Sac { Some(temperature(&mut archive)?) } else { None };
    let eps = data.policy_kwargs.as_ref().and_then(|k| k.batch_norm_eps).unwrap_or(EPS);
    let critics = |policy: &mut StateDict, name: &str| critics(policy, name, kind, one_critic, eps);
    let networks = policy.take_all(|policy| {
        let online = (actor(policy, "actor", eps)?, critics(policy, "critic")?);
        let slow = (algo == Algo::Td3).then(|| actor(policy, "actor_target", eps)).transpose()?;
        // The one that has none.
        let slow_critics = (kind != Kind::CrossQ).then(|| critics(policy, "critic_target"));
        Ok((online, (slow, slow_critics.transpose()?)))
    });
    let ((actor, critics), (actor_target, critic_targets)) =
        networks.map_err(in_file("policy.pth"))?;
    let bounds = data.action_space.as_ref().map(Space::bounds).transpose()?.flatten();
    let actions = actor.mean.outputs();
    if let Some(found) = bounds.as_ref().map(Vec::len).filter(|found| *found != actions) {
        return Err(format!("its action space has {found} numbers, its actor gives {actions}"));
    }
    Ok(ForeignAgent {
        mean_of_critics: kind == Kind::Tqc,
        one_critic,
        activation,
        actor_target,
        critic_targets,
        gamma: data.gamma,
        alpha,
        steps: data.num_timesteps,
        updates: data.updates,
        seed: data.seed,
        unit_actions: true,
        bounds,
        ..ForeignAgent::new(tool, algo, actor, critics, vec![path.to_owned()])
    })
}

/// The algorithms whose agents are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sac,
    Td3,
    /// Each critic gives quantiles of its value. Their mean is what counts, and what the actor climbs is the mean of
    /// both critics; else it is SAC.
    Tqc,
    /// Without slow copies; a normalisation stands before each layer.
    CrossQ,
}

impl Kind {
    /// Returns the algorithm that the file names, or else the one that its networks show.
    fn of(data: &Data, policy: &StateDict) -> Read<Self> {
        match data.policy_class.as_ref().and_then(|class| class.module.as_deref()) {
            Some("stable_baselines3.sac.policies") => Ok(Self::Sac),
            Some("stable_baselines3.td3.policies") => Ok(Self::Td3),
            Some("sb3_contrib.tqc.policies") => Ok(Self::Tqc),
            Some("sb3_contrib.crossq.policies") => Ok(Self::CrossQ),
            Some(other) => {
                Err(format!("an agent of {other}; SAC, TD3, DDPG, TQC and CrossQ can be read"))
            }
            None if policy.has("actor.log_std.weight") => Ok(Self::Sac),
            None if policy.has("actor.mu.0.weight") => Ok(Self::Td3),
            None => Err("an agent that is neither of SAC nor of TD3".into()),
        }
    }

    fn names(self) -> (&'static str, Algo) {
        match self {
            Self::Sac => ("Stable-Baselines3 SAC", Algo::Sac),
            Self::Td3 => ("Stable-Baselines3 TD3", Algo::Td3),
            Self::Tqc => ("TQC of sb3-contrib", Algo::Sac),
            Self::CrossQ => ("CrossQ of sb3-contrib", Algo::Sac),
        }
    }
}

impl Data {
    /// Returns the activation; checks that nothing else changes what the networks compute.
    fn activation(&self) -> Read<Activation> {
        if self.use_sde {
            return Err("it explores by state-dependent noise (use_sde), which is not read".into());
        }
        let Some(keywords) = &self.policy_kwargs else { return Ok(Activation::Relu) };
        let plain = "<class 'stable_baselines3.common.torch_layers.FlattenExtractor'>";
        if let Some(extractor) =
            keywords.features_extractor_class.as_deref().filter(|e| *e != plain)
        {
            return Err(format!("it sees observations through {extractor}, which is not read"));
        }
        let Some(activation) = &keywords.activation_fn else { return Ok(Activation::Relu) };
        let class = activation.strip_prefix("<class 'torch.nn.").and_then(|c| c.strip_suffix("'>"));
        class
            .and_then(|class| class.rsplit('.').next())
            .and_then(activation_of)
            .ok_or_else(|| format!("its activation is {activation}, which is not known"))
    }
}

impl Space {
    /// Returns lowest and highest action, where the text says them.
    fn bounds(&self) -> Read<Option<Vec<[f64; 2]>>> {
        let (Some(low), Some(high)) = (&self.low, &self.high) else { return Ok(None) };
        let numbers = |text: &str| {
            let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
            let numbers = inner.split_whitespace().map(|number| number.parse().ok());
            let numbers: Option<Vec<f64>> = numbers.collect();
            numbers.ok_or_else(|| format!("its action space is {text}"))
        };
        let (low, high) = (numbers(low)?, numbers(high)?);
        if low.len() != high.len() {
            return Err(format!("its action space has {} and {} bounds", low.len(), high.len()));
        }
        Ok(Some(low.into_iter().zip(high).map(|(low, high)| [low, high]).collect()))
    }
}

/// Reads the temperature: its logarithm where it was learnt, else the number itself.
fn temperature(archive: &mut Archive) -> Read<f64> {
    let names = archive.names()?;
    // Before version 1.0 it was called `tensors.pth`.
    let mut files = ["pytorch_variables.pth", "tensors.pth"].into_iter();
    let file = files.find(|file| names.iter().any(|name| name == file));
    let file = file.ok_or("its temperature is missing: there is no pytorch_variables.pth")?;
    let number = |mut variables: StateDict| {
        if variables.has("log_ent_coef") {
            return variables.number("log_ent_coef").map(f64::exp);
        }
        variables.number("ent_coef_tensor")
    };
    let variables = archive.read(file)?;
    StateDict::read(&variables).and_then(number).map_err(|e| format!("{file}: {e}"))
}

fn actor(policy: &mut StateDict, name: &str, eps: f64) -> Read<Actor> {
    if policy.has(&format!("{name}.log_std.weight")) {
        let (hidden, last) = renorm::sequential(policy, &format!("{name}.latent_pi."), eps)?;
        let mut head = |head: &str| {
            let layer = policy.layer(&format!("{name}.{head}"))?;
            last.as_ref().map_or(Ok(layer.clone()), |last| last.before(&layer))
        };
        return Ok(Actor { hidden, mean: head("mu")?, log_std: Some(head("log_std")?) });
    }
    let mut hidden = policy.sequential(&format!("{name}.mu."))?;
    let mean = hidden.pop().ok_or("an actor without layers")?;
    Ok(Actor { hidden, mean, log_std: None })
}

fn critics(
    policy: &mut StateDict,
    name: &str,
    kind: Kind,
    single: bool,
    eps: f64,
) -> Read<Critics> {
    let mut critic = |i: usize| {
        let (mut layers, after) = renorm::sequential(policy, &format!("{name}.qf{i}."), eps)?;
        if after.is_some() {
            return Err(format!("{name}.qf{i} ends with a normalisation"));
        }
        let Some(last) = layers.last_mut() else { return Ok(layers) };
        let (outputs, tool) = (last.outputs(), kind.names().0);
        match kind {
            Kind::Tqc if outputs == 1 => {
                return Err(format!(
                    "{name}.qf{i} gives one number, critics of {tool} give quantiles"
                ));
            }
            // The mean of outputs of a linear layer is one output of another.
            Kind::Tqc => *last = last.mean_of_outputs(),
            Kind::Sac | Kind::Td3 | Kind::CrossQ if outputs != 1 => {
                return Err(format!(
                    "{name}.qf{i} gives {outputs} numbers, critics of {tool} give one"
                ));
            }
            Kind::Sac | Kind::Td3 | Kind::CrossQ => {}
        }
        Ok::<_, String>(layers)
    };
    if single {
        return critic(0).map(Critics::single);
    }
    Ok(Critics([critic(0)?, critic(1)?]))
}
