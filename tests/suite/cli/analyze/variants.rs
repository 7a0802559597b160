//! Runs that differ in a setting only, and runs of several algorithms: never mixed by mistake.

use std::fs;
use std::process::Command;

use crate::support::bench::{Bench, run};

/// Trains a tiny run inside a bench.
fn train(bench: &Bench, algo: &str, more: &str) {
    let arguments = format!(
        "{algo} --env hopper --critic mlp-small --seed 0 --steps 60 --checkpoint-every 30 \
         --evaluate-every 30 --set warmup_steps=20 --set batch=8 --set evaluation_episodes=2 \
         --threads 1 {more}"
    );
    let trained = Command::new(env!("CARGO_BIN_EXE_hyperl-train"))
        .args(arguments.split_whitespace())
        .current_dir(bench.path("."))
        .output()
        .unwrap();
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
}

const SPEC: &str = r#"
figure = "Rates"
title = "A test of variants"
claim = "The lower rate is better."
measure = "returns"
contrasts = [["mlp-small, low", "mlp-small, usual"]]

[select]
algo = "td3"
envs = ["hopper"]
models = ["mlp-small"]
seeds = [0]
length = 60
checkpoint_every = 30

[[select.variants]]
name = "usual"
folder = "elsewhere"
set = { "td3.critic_lr" = 3e-4 }

[[select.variants]]
name = "low"
folder = "elsewhere"
set = { "td3.critic_lr" = 5e-5 }

[[panels]]
draw = "return-by-step"
"#;

#[test]
fn runs_that_differ_in_a_setting_are_two_series() {
    let bench = Bench::new();
    train(&bench, "td3", "--out runs");
    bench.write("fig.toml", SPEC);
    let missing = bench.error("report fig.toml --checkpoints runs");
    assert!(
        missing.contains("--checkpoint-every 30 --set td3.critic_lr=0.00005 --out runs/elsewhere"),
        "{missing}"
    );
    train(&bench, "td3", "--set td3.critic_lr=5e-5 --out runs/elsewhere");
    bench.done("report fig.toml --checkpoints runs");
    let report = fs::read_to_string(bench.path("reports/fig/report.md")).unwrap();
    assert!(report.contains("| MLP-Small, low − MLP-Small, usual |"), "{report}");
    let curves = fs::read_to_string(bench.path("reports/fig/figure.csv")).unwrap();
    assert!(curves.contains("\"mlp-small, low\"") && curves.contains("\"mlp-small, usual\""));

    // The same for cosines, whose rows carry the series.
    let cosines = SPEC
        .replace("\"returns\"", "\"gradient-cosine\"")
        .replace("return-by-step", "mean-by-step")
        .replace("[[panels]]", "[settings]\nstates = 3\nrollouts = 7\n\n[[panels]]");
    bench.write("cosine.toml", &cosines);
    bench.done("report cosine.toml --checkpoints runs");
    let contrasts = fs::read_to_string(bench.path("reports/cosine/contrasts.csv")).unwrap();
    assert!(contrasts.contains("MLP-Small, low − MLP-Small, usual"), "{contrasts}");

    // Another run in the place of the variant is no variant.
    fs::remove_dir_all(bench.path("runs/elsewhere")).unwrap();
    train(&bench, "td3", "--out runs/elsewhere");
    let other = bench.error("report fig.toml --checkpoints runs");
    assert!(other.contains("td3.critic_lr of runs/elsewhere/td3-hopper-mlp-small-s0"), "{other}");
    let unknown = SPEC.replace("\"td3.critic_lr\" = 5e-5", "\"td3.lr\" = 5e-5");
    bench.write("fig.toml", &unknown);
    let unknown = bench.error("report fig.toml --checkpoints runs");
    assert!(unknown.contains("variant 'low': td3 has no setting called td3.lr"), "{unknown}");
    let absent = SPEC.replace("name = \"low\"", "name = \"low\"\nmodels = [\"sa-hyper\"]");
    bench.write("fig.toml", &absent);
    assert_eq!(
        bench.error("report fig.toml --checkpoints runs"),
        "fig.toml: the variant 'low' is for sa-hyper, which is not selected; choose from mlp-small"
    );
}

#[test]
fn algorithms_and_runs_of_one_name_do_not_share_a_figure() {
    let bench = Bench::new();
    train(&bench, "sac", "--out runs");
    let (td3, sac) = (run(), bench.path("runs/sac-hopper-mlp-small-s0"));
    let (td3, sac) = (td3.display(), sac.display());
    let settings = "--mode paper --states 2 --rollouts 7 --horizon 5";
    let mixed = bench.error(&format!("cosine --ckpt {td3} {sac} {settings}"));
    assert!(mixed.contains("are of sac and td3, whose curves a figure would mix"), "{mixed}");
    train(&bench, "td3", "--set td3.critic_lr=5e-5 --out runs");
    let twin = bench.path("runs/td3-hopper-mlp-small-s0");
    let twice = bench.error(&format!("cosine --ckpt {td3} {} {settings}", twin.display()));
    assert!(twice.contains("have the same name and step"), "{twice}");
    let twice = bench.error(&format!("returns --ckpt {td3} {}", twin.display()));
    assert!(
        twice.contains(" are both runs of td3-hopper-mlp-small-s0: a seed counts once"),
        "{twice}"
    );

    // Each by itself is measured; SAC's critics estimate soft returns.
    bench.done(&format!("cosine --ckpt {sac} {settings}"));
    let report = fs::read_to_string(bench.path("reports/cosine/report.md")).unwrap();
    assert!(report.contains("Returns of SAC are soft"), "{report}");
    let released = bench.error(&format!("cosine --ckpt {sac} --mode as-released"));
    assert!(released.contains("is the authors' script for TD3"), "{released}");
    let soft = bench.error(&format!("cosine --ckpt {td3} {settings} --returns soft"));
    assert!(soft.contains("TD3's critics estimate no entropy"), "{soft}");
    // Returns of both stand in panels of their own.
    bench.done(&format!("returns --ckpt {td3} {sac} --baseline mlp-small"));
    let svg = fs::read_to_string(bench.path("reports/returns/figure.svg")).unwrap();
    assert!(svg.contains("Hopper, SAC") && svg.contains("Hopper, TD3"));
    let scores = fs::read_to_string(bench.path("reports/returns/scores.csv")).unwrap();
    assert_eq!(scores.lines().count(), 3, "{scores}");
}
