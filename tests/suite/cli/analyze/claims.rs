//! The paper's claims held against its own tables: what is printed and written.

use std::fs;

use crate::support::bench::Bench;

#[test]
fn every_claim_has_a_verdict_and_every_comparison_its_interval() {
    let bench = Bench::new();
    let json = bench.done("claims --json --out c").json();
    let lines = json.as_array().unwrap();
    let of = |claim: &str, env: &str| {
        let found =
            |line: &&serde_json::Value| line["claim"] == claim && line["environment"] == env;
        lines.iter().find(found).unwrap()["verdict"].clone()
    };
    // Printed: 5412 ± 445 against 3449 ± 730, and 3418 ± 318 against 3256 ± 211.
    assert_eq!(of("SA-Hyper and MLP-Standard, TD3", "walker2d"), "holds");
    assert_eq!(of("SA-Hyper and MLP-Standard, TD3", "hopper"), "undecided");
    let page = fs::read_to_string(bench.path("c/report.md")).unwrap();
    let claims: std::collections::BTreeSet<_> = lines.iter().map(|l| l["claim"].as_str()).collect();
    assert_eq!(page.matches("**Verdict: ").count(), claims.len());
    assert!(page.contains("| SA-Hyper − MLP-Standard, Walker2d, Table 4"), "{page}");
    let table = fs::read_to_string(bench.path("c/claims.csv")).unwrap();
    assert_eq!(table.lines().count(), 1 + lines.len());
}
