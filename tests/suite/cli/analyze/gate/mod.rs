//! Does the gate let through what is as good, and stop what is not?

use std::fs;

use hyperl::analysis::gate::Baseline;
use hyperl::env::EnvId;
use serde_json::Value;

use crate::support::bench::Bench;
use crate::support::damage::{
    edit_manifest, make_linear, of_another_policy, outcome, reseal, turned, uphill,
};

mod outputs;
mod scales;
mod truths;

/// A bank of which a test makes and reads in seconds: horizon 20 in place of 688.
const BASELINE: &str = "--states 40 --horizon 20 --out base.parquet";

/// The fields that other programs read (`docs/estimator.md` §5.5).
fn has_all_fields(same: &Value) {
    for key in ["raw", "ceiling", "inside"] {
        for side in ["base", "cand"] {
            assert!(same[key][side]["est"].is_f64(), "{key} {side}: {same}");
        }
    }
    for key in [
        "schema",
        "env",
        "alpha",
        "delta_tol",
        "delta_ni",
        "n_states",
        "n_episodes",
        "n_rollouts",
        "B",
        "sigma",
        "gamma",
        "horizon",
        "gamma_H",
        "seed",
        "bank_hash",
        "baseline_hash",
        "candidate_hash",
        "p_regress",
        "p_ni",
        "p_holm",
        "min_detectable_drop_80",
        "reason",
    ] {
        assert!(!same[key].is_null(), "{key}: {same}");
    }
    for (key, fields) in [
        ("diff", &["est", "lo", "hi", "sd"][..]),
        ("achieved_power_at", &["0.05"]),
        ("counts", &["bank", "left_out"]),
    ] {
        assert!(fields.iter().all(|field| same[key][field].is_number()), "{key}: {same}");
    }
}

#[test]
fn a_critic_against_itself_passes() {
    let bench = Bench::new();
    bench.done(&format!("baseline --ckpt @ {BASELINE}"));
    let ran = bench.analyze(
        "gate --ckpt @ --baseline base.parquet --json --junit out/gate.xml --markdown out/gate.md \
         --out out/gate.json",
    );
    let (code, same) = outcome(&ran);
    assert_eq!(
        (code, &same["verdict"], &same["truth"]),
        (0, &"non_inferior".into(), &"stored".into())
    );
    assert_eq!(same["diff"]["est"], 0.0);
    assert_eq!((&same["states_needed"], &same["warnings"]), (&Value::Null, &Value::Array(vec![])));
    // Four blocks of four pairs: signs of three coordinates are columns of a matrix of four rows.
    assert_eq!(same["n_rollouts"], 32);
    // The bank is one for the other measures, too.
    bench.done("cosine --ckpt @ --bank base.parquet");
    has_all_fields(&same);
    let xml = fs::read_to_string(bench.path("out/gate.xml")).unwrap();
    assert!(xml.contains("tests=\"1\" failures=\"0\" skipped=\"0\""), "{xml}");
    let markdown = fs::read_to_string(bench.path("out/gate.md")).unwrap();
    assert!(markdown.starts_with("## Gradient quality: non-inferior"), "{markdown}");
    assert_eq!(fs::read_to_string(bench.path("out/gate.json")).unwrap(), ran.stdout.trim_end());
}

#[test]
fn a_critic_turned_by_a_known_angle_is_stopped_and_the_way_back_is_not() {
    let bench = Bench::new();
    bench.done(&format!("baseline --ckpt @ {BASELINE}"));
    let uphill = uphill(&bench.path("base.parquet"));
    for (name, degrees) in [("good", 0.0), ("turned", 60.0), ("mirrored", 180.0)] {
        fs::rename(bench.copy(), bench.path(name)).unwrap();
        make_linear(&bench.path(name), turned(uphill, degrees));
        bench
            .done(&format!("baseline --ckpt {name} --states 40 --horizon 20 --out {name}.parquet"));
    }
    let gate = |candidate: &str, base: &str| {
        let ran =
            bench.analyze(&format!("gate --ckpt {candidate} --baseline {base}.parquet --json"));
        let (code, found) = outcome(&ran);
        assert_eq!(found["truth"], "stored");
        (code, found["verdict"].as_str().unwrap().to_owned(), found)
    };
    let raw = |found: &Value, side: &str| found["raw"][side]["est"].as_f64().unwrap();
    for worse in ["turned", "mirrored"] {
        let (code, verdict, found) = gate(worse, "good");
        assert_eq!((code, &*verdict), (1, "regressed"), "{found}");
        let (code, verdict, _) = gate("good", worse);
        assert_eq!((code, &*verdict), (0, "non_inferior"));
    }
    let mirrored = gate("mirrored", "good").2;
    assert!((raw(&mirrored, "base") + raw(&mirrored, "cand")).abs() < 1e-6, "{mirrored}");
    // The mean true direction is orthogonal to what the turn adds: half of the cosine is left.
    let half = gate("turned", "good").2;
    assert!((raw(&half, "cand") - 0.5 * raw(&half, "base")).abs() < 0.2, "{half}");
}

