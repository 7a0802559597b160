//! The numbers beside a cosine, and the commands that explain it.

use hyperl::analysis::bank::BankFile;
use hyperl::analysis::gate::Baseline;
use hyperl::gradient::bank::BankState;
use serde_json::Value;

use crate::support::bench::{Bench, edit};
use crate::support::damage::{make_silent_below, saturate, scale_critic};

#[test]
fn cosine_says_whether_the_gradient_points_uphill() {
    let bench = Bench::new();
    let json = bench.done("cosine --ckpt @ --horizon 20 --json").json();
    let line = &json["checkpoints"][0];
    // The checkpoint carries 60 states, fewer than the first look.
    assert_eq!((&line["rollouts"], &line["score"]["states"]), (&56.into(), &60.into()));
    let policy = &line["score"]["policy"];
    for key in ["kappa", "ceiling", "raw", "gain", "found", "reliability"] {
        let [low, value, high] =
            ["low", "value", "high"].map(|end| policy[key][end].as_f64().unwrap());
        assert!(low <= value && value <= high, "{key}: {low} {value} {high}");
    }
    // Over 20 steps a hopper is smooth: independent estimates agree.
    assert_eq!(policy["resolved"], true);
    assert!(policy["ceiling"]["value"].as_f64().unwrap() > 0.8, "{line}");

    let text = bench.done("cosine --ckpt @ --horizon 20").stdout;
    let answer = "MLP-Small on Hopper, seed 0, 60 steps: ";
    assert!(text.starts_with(answer), "{text}");
    let report = std::fs::read_to_string(bench.path("reports/cosine/report.md")).unwrap();
    for word in [answer, "κ", "ceiling", "gain", "inside", "as long as asked for"] {
        assert!(report.contains(word), "{word}: {report}");
    }
    let svg = std::fs::read_to_string(bench.path("reports/cosine/figure.svg")).unwrap();
    assert!(svg.contains("exactly right"), "references are drawn");
    let states = std::fs::read_to_string(bench.path("reports/cosine/states.csv")).unwrap();
    assert_eq!(states.lines().count(), 61);
}

#[test]
fn a_pilot_chooses_the_horizon_and_a_bank_judges_as_new_rollouts_do() {
    let bench = Bench::new();
    bench.done("bank --ckpt @ --states 20 --out bank.parquet");
    let of_bank = bench.done("cosine --ckpt @ --bank bank.parquet --json").json();
    let fresh = bench.done("cosine --ckpt @ --states 20 --json").json();
    let [a, b] = [&of_bank, &fresh].map(|json| &json["checkpoints"][0]);
    assert_eq!(a["score"], b["score"]);
    assert_eq!((&a["horizon"], &a["choice"]), (&b["horizon"], &b["choice"]));
    assert_eq!(a["pilot"].as_array().unwrap().len(), 10, "{a}");
    // The page says how to do the same again.
    let page = std::fs::read_to_string(bench.path("reports/cosine/report.md")).unwrap();
    assert!(page.contains("cosine --ckpt"), "{page}");
    bench.done("cosine --ckpt @ --bank bank.parquet --out again");
    let page = std::fs::read_to_string(bench.path("again/report.md")).unwrap();
    let command = page.lines().find_map(|line| line.strip_prefix("hyperl-analyze ")).unwrap();
    bench.done(command);
    // A bank whose blocks are not independent is refused.
    let mut file = BankFile::read(&bench.path("bank.parquet")).unwrap();
    let tried = &mut file.bank.states[3].tried;
    tried[1].pair = tried[0].pair.clone();
    std::fs::write(bench.path("twice.parquet"), file.to_parquet().unwrap()).unwrap();
    let said = bench.error("cosine --ckpt @ --bank twice.parquet");
    assert!(said.contains("two rollouts of state 3 try the same action"), "{said}");
    // So is one of returns that the critic does not estimate, or of other observations.
    let of = || BankFile::read(&bench.path("bank.parquet")).unwrap();
    let refused = |file: &BankFile| {
        std::fs::write(bench.path("edited.parquet"), file.to_parquet().unwrap()).unwrap();
        bench.error("cosine --ckpt @ --bank edited.parquet")
    };
    let mut file = of();
    file.about.env = "walker2d".into();
    let said = refused(&file);
    assert!(said.contains("expected walker2d, got hopper"), "{said}");
    let mut file = of();
    file.about.gamma = 0.9;
    let said = refused(&file);
    assert!(said.contains("expected γ 0.9, rewards times 1, entropy times 0"), "{said}");
    let mut file = of();
    file.bank.states.iter_mut().for_each(|state| state.obs.truncate(10));
    let said = refused(&file);
    assert!(said.contains("expected 10 observations and 3 actions"), "{said}");
    // And so is one that no plan makes.
    let mut file = of();
    file.bank.states[1].tried[0].pair.direction[0] *= 2.0;
    let said = refused(&file);
    assert!(said.contains("a block of state 1 does not weight all coordinates equally"), "{said}");
    // Another policy is refused, and so is what is no bank.
    saturate(&bench.copy());
    let said = bench.error("cosine --ckpt ckpt --bank bank.parquet");
    assert!(
        said.contains("expected that of the bank, td3-hopper-mlp-small-s0 at step 60"),
        "{said}"
    );
    std::fs::write(bench.path("no.parquet"), "no bank").unwrap();
    let said = bench.error("cosine --ckpt @ --bank no.parquet");
    assert!(said.starts_with("no.parquet: "), "{said}");
    let said = bench.error("bank --ckpt @ --out bank.json");
    assert!(said.contains("give a name that ends in .parquet"), "{said}");
}

