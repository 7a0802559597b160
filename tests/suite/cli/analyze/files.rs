//! Runs whose files are incomplete, hold undefined numbers, or lie in folders of any name.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::support::bench::{Bench, RUN, Ran, edit, run};
use crate::support::damage;

/// Copies a folder with all that is in it.
fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

impl Bench {
    /// Copies the run under its name.
    fn copy_run(&self) -> PathBuf {
        let to = self.path(RUN);
        copy_all(&run(), &to);
        to
    }

    /// Changes a file of the copied run.
    fn change(&self, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.path(RUN).join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, change(text)).unwrap();
    }

    /// Makes a run without checkpoints: its settings, and the mean return of each evaluation, of two
    /// episodes that lie 1 above and below it.
    fn write_run(&self, seed: u64, critic: &str, evaluations: &[(u64, &str)]) {
        let folder = format!("runs/td3-hopper-{critic}-s{seed}");
        let settings = fs::read_to_string(run().join("run.toml")).unwrap();
        let settings = settings.replace("seed = 0", &format!("seed = {seed}"));
        let settings = settings
            .replace("mlp-small", critic)
            .replace("evaluate_every = 30", "evaluate_every = 10");
        self.write(&format!("{folder}/run.toml"), &settings);
        let mut text = String::from("at,split,stage,task,goal,course,episode,context,return\n");
        for (step, value) in evaluations {
            let [low, high] = match value.parse::<f64>() {
                Ok(x) if x.is_finite() => [x - 1.0, x + 1.0].map(|x| x.to_string()),
                _ => [String::from("1"), (*value).to_owned()],
            };
            let _ = write!(text, "{step},,,,,,0,,{low}\n{step},,,,,,1,,{high}\n");
        }
        self.write(&format!("{folder}/evaluations.csv"), &text);
    }
}

#[test]
fn settings_that_are_not_those_of_the_checkpoints_are_refused() {
    let bench = Bench::new();
    bench.copy_run();
    let refused = |words: &str| {
        for command in ["returns --ckpt", "cosine --states 5 --horizon 5 --ckpt"] {
            let error = bench.error(&format!("{command} {RUN}"));
            assert!(error.contains(words), "{command}: {words}: {error}");
        }
    };
    let whole = fs::read_to_string(bench.path(RUN).join("run.toml")).unwrap();
    bench.change("run.toml", |_| String::new());
    assert_eq!(
        bench.error(&format!("returns --ckpt {RUN}")),
        format!(
            "{RUN}/run.toml: it is empty: expected `algo` and all other settings of a run; copy the file \
             again, or train the run anew"
        )
    );
    refused("run.toml: ");
    bench.change("run.toml", |_| whole.replace("critic = \"mlp-small\"\n", ""));
    refused("run.toml: there is no `critic`: a run says its algo, env, critic, seed, steps");
    bench.change("run.toml", |_| whole.replace("mlp-small", "sa-hyper"));
    refused("critic of ");
    bench.change("run.toml", |_| whole.replace("tau = 0.005", "tau = 0.05"));
    refused(&format!("expected 0.05 as in {RUN}/run.toml, got 0.005; put each checkpoint back"));
    // A run may have become longer since.
    bench.change("run.toml", |_| whole.replace("steps = 60", "steps = 90"));
    bench.done(&format!("returns --ckpt {RUN}"));
    bench.change("run.toml", |_| whole);
    // A copy beside is no checkpoint of the run; one under the name of another step is refused.
    let [at_30, at_60] = [30, 60].map(|step| bench.path(RUN).join(format!("step-{step:09}")));
    copy_all(&at_60, &bench.path(RUN).join("step-000000060.old"));
    let lines = |ran: Ran| {
        ran.stdout.lines().filter(|line| line.starts_with("hopper mlp-small s0")).count()
    };
    let cosine = format!("cosine --states 5 --horizon 5 --ckpt {RUN}");
    assert_eq!(lines(bench.done(&cosine)), 2);
    fs::remove_dir_all(&at_60).unwrap();
    fs::rename(&at_30, &at_60).unwrap();
    fs::remove_dir_all(bench.path("reports")).unwrap();
    assert!(bench.error(&cosine).contains("step of "), "{}", bench.error(&cosine));
    edit(&at_60, |manifest| manifest["config"] = serde_json::json!({}));
    assert!(bench.error(&cosine).contains("in its config there is no `algo`"));
}

