//! Does hyperl-train say what is wrong in one line, write nothing then, and print what it promises?

use std::fs;
use std::path::Path;

use hyperl::algo::RunConfig;
use hyperl::algo::config::TrainConfig;
use hyperl::algo::maml::config::MamlConfig;
use hyperl::algo::pearl::config::PearlConfig;
use hyperl::error::Error;
use serde::de::DeserializeOwned;

use crate::support::program::{Said, files, hyperl_analyze, hyperl_train, run};

/// Runs in a fresh folder, with `--out` below it; `{dir}` in the arguments is that folder.
fn in_folder(folder: &Path, args: &str) -> Said {
    let args = args.replace("{dir}", folder.to_str().unwrap());
    let mut command = hyperl_train(&args);
    command.current_dir(folder);
    run(command)
}

/// Expects exit code 3, one line that begins with `error: ` and holds `expected`, and no file.
fn assert_refused(args: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("unknown.toml"), "env = \"hopper\"\ngama = 0.9\n").unwrap();
    fs::write(folder.path().join("broken.toml"), "env = [\n").unwrap();
    fs::write(folder.path().join("cheetah.toml"), "env = \"cheetah\"\n").unwrap();
    fs::write(folder.path().join("huge.toml"), "seed = 18446744073709551615\n").unwrap();
    let before = files(folder.path());
    let Said { code, out, err } = in_folder(folder.path(), args);
    assert_eq!((code, out.as_str()), (Some(3), ""), "{args}: {err}");
    assert!(err.starts_with("error: ") && err.ends_with('\n'), "{args}: {err}");
    assert_eq!(err.lines().count(), 1, "{args}: {err}");
    assert!(err.contains(expected), "{args}: {err}");
    assert!(files(folder.path()) == before, "{args} wrote something");
}

#[test]
fn names_that_do_not_exist_are_answered_with_those_that_do() {
    let envs = "unknown environment 'cheetah'; choose one of: hopper, walker2d, half-cheetah, ant";
    assert_refused("td3 --env cheetah", envs);
    assert_refused("td3 --set env=cheetah", envs);
    assert_refused("td3 --config cheetah.toml", envs);
    let critics = "unknown critic 'mlp'; choose one of: mlp-standard, mlp-small, mlp-large";
    assert_refused("td3 --critic mlp", critics);
    assert_refused("td3 --config unknown.toml", "unknown.toml: line 2: unknown field `gama`");
    let of_sac = "sac has no setting ";
    assert_refused("sac --set td3.tau=0.01", &format!("{of_sac}td3; drop it"));
    assert_refused("sac --set exploration_noise=0.1", &format!("{of_sac}exploration_noise"));
    assert_refused("td3 --set sac.alpha=0.1", "td3 has no setting sac; drop it");
    assert_refused(
        "sac --set algo=td3",
        "the settings are of td3, the command is hyperl-train sac",
    );
    assert_refused("sac --set sac.evaluate=mean", "unknown variant `mean`, expected `tanh` or");
    assert_refused("sac --set sac.alpha=-1", "sac.alpha must be 0 or more");
    assert_refused("sac --set sac.reward_scale=0", "sac.reward_scale must be positive");
    assert_refused("td3 --set gama=0.9", "--set: unknown field `gama`, expected one of `algo`");
    assert_refused("td3 --set td3.gama=0.9", "unknown field `gama`, expected one of `gamma`");
    assert_refused("td4", "unrecognized subcommand 'td4'");
    assert_refused("td3 --evn hopper", "unexpected argument '--evn'");
}

