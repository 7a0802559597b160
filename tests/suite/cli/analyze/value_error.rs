//! Values against gradients in a known world: what is printed, kept and refused.

use std::fs;

use crate::support::bench::Bench;

const SMALL: &str = "value-error --critic mlp-small q-d2rl --data 200 --exploration 0.1 0.5 --updates 20 \
                     --seeds 0..1 --out r/v";

#[test]
fn every_critic_is_judged_once_and_kept() {
    let bench = Bench::new();
    let json = bench.done(&format!("{SMALL} --json")).json();
    let groups = json.as_array().unwrap();
    let names: Vec<_> = groups.iter().map(|g| (&g["targets"], &g["exploration"])).collect();
    let said = |targets: &str, noise: f64| (targets.into(), noise.into());
    let expected: Vec<(serde_json::Value, serde_json::Value)> = vec![
        said("bootstrapped", 0.1),
        said("bootstrapped", 0.5),
        said("exact", 0.1),
        said("exact", 0.5),
    ];
    assert!(names.iter().zip(&expected).all(|(a, b)| (a.0, a.1) == (&b.0, &b.1)), "{json}");
    assert_eq!(groups[0]["critics"]["n"], 2, "{json}");
    let looks = fs::read_to_string(bench.path("r/v/looks.csv")).unwrap();
    assert_eq!(
        looks.lines().count(),
        1 + 2 * 2 * 2 * 2 * 10,
        "targets, noises, critics, seeds, looks"
    );
    let one = "exact,0.5,q-d2rl,200,1,20,";
    assert_eq!(looks.lines().filter(|line| line.starts_with(one)).count(), 1, "{looks}");

    let units = fs::read_dir(bench.path("r/units")).unwrap().count();
    let again = bench.done(SMALL);
    assert_eq!(fs::read_to_string(bench.path("r/v/looks.csv")).unwrap(), looks);
    assert_eq!(
        fs::read_dir(bench.path("r/units")).unwrap().count(),
        units,
        "nothing is made twice"
    );
    let first = "Bootstrapped targets, noise of 0.1 on the actions: better values ";
    assert!(again.stdout.starts_with(first), "{}", again.stdout);
    assert!(again.stdout.contains("The best values of all are those of "), "{}", again.stdout);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let bench = Bench::new();
    for (flags, expected) in [
        ("--tau 0", "--tau must be above 0 and at most 1, got 0"),
        ("--data 0", "--updates and --data must be at least 1, got 0"),
        ("--exploration nan", "--exploration must be from 0 to 10, got NaN"),
        ("--exploration -1", "--exploration must be from 0 to 10, got -1"),
        (
            "--targets exact exact",
            "mlp-small with exact targets, 1000 transitions, exploration 0.1, seed 0 is given twice",
        ),
    ] {
        let said = bench.error(&format!("value-error {flags} --out r/v"));
        assert!(said.contains(expected), "{said}");
    }
}
