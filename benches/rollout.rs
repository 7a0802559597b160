//! Steps of 225 simulators, alone and inside rollouts with a policy, on two workers.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use hyperl::algo::RunConfig;
use hyperl::algo::config::TrainConfig;
use hyperl::env::{EnvId, Lockstep};
use hyperl::nn::actor::Actor;
use hyperl::nn::weights::{Draw, Training};
use hyperl::nn::workers;
use hyperl::rng::Stream;
use hyperl::rollout::{Job, Rollouts};
use tch::{Device, Kind};

/// 15 states × 15 first actions.
const SLOTS: usize = 225;
/// Steps of each simulator in one sample.
const STEPS: u32 = 20;

/// Physics, observation and reward.
fn steps(criterion: &mut Criterion, env: EnvId) -> hyperl::Result<()> {
    let workers = workers::start(2)?;
    let stream = Stream::new(0, "bench");
    let mut lockstep = Lockstep::new(SLOTS, || env.make())?;
    let mut resets: Vec<Stream> = (0..SLOTS).map(|i| stream.child(&i.to_string())).collect();
    let mut draws = stream.child("actions");
    let actions: Vec<f64> =
        (0..SLOTS * env.spec().action_dim).map(|_| draws.uniform(-1.0, 1.0)).collect();
    let mut outcomes = Vec::new();
    outcomes.resize_with(SLOTS, || None);
    let mut group = criterion.benchmark_group("environment steps");
    group.throughput(Throughput::Elements(u64::from(STEPS) * SLOTS as u64));
    group.bench_function(env.name(), |bencher| {
        bencher.iter(|| {
            workers.install(|| {
                lockstep.reset_all(&mut resets);
                for _ in 0..STEPS {
                    lockstep.step(&actions, &[true; SLOTS], &mut outcomes);
                }
            });
            black_box(&outcomes);
        });
    });
    group.finish();
    Ok(())
}

/// The same with a policy in the loop. Robots that fall make fewer steps than the rate counts.
fn rollouts(criterion: &mut Criterion, env: EnvId) -> hyperl::Result<()> {
    let workers = workers::start(2)?;
    let stream = Stream::new(0, "bench");
    let dims = TrainConfig { env, ..TrainConfig::default() }.dims();
    let source = &mut Draw { stream: &stream, kind: Kind::Float, device: Device::Cpu };
    let actor = Actor::new(dims, Training::Frozen, source)?;
    let mut simulator = env.make()?;
    simulator.reset(&mut stream.child("reset"));
    let start = simulator.snapshot();
    let jobs =
        [Job { start: &start, first_action: None, max_steps: STEPS, noise: None, draws: None };
            SLOTS];
    let rollouts = Rollouts {
        make_env: &|| env.make(),
        policy: &actor,
        gamma: 0.99,
        hold: 1,
        workers: &workers,
        progress: &|_| (),
    };
    let mut group = criterion.benchmark_group("rollout steps");
    group.throughput(Throughput::Elements(u64::from(STEPS) * SLOTS as u64));
    group.bench_function(env.name(), |bencher| {
        bencher.iter(|| black_box(rollouts.run(&jobs)));
    });
    group.finish();
    Ok(())
}

fn main() -> hyperl::Result<()> {
    tch::set_num_threads(1);
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .configure_from_args();
    for env in [EnvId::HalfCheetah, EnvId::Hopper] {
        steps(&mut criterion, env)?;
        rollouts(&mut criterion, env)?;
    }
    criterion.final_summary();
    Ok(())
}
