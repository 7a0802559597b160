//! Does hyperl-train leave the same bytes whether or not it was interrupted?

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::program::{
    Damage, assert_refuses, assert_same, cut, files, flip, hyperl_train, results, run, stop_after,
};

/// A short run with everything in it: warm-up, learning, a replay ring that goes round.
fn short(out: &Path, more: &str) -> Command {
    let mut command = hyperl_train(
        "td3 --env hopper --critic mlp-small --seed 5 --checkpoint-every 250 --evaluate-every 200 \
         --set warmup_steps=100 --set batch=16 --set replay_capacity=300 --set reservoir=40 \
         --set evaluation_episodes=2",
    );
    command.args(more.split_whitespace()).arg("--out").arg(out);
    command
}

fn assert_finishes(command: Command) {
    let said = run(command);
    assert_eq!((said.code, said.out.as_str()), (Some(0), ""), "{}", said.err);
}

/// The files of a run that hold results: all but the times and the point of resumption.
fn results_of(out: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    results(&run_folder(out), |path| !path.ends_with("progress.csv") && !path.starts_with("resume"))
}

fn assert_same_results(found: &Path, expected: &Path) {
    assert_same(&results_of(found), &results_of(expected));
}

fn run_folder(out: &Path) -> PathBuf {
    out.join("td3-hopper-mlp-small-s5")
}

#[test]
fn a_signal_saves_and_resume_leaves_the_bytes_of_an_uninterrupted_run() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    assert_finishes(short(&whole, "--steps 1100 --threads 2"));

    // The first evaluation with learning behind it.
    let learning = |line: &str| line.starts_with("step 200: mean return ");
    let last_words = stop_after(short(&parts, "--steps 1100 --threads 1"), learning);
    assert!(last_words.last().unwrap().starts_with("saved at step "), "{last_words:?}");
    assert!(run_folder(&parts).join("resume").join("latest").is_file());

    assert_finishes(short(&parts, "--steps 1100 --threads 1 --resume"));
    assert_same_results(&parts, &whole);
    let names: Vec<PathBuf> = results_of(&whole).into_iter().map(|(path, _)| path).collect();
    assert!(names.contains(&"evaluations.csv".into()));
    assert!(names.contains(&"step-000001100/weights.safetensors".into()), "{names:?}");
    assert!(names.contains(&"step-000000250/states.safetensors".into()), "{names:?}");
}

#[test]
fn an_extended_run_equals_one_that_was_longer_from_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let [longer, extended] = ["longer", "extended"].map(|name| folder.path().join(name));
    assert_finishes(short(&longer, "--steps 500 --threads 1"));
    assert_finishes(short(&extended, "--steps 250 --threads 2"));
    assert_finishes(short(&extended, "--steps 500 --threads 2 --resume"));
    let manifest = run_folder(&extended).join("step-000000250").join("manifest.json");
    assert!(fs::read_to_string(&manifest).unwrap().contains("\"steps\": 250"));
    // Apart from what each manifest says of the length, the bytes are the same.
    fs::copy(run_folder(&longer).join("step-000000250").join("manifest.json"), manifest).unwrap();
    assert_same_results(&extended, &longer);
}

/// The steps of a run's evaluations.
fn evaluated(out: &Path) -> Vec<u64> {
    let text = fs::read_to_string(run_folder(out).join("evaluations.csv")).unwrap();
    let step = |line: &str| line.split(',').next().unwrap().parse().unwrap();
    let mut steps: Vec<u64> = text.lines().skip(1).map(step).collect();
    steps.dedup();
    steps
}

#[test]
fn the_end_is_evaluated_though_it_is_no_multiple_and_a_longer_run_knows_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let [longer, extended] = ["longer", "extended"].map(|name| folder.path().join(name));
    assert_finishes(short(&longer, "--steps 510 --threads 1"));
    assert_eq!(evaluated(&longer), [0, 200, 400, 510]);
    assert_finishes(short(&extended, "--steps 260 --threads 1"));
    assert_eq!(evaluated(&extended), [0, 200, 260]);
    let end = run_folder(&extended).join("step-000000260");
    assert!(end.join("manifest.json").is_file());
    // Asked for again, it stays; of a longer run it is no part.
    assert_finishes(short(&extended, "--steps 260 --threads 1 --resume"));
    assert_eq!(evaluated(&extended), [0, 200, 260]);
    assert_finishes(short(&extended, "--steps 510 --threads 1 --resume"));
    let bytes = |out: &Path| fs::read(run_folder(out).join("evaluations.csv")).unwrap();
    assert!(bytes(&extended) == bytes(&longer), "{:?}", evaluated(&extended));
    // The checkpoint stays; all others are the same.
    fs::remove_dir_all(end).unwrap();
    let name = Path::new("step-000000250/manifest.json");
    fs::copy(run_folder(&longer).join(name), run_folder(&extended).join(name)).unwrap();
    assert_same_results(&extended, &longer);
}

