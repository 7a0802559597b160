//! PEARL through the programs: both models train in every family, stop, resume and are inspected.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hyperl::algo::pearl::Pearl;
use hyperl::algo::pearl::agent::PearlAgent;
use hyperl::algo::pearl::config::PearlConfig;
use hyperl::algo::trainer::Trainer;
use hyperl::checkpoint::save::checkpoint;
use hyperl::checkpoint::{Checkpoint, resume_point};
use hyperl::env::Family;
use hyperl::nn::pearl::PearlModel;
use hyperl::nn::workers;

use crate::support::program::{
    Damage, Said, assert_finishes as finishes, assert_refuses as refused, assert_same, cut, files,
    flip, hyperl_analyze, hyperl_train, results, run, stop_after, without_seconds,
};

/// A run of seconds.
fn short(out: &Path, more: &str) -> Command {
    let mut command = hyperl_train(
        "pearl --set train_tasks=2 --set test_tasks=2 --set horizon=10 --set initial_steps=20 \
         --set tasks_per_iteration=2 --set prior_steps=20 --set posterior_steps=25 --set meta_batch=3 \
         --set batch=8 --set context_batch=8 --set evaluation_steps=30 --set checkpoint_every=2",
    );
    command.args(more.split_whitespace()).arg("--out").arg(out);
    command
}

fn analyze(args: &str) -> Said {
    run(hyperl_analyze(args))
}

/// The files of a run that hold results: all but the times and the point of resumption.
fn results_of(run: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    results(run, |path| !path.starts_with("resume")).into_iter().map(without_seconds).collect()
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
        let collected = format!("iteration {iteration}: ");
        let collected = |line: &str| line.starts_with(&collected) && line.contains("collected");
        let words = stop_after(short(&parts, &what), collected).pop().unwrap();
        let place = format!(" of iteration {iteration}; add --resume to continue");
        assert!(words.starts_with("saved at update ") && words.ends_with(&place), "{words}");
    }
    finishes(&run(short(&parts, &what)));
    let name = format!("pearl-half-cheetah-vel-{model}-s3");
    let expected = results_of(&whole.join(&name));
    assert_same(&results_of(&parts.join(&name)), &expected);
    let names: Vec<PathBuf> = expected.into_iter().map(|(path, _)| path).collect();
    for needed in ["evaluations.csv", "progress.csv", "step-000000002/weights.safetensors"] {
        assert!(names.contains(&needed.into()), "{names:?}");
    }
}

#[test]
fn plain_networks_resume_bit_for_bit_with_any_number_of_workers() {
    resumes_bit_for_bit("mlp", 30);
}

#[test]
fn hypernetworks_resume_bit_for_bit_with_any_number_of_workers() {
    resumes_bit_for_bit("hyper", 4);
}

fn trains_and_resumes(family: Family, model: &str) {
    let folder = tempfile::tempdir().unwrap();
    let what = format!("--env {family} --model {model} --set train_steps=2");
    finishes(&run(short(folder.path(), &format!("{what} --iterations 1"))));
    let made = folder.path().join(format!("pearl-{family}-{model}-s0"));
    // As if it had been killed after it wrote what came next, before its point.
    let mut ahead = fs::read_to_string(made.join("progress.csv")).unwrap();
    ahead.push_str("2,9,9,9,9,9,9,9,9,9\n");
    fs::write(made.join("progress.csv"), ahead).unwrap();
    finishes(&run(short(folder.path(), &format!("{what} --iterations 2 --resume"))));
    let progress = fs::read_to_string(made.join("progress.csv")).unwrap();
    let rows: Vec<Vec<f64>> = progress
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|field| field.parse().unwrap()).collect())
        .collect();
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), [1.0, 2.0], "{progress}");
    assert!(rows.iter().flatten().all(|x| x.is_finite()), "{progress}");
    // Two tasks and two visits of 20 + 30 steps, then two visits more, unless episodes ended early.
    assert!(rows[0][4] >= 130.0 && rows[1][4] >= rows[0][4] + 90.0, "{progress}");
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

/// The tables of a run, without the seconds.
fn tables(made: &Path) -> [String; 2] {
    ["evaluations.csv", "progress.csv"].map(|name| {
        let (_, table) = without_seconds((name.into(), fs::read(made.join(name)).unwrap()));
        String::from_utf8(table).unwrap()
    })
}

