//! Does the gate let through what is as good, and stop what is not?

use std::fs;
use std::path::Path;

use hyperl::checkpoint::disk;
use serde_json::Value;

use super::bench::{Bench, Ran, run};

/// A bank of which a test makes and reads in seconds: horizon 20 in place of 688.
const BASELINE: &str = "--states 40 --horizon 20 --out base.json";

/// Direction of the mean true gradient, from the rollouts of a baseline: the slopes of its pairs.
fn uphill(baseline: &Path) -> [f64; 3] {
    let json: Value = serde_json::from_slice(&fs::read(baseline).unwrap()).unwrap();
    let mut sum = [0.0; 3];
    for state in json["states"].as_array().unwrap() {
        let (actions, returns) = (&state["record"]["actions"], &state["record"]["returns"]);
        let mut own = [0.0; 3];
        for pair in 0..actions.as_array().unwrap().len() / 2 {
            let at = |i: usize| returns[2 * pair + i].as_f64().unwrap();
            let side = |i: usize, j: usize| actions[2 * pair + i][j].as_f64().unwrap();
            let step = [0, 1, 2].map(|j| side(0, j) - side(1, j));
            let square: f64 = step.iter().map(|x| x * x).sum();
            for (total, x) in own.iter_mut().zip(step) {
                *total += x * (at(0) - at(1)) / square;
            }
        }
        let length = own.iter().map(|x| x * x).sum::<f64>().sqrt();
        sum.iter_mut().zip(own).for_each(|(to, x)| *to += x / length);
    }
    let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
    sum.map(|x| x / length)
}

/// `v` turned by an angle in degrees, in some plane.
fn turned(v: [f64; 3], degrees: f64) -> [f64; 3] {
    let smallest = (0..3).min_by(|&i, &j| v[i].abs().total_cmp(&v[j].abs())).unwrap();
    let mut other = [0.0; 3];
    other[smallest] = 1.0;
    let other = [0, 1, 2].map(|i| other[i] - v[i] * v[smallest]);
    let length = other.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (sin, cos) = degrees.to_radians().sin_cos();
    [0, 1, 2].map(|i| cos * v[i] + sin * other[i] / length)
}

