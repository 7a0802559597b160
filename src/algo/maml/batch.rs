//! What the tasks of one update bring along, as tensors.

use tch::Tensor;

use super::advantage::{Baseline, advantages, normalise};
use super::config::MamlConfig;
use super::sample::Episodes;
use crate::error::Result;
use crate::nn::task_net::TaskNet;

/// Steps of one task as tensors.
#[derive(Debug)]
pub struct Rows {
    /// `[N, S]`.
    pub obs: Tensor,
    /// `[N, A]`.
    pub actions: Tensor,
    /// Normalised advantages, `[N]`.
    pub advantages: Tensor,
}

impl Rows {
    /// Takes the steps of episodes, with their advantages over a baseline, normalised within the task.
    pub fn new(episodes: &Episodes, baseline: &Baseline, config: &MamlConfig) -> Self {
        let discount = [config.gamma, config.gae_lambda];
        let mut advantages = advantages(episodes, &baseline.values(episodes), discount);
        normalise(&mut advantages);
        let advantages: Vec<f32> = advantages.into_iter().map(|x| x as f32).collect();
        let steps = episodes.steps() as i64;
        Self {
            obs: Tensor::from_slice(&episodes.obs).view([steps, -1]),
            actions: Tensor::from_slice(&episodes.actions).view([steps, -1]),
            advantages: Tensor::from_slice(&advantages),
        }
    }

    /// Returns the same rows in the same memory.
    #[must_use]
    pub fn share(&self) -> Self {
        Self {
            obs: self.obs.shallow_clone(),
            actions: self.actions.shallow_clone(),
            advantages: self.advantages.shallow_clone(),
        }
    }

    /// Returns the gradient of the adaptation loss −mean(Â log π) in a network's weights.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the loss cannot be read.
    pub fn gradient(&self, net: &TaskNet) -> Result<Vec<Tensor>> {
        let at = net.forward(&self.obs);
        let (_, outputs) = net.policy_loss(&at, &self.actions, &self.advantages)?;
        Ok(net.backward(&at, &outputs))
    }
}

/// The data of one task for an update.
#[derive(Debug)]
pub struct TaskBatch {
    /// Its oracle context.
    pub context: f64,
    /// Steps before adaptation; none where the policy is trained without it.
    pub before: Option<Rows>,
    /// Steps of the policy that is improved.
    pub after: Rows,
}
