//! How long the work takes on this machine: training steps, environment steps, rollout steps.
//!
//! These numbers depend on the machine and its load; they are reported, never tested.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use tch::{Device, Kind, Tensor};

use crate::algo::config::{Algo, TrainConfig};
use crate::algo::replay::{Replay, Transition};
use crate::algo::td3::{Td3, Td3Sources};
use crate::env::{EnvId, Lockstep};
use crate::error::Result;
use crate::nn::actor::Actor;
use crate::nn::critic::CriticKind;
use crate::nn::weights::{Draw, Training};
use crate::rng::Stream;
use crate::rollout::{Job, Rollouts};

/// Simulators that are stepped together: 15 states × 15 rollouts.
pub const SLOTS: usize = 225;

/// One timed figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timing {
    /// `train-step`, `env-steps` or `rollout-steps`.
    pub what: &'static str,
    /// The algorithm, for training steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algo: Option<&'static str>,
    /// The critic, for training steps.
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
    /// `ms` per step, or steps per second, `1/s`.
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
    let [min, median, max] = [0, times.len() / 2, times.len() - 1].map(|i| times[i] * 1e3);
    let threads = workers.current_num_threads();
    let (algo, model) = (Some(Algo::Td3.name()), Some(critic.name()));
    let (what, env, unit) = ("train-step", env.name(), "ms");
    Ok(Timing { what, algo, model, env, threads, median, min, max, unit })
}

/// Times physics, observation and reward of [`SLOTS`] simulators under random actions.
///
/// # Errors
/// Those of making the environment.
pub fn env_steps(env: EnvId, workers: &rayon::ThreadPool, effort: Effort) -> Result<Timing> {
    let stream = Stream::new(0, "runtime");
    let mut lockstep = Lockstep::new(SLOTS, || env.make())?;
    let mut resets: Vec<Stream> = (0..SLOTS).map(|i| stream.child(&i.to_string())).collect();
    lockstep.reset_all(&mut resets);
    let mut draws = stream.child("actions");
    let actions: Vec<f64> =
        (0..SLOTS * env.spec().action_dim).map(|_| draws.uniform(-1.0, 1.0)).collect();
    let active = [true; SLOTS];
    let mut steps = Vec::new();
    steps.resize_with(SLOTS, || None);
    let times = sample(effort, || {
        workers.install(|| lockstep.step(&actions, &active, &mut steps));
        Ok(SLOTS as f64)
    })?;
    Ok(rate("env-steps", env, workers, &times))
}

/// Times whole rollouts of an untrained actor: policy, physics, observation and reward.
///
/// # Errors
/// Those of making environment and network.
pub fn rollout_steps(env: EnvId, workers: &rayon::ThreadPool, effort: Effort) -> Result<Timing> {
    let stream = Stream::new(0, "runtime");
    let config = TrainConfig { env, ..TrainConfig::default() };
    let source =
        &mut Draw { stream: &stream.child("actor"), kind: Kind::Float, device: Device::Cpu };
    let actor = Actor::new(config.dims(), Training::Frozen, source)?;
    let mut simulator = env.make()?;
    simulator.reset(&mut stream.child("reset"));
    let start = simulator.snapshot();
    let steps = if effort == Effort::Quick { 50 } else { 200 };
    let jobs = [Job { start: &start, first_action: None, max_steps: steps }; SLOTS];
    let rollouts = Rollouts {
        make_env: &|| env.make(),
        policy: &actor,
        gamma: 0.99,
        hold: 1,
        workers,
        progress: &|_| (),
    };
    let times = sample(effort, || {
        Ok(rollouts.run(&jobs)?.iter().map(|outcome| f64::from(outcome.steps)).sum())
    })?;
    Ok(rate("rollout-steps", env, workers, &times))
}

fn rate(what: &'static str, env: EnvId, workers: &rayon::ThreadPool, times: &[f64]) -> Timing {
    let [max, median, min] = [0, times.len() / 2, times.len() - 1].map(|i| 1.0 / times[i]);
    let threads = workers.current_num_threads();
    Timing {
        what,
        algo: None,
        model: None,
        env: env.name(),
        threads,
        median,
        min,
        max,
        unit: "1/s",
    }
}
