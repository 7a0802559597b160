//! Are k + m steps the same as k steps, save, load, m steps, bit for bit?

use std::path::Path;

use hyperl::algo::config::TrainConfig;
use hyperl::algo::off_policy::{Event, OffPolicy, Progress};
use hyperl::checkpoint::resume_point;
use hyperl::env::{EnvId, Snapshot, Visited};
use hyperl::nn::critic::CriticKind;
use hyperl::nn::weights::Params;
use serde_json::Value;
use tch::{Device, Tensor};

use super::program::files;

/// Everything a run consists of; floats as bits.
#[derive(Debug, PartialEq)]
struct Whole {
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

fn whole(training: &OffPolicy) -> Whole {
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
        simulator: training.env_state(),
        progress: training.progress(),
    }
}

pub(super) fn start(config: &TrainConfig) -> OffPolicy {
    let workers = hyperl::nn::workers::start(2).unwrap();
    OffPolicy::new(config.clone(), Device::Cpu, workers).unwrap()
}

/// Goes on to a step, saving where the schedule asks for it; returns what was reported.
pub(super) fn go_on(training: &mut OffPolicy, to: u64, folder: Option<&Path>) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = training.next().transpose().unwrap() {
        if let (Event::CheckpointDue(_), Some(folder)) = (&event, folder) {
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
pub(super) fn assert_continues(config: &TrainConfig, k: u64, folder: &Path) -> OffPolicy {
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

pub(super) fn small() -> TrainConfig {
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

#[test]
fn a_run_continues_bit_for_bit_where_it_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    // In the middle of an episode, the replay buffer full and gone round.
    let config = small().resolved().unwrap();
    assert_continues(&config, 175, folder.path());

    // Steps 1 to 160 are forgotten, and so are their files; 175 is where the run was saved by hand.
    let names: Vec<String> = files(&folder.path().join("resume").join("replay"))
        .keys()
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(
        names,
        ["150-175", "175-200", "200-250", "250-260"].map(|range| {
            let (first, end) = range.split_once('-').unwrap();
            format!("{first:0>12}-{end:0>12}")
        })
    );
    let points = std::fs::read_dir(folder.path().join("resume")).unwrap();
    let points = points.filter(|p| p.as_ref().unwrap().file_name() != "latest");
    assert_eq!(points.count(), 2, "the latest point and the replay buffer, nothing else");
}

#[test]
fn a_run_continues_from_its_warm_up_and_from_the_step_of_an_evaluation() {
    for k in [1, 60, 80, 259] {
        let folder = tempfile::tempdir().unwrap();
        assert_continues(&small().resolved().unwrap(), k, folder.path());
    }
}

#[test]
fn a_hypernetwork_continues_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig {
        critic: CriticKind::SaHyper,
        steps: 24,
        checkpoint_every: 100,
        evaluate_every: 100,
        evaluation_episodes: 1,
        warmup_steps: 20,
        batch: 8,
        ..small()
    };
    assert_continues(&config.resolved().unwrap(), 22, folder.path());
}

#[test]
fn a_point_that_is_saved_twice_is_still_there() {
    let (folder, config) = (tempfile::tempdir().unwrap(), small().resolved().unwrap());
    let mut training = start(&config);
    go_on(&mut training, 70, None);
    resume_point::save(folder.path(), &training).unwrap();
    let first = files(folder.path());
    resume_point::save(folder.path(), &training).unwrap();
    assert!(files(folder.path()) == first, "what is complete is not touched again");
}

#[test]
fn there_is_nothing_to_load_before_the_first_save() {
    let folder = tempfile::tempdir().unwrap();
    let mut training = start(&small().resolved().unwrap());
    assert!(!resume_point::load(folder.path(), &mut training).unwrap());
}

#[test]
fn a_point_whose_files_are_gone_is_damaged() {
    let (folder, config) = (tempfile::tempdir().unwrap(), small().resolved().unwrap());
    let mut training = start(&config);
    go_on(&mut training, 70, None);
    resume_point::save(folder.path(), &training).unwrap();
    let point = folder.path().join("resume").join("point-000000070");
    for name in ["state.safetensors", "point.json"] {
        std::fs::remove_file(point.join(name)).unwrap();
        let error = resume_point::load(folder.path(), &mut start(&config)).unwrap_err().to_string();
        assert!(
            error.contains(name) && error.contains("is damaged: the file is missing"),
            "{error}"
        );
    }
}

#[test]
fn unstable_physics_names_the_step_and_the_remedy() {
    let mut training = start(&small().resolved().unwrap());
    go_on(&mut training, 70, None);
    // qpos follows elapsed (1), torso position (3) and time (1).
    let Snapshot(mut numbers) = training.env_state();
    numbers[6] = f64::NAN;
    let progress = training.progress();
    training.go_on(&progress, &Snapshot(numbers)).unwrap().unwrap();
    let error = training.next().unwrap().unwrap_err().to_string();
    assert!(error.starts_with("the physics of hopper became unstable: "), "{error}");
    assert!(error.contains(", at step 71; train with another --seed"), "{error}");
}
