//! Episodes of one task, stepped in lockstep under one network.

use tch::Tensor;

use crate::env::{Env, Family, Task};
use crate::error::{Error, Result};
use crate::nn::task_net::TaskNet;
use crate::rng::Stream;

/// Episodes of one task, one after the other.
#[derive(Debug, Clone)]
pub struct Episodes {
    /// Observations as the network saw them, `[N, S]` row by row.
    pub obs: Vec<f32>,
    /// Actions as they were drawn, which may lie outside the box, `[N, A]` row by row.
    pub actions: Vec<f32>,
    /// Rewards of each episode, in order; their lengths add up to `N`.
    pub rewards: Vec<Vec<f64>>,
}

/// One episode that goes on.
struct Running {
    env: Box<dyn Env>,
    noise: Stream,
    obs: Vec<f32>,
    actions: Vec<f32>,
    rewards: Vec<f64>,
    over: bool,
}

/// Runs `episodes` episodes of a task, whose initial states and actions are drawn from children of
/// `stream`, one for each episode.
///
/// Actions are drawn from the network's Gaussian and clipped to the box for the environment, whose costs
/// see the clipped ones (authors' wrapper). All rows are computed at each step, those of finished episodes
/// too, so that a row's numbers depend on its episode alone.
///
/// # Errors
/// [`Error::Physics`] if the simulator becomes unstable; [`Error::NonFinite`] if the policy gives NaN or
/// infinity.
pub fn collect(
    (family, task): (Family, Task),
    net: &TaskNet,
    episodes: usize,
    stream: &Stream,
) -> Result<Episodes> {
    let [obs_dim, action_dim] = [family.spec().obs_dim, family.spec().action_dim];
    let mut running = (0..episodes)
        .map(|episode| {
            let stream = stream.child(&episode.to_string());
            let mut env = family.make(task)?;
            env.reset(&mut stream.child("reset"))?;
            let (obs, actions, rewards) = (Vec::new(), Vec::new(), Vec::new());
            Ok(Running { env, noise: stream.child("act"), obs, actions, rewards, over: false })
        })
        .collect::<Result<Vec<_>>>()?;
    let std = tch::no_grad(|| Vec::<f32>::try_from(net.log_std().exp()))?;
    let mut rows = vec![0.0f32; episodes * obs_dim];
    let mut means = vec![0.0f32; episodes * action_dim];
    let mut action = vec![0.0; action_dim];
    while running.iter().any(|episode| !episode.over) {
        for (row, episode) in rows.chunks_exact_mut(obs_dim).zip(&running) {
            row.iter_mut().zip(episode.env.obs()).for_each(|(to, from)| *to = *from as f32);
        }
        let obs = Tensor::from_slice(&rows).view([episodes as i64, obs_dim as i64]);
        let mean = tch::no_grad(|| net.mean(&obs));
        mean.f_copy_data(&mut means, episodes * action_dim)?;
        let both = rows.chunks_exact(obs_dim).zip(means.chunks_exact(action_dim));
        for ((row, mean), episode) in both.zip(&mut running).filter(|(_, e)| !e.over) {
            episode.obs.extend_from_slice(row);
            for ((to, mean), std) in action.iter_mut().zip(mean).zip(&std) {
                let drawn = mean + std * episode.noise.normal() as f32;
                if !drawn.is_finite() {
                    let task = task.0;
                    let reason = format!("the policy returned {drawn} in {family} (task {task})");
                    return Err(Error::NonFinite(reason));
                }
                episode.actions.push(drawn);
                *to = f64::from(drawn).clamp(-1.0, 1.0);
            }
            let step = episode.env.step(&action)?;
            episode.rewards.push(step.reward);
            episode.over = step.terminated || step.truncated;
        }
    }
    let mut all = Episodes { obs: Vec::new(), actions: Vec::new(), rewards: Vec::new() };
    for episode in running {
        all.obs.extend(episode.obs);
        all.actions.extend(episode.actions);
        all.rewards.push(episode.rewards);
    }
    Ok(all)
}

impl Episodes {
    /// Returns the mean over episodes of the undiscounted return.
    pub fn mean_return(&self) -> f64 {
        let total: f64 = self.rewards.iter().flatten().sum();
        total / self.rewards.len() as f64
    }

    /// Returns the number `N` of steps.
    pub fn steps(&self) -> usize {
        self.rewards.iter().map(Vec::len).sum()
    }
}
