//! PEARL through the programs: both models train in every family, stop, resume and are inspected.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hyperl::env::Family;

use super::program::{Said, files, hyperl_train, run};

/// A run of seconds.
fn short(out: &Path, more: &str) -> Command {
    let mut command = hyperl_train(
        "pearl --set train_tasks=2 --set test_tasks=2 --set horizon=10 --set initial_steps=20 \
         --set tasks_per_iteration=2 --set prior_steps=20 --set posterior_steps=25 --set meta_batch=3 \
         --set batch=8 --set context_batch=8 --set evaluation_steps=30 --checkpoint-every 2",
    );
    command.args(more.split_whitespace()).arg("--out").arg(out);
    command
}

fn finishes(said: &Said) {
    assert_eq!((said.code, said.out.as_str()), (Some(0), ""), "{}", said.err);
}

fn refused(said: &Said, words: &str) {
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.err.starts_with("error: ") && said.err.lines().count() == 1, "{}", said.err);
    assert!(said.err.contains(words), "{words}: {}", said.err);
}

fn analyze(args: &str) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hyperl-analyze"));
    command.args(args.split_whitespace()).stdin(Stdio::null());
    run(command)
}

/// The files of a run that hold results: all but the times and the point of resumption.
fn results(run: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files(run)
        .into_iter()
        .map(|(path, content)| (path.strip_prefix(run).unwrap().to_path_buf(), content))
        .filter(|(path, _)| !path.ends_with("timing.csv") && !path.starts_with("resume"))
        .collect()
}

fn same(found: &Path, expected: &Path) {
    let (found, expected) = (results(found), results(expected));
    assert_eq!(found.len(), expected.len());
    for ((name, found), (other, expected)) in found.iter().zip(&expected) {
        assert_eq!(name, other);
        assert!(found == expected, "{} differs", name.display());
    }
}

/// Stops a run once the data of iteration `number` are collected; returns its last words.
fn stopped(mut command: Command, number: u32) -> String {
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let collected = format!("iteration {number}: ");
    assert!(lines.by_ref().any(|line| {
        let line = line.unwrap();
        line.starts_with(&collected) && line.contains("collected")
    }));
    let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let last_words: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{last_words:?}");
    last_words.last().unwrap().clone()
}

/// A run that is stopped by a signal within each of its two iterations, with one worker, leaves the bytes of
/// one with two workers that nobody stopped.
fn resumes_bit_for_bit(model: &str, updates: u32) {
    let folder = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    let what = format!(
        "--env half-cheetah-vel --model {model} --seed 3 --iterations 2 --set train_steps={updates}"
    );
    finishes(&run(short(&whole, &format!("{what} --threads 2"))));
    let what = format!("{what} --threads 1 --resume");
    for iteration in [1, 2] {
        let words = stopped(short(&parts, &what), iteration);
        let place = format!(" of iteration {iteration}; add --resume to continue");
        assert!(words.starts_with("saved at update ") && words.ends_with(&place), "{words}");
    }
    finishes(&run(short(&parts, &what)));
    let name = format!("pearl-half-cheetah-vel-{model}-s3");
    same(&parts.join(&name), &whole.join(&name));
    let names: Vec<PathBuf> = results(&whole.join(&name)).into_iter().map(|(p, _)| p).collect();
    for needed in ["returns.csv", "trials.csv", "step-000000002/weights.safetensors"] {
        assert!(names.contains(&needed.into()), "{names:?}");
    }
}

#[test]
fn plain_networks_resume_bit_for_bit_with_any_number_of_workers() {
    resumes_bit_for_bit("mlp", 150);
}

#[test]
fn hypernetworks_resume_bit_for_bit_with_any_number_of_workers() {
    resumes_bit_for_bit("hyper", 4);
}

fn trains_and_resumes(family: Family, model: &str) {
    let folder = tempfile::tempdir().unwrap();
    let what = format!("--env {family} --model {model} --set train_steps=2 --checkpoint-every 1");
    finishes(&run(short(folder.path(), &format!("{what} --iterations 1"))));
    finishes(&run(short(folder.path(), &format!("{what} --iterations 2 --resume"))));
    let made = folder.path().join(format!("pearl-{family}-{model}-s0"));
    let returns = fs::read_to_string(made.join("returns.csv")).unwrap();
    let rows: Vec<Vec<f64>> = returns
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|field| field.parse().unwrap()).collect())
        .collect();
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), [1.0, 2.0], "{returns}");
    assert!(rows.iter().flatten().all(|x| x.is_finite()), "{returns}");
    // Two tasks and two visits of 20 + 30 steps, then two visits more, unless episodes ended early.
    assert!(rows[0][1] >= 130.0 && rows[1][1] >= rows[0][1] + 90.0, "{returns}");
    let said = analyze(&format!("inspect {}", made.join("step-000000002").display()));
    assert_eq!(said.code, Some(0), "{}", said.err);
    for words in ["2 (4 updates)", "2 of training, 2 of the test", "value_target.", "encoder."] {
        assert!(said.out.contains(words), "{words} in\n{}", said.out);
    }
}

