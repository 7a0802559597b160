//! What the commands print and write.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::support::bench::{Bench, RUN, checkpoint, contents, run, runs};

/// Few enough rollouts for a test.
const SMALL: &str = "--mode paper --states 3 --rollouts 7";

#[test]
fn cosine_prints_the_json_of_the_contract_and_nothing_else() {
    let bench = Bench::new();
    let json = bench.done("cosine --ckpt @ --mode paper --json").json();
    let line = &json["checkpoints"][0];
    assert_eq!(json["checkpoints"].as_array().unwrap().len(), 1);
    assert_eq!(line["path"], checkpoint().display().to_string());
    for (key, value) in
        [("env", "hopper"), ("algo", "td3"), ("model", "mlp-small"), ("mode", "paper")]
    {
        assert_eq!(line[key], value);
    }
    for (key, value) in [("seed", 0), ("step", 60), ("states", 15), ("rollouts", 15)] {
        assert_eq!(line[key], value);
    }
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    let cosine = ["low", "mean", "high"].map(|key| number(&line["cosine"][key]));
    assert!(cosine.is_sorted() && cosine[1].abs() <= 1.0, "{cosine:?}");
    // A random direction in three dimensions: (1 − τ) / 2
    assert!((number(&line["chance"]["0.25"]) - 0.375).abs() < 1e-12);
    assert!((number(&line["chance"]["0.75"]) - 0.125).abs() < 1e-12);
    let learnable = ["0.75", "0.25"].map(|tau| number(&line["learnable"][tau]));
    assert!(learnable.is_sorted() && learnable.iter().all(|x| (0.0..=1.0).contains(x)));
    for flag in [
        "undefined",
        "rank_deficient",
        "projected",
        "one_step",
        "too_few",
        "unresolved",
        "non_finite",
    ] {
        assert!(line["flags"][flag].is_u64(), "{flag}");
    }
    assert_eq!(line["flags"]["rank_deficient"], 0);
}

#[test]
fn rollouts_without_a_mode_ask_for_the_papers() {
    let bench = Bench::new();
    let line = |words: &str| {
        let json = bench.done(&format!("cosine --ckpt @ {words} --json")).json();
        json["checkpoints"][0].clone()
    };
    let short = line("--rollouts 7 --states 3 --horizon 5");
    assert_eq!(short, line("--mode paper --rollouts 7 --states 3 --horizon 5"));
    assert_eq!((&short["mode"], &short["rollouts"]), (&"paper".into(), &7.into()));
    let help = bench.done("cosine --help").stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("default: lab, paper where --rollouts is given]"), "{help}");
}

#[test]
fn the_horizon_is_where_rollouts_are_cut_and_not_where_they_fall() {
    let bench = Bench::new();
    let json = bench.done(&format!("cosine --ckpt @ {SMALL} --json")).json();
    let line = &json["checkpoints"][0];
    assert_eq!(line["horizon"], 688); // 0.99^688 < 1e-3
    let longest = line["longest"].as_u64().unwrap();
    assert!(longest > 0 && longest < 688, "a hopper without training falls: {longest}");
}

#[test]
fn what_is_excluded_or_flagged_is_counted_in_every_output() {
    let bench = Bench::new();
    let ran = bench.done(&format!("cosine --ckpt @ {SMALL} --json")).json();
    let line = &ran["checkpoints"][0];
    assert_eq!(
        (&line["states"], &line["usable"], &line["tried"]),
        (&3.into(), &3.into(), &3.0.into())
    );
    assert_eq!(line["flags"]["fell"], 3);
    let text = bench.done(&format!("cosine --ckpt @ {SMALL}")).stdout;
    let counts = text.lines().find(|line| line.contains("3 of 3 states usable")).unwrap();
    assert!(counts.contains("3 fell") && !counts.contains(" 0 "), "{counts}");
    let csv = fs::read_to_string(bench.path("reports/cosine/summary.csv")).unwrap();
    let report = fs::read_to_string(bench.path("reports/cosine/report.md")).unwrap();
    assert!(
        report.contains("### States left out or flagged") && report.contains("3 fell"),
        "{report}"
    );
    for column in [
        "usable",
        "dimensions",
        "horizon",
        "one step",
        "too few",
        "truncated",
        "non-finite rollouts",
    ] {
        assert!(csv.lines().next().unwrap().contains(column), "{column}: {csv}");
    }
}

