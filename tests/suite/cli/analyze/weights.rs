//! `weights`: dynamic weights against MLP-Small's, drawn and trained.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::bench::{Bench, contents, edit};

/// A run of a hypernetwork, as short as it can be.
static HYPER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "td3 --env hopper --critic sa-hyper --seed 0 --steps 30 --checkpoint-every 30 \
        --evaluate-every 30 --set warmup_steps=24 --set batch=8 --set evaluation_episodes=1 \
        --threads 1 --out .";
    let trained = Command::new(env!("CARGO_BIN_EXE_hyperl-train"))
        .args(arguments.split_whitespace())
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
    folder
});

/// The checkpoint of the hypernetwork.
fn hyper() -> PathBuf {
    HYPER.path().join("td3-hopper-sa-hyper-s0/step-000000030")
}

/// Few enough draws for a test.
const SMALL: &str = "--init --env hopper --seeds 2 --states 20";

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn drawn_networks_give_distances_figures_and_a_page_whatever_the_threads() {
    let one = Bench::new();
    let json = one.done(&format!("weights {SMALL} --threads 1 --json")).json();
    let lines = json.as_array().unwrap();
    assert_eq!(lines.len(), 4);
    for line in lines {
        assert_eq!((&line["env"], &line["networks"]), (&"hopper".into(), &2.into()));
        let [tv, half, null, excess] =
            ["tv", "half_tv", "null", "excess"].map(|key| number(&line[key]["mean"]));
        assert!((tv / 2.0 - half).abs() < 1e-9 && (tv - null - excess).abs() < 1e-9);
        assert!(null > 0.0 && tv > null && tv <= 100.0, "{line}");
    }
    assert_eq!(lines[0]["start"], "hyper-init");
    assert_eq!(lines[1]["start"], "pytorch-hyper-init");
    assert_eq!(number(&lines[0]["published"]), 31.4);

    let folder = one.path("reports/weights");
    let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let page = text("report.md");
    for said in ["**Verdict: ", "Walker2d layer 2", "of 8 readings", "![Weights before training"] {
        assert!(page.contains(said), "{said}");
    }
    assert_eq!(text("summary.csv").lines().count(), 5);
    assert_eq!(text("sensitivity.csv").lines().count(), 1 + 4 * 12);
    assert!(text("provenance.toml").contains("scaling = \"raw\""));
    assert!(text("layer-1.svg").contains("Hopper") && text("layer-2.svg").len() < 200_000);
    assert!(text("report.html").contains("<svg"));

    let two = Bench::new();
    let said = two.done(&format!("weights {SMALL} --threads 2")).stdout;
    assert_eq!(said.lines().count(), 5);
    let bytes = |bench: &Bench| {
        let all = contents(&bench.path("reports/weights"));
        all.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>()
    };
    assert!(bytes(&one) == bytes(&two), "results depend on the number of threads");
}

#[test]
fn a_spec_makes_the_same_numbers_with_its_own_words() {
    let bench = Bench::new();
    let spec = "figure = \"Table 0\"\ntitle = \"A test\"\nclaim = \"Closer.\"\nmeasure = \"weights\"\n\
        [select]\nalgo = \"td3\"\nenvs = [\"hopper\"]\nseeds = [0, 1]\n[settings]\nstates = 20\n";
    bench.write("table00.toml", spec);
    bench.done("report table00.toml");
    bench.done(&format!("weights {SMALL}"));
    let read = |name: &str| fs::read_to_string(bench.path(name)).unwrap();
    assert_eq!(read("reports/table00/summary.csv"), read("reports/weights/summary.csv"));
    let page = read("reports/table00/report.md");
    assert!(page.starts_with("# Table 0: A test\n") && page.contains("**Claim.** Closer."));
    assert!(page.contains("hyperl-analyze report table00.toml --out reports\n"));

    bench.write("none.toml", &spec.replace("seeds = [0, 1]", "seeds = []"));
    let needs = "none.toml: `seeds` is empty: name at least one";
    assert_eq!(bench.error("report none.toml"), needs);
    bench.write("former.toml", &spec.replace("[select]\nalgo = \"td3\"\n", ""));
    assert_eq!(bench.error("report former.toml"), "former.toml: `envs` stands in [select] now");
    bench.write("odd.toml", &spec.replace("states = 20", "bins = 1"));
    assert_eq!(bench.error("report odd.toml"), "odd.toml: bins must be at least 2, got 1");
    bench.write("key.toml", &format!("{spec}[[panels]]\ndraw = \"mean-by-step\"\n"));
    let misplaced =
        "key.toml: `panels` belongs to cosines and returns, and this is a spec of weights";
    assert_eq!(bench.error("report key.toml"), misplaced);
}