#[test]
fn a_critic_without_a_gradient_is_said_to_promise_nothing() {
    let bench = Bench::new();
    scale_critic(&bench.copy(), 0.0);
    let text = bench.done("cosine --ckpt ckpt --states 20 --horizon 20").stdout;
    assert!(text.contains("the critic promises nothing: its gradient is 0"), "{text}");
    let text = bench.done("promise --ckpt ckpt --states 20 --horizon 20").stdout;
    assert!(text.contains("it promises nothing"), "{text}");
    // Where it has one at some states, inside is about these, and that is said.
    let bench = Bench::new();
    make_silent_below(&bench.copy(), [1.0, -0.5, 0.2], 1.2);
    let said = bench.done("cosine --ckpt ckpt --states 40 --horizon 20").stderr;
    assert!(said.contains("of 40 states; inside is about the others"), "{said}");
    let said = bench.error("cosine --ckpt @ --std 1 --states 20");
    assert!(
        said.ends_with("--std 1: no pair of that size fits into the box; use less than 1"),
        "{said}"
    );
    // A critic of single precision was once said to promise nothing, where its values only were too near.
    let said = bench.error("cosine --ckpt @ --std 1e-9 --states 20");
    assert!(
        said.ends_with("a critic cannot distinguish actions that close; use 0.001 or more"),
        "{said}"
    );
}

#[test]
fn promise_says_how_much_of_the_improvement_is_real() {
    let bench = Bench::new();
    let ran = bench.done("promise --ckpt @ --horizon 20 --json");
    let line = &ran.json()["checkpoints"][0];
    for along in ["own", "random"] {
        assert_eq!(line[along]["states"], 60);
        let kept = ["low", "value", "high"].map(|end| line[along]["kept"][end].as_f64().unwrap());
        assert!(kept[0] < kept[1] && kept[1] < kept[2], "{along}: {kept:?}");
    }
    let text = bench.done("promise --ckpt @ --horizon 20 --threads 1").stdout;
    assert!(text.starts_with("MLP-Small on Hopper, seed 0, 60 steps: "), "{text}");
    let promises = std::fs::read_to_string(bench.path("reports/promise/promises.csv")).unwrap();
    assert_eq!(promises.lines().count(), 1 + 2 * 60);
    let svg = std::fs::read_to_string(bench.path("reports/promise/figure.svg")).unwrap();
    assert!(svg.contains("along its own direction") && svg.contains("all of it"), "{svg}");
}

