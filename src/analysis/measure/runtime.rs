//! How long the work takes on this machine: training, environment steps, rollouts, an evaluation.
//!
//! These numbers depend on the machine and its load; they are reported, never tested. The physics
//! of a step costs more or less with what the robot does, so simulators are driven by uniformly
//! random actions throughout, as those of `MuJoCo`'s own rollout are in the comparison
//! (`benches/peers`); where a policy belongs to the work, its network runs and its choice is
//! replaced.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use tch::{Device, Kind, Tensor};

use crate::algo::config::{Algo, TrainConfig};
use crate::algo::off_policy::{Event, OffPolicy};
use crate::algo::replay::{Replay, Transition};
use crate::algo::td3::{Td3, Td3Sources};
use crate::env::{EnvId, Lockstep, Snapshot};
use crate::error::Result;
use crate::nn::actor::Actor;
use crate::nn::critic::CriticKind;
use crate::nn::weights::{Draw, Reuse, Training};
use crate::rng::Stream;
use crate::rollout::{Job, Policy, Rollouts};

/// States of one evaluation, and first actions tried in each.
const STATES: usize = 15;

/// Simulators that are stepped together: 15 states × 15 rollouts.
pub const SLOTS: usize = STATES * STATES;

/// Steps of a rollout of an evaluation: 0.99⁶⁸⁸ = 0.001 of a reward is cut off.
const HORIZON: u32 = 688;

/// Steps of a rollout where only the rate is of interest.
const SHORT: u32 = 50;

/// One timed figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timing {
    /// `train-step`, `train-loop`, `env-steps`, `rollout-steps` or `evaluation`.
    pub what: &'static str,
    /// The algorithm, for training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algo: Option<&'static str>,
    /// The critic, for training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<&'static str>,
    /// The environment.
    pub env: &'static str,
    /// Worker threads.
    pub threads: usize,
    /// Median of the samples.
    pub median: f64,
    /// Smallest sample.
    pub min: f64,
    /// Largest sample.
    pub max: f64,
    /// `ms` per step, steps per second `1/s`, or `s` per evaluation.
    pub unit: &'static str,
}

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// A rough figure in seconds.
    Quick,
    /// Enough for a table.
    Full,
}

impl Effort {
    fn samples(self) -> usize {
        match self {
            Self::Quick => 3,
            Self::Full => 7,
        }
    }

    fn seconds(self) -> f64 {
        match self {
            Self::Quick => 0.3,
            Self::Full => 2.0,
        }
    }
}

/// Repeats `work` (which returns the units it did) and returns seconds per unit of each sample.
fn sample(effort: Effort, mut work: impl FnMut() -> Result<f64>) -> Result<Vec<f64>> {
    work()?;
    let mut samples = Vec::new();
    for _ in 0..effort.samples() {
        let started = Instant::now();
        let mut units = 0.0;
        while started.elapsed().as_secs_f64() < effort.seconds() {
            units += work()?;
        }
        samples.push(started.elapsed().as_secs_f64() / units);
    }
    samples.sort_by(f64::total_cmp);
    Ok(samples)
}

/// Times one TD3 update on random data (§2.1), sampling of the batch included.
///
/// # Errors
/// Those of building the networks.
pub fn train_step(
    critic: CriticKind,
    env: EnvId,
    workers: &Arc<rayon::ThreadPool>,
    effort: Effort,
) -> Result<Timing> {
    let config = TrainConfig { env, critic, ..TrainConfig::default() }.resolved()?;
    let stream = Stream::new(0, "runtime");
    let parts = ["actor", "q1", "q2"].map(|part| stream.child(part));
    let [mut actor, mut q1, mut q2] =
        parts.each_ref().map(|stream| Draw { stream, kind: Kind::Float, device: Device::Cpu });
    let sources = Td3Sources { actor: &mut actor, q1: &mut q1, q2: &mut q2 };
    let dims = config.dims();
    let mut td3 = Td3::new(config.td3.clone(), (critic, dims), sources, Arc::clone(workers))?;
    let mut draws = stream.child("data");
    let mut replay = Replay::new(dims, 20_000);
    for _ in 0..20_000 {
        let mut vector = |n: i64| (0..n).map(|_| draws.normal()).collect::<Vec<f64>>();
        let (obs, next_obs) = (vector(dims.obs), vector(dims.obs));
        let action: Vec<f64> = vector(dims.action).iter().map(|a| a.clamp(-1.0, 1.0)).collect();
        let (obs, action, next_obs) = (&obs[..], &action[..], &next_obs[..]);
        replay.push(Transition { obs, action, next_obs, reward: 0.0, terminated: false });
    }
    let rows = config.batch;
    let times = sample(effort, || {
        // An even number: the actor moves every second time.
        for _ in 0..2 {
            let batch = replay.sample(rows, Device::Cpu, &mut draws);
            let noise: Vec<f32> =
                (0..rows as i64 * dims.action).map(|_| draws.normal() as f32).collect();
            td3.update(&batch, &Tensor::from_slice(&noise).view([rows as i64, dims.action]));
        }
        Ok(2.0)
    })?;
    let timing = per_unit("train-step", env, workers, &times);
    Ok(timing.of(critic).in_milliseconds())
}