#[test]
fn trained_critics_are_compared_with_trained_or_drawn_mlps() {
    let bench = Bench::new();
    let run = |more: &str| {
        let words = format!("weights --ckpt {} --states 25 {more} --json", hyper().display());
        bench.done(&words).json().as_array().unwrap().clone()
    };
    let trained = run("--against @");
    assert_eq!(trained.len(), 2);
    for line in &trained {
        assert_eq!((&line["start"], &line["networks"]), (&"trained".into(), &1.into()));
        assert!(line["tv"]["low"].is_null(), "one run has no interval: {line}");
    }
    let page = fs::read_to_string(bench.path("reports/weights/report.md")).unwrap();
    for said in [
        "**Verdict: undecided.**",
        "one run of the paper's initialisation, up to 30 steps, in one environment",
        "The numbers of Table 2 are of 100K steps, those here of 30.",
        "td3-hopper-sa-hyper-s0 was trained for 30 steps and its MLP-Small for 60",
    ] {
        assert!(page.contains(said), "{said}");
    }
    let provenance = fs::read_to_string(bench.path("reports/weights/provenance.toml")).unwrap();
    assert!(provenance.contains("run = \"td3-hopper-sa-hyper-s0\"\nstep = 30\n"));
    assert!(provenance.contains("run = \"td3-hopper-mlp-small-s0\"\nstep = 60\n"));
    // Six updates at 5e-5 leave the first layer where it started: 60 % of Table 2's twin, 31.4.
    let drawn = run("--against-init");
    let tv = number(&drawn[0]["tv"]["mean"]);
    assert!((tv - 60.0).abs() < 6.0, "{tv}");
}

#[test]
fn what_cannot_be_compared_is_named() {
    let bench = Bench::new();
    let hyper = hyper().display().to_string();
    let error = |words: &str| bench.error(&format!("weights {}", words.replace('%', &hyper)));
    let starts = |words: &str, message: &str| {
        let said = error(words);
        assert!(said.starts_with(message), "{said}");
    };
    starts("", "the following required arguments were not provided");
    starts("--init --ckpt %", "the argument '--init' cannot be used with");
    starts("--ckpt % --against-init --seeds 3", "the argument '--ckpt <PATH>...' cannot be used");
    starts(
        "--init --binning both",
        "invalid value 'both' for '--binning <BINNING>': unknown binning",
    );
    assert_eq!(
        error("--ckpt %"),
        "--ckpt needs something to compare with: give --against PATH of an mlp-small run, or \
         --against-init"
    );
    assert!(error("--ckpt @ --against-init").ends_with(
        "its critic, mlp-small, makes no weights; give a checkpoint of sa-hyper, as-hyper or emb-hyper"
    ));
    assert_eq!(
        error("--ckpt % --against %"),
        format!(
            "critic of --against {hyper}: expected mlp-small, got sa-hyper; give a run of hyperl-train \
             --critic mlp-small"
        )
    );
    assert_eq!(error("--init --bins 1"), "--bins must be at least 2, got 1");
    assert_eq!(error("--init --seeds 0"), "--seeds must be at least 1, got 0");
    assert_eq!(
        error("--init --states 1001"),
        "--states must be 1 to 1000, the steps that are made to visit them, got 1001"
    );
    assert_eq!(
        error("--ckpt % --against-init"),
        "100 states were asked for, 30 were visited; lower --states"
    );
}

#[test]
fn an_mlp_of_another_environment_is_refused() {
    let bench = Bench::new();
    edit(&bench.copy(), |manifest| manifest["config"]["env"] = "walker2d".into());
    let said = bench.error(&format!("weights --ckpt {} --against ckpt", hyper().display()));
    assert_eq!(
        said,
        format!(
            "environment of --against ckpt: expected hopper, as {}, got walker2d; compare runs of one \
             environment",
            hyper().display()
        )
    );
}
