//! PEARL's gradients through the program: lists of tasks, any number of workers, what is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use hyperl::algo::pearl::trajectory::Player;
use hyperl::analysis::table::{StateRow, of_parquet};
use hyperl::checkpoint::Checkpoint;
use hyperl::gradient::Agent;
use hyperl::gradient::bank::{Plan, make_bank};
use hyperl::gradient::critic_gradient::{CriticInTask, Smaller};
use hyperl::gradient::score::score_states;
use hyperl::gradient::states::from_policy;
use hyperl::nn::workers;
use hyperl::rng::Stream;
use hyperl::rollout::SoftInTask;
use tch::Tensor;
use tempfile::TempDir;

use crate::support::program::{Said, hyperl_train, run};

/// Runs of seconds: PEARL with plain networks and hypernetworks, and TD3.
static RUNS: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let pearl = "pearl --env half-cheetah-vel-medium --iterations 1 --set train_tasks=3 \
        --set test_tasks=2 --set horizon=10 --set initial_steps=20 --set tasks_per_iteration=2 \
        --set prior_steps=20 --set posterior_steps=20 --set meta_batch=2 --set batch=8 \
        --set context_batch=8 --set evaluation_steps=30 --set train_steps=2 --threads 1 --model";
    let td3 = "td3 --env hopper --critic mlp-small --steps 30 --checkpoint-every 30 \
        --evaluate-every 30 --set warmup_steps=20 --set batch=8 --set evaluation_episodes=2 --threads 1";
    for what in [&format!("{pearl} mlp"), &format!("{pearl} hyper"), td3] {
        let mut command = hyperl_train(what);
        command.arg("--out").arg(folder.path());
        let said = run(command);
        assert_eq!(said.code, Some(0), "{}", said.err);
    }
    folder
});

const PLAIN: &str = "pearl-half-cheetah-vel-medium-mlp-s0";
const HYPER: &str = "pearl-half-cheetah-vel-medium-hyper-s0";
const TD3: &str = "td3-hopper-mlp-small-s0";

/// Starts a command on runs; `more` ends the line.
fn analyze(command: &str, runs: &[&str], (out, more): (&Path, &str)) -> Said {
    let mut program = Command::new(env!("CARGO_BIN_EXE_hyperl-analyze"));
    program.arg(command).arg("--ckpt").args(runs.iter().map(|name| RUNS.path().join(name)));
    program.args(more.split_whitespace()).arg("--out").arg(out).stdin(Stdio::null());
    run(program)
}

/// Measures in seconds.
const SHORT: &str = "--states 6 --tasks 2 --horizon 4";

fn measured(command: &str, runs: &[&str], (out, more): (&Path, &str)) -> Said {
    let said = analyze(command, runs, (out, &format!("{SHORT} {more}")));
    assert_eq!(said.code, Some(0), "{}", said.err);
    said
}

fn rows(out: &Path) -> Vec<StateRow> {
    of_parquet(fs::read(out.join("states.parquet")).unwrap()).unwrap()
}

/// List, number, and whether it is test, of the task of each row, with its cosine.
fn places(rows: &[StateRow]) -> Vec<(&'static str, u64)> {
    let place = |row: &StateRow| {
        let task = row.task.unwrap();
        (task.split.name(), task.number)
    };
    rows.iter().map(place).collect()
}

/// Checks the words of a report and its figure.
fn says_what_it_shows(out: &Path) {
    let page = fs::read_to_string(out.join("report.md")).unwrap();
    for words in [
        "PEARL on half-cheetah-vel-medium at iteration 1: raw cosine, training minus test tasks",
        "test tasks (out of distribution)",
        "jackknife-t over tasks, one left out",
        "Training minus test tasks",
        "−log π(a|s, z)",
        "--tasks 2",
    ] {
        assert!(page.contains(words), "{words} in\n{page}");
    }
    let figure = fs::read_to_string(out.join("figure.svg")).unwrap();
    for words in ["HalfCheetah-Vel-Medium, training tasks", "Hyper-PEARL", "iterations"] {
        assert!(figure.contains(words), "{words}");
    }
}

#[test]
fn both_lists_of_tasks_are_measured_and_compared_with_any_number_of_workers() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two, alone] = ["1", "2", "alone"].map(|name| folder.path().join(name).join("out"));
    let said = measured("cosine", &[PLAIN, HYPER], (&one, "--threads 1"));
    measured("cosine", &[PLAIN, HYPER], (&two, "--threads 2"));
    for file in ["states.parquet", "summary.csv", "differences.csv", "figure.svg", "figure.csv"] {
        let [a, b] = [&one, &two].map(|out| fs::read(out.join(file)).unwrap());
        assert!(a == b, "{file} depends on the workers");
    }
    let found = rows(&one);
    let list = |split| [(split, 0), (split, 0), (split, 0), (split, 1), (split, 1), (split, 1)];
    let expected = [list("train"), list("test")].concat();
    assert_eq!(places(&found), expected.repeat(2));
    assert!(found.iter().all(|row| row.cosine.is_finite() && row.horizon == 4), "{found:?}");
    let goals: Vec<f64> = found.iter().map(|row| row.task.unwrap().goal).collect();
    assert!(goals[..6].iter().all(|g| *g < 2.5) && goals[6..12].iter().all(|g| *g >= 2.5));
    let lines: Vec<&str> = said.out.lines().collect();
    let words = "raw cosine, training minus test tasks (out of distribution): ";
    assert_eq!(lines.iter().filter(|line| line.contains(words)).count(), 2, "{}", said.out);
    assert!(lines[0].contains("iteration") && said.out.contains("half-cheetah-vel-medium, test"));
    says_what_it_shows(&one);
    // One task of one list by itself gives the same numbers.
    let said = analyze(
        "cosine",
        &[PLAIN],
        (&alone, "--split test --tasks 1 --states 3 --horizon 4 --json"),
    );
    assert_eq!(said.code, Some(0), "{}", said.err);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert!(json.get("differences").is_none(), "{json}");
    let line = &json["checkpoints"][0];
    assert_eq!((line["split"].as_str(), line["tasks"].as_u64()), (Some("test"), Some(1)), "{line}");
    assert_eq!(line["out_of_distribution"].as_bool(), Some(true));
    let of_test = |rows: &[StateRow], number| -> Vec<u64> {
        let here = |row: &&StateRow| places(std::slice::from_ref(*row))[0] == ("test", number);
        let of_plain = rows.iter().filter(here).filter(|row| row.critic == "pearl");
        of_plain.map(|row| row.cosine.to_bits()).collect()
    };
    assert_eq!(of_test(&rows(&alone), 0), of_test(&found, 0));
    assert_eq!(of_test(&found, 1), by_hand(1, 3));
}

