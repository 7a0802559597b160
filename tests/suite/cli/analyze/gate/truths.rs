//! A candidate with an actor of its own: rollouts made anew, on the same states.

use hyperl::analysis::gate::Baseline;
use serde_json::Value;

use crate::support::bench::{Bench, checkpoint, run};
use crate::support::damage::{copy, heights, make_linear, outcome, reseal, saturate_above, uphill};

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
        let own = format!("{name}.json");
        bench.done(&format!("baseline --ckpt {} {words} {own}", checkpoint.display()));
        let up = uphill(&bench.path(&own));
        for (critic, slope) in [("up", up), ("down", up.map(|x| -x))] {
            let copied = format!("{name}-{critic}");
            copy(checkpoint, &bench.path(&copied));
            make_linear(&bench.path(&copied), slope);
            bench.done(&format!("baseline --ckpt {copied} {words} {copied}.json"));
        }
    }
    let ran = bench.analyze("gate --ckpt late-down --baseline early-up.json --json");
    let (code, worse) = outcome(&ran);
    assert_eq!(
        (code, &worse["truth"], &worse["verdict"]),
        (1, &"regenerated".into(), &"regressed".into())
    );
    assert!(
        ran.stderr.contains("rollouts are made anew: 25 states × 24 rollouts"),
        "{}",
        ran.stderr
    );
    assert!(worse["learnable"]["p_mcnemar"].is_null(), "unpaired states have no such test");
    let ran = bench.analyze("gate --ckpt late-up --baseline early-down.json --json");
    let (code, better) = outcome(&ran);
    assert_eq!((code, &better["verdict"]), (0, &"non_inferior".into()));
    // The same rollouts, the opposite direction.
    let raw = |found: &Value| number(&found["raw"]["cand"]["est"]);
    assert!((raw(&worse) + raw(&better)).abs() < 1e-6 && raw(&better) > 0.2, "{better}");
    // A margin that nothing can rule out, and a level that nothing reaches: it cannot say.
    let strict = "gate --ckpt late-up --baseline early-up.json --alpha 1e-12 --margin 1e-9";
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
    bench.done(&format!("baseline --ckpt @ {BASELINE} base.json"));
    let mut alarms = 0;
    for seed in 1..=5 {
        reseal(&bench.path("base.json"), &bench.path("fresh.json"), |base| {
            base.settings.seed = seed;
            base.actor_hash = "taken for another".into();
        });
        let (code, found) = outcome(&bench.analyze("gate --ckpt @ --baseline fresh.json --json"));
        assert_eq!(found["truth"], "regenerated");
        assert_ne!(found["raw"]["base"], found["raw"]["cand"], "other directions were tried");
        alarms += i32::from(code == 1);
    }
    // At α = 0.05 two or more of five have a chance of 0.023.
    assert!(alarms <= 1, "{alarms} of 5");
}

/// A bench with a checkpoint `free` whose actor never moves and its baseline `base.json`, a candidate `ckpt`
/// whose actor is saturated in all but 15 of the 40 states, and the candidate's own baseline `cand.json` on
/// the same states.
fn saturated() -> Bench {
    let bench = Bench::new();
    copy(&checkpoint(), &bench.path("free"));
    saturate_above(&bench.path("free"), 100.0);
    bench.done(&format!("baseline --ckpt free {BASELINE} base.json"));
    let mut sorted = heights(&bench.path("base.json"));
    sorted.sort_by(f64::total_cmp);
    saturate_above(&bench.copy(), 0.5 * (sorted[14] + sorted[15]));
    bench.done(&format!("baseline --ckpt ckpt {BASELINE} cand.json"));
    bench
}

/// Removes the states in which the candidate is saturated from a baseline of the same bank.
fn reduce(bench: &Bench, from: &str, to: &str) {
    let cand = Baseline::read(&bench.path("cand.json")).unwrap();
    let mut kept = cand.states.iter().map(|state| !state.record.actions.is_empty());
    reseal(&bench.path(from), &bench.path(to), |base| {
        base.states.retain(|_| kept.next().unwrap());
        assert_eq!(base.states.len(), 15);
    });
}