/// Times the whole loop of TD3: explore, step the environment, store, sample, update.
///
/// # Errors
/// Those of making environment and networks.
pub fn train_loop(
    critic: CriticKind,
    env: EnvId,
    workers: &Arc<rayon::ThreadPool>,
    effort: Effort,
) -> Result<Timing> {
    let config = TrainConfig {
        env,
        critic,
        warmup_steps: 1_000,
        evaluation_episodes: 1,
        evaluate_every: u64::MAX,
        checkpoint_every: u64::MAX,
        steps: u64::MAX,
        ..TrainConfig::default()
    };
    let warmup = config.warmup_steps;
    let mut training = OffPolicy::new(config.resolved()?, Device::Cpu, Arc::clone(workers))?;
    let mut advance = |steps: u64| -> Result<f64> {
        let mut made = 0;
        while made < steps {
            made += u64::from(matches!(training.next().transpose()?, Some(Event::Stepped { .. })));
        }
        Ok(steps as f64)
    };
    advance(warmup)?;
    let times = sample(effort, || advance(20))?;
    Ok(rate("train-loop", env, workers, &times).of(critic))
}

/// Times physics, observation and reward of [`SLOTS`] simulators under random actions.
///
/// # Errors
/// Those of making the environment.
pub fn env_steps(env: EnvId, workers: &rayon::ThreadPool, effort: Effort) -> Result<Timing> {
    let stream = Stream::new(0, "runtime");
    let mut lockstep = Lockstep::new(SLOTS, || env.make())?;
    let mut resets: Vec<Stream> = (0..SLOTS).map(|i| stream.child(&i.to_string())).collect();
    let mut draws = stream.child("actions");
    let mut actions = vec![0.0; SLOTS * env.spec().action_dim];
    let active = [true; SLOTS];
    let mut steps = Vec::new();
    steps.resize_with(SLOTS, || None);
    let times = sample(effort, || {
        workers.install(|| lockstep.reset_all(&mut resets));
        for _ in 0..SHORT {
            for action in &mut actions {
                *action = draws.uniform(-1.0, 1.0);
            }
            workers.install(|| lockstep.step(&actions, &active, &mut steps));
        }
        Ok(f64::from(SHORT) * SLOTS as f64)
    })?;
    Ok(rate("env-steps", env, workers, &times))
}

/// Times short rollouts: policy, physics, observation and reward.
///
/// # Errors
/// Those of making environment and network.
pub fn rollout_steps(env: EnvId, workers: &rayon::ThreadPool, effort: Effort) -> Result<Timing> {
    let (starts, _) = starts(env)?;
    let jobs =
        [Job { start: &starts[0], first_action: None, max_steps: SHORT, noise: None }; SLOTS];
    let steps = rollouts(env, workers, &jobs)?;
    Ok(rate("rollout-steps", env, workers, &sample(effort, steps)?))
}

