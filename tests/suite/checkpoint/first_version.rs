//! Are runs that version 1 of the layout wrote still read, as strictly as today's?

use std::fs;
use std::path::{Path, PathBuf};

use hyperl::Error;
use hyperl::algo::registry::Config;
use hyperl::algo::{Algo, Stage, Unit};
use hyperl::analysis::measure::task_gap::task_gap;
use hyperl::checkpoint::run_log::RunLog;
use hyperl::checkpoint::{Checkpoint, disk, resume_point, save, stored};
use hyperl::env::TaskList;
use hyperl::nn::workers;
use serde_json::Value;
use tch::Device;

/// The runs of the fixtures, each with its one checkpoint.
const RUNS: [(&str, &str); 3] = [
    ("td3-hopper-mlp-small-s3", "step-000000300"),
    ("maml-half-cheetah-vel-vanilla-s0", "step-000000001"),
    ("pearl-half-cheetah-vel-mlp-s0", "step-000000001"),
];

/// The folder of a run of the fixtures.
fn fixture(run: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1").join(run)
}

/// Puts a run into a folder, with the weights of a run that just starts and no states; returns its
/// checkpoint.
fn copy(run: &str, step: &str, folder: &Path) -> PathBuf {
    let (from, to) = (fixture(run), folder.join(run));
    let checkpoint = to.join(step);
    fs::create_dir_all(&checkpoint).unwrap();
    fs::copy(from.join("run.toml"), to.join("run.toml")).unwrap();
    let config = stored::read(&to).unwrap();
    let fresh = config.start(Device::Cpu, workers::start(1).unwrap()).unwrap();
    let new = save::checkpoint(folder, &*fresh).unwrap();
    let text = fs::read(from.join(step).join("manifest.json")).unwrap();
    let mut manifest: Value = serde_json::from_slice(&text).unwrap();
    for name in ["weights", "states"] {
        let file = format!("{name}.safetensors");
        let Ok(bytes) = fs::read(new.join(&file)) else { continue };
        let at =
            if manifest["hashes"].is_object() { &mut manifest["hashes"] } else { &mut manifest };
        at[name] = disk::hash(&bytes).into();
        fs::write(checkpoint.join(file), bytes).unwrap();
    }
    if manifest.get("states_seen").is_some() {
        manifest["states"] = 0.into();
    }
    fs::write(checkpoint.join("manifest.json"), manifest.to_string()).unwrap();
    checkpoint
}

