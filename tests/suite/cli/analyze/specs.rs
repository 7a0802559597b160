//! `report`: specs of figures, runs that are missing, and claims.

use std::fs;
use std::path::Path;

use hyperl::study::spec::{Measure, Spec};

use crate::support::bench::{Bench, RUN, contents, run, runs};

const SPEC: &str = r#"
figure = "Fig. 0"
title = "A test"
claim = "The small critic is better than the standard one."
measure = "gradient-cosine"
contrasts = [["mlp-small", "mlp-standard"]]

[select]
algo = "td3"
envs = ["hopper"]
models = ["mlp-small"]
seeds = [0, 1]
length = 60
checkpoint_every = 30

[settings]
states = 3
rollouts = 7

[[panels]]
draw = "learnable-by-threshold"

[[panels]]
draw = "mean-by-step"
facet = "environment"
"#;

const SETTINGS: &str = "[settings]\nstates = 3\nrollouts = 7\n\n";

#[test]
fn every_spec_of_the_project_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("analyses");
    let mut specs = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let spec = Spec::read(&path).unwrap();
            let settings = spec.measure == Measure::HyperParameters;
            assert_eq!(spec.claim.is_empty(), settings, "{}", path.display());
            specs += 1;
        }
    }
    assert!(specs >= 4, "{specs}");
}

#[test]
fn critics_of_an_actor_that_stays_as_it_is_are_asked_for_and_found() {
    let bench = Bench::new();
    let of_actor =
        "actor = { trained_by = \"initial\", step = 0, weights = \"\", data = 200 }\nlength";
    let spec = SPEC.replace("length", of_actor).replace("seeds = [0, 1]", "seeds = [3]");
    bench.write("fig.toml", &spec.replace(", data = 200", ""));
    let said = bench.error("report fig.toml --checkpoints runs");
    assert!(said.contains("missing field `data`"), "{said}");
    bench.write(
        "fig.toml",
        &spec.replace("initial\", step = 0", "td3-hopper-mlp-small-s0\", step = 9"),
    );
    let said = bench.error("report fig.toml --checkpoints runs");
    assert!(said.contains("--actor td3-hopper-mlp-small-s0/step-000000009"), "{said}");
    bench.write("fig.toml", &spec);
    let said = bench.error("report fig.toml --checkpoints runs");
    let (what, command) = said.split_once("make it with: ").unwrap();
    assert!(what.contains("critic-td3-hopper-mlp-small-s3"), "{said}");
    assert!(
        command.starts_with(
            "hyperl-train critic --actor initial --data 200 --env hopper --critic mlp-small"
        ),
        "{command}"
    );
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_hyperl-train"))
        .args(command.split_whitespace().skip(1))
        .args(["--set", "evaluation_episodes=1"])
        .current_dir(bench.path("."))
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    bench.done("report fig.toml --checkpoints runs");
    bench.write("fig.toml", &spec.replace("200", "300"));
    let said = bench.error("report fig.toml --checkpoints runs");
    assert!(said.contains("frozen.data of"), "{said}");
    // The run of another actor under the same name is another one.
    bench.write("fig.toml", &spec);
    let other = "runs/critic-td3-hopper-mlp-small-s3/run.toml";
    let settings = fs::read_to_string(bench.path(other)).unwrap();
    bench.write(other, &settings.replace("\"initial\"", "\"td3-hopper-mlp-small-s0\""));
    let said = bench.error("report fig.toml --checkpoints runs");
    assert!(said.contains("frozen.trained_by of"), "{said}");
}

#[test]
fn a_missing_run_is_answered_with_the_command_that_makes_it() {
    let bench = Bench::new();
    bench.write("fig.toml", SPEC);
    let command = |seed| {
        format!(
            "hyperl-train td3 --env hopper --critic mlp-small --seed {seed} --steps 60 \
             --checkpoint-every 30 --out {}",
            runs().display()
        )
    };
    assert_eq!(
        bench.error(&format!("report fig.toml --checkpoints {}", runs().display())),
        format!(
            "missing checkpoint for td3-hopper-mlp-small-s1 (Fig. 0); make it with: {}",
            command(1)
        )
    );

    bench.done(&format!("report fig.toml --partial --checkpoints {}", runs().display()));
    let report = fs::read_to_string(bench.path("reports/fig/report.md")).unwrap();
    assert!(report.contains("**Claim.** The small critic is better than the standard one."));
    assert!(report.contains("**Verdict: not tested.** No two models of the claim share runs"));
    assert!(report.contains("1 of the 2 runs of the claim were not trained, or not"), "{report}");
    assert!(report.contains(&command(1)), "{report}");
    for file in ["states.parquet", "summary.csv", "contrasts.csv", "figure.svg", "provenance.toml"]
    {
        assert!(bench.path("reports/fig").join(file).is_file(), "{file}");
    }
    // Two measurements, each with its hash.
    assert_eq!(fs::read_dir(bench.path("reports/units")).unwrap().count(), 4);

    // A report and a command share what was measured with the same settings.
    bench.done("cosine --ckpt @ --mode paper --states 3 --rollouts 7");
    assert_eq!(fs::read_dir(bench.path("reports/units")).unwrap().count(), 4);
}

