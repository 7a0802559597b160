//! Critics of one actor: what is printed, what is written, what is refused.

use hyperl::analysis::bank::BankFile;
use serde_json::Value;

use crate::support::bench::{Bench, contents, edit, run};
use crate::support::damage::{saturate, scale_critic};

/// Few enough rollouts for a test.
const SMALL: &str = "--states 40 --horizon 20";

fn early() -> String {
    run().join("step-000000030").display().to_string()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn a_critic_is_as_good_as_itself_and_three_times_as_large_promises_three_times_as_much() {
    let bench = Bench::new();
    scale_critic(&bench.copy(), 3.0);
    let words = format!("compare-critics --ckpt @ --against @ ckpt {SMALL}");
    let json = bench.done(&format!("{words} --json")).json();
    let critics = json["critics"].as_array().unwrap();
    let names: Vec<&str> = critics.iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["MLP-Small", "MLP-Small (again)", "MLP-Small (again 2)"]);
    assert_eq!(critics[0]["score"], critics[1]["score"]);
    let pairs = json["differences"]["pairs"].as_array().unwrap();
    let ends: Vec<_> = pairs.iter().map(|p| [&p["first"], &p["second"]].map(number)).collect();
    assert_eq!(ends, [[0.0, 1.0], [0.0, 2.0], [1.0, 2.0]]);
    for key in ["kappa", "gain", "inside"] {
        for end in ["low", "value", "high"] {
            assert!(number(&pairs[0][key][end]) == 0.0, "{key} {end}: {json}");
        }
    }
    // Networks count in f32: three times as large is so up to rounding.
    let [one, three] = [0, 2].map(|i: usize| &critics[i]["score"]["policy"]);
    let gain = number(&one["gain"]["value"]);
    assert!((number(&three["gain"]["value"]) * 3.0 / gain - 1.0).abs() < 1e-3, "{json}");
    let gap = number(&pairs[1]["gain"]["value"]);
    assert!((gap * 1.5 / gain - 1.0).abs() < 1e-3, "{gap} {gain}");
    assert!(number(&pairs[1]["kappa"]["value"]).abs() < 1e-4, "{json}");
    // Its policy gradient is three times the first one's, too.
    let worth = |i: usize| &critics[i]["in_weights"];
    let cosine = |i: usize| number(&worth(i)["cosine"]["value"]);
    assert!(worth(0)["cosine"] == worth(1)["cosine"], "{json}");
    assert!((cosine(0) - cosine(2)).abs() < 1e-4, "{json}");
    assert!(worth(0)["alpha"].is_null(), "40 states are too few for it: {json}");

    let text = bench.done(&words).stdout;
    let said = "MLP-Small and MLP-Small (again) cannot be told apart with these rollouts: κ ";
    assert!(text.starts_with(said), "{text}");
    let rows = text.lines().filter(|line| line.starts_with("MLP-Small"));
    assert_eq!(rows.count(), 3 + 3 + 3, "a sentence and a line a pair, a line a critic: {text}");
}

#[test]
fn the_bank_is_that_of_cosine_and_one_from_a_file_says_the_same() {
    let bench = Bench::new();
    let cosine = bench.done(&format!("cosine --ckpt @ {SMALL} --json")).json();
    let units = || contents(&bench.path("reports/units")).len();
    let before = units();
    let words = format!("compare-critics --ckpt @ --against {}", early());
    let made = bench.done(&format!("{words} {SMALL} --json")).json();
    assert_eq!(units(), before, "the same bank is kept");
    assert_eq!(made["critics"][0]["score"], cosine["checkpoints"][0]["score"]);
    bench.done(&format!("bank --ckpt @ {SMALL} --out bank.parquet"));
    let given = bench.done(&format!("{words} --bank bank.parquet --json")).json();
    assert_eq!(made, given);
    let [a, b] =
        [0, 1].map(|i: usize| number(&given["critics"][i]["score"]["policy"]["kappa"]["value"]));
    let pair = &given["differences"]["pairs"][0]["kappa"];
    assert!((number(&pair["value"]) - (a - b)).abs() < 1e-9, "{given}");

    // Sentence, table and page say what the numbers say.
    let text = bench.done(&format!("{words} --bank bank.parquet")).stdout;
    let [low, high] = ["low", "high"].map(|end| number(&pair[end]));
    let expected = if low > 0.0 {
        " points more uphill than MLP-Small (30 steps): κ "
    } else if high < 0.0 {
        " points less uphill than MLP-Small (30 steps): κ "
    } else {
        " and MLP-Small (30 steps) cannot be told apart with these rollouts: κ "
    };
    assert!(text.starts_with(&format!("MLP-Small (60 steps){expected}")), "{text}");
    let page = std::fs::read_to_string(bench.path("reports/compare-critics/report.md")).unwrap();
    let first = text.lines().next().unwrap();
    assert!(page.contains(first), "{first}: {page}");
    let command = page.lines().find_map(|line| line.strip_prefix("hyperl-analyze ")).unwrap();
    bench.done(command);
}

