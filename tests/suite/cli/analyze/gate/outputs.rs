//! What a CI sees: the summary of a job, `JUnit`, several environments together.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::bench::{Bench, checkpoint};
use crate::support::damage::{cheetah, copy, make_linear, uphill};

/// A bench with a baseline `up.parquet` of a critic that points uphill, and one `down` that does not.
fn opposites() -> Bench {
    let bench = Bench::new();
    bench.done("baseline --ckpt @ --states 40 --horizon 20 --out base.parquet");
    let up = uphill(&bench.path("base.parquet"));
    for (name, slope) in [("up", up), ("down", up.map(|x| -x))] {
        copy(&checkpoint(), &bench.path(name));
        make_linear(&bench.path(name), slope);
    }
    bench.done("baseline --ckpt up --states 40 --horizon 20 --out up.parquet");
    bench
}

#[test]
fn the_summary_of_a_job_is_appended_to() {
    let bench = opposites();
    bench.write("summary.md", "# Build\n");
    for _ in 0..2 {
        let ran = Command::new(env!("CARGO_BIN_EXE_hyperl-analyze"))
            .args("gate --ckpt down --baseline up.parquet --markdown own.md".split_whitespace())
            .current_dir(bench.path("."))
            .env("GITHUB_STEP_SUMMARY", bench.path("summary.md"))
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(1));
    }
    let own = fs::read_to_string(bench.path("own.md")).unwrap();
    assert!(own.starts_with("## Gradient quality: regressed"), "{own}");
    assert_eq!(
        fs::read_to_string(bench.path("summary.md")).unwrap(),
        format!("# Build\n{own}{own}")
    );
}

#[test]
fn two_environments_share_the_chance_of_a_false_alarm() {
    let bench = opposites();
    let cheetah = cheetah();
    let cheetah = cheetah.display();
    bench.done(&format!("baseline --ckpt {cheetah} --states 20 --horizon 20 --out other.parquet"));
    let both = |alpha: f64| {
        let words = format!(
            "gate --ckpt down {cheetah} --baseline other.parquet up.parquet --alpha {alpha} --json \
             --junit gate.xml"
        );
        let ran = bench.analyze(&words);
        let json: Value = serde_json::from_str(&ran.stdout).unwrap();
        (ran.code, json, fs::read_to_string(bench.path("gate.xml")).unwrap())
    };
    let (code, found, xml) = both(0.05);
    assert_eq!((code, &found["verdict"]), (1, &"regressed".into()));
    let [hopper, other] = [0, 1].map(|i| &found["environments"][i]);
    assert_eq!((&hopper["env"], &other["env"]), (&"hopper".into(), &"half-cheetah".into()));
    // Holm: the smaller p doubles, the other stays.
    let p = |o: &Value, name: &str| o[name].as_f64().unwrap();
    assert_eq!(p(hopper, "p_holm"), 2.0 * p(hopper, "p_regress"));
    assert_eq!((p(other, "p_holm"), p(other, "p_regress")), (1.0, 1.0));
    assert!(xml.contains("tests=\"2\" failures=\"1\" skipped=\"0\""), "{xml}");
    assert!(xml.contains("on hopper\"><failure message=\"the candidate's cosine is low"), "{xml}");
    assert!(xml.contains("on half-cheetah\"><system-out>a drop of 0.05"), "{xml}");

    // A level between p and 2p alarms for hopper alone, and not for both.
    let alpha = 1.5 * p(hopper, "p_regress");
    let alone = bench.analyze(&format!("gate --ckpt down --baseline up.parquet --alpha {alpha}"));
    assert_eq!(alone.code, 1, "{}", alone.stdout);
    let (code, found, xml) = both(alpha);
    assert_eq!((code, &found["environments"][0]["verdict"]), (2, &"inconclusive".into()));
    assert!(found["environments"][0]["states_needed"].as_u64().unwrap() > 40, "{found}");
    assert!(xml.contains("failures=\"0\" skipped=\""), "{xml}");
    assert!(xml.contains("on hopper\"><skipped message=\"neither a drop nor"), "{xml}");
}

#[test]
fn the_script_that_damages_a_critic_leaves_the_actor_alone() {
    let bench = opposites();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/damage");
    // Noise 150 times the weights leaves a direction that has nothing to do with the true one. It may
    // happen to be a good one, so the seed is fixed.
    let Ok(ran) = Command::new("python3")
        .args([
            script,
            "up",
            "damaged",
            "--part",
            "layers.0.weight",
            "--noise",
            "150",
            "--seed",
            "0",
        ])
        .current_dir(bench.path("."))
        .output()
    else {
        eprintln!("no python3: scripts/damage is not tested");
        return;
    };
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let gate = bench.analyze("gate --ckpt damaged --baseline up.parquet --json");
    let found: Value = serde_json::from_str(&gate.stdout).unwrap();
    let found = &found["environments"][0];
    assert_eq!((gate.code, &found["verdict"]), (1, &"regressed".into()), "{found}");
    assert_eq!(found["truth"], "stored", "the actor is the same");
    let same = bench.done("gate --ckpt up --baseline up.parquet --json").json();
    assert_eq!(same["environments"][0]["diff"]["est"], 0.0, "the original stays");
}