#[test]
fn values_out_of_range_are_named_with_their_range() {
    assert_refused("td3 --set td3.gamma=1.5", "td3.gamma must be in [0, 1)");
    assert_refused("td3 --set td3.gamma=nan", "td3.gamma must be in [0, 1)");
    assert_refused("td3 --set td3.tau=0", "td3.tau must be in (0, 1]");
    assert_refused("td3 --set td3.critic_lr=-1e-3", "td3.critic_lr must be positive");
    assert_refused("td3 --set td3.policy_delay=0", "td3.policy_delay must be at least 1");
    assert_refused("td3 --steps 0", "steps must be at least 1");
    assert_refused("td3 --steps many", "'many'");
    assert_refused("td3 --steps -5", "'-5'");
    assert_refused("td3 --set batch=1", "batch must be at least 2");
    assert_refused("td3 --set batch=big", "batch");
    assert_refused("td3 --set td3=5", "td3");
    assert_refused("td3 --set replay_capacity=99", "replay_capacity must be at least `batch`");
    assert_refused("td3 --threads 0", "--threads must be at least 1");
    assert_refused("td3 --threads 100000", "--threads must be at most 1024, got 100000");
    assert_refused("td3 --seeds 4..0", "expected FIRST..LAST, such as 0..4");
    assert_refused("td3 --seeds 4", "expected FIRST..LAST, such as 0..4");
}

/// What is wrong with settings that are laid over an algorithm's defaults.
fn wrong<C: DeserializeOwned, T>(settings: &str, resolved: fn(C) -> Result<T, Error>) -> String {
    resolved(toml::from_str(settings).unwrap()).err().unwrap().to_string()
}

#[test]
fn sizes_that_fit_into_no_memory_are_refused() {
    let refused = |found: String, name: &str, most: &str| {
        assert_eq!(found, format!("{name} must be {most}; change it"));
    };
    let million = "at most 1000000";
    let off_policy = |settings: &str, name: &str, most: &str| {
        refused(wrong(settings, TrainConfig::resolved), name, most);
    };
    let batch = "replay_capacity = 1000000000\nbatch = 1000000000";
    off_policy(batch, "batch", million);
    off_policy("evaluation_episodes = 1000000000", "evaluation_episodes", million);
    off_policy("reservoir = 1000000000000", "reservoir", million);
    off_policy("replay_capacity = 1000000000000", "replay_capacity", "at most 1000000000");
    let maml = |settings: &str, name: &str| {
        refused(wrong(settings, MamlConfig::resolved), name, million);
    };
    maml("tasks = 1000000000", "tasks × episodes");
    maml("train_tasks = 1000000000", "train_tasks");
    maml("test_episodes = 1000000000", "test_tasks × test_episodes");
    let pearl = |settings: &str, name: &str, most: &str| {
        refused(wrong(settings, PearlConfig::resolved), name, most);
    };
    let rows = "meta_batch × batch, or × context_batch,";
    pearl(batch, rows, million);
    pearl("meta_batch = 1000000000", rows, million);
    pearl("train_tasks = 1000000000", "train_tasks", million);
    pearl("evaluations = 1000000000", "test_tasks × evaluations", million);
    pearl("tasks_per_iteration = 1000000000", "tasks_per_iteration", million);
    pearl("evaluation_steps = 1000000000", "evaluation_steps", million);
    pearl("replay_capacity = 1000000000000", "replay_capacity", "at most 1000000000");
    pearl("train_steps = 9000000000000000000", "iterations × train_steps", "below 2^64");
    // What a visit brings has to fit, without going round.
    let visits = "pearl --model mlp --set initial_steps=9223372036854775807";
    assert_refused(visits, "is less than the 9223372036854776007 transitions");
    assert_refused("td3 --set reservoir=1000000000000", "reservoir must be at most 1000000");
}

#[test]
fn numbers_that_no_settings_file_holds_are_refused_and_the_largest_one_works() {
    let most = "it must be at most 9223372036854775807, the largest whole number";
    for args in [
        "td3 --seed 18446744073709551615",
        "td3 --seeds 9223372036854775806..9223372036854775808",
        "td3 --set seed=18446744073709551615",
        "td3 --steps 9223372036854775808",
        "td3 --set td3.policy_delay=9223372036854775808",
        "maml --iterations 99999999999999999999999",
        "pearl --seeds 0..18446744073709551615",
    ] {
        assert_refused(args, most);
    }
    assert_refused("td3 --set seed=-1", "invalid value: integer `-1`, expected u64");
    assert_refused("td3 --config huge.toml", "huge.toml: line 1: u64 value was too large");

    let folder = tempfile::tempdir().unwrap();
    let args = "td3 --critic mlp-small --steps 3 --threads 1 --out {dir} --set warmup_steps=2 \
                --set batch=2 --set evaluation_episodes=1 \
                --seeds 9223372036854775806..9223372036854775807";
    let said = in_folder(folder.path(), args);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let pattern = folder.path().join("td3-*");
    let mut returns = hyperl_analyze("returns --json --ckpt");
    let said = run({
        returns.arg(pattern).arg("--out").arg(folder.path().join("page"));
        returns
    });
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(said.out.matches("\"seed\": 92233720368547758").count(), 2, "{}", said.out);
}