#[test]
fn the_end_of_a_shorter_run_is_evaluated_and_a_longer_run_knows_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    let what =
        "--env half-cheetah-vel --model mlp --threads 1 --set train_steps=2 --evaluate-every 2";
    finishes(&run(short(&whole, &format!("{what} --iterations 2"))));
    finishes(&run(short(&parts, &format!("{what} --iterations 1"))));
    let name = "pearl-half-cheetah-vel-mlp-s0";
    assert!(tables(&parts.join(name))[0].lines().nth(1).unwrap().starts_with("1,train,"));
    finishes(&run(short(&parts, &format!("{what} --iterations 2 --resume"))));
    assert_eq!(tables(&parts.join(name)), tables(&whole.join(name)));
}

#[test]
fn settings_that_leave_out_the_posterior_are_refused_or_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let what = "--model mlp --threads 1 --iterations 1 --set train_steps=1";
    let train = |more: &str| run(short(folder.path(), &format!("{what} {more}")));
    let said = run(hyperl_train("pearl --set evaluation_steps=400 --dry-run"));
    refused(&said, "evaluation_steps = 400 ends an evaluation within its exploration_episodes = 2");
    refused(&said, "set evaluation_steps above 400");
    refused(&train("--set exploration_episodes=3"), "set evaluation_steps above 30");
    assert!(files(folder.path()).is_empty(), "nothing is left behind");
    // 25 steps are two episodes of the posterior after one of the prior; ten are none.
    for (steps, warned) in [(10, true), (11, false)] {
        let out = folder.path().join(steps.to_string());
        let mut command = hyperl_train(
            "pearl --set train_tasks=2 --set test_tasks=2 --set horizon=10 --set initial_steps=20 \
             --set tasks_per_iteration=1 --set prior_steps=20 --set meta_batch=1 --set batch=4 \
             --set context_batch=4 --set evaluation_steps=30",
        );
        command.args(what.split(' ')).arg("--set").arg(format!("posterior_steps={steps}"));
        command.arg("--out").arg(out);
        let said = run(command);
        finishes(&said);
        let first = said.err.lines().next().unwrap();
        let words = "warning: training will never act on a latent of the posterior: ";
        assert_eq!(first.starts_with(words), warned, "{}", said.err);
    }
}

