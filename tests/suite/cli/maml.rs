//! MAML through the programs: every policy and family trains, resumes and is analysed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hyperl::env::Family;

use crate::support::program::{
    analyze, assert_finishes as finishes, assert_refuses as refused, assert_same, hyperl_train,
    results, run, short_maml as short, without_seconds,
};

/// The models, as flags.
const MODELS: [&str; 4] =
    ["--policy vanilla", "--policy context", "--policy hyper", "--policy hyper --multi-task"];

/// A model's name in that of its run.
fn name_of(model: &str) -> String {
    model.trim_start_matches("--policy ").replace(" --", "-")
}

/// The files of a run but for the times, and for the length that earlier manifests were to have.
fn results_of(run: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let last = |path: &Path| path.starts_with("step-000000002");
    let counts = |path: &Path| {
        !path.starts_with("resume") && (!path.ends_with("manifest.json") || last(path))
    };
    results(run, counts).into_iter().map(without_seconds).collect()
}

#[test]
fn the_end_of_a_shorter_run_is_evaluated_and_a_longer_run_knows_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    let train = |out: &Path, more: &str| {
        let mut command = hyperl_train(
            "maml --env half-cheetah-vel --policy vanilla --threads 1 --evaluate-every 2 --set tasks=1 \
             --set episodes=1 --set train_tasks=2 --set test_tasks=1 --set test_episodes=1",
        );
        command.args(more.split(' ')).arg("--out").arg(out);
        finishes(&run(command));
        fs::read_to_string(out.join("maml-half-cheetah-vel-vanilla-s0/evaluations.csv")).unwrap()
    };
    let expected = train(&whole, "--iterations 2");
    let shorter = train(&parts, "--iterations 1");
    let end = shorter.lines().last().unwrap();
    assert!(end.starts_with("1,test,after,"), "its end is evaluated: {shorter}");
    assert_eq!(train(&parts, "--iterations 2 --resume"), expected);
}

#[test]
fn every_policy_trains_resumes_and_is_analysed_in_every_family() {
    let folder = tempfile::tempdir().unwrap();
    for family in Family::ALL {
        // Hypernetworks write hundreds of megabytes: one family of each robot.
        let hyper = [Family::HalfCheetahVel, Family::AntDirRad1].contains(&family);
        for model in MODELS.into_iter().filter(|model| hyper || !model.contains("hyper")) {
            let out = folder.path().join("runs");
            let what = format!("--env {family} {model}");
            finishes(&run(short(&out, &format!("{what} --iterations 1"))));
            finishes(&run(short(&out, &format!("{what} --iterations 2 --resume"))));
            let name = name_of(model);
            let made = out.join(format!("maml-{family}-{name}-s0"));
            let point = made.join("step-000000002");
            let point = point.display();
            let to = |name: &str| folder.path().join(name);
            let few = "--updates 2 --evaluations 1 --episodes 1";
            finishes(&analyze(&format!("maml-noise --ckpt {point} {few}"), &to("noise")));
            let one = "--rates 0.01 --episodes 1";
            finishes(&analyze(&format!("maml-adaptation --ckpt {point} {one}"), &to("adaptation")));
            finishes(&analyze(&format!("returns --ckpt {}", made.display()), &to("returns")));
            let page = fs::read_to_string(to("returns").join("report.md")).unwrap();
            assert!(page.contains(family.name()), "{page}");
            fs::remove_dir_all(&out).unwrap(); // hundreds of megabytes
            fs::remove_dir_all(to("noise")).unwrap();
        }
    }
}

#[test]
fn resuming_and_the_number_of_workers_change_no_byte() {
    for model in MODELS {
        let folder = tempfile::tempdir().unwrap();
        let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
        let what = format!("--env half-cheetah-vel {model} --seed 3");
        finishes(&run(short(&whole, &format!("{what} --iterations 2 --threads 3"))));
        finishes(&run(short(&parts, &format!("{what} --iterations 1 --threads 1"))));
        finishes(&run(short(&parts, &format!("{what} --iterations 2 --threads 1 --resume"))));
        let name = format!("maml-half-cheetah-vel-{}-s3", name_of(model));
        assert_same(&results_of(&parts.join(&name)), &results_of(&whole.join(&name)));
    }
}