#[test]
fn plain_networks_train_and_resume_in_every_family() {
    for family in Family::ALL {
        trains_and_resumes(family, "mlp");
    }
}

#[test]
fn hypernetworks_train_and_resume_for_the_ant_too() {
    trains_and_resumes(Family::AntDirRad1, "hyper");
}

#[test]
fn what_cannot_be_trained_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let train = |more: &str| run(short(folder.path(), more));
    refused(&train("--env half-cheetah --model mlp"), "half-cheetah-vel-medium");
    refused(&train("--model resnet"), "mlp, hyper");
    refused(
        &train("--set replay_capacity=40"),
        "replay_capacity = 40 is less than the 65 transitions",
    );
    refused(&train("--set gamma=1"), "gamma must be in [0, 1)");
    refused(&train("--set horizon=500"), "horizon must be from 1 to 200");
    refused(&train("--iterations 2 --set iterations=3"), "contradict");
    refused(&train("--threads 0 --model mlp"), "--threads must be at least 1");
    assert!(files(folder.path()).is_empty(), "nothing is left behind");
    let said = train("--model mlp --dry-run");
    assert!(said.code == Some(0) && said.out.contains("algo = \"pearl\""), "{said:?}");
    let help = run(hyperl_train("pearl --help"));
    assert!(help.out.contains("hyperl-train pearl --env half-cheetah-vel --model mlp --seed 0"));
}

/// What is done to a file.
type Damage<'d> = &'d dyn Fn(&[u8]) -> Vec<u8>;

#[test]
fn what_cannot_be_continued_or_read_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let what = "--env half-cheetah-vel --model mlp --set train_steps=2 --threads 1";
    finishes(&run(short(out, &format!("{what} --iterations 2"))));
    let made = out.join("pearl-half-cheetah-vel-mlp-s0");
    refused(&run(short(out, &format!("{what} --iterations 2"))), "add --resume");
    let on = |more: &str| run(short(out, &format!("{what} --iterations 3 --resume {more}")));
    refused(&on("--set batch=9"), "batch of ");
    refused(&run(short(out, &format!("{what} --iterations 1 --resume"))), "has 2 iterations");

    let point = made.join("resume/point-000002-start");
    let segment = fs::read_dir(made.join("resume/replay/000")).unwrap().next().unwrap().unwrap();
    let flip = |content: &[u8]| {
        let mut content = content.to_vec();
        let middle = content.len() / 2;
        content[middle] ^= 1;
        content
    };
    let cut = |content: &[u8]| content[..content.len() - 10].to_vec();
    let cases: [(PathBuf, Damage); 5] = [
        (point.join("state.safetensors"), &flip),
        (point.join("point.json"), &cut),
        (segment.path(), &flip),
        (segment.path(), &cut),
        (made.join("resume/latest"), &|_| b"../elsewhere".to_vec()),
    ];
    for (path, damage) in cases {
        let whole = fs::read(&path).unwrap();
        fs::write(&path, damage(&whole)).unwrap();
        let before = files(out);
        refused(&on(""), "is damaged");
        assert!(files(out) == before, "{}: the files are left alone", path.display());
        fs::write(&path, whole).unwrap();
    }

    let checkpoint = made.join("step-000000002");
    let shown = checkpoint.display();
    for command in ["diagnose --ckpt", "maml-noise --ckpt", "maml-adaptation --ckpt"] {
        refused(&analyze(&format!("{command} {shown}")), "it is of a PEARL run");
    }
    for command in ["returns --ckpt", "meta-returns --ckpt"] {
        refused(&analyze(&format!("{command} {shown}")), "is a run of hyperl-train pearl; ");
    }
    let weights = checkpoint.join("weights.safetensors");
    fs::write(&weights, flip(&fs::read(&weights).unwrap())).unwrap();
    refused(&analyze(&format!("inspect {shown}")), "is damaged");
    fs::remove_file(made.join("resume/latest")).unwrap();
    refused(&on(""), "has checkpoints but no resume/latest");
}