#[test]
fn the_json_of_a_run_has_a_line_for_each_checkpoint() {
    let bench = Bench::new();
    let ran = bench.done(&format!("cosine --ckpt {} {SMALL} --json", run().display())).json();
    let steps: Vec<u64> = ran["checkpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [30, 60]);
    // One state has no interval: null, not an invented number.
    let one =
        bench.done("cosine --ckpt @ --mode paper --states 1 --rollouts 7 --out one --json").json();
    assert!(one["checkpoints"][0]["cosine"]["mean"].is_f64());
    assert!(one["checkpoints"][0]["cosine"]["low"].is_null());
}

#[test]
fn a_pattern_passes_over_what_is_no_run() {
    let bench = Bench::new();
    fs::write(runs().join("README.md"), "not a run").unwrap();
    let ran = bench.done(&format!("cosine --ckpt {}/* {SMALL} --json", runs().display())).json();
    assert_eq!(ran["checkpoints"].as_array().unwrap().len(), 2);
    let report = fs::read_to_string(bench.path("reports/cosine/report.md")).unwrap();
    assert!(report.contains(&format!("--ckpt '{}/*'", runs().display())), "{report}");
}

#[test]
fn models_json_is_the_table() {
    let bench = Bench::new();
    let json = bench.done("models --json").json();
    let json: Vec<String> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|m| format!("{} {} {}", m["model"], m["env"], m["parameters"]).replace('"', ""))
        .collect();
    let text = bench.done("models").stdout;
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(json, text.lines().skip(1).map(words).collect::<Vec<_>>());
    assert!(json.len() >= 24);
    let hopper = bench.done("models --env hopper").stdout;
    assert!(hopper.lines().skip(1).all(|line| line.contains(" hopper ")));
}

#[test]
fn threads_change_no_byte() {
    let folders = ["1", "2"].map(|threads| {
        let bench = Bench::new();
        bench.done(&format!("learnable --ckpt @ {SMALL} --threads {threads} --out reports/x"));
        bench
    });
    for file in ["states.parquet", "summary.csv", "figure.svg", "report.md", "provenance.toml"] {
        assert!(folders[0].path("reports/x").join(file).is_file(), "{file}");
    }
    let [one, two] = folders.each_ref().map(|bench| {
        let root = bench.path("");
        let relative = |path: &std::path::Path| path.strip_prefix(&root).unwrap().to_owned();
        let all = contents(&root);
        all.into_iter().map(|(path, bytes)| (relative(&path), bytes)).collect::<Vec<_>>()
    });
    assert_eq!(one.len(), two.len());
    for (one, two) in one.into_iter().zip(two) {
        assert!(one == two, "{} differs from {}", one.0.display(), two.0.display());
    }
}

