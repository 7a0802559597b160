//! Are k + m steps the same as k steps, save, load, m steps, bit for bit?

use hyperl::algo::config::TrainConfig;
use hyperl::checkpoint::resume_point;
use hyperl::env::Snapshot;
use hyperl::nn::bf16::Precision;
use hyperl::nn::critic::CriticKind;

use crate::support::program::files;
use crate::support::runs::{assert_continues, go_on, small, start};

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
    let config = config.resolved().unwrap();
    assert_continues(&config, 22, folder.path());
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig { precision: Precision::Bf16, ..config };
    assert_continues(&config, 22, folder.path());
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
    let Snapshot(mut numbers) = training.env_state().unwrap();
    numbers[6] = f64::NAN;
    let progress = training.progress();
    training.go_on(&progress, &Snapshot(numbers)).unwrap().unwrap();
    let error = training.next().unwrap().unwrap_err().to_string();
    assert!(error.starts_with("the physics of hopper became unstable: "), "{error}");
    assert!(error.contains(", at step 71; train with another --seed"), "{error}");
}
