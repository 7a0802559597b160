//! One update of TD3 and of SAC on half-cheetah, for each critic (batches of 100 and 256, one worker
//! per critic), sampling of the minibatch and of the noise included; and of PEARL on half-cheetah-vel, for
//! each model (16 tasks of 256 rows, two workers), sampling of the noise included.

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use hyperl::algo::agent::make;
use hyperl::algo::config::TrainConfig;
use hyperl::algo::pearl::agent::PearlAgent;
use hyperl::algo::pearl::config::PearlConfig;
use hyperl::algo::replay::{Replay, Transition};
use hyperl::algo::{Algo, RunConfig};
use hyperl::analysis::measure::runtime::random_batch;
use hyperl::env::EnvId;
use hyperl::nn::critic::CriticKind;
use hyperl::nn::memory;
use hyperl::nn::pearl::PearlModel;
use hyperl::nn::workers;
use hyperl::rng::Stream;
use tch::Device;

/// Times updates of one critic; TD3's actor moves every second one.
fn train_step(criterion: &mut Criterion, algo: Algo, critic: CriticKind) -> hyperl::Result<()> {
    let config = TrainConfig { critic, ..TrainConfig::of(algo, EnvId::HalfCheetah) };
    let (dims, stream) = (config.dims(), Stream::new(0, "bench"));
    let mut agent = make(&config, Device::Cpu, &workers::start(2)?)?;

    let mut draws = stream.child("data");
    let mut vector = |n: i64| (0..n).map(|_| draws.uniform(-1.0, 1.0)).collect::<Vec<f64>>();
    let mut replay = Replay::new(dims, 1000);
    for _ in 0..1000 {
        let (obs, action, next_obs) = (vector(dims.obs), vector(dims.action), vector(dims.obs));
        let (obs, action, next_obs) = (&obs[..], &action[..], &next_obs[..]);
        replay.push(Transition { obs, action, next_obs, reward: 0.0, terminated: false });
    }
    let (mut minibatch, mut noise) = (stream.child("minibatch"), stream.child("noise"));
    criterion.bench_function(&format!("{algo} step, {critic}"), |bencher| {
        bencher.iter(|| {
            let batch = replay.sample(config.batch, Device::Cpu, &mut minibatch);
            black_box(agent.learn(&batch, &mut noise))
        });
    });
    Ok(())
}

/// Times updates of PEARL.
fn pearl_step(criterion: &mut Criterion, model: PearlModel) -> hyperl::Result<()> {
    let config = PearlConfig { model, ..PearlConfig::default() };
    let mut agent = PearlAgent::new(&config, workers::start(2)?)?;
    let stream = Stream::new(0, "bench");
    let batch = random_batch(&config, &stream.child("data"));
    let mut noise = stream.child("noise");
    criterion.bench_function(&format!("pearl step, {model}"), |bencher| {
        bencher.iter(|| black_box(agent.learn(&batch, &mut noise)));
    });
    Ok(())
}

fn main() -> hyperl::Result<()> {
    memory::keep_freed();
    tch::set_num_threads(1);
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    for algo in Algo::OFF_POLICY {
        for critic in CriticKind::ALL {
            train_step(&mut criterion, algo, critic)?;
        }
    }
    for model in PearlModel::ALL {
        pearl_step(&mut criterion, model)?;
    }
    criterion.final_summary();
    Ok(())
}
