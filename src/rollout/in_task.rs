//! PEARL's policy in one task, as rollouts see it.
//!
//! The latent is fixed from the first step to the last, as in a trajectory of training: what depends on
//! it alone, a hypernetwork's weights, is computed once.

use tch::Tensor;

use super::policy::{Policy, block, write};
use crate::error::Result;
use crate::nn::pearl::policy::InTasks;

/// PEARL's policy with one latent. It draws its actions, each worth −α log π(a|s, z) beside its reward.
/// Greedily it takes tanh of its mean.
pub struct SoftInTask {
    policy: InTasks,
    temperature: f64,
}

impl SoftInTask {
    /// Makes it of the policy in one task, `T` = 1, and the temperature α in units of reward; 0 makes
    /// returns hard.
    pub fn new(policy: InTasks, temperature: f64) -> Self {
        Self { policy, temperature }
    }
}

/// Rows of a block as those of the one task, `[1, BLOCK, ..]`.
fn of_one_task(rows: &[f64]) -> Result<Tensor> {
    Ok(block(rows, tch::Device::Cpu)?.unsqueeze(0))
}

impl Policy for SoftInTask {
    fn act(&self, obs: &[f64], actions: &mut [f64]) -> Result<()> {
        write(&self.policy.act(&of_one_task(obs)?, None), actions)
    }

    fn before_tanh(&self, obs: &[f64], before: &mut [f64]) -> Result<()> {
        write(
            &tch::no_grad(|| Ok::<_, crate::Error>(self.policy.gaussian(&of_one_task(obs)?).mean))?,
            before,
        )
    }

    fn draws(&self) -> usize {
        self.policy.actions() as usize
    }

    fn follow(
        &self,
        (obs, noise): (&[f64], &[f64]),
        (actions, bonus): (&mut [f64], &mut [f64]),
    ) -> Result<()> {
        let (obs, noise) = (of_one_task(obs)?, of_one_task(noise)?);
        let drawn = tch::no_grad(|| self.policy.gaussian(&obs).draw(&noise));
        write(&drawn.action, actions)?;
        write(&drawn.log_prob, bonus)?;
        for worth in bonus {
            *worth *= -self.temperature;
        }
        Ok(())
    }

    fn share(&self) -> Result<Box<dyn Policy>> {
        Ok(Box::new(Self { policy: self.policy.share(), temperature: self.temperature }))
    }
}