#[test]
fn a_report_shows_each_run_with_its_numbers_and_warnings() {
    let bench = Bench::new();
    bench.write("fig.toml", &SPEC.replace("seeds = [0, 1]", "seeds = [0]"));
    bench.done(&format!("report fig.toml --checkpoints {}", runs().display()));
    let report = fs::read_to_string(bench.path("reports/fig/report.md")).unwrap();
    let last = report.find("### Each run at its last checkpoint").unwrap();
    let all = report.find("<details><summary>All checkpoints</summary>").unwrap();
    let warnings = report.find("### Warnings").unwrap();
    assert!(last < all && all < warnings, "{report}");
    let rows = |part: &str| part.lines().filter(|line| line.starts_with("| hopper ")).count();
    assert_eq!((rows(&report[last..all]), rows(&report[all..warnings])), (1, 2), "{report}");
    for number in ["raw cosine", "ceiling", "corrected", "status"] {
        assert!(report[last..all].contains(number), "{number}: {report}");
    }
    let few = "- hopper, MLP-Small, seed 0, 2 checkpoints, the first at step 30: 3 usable states";
    assert!(report[warnings..].contains(few), "{report}");
    // Two checkpoints of three states are far from ten: no ceiling, no chance, no verdict on either.
    let noise = "2 of 2 checkpoints (100 %) are unresolved: nothing can be said about any critic.";
    assert!(report.contains(noise), "{report}");
    let svg = fs::read_to_string(bench.path("reports/fig/figure.svg")).unwrap();
    assert!(svg.contains("up to 60 steps"), "{svg}");
}

#[test]
fn short_runs_are_named() {
    let bench = Bench::new();
    let spec =
        SPEC.replace("seeds = [0, 1]", "seeds = [0]").replace("length = 60", "length = 90000");
    bench.write("fig.toml", &spec);
    bench.done(&format!("report fig.toml --checkpoints {}", runs().display()));
    let report = fs::read_to_string(bench.path("reports/fig/report.md")).unwrap();
    assert!(report.contains("Runs reach 60 of the paper's 90K steps"), "{report}");
}

#[test]
fn a_run_under_the_name_of_another_is_refused() {
    let bench = Bench::new();
    let other = "td3-hopper-mlp-standard-s0";
    let copy = bench.path("runs").join(other);
    for (path, bytes) in contents(&run()) {
        let to = copy.join(path.strip_prefix(run()).unwrap());
        if path.is_dir() {
            fs::create_dir_all(&to).unwrap();
        } else {
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(&to, bytes).unwrap();
        }
    }
    let spec = SPEC.replace("[\"mlp-small\"]", "[\"mlp-standard\"]");
    bench.write("fig.toml", &spec.replace("seeds = [0, 1]", "seeds = [0]"));
    let message = format!(
        "the run in runs/{other}: expected {other}, got {RUN}; name the folder after its run, or give \
         another --checkpoints"
    );
    assert_eq!(bench.error("report fig.toml --checkpoints runs"), message);
    // So is a single checkpoint of another run.
    let config = fs::read_to_string(copy.join("run.toml")).unwrap();
    fs::write(copy.join("run.toml"), config.replace("mlp-small", "mlp-standard")).unwrap();
    let ran = bench.analyze("report fig.toml --checkpoints runs");
    let place = format!("runs/{other}");
    assert!(
        ran.code == 3
            && ran.stderr.contains(&format!("error: critic of {place}/step-"))
            && ran.stderr.contains(&format!("expected \"mlp-standard\" as in {place}/run.toml")),
        "{}",
        ran.stderr
    );
    assert!(!bench.path("reports").exists());
}

#[test]
fn a_report_without_any_run_says_so() {
    let bench = Bench::new();
    let returns = SPEC
        .replace("gradient-cosine", "returns")
        .replace("learnable-by-threshold", "return-by-step")
        .replace("mean-by-step", "return-by-step")
        .replace(SETTINGS, "");
    for (name, spec) in [("cosine", SPEC), ("returns", &*returns)] {
        bench.write(&format!("{name}.toml"), spec);
        bench.done(&format!("report {name}.toml --partial --checkpoints nowhere"));
        let report = fs::read_to_string(bench.path(&format!("reports/{name}/report.md"))).unwrap();
        assert!(report.contains("**Verdict: not tested.**"), "{report}");
        assert!(report.contains("2 of the 2 runs of the claim were not trained"), "{report}");
        assert!(!report.contains("!["), "an empty figure: {report}");
    }
}

