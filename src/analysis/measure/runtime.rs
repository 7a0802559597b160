//! How long the work takes on this machine: training, environment steps, rollouts, an evaluation,
//! its statistics, and the matrix product under it all.
//!
//! These numbers depend on the machine and its load; they are reported, never tested. The physics
//! of a step costs more or less with what the robot does, so simulators are driven by uniformly
//! random actions throughout, as those of `MuJoCo`'s own rollout are in the comparison
//! (`benches/peers`); where a policy belongs to the work, its network runs and its choice is
//! replaced.

mod evaluation;
mod meta;
mod parts;

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;
use serde::Serialize;
use tch::{Device, Kind, Tensor};

pub use self::evaluation::evaluations;
pub use self::meta::{MODELS, MamlIteration, PearlStep, maml_iteration, pearl_step, random_batch};
pub use self::parts::{TrainParts, printed, train_parts};
use crate::algo::agent::make;
use crate::algo::config::TrainConfig;
use crate::algo::off_policy::{Event, OffPolicy};
use crate::algo::replay::{Replay, Transition};
use crate::algo::{Algo, RunConfig};
use crate::env::{EnvId, Lockstep, Snapshot};
use crate::error::Result;
use crate::gradient::Settings;
use crate::nn::actor::Actor;
use crate::nn::critic::{CriticKind, Dims};
use crate::nn::weights::{Draw, Reuse, Training};
use crate::rng::Stream;
use crate::rollout::{Job, Policy, Rollouts};
use crate::stats::Estimate;
use crate::stats::corrected::correct;
use crate::stats::replicates::Replicates;
use crate::stats::resample::{Bootstrap, bootstrap_of_sums};

/// Simulators that are stepped together: 15 states × 15 rollouts.
pub const SLOTS: usize = 225;

/// Steps of a rollout where only the rate is of interest.
const SHORT: u32 = 50;

/// One timed figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timing {
    /// `train-step`, `train-loop`, `env-steps`, `rollout-steps`, `evaluation`, `evaluation-ratio`,
    /// `intervals` or `matrix-product`.
    pub what: &'static str,
    /// The algorithm, for training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algo: Option<&'static str>,
    /// The critic, for training and evaluations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<&'static str>,
    /// The environment, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<&'static str>,
    /// The estimator, for evaluations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<&'static str>,
    /// Environment steps in one unit of the work, for evaluations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Worker threads.
    pub threads: usize,
    /// Median of the samples.
    pub median: f64,
    /// Smallest sample.
    pub min: f64,
    /// Largest sample.
    pub max: f64,
    /// `ms` per step or product, steps per second `1/s`, `s` per evaluation or set of intervals, or `×`
    /// for a ratio.
    pub unit: &'static str,
}

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Samples, of which the median is reported.
    pub samples: usize,
    /// Seconds that a sample takes at least.
    pub seconds: f64,
}

impl Effort {
    /// A rough figure in seconds.
    pub const QUICK: Self = Self { samples: 3, seconds: 0.3 };
    /// Enough for a table.
    pub const FULL: Self = Self { samples: 7, seconds: 2.0 };
}

/// Repeats `work` (which returns the units it did) and returns seconds per unit of each sample.
fn sample(effort: Effort, mut work: impl FnMut() -> Result<f64>) -> Result<Vec<f64>> {
    work()?;
    let one = |_| one_sample(effort, &mut work);
    let mut samples = (0..effort.samples).map(one).collect::<Result<Vec<f64>>>()?;
    samples.sort_by(f64::total_cmp);
    Ok(samples)
}

/// Repeats `work` for as long as a sample takes; returns seconds per unit.
fn one_sample(effort: Effort, mut work: impl FnMut() -> Result<f64>) -> Result<f64> {
    let started = Instant::now();
    let mut units = 0.0;
    while started.elapsed().as_secs_f64() < effort.seconds {
        units += work()?;
    }
    Ok(started.elapsed().as_secs_f64() / units)
}

