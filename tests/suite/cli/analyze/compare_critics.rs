//! Two critics under one policy: what is printed, what is written, what is refused.

use serde_json::Value;

use crate::support::bench::{Bench, contents, edit, run};

/// Few enough rollouts for a test.
const SMALL: &str = "--states 40 --horizon 20";

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn a_critic_is_worth_exactly_as_much_as_itself() {
    let bench = Bench::new();
    let early = run().join("step-000000030");
    let json = bench.done(&format!("compare-critics --ckpt @ --against @ {SMALL} --json")).json();
    assert_eq!((&json["env"], &json["cosine"]), (&"hopper".into(), &json["against_cosine"]));
    // This critic points downhill, and who does makes no progress: null, not a number.
    assert!(json["cosine"]["high"].as_f64().unwrap() < 0.0, "{json}");
    assert!(json["progress_ratio"]["mean"].is_null(), "{json}");
    assert!(json["learnable"][0]["difference"]["mean"] == 0.0, "{json}");
    assert!(json["alpha"].is_null(), "40 states are too few for it: {json}");
    let curve = &json["learnable_curve"];
    assert_eq!(
        (&curve["half_width"], &curve["excludes_zero"]),
        (&0.0.into(), &Value::Array(vec![]))
    );
    let nothing = serde_json::json!({"mean": 0.0, "low": 0.0, "high": 0.0});
    let points = curve["points"].as_array().unwrap();
    assert!(points.iter().all(|p| p["difference"] == nothing && p["band"] == nothing), "{curve}");
    let other = format!("compare-critics --ckpt @ --against {} {SMALL} --json", early.display());
    let other = bench.done(&other).json();
    assert_eq!(other["cosine"], json["cosine"], "the same policy, states and rollouts");
    assert_ne!(other["against_cosine"], json["cosine"]);
}

#[test]
fn the_curve_goes_through_the_three_thresholds_and_its_band_holds_the_intervals() {
    let bench = Bench::new();
    let words = format!(
        "compare-critics --ckpt @ --against {} {SMALL}",
        run().join("step-000000030").display()
    );
    let json = bench.done(&format!("{words} --json")).json();
    let points = json["learnable_curve"]["points"].as_array().unwrap();
    let taus: Vec<f64> = points.iter().map(|p| number(&p["tau"])).collect();
    assert!(taus.len() == 101 && taus.is_sorted() && taus[0] == 0.0 && taus[100] == 1.0);
    assert_eq!(json["learnable"], Value::Array([25, 50, 75].map(|i| points[i].clone()).into()));
    let half = number(&json["learnable_curve"]["half_width"]);
    assert!(half > 0.0 && half < 1.0, "{half}");
    for point in points {
        let [band, alone] = ["band", "difference"].map(|key| &point[key]);
        let gap = number(&point["share"]) - number(&point["against_share"]);
        assert!((number(&alone["mean"]) - gap).abs() < 1e-12, "{point}");
        assert!((number(&band["high"]) - (gap + half).min(1.0)).abs() < 1e-12, "{point}");
        assert!((0.0..=0.5).contains(&number(&point["chance"])), "{point}");
    }
    // What the terminal says is what the curve says.
    let stretches = json["learnable_curve"]["excludes_zero"].as_array().unwrap();
    let text = bench.done(&words).stdout;
    let line = text.lines().find(|line| line.contains("band for all τ")).unwrap();
    assert_eq!(line.contains("it holds 0 at every τ"), stretches.is_empty(), "{line}");
    for stretch in stretches {
        assert!(line.contains(&format!("{:.2}", number(&stretch["from"]))), "{line}");
    }
}

#[test]
fn the_folder_tells_the_same_and_threads_change_no_byte() {
    let bench = Bench::new();
    let early = run().join("step-000000030").display().to_string();
    let folders = ["1", "2"].map(|threads| {
        let words = format!("{SMALL} --threads {threads} --out reports/x");
        bench.done(&format!("compare-critics --ckpt @ --against {early} {words}"));
        let folder = bench.path("reports/x");
        let found: Vec<_> = contents(&folder);
        std::fs::remove_dir_all(folder).unwrap();
        found
    });
    let names: Vec<_> = folders[0].iter().map(|(path, _)| path.file_name().unwrap()).collect();
    let expected = [
        "comparison.json",
        "figure.csv",
        "figure.svg",
        "provenance.toml",
        "report.html",
        "report.md",
    ];
    assert_eq!(names, expected);
    assert!(folders[0] == folders[1], "threads change a byte");
    let text = |name: &str| {
        let (_, bytes) = folders[0].iter().find(|(path, _)| path.ends_with(name)).unwrap();
        String::from_utf8(bytes.clone()).unwrap()
    };
    let (svg, report) = (text("figure.svg"), text("report.md"));
    for word in ["difference of shares", "no difference", "chance", "at step 30", "at step 60"] {
        assert!(svg.contains(word), "{word}");
    }
    let command = format!("--against {early} --states 40 --seed 0 --horizon 20 --out reports/x");
    assert!(report.contains(&command), "{report}");
    assert!(text("provenance.toml").contains(&command));
    let curve =
        &serde_json::from_str::<Value>(&text("comparison.json")).unwrap()["learnable_curve"];
    let half = format!("±{:.3}", number(&curve["half_width"]));
    assert!(report.contains(&half) && report.contains("band for all τ"), "{half}: {report}");
}

#[test]
fn critics_of_two_environments_are_refused_before_a_folder_is_made() {
    let bench = Bench::new();
    edit(&bench.copy(), |manifest| manifest["config"]["env"] = "walker2d".into());
    let error = bench.error("compare-critics --ckpt @ --against ckpt");
    assert!(error.contains("compare two critics of one environment"), "{error}");
}

#[test]
fn the_name_that_it_had_before_is_answered_with_this_one() {
    let said = Bench::new().error("progress --ckpt @ --against @ --states 40");
    assert!(said.starts_with("progress is called compare-critics now"), "{said}");
}