#[test]
fn checkpoints_of_all_algorithms_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let open =
        |(run, step): (&str, &str)| Checkpoint::open(&copy(run, step, folder.path())).unwrap();
    let [td3, maml, pearl] = RUNS.map(open);
    for (found, algo, unit, made) in [
        (&td3, Algo::Td3, Unit::Steps, (300, 200)),
        (&maml, Algo::Maml, Unit::Iterations, (1, 1)),
        (&pearl, Algo::Pearl, Unit::Iterations, (1, 3)),
    ] {
        let manifest = found.manifest();
        assert_eq!((manifest.algo, manifest.unit), (algo, unit));
        assert_eq!((manifest.step, manifest.updates), made);
        let run = found.path().parent().unwrap();
        assert_eq!(&stored::read(run).unwrap(), found.config());
        found.weights().unwrap();
    }
    assert_eq!(td3.manifest().states.unwrap().seen, 300);
    td3.policy(&td3.weights().unwrap()).unwrap();
    assert_eq!(td3.states().unwrap().len(), 0);
    let workers = workers::start(1).unwrap();
    let Config::Maml(config) = maml.config().clone() else { panic!("it is of MAML") };
    assert_eq!(maml.restore_maml(config, workers.clone()).unwrap().iteration(), 1);
    assert_eq!(pearl.agent(workers).unwrap().updates(), 3);
    assert_eq!(pearl.manifest().transitions, Some(140));
    // What one algorithm has, another one refuses in one line.
    for (error, words) in [
        (maml.states().unwrap_err(), "it is of a MAML run, which has no critic"),
        (pearl.maml().unwrap_err(), "it is of a PEARL run"),
        (td3.pearl().unwrap_err(), "it is of a run in one task"),
    ] {
        let said = error.to_string();
        assert!(said.contains(words) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn what_is_missing_or_too_much_is_refused_as_today() {
    let folder = tempfile::tempdir().unwrap();
    for (run, step) in RUNS {
        let checkpoint = copy(run, step, folder.path());
        let file = checkpoint.join("manifest.json");
        let whole = fs::read_to_string(&file).unwrap();
        let with = |change: &dyn Fn(&mut Value)| -> Error {
            let mut manifest: Value = serde_json::from_str(&whole).unwrap();
            change(&mut manifest);
            fs::write(&file, manifest.to_string()).unwrap();
            Checkpoint::open(&checkpoint).unwrap_err()
        };
        let made = if run.starts_with("td3") { "step" } else { "iteration" };
        for key in [made, "config", "versions"] {
            let error = with(&|manifest| _ = manifest.as_object_mut().unwrap().remove(key));
            assert!(matches!(error, Error::Corrupt { .. }), "{run}, {key}: {error}");
        }
        let error = with(&|manifest| manifest["surplus"] = 1.into());
        assert!(error.to_string().contains("unknown field `surplus`"), "{error}");
        let error = with(&|manifest| manifest[made] = 2.into());
        assert!(error.to_string().starts_with("step of "), "{error}");
        let error =
            with(&|manifest| manifest["tasks"] = serde_json::json!({"train": [], "test": []}));
        assert!(error.to_string().starts_with("tasks of "), "{error}");
    }
}

#[test]
fn tables_of_all_algorithms_are_read() {
    let [td3, maml, pearl] = RUNS.map(|(run, _)| {
        let folder = fixture(run);
        RunLog::read(&folder, &*stored::read(&folder).unwrap()).unwrap()
    });
    let evaluations = td3.evaluations(&fixture(RUNS[0].0)).unwrap();
    assert_eq!(evaluations.iter().map(|e| e.step).collect::<Vec<_>>(), [0, 100, 200, 300]);
    assert_eq!(evaluations[3].returns, [3.186_746_022_412_236_4, 3.223_947_821_540_242_4]);
    assert_eq!(td3.seconds(), [(100, 0.204), (200, 0.916), (300, 1.592)]);

    let tested = |stage| maml.means(TaskList::Test, Some(stage));
    assert_eq!(tested(Stage::Before).iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(tested(Stage::After)[1].1, -493.315_748_675_759_44);
    assert_eq!(maml.means(TaskList::Train, Some(Stage::Before)), [(1, -161.099_941_875_385_27)]);
    assert_eq!(maml.progress[1].1[5..], [3.0, 1.0], "lengths tried, accepted");

    let score = |list: TaskList| {
        let folder = fixture(RUNS[2].0);
        let Config::Pearl(config) = stored::read(&folder).unwrap() else { panic!("of PEARL") };
        let gap = task_gap(&config, &pearl).unwrap();
        let [(at, mean)] = pearl.means(list, None)[..] else { panic!("one evaluation") };
        assert_eq!((at, gap.iteration), (1, 1));
        (mean, gap.scores[usize::from(list == TaskList::Test)].value)
    };
    for list in [TaskList::Train, TaskList::Test] {
        let (mean, of_episodes) = score(list);
        assert!((mean - of_episodes).abs() < 1e-12, "{mean} is the mean of {of_episodes}");
    }
    assert_eq!(pearl.progress[0].1[3], 140.0, "transitions");
    assert!((pearl.seconds()[0].1 - 0.283).abs() < 1e-12);
}

#[test]
fn a_run_is_not_resumed_but_told_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for (run, step) in RUNS {
        copy(run, step, folder.path());
        for entry in fs::read_dir(fixture(run)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), folder.path().join(run).join(entry.file_name())).unwrap();
            }
        }
        let config = stored::read(&folder.path().join(run)).unwrap();
        let mut fresh = config.start(Device::Cpu, workers::start(1).unwrap()).unwrap();
        let error = resume_point::load(&folder.path().join(run), &mut *fresh).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("was saved by an earlier version of hyperl; train it anew"),
            "{said}"
        );
    }
}
