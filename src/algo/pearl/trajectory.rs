//! A trajectory of one task, and many run in lockstep.
//!
//! Each trajectory has a stream of its own, from which its initial state and its actions are drawn, and
//! keeps one latent vector from its first step to its last. One forward pass computes the actions of all
//! that are under way, the workers step the physics. Letters: `N` trajectories, `T` steps, `S`, `A`, `Z`.

use tch::{Device, Tensor};

use super::agent::PearlAgent;
use crate::algo::learner::normal;
use crate::algo::replay::Transition;
use crate::env::{Family, Lockstep, Task};
use crate::error::{Error, Result};
use crate::nn::context::{LATENT, Posterior};
use crate::nn::critic::Dims;
use crate::nn::pearl::policy::InTasks;
use crate::rng::Stream;

/// Most trajectories under way at once: each has a simulation of its own.
/// How many there are changes the size of products and with it their rounding, so this is no matter of the
/// machine.
const SLOTS: usize = 64;

/// The observations, actions and rewards of one trajectory.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    dims: Dims,
    /// What was seen before each step and after the last one, `[T + 1, S]` row by row.
    obs: Vec<f64>,
    /// `[T, A]` row by row.
    actions: Vec<f64>,
    rewards: Vec<f64>,
    /// Its last step led into an absorbing state.
    terminated: bool,
}

/// Whether the last transition of a trajectory that terminated is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is kept.
    Kept,
    /// It is lost, as in the authors' code, which therefore never sees a terminal transition.
    Lost,
}

/// A trajectory that is to be run.
#[derive(Debug, Clone)]
pub struct Start {
    /// The task.
    pub task: Task,
    /// The latent vector `[Z]`.
    pub z: Vec<f32>,
    /// Where it draws from.
    pub stream: Stream,
}

/// How actions are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acting {
    /// Drawn from the policy.
    Drawn,
    /// tanh of the policy's mean.
    Greedy,
}

/// An agent in the tasks of a family.
#[derive(Clone, Copy)]
pub struct Player<'p> {
    /// The agent.
    pub agent: &'p PearlAgent,
    /// The family of the tasks.
    pub family: Family,
    /// Steps after which a trajectory ends.
    pub horizon: usize,
    /// The workers that step the physics.
    pub workers: &'p rayon::ThreadPool,
}

impl Start {
    /// Starts a trajectory whose z is drawn from the belief about its task: the prior or a posterior.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if z is NaN or infinite; [`Error::Torch`] if it cannot be read.
    pub fn new(task: Task, belief: &Posterior, stream: Stream) -> Result<Self> {
        let noise = normal(&mut stream.child("z"), [1, LATENT], Device::Cpu);
        let z = Vec::<f32>::try_from(belief.sample(&noise).detach().flatten(0, 1))?;
        if !z.iter().all(|x| x.is_finite()) {
            return Err(Error::NonFinite("the encoder returned NaN or infinity".into()));
        }
        Ok(Self { task, z, stream })
    }
}

impl Trajectory {
    /// Starts with what is seen first, `[S]`.
    pub fn new(dims: Dims, first: &[f64]) -> Self {
        let (obs, actions, rewards) = (first.to_vec(), Vec::new(), Vec::new());
        Self { dims, obs, actions, rewards, terminated: false }
    }

    /// Adds a step: the action `[A]`, its reward, what is seen then `[S]`, and whether that is absorbing.
    pub fn push(&mut self, action: &[f64], reward: f64, next_obs: &[f64], terminated: bool) {
        self.actions.extend_from_slice(action);
        self.rewards.push(reward);
        self.obs.extend_from_slice(next_obs);
        self.terminated = terminated;
    }

    /// Returns the number `T` of steps.
    pub fn steps(&self) -> usize {
        self.rewards.len()
    }

    /// Returns the undiscounted return.
    pub fn total(&self) -> f64 {
        self.rewards.iter().sum()
    }

    /// Iterates over the transitions in their order.
    pub fn transitions(&self, ending: Ending) -> impl Iterator<Item = Transition<'_>> {
        let Dims { obs, action } = self.dims;
        let (s, a) = (obs as usize, action as usize);
        let lost = usize::from(self.terminated && ending == Ending::Lost);
        (0..self.steps() - lost).map(move |t| Transition {
            obs: &self.obs[t * s..(t + 1) * s],
            action: &self.actions[t * a..(t + 1) * a],
            next_obs: &self.obs[(t + 1) * s..(t + 2) * s],
            reward: self.rewards[t],
            terminated: self.terminated && t + 1 == self.steps(),
        })
    }
}

