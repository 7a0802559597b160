//! The agent of an off-policy run: whichever algorithm and critic its settings ask for.

use std::sync::Arc;

use tch::{Device, Kind};

use super::config::{Hidden, TrainConfig};
use super::learner::{Learner, target_name};
use super::run_config::{Algo, RunConfig};
use super::sac::Sac;
use super::td3::Td3;
use crate::error::{Error, Result};
use crate::nn::actor::Actor;
use crate::nn::critic::QNet;
use crate::nn::plain::Plain;
use crate::nn::policy_net::PolicyNet;
use crate::nn::script;
use crate::nn::squashed_gaussian::SquashedGaussian;
use crate::nn::weights::{Draw, Shapes, Source, Training};
use crate::rng::Stream;

/// Makes the agent that a configuration asks for, with new weights of the run's own streams.
///
/// # Errors
/// [`Error::Usage`] of an algorithm with other agents.
pub fn make(
    config: &TrainConfig,
    device: Device,
    workers: &Arc<rayon::ThreadPool>,
) -> Result<Box<dyn Learner>> {
    let init = Stream::new(config.seed, "init");
    let [actor, q1, q2] = ["actor", "q1", "q2"].map(|part| init.child(part));
    let [mut actor, mut q1, mut q2] =
        [&actor, &q1, &q2].map(|stream| Draw { stream, kind: Kind::Float, device });
    let (actor, q1, q2) = (&mut actor, &mut q1, &mut q2);
    let (critic, workers) = ((config.critic, config.dims()), Arc::clone(workers));
    let frozen = config.frozen.is_some();
    Ok(match config.algo {
        Algo::Sac => {
            let rates = config.sac().rates(config.critic, config.env);
            let sac = Sac::new(config.sac(), critic, rates, [actor, q1, q2], workers)?;
            Box::new(sac.computing_in(config.precision)?.frozen(frozen))
        }
        Algo::Td3 => {
            let td3 = Td3::new(config.td3(), critic, [actor, q1, q2], workers)?;
            let td3 = td3.computing_in(config.precision)?;
            Box::new(td3.exploring(config.exploration_noise()).frozen(frozen))
        }
        Algo::Maml | Algo::Pearl => return Err(no_agent(config.algo)),
    })
}

/// Makes the policy of an agent.
pub(crate) fn policy(config: &TrainConfig, source: &mut dyn Source) -> Result<PolicyNet> {
    let (dims, frozen) = (config.dims(), Training::Frozen);
    let plain = config.hidden.as_ref().map_or_else(Plain::default, Hidden::actor);
    Ok(match config.algo {
        Algo::Sac => {
            let actor = SquashedGaussian::plain(&plain, dims, frozen, source)?;
            PolicyNet::SquashedGaussian(actor)
        }
        Algo::Td3 => PolicyNet::Deterministic(Actor::plain(&plain, dims, frozen, source)?),
        Algo::Maml | Algo::Pearl => return Err(no_agent(config.algo)),
    })
}

fn no_agent(algo: Algo) -> Error {
    Error::Usage(format!("{algo} has no actor and pair of critics"))
}

/// Makes one critic of an agent.
pub(crate) fn critic(config: &TrainConfig, source: &mut dyn Source) -> Result<QNet> {
    let (dims, frozen) = (config.dims(), Training::Frozen);
    match &config.hidden {
        Some(hidden) => QNet::plain(&hidden.critic(), dims, frozen, source),
        None => QNet::new(config.critic, dims, frozen, source),
    }
}

/// Returns name and shape of every tensor of an agent, slow copies included.
pub(super) fn tensors(config: &TrainConfig) -> Result<Vec<(String, Vec<i64>)>> {
    let (obs, hidden) = (config.dims().obs, config.hidden.as_ref());
    let actor = |name: &str| match hidden.map(Hidden::actor) {
        Some(plain) if plain.script.is_some() => script::shapes(&plain, obs, name),
        _ => Ok(policy(config, &mut Shapes)?.params().shapes(name)),
    };
    let critic = |name: &str| match hidden.map(Hidden::critic) {
        Some(plain) if plain.script.is_some() => script::shapes(&plain, obs, name),
        _ => Ok(critic(config, &mut Shapes)?.params().shapes(name)),
    };
    let mut all = actor("actor")?;
    if !config.is_sac() {
        all.extend(actor(&target_name("actor"))?);
    }
    for name in ["critic.q1", "critic.q2"] {
        all.extend(critic(name)?);
        all.extend(critic(&target_name(name))?);
    }
    Ok(all)
}
