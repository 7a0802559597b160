//! What the training loop and the checkpoints ask of an algorithm, whichever it is.

use tch::{Device, Tensor};

use super::replay::Batch;
use crate::error::{Error, Result};
use crate::nn::adam::Adam;
use crate::nn::weights::{Params, non_finite};
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
    /// Fails with [`Error::NonFinite`], naming them, if any are NaN or infinite.
    pub(super) fn check(&self) -> Result<()> {
        let [q1, q2] = self.critics;
        let actor = self.actor.unwrap_or(0.0);
        check_finite(&[("critic.q1", q1), ("critic.q2", q2), ("actor", actor)])
    }
}

/// Fails with [`Error::NonFinite`], naming them, if the losses of networks are NaN or infinite.
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
    /// Name on disk: `actor`, `critic.q1` or `critic.q2`; the slow copy's is `target_name`.
    pub name: &'static str,
    /// The weights that learn.
    pub online: &'l Params,
    /// The weights that follow, where the algorithm has any.
    pub target: Option<&'l Params>,
    /// The optimiser.
    pub adam: &'l Adam,
}

impl Part<'_> {
    /// Fails with [`Error::NonFinite`] if weights, slow copy or the optimiser's moments are NaN or infinite.
    pub(crate) fn check(&self) -> Result<()> {
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
pub(crate) fn target_name(name: &str) -> String {
    match name.split_once('.') {
        Some((kind, which)) => format!("{kind}_target.{which}"),
        None => format!("{name}_target"),
    }
}

/// Returns the weights of networks, slow copies included, by their names on disk.
pub(crate) fn by_name<'l>(parts: &[Part<'l>]) -> Vec<(String, &'l Params)> {
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

    /// Continues the count of updates after the weights were restored, and follows those.
    fn set_updates(&mut self, updates: u64);

    /// Returns actor, first and second critic.
    fn parts(&self) -> [Part<'_>; 3];

    /// Returns the optimisers of [`Self::parts`].
    fn optimisers(&mut self) -> [&mut Adam; 3];
}

/// Draws standard normal numbers `[rows, A]`, row by row.
pub(super) fn normal(noise: &mut Stream, shape: [i64; 2], device: Device) -> Tensor {
    let draws: Vec<f32> = (0..shape[0] * shape[1]).map(|_| noise.normal() as f32).collect();
    Tensor::from_slice(&draws).view(shape).to_device(device)
}
