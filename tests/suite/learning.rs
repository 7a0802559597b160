//! Does an algorithm beat chance in well under a minute?

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
    let config = TrainConfig {
        env: EnvId::Hopper,
        critic: CriticKind::MlpStandard,
        steps: 3_000,
        evaluate_every: 3_000,
        ..TrainConfig::default()
    };
    let warmup = config.warmup_steps;
    let workers = hyperl::nn::workers::start(1).unwrap();
    let training = OffPolicy::new(config.resolved().unwrap(), Device::Cpu, workers).unwrap();
    let (mut greedy, mut random) = (Vec::new(), Vec::new());
    for event in training {
        match event.unwrap() {
            Event::Evaluated(evaluation) => greedy.push(mean(&evaluation.returns)),
            Event::Stepped { step, episode_return: Some(earned), .. } if step <= warmup => {
                random.push(earned);
            }
            _ => {}
        }
    }
    // A random hopper falls after some twenty steps; a trained one stands for a hundred. Eight
    // times as much was seen with this seed.
    let [before, after] = greedy[..] else { panic!("two evaluations: {greedy:?}") };
    let random = mean(&random);
    assert!((5.0..30.0).contains(&random), "{random}");
    assert!(after > 4.0 * before.max(random), "{before} → {after}, random {random}");
}