#[test]
fn pages_tell_the_settings_that_were_used() {
    let folder = tempfile::tempdir().unwrap();
    let what = "--env half-cheetah-vel --model mlp --threads 1 --iterations 1 --set train_steps=1";
    let set = "--set exploration_episodes=1 --set evaluations=3";
    finishes(&run(short(folder.path(), &format!("{what} {set}"))));
    let made = folder.path().join("pearl-half-cheetah-vel-mlp-s0");
    let page = folder.path().join("page");
    let report = || {
        let paths = [&made, &page].map(|path| path.display());
        finishes(&analyze(&format!("returns --ckpt {} --out {}", paths[0], paths[1])));
        fs::read_to_string(page.join("report.md")).unwrap()
    };
    let text = report();
    for words in [
        "Undiscounted returns of episodes of up to 10 steps, averaged",
        "In each task one episode is played with z from the prior, then z is drawn from the posterior",
        "the return of the last episode, the mean over 3 evaluations.",
    ] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    let figure = fs::read_to_string(page.join("figure.svg")).unwrap();
    assert!(figure.contains("mean over tasks; episodes of up to 10 steps;"), "{figure}");
    // A run of an earlier version, whose evaluation ended with the exploration.
    for (file, is) in [("run.toml", " = "), ("step-000000001/manifest.json", "\": ")] {
        let file = made.join(file);
        let settings = fs::read_to_string(&file).unwrap();
        let [later, earlier] = [30, 10].map(|steps| format!("evaluation_steps{is}{steps}"));
        let earlier = settings.replace(&later, &earlier);
        assert!(earlier != settings, "{settings}");
        fs::write(file, earlier).unwrap();
    }
    let text = report();
    assert!(text.contains("which is all that 10 steps leave room for"), "{text}");
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

/// Checks that a run of two iterations, resumed without a length, was left as it is.
fn stays_finished(said: &Said) {
    finishes(said);
    assert!(said.err.contains("is finished, with 2 iterations"), "{}", said.err);
}

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
    stays_finished(&run(short(out, &format!("{what} --resume"))));
    refused(&run(short(out, &format!("{what} --iterations 1 --resume"))), "has 2 iterations");

    let point = made.join("resume/point-000000002");
    let segment = fs::read_dir(made.join("resume/replay/000")).unwrap().next().unwrap().unwrap();
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
    let former =
        "meta-returns is called returns now; give the same flags to hyperl-analyze returns";
    refused(&analyze(&format!("meta-returns --ckpt {shown}")), former);
    // Runs that are no seeds of one experiment are not drawn as if they were.
    let other = out.join("other");
    fs::create_dir(&other).unwrap();
    for entry in fs::read_dir(&made).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), other.join(entry.file_name())).unwrap();
        }
    }
    let [page, first, second] =
        [&out.join("page"), &made, &other].map(|path| path.display().to_string());
    let both = format!("returns --out {page} --ckpt {first} {second}");
    refused(&analyze(&both), "are both runs of pearl-half-cheetah-vel-mlp-s0: a seed counts once");
    let settings = fs::read_to_string(other.join("run.toml")).unwrap();
    let coded = settings
        .replace("seed = 0", "seed = 1")
        .replace("as_coded_tasks = false", "as_coded_tasks = true");
    fs::write(other.join("run.toml"), coded).unwrap();
    refused(&analyze(&both), "differ in the setting as_coded_tasks: they are not of one");
    let longer = settings.replace("seed = 0", "seed = 1").replace("ons = 2", "ons = 9");
    fs::write(other.join("run.toml"), longer).unwrap();
    finishes(&analyze(&both));
    let weights = checkpoint.join("weights.safetensors");
    fs::write(&weights, flip(&fs::read(&weights).unwrap())).unwrap();
    refused(&analyze(&format!("inspect {shown}")), "is damaged");
    fs::remove_file(made.join("resume/latest")).unwrap();
    refused(&on(""), "has checkpoints but no resume/latest");
}

/// All weights, the target's included, as bits.
fn bits(agent: &PearlAgent) -> Vec<u32> {
    let parts = agent.parts();
    let params = parts.iter().flat_map(|part| [Some(part.online), part.target]).flatten();
    let flat = |p: &hyperl::nn::weights::Param| {
        Vec::<f32>::try_from(p.tensor.detach().flatten(0, -1)).unwrap()
    };
    params.flat_map(|params| params.iter().flat_map(flat)).map(f32::to_bits).collect()
}

#[test]
fn a_checkpoint_gives_its_agent_back_and_a_diverged_run_leaves_none() {
    let few = PearlConfig {
        env: Family::HalfCheetahFwdBack,
        model: PearlModel::Mlp,
        iterations: 1,
        initial_steps: 20,
        horizon: 10,
        prior_steps: Some(20),
        posterior_steps: Some(20),
        train_steps: Some(3),
        context_batch: Some(8),
        batch: 8,
        evaluation_steps: 30,
        ..PearlConfig::default()
    };
    let mut pearl = Pearl::new(few.resolved().unwrap(), workers::start(1).unwrap()).unwrap();
    while let Some(event) = pearl.advance() {
        event.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = checkpoint(folder.path(), &pearl).unwrap();
    let point = Checkpoint::open(&path).unwrap();
    let agent = point.agent(workers::start(1).unwrap()).unwrap();
    assert!(bits(&agent) == bits(&pearl.agent));
    assert_eq!((agent.updates(), point.manifest().step), (3, 1));
    let [.., value, _] = agent.parts();
    let weights = |params: &hyperl::nn::weights::Params| params.tensors().remove(0).copy();
    assert!(weights(value.online) != weights(value.target.unwrap()), "a target is behind");

    let before = files(folder.path());
    let [encoder, ..] = pearl.agent.parts();
    tch::no_grad(|| _ = encoder.online.tensors()[0].get(0).fill_(f64::NAN));
    for error in [
        checkpoint(folder.path(), &pearl).unwrap_err(),
        resume_point::save(folder.path(), &pearl).unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(
            error.starts_with("training diverged by update 3: 27 weights of encoder are NaN"),
            "{error}"
        );
    }
    assert!(files(folder.path()) == before, "nothing is left behind");
}
