//! A candidate with an actor of its own: rollouts made anew, on the same states.

use serde_json::Value;

use crate::support::bench::{Bench, checkpoint, run};
use crate::support::damage::{
    actor_bias, copy, make_linear, of_another_policy, outcome, reseal, uphill,
};

const BASELINE: &str = "--states 40 --horizon 20 --out";

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn another_actor_has_its_own_truth() {
    let bench = Bench::new();
    let (early, late) = (run().join("step-000000030"), run().join("step-000000060"));
    let words = "--states 25 --horizon 20 --out";
    // Of each actor one critic that points along its mean true gradient, and one against it.
    for (name, checkpoint) in [("early", &early), ("late", &late)] {
        let own = format!("{name}.parquet");
        bench.done(&format!("baseline --ckpt {} {words} {own}", checkpoint.display()));
        let up = uphill(&bench.path(&own));
        for (critic, slope) in [("up", up), ("down", up.map(|x| -x))] {
            let copied = format!("{name}-{critic}");
            copy(checkpoint, &bench.path(&copied));
            make_linear(&bench.path(&copied), slope);
            bench.done(&format!("baseline --ckpt {copied} {words} {copied}.parquet"));
        }
    }
    let ran = bench.analyze("gate --ckpt late-down --baseline early-up.parquet --json");
    let (code, worse) = outcome(&ran);
    assert_eq!(
        (code, &worse["truth"], &worse["verdict"]),
        (1, &"regenerated".into(), &"regressed".into())
    );
    assert!(
        ran.stderr.contains("rollouts are made anew: 25 states, at most 20 steps each"),
        "{}",
        ran.stderr
    );
    let ran = bench.analyze("gate --ckpt late-up --baseline early-down.parquet --json");
    let (code, better) = outcome(&ran);
    assert_eq!((code, &better["verdict"]), (0, &"non_inferior".into()));
    // The same rollouts, the opposite direction.
    let raw = |found: &Value| number(&found["raw"]["cand"]["est"]);
    assert!((raw(&worse) + raw(&better)).abs() < 1e-6 && raw(&better) > 0.2, "{better}");
    // A margin that nothing can rule out, and a level that nothing reaches: it cannot say.
    let strict = "gate --ckpt late-up --baseline early-up.parquet --alpha 1e-12 --margin 1e-9";
    let ran = bench.analyze(&format!("{strict} --json"));
    assert_eq!((ran.code, &outcome(&ran).1["verdict"]), (2, &"inconclusive".into()));
    assert!(outcome(&ran).1["states_needed"].as_u64().unwrap() > 25);
    let ran = bench.done(&format!("{strict} --allow-inconclusive"));
    assert!(ran.stderr.contains("warning: inconclusive, and allowed to be"), "{}", ran.stderr);
    assert!(ran.stdout.contains("states would decide with 80 % power"), "{}", ran.stdout);
}

#[test]
fn fresh_rollouts_of_the_same_actor_rarely_alarm() {
    let bench = Bench::new();
    bench.done(&format!("baseline --ckpt @ {BASELINE} base.parquet"));
    let mut alarms = 0;
    for seed in 1..=5 {
        reseal(&bench.path("base.parquet"), &bench.path("fresh.parquet"), |base| {
            base.file.about.plan.seed = seed;
            of_another_policy(base);
        });
        let (code, found) =
            outcome(&bench.analyze("gate --ckpt @ --baseline fresh.parquet --json"));
        assert_eq!(found["truth"], "regenerated");
        assert_ne!(found["raw"]["base"], found["raw"]["cand"], "other directions were tried");
        alarms += i32::from(code == 1);
    }
    // At α = 0.05 two or more of five have a chance of 0.023.
    assert!(alarms <= 1, "{alarms} of 5");
}

#[test]
fn an_actor_at_its_bounds_is_judged_in_all_states_and_coordinates() {
    let bench = Bench::new();
    let (free, bound) = ([0.2, -0.1, 0.0], [0.2, 50.0, -50.0]);
    for (name, biases) in [("free", free), ("bound", bound)] {
        copy(&checkpoint(), &bench.path(name));
        actor_bias(&bench.path(name), &biases);
        bench.done(&format!("baseline --ckpt {name} {BASELINE} {name}.parquet"));
    }
    let gate = |words: &str| outcome(&bench.analyze(&format!("gate {words} --json"))).1;
    let found = gate("--ckpt bound --baseline free.parquet");
    assert_eq!((&found["truth"], &found["n_states"]), (&"regenerated".into(), &40.into()));
    assert_eq!(found["counts"], serde_json::json!({"bank": 40, "left_out": 0}));
    assert_eq!(found["warnings"], serde_json::json!([]));
    // Each side is what its own baseline says of it: both checkpoints carry the same states.
    for (name, side) in [("free", "base"), ("bound", "cand")] {
        let own = gate(&format!("--ckpt {name} --baseline {name}.parquet"));
        for key in ["raw", "ceiling", "inside", "kappa", "gain"] {
            assert_eq!(found[key][side], own[key]["base"], "{name} {key}");
        }
    }
}

#[test]
fn fewer_than_four_blocks_are_warned_of_where_truths_differ() {
    let bench = Bench::new();
    bench.done(&format!("baseline --ckpt @ --blocks 2 {BASELINE} two.parquet"));
    reseal(&bench.path("two.parquet"), &bench.path("other.parquet"), |base| {
        of_another_policy(base);
    });
    let ran = bench.analyze("gate --ckpt @ --baseline other.parquet --json");
    assert!(
        ran.stderr.contains("warning: hopper: two truths with 2 blocks each"),
        "{}",
        ran.stderr
    );
    let stored = bench.done("gate --ckpt @ --baseline two.parquet");
    assert!(!stored.stderr.contains("warning"), "{}", stored.stderr);
}

#[test]
fn the_same_actor_with_other_returns_has_its_own_truth() {
    let bench = Bench::new();
    bench.done("baseline --ckpt @ --states 12 --horizon 5 --out base.parquet");
    let truth = |baseline: &str| {
        let ran = bench.analyze(&format!("gate --ckpt @ --baseline {baseline} --json"));
        outcome(&ran).1["truth"].clone()
    };
    assert_eq!(truth("base.parquet"), "stored");
    // As a critic of SAC has with another entropy coefficient.
    reseal(&bench.path("base.parquet"), &bench.path("other.parquet"), |base| {
        base.file.about.entropy = 0.2;
    });
    assert_eq!(truth("other.parquet"), "regenerated");
}