#[test]
fn incomplete_tables_are_refused_and_never_an_empty_report() {
    let bench = Bench::new();
    bench.copy_run();
    let words = format!("returns --ckpt {RUN}");
    for file in ["evaluations.csv", "progress.csv"] {
        let whole = fs::read_to_string(bench.path(RUN).join(file)).unwrap();
        let doubled = format!("{whole}{}\n", whole.lines().last().unwrap());
        let cut = whole[..whole.len() - 2].to_owned();
        for damaged in [String::new(), cut, doubled, whole.replacen("at", "time", 1)] {
            bench.change(file, |_| damaged);
            let error = bench.error(&words);
            assert!(error.starts_with(&format!("{RUN}/{file} is damaged: ")), "{error}");
            assert!(
                error.contains("expected") && error.ends_with("; train or copy it again"),
                "{error}"
            );
        }
        bench.change(file, |_| whole);
    }
    // Whole evaluations that are missing are named, in terminal and page.
    let lack = format!(
        "{RUN}/evaluations.csv: there is no evaluation of step 60, expected one every 30 steps up to 60; copy \
         the file again, or train the run anew"
    );
    bench.change("evaluations.csv", |text| text.split_inclusive('\n').take(5).collect());
    let ran = bench.done(&words);
    assert!(ran.stderr.contains(&format!("warning: {lack}\n")), "{}", ran.stderr);
    let page = fs::read_to_string(bench.path("reports/returns/report.md")).unwrap();
    assert!(page.contains(&lack), "{page}");
    fs::remove_file(bench.path(RUN).join("evaluations.csv")).unwrap();
    fs::remove_dir_all(bench.path("reports")).unwrap();
    assert!(bench.error(&words).contains("holds no evaluations.csv"));
}

#[test]
fn undefined_returns_enter_no_number_and_are_named() {
    for bad in ["NaN", "inf", "-inf"] {
        let bench = Bench::new();
        bench.write_run(3, "mlp-small", &[(0, "3"), (10, "7"), (20, bad), (30, "5"), (40, bad)]);
        let ran = bench.done("returns --ckpt runs/* --baseline mlp-small --json");
        let json = ran.json();
        let [last, highest] = ["final", "highest"].map(|key| &json["runs"][0][key]);
        assert_eq!((&last["step"], &last["mean"]), (&30.into(), &5.0.into()), "{json}");
        assert_eq!((&highest["step"], &highest["mean"]), (&10.into(), &7.0.into()), "{json}");
        let critic = &json["scores"][0];
        assert_eq!(
            (&critic["highest"]["mean"], &critic["mean_of_maxima"]),
            (&7.0.into(), &7.0.into())
        );
        let said = "evaluations with NaN or infinite returns, at step 20, 40, are left out";
        let page = fs::read_to_string(bench.path("reports/returns/report.md")).unwrap();
        assert!(ran.stderr.contains(said) && page.contains(said), "{}", ran.stderr);
        let figure = fs::read_to_string(bench.path("reports/returns/figure.csv")).unwrap();
        assert_eq!(figure.lines().count(), 4, "{figure}");
        // Nothing left is an error, not an empty report.
        bench.write_run(3, "mlp-small", &[(0, bad), (10, bad)]);
        fs::remove_dir_all(bench.path("reports")).unwrap();
        let error = bench.error("returns --ckpt runs/*");
        assert!(error.contains("are all there are: the run is left out"), "{error}");
    }
}

#[test]
fn seeds_are_sorted_as_numbers() {
    let bench = Bench::new();
    for seed in [8, 9, 10, 11] {
        bench.write_run(seed, "mlp-small", &[(0, "3"), (10, "7")]);
    }
    let ran = bench.done("returns --ckpt runs/*");
    let seed = |line: &str| line.split_whitespace().nth(2).unwrap().to_owned();
    assert_eq!(ran.stdout.lines().skip(1).map(seed).collect::<Vec<_>>(), ["8", "9", "10", "11"]);
    let provenance = fs::read_to_string(bench.path("reports/returns/provenance.toml")).unwrap();
    let places = [8, 9, 10, 11].map(|seed| provenance.find(&format!("-s{seed}\"")).unwrap());
    assert!(places.is_sorted(), "{provenance}");
}

#[test]
fn an_undetermined_interval_of_a_share_is_said_to_be_one() {
    let bench = Bench::new();
    for (seed, [early, late]) in [(0, ["3", "9"]), (1, ["9", "9"])] {
        bench.write_run(seed, "mlp-small", &[(0, "0"), (10, early), (20, late)]);
        bench.write_run(seed, "mlp-standard", &[(0, "0"), (10, "1"), (20, "9")]);
    }
    let ran = bench.done("returns --ckpt runs/* --json");
    let share = &ran.json()["scores"][0]["to_baseline"]["share"];
    assert_eq!(
        (&share["value"], &share["low"], &share["high"]),
        (&0.75.into(), &().into(), &().into())
    );
    let page = fs::read_to_string(bench.path("reports/returns/report.md")).unwrap();
    assert!(page.contains("0.750 (interval undetermined, n = 2)"), "{page}");
}

#[test]
fn zero_has_no_sign_and_an_actor_at_its_bounds_is_measured_inside() {
    let bench = Bench::new();
    damage::saturate(&bench.copy());
    let small = "--states 12 --horizon 5 --ckpt ckpt";
    let ran = bench.done(&format!("cosine {small}"));
    assert!(
        ran.stdout.contains("the actor cannot move: 100 % of its coordinates"),
        "{}",
        ran.stdout
    );
    let json = bench.done(&format!("cosine {small} --json")).stdout;
    let csv = fs::read_to_string(bench.path("reports/cosine/summary.csv")).unwrap();
    let signed = |text: &str| text.contains("-0.0") || text.contains(",-0,") || text.contains("−0");
    assert!(!signed(&json) && !signed(&csv) && !signed(&ran.stdout), "{json}{csv}{}", ran.stdout);
    let said = bench.done(&format!("diagnose {small}")).stdout;
    // Inside the box an actor that cannot move can still be measured.
    assert!(said.contains("  - at σ = 0.3 ") && !signed(&said), "{said}");
}

