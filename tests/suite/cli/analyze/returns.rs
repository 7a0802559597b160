//! `returns`: learning curves, and what lies beside them.

use std::fs;

use crate::support::bench::{Bench, RUN, run};

/// Steps and returns as the run recorded them.
fn recorded() -> Vec<(u64, f64)> {
    let text = fs::read_to_string(run().join("evaluations.csv")).unwrap();
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        (fields[0].parse().unwrap(), fields[8].parse().unwrap())
    };
    text.lines().skip(1).map(line).collect()
}

/// Mean return of the two episodes at a step.
fn mean_at(step: u64) -> f64 {
    let at: Vec<f64> = recorded().iter().filter(|(s, _)| *s == step).map(|(_, x)| *x).collect();
    assert_eq!(at.len(), 2);
    f64::midpoint(at[0], at[1])
}

#[test]
fn returns_come_with_final_and_highest_and_where_they_are_from() {
    let bench = Bench::new();
    let json = bench.done(&format!("returns --ckpt {} --json", run().display())).json();
    assert_eq!(json["runs"].as_array().unwrap().len(), 1);
    let line = &json["runs"][0];
    for (key, value) in [("env", "hopper"), ("algo", "td3"), ("model", "mlp-small")] {
        assert_eq!(line[key], value);
    }
    for (key, value) in [("seed", 0), ("evaluations", 3), ("episodes", 2)] {
        assert_eq!(line[key], value);
    }
    assert_eq!(line["final"]["step"], 60);
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    assert!((number(&line["final"]["mean"]) - mean_at(60)).abs() < 1e-9);
    let highest = [0, 30, 60].map(mean_at).into_iter().fold(f64::MIN, f64::max);
    assert!((number(&line["highest"]["mean"]) - highest).abs() < 1e-9);
    assert!((mean_at(line["highest"]["step"].as_u64().unwrap()) - highest).abs() < 1e-9);

    let csv = fs::read_to_string(bench.path("reports/returns/summary.csv")).unwrap();
    assert!(csv.starts_with("environment,critic,seed,evaluations,episodes,final step,final,"));
    assert_eq!(csv.lines().count(), 2);
    let provenance = fs::read_to_string(bench.path("reports/returns/provenance.toml")).unwrap();
    assert!(provenance.contains(&format!("[[evaluations]]\nrun = \"{RUN}\"\nstep = 60\n")));
    let text = bench.done(&format!("returns --ckpt {}", run().display())).stdout;
    assert!(text.contains("highest") && text.lines().count() == 2, "{text}");
}