impl Player<'_> {
    /// Returns the sizes of observations and actions.
    pub fn dims(&self) -> Dims {
        Dims::of(self.family.spec())
    }

    /// Runs trajectories, each until its episode ends; returns them in the same order.
    ///
    /// # Errors
    /// [`Error::Physics`] if the simulator becomes unstable; [`Error::NonFinite`] if the policy gives NaN.
    pub fn run(&self, starts: &[Start], acting: Acting) -> Result<Vec<Trajectory>> {
        let mut all = Vec::new();
        for some in starts.chunks(SLOTS) {
            all.extend(self.run_some(some, acting)?);
        }
        Ok(all)
    }

    /// Runs trajectories side by side. All rows are computed at each step, those of finished ones too, so
    /// that products keep their size, and numbers the rounding that comes with it.
    fn run_some(&self, starts: &[Start], acting: Acting) -> Result<Vec<Trajectory>> {
        let rows = starts.len();
        let spec = self.family.spec();
        let dims = self.dims();
        let mut tasks = starts.iter().map(|start| start.task);
        let mut envs = Lockstep::new(rows, || {
            self.family.make(tasks.next().expect("one task for each slot"))
        })?;
        let mut resets: Vec<Stream> = starts.iter().map(|s| s.stream.child("reset")).collect();
        envs.reset_all(&mut resets)?;
        let mut noise: Vec<Stream> = starts.iter().map(|s| s.stream.child("act")).collect();
        let z: Vec<f32> = starts.iter().flat_map(|start| start.z.iter().copied()).collect();
        let z = Tensor::from_slice(&z).view([rows as i64, -1]);
        let policy = self.agent.policy_in(&z);

        let mut obs = vec![0.0f32; rows * spec.obs_dim];
        let mut steps: Vec<_> = (0..rows).map(|_| None).collect();
        let mut active = vec![true; rows];
        envs.observe_into(&mut obs);
        let mut all: Vec<Trajectory> = obs
            .chunks_exact(spec.obs_dim)
            .map(|row| Trajectory::new(dims, &doubles(row)))
            .collect();
        while active.contains(&true) {
            let actions = self.actions(&obs, &policy, (acting, &mut noise), &active)?;
            self.workers.install(|| envs.step(&actions, &active, &mut steps));
            envs.observe_into(&mut obs);
            for (row, trajectory) in all.iter_mut().enumerate() {
                let Some(step) = steps[row].take() else { continue };
                let step = step?;
                let action = &actions[row * spec.action_dim..][..spec.action_dim];
                let next_obs = doubles(&obs[row * spec.obs_dim..][..spec.obs_dim]);
                trajectory.push(action, step.reward, &next_obs, step.terminated);
                let over = step.terminated || step.truncated;
                active[row] = !over && trajectory.steps() < self.horizon;
            }
        }
        Ok(all)
    }

    /// Returns the actions `[N, A]` for observations `[N, S]`; those of trajectories that ended mean nothing.
    fn actions(
        &self,
        obs: &[f32],
        policy: &InTasks,
        (acting, streams): (Acting, &mut [Stream]),
        active: &[bool],
    ) -> Result<Vec<f64>> {
        let [rows, width] = [active.len(), self.family.spec().action_dim];
        let obs = Tensor::from_slice(obs).view([rows as i64, 1, -1]);
        let noise = (acting == Acting::Drawn).then(|| {
            let mut noise = vec![0.0f32; rows * width];
            let own = noise.chunks_exact_mut(width).zip(streams).zip(active);
            for ((row, stream), _) in own.filter(|(_, active)| **active) {
                row.fill_with(|| stream.normal() as f32);
            }
            Tensor::from_slice(&noise).view([rows as i64, 1, width as i64])
        });
        let action = policy.act(&obs, noise.as_ref());
        let mut actions = vec![0.0f32; rows * width];
        action.f_copy_data(&mut actions, rows * width)?;
        if actions.iter().any(|a| a.is_nan()) {
            return Err(Error::NonFinite(format!("the policy returned NaN in {}", self.family)));
        }
        Ok(doubles(&actions))
    }
}

/// Widens numbers, which loses nothing.
fn doubles(row: &[f32]) -> Vec<f64> {
    row.iter().map(|&x| f64::from(x)).collect()
}