/// Names and times of the measurements in a folder, without their hashes.
fn units(bench: &Bench, folder: &str) -> Vec<(PathBuf, SystemTime)> {
    let files = fs::read_dir(bench.path(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().unwrap() == "parquet")
        .map(|path| (path.clone(), path.metadata().unwrap().modified().unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn what_was_measured_is_read_back() {
    let bench = Bench::new();
    bench.done(&format!("cosine --ckpt @ {SMALL}"));
    let (first, before) = (units(&bench, "reports/units"), contents(&bench.path("reports/cosine")));
    assert_eq!(first.len(), 1);
    bench.done(&format!("cosine --ckpt @ {SMALL}"));
    assert_eq!(units(&bench, "reports/units"), first);
    assert_eq!(contents(&bench.path("reports/cosine")), before);
    // Another command with the same measurement shares it; another measurement does not.
    bench.done(&format!("learnable --ckpt @ {SMALL}"));
    assert_eq!(units(&bench, "reports/units"), first);
    bench.done(&format!("cosine --ckpt @ {SMALL} --seed 1"));
    assert_eq!(units(&bench, "reports/units").len(), 2);
    bench.done(&format!("self-check --ckpt @ {SMALL}"));
    assert_eq!(units(&bench, "reports/units").len(), 3);
}

#[test]
fn a_measurement_that_is_not_as_it_was_written_is_made_again() {
    let bench = Bench::new();
    let cosine = format!("cosine --ckpt @ {SMALL}");
    bench.done(&cosine);
    let before = contents(&bench.path("reports/cosine"));
    let (unit, _) = &units(&bench, "reports/units")[0];
    let whole = fs::read(unit).unwrap();
    let bit = |byte: usize, bit: u8| {
        let mut bytes = whole.clone();
        bytes[byte % whole.len()] ^= 1 << bit;
        bytes
    };
    // Polars panics at the first bit, and reads other cells after the second.
    let damages = [bit(3913, 2), bit(8838, 5), whole[..whole.len() / 2].to_vec(), Vec::new()];
    for damaged in damages {
        fs::write(unit, damaged).unwrap();
        let ran = bench.done(&cosine);
        assert!(ran.stderr.contains("is damaged and will be measured again"), "{}", ran.stderr);
        assert!(fs::read(unit).unwrap() == whole);
        assert!(contents(&bench.path("reports/cosine")) == before);
    }
    assert!(!bench.done(&cosine).stderr.contains("measured again"));
}

#[test]
fn both_estimators_run_from_both_sources_of_states() {
    let bench = Bench::new();
    let mean = |words: &str| {
        let mode = if words.contains("--mode") { "" } else { "--mode paper" };
        let small = "--states 3 --rollouts 7";
        let json = bench.done(&format!("cosine --ckpt @ {mode} {small} --json {words}")).json();
        let line = &json["checkpoints"][0];
        (line["mode"].as_str().unwrap().to_owned(), line["cosine"]["mean"].as_f64().unwrap())
    };
    let paper = mean("");
    assert_eq!(paper, mean("--states-from replay"));
    let policy = mean("--states-from policy");
    assert_ne!(paper, policy);
    let released = mean("--mode as-released");
    assert_eq!((&*paper.0, &*released.0), ("paper", "as-released"));
    assert_eq!(released, mean("--mode as-released --states-from policy"));
    assert_ne!(released.1, mean("--mode as-released --states-from replay").1);
    assert_ne!(released.1, policy.1);
    assert_ne!(paper, mean("--horizon 3"));
}

#[test]
fn self_check_counts_its_own_cosines() {
    let bench = Bench::new();
    let json = bench.done("self-check --ckpt @ --json").json();
    let line = &json["checkpoints"][0];
    // A fixed number, for there is no noise to average.
    assert_eq!((&line["states"], &line["mode"]), (&30.into(), &"lab".into()));
    assert_eq!((&line["horizon"], &line["rollouts"]), (&0.into(), &56.into()));
    assert!(line["policy"]["kappa"]["value"].as_f64().unwrap() > 0.8, "{line}");
    let usable = line["usable"].as_u64().unwrap();
    let flag = |name: &str| line["flags"][name].as_u64().unwrap();
    assert_eq!(usable + flag("undefined") + flag("rank_deficient") + flag("too_few"), 30);
    // A small ReLU network is close to linear at the scale of the perturbations.
    assert!(line["cosine"]["mean"].as_f64().unwrap() > 0.8, "{line}");
    assert!(line["learnable"]["0.75"].as_f64().unwrap() > 0.5, "{line}");
    let cosine = bench.done("cosine --ckpt @ --mode paper --json").json();
    assert_ne!(line["cosine"], cosine["checkpoints"][0]["cosine"]);
}

#[test]
fn reports_of_given_runs_have_no_claim() {
    let bench = Bench::new();
    bench.done(&format!("learnable --ckpt {} {SMALL}", run().display()));
    bench.done(&format!("returns --ckpt {}", run().display()));
    for name in ["learnable", "returns"] {
        let report =
            fs::read_to_string(bench.path("reports").join(name).join("report.md")).unwrap();
        assert!(!report.contains("Claim") && !report.contains("Verdict"), "{report}");
        assert!(report.contains("### Make it again"), "{report}");
    }
    let csv = fs::read_to_string(bench.path("reports/returns/figure.csv")).unwrap();
    // Evaluations at 0, 30 and 60.
    assert_eq!(csv.lines().count(), 4, "{csv}");
}

#[test]
fn inspect_tells_what_a_checkpoint_holds() {
    let bench = Bench::new();
    let text = bench.done("inspect @").stdout;
    assert!(
        text.contains(&format!("  run        {RUN}\n  step       60 (40 updates)\n")),
        "{text}"
    );
    let json = bench.done("inspect @ --json").json();
    assert_eq!(json["manifest"]["step"], 60);
    let tensors = json["tensors"].as_array().unwrap();
    assert!(tensors.iter().all(|t| t["non_finite"] == 0 && t["rms"].is_f64()));
    // Seven lines come before the tensors.
    assert_eq!(tensors.len() + 7, text.lines().count());
    assert!(contents(&bench.path("")).is_empty());
}
