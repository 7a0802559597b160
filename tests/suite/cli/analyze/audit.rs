//! All that can be said of critics, in one table.

use std::fs::read_to_string;

use crate::support::bench::{Bench, edit};
use crate::support::damage::scale_critic;

#[test]
fn an_audit_says_what_cosine_promise_and_the_episodes_say() {
    let bench = Bench::new();
    edit(&bench.copy(), |manifest| manifest["config"]["seed"] = 1.into());
    let flags = "--max-states 20 --seed 3 --json";
    let audit =
        bench.done(&format!("audit --ckpt @ ckpt --states 20 --episodes 2 {flags} --out a/audit"));
    let audited = audit.json();
    assert_eq!(audited[0]["name"], "td3-hopper-mlp-small-s0 60");
    assert_eq!(audited[1]["name"], "td3-hopper-mlp-small-s1 60");
    // Elsewhere, so that nothing kept is read.
    let cosine = bench.done(&format!("cosine --ckpt @ {flags} --out b/cosine")).json();
    let horizon = &cosine["checkpoints"][0]["horizon"];
    let words =
        format!("promise --ckpt @ --horizon {horizon} --states 20 --seed 3 --json --out b/promise");
    let promise = bench.done(&words).json();
    assert_eq!(audited[0]["judged"]["score"], cosine["checkpoints"][0]["score"]);
    assert_eq!(audited[0]["promised"]["own"], promise["checkpoints"][0]["own"]);
    let returns = audited[0]["played"]["returns"].as_array().unwrap();
    assert_eq!(returns.len(), 2);

    // One row each; the mean return is that of the episodes.
    let summary = read_to_string(bench.path("a/audit/summary.csv")).unwrap();
    let lines: Vec<Vec<&str>> = summary.lines().map(|line| line.split(',').collect()).collect();
    let [name, value] =
        ["agent", "return"].map(|column| lines[0].iter().position(|name| *name == column).unwrap());
    assert_eq!((lines.len(), lines[1][name]), (3, "td3-hopper-mlp-small-s0 60"));
    let mean = returns.iter().map(|r| r.as_f64().unwrap()).sum::<f64>() / 2.0;
    assert!((lines[1][value].parse::<f64>().unwrap() - mean).abs() < 1e-9 * mean.abs());

    let page = read_to_string(bench.path("a/audit/report.md")).unwrap();
    assert!(page.contains("Of 2 critics "), "{page}");
    let again = page.lines().find_map(|line| line.strip_prefix("hyperl-analyze ")).unwrap();
    let text = bench.done(again).stdout;
    assert!(text.starts_with("Of 2 critics "), "{text}");
}

#[test]
fn an_audit_of_two_agents_of_one_name_is_refused() {
    let bench = Bench::new();
    scale_critic(&bench.copy(), 2.0);
    let said = bench.error("audit --ckpt @ ckpt --states 5");
    assert!(said.contains("would be called td3-hopper-mlp-small-s0 60"), "{said}");
}