#[test]
fn an_actor_whose_actions_tanh_hardly_tells_apart_cannot_move() {
    let bench = Bench::new();
    damage::always(&bench.copy(), 17.5);
    let said = bench.done("cosine --states 12 --horizon 5 --ckpt ckpt").stdout;
    assert!(said.contains("the actor cannot move: 100 % of its coordinates"), "{said}");
    assert!(bench.done("promise --states 12 --horizon 5 --ckpt ckpt").code == 0);
}

/// Starts the program with arguments that may be of any bytes.
fn program(name: &str, folder: &Path, words: &[&OsStr]) -> Ran {
    let exe = match name {
        "train" => env!("CARGO_BIN_EXE_hyperl-train"),
        _ => env!("CARGO_BIN_EXE_hyperl-analyze"),
    };
    let mut command = std::process::Command::new(exe);
    let output = command.args(words).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let ran = Ran {
        code: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    };
    assert_eq!(ran.code, 0, "{words:?}: {}", ran.stderr);
    ran
}

#[test]
fn folders_may_have_names_of_any_bytes() {
    let bench = Bench::new();
    let place = bench.path("");
    let odd = Path::new(OsStr::from_bytes(b"od\xffd"));
    let ckpt = odd.join(RUN);
    copy_all(&run(), &place.join(&ckpt));
    let newest = ckpt.join("step-000000060");
    let analyze = |words: &str, paths: &[(&str, &Path)]| {
        let mut all: Vec<&OsStr> = words.split_whitespace().map(OsStr::new).collect();
        for (flag, path) in paths {
            all.extend(
                [OsStr::new(flag), path.as_os_str()].into_iter().filter(|word| !word.is_empty()),
            );
        }
        program("analyze", &place, &all)
    };
    let [out, base] = ["out", "base.parquet"].map(|name| odd.join(name));
    let small = "--states 12 --horizon 5";
    for pattern in [
        &*ckpt,
        &*newest,
        &*odd.join("td3-*/step-*60"),
        Path::new("*/td3-*-s0/step-*60"),
        Path::new("**/step-*60"),
    ] {
        analyze(&format!("cosine {small}"), &[("--ckpt", pattern), ("--out", &out)]);
    }
    let provenance = fs::read_to_string(place.join(&out).join("provenance.toml")).unwrap();
    assert!(provenance.contains("--out $'od\\xffd/out'"), "{provenance}");
    analyze("returns", &[("--ckpt", &*odd.join("td3-*")), ("--out", &out)]);
    analyze("inspect", &[("", &newest)]);
    analyze(&format!("diagnose {small}"), &[("--ckpt", &newest), ("--out", &out)]);
    analyze(
        "compare-critics --states 40 --horizon 5",
        &[("--ckpt", &newest), ("--against", &newest), ("--out", &out)],
    );
    analyze("baseline --states 12 --horizon 5", &[("--ckpt", &newest), ("--out", &base)]);
    analyze(
        "gate --allow-inconclusive",
        &[("--ckpt", &newest), ("--baseline", &base), ("--out", &odd.join("gate.json"))],
    );
    let train: Vec<&OsStr> =
        "td3 --steps 5 --set warmup_steps=2 --set batch=2 --set evaluation_episodes=1 --config"
            .split_whitespace()
            .map(OsStr::new)
            .collect();
    let config = ckpt.join("run.toml");
    let more = [
        config.as_os_str(),
        OsStr::new("--out"),
        out.as_os_str(),
        OsStr::new("--seed"),
        OsStr::new("4"),
    ];
    program("train", &place, &[&train[..], &more].concat());
    assert!(place.join(&out).join("td3-hopper-mlp-small-s4/run.toml").is_file());
}

#[test]
fn a_candidate_of_another_algorithm_is_judged_only_where_asked_for() {
    let bench = Bench::new();
    bench.done("baseline --ckpt @ --states 12 --horizon 5 --out base.parquet");
    damage::of_sac(&bench.path("base.parquet"));
    let error = bench.error("gate --ckpt @ --baseline base.parquet");
    assert!(
        error.contains(": expected sac, got td3; they estimate values of different returns"),
        "{error}"
    );
    assert!(error.ends_with("add --across-algorithms to judge each by its own"), "{error}");
    let ran = bench
        .analyze("gate --ckpt @ --baseline base.parquet --across-algorithms --allow-inconclusive");
    assert!(
        ran.code == 0 && ran.stderr.contains("the candidate is of td3, the baseline of sac"),
        "{}",
        ran.stderr
    );
}
