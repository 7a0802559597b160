//! What the training loop and the checkpoints ask of an algorithm, whichever it is.

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use super::config::TrainConfig;
use super::replay::Batch;
use super::run_config::RunConfig;
use super::sac::Sac;
use super::td3::{Td3, Td3Sources};
use crate::error::{Error, Result};
use crate::nn::actor::Actor;
use crate::nn::adam::Adam;
use crate::nn::critic::QNet;
use crate::nn::policy_net::PolicyNet;
use crate::nn::squashed_gaussian::SquashedGaussian;
use crate::nn::weights::{Draw, Params, Shapes, Source, Training, non_finite};
use crate::rng::Stream;
use crate::rollout::Policy;

/// Losses of one update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Losses {
    /// Mean squared error of each critic.
    pub critics: [f64; 2],
    /// What the actor descends: −mean Q₁(s, π(s)) in TD3, only on delayed updates;
    /// mean(α log π − min(Q₁, Q₂)) in SAC.
    pub actor: Option<f64>,
}

impl Losses {
    /// Checks that all are numbers.
    ///
    /// # Errors
    /// [`Error::NonFinite`] naming those that are none.
    pub fn check(&self) -> Result<()> {
        let [q1, q2] = self.critics;
        let actor = self.actor.unwrap_or(0.0);
        check_finite(&[("critic.q1", q1), ("critic.q2", q2), ("actor", actor)])
    }
}

/// Checks the losses of networks.
///
/// # Errors
/// [`Error::NonFinite`] naming those that are NaN or infinite.
pub(super) fn check_finite(losses: &[(&str, f64)]) -> Result<()> {
    let bad = losses.iter().filter(|(_, loss)| !loss.is_finite());
    let bad: Vec<String> = bad.map(|(name, loss)| format!("{name} {loss}")).collect();
    if bad.is_empty() {
        return Ok(());
    }
    Err(Error::NonFinite(format!("losses are not finite ({})", bad.join(", "))))
}

/// A network that learns, with its slow copy and its optimiser.
#[derive(Clone, Copy)]
pub struct Part<'l> {
    /// Name on disk: `actor`, `critic.q1` or `critic.q2`; the slow copy's is [`target_name`].
    pub name: &'static str,
    /// The weights that learn.
    pub online: &'l Params,
    /// The weights that follow, where the algorithm has any.
    pub target: Option<&'l Params>,
    /// The optimiser.
    pub adam: &'l Adam,
}

impl Part<'_> {
    /// Checks weights, slow copy and the optimiser's moments.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if any of them are NaN or infinite.
    pub fn check(&self) -> Result<()> {
        let weights = self.online.non_finite() + self.target.map_or(0, Params::non_finite);
        let moments: i64 = self.adam.moments().iter().flatten().map(non_finite).sum();
        let (bad, what) = match (weights, moments) {
            (0, 0) => return Ok(()),
            (0, moments) => (moments, "moments"),
            (weights, _) => (weights, "weights"),
        };
        Err(Error::NonFinite(format!("{bad} {what} of {} are NaN or infinite", self.name)))
    }
}

/// Returns the name on disk of a network's slow copy: `critic_target.q1` of `critic.q1`.
pub fn target_name(name: &str) -> String {
    match name.split_once('.') {
        Some((kind, which)) => format!("{kind}_target.{which}"),
        None => format!("{name}_target"),
    }
}

/// Returns the weights of networks, slow copies included, by their names on disk.
pub fn by_name<'l>(parts: &[Part<'l>]) -> Vec<(String, &'l Params)> {
    let mut all = Vec::new();
    for part in parts {
        all.push((part.name.to_owned(), part.online));
        all.extend(part.target.map(|target| (target_name(part.name), target)));
    }
    all
}

/// An agent that learns from minibatches.
pub trait Learner {
    /// One gradient step on a minibatch; whatever it draws comes from `noise`.
    fn learn(&mut self, batch: &Batch, noise: &mut Stream) -> Losses;

    /// Returns an action in `[-1, 1]^A` to explore with; `obs [1, S]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the network refuses its input.
    fn explore(&self, obs: &Tensor, noise: &mut Stream) -> Result<Vec<f64>>;

    /// Returns the policy without noise, as evaluations run it.
    fn greedy(&self) -> &dyn Policy;

    /// Returns the updates made so far.
    fn updates(&self) -> u64;

    /// Continues the count of updates after the weights were restored.
    fn set_updates(&mut self, updates: u64);

    /// Returns actor, first and second critic.
    fn parts(&self) -> [Part<'_>; 3];

    /// Returns the optimisers of [`Self::parts`].
    fn optimisers(&mut self) -> [&mut Adam; 3];
}

/// Makes the agent that a configuration asks for, with new weights of the run's own streams.
///
/// # Errors
/// None in practice: weights that are drawn have the shapes that are asked for.
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
    Ok(if config.is_sac() {
        let rates = config.sac().rates(config.critic, config.env);
        Box::new(Sac::new(config.sac(), critic, rates, [actor, q1, q2], workers)?)
    } else {
        let sources = Td3Sources { actor, q1, q2 };
        let noise = config.exploration_noise();
        Box::new(Td3::new(config.td3(), critic, sources, workers)?.exploring(noise))
    })
}

/// Makes the policy of an agent.
///
/// # Errors
/// Those of the source.
pub fn policy(config: &TrainConfig, source: &mut dyn Source) -> Result<PolicyNet> {
    let (dims, frozen) = (config.dims(), Training::Frozen);
    Ok(if config.is_sac() {
        PolicyNet::SquashedGaussian(SquashedGaussian::new(dims, frozen, source)?)
    } else {
        PolicyNet::Deterministic(Actor::new(dims, frozen, source)?)
    })
}

/// Returns name and shape of every tensor of an agent, slow copies included.
///
/// # Errors
/// Those of the networks.
pub(super) fn tensors(config: &TrainConfig) -> Result<Vec<(String, Vec<i64>)>> {
    let actor = policy(config, &mut Shapes)?;
    let critic = QNet::new(config.critic, config.dims(), Training::Frozen, &mut Shapes)?;
    let mut all = actor.params().shapes("actor");
    if !config.is_sac() {
        all.extend(actor.params().shapes(&target_name("actor")));
    }
    for name in ["critic.q1", "critic.q2"] {
        all.extend(critic.params().shapes(name));
        all.extend(critic.params().shapes(&target_name(name)));
    }
    Ok(all)
}

/// Draws standard normal numbers `[rows, A]`, row by row.
pub(super) fn normal(noise: &mut Stream, shape: [i64; 2], device: Device) -> Tensor {
    let draws: Vec<f32> = (0..shape[0] * shape[1]).map(|_| noise.normal() as f32).collect();
    Tensor::from_slice(&draws).view(shape).to_device(device)
}
