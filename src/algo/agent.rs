//! The agent of an off-policy run: whichever algorithm and critic its settings ask for.

use std::sync::Arc;

use tch::{Device, Kind};

use super::Algo;
use super::config::{Hidden, TrainConfig};
use super::learner::{Learner, target_name};
use super::method::Design;
use super::run_config::RunConfig;
use crate::error::Result;
use crate::nn::critic::QNet;
use crate::nn::plain::Plain;
use crate::nn::policy_net::PolicyNet;
use crate::nn::script;
use crate::nn::weights::{Draw, Shapes, Source, Training};
use crate::rng::Stream;

/// Makes the agent that a configuration asks for, with new weights of the run's own streams.
///
/// # Errors
/// [`Error::Usage`](crate::Error::Usage) of an algorithm with other agents.
pub fn make(
    config: &TrainConfig,
    device: Device,
    workers: &Arc<rayon::ThreadPool>,
) -> Result<Box<dyn Learner>> {
    config.algo.expect(&Algo::OFF_POLICY)?;
    let init = Stream::new(config.seed, "init");
    let [actor, q1, q2] = ["actor", "q1", "q2"].map(|part| init.child(part));
    let [mut actor, mut q1, mut q2] =
        [&actor, &q1, &q2].map(|stream| Draw { stream, kind: Kind::Float, device });
    let (actor, q1, q2) = (&mut actor, &mut q1, &mut q2);
    let design = Design {
        critic: config.critic,
        dims: config.dims(),
        env: config.env,
        precision: config.precision,
        exploration_noise: config.exploration_noise(),
        frozen: config.frozen.is_some(),
        workers: Arc::clone(workers),
    };
    config.method().agent(design, [actor, q1, q2])
}

/// Makes the policy of an agent.
pub(crate) fn policy(config: &TrainConfig, source: &mut dyn Source) -> Result<PolicyNet> {
    let plain = config.hidden.as_ref().map_or_else(Plain::default, Hidden::actor);
    config.method().policy(&plain, config.dims(), source)
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
    if config.method().has_slow_actor() {
        all.extend(actor(&target_name("actor"))?);
    }
    for name in ["critic.q1", "critic.q2"] {
        all.extend(critic(name)?);
        all.extend(critic(&target_name(name))?);
    }
    Ok(all)
}