/// Times the rollouts of one evaluation as in the paper: 15 first actions in each of 15 states, then
/// the policy for the rest of 688 steps.
///
/// Rollouts that fall are shorter; the time is that of as many steps as if none did.
///
/// # Errors
/// Those of making environment and network.
pub fn evaluation(env: EnvId, workers: &rayon::ThreadPool, effort: Effort) -> Result<Timing> {
    let (starts, first_actions) = starts(env)?;
    let tries = first_actions.chunks_exact(env.spec().action_dim);
    let jobs: Vec<Job> = (0..SLOTS)
        .zip(tries)
        .map(|(i, action)| Job {
            start: &starts[i / STATES],
            first_action: Some(action),
            max_steps: HORIZON,
            noise: None,
        })
        .collect();
    let mut steps = rollouts(env, workers, &jobs)?;
    let whole = f64::from(HORIZON) * SLOTS as f64;
    let times = sample(effort, || Ok(steps()? / whole))?;
    Ok(per_unit("evaluation", env, workers, &times))
}

/// Returns initial states and random first actions, one for each rollout.
fn starts(env: EnvId) -> Result<(Vec<Snapshot>, Vec<f64>)> {
    let stream = Stream::new(0, "runtime");
    let mut simulator = env.make()?;
    let start = |i: usize| {
        simulator.reset(&mut stream.child(&i.to_string()));
        simulator.snapshot()
    };
    let states = (0..STATES).map(start).collect();
    let mut draws = stream.child("first");
    let actions = SLOTS * env.spec().action_dim;
    Ok((states, (0..actions).map(|_| draws.uniform(-1.0, 1.0)).collect()))
}

/// Returns the work of making these rollouts, which gives the steps that it made.
fn rollouts<'w>(
    env: EnvId,
    workers: &'w rayon::ThreadPool,
    jobs: &'w [Job<'w>],
) -> Result<impl FnMut() -> Result<f64> + 'w> {
    let stream = Stream::new(0, "runtime");
    let config = TrainConfig { env, ..TrainConfig::default() };
    let source =
        &mut Draw { stream: &stream.child("actor"), kind: Kind::Float, device: Device::Cpu };
    let actor = Actor::new(config.dims(), Training::Frozen, source)?;
    let policy = Restless { actor, draws: RefCell::new(stream.child("actions")) };
    Ok(move || {
        let rollouts = Rollouts {
            make_env: &|| env.make(),
            policy: &policy,
            gamma: 0.99,
            hold: 1,
            workers,
            progress: &|_| (),
        };
        Ok(rollouts.run(jobs)?.iter().map(|outcome| f64::from(outcome.steps)).sum())
    })
}

/// A policy whose network runs, and which then acts at random.
struct Restless {
    actor: Actor,
    draws: RefCell<Stream>,
}

impl Policy for Restless {
    fn act(&self, obs: &[f64], actions: &mut [f64]) -> Result<()> {
        Policy::act(&self.actor, obs, actions)?;
        let mut draws = self.draws.borrow_mut();
        for action in actions {
            *action = draws.uniform(-1.0, 1.0);
        }
        Ok(())
    }

    fn share(&self) -> Result<Box<dyn Policy>> {
        let actor = self.actor.again(Reuse::Share, Training::Frozen)?;
        Ok(Box::new(Self { actor, draws: RefCell::clone(&self.draws) }))
    }
}

impl Timing {
    fn of(self, critic: CriticKind) -> Self {
        Self { algo: Some(Algo::Td3.name()), model: Some(critic.name()), ..self }
    }

    fn in_milliseconds(self) -> Self {
        let [median, min, max] = [self.median, self.min, self.max].map(|seconds| seconds * 1e3);
        Self { median, min, max, unit: "ms", ..self }
    }
}

/// Seconds per unit of work.
fn per_unit(what: &'static str, env: EnvId, workers: &rayon::ThreadPool, times: &[f64]) -> Timing {
    let [min, median, max] = [0, times.len() / 2, times.len() - 1].map(|i| times[i]);
    let (env, threads) = (env.name(), workers.current_num_threads());
    Timing { what, algo: None, model: None, env, threads, median, min, max, unit: "s" }
}

/// Units of work per second.
fn rate(what: &'static str, env: EnvId, workers: &rayon::ThreadPool, times: &[f64]) -> Timing {
    let seconds = per_unit(what, env, workers, times);
    let [median, min, max] = [seconds.median, seconds.max, seconds.min].map(|s| 1.0 / s);
    Timing { median, min, max, unit: "1/s", ..seconds }
}
