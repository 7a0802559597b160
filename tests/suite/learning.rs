//! Does each algorithm beat chance in well under a minute?

use hyperl::algo::config::{Algo, TrainConfig};
use hyperl::algo::off_policy::{Event, OffPolicy};
use hyperl::env::EnvId;
use hyperl::nn::critic::CriticKind;
use tch::Device;

use crate::seeds::test_seed;

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Trains on hopper; returns the mean return before and after, and that of random episodes.
fn hop(algo: Algo, steps: u64) -> [f64; 3] {
    let config = TrainConfig {
        critic: CriticKind::MlpStandard,
        steps,
        evaluate_every: steps,
        seed: test_seed(0),
        ..TrainConfig::of(algo, EnvId::Hopper)
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
    let [before, after] = greedy[..] else { panic!("two evaluations: {greedy:?}") };
    [before, after, mean(&random)]
}

#[test]
fn td3_learns_to_hop() {
    // A random hopper falls after some twenty steps; a trained one stands for a hundred. Eight
    // times as much was seen with this seed.
    let [before, after, random] = hop(Algo::Td3, 3_000);
    assert!((5.0..30.0).contains(&random), "{random}");
    assert!(after > 4.0 * before.max(random), "{before} → {after}, random {random}");
}

#[test]
fn sac_learns_to_hop() {
    // 24 before and 180 after 2000 steps were seen with this seed.
    let [before, after, random] = hop(Algo::Sac, 2_000);
    assert!((5.0..30.0).contains(&random), "{random}");
    assert!(after > 4.0 * before.max(random), "{before} → {after}, random {random}");
}