#[test]
fn a_bank_judges_the_value_that_is_asked_for_and_has_its_own_returns() {
    let bench = Bench::new();
    bench.done(&format!("bank --ckpt @ {SMALL} --out bank.parquet"));
    let score = |value: &str| {
        let said =
            bench.done(&format!("cosine --ckpt @ --bank bank.parquet --json {value}")).json();
        said["checkpoints"][0]["score"].clone()
    };
    let [unset, first, min] = ["", "--value q1", "--value min"].map(score);
    assert_eq!(unset, first);
    assert_ne!(first["policy"], min["policy"]);
    let page = std::fs::read_to_string(bench.path("reports/cosine/report.md")).unwrap();
    assert!(page.contains("--value min"), "{page}");
    let said = bench.error("cosine --ckpt @ --bank bank.parquet --returns soft");
    assert!(said.contains("--returns") && said.contains("--bank"), "{said}");
}

#[test]
fn the_folder_is_the_same_for_any_number_of_threads() {
    let bench = Bench::new();
    let folders = ["1", "2"].map(|threads| {
        let words = format!("{SMALL} --threads {threads} --out {threads}/x");
        bench.done(&format!("compare-critics --ckpt @ --against {} {words}", early()));
        contents(&bench.path(&format!("{threads}/x")))
    });
    let names: Vec<_> = folders[0].iter().map(|(path, _)| path.file_name().unwrap()).collect();
    let expected = [
        "differences.csv",
        "figure.csv",
        "figure.svg",
        "provenance.toml",
        "report.html",
        "report.md",
        "summary.csv",
    ];
    assert_eq!(names, expected);
    for ((path, one), (_, two)) in folders[0].iter().zip(&folders[1]) {
        // Their folder is part of the command.
        let of = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("--out 2/x", "--out 1/x");
        assert!(of(one) == of(two), "threads change {}", path.display());
    }
    let svg = String::from_utf8_lossy(&folders[0][2].1).into_owned();
    for word in ["exactly right", "MLP-Small, 30 steps", "MLP-Small, 60 steps", "inside"] {
        assert!(svg.contains(word), "{word}");
    }
}

#[test]
fn what_does_not_belong_together_is_refused_before_a_folder_is_made() {
    let bench = Bench::new();
    bench.done(&format!("bank --ckpt @ {SMALL} --out bank.parquet"));
    let other = format!("compare-critics --ckpt {} --against @ --bank bank.parquet", early());
    let said = bench.error(&other);
    assert!(
        said.contains("expected that of the bank, td3-hopper-mlp-small-s0 at step 60"),
        "{said}"
    );
    assert!(said.ends_with("make a bank of this checkpoint, or drop --bank"), "{said}");
    let said = bench.error("compare-critics --ckpt @ --against @ --bank bank.parquet --states 5");
    assert!(said.contains("--bank") && said.contains("--states"), "{said}");

    let copy = bench.copy();
    edit(&copy, |manifest| manifest["config"]["td3"]["gamma"] = 0.98.into());
    let said = bench.error(&format!("compare-critics --ckpt @ --against ckpt {SMALL}"));
    assert!(said.contains("γ 0.98") && said.contains("--across-algorithms"), "{said}");
    let across = "compare-critics --ckpt @ --against ckpt --bank bank.parquet --across-algorithms";
    let ran = bench.done(across);
    assert!(
        ran.stderr.contains("the critics estimate values of different returns"),
        "{}",
        ran.stderr
    );
    edit(&copy, |manifest| manifest["config"]["env"] = "walker2d".into());
    let said = bench.error("compare-critics --ckpt @ --against ckpt --across-algorithms");
    assert!(said.contains("compare critics of one environment"), "{said}");
}

#[test]
fn an_actor_that_cannot_move_is_the_answer() {
    let bench = Bench::new();
    saturate(&bench.copy());
    let words = format!("compare-critics --ckpt ckpt --against @ {SMALL}");
    let text = bench.done(&words).stdout;
    assert!(text.lines().next().unwrap().contains("the actor cannot move"), "{text}");
    let file = BankFile::read(
        &std::fs::read_dir(bench.path("reports/units"))
            .unwrap()
            .map(|e| e.unwrap().path())
            .find(|p| p.extension().is_some_and(|e| e == "parquet"))
            .unwrap(),
    );
    assert_eq!(file.unwrap().bank.states.len(), 40);
}

#[test]
fn the_name_that_it_had_before_is_answered_with_this_one() {
    let said = Bench::new().error("progress --ckpt @ --against @ --states 40");
    assert!(said.starts_with("progress is called compare-critics now"), "{said}");
}
