//! Small runs, and how one that is saved, dropped and loaded is compared with one that is not.

use std::path::Path;

use hyperl::algo::config::TrainConfig;
use hyperl::algo::off_policy::{Event, OffPolicy, Progress};
use hyperl::checkpoint::resume_point;
use hyperl::env::{EnvId, Snapshot, Visited};
use hyperl::nn::critic::CriticKind;
use hyperl::nn::weights::Params;
use serde_json::Value;
use tch::{Device, Tensor};

/// Everything a run consists of; floats as bits.
#[derive(Debug, PartialEq)]
pub(crate) struct Whole {
    weights: Vec<Vec<u32>>,
    moments: Vec<Vec<u32>>,
    adam_steps: Vec<u64>,
    replay: (Vec<u32>, u64),
    reservoir: Vec<Visited>,
    simulator: Snapshot,
    progress: Progress,
}

fn bits(tensor: &Tensor) -> Vec<u32> {
    let flat = Vec::<f32>::try_from(tensor.detach().flatten(0, -1)).unwrap();
    flat.into_iter().map(f32::to_bits).collect()
}

pub(crate) fn whole(training: &OffPolicy) -> Whole {
    let parts = training.agent.parts();
    let params = parts.iter().flat_map(|part| [Some(part.online), part.target]).flatten();
    let replay = training.replay.rows(0..u64::MAX).into_iter().map(f32::to_bits).collect();
    Whole {
        weights: params.flat_map(Params::iter).map(|p| bits(&p.tensor)).collect(),
        moments: parts
            .iter()
            .flat_map(|part| part.adam.moments())
            .flatten()
            .map(|t| bits(&t))
            .collect(),
        adam_steps: parts.iter().map(|part| part.adam.steps()).collect(),
        replay: (replay, training.replay.added()),
        reservoir: training.reservoir.states().to_vec(),
        simulator: training.env_state().unwrap(),
        progress: training.progress(),
    }
}

pub(crate) fn start(config: &TrainConfig) -> OffPolicy {
    let workers = hyperl::nn::workers::start(2).unwrap();
    OffPolicy::new(config.clone(), Device::Cpu, workers).unwrap()
}

/// Goes on to a step, saving where the schedule asks for it; returns what was reported.
pub(crate) fn go_on(training: &mut OffPolicy, to: u64, folder: Option<&Path>) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = training.next().transpose().unwrap() {
        if let (Event::CheckpointDue { .. }, Some(folder)) = (&event, folder) {
            resume_point::save(folder, training).unwrap();
        }
        let done = matches!(event, Event::Stepped { step, .. } if step == to);
        events.push(event);
        if done {
            break;
        }
    }
    events
}

/// Compares one run with another that stops after `k` steps, is saved, dropped and loaded; returns
/// the latter at its end.
pub(crate) fn assert_continues(config: &TrainConfig, k: u64, folder: &Path) -> OffPolicy {
    let mut straight = start(config);
    go_on(&mut straight, k, None);
    let expected = go_on(&mut straight, config.steps, None);

    let mut before = start(config);
    go_on(&mut before, k, Some(folder));
    resume_point::save(folder, &before).unwrap();
    let at_k = whole(&before);
    drop(before);
    let point = folder.join(format!("resume/point-{k:09}/point.json"));
    let point: Value = serde_json::from_slice(&std::fs::read(point).unwrap()).unwrap();
    let seconds = point["seconds"][0].as_f64().unwrap();

    let mut after = start(config);
    assert!(resume_point::load(folder, &mut after).unwrap());
    assert!(seconds > 0.0 && after.seconds() >= seconds, "seconds go on");
    assert!(whole(&after) == at_k, "what was loaded is what was saved");
    assert_eq!(go_on(&mut after, config.steps, Some(folder)), expected);
    let (found, expected) = (whole(&after), whole(&straight));
    assert_eq!(found.progress, expected.progress);
    assert!(found == expected, "the ends differ");
    assert!(expected.moments.iter().flatten().any(|&bits| bits != 0), "something was learned");
    after
}

pub(crate) fn small() -> TrainConfig {
    TrainConfig {
        env: EnvId::Hopper,
        critic: CriticKind::MlpSmall,
        seed: 3,
        steps: 260,
        checkpoint_every: 50,
        evaluate_every: 40,
        evaluation_episodes: 2,
        warmup_steps: 60,
        batch: 16,
        replay_capacity: 100,
        reservoir: 20,
        ..TrainConfig::default()
    }
}
