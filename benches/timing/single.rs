//! One figure each: training, environment steps, rollouts, the statistics of a page, and the matrix product
//! under it all.

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;

use hyperl::Result;
use hyperl::algo::agent::make;
use hyperl::algo::config::TrainConfig;
use hyperl::algo::off_policy::{Event, OffPolicy};
use hyperl::algo::replay::{Replay, Transition};
use hyperl::algo::{Algo, RunConfig};
use hyperl::env::{EnvId, Lockstep, Snapshot};
use hyperl::gradient::Settings;
use hyperl::nn::actor::Actor;
use hyperl::nn::critic::{CriticKind, Dims};
use hyperl::nn::weights::{Draw, Reuse, Training};
use hyperl::rng::Stream;
use hyperl::rollout::{Job, Policy, Rollouts};
use hyperl::stats::Estimate;
use hyperl::stats::corrected::correct;
use hyperl::stats::replicates::Replicates;
use hyperl::stats::resample::{Bootstrap, bootstrap_of_sums};
use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use crate::sample::{Effort, Timing, sample};

/// Simulators that are stepped together: 15 states × 15 rollouts.
const SLOTS: usize = 225;

/// Steps of a rollout where only the rate is of interest.
const SHORT: u32 = 50;

/// Times one update on random data (§2.1, §2.2), sampling of the batch and noise included.
pub(crate) fn train_step(
    config: TrainConfig,
    workers: &Arc<rayon::ThreadPool>,
    effort: Effort,
) -> Result<Timing> {
    let config = config.resolved()?;
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
    let timing = Timing::per_unit("train-step", Some(config.env), workers, &times);
    Ok(timing.of(config.algo, config.critic).in_milliseconds())
}

/// Returns a replay buffer of 20 000 random transitions.
pub(crate) fn random_replay(dims: Dims) -> Replay {
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
pub(crate) fn train_loop(
    algo: Algo,
    critic: CriticKind,
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
    Ok(Timing::rate("train-loop", env, workers, &times).of(algo, critic))
}

/// Times physics, observation and reward of [`SLOTS`] simulators under random actions.
pub(crate) fn env_steps(env: EnvId, workers: &rayon::ThreadPool, effort: Effort) -> Result<Timing> {
    let stream = Stream::new(0, "runtime");
    let mut lockstep = Lockstep::new(SLOTS, || env.make())?;
    let mut resets: Vec<Stream> = (0..SLOTS).map(|i| stream.child(&i.to_string())).collect();
    let mut draws = stream.child("actions");
    let mut actions = vec![0.0; SLOTS * env.spec().action_dim];
    let active = [true; SLOTS];
    let mut steps = Vec::new();
    steps.resize_with(SLOTS, || None);
    let times = sample(effort, || {
        workers.install(|| lockstep.reset_all(&mut resets)).expect("simulators of ours reset");
        for _ in 0..SHORT {
            for action in &mut actions {
                *action = draws.uniform(-1.0, 1.0);
            }
            workers.install(|| lockstep.step(&actions, &active, &mut steps));
        }
        Ok(f64::from(SHORT) * SLOTS as f64)
    })?;
    Ok(Timing::rate("env-steps", env, workers, &times))
}

/// Times short rollouts: policy, physics, observation and reward.
pub(crate) fn rollout_steps(
    env: EnvId,
    workers: &rayon::ThreadPool,
    effort: Effort,
) -> Result<Timing> {
    let policy = RandomActions::new(env)?;
    let start = &starts(env, 1)?[0];
    let jobs =
        [Job { start, first_action: None, max_steps: SHORT, noise: None, draws: None }; SLOTS];
    let rollouts = Rollouts {
        make_env: &|| env.make(),
        policy: &policy,
        gamma: 0.99,
        hold: 1,
        marks: &[],
        workers,
        progress: &|_| (),
    };
    let times = sample(effort, || {
        Ok(rollouts.run(&jobs)?.iter().map(|outcome| f64::from(outcome.steps)).sum())
    })?;
    Ok(Timing::rate("rollout-steps", env, workers, &times))
}

/// Times the intervals of 1000 states: the jackknife of all that is reported of a cosine, and the
/// bootstrap (10 000 resamples) of its five numbers, which the workers share.
pub(crate) fn intervals(workers: &rayon::ThreadPool, effort: Effort) -> Result<Timing> {
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
    Ok(Timing::per_unit("intervals", None, workers, &times))
}

/// Times the matrix product of libtorch, `[100, 1024] × [1024, 1024]` in f32 on one thread: it has to
/// be as fast as in a program without `OpenBLAS` (see `nn::blas`).
pub(crate) fn matrix_product(workers: &rayon::ThreadPool, effort: Effort) -> Result<Timing> {
    let draw = |rows: i64| Tensor::ones([rows, 1024], (Kind::Float, Device::Cpu));
    let (a, b) = (draw(100), draw(1024));
    let times = sample(effort, || {
        (0..100).for_each(|_| _ = black_box(a.matmul(&b)));
        Ok(100.0)
    })?;
    let timing = Timing::per_unit("matrix-product", None, workers, &times);
    Ok(Timing { threads: 1, ..timing.in_milliseconds() })
}

/// Returns initial states.
pub(crate) fn starts(env: EnvId, count: usize) -> Result<Vec<Snapshot>> {
    let stream = Stream::new(0, "runtime");
    let mut simulator = env.make()?;
    let start = |i: usize| {
        simulator.reset(&mut stream.child(&i.to_string())).expect("it resets");
        simulator.snapshot().expect("it has a state")
    };
    Ok((0..count).map(start).collect())
}

/// A policy whose network runs, and which then acts at random.
pub(crate) struct RandomActions {
    actor: Actor,
    draws: RefCell<Stream>,
}

impl RandomActions {
    pub(crate) fn new(env: EnvId) -> Result<Self> {
        let stream = Stream::new(0, "runtime");
        let dims = TrainConfig { env, ..TrainConfig::default() }.dims();
        let source =
            &mut Draw { stream: &stream.child("actor"), kind: Kind::Float, device: Device::Cpu };
        let actor = Actor::new(dims, Training::Frozen, source)?;
        Ok(Self { actor, draws: RefCell::new(stream.child("actions")) })
    }
}

impl Policy for RandomActions {
    fn act(&self, obs: &[f64], actions: &mut [f64]) -> Result<()> {
        Policy::act(&self.actor, obs, actions)?;
        let mut draws = self.draws.borrow_mut();
        for action in actions {
            *action = draws.uniform(-1.0, 1.0);
        }
        Ok(())
    }

    fn before_tanh(&self, obs: &[f64], before: &mut [f64]) -> Result<()> {
        Policy::before_tanh(&self.actor, obs, before)
    }

    fn share(&self) -> Result<Box<dyn Policy>> {
        let actor = self.actor.again(Reuse::Share, Training::Frozen)?;
        Ok(Box::new(Self { actor, draws: RefCell::clone(&self.draws) }))
    }
}