#[test]
fn what_cannot_be_continued_or_read_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("runs");
    let what = "--env half-cheetah-fwd-back --policy vanilla";
    finishes(&run(short(&out, &format!("{what} --iterations 1"))));
    refused(&run(short(&out, &format!("{what} --iterations 1"))), "--resume");
    let other = format!("{what} --iterations 2 --resume --inner-lr 0.5");
    refused(&run(short(&out, &other)), "inner_lr");
    refused(&run(short(&out, "--env half-cheetah --policy vanilla")), "half-cheetah-vel");
    refused(&run(short(&out, "--multi-task --second-order")), "second_order");
    refused(&run(short(&out, "--set train_tasks=0")), "train");

    let point = out.join("maml-half-cheetah-fwd-back-vanilla-s0/step-000000001");
    let page = folder.path().join("page");
    let said = analyze(&format!("cosine --ckpt {}", point.display()), &page);
    refused(&said, "MAML");
    refused(&run(short(&out, "--inner-lr -1")), "inner_lr must be 0 or more");
    let mut inspect = Command::new(env!("CARGO_BIN_EXE_hyperl-analyze"));
    inspect.arg("inspect").arg(&point);
    let said = run(inspect);
    finishes(&said);
    assert!(
        said.out.contains("iteration  1") && said.out.contains("policy.log_std"),
        "{}",
        said.out
    );
    let weights = point.join("weights.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    refused(&analyze(&format!("maml-adaptation --ckpt {}", point.display()), &page), "damaged");
    let state = point.parent().unwrap().join("resume/point-000000001/state.safetensors");
    fs::write(&state, crate::support::program::flip(&fs::read(&state).unwrap())).unwrap();
    refused(&run(short(&out, &format!("{what} --iterations 2 --resume"))), "damaged");
}

#[test]
fn a_finished_run_is_not_lengthened_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    finishes(&run(short(folder.path(), "--policy vanilla --iterations 1")));
    let before = crate::support::program::files(folder.path());
    let said = run(short(folder.path(), "--policy vanilla --resume"));
    finishes(&said);
    let expected = "is finished, with 1 iterations; give more --iterations to go on";
    assert!(said.err.contains(expected), "{}", said.err);
    assert!(crate::support::program::files(folder.path()) == before);
}

#[test]
fn a_damaged_update_is_measured_again() {
    let folder = tempfile::tempdir().unwrap();
    finishes(&run(short(folder.path(), "--policy vanilla --iterations 1")));
    let point = folder.path().join("maml-half-cheetah-vel-vanilla-s0/step-000000001");
    let args = format!("maml-noise --updates 2 --episodes 1 --ckpt {}", point.display());
    let to = folder.path().join("noise");
    finishes(&analyze(&args, &to));
    let whole = crate::support::program::files(&to);
    let kept = whole.iter().filter(|(path, _)| path.starts_with(to.join("units")));
    for (path, content) in kept {
        for damaged in
            [crate::support::program::flip(content), crate::support::program::cut(content)]
        {
            fs::write(path, damaged).unwrap();
            let said = analyze(&args, &to);
            finishes(&said);
            assert!(said.err.contains("is damaged and will be measured again"), "{}", said.err);
            assert!(crate::support::program::files(&to) == whole, "{}", path.display());
        }
    }
}

#[test]
fn an_interrupted_study_of_noise_goes_on_and_gives_the_same_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("runs");
    finishes(&run(short(&out, "--policy context --iterations 1")));
    let point = out.join("maml-half-cheetah-vel-context-s0/step-000000001");
    let study = |updates: u32, name: &str, threads: u32| {
        let to = folder.path().join(name);
        let args = format!(
            "maml-noise --ckpt {} --updates {updates} --episodes 1 --threads {threads}",
            point.display()
        );
        finishes(&analyze(&args, &to));
        fs::read_to_string(to.join("returns.json")).unwrap()
    };
    study(2, "parts", 1);
    assert_eq!(study(3, "parts", 1), study(3, "whole", 2));
    // Other settings do not mix with what is there.
    let args = format!("maml-noise --ckpt {} --updates 2 --episodes 1", point.display());
    let parts = folder.path().join("parts");
    finishes(&analyze(&format!("{args} --inner-lr 0.5"), &parts));
    assert_eq!(fs::read_dir(parts.join("units")).unwrap().count(), 2);
    let bold = fs::read_to_string(parts.join("returns.json")).unwrap();
    finishes(&analyze(&format!("{args} --inner-lr 0.5"), &folder.path().join("alone")));
    assert_eq!(bold, fs::read_to_string(folder.path().join("alone/returns.json")).unwrap());
}