/// Times one update on random data (§2.1, §2.2), sampling of the batch and noise included.
///
/// # Errors
/// Those of building the networks.
pub fn train_step(
    (algo, critic): (Algo, CriticKind),
    env: EnvId,
    workers: &Arc<rayon::ThreadPool>,
    effort: Effort,
) -> Result<Timing> {
    let config = TrainConfig { critic, ..TrainConfig::of(algo, env) }.resolved()?;
    let mut agent = make(&config, Device::Cpu, workers)?;
    let mut draws = Stream::new(0, "runtime").child("draws");
    let replay = random_replay(config.dims());
    let times = sample(effort, || {
        // An even number: TD3's actor moves every second time.
        for _ in 0..2 {
            let batch = replay.sample(config.batch, Device::Cpu, &mut draws);
            agent.learn(&batch, &mut draws);
        }
        Ok(2.0)
    })?;
    let timing = per_unit("train-step", Some(env), workers, &times);
    Ok(timing.of(algo, critic).in_milliseconds())
}

/// Returns a replay buffer of 20 000 random transitions.
fn random_replay(dims: Dims) -> Replay {
    let mut draws = Stream::new(0, "runtime").child("data");
    let mut replay = Replay::new(dims, 20_000);
    for _ in 0..20_000 {
        let mut vector = |n: i64| (0..n).map(|_| draws.normal()).collect::<Vec<f64>>();
        let (obs, next_obs) = (vector(dims.obs), vector(dims.obs));
        let action: Vec<f64> = vector(dims.action).iter().map(|a| a.clamp(-1.0, 1.0)).collect();
        let (obs, action, next_obs) = (&obs[..], &action[..], &next_obs[..]);
        replay.push(Transition { obs, action, next_obs, reward: 0.0, terminated: false });
    }
    replay
}

