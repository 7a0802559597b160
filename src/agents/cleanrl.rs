//! Agents of `CleanRL`: a `.cleanrl_model` holds the state dicts of actor and critics, one after the other. TD3 and SAC
//! have two critics, DDPG one.

use std::path::Path;

use super::foreign::{Actor, Critics, ForeignAgent};
use super::state_dict::{Layer, StateDict};
use crate::algo::Algo;
use crate::pickled::pickle_code::Read;
use crate::pickled::tensor::Tensor;

/// Bounds of SAC's log σ, which a tanh keeps (`LOG_STD_MIN` and `LOG_STD_MAX`).
const LOG_STD: [f64; 2] = [-5.0, 2.0];

/// Returns whether a path names such a file.
pub(super) fn is_one(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|extension| extension == "cleanrl_model")
}

/// Reads an agent. Neither γ nor the steps are in it, nor slow copies.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Read<ForeignAgent> {
    let mut networks = StateDict::all(bytes)?.into_iter();
    let (actor, bounds) = networks.next().ok_or("it holds no networks")?.take_all(actor)?;
    let critics = networks.map(|state| state.take_all(critic));
    let mut critics = critics.collect::<Read<Vec<_>>>()?.into_iter();
    let (critics, one_critic) = match (critics.next(), critics.next(), critics.next()) {
        (Some(first), Some(second), None) => (Critics([first, second]), false),
        (Some(only), None, None) => (Critics::single(only), true),
        _ => return Err("after the actor there is neither one critic nor two".into()),
    };
    let sac = actor.log_std.is_some();
    let (tool, algo) = match (sac, one_critic) {
        (true, false) => ("CleanRL SAC", Algo::Sac),
        (false, false) => ("CleanRL TD3", Algo::Td3),
        (false, true) => ("CleanRL DDPG", Algo::Td3),
        (true, true) => return Err("an agent of SAC with one critic".into()),
    };
    let agent = ForeignAgent::new(tool, algo, actor, critics, vec![path.to_owned()]);
    let tanh_log_std = sac.then_some(LOG_STD);
    Ok(ForeignAgent { one_critic, bounds: Some(bounds), tanh_log_std, ..agent })
}

/// Takes the actor and the bounds of its actions.
fn actor(state: &mut StateDict) -> Read<(Actor, Vec<[f64; 2]>)> {
    let sac = state.has("fc_logstd.weight");
    let hidden = two(state)?;
    let mean = state.layer(if sac { "fc_mean" } else { "fc_mu" })?;
    let log_std = sac.then(|| state.layer("fc_logstd")).transpose()?;
    let bounds = bounds(&state.take("action_scale")?, &state.take("action_bias")?)?;
    Ok((Actor { hidden, mean, log_std }, bounds))
}

fn critic(state: &mut StateDict) -> Read<Vec<Layer>> {
    let mut layers = two(state)?;
    layers.push(state.layer("fc3")?);
    Ok(layers)
}

fn two(state: &mut StateDict) -> Read<Vec<Layer>> {
    Ok(vec![state.layer("fc1")?, state.layer("fc2")?])
}

/// Returns lowest and highest action of each coordinate.
pub(super) fn bounds(scale: &Tensor, middle: &Tensor) -> Read<Vec<[f64; 2]>> {
    let (scale, middle) = (&scale.numbers, &middle.numbers);
    if scale.len() != middle.len() {
        let (scales, middles) = (scale.len(), middle.len());
        return Err(format!("its actions have {scales} scales and {middles} middles"));
    }
    let bound = |(scale, middle): (&f32, &f32)| [middle - scale, middle + scale].map(f64::from);
    Ok(scale.iter().zip(middle).map(bound).collect())
}