#[test]
fn returns_of_a_spec_are_drawn() {
    let bench = Bench::new();
    let spec = SPEC.replace("gradient-cosine", "returns").replace("seeds = [0, 1]", "seeds = [0]");
    let panels = spec.find("[[panels]]").unwrap();
    let spec = format!("{}[[panels]]\ndraw = \"return-by-step\"\n", &spec[..panels]);
    bench.write("fig.toml", &spec);
    assert_eq!(
        bench.error("report fig.toml"),
        "fig.toml: `settings` belongs to a measure of checkpoints, and this is a spec of returns"
    );
    let spec = spec.replace(SETTINGS, "");
    bench.write("fig.toml", &spec);
    bench.done(&format!("report fig.toml --checkpoints {}", runs().display()));
    let provenance = fs::read_to_string(bench.path("reports/fig/provenance.toml")).unwrap();
    assert!(!provenance.contains("[settings]") && provenance.contains("step = 60"), "{provenance}");
    let summary = fs::read_to_string(bench.path("reports/fig/summary.csv")).unwrap();
    assert_eq!(summary.lines().count(), 2, "{summary}");
    let report = fs::read_to_string(bench.path("reports/fig/report.md")).unwrap();
    assert!(report.contains("There is no interval within runs"), "{report}");
    let above = spec.replace("[select]", "above_zero = \"mlp-small\"\n\n[select]");
    bench.write("fig.toml", &above);
    assert_eq!(
        bench.error("report fig.toml"),
        "fig.toml: `above_zero` belongs to cosines, and this is a spec of returns"
    );
}

#[test]
fn a_spec_that_names_something_twice_or_wants_too_much_is_refused() {
    let bench = Bench::new();
    let error = |spec: &str| {
        bench.write("fig.toml", spec);
        bench.error("report fig.toml")
    };
    for (given, wrong, said) in [
        ("seeds = [0, 1]", "seeds = [0, 0]", "`seeds` has 0 twice: leave one out"),
        ("\"mlp-standard\"]]", "\"mlp-small\"]]", "`contrasts` compares mlp-small with itself"),
        (
            "[[\"mlp-small\", \"mlp-standard\"]]",
            "[[\"mlp-small\", \"mlp-standard\"], [\"mlp-standard\", \"mlp-small\"]]",
            "`contrasts` has [\"mlp-small\", \"mlp-standard\"] twice: leave one out",
        ),
        ("rollouts = 7", "mode = \"lab\"\nblocks = 1000000000", "blocks must be at most 1000"),
    ] {
        assert_eq!(error(&SPEC.replace(given, wrong)), format!("fig.toml: {said}"));
    }
    let three = SPEC.replace("\"mlp-standard\"]]", "\"mlp-standard\", \"x\"]]");
    assert!(error(&three).contains("pairs [better, worse], got 3 names"), "{}", error(&three));
}

#[test]
fn a_spec_with_a_mistake_is_refused() {
    let bench = Bench::new();
    let error = |spec: &str| {
        bench.write("fig.toml", spec);
        bench.error("report fig.toml")
    };
    let unknown = error(&SPEC.replace("states = 3", "stats = 3"));
    assert!(
        unknown.starts_with("fig.toml: ") && unknown.contains("unknown field `stats`"),
        "{unknown}"
    );
    let draw = error(&SPEC.replace("learnable-by-threshold", "learnable-by-step"));
    assert_eq!(draw, "fig.toml: `tau` belongs to `learnable-by-step`, and only there");
    let settings = error(&SPEC.replace("rollouts = 7", "rollouts = 7\nstd = -0.3"));
    assert_eq!(settings, "fig.toml: std must be positive");
    for (given, empty) in [
        ("seeds = [0, 1]", "seeds"),
        ("envs = [\"hopper\"]", "envs"),
        ("models = [\"mlp-small\"]", "models"),
    ] {
        let nothing = error(&SPEC.replace(given, &format!("{empty} = []")));
        assert_eq!(nothing, format!("fig.toml: `{empty}` is empty: name at least one"));
    }
    for (given, former, now) in [
        ("models = ", "critics = ", "`critics` is called `models` now"),
        ("length = ", "steps = ", "`steps` is called `length` now"),
        (
            "measure = \"gradient-cosine\"",
            "measure = \"meta-return\"",
            "'meta-return' is called 'returns' now",
        ),
        (
            "draw = \"mean-by-step\"",
            "draw = \"return-by-iteration\"",
            "'return-by-iteration' is called 'return-by-step' now",
        ),
        (
            "[select]",
            "draw = []\n[select]",
            "`draw` is now a [[panels]] for each quantity, such as draw = \"return-by-step\"",
        ),
    ] {
        assert_eq!(error(&SPEC.replace(given, former)), format!("fig.toml: {now}"));
    }
    let critic = error(&SPEC.replace("mlp-standard", "mlp-huge"));
    assert!(critic.contains("mlp-huge") && critic.contains("sa-hyper"), "{critic}");
    assert_eq!(
        bench.error("report none.toml"),
        "cannot read none.toml: No such file or directory (os error 2); check the name"
    );
}