#[test]
fn two_truths_are_compared_on_the_states_that_both_can_use() {
    let bench = saturated();
    let gate = |words: &str| outcome(&bench.analyze(&format!("gate {words} --json"))).1;
    let found = gate("--ckpt ckpt --baseline base.json");
    assert_eq!(
        (&found["truth"], &found["n_states"], &found["counts"]["dropped"]),
        (&"regenerated".into(), &15.into(), &serde_json::json!({"base": 0, "cand": 25}))
    );
    assert_eq!((&found["counts"]["bank"], &found["counts"]["left_out"]), (&40.into(), &25.into()));
    let warned = "hopper: 15 of 40 states have a usable cosine on both sides, fewer than half";
    assert!(found["warnings"][0].as_str().unwrap().starts_with(warned), "{found}");
    // The baseline's side is that of a bank without the dropped states.
    reduce(&bench, "base.json", "small.json");
    let small = gate("--ckpt free --baseline small.json");
    for key in ["raw", "corrected", "stacked"] {
        assert_eq!(found[key]["base"], small[key]["base"], "{key}");
    }
    assert_ne!(found["raw"]["base"], gate("--ckpt free --baseline base.json")["raw"]["base"]);
    // What is said of the rollouts is said of the candidate's: those of its own baseline.
    let own = gate("--ckpt ckpt --baseline cand.json");
    assert_eq!((&found["measured_on"], &own["measured_on"]), (&"cand".into(), &"base".into()));
    assert_eq!(found["raw"]["cand"], own["raw"]["base"]);
    for key in ["undefined", "unresolved", "clipped_dims", "terminated", "truncated"] {
        assert_eq!(found["counts"][key], own["counts"][key], "{key}");
    }
    assert_eq!(found["fd_agreement"], own["fd_agreement"]);
    let text = bench.analyze("gate --ckpt ckpt --baseline base.json").stdout;
    assert!(text.contains("25, without a usable cosine: baseline 0, candidate 25"), "{text}");
}

#[test]
fn fewer_than_four_blocks_are_warned_of_where_truths_differ() {
    let bench = Bench::new();
    bench.done(&format!("baseline --ckpt @ --blocks 2 {BASELINE} two.json"));
    reseal(&bench.path("two.json"), &bench.path("other.json"), |base| {
        base.actor_hash = "taken for another".into();
    });
    let ran = bench.analyze("gate --ckpt @ --baseline other.json --json");
    assert!(
        ran.stderr.contains("warning: hopper: two truths with 2 blocks each"),
        "{}",
        ran.stderr
    );
    let stored = bench.done("gate --ckpt @ --baseline two.json");
    assert!(!stored.stderr.contains("warning"), "{}", stored.stderr);
}

#[test]
fn a_larger_bank_is_asked_for_by_the_share_that_is_usable() {
    let bench = saturated();
    reduce(&bench, "cand.json", "small.json");
    make_linear(&bench.path("ckpt"), uphill(&bench.path("cand.json")));
    let needed = |base: &str| {
        let strict = "--alpha 1e-12 --margin 0.001 --json";
        let (code, found) =
            outcome(&bench.analyze(&format!("gate --ckpt ckpt --baseline {base} {strict}")));
        assert_eq!((code, &found["n_states"]), (2, &15.into()), "{found}");
        found["states_needed"].as_u64().unwrap()
    };
    assert_eq!(needed("cand.json"), (needed("small.json") * 40).div_ceil(15));
}

#[test]
fn a_bank_without_a_usable_state_says_that_more_of_them_would_not_help() {
    let bench = Bench::new();
    saturate_above(&bench.copy(), 0.0);
    bench.done(&format!("baseline --ckpt ckpt {BASELINE} base.json"));
    make_linear(&bench.path("ckpt"), [1.0, 0.0, 0.0]);
    let (code, found) = outcome(&bench.analyze("gate --ckpt ckpt --baseline base.json --json"));
    assert_eq!((code, &found["states_needed"]), (2, &Value::Null));
    assert_eq!(
        found["reason"],
        "0 of 40 states have a usable cosine on both sides, 10 are needed: more states of this kind \
         would not decide; see hyperl-analyze diagnose"
    );
}