#[test]
fn a_run_that_ends_before_its_first_update_says_so() {
    let few = "--critic mlp-small --threads 1 --out {dir} --set evaluation_episodes=1";
    for (args, warning) in [
        (
            "td3 --steps 300",
            "no update in 300 steps, for learning starts after 1000 (warmup_steps)",
        ),
        ("sac --steps 200", "no update in 200 steps, for learning starts after 256 (batch)"),
        ("td3 --steps 3 --set warmup_steps=2 --set batch=2", ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let said = in_folder(folder.path(), &format!("{args} {few}"));
        assert_eq!(said.code, Some(0), "{args}: {}", said.err);
        let first = said.err.lines().next().unwrap();
        assert_eq!(first.starts_with("warning: "), !warning.is_empty(), "{args}: {}", said.err);
        assert!(first.contains(warning), "{args}: {}", said.err);
    }
}

#[test]
fn contradictions_and_half_a_command_are_refused() {
    assert_refused("td3 --seed 1 --seeds 0..4", "cannot be used with");
    assert_refused("td3 --env ant --set env=ant", "--env and --set env=… contradict; give one");
    assert_refused("td3 --seeds 0..1 --set seed=3", "--seed and --set seed=… contradict");
    let inside = "td3 --critic sa-hyper --set critic.precision=bf16";
    assert_refused(inside, "--critic and --set critic.precision=… contradict; give one");
    assert_refused("td3 --set td3.gamma", "--set: expected KEY=VALUE, got 'td3.gamma'");
    assert_refused("td3 --set env.name=x --set env=ant --set env.name=x", "env is a value");
    assert_refused("td3 --env", "'--env <ENV>'");
    assert_refused(
        "",
        "hyperl-train needs a command: td3, sac, maml, pearl, critic, sweep, completions",
    );
    assert_refused(
        "sweep",
        "hyperl-train sweep needs a command: plan, local, submit, status, gather, run",
    );
    assert_refused("completions klingon", "'klingon'");
}

#[test]
fn what_cannot_be_read_or_written_is_named() {
    assert_refused("td3 --config none.toml", "cannot read none.toml: ");
    assert_refused("td3 --config broken.toml", "broken.toml: line 1: unclosed array");
    // A file where the folder should be, and a folder in which nobody can make one.
    assert_refused("td3 --steps 1 --out unknown.toml", "cannot create unknown.toml/td3-hopper-");
    assert_refused(
        "td3 --steps 1 --out unknown.toml",
        "; a file is in the way: choose another --out",
    );
    assert_refused("td3 --steps 1 --out /proc/runs", "cannot create /proc/runs/td3-hopper-");
    assert_refused("td3 --steps 1 --out /proc/runs", "choose another place, such as another --out");
    if !tch::Cuda::is_available() {
        assert_refused("td3 --device cuda", "use --device cpu");
    }
}

#[test]
fn a_dry_run_is_read_back_by_config() {
    let folder = tempfile::tempdir().unwrap();
    let dry = "td3 --env half-cheetah --critic as-hyper --seed 7 --steps 5000 --evaluate-every 10 \
               --set td3.tau=0.01 --set batch=64 --dry-run";
    let first = in_folder(folder.path(), dry);
    assert_eq!((first.code, first.err.as_str()), (Some(0), ""));
    for line in
        ["env = \"half-cheetah\"", "seed = 7", "steps = 5000", "tau = 0.01", "critic_lr = 0.00005"]
    {
        assert!(first.out.lines().any(|l| l == line), "{line} in\n{}", first.out);
    }
    fs::write(folder.path().join("run.toml"), &first.out).unwrap();
    let again = in_folder(folder.path(), "td3 --config run.toml --dry-run");
    assert_eq!((again.code, again.out), (Some(0), first.out));
    assert_eq!(files(folder.path()).len(), 1, "a dry run writes nothing");

    // Flags go before the file, the file before the defaults.
    let other = in_folder(folder.path(), "td3 --config run.toml --seed 8 --set batch=65 --dry-run");
    for line in ["seed = 8", "batch = 65", "steps = 5000"] {
        assert!(other.out.lines().any(|l| l == line), "{line} in\n{}", other.out);
    }
}

#[test]
fn sac_starts_from_its_own_defaults_in_each_environment() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("hopper", "mlp-standard", ["batch = 256", "warmup_steps = 1000", "actor_lr = 0.0003"]),
        ("ant", "sa-hyper", ["batch = 256", "warmup_steps = 1000", "actor_lr = 0.00002"]),
        ("half-cheetah", "emb-hyper", ["alpha = 0.2", "warmup_steps = 10000", "actor_lr = 0.0001"]),
    ];
    for (env, critic, lines) in cases {
        let args = format!("sac --env {env} --critic {critic} --dry-run");
        let said = in_folder(folder.path(), &args);
        for line in lines {
            assert!(said.out.lines().any(|l| l == line), "{line} in\n{}", said.out);
        }
        assert!(!said.out.contains("td3") && !said.out.contains("exploration"), "{}", said.out);
        fs::write(folder.path().join("run.toml"), &said.out).unwrap();
        let again = in_folder(folder.path(), "sac --config run.toml --dry-run");
        assert_eq!((again.code, again.out), (Some(0), said.out));
    }
    // Part of a file is enough: the rest are SAC's defaults, not TD3's.
    fs::write(folder.path().join("part.toml"), "env = \"hopper\"\n[sac]\nalpha = 1.0\n").unwrap();
    let part = in_folder(folder.path(), "sac --config part.toml --dry-run").out;
    assert!(part.contains("\nbatch = 256\n") && part.contains("\nalpha = 1.0\n"), "{part}");
}