#[test]
fn a_run_goes_on_to_its_own_length_and_stays_there() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    assert_finishes(short(&whole, "--steps 500 --threads 1"));
    let learning = |line: &str| line.starts_with("step 200: mean return ");
    let last_words = stop_after(short(&parts, "--steps 500 --threads 1"), learning);
    let place = last_words.last().unwrap().strip_prefix("saved at step ").unwrap();
    let (place, _) = place.split_once(';').unwrap();
    // An end there would lack its evaluation and its checkpoint.
    assert_refuses(
        &run(short(&parts, &format!("--steps {place} --threads 1 --resume"))),
        &format!("was stopped at step {place}, where it has no checkpoint; give --steps "),
    );
    assert_finishes(short(&parts, "--threads 1 --resume"));
    assert_same_results(&parts, &whole);
    let before = files(&parts);
    // What a process that was killed had no time to remove.
    fs::create_dir(run_folder(&parts).join("resume/point-000000450")).unwrap();
    fs::create_dir(run_folder(&parts).join("resume/.point-000000500.4294967295-0.partial"))
        .unwrap();
    fs::write(run_folder(&parts).join("resume/replay/000/000000000000-000000000001.bin"), "")
        .unwrap();
    let said = run(short(&parts, "--threads 1 --resume"));
    assert_eq!(said.code, Some(0), "{}", said.err);
    let expected = "is finished, with 500 steps; give more --steps to go on";
    assert!(said.err.contains(expected), "{}", said.err);
    assert!(files(&parts) == before, "a finished run is left alone");
    assert_eq!(fs::read_dir(run_folder(&parts).join("resume")).unwrap().count(), 3);
    // A length among the settings is a length that was asked for.
    assert_finishes(short(&parts, "--threads 1 --resume --set steps=550"));
    assert!(run_folder(&parts).join("step-000000550").is_dir());
}

#[test]
fn a_run_that_exists_is_not_touched_by_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    assert_finishes(short(out, "--steps 150 --threads 1"));
    let before = files(out);
    for (more, expected) in [
        ("--steps 150", "exists already; add --resume to continue it, or choose another --out"),
        ("--steps 300", "exists already"),
        ("--steps 300 --resume --set td3.tau=0.1", "td3.tau of "),
        ("--steps 300 --resume --set batch=17", "batch of "),
        ("--steps 100 --resume", "has 150 steps"),
    ] {
        assert_refuses(&run(short(out, more)), expected);
        assert!(files(out) == before, "{more} changed a file");
    }
    // What is done already can be asked for again.
    assert_finishes(short(out, "--steps 150 --resume"));
}

#[test]
fn a_run_whose_last_point_is_gone_is_not_trained_over() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    assert_finishes(short(out, "--steps 300 --threads 1"));
    let run_folder = run_folder(out);
    for (gone, more, expected) in [
        ("resume", "--resume", "has checkpoints but no resume/latest from which to continue"),
        ("resume/latest", "--resume", "choose another --out, or remove the run to train it anew"),
        ("run.toml", "--resume", "holds checkpoints but no run.toml"),
        ("run.toml", "", "choose another --out, or remove the folder to train anew"),
    ] {
        let (path, aside) = (run_folder.join(gone), folder.path().join("aside"));
        fs::rename(&path, &aside).unwrap();
        let before = files(out);
        assert_refuses(&run(short(out, &format!("--steps 400 --threads 1 {more}"))), expected);
        assert!(files(out) == before, "without {gone}, a file changed");
        fs::rename(&aside, &path).unwrap();
    }
    assert_finishes(short(out, "--steps 300 --threads 1 --resume"));
}

#[test]
fn a_run_that_was_killed_before_its_first_checkpoint_starts_anew() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|name| folder.path().join(name));
    assert_finishes(short(&whole, "--steps 260 --threads 1"));
    fs::create_dir_all(run_folder(&killed)).unwrap();
    for name in ["run.toml", "evaluations.csv"] {
        fs::copy(run_folder(&whole).join(name), run_folder(&killed).join(name)).unwrap();
    }
    assert_finishes(short(&killed, "--steps 260 --threads 1 --resume"));
    assert_same_results(&killed, &whole);
}

#[test]
fn a_damaged_point_is_one_clear_error_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    assert_finishes(short(out, "--steps 150 --threads 1"));
    let resume = run_folder(out).join("resume");
    let point = resume.join("point-000000150");
    let segment = resume.join("replay/000").join("000000000000-000000000150.bin");
    let other_digit = |content: &[u8]| {
        let text = String::from_utf8(content.to_vec()).unwrap();
        assert!(text.contains("\"updates\": 50"));
        text.replace("\"updates\": 50", "\"updates\": 51").into_bytes()
    };
    let cases: [(PathBuf, Damage); 7] = [
        (point.join("state.safetensors"), &flip),
        (point.join("state.safetensors"), &cut),
        (point.join("point.json"), &cut),
        (point.join("point.json"), &other_digit),
        (segment.clone(), &flip),
        (segment, &cut),
        (resume.join("latest"), &|_| b"../elsewhere".to_vec()),
    ];
    for (path, damage) in cases {
        let whole = fs::read(&path).unwrap();
        fs::write(&path, damage(&whole)).unwrap();
        let before = files(out);
        let said = run(short(out, "--steps 200 --threads 1 --resume"));
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_refuses(&said, name);
        assert_refuses(&said, "is damaged");
        assert!(files(out) == before, "{name}: the files are left alone");
        fs::write(&path, whole).unwrap();
    }
    assert_finishes(short(out, "--steps 200 --threads 1 --resume"));
}