#[test]
fn another_step_or_seed_draws_its_own_states_and_actions() {
    let drawn = |change: &dyn Fn(&mut Value)| {
        let bench = Bench::new();
        edit(&bench.copy(), |manifest| change(manifest));
        bench.done("baseline --ckpt ckpt --states 12 --horizon 2 --out base.parquet");
        let base = Baseline::read(&bench.path("base.parquet")).unwrap();
        let pick = |state: BankState| (state.snapshot, state.tried[0].pair.clone());
        base.file.bank.states.into_iter().map(pick).collect::<Vec<_>>()
    };
    let same = drawn(&|_| ());
    assert_eq!(same, drawn(&|_| ()));
    for other in [
        drawn(&|manifest| manifest["step"] = 61.into()),
        drawn(&|manifest| manifest["config"]["seed"] = 1.into()),
    ] {
        let slots = same.iter().zip(&other).filter(|(a, b)| a.0 == b.0).count();
        assert!(slots < 4, "12 of the same 60 states: {slots} in the same place");
        assert!(same.iter().zip(&other).all(|(a, b)| a.1 != b.1));
    }
}

#[test]
fn the_papers_mode_has_a_ceiling_too() {
    let bench = Bench::new();
    let json = bench.done("cosine --ckpt @ --mode paper --states 30 --horizon 20 --json").json();
    let line = &json["checkpoints"][0];
    assert!(line["ceiling"]["mean"].as_f64().unwrap() <= 1.0, "{line}");
    assert!(line["corrected"]["mean"].is_f64() && line["stacked"]["mean"].is_f64(), "{line}");
}

#[test]
fn diagnose_says_how_long_differences_agree() {
    let bench = Bench::new();
    let json = bench.done("diagnose --ckpt @ --states 12 --horizon 20 --json").json();
    let found = &json[0];
    assert_eq!(
        (&found["env"], &found["states"], &found["horizon"]),
        (&"hopper".into(), &12.into(), &20.into())
    );
    let sweep: Vec<f64> =
        found["sweep"].as_array().unwrap().iter().map(|s| s["std"].as_f64().unwrap()).collect();
    assert_eq!(sweep, [0.3, 0.1, 0.03]);
    let chaos: Vec<u64> =
        found["chaos"].as_array().unwrap().iter().map(|c| c["horizon"].as_u64().unwrap()).collect();
    assert_eq!(chaos, [1, 5, 10, 20]);
    assert_eq!(found["chaos"][0]["agree"], 1.0, "one step of physics is smooth");
    assert!(!found["findings"].as_array().unwrap().is_empty());
    assert_eq!(found["sweep"][0]["usable"], 12);
    // Fit and differences are compared where both are about the policy's action itself.
    bench.done("baseline --ckpt @ --states 12 --horizon 20 --out same.parquet");
    let same = Baseline::read(&bench.path("same.parquet")).unwrap();
    let inside = |state: &&BankState| state.before_tanh.iter().all(|u| u.tanh().abs() <= 0.7);
    let inside = same.file.bank.states.iter().filter(inside).count();
    assert!((1..12).contains(&inside), "{inside}");
    assert_eq!(found["fit_against_differences_states"], inside);
    assert!(found["fit_against_differences"]["mean"].as_f64().unwrap() > 0.0, "{found}");
    let report = std::fs::read_to_string(bench.path("reports/diagnose/report.md")).unwrap();
    for sizes in ["1e-2 and 1e-3", "1e-3 and 1e-4"] {
        assert!(report.contains(&format!("differences of {sizes} over 20 steps")), "{report}");
    }
    for file in ["diagnosis.json", "report.md", "report.html", "figure.svg", "provenance.toml"] {
        assert!(bench.path("reports/diagnose").join(file).is_file(), "{file}");
    }
}