/// Times the whole loop: explore, step the environment, store, sample, update.
///
/// # Errors
/// Those of making environment and networks.
pub fn train_loop(
    (algo, critic): (Algo, CriticKind),
    env: EnvId,
    workers: &Arc<rayon::ThreadPool>,
    effort: Effort,
) -> Result<Timing> {
    let config = TrainConfig {
        critic,
        warmup_steps: 1_000,
        evaluation_episodes: 1,
        evaluate_every: u64::MAX,
        checkpoint_every: u64::MAX,
        steps: u64::MAX,
        ..TrainConfig::of(algo, env)
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
    Ok(rate("train-loop", env, workers, &times).of(algo, critic))
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
    let policy = Restless::new(env)?;
    let start = &starts(env, 1)?[0];
    let jobs =
        [Job { start, first_action: None, max_steps: SHORT, noise: None, draws: None }; SLOTS];
    let rollouts = Rollouts {
        make_env: &|| env.make(),
        policy: &policy,
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

/// Times the intervals of 1000 states: the jackknife of all that is reported of a cosine, and the
/// bootstrap (10 000 resamples) of its five numbers, which the workers share.
///
/// # Errors
/// None in practice.
pub fn intervals(workers: &rayon::ThreadPool, effort: Effort) -> Result<Timing> {
    let mut draws = Stream::new(0, "runtime").child("states");
    let mut gradient = |noise: f64| -> Vec<f64> {
        (0..6).map(|i| f64::from(u8::from(i == 0)) + noise * draws.normal()).collect()
    };
    let states: Vec<Replicates> = (0..1000)
        .filter_map(|_| Replicates::of(&[gradient(0.5), gradient(0.5)], &gradient(0.3)))
        .collect();
    let row = |s: &Replicates| [s.full, s.block, s.pair, s.dot, s.truth_square * s.critic_square];
    let rows: Vec<[f64; 5]> = states.iter().map(row).collect();
    // Raw, agreement, ceiling, corrected, and much like the stacked one.
    let numbers: [fn([f64; 5]) -> f64; 5] = [
        |[raw, ..]| raw,
        |[_, _, pair, ..]| pair,
        |[_, _, pair, ..]| pair.sqrt(),
        |[_, block, pair, ..]| block / pair.sqrt(),
        |[.., dot, squares]| dot / squares.sqrt(),
    ];
    let lift = Settings::lab().lift(6);
    let times = sample(effort, || {
        black_box(correct(&states, lift, 0.95));
        let bootstraps: Vec<Estimate> = workers.install(|| {
            let bootstrap = |number: &fn([f64; 5]) -> f64| {
                let stream = &mut Stream::new(0, "bootstrap");
                bootstrap_of_sums(&rows, number, Bootstrap::default(), stream)
            };
            numbers.par_iter().map(bootstrap).collect()
        });
        black_box(bootstraps);
        Ok(1.0)
    })?;
    Ok(per_unit("intervals", None, workers, &times))
}

/// Times the matrix product of libtorch, `[100, 1024] × [1024, 1024]` in f32 on one thread: it has to
/// be as fast as in a program without `OpenBLAS` (see `nn::blas`).
///
/// # Errors
/// None in practice.
pub fn matrix_product(workers: &rayon::ThreadPool, effort: Effort) -> Result<Timing> {
    let draw = |rows: i64| Tensor::ones([rows, 1024], (Kind::Float, Device::Cpu));
    let (a, b) = (draw(100), draw(1024));
    let times = sample(effort, || {
        (0..100).for_each(|_| _ = black_box(a.matmul(&b)));
        Ok(100.0)
    })?;
    let timing = per_unit("matrix-product", None, workers, &times);
    Ok(Timing { threads: 1, ..timing.in_milliseconds() })
}

/// Returns initial states.
fn starts(env: EnvId, count: usize) -> Result<Vec<Snapshot>> {
    let stream = Stream::new(0, "runtime");
    let mut simulator = env.make()?;
    let start = |i: usize| {
        simulator.reset(&mut stream.child(&i.to_string()));
        simulator.snapshot()
    };
    Ok((0..count).map(start).collect())
}

/// A policy whose network runs, and which then acts at random.
struct Restless {
    actor: Actor,
    draws: RefCell<Stream>,
}

impl Restless {
    fn new(env: EnvId) -> Result<Self> {
        let stream = Stream::new(0, "runtime");
        let dims = TrainConfig { env, ..TrainConfig::default() }.dims();
        let source =
            &mut Draw { stream: &stream.child("actor"), kind: Kind::Float, device: Device::Cpu };
        let actor = Actor::new(dims, Training::Frozen, source)?;
        Ok(Self { actor, draws: RefCell::new(stream.child("actions")) })
    }
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
    fn of(self, algo: Algo, critic: CriticKind) -> Self {
        Self { algo: Some(algo.name()), model: Some(critic.name()), ..self }
    }

    fn in_milliseconds(self) -> Self {
        let [median, min, max] = [self.median, self.min, self.max].map(|seconds| seconds * 1e3);
        Self { median, min, max, unit: "ms", ..self }
    }
}

/// Seconds per unit of work.
fn per_unit(
    what: &'static str,
    env: Option<EnvId>,
    workers: &rayon::ThreadPool,
    times: &[f64],
) -> Timing {
    let [min, median, max] = [0, times.len() / 2, times.len() - 1].map(|i| times[i]);
    let (env, threads) = (env.map(EnvId::name), workers.current_num_threads());
    let (algo, model, mode, steps) = (None, None, None, None);
    Timing { what, algo, model, env, mode, steps, threads, median, min, max, unit: "s" }
}

/// Units of work per second.
fn rate(what: &'static str, env: EnvId, workers: &rayon::ThreadPool, times: &[f64]) -> Timing {
    let seconds = per_unit(what, Some(env), workers, times);
    let [median, min, max] = [seconds.median, seconds.max, seconds.min].map(|s| 1.0 / s);
    Timing { median, min, max, unit: "1/s", ..seconds }
}