#[test]
fn runs_are_named_after_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let args = "td3 --env hopper --critic mlp-small --seeds 0..1 --steps 3 --threads 1 --out {dir} \
                --set warmup_steps=2 --set batch=2 --set evaluation_episodes=1";
    let said = in_folder(folder.path(), args);
    assert_eq!((said.code, said.out.as_str()), (Some(0), ""), "{}", said.err);
    for seed in 0..=1 {
        let run = folder.path().join(format!("td3-hopper-mlp-small-s{seed}"));
        let names: Vec<String> = ["run.toml", "evaluations.csv", "progress.csv", "step-000000003"]
            .into_iter()
            .filter(|name| run.join(name).exists())
            .map(Into::into)
            .collect();
        assert_eq!(names.len(), 4, "{names:?}");
    }
    let lines = fs::read_to_string(folder.path().join("td3-hopper-mlp-small-s0/evaluations.csv"));
    assert!(
        lines
            .unwrap()
            .starts_with("at,split,stage,task,goal,course,episode,context,return\n0,,,,,,0,,")
    );
    let config = in_folder(folder.path(), "td3 --env hopper --critic sa-hyper --dry-run").out;
    let config: TrainConfig = toml::from_str(&config).unwrap();
    assert_eq!(config.run_name(), "td3-hopper-sa-hyper-s0");
}

#[test]
fn help_shows_examples_and_completions_name_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let help = in_folder(folder.path(), "td3 --help");
    assert_eq!((help.code, help.err.as_str()), (Some(0), ""));
    assert!(help.out.contains("hyperl-train td3 --env hopper --critic sa-hyper --seed 0"));
    assert!(help.out.contains("--resume"));
    let script = in_folder(folder.path(), "completions bash");
    assert_eq!((script.code, script.err.as_str()), (Some(0), ""));
    assert!(script.out.contains("hyperl-train"));
    let version = in_folder(folder.path(), "--version");
    assert_eq!(version.out, format!("hyperl-train {}\n", env!("CARGO_PKG_VERSION")));
}