#[test]
fn the_same_weights_in_another_checkpoint_differ_by_exactly_nothing() {
    let bench = Bench::new();
    bench.done(&format!("baseline --ckpt @ {BASELINE}"));
    edit_manifest(&bench.copy(), |manifest| manifest["step"] = 59.into());
    let (code, found) = outcome(&bench.analyze("gate --ckpt ckpt --baseline base.parquet --json"));
    assert_ne!(found["candidate_hash"], found["baseline_hash"]);
    assert_eq!((code, &found["truth"]), (0, &"stored".into()));
    assert_eq!(found["diff"], serde_json::json!({"est": 0.0, "lo": 0.0, "hi": 0.0, "sd": 0.0}));
    assert_eq!(found["raw"]["base"], found["raw"]["cand"]);
    assert_eq!(found["p_regress"], 1.0);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let bench = Bench::new();
    bench.done(&format!("baseline --ckpt @ {BASELINE}"));
    let gate = |words: &str| bench.error(&format!("gate --ckpt @ --baseline {words}"));
    assert!(gate("nowhere.parquet").starts_with("cannot read nowhere.parquet: No such file"));
    assert_eq!(gate("base.parquet --alpha 0.7"), "--alpha must lie between 0 and 0.5");
    assert_eq!(gate("base.parquet --margin 0"), "--margin must lie between 0 and 1");
    assert_eq!(gate("base.parquet --margin 5"), "--margin must lie between 0 and 1");
    assert_eq!(
        gate("base.parquet base.parquet"),
        "two baselines are of hopper; give one for each environment"
    );
    let bytes = fs::read(bench.path("base.parquet")).unwrap();
    fs::write(bench.path("cut.parquet"), &bytes[..bytes.len() / 2]).unwrap();
    assert!(gate("cut.parquet").starts_with("cut.parquet: this is no baseline of hyperl: "));
    bench.write("old.json", "{\"hyperl_baseline\": 3, \"env\": \"hopper\"}");
    assert_eq!(
        gate("old.json"),
        "old.json: this is no baseline of hyperl: not a bank of hyperl-analyze bank: no Parquet file; make one \
         with hyperl-analyze baseline"
    );
    bench.done("bank --ckpt @ --states 20 --horizon 5 --out bank.parquet");
    assert_eq!(
        gate("bank.parquet"),
        "bank.parquet: this is no baseline of hyperl: it is a bank without a critic; make one with \
         hyperl-analyze baseline"
    );
    let changes: [fn(&mut Baseline); 5] = [
        |base| base.file.bank.states[3].tried[2].returns[1] += 1e-9,
        |base| base.file.bank.states[3].snapshot.0[0] += 1e-9,
        |base| base.file.about.gamma = 0.98,
        |base| base.critic.said[0].local[0] += 1e-9,
        |base| base.critic.model = "hyper".into(),
    ];
    for change in changes {
        let mut base = Baseline::read(&bench.path("base.parquet")).unwrap();
        change(&mut base);
        base.write(&bench.path("edited.parquet")).unwrap();
        assert_eq!(
            gate("edited.parquet"),
            "edited.parquet: its contents do not match its hash; copy it again or make a new one"
        );
    }
    reseal(&bench.path("base.parquet"), &bench.path("old.parquet"), |base| base.critic.format = 3);
    assert_eq!(
        gate("old.parquet"),
        "old.parquet: expected a baseline of version 4, got 3; make it again"
    );
    let resealed = |name: &str, change: fn(&mut Baseline)| {
        reseal(&bench.path("base.parquet"), &bench.path(name), change);
    };
    resealed("walker.parquet", |base| base.critic.env = EnvId::Walker2d);
    assert!(gate("walker.parquet").contains("is of hopper, for which no baseline is left"));
    resealed("mujoco.parquet", |base| base.critic.versions.mujoco = "3.0.0".into());
    let refused = gate("mujoco.parquet");
    assert!(refused.contains("MuJoCo") && refused.contains("3.0.0"), "{refused}");
    assert_eq!(
        bench.error("baseline --ckpt @ --states 61 --out b.parquet").split_once(": ").unwrap().1,
        "the checkpoint carries 60 visited states, 61 were asked for; lower --states"
    );
}

#[test]
fn other_versions_of_what_made_the_baseline_are_named() {
    let bench = Bench::new();
    bench.done(&format!("baseline --ckpt @ {BASELINE}"));
    reseal(&bench.path("base.parquet"), &bench.path("torch.parquet"), |base| {
        base.critic.versions.libtorch = "2.0.0".into();
    });
    let ran = bench.done("gate --ckpt @ --baseline torch.parquet --json");
    let warned = "hopper: the baseline was made with libtorch 2.0.0, this is";
    assert!(ran.stderr.starts_with(&format!("warning: {warned}")), "{}", ran.stderr);
    let (_, found) = outcome(&ran);
    assert!(found["warnings"][0].as_str().unwrap().starts_with(warned), "{found}");
    // Rollouts of another MuJoCo are another truth; a candidate with its own is only warned of.
    reseal(&bench.path("base.parquet"), &bench.path("mujoco.parquet"), |base| {
        base.critic.versions.mujoco = "3.0.0".into();
        of_another_policy(base);
    });
    let ran = bench.analyze("gate --ckpt @ --baseline mujoco.parquet --json");
    assert!(ran.stderr.contains("was made with MuJoCo 3.0.0"), "{}", ran.stderr);
    assert_eq!(outcome(&ran).1["truth"], "regenerated");
}
