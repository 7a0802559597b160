//! Does an algorithm beat chance in well under a minute?

use std::sync::Arc;

use hyperl::algo::config::TrainConfig;
use hyperl::algo::off_policy::{Event, OffPolicy};
use hyperl::env::EnvId;
use hyperl::nn::critic::CriticKind;
use tch::Device;

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn td3_learns_to_hop() {
    tch::set_num_threads(1);
    let config = TrainConfig {
        env: EnvId::Hopper,
        critic: CriticKind::MlpStandard,
        steps: 4_000,
        evaluate_every: 500,
        ..TrainConfig::default()
    };
    let warmup = config.warmup_steps;
    let workers = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let training = OffPolicy::new(config.resolved().unwrap(), Device::Cpu, Arc::new(workers));
    let (mut evaluations, mut random) = (Vec::new(), Vec::new());
    for event in training.unwrap() {
        match event.unwrap() {
            Event::Evaluated(evaluation) => evaluations.push(mean(&evaluation.returns)),
            Event::Stepped { step, episode_return: Some(earned), .. } if step <= warmup => {
                random.push(earned);
            }
            _ => {}
        }
    }
    println!("{evaluations:?} {} {}", random.len(), mean(&random));
}