/// Makes the first critic of a small checkpoint linear in the action: `Q = slope · a + 100`.
fn make_linear(folder: &Path, slope: [f64; 3]) {
    let path = folder.join("weights.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    // Layout of safetensors: length of the header | header in JSON | numbers.
    let header = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let tensors: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    let mut put = |name: &str, numbers: &[(usize, f64)]| {
        let offsets = &tensors[format!("critic.q1.layers.{name}")]["data_offsets"];
        let [start, end] = [0, 1].map(|i| 8 + header + offsets[i].as_u64().unwrap() as usize);
        bytes[start..end].fill(0);
        for (at, number) in numbers {
            bytes[start + 4 * at..start + 4 * (at + 1)]
                .copy_from_slice(&(*number as f32).to_le_bytes());
        }
    };
    // One hidden unit that is always on.
    put("0.weight", &[(11, slope[0]), (12, slope[1]), (13, slope[2])]);
    put("0.bias", &[(0, 100.0)]);
    put("1.weight", &[(0, 1.0)]);
    put("1.bias", &[]);
    fs::write(&path, &bytes).unwrap();
    let manifest = folder.join("manifest.json");
    let mut value: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    value["hashes"]["weights"] = disk::hash(&bytes).into();
    fs::write(&manifest, value.to_string()).unwrap();
}

fn outcome(ran: &Ran) -> (i32, Value) {
    let json: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    (ran.code, json["environments"][0].clone())
}

/// The fields that other programs read (`estimator` §5.5).
fn has_all_fields(same: &Value) {
    for key in ["raw", "corrected", "stacked"] {
        for side in ["base", "cand"] {
            assert!(same[key][side]["est"].is_f64(), "{key} {side}: {same}");
        }
    }
    for key in [
        "schema",
        "env",
        "mode",
        "alpha",
        "delta_tol",
        "delta_ni",
        "n_states",
        "n_rollouts",
        "B",
        "sigma",
        "gamma",
        "horizon",
        "gamma_H",
        "bank_hash",
        "baseline_hash",
        "candidate_hash",
        "chance",
        "p_regress",
        "p_ni",
        "p_holm",
        "min_detectable_drop_80",
        "fd_agreement",
        "reason",
    ] {
        assert!(!same[key].is_null(), "{key}: {same}");
    }
    for (key, fields) in [
        ("seeds", &["states", "rollouts", "design"][..]),
        ("ceiling", &["est", "lo", "hi"]),
        ("diff", &["est", "lo", "hi", "sd"]),
        ("learnable", &["tau", "base", "cand", "p_mcnemar"]),
        ("achieved_power_at", &["0.05"]),
        (
            "counts",
            &[
                "undefined",
                "rank_deficient",
                "unresolved",
                "clipped_dims",
                "terminated",
                "truncated",
            ],
        ),
    ] {
        assert!(fields.iter().all(|field| same[key][field].is_number()), "{key}: {same}");
    }
}

#[test]
fn a_critic_against_itself_passes() {
    let bench = Bench::new();
    bench.done(&format!("baseline --ckpt @ {BASELINE}"));
    let ran = bench.analyze(
        "gate --ckpt @ --baseline base.json --json --junit out/gate.xml --markdown out/gate.md \
         --out out/gate.json",
    );
    let (code, same) = outcome(&ran);
    assert_eq!(
        (code, &same["verdict"], &same["truth"]),
        (0, &"non_inferior".into(), &"stored".into())
    );
    assert_eq!((&same["diff"]["est"], &same["learnable"]["p_mcnemar"]), (&0.0.into(), &1.0.into()));
    assert_eq!(same["n_rollouts"], 24);
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
    let uphill = uphill(&bench.path("base.json"));
    for (name, degrees) in [("good", 0.0), ("turned", 60.0), ("mirrored", 180.0)] {
        fs::rename(bench.copy(), bench.path(name)).unwrap();
        make_linear(&bench.path(name), turned(uphill, degrees));
        bench.done(&format!("baseline --ckpt {name} --states 40 --horizon 20 --out {name}.json"));
    }
    let gate = |candidate: &str, base: &str| {
        let ran = bench.analyze(&format!("gate --ckpt {candidate} --baseline {base}.json --json"));
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
    assert!((raw(&half, "cand") - 0.5 * raw(&half, "base")).abs() < 0.15, "{half}");
}

#[test]
fn another_actor_has_its_own_truth() {
    let bench = Bench::new();
    let early = run().join("step-000000030");
    let words = "--states 25 --horizon 20 --out base.json";
    bench.done(&format!("baseline --ckpt {} {words}", early.display()));
    let ran = bench.analyze("gate --ckpt @ --baseline base.json --json");
    let (code, found) = outcome(&ran);
    assert_eq!(found["truth"], "regenerated");
    assert_eq!(
        code,
        match found["verdict"].as_str().unwrap() {
            "regressed" => 1,
            "non_inferior" => 0,
            _ => 2,
        }
    );
    assert!(
        ran.stderr.contains("rollouts are made anew: 25 states × 24 rollouts"),
        "{}",
        ran.stderr
    );
    assert!(found["learnable"]["p_mcnemar"].is_null(), "unpaired states have no such test");
    // A margin that nothing can rule out, and a level that nothing reaches: it cannot say.
    let strict = "gate --ckpt @ --baseline base.json --alpha 1e-12 --margin 1e-9";
    let ran = bench.analyze(&format!("{strict} --json"));
    assert_eq!((ran.code, &outcome(&ran).1["verdict"]), (2, &"inconclusive".into()));
    assert!(outcome(&ran).1["states_needed"].is_u64());
    let ran = bench.done(&format!("{strict} --allow-inconclusive"));
    assert!(ran.stderr.contains("warning: inconclusive, and allowed to be"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let bench = Bench::new();
    bench.done(&format!("baseline --ckpt @ {BASELINE}"));
    let gate = |words: &str| bench.error(&format!("gate --ckpt @ --baseline {words}"));
    assert!(gate("nowhere.json").starts_with("cannot read nowhere.json: No such file"));
    assert_eq!(gate("base.json --alpha 0.7"), "--alpha must lie between 0 and 0.5");
    assert_eq!(gate("base.json --margin 0"), "--margin must be positive");
    assert_eq!(
        gate("base.json base.json"),
        "two baselines are of hopper; give one for each environment"
    );
    let text = fs::read_to_string(bench.path("base.json")).unwrap();
    bench.write("cut.json", &text[..text.len() / 2]);
    assert!(gate("cut.json").starts_with("cut.json: this is no baseline of hyperl: EOF"));
    bench.write("edited.json", &text.replacen("\"returns\":[", "\"returns\":[1.5,", 1));
    assert_eq!(
        gate("edited.json"),
        "edited.json: its states do not have the hash it says; copy or make it again"
    );
    bench.write("walker.json", &text.replacen("\"env\":\"hopper\"", "\"env\":\"walker2d\"", 1));
    assert!(gate("walker.json").contains("is of hopper, for which no baseline is left"));
    assert_eq!(
        bench.error("baseline --ckpt @ --states 61 --out b.json"),
        "the checkpoint carries 60 visited states, 61 were asked for; lower --states"
    );
}
