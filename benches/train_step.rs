//! One update of TD3 on half-cheetah, for each critic (batch 100, one worker per critic).

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;
use hyperl::algo::config::TrainConfig;
use hyperl::algo::replay::{Replay, Transition};
use hyperl::algo::td3::{Td3, Td3Sources};
use hyperl::env::EnvId;
use hyperl::nn::critic::CriticKind;
use hyperl::nn::weights::Draw;
use hyperl::nn::workers;
use hyperl::rng::Stream;
use tch::{Device, Kind, Tensor};

/// Times updates of one critic; the actor moves every second one.
fn train_step(criterion: &mut Criterion, critic: CriticKind) -> hyperl::Result<()> {
    let config = TrainConfig { env: EnvId::HalfCheetah, critic, ..TrainConfig::default() };
    let (dims, stream) = (config.dims(), Stream::new(0, "bench"));
    let [actor, q1, q2] = ["actor", "q1", "q2"].map(|part| stream.child(part));
    let draw = |stream| Draw { stream, kind: Kind::Float, device: Device::Cpu };
    let (actor, q1, q2) = (&mut draw(&actor), &mut draw(&q1), &mut draw(&q2));
    let workers = workers::start(2)?;
    let sources = Td3Sources { actor, q1, q2 };
    let mut td3 = Td3::new(config.td3, (critic, dims), sources, Arc::clone(&workers))?;

    let mut draws = stream.child("data");
    let mut vector = |n: i64| (0..n).map(|_| draws.uniform(-1.0, 1.0)).collect::<Vec<f64>>();
    let mut replay = Replay::new(dims, 1000);
    for _ in 0..1000 {
        let (obs, action, next_obs) = (vector(dims.obs), vector(dims.action), vector(dims.obs));
        let (obs, action, next_obs) = (&obs[..], &action[..], &next_obs[..]);
        replay.push(Transition { obs, action, next_obs, reward: 0.0, terminated: false });
    }
    let batch = replay.sample(config.batch, Device::Cpu, &mut stream.child("minibatch"));
    let noise: Vec<f32> =
        vector(config.batch as i64 * dims.action).iter().map(|&x| x as f32).collect();
    let noise = Tensor::from_slice(&noise).view([config.batch as i64, dims.action]);
    criterion.bench_function(&format!("td3 step, {critic}"), |bencher| {
        bencher.iter(|| black_box(td3.update(&batch, &noise)));
    });
    Ok(())
}

fn main() -> hyperl::Result<()> {
    tch::set_num_threads(1);
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    for critic in CriticKind::ALL {
        train_step(&mut criterion, critic)?;
    }
    criterion.final_summary();
    Ok(())
}