/// Cosines in one task of the test, put together by hand: streams, z, policy, critic and world.
fn by_hand(task: usize, states: usize) -> Vec<u64> {
    let checkpoint = Checkpoint::open(&RUNS.path().join(PLAIN).join("step-000000001")).unwrap();
    let workers = workers::start(1).unwrap();
    let agent = checkpoint.agent(workers.clone()).unwrap();
    let config = checkpoint.pearl().unwrap();
    let (family, here) = (config.env, checkpoint.manifest().tasks.as_ref().unwrap().test[task]);
    let streams = format!("pearl seed 0 iteration 1 test task {task}");
    let stream = |name| Stream::new(0, name).child(&streams);
    let player = Player { agent: &agent, family, horizon: 10, workers: &workers };
    let z = player.explore(&(here, stream("explore")), 2).unwrap().z;
    let z = Tensor::from_slice(&z).unsqueeze(0);
    let critics = agent.frozen_critics().unwrap().map(|critic| CriticInTask::new(critic, &z));
    let make_env = || family.make(here);
    // Rewards are scaled by 5, and the temperature is 1.
    let in_task = Agent {
        make_env: &make_env,
        policy: &SoftInTask::new(agent.policy_in(&z), 0.2),
        critic: &Smaller(critics),
        bootstrap: None,
        gamma: 0.99,
        reward_scale: 5.0,
        streams: &streams,
    };
    let plan = Plan { horizon: 4, ..Plan::default() };
    let starts = from_policy(&make_env, in_task.policy, states, &stream("states")).unwrap();
    let bank = make_bank(&in_task, &starts, 0, &plan, &workers, &|_| ()).unwrap();
    let found = score_states(&bank, 0, in_task.critic, &stream("smoothing")).unwrap();
    found.iter().map(|state| state.inside.unwrap().full.to_bits()).collect()
}

#[test]
fn self_check_learnable_and_the_other_choices_of_value_and_return_run() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("self");
    measured("self-check", &[PLAIN], (&out, ""));
    assert!(rows(&out).iter().all(|row| row.self_cosine > 0.3 && row.horizon == 0));
    let out = folder.path().join("learnable");
    measured("learnable", &[PLAIN], (&out, ""));
    let figure = fs::read_to_string(out.join("figure.svg")).unwrap();
    assert!(figure.contains("test tasks"));
    let soft = rows(&out);
    let out = folder.path().join("hard");
    measured("cosine", &[PLAIN], (&out, "--returns hard --value q1"));
    let hard = rows(&out);
    let differ =
        |f: fn(&StateRow) -> f64| soft.iter().zip(&hard).any(|(a, b)| (f(a) - f(b)).abs() > 1e-9);
    assert!(differ(|row| row.truth_square) && differ(|row| row.critic_norm));
    let page = fs::read_to_string(out.join("report.md")).unwrap();
    assert!(
        page.contains("rewards alone, although PEARL's critics")
            && page.contains("value is Q₁(s, a, z)")
    );
}

#[test]
fn what_pearl_has_not_is_refused_in_one_line_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out: PathBuf = folder.path().join("out");
    let refused = |runs: &[&str], more: &str, words: &str| {
        let said = analyze("cosine", runs, (&out, more));
        assert_eq!(said.code, Some(3), "{more}: {}", said.err);
        assert!(said.err.starts_with("error: ") && said.err.lines().count() == 1, "{}", said.err);
        assert!(said.err.contains(words), "{words}: {}", said.err);
    };
    refused(&[PLAIN], "--mode as-released", "whose critics know no task");
    refused(&[PLAIN], "--states-from replay", "hold no states of the simulator");
    refused(&[PLAIN], "--half-width 0.2", "their number is fixed");
    refused(&[PLAIN], "--tasks 4 --states 8", "there are 3 training tasks; ask for 1 to 3");
    refused(&[PLAIN], "--tasks 0 --states 8", "ask for 1 to 3");
    refused(&[PLAIN], "--tasks 2 --states 1", "--states must be at least --tasks");
    refused(&[PLAIN, TD3], "", "give those of one");
    refused(&[TD3], "--tasks 2", "--tasks and --split are for checkpoints of PEARL");
    refused(&[TD3], "--split test", "drop them for these");
    refused(&[PLAIN], "--split val", "train, test, both");
    assert!(!out.exists(), "nothing is left behind");
}
