//! Whether every command that follows a policy does so in an environment of another process.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::bench::Bench;

/// An agent that observes 11 numbers and takes 3 actions.
const AGENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/agents/td3.zip");

/// The flag that serves it.
const SERVED: &str = "--env-command ./serve";

/// A folder with an environment of the user's own, and scripts that serve it.
fn bench() -> Bench {
    let (bench, here) = (Bench::new(), env!("CARGO_MANIFEST_DIR"));
    fs::copy(format!("{here}/tests/fixtures/worker/linear.py"), bench.path("my_env.py")).unwrap();
    for (name, arguments) in
        [("serve", ""), ("elsewhere", ""), ("wide", "wide"), ("dying", "dying")]
    {
        let script =
            format!("#!/bin/sh\nPYTHONPATH='{here}/python' exec python3 my_env.py {arguments}\n");
        bench.write(name, &script);
        fs::set_permissions(bench.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    bench
}

#[test]
fn an_agent_is_measured_in_an_environment_of_another_process() {
    let bench = bench();
    let said = bench
        .done(&format!("import {AGENT} --env-command ./serve --out agent --episodes 2"))
        .stdout;
    assert!(said.contains("In linear-sum, 2 episodes without noise: return "), "{said}");
    let how = "--states 12 --horizon 5";
    let score = |words: &str| {
        bench.done(&format!("{words} --json")).json()["checkpoints"][0]["score"].clone()
    };
    // The same by either way, with any number of workers.
    let kept = score(&format!("cosine --ckpt agent --out reports/kept {how} {SERVED} --threads 1"));
    let direct = score(&format!(
        "cosine --ckpt {AGENT} --env-command ./serve --out reports/direct {how} --threads 2"
    ));
    assert!(kept.is_object() && kept == direct, "{kept} {direct}");
    let page = fs::read_to_string(bench.path("reports/direct/report.md")).unwrap();
    assert!(page.contains("--env-command ./serve"), "{page}");
    // A file may come from anybody: what it names is not started.
    let alone = bench.analyze(&format!("promise --ckpt agent {how}"));
    let said = "`./serve`: a file names it, and what files name is not started";
    assert!(alone.code == 3 && alone.stderr.contains(said), "{}", alone.stderr);
    // A bank needs no environment.
    bench.done(&format!("bank --ckpt agent {how} {SERVED} --out bank.parquet"));
    score("cosine --ckpt agent --bank bank.parquet --out reports/bank");
    bench.done("compare-critics --ckpt agent --against agent --bank bank.parquet");
    for (name, more) in [
        ("promise", "--states 12"),
        ("compare-critics", "--against agent --states 12"),
        ("diagnose", "--states 4"),
    ] {
        bench.done(&format!("{name} --ckpt agent {more} --horizon 3 {SERVED}"));
        let page = fs::read_to_string(bench.path(&format!("reports/{name}/report.md"))).unwrap();
        assert!(page.contains(SERVED), "{page}");
    }
    bench.done(&format!("baseline --ckpt agent {how} {SERVED}"));
    let found = bench.done("gate --ckpt agent --baseline baseline.parquet --json").json();
    assert_eq!(found["environments"][0]["diff"]["est"], 0.0, "{found}");
    assert!(bench.done("inspect agent").stdout.contains("linear-sum"));

    // The command may have another name elsewhere.
    fs::remove_file(bench.path("serve")).unwrap();
    let gone = bench.analyze(&format!("promise --ckpt agent {how} {SERVED} --seed 1"));
    assert!(
        gone.code == 3 && gone.stderr.contains("`./serve`: it ended (exit status: 127)"),
        "{}",
        gone.stderr
    );
    let again =
        score(&format!("cosine --ckpt agent --env-command ./elsewhere --out again/reports {how}"));
    assert_eq!(again, kept);
}

#[test]
fn another_environment_than_that_of_the_agent_is_refused() {
    let bench = bench();
    bench.done(&format!("import {AGENT} --env-command ./serve --out agent --episodes 1"));
    let refused = |words: &str| {
        let ran = bench.analyze(words);
        assert_eq!((ran.code, &*ran.stdout), (3, ""), "{words}: {}", ran.stderr);
        ran.stderr
    };
    let how = "--states 12 --horizon 5";
    let wide = refused(&format!("promise --ckpt agent {how} --env-command ./wide"));
    assert!(
        wide.contains("error: environment of agent: expected linear-sum (files ")
            && wide
                .contains("; import the agent again with this environment, or drop --env-command"),
        "{wide}"
    );
    // Its agent says that actions lie in [-1, 1].
    let bounds = refused(&format!("import {AGENT} --env-command ./wide --out other"));
    assert!(
        bounds.contains("its actions lie in [-1, 1]; those of linear-sum lie in [-1, 3]"),
        "{bounds}"
    );
    // Critics of other tools than Stable-Baselines3 see actions as the environment takes them, and a script is not
    // rewritten.
    let script = AGENT.replace("td3.zip", "scripts/td3.toml");
    let raw = refused(&format!("import {script} --env-command ./wide --out other"));
    assert!(raw.contains("its networks see actions as linear-sum takes them, in [-1, 3]"), "{raw}");
    let both = refused(&format!("import {AGENT} --env hopper --env-command ./serve --out other"));
    assert!(both.contains("cannot be used with"), "{both}");
    let neither = refused(&format!("import {AGENT} --out other"));
    assert!(neither.contains("--env <ENV>"), "{neither}");
    let dying = refused(&format!("import {AGENT} --env-command ./dying --out other"));
    assert!(dying.contains("`./dying`: it ended (exit status: 7) before it answered"), "{dying}");

    // A line more, and it is another environment.
    let text = fs::read_to_string(bench.path("my_env.py")).unwrap();
    bench.write("my_env.py", &(text + "# A change.\n"));
    let changed = refused(&format!("promise --ckpt agent {how} {SERVED}"));
    assert!(
        changed.contains("error: environment of agent: expected linear-sum (files ")
            && changed.contains("import the agent again"),
        "{changed}"
    );
}

#[test]
fn what_a_checkpoint_says_of_its_environment_is_checked() {
    let bench = bench();
    bench.done(&format!("import {AGENT} --env-command ./serve --out agent --episodes 1"));
    let manifest = bench.path("agent/manifest.json");
    let good: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    let worker = &good["config"]["env"];
    assert_eq!((&worker["name"], &worker["command"]), (&"linear-sum".into(), &"./serve".into()));
    for (key, value, said) in [
        ("name", "hopper".into(), "is that of one of ours"),
        ("observations", 0.into(), "each must be positive"),
        ("time_limit", (-1).into(), "is no readable manifest"),
        ("bounds", Value::Array(vec![]), "each must be positive"),
    ] {
        let mut other = good.clone();
        other["config"]["env"][key] = value;
        fs::write(&manifest, other.to_string()).unwrap();
        let error = bench.error("inspect agent");
        assert!(error.contains(said), "{key}: {error}");
    }
}
