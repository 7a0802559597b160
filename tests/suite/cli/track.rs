//! Does TensorBoard read what the tables of a run say?

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::program::{assert_finishes, assert_refuses, hyperl_analyze, hyperl_train, run};

type Scalars = BTreeMap<String, Vec<(u64, f64)>>;

/// What the tensorboard package reads in a folder.
fn read(folder: &Path) -> Scalars {
    let here = env!("CARGO_MANIFEST_DIR");
    let python = Command::new("python3")
        .env("PYTHONPATH", format!("{here}/.deps/python"))
        .arg(format!("{here}/tests/fixtures/tensorboard/read.py"))
        .arg(folder)
        .output()
        .unwrap();
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    serde_json::from_slice(&python.stdout).unwrap()
}

/// Columns of a table, by name.
fn columns(file: &Path) -> BTreeMap<String, Vec<f64>> {
    let text = fs::read_to_string(file).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let mut all = BTreeMap::new();
    for row in lines {
        for (name, field) in names.iter().zip(row) {
            let column: &mut Vec<f64> = all.entry((*name).to_owned()).or_default();
            column.push(field.parse().unwrap_or(f64::NAN));
        }
    }
    all
}

fn assert_is(found: &[(u64, f64)], expected: &[(u64, f64)]) {
    assert_eq!(found.len(), expected.len(), "{found:?} {expected:?}");
    for ((at, value), (step, number)) in found.iter().zip(expected) {
        assert_eq!(at, step);
        assert_eq!(*value as f32, *number as f32);
    }
}

#[test]
fn a_run_that_went_on_is_read_as_one_and_what_was_measured_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let train = |words: &str| {
        let mut command = hyperl_train(&format!(
            "td3 --env hopper --critic mlp-small --checkpoint-every 20 --set warmup_steps=20 --set batch=8 --set \
             evaluation_episodes=2 --set evaluate_every=20 --resume --out . {words}"
        ));
        command.current_dir(here);
        assert_finishes(&run(command));
    };
    train("--steps 20");
    let name = here.join("td3-hopper-mlp-small-s0");
    assert!(!name.join("tensorboard").exists());
    train("--steps 40 --track");
    train("--steps 60");
    // Nothing is left to train, and the events are those of the whole run.
    fs::write(name.join("tensorboard/notes.txt"), "kept").unwrap();
    train("--steps 60 --track");
    let events = name.join("tensorboard");
    assert_eq!(fs::read_dir(&events).unwrap().count(), 2, "one file of events, and the notes");
    let found = read(&events);

    let table = columns(&name.join("evaluations.csv"));
    let (at, returns) = (&table["at"], &table["return"]);
    assert_eq!(at, &[0.0, 0.0, 20.0, 20.0, 40.0, 40.0, 60.0, 60.0]);
    let mean = |i: usize| (at[i] as u64, f64::midpoint(returns[i], returns[i + 1]));
    assert_is(&found["eval/mean_reward"], &[0, 2, 4, 6].map(mean));

    let table = columns(&name.join("progress.csv"));
    let of = |tag: &str, of: &dyn Fn(usize) -> f64| {
        let rows = table["at"].iter().enumerate().map(|(i, at)| (*at as u64, of(i)));
        let rows: Vec<_> = rows.filter(|(_, number)| !number.is_nan()).collect();
        assert_is(&found[tag], &rows);
        rows.len()
    };
    assert_eq!(of("time/time_elapsed", &|i| table["seconds"][i]), 3);
    assert_eq!(of("time/fps", &|i| table["at"][i] / table["seconds"][i]), 3);
    // There is no loss before the first update.
    assert_eq!(of("train/critic_loss", &|i| table["critic_loss"][i]), 2);
    assert_eq!(of("train/actor_loss", &|i| table["actor_loss"][i]), 2);
    assert_eq!(found.len(), 5);
    measured_beside_it(here, &name);
}

/// Measures two checkpoints of the run, and asks for what cannot be.
fn measured_beside_it(here: &Path, name: &Path) {
    let cosine = |how: &str| {
        let mut cosine = hyperl_analyze(&format!("cosine {how} --track --json --ckpt"));
        cosine
            .current_dir(here)
            .args(["step-000000020", "step-000000060"].map(|step| name.join(step)));
        let said = run(cosine);
        assert_finishes(&said);
        said
    };
    // What is measured again takes the place of what was measured before.
    cosine("--states 5 --horizon 5");
    let said = cosine("--states 60 --horizon 10 --states-from policy");
    let json: Value = serde_json::from_str(&said.out).unwrap();
    let found = read(&name.join("tensorboard/gradient"));
    for (tag, pointer) in [
        ("gradient/kappa", "policy/kappa"),
        ("gradient/gain", "policy/gain"),
        ("gradient/inside", "inside/corrected"),
    ] {
        let pointer = format!("/score/{pointer}/value");
        let number = |i: usize| json["checkpoints"][i].pointer(&pointer).unwrap().as_f64().unwrap();
        assert_is(&found[tag], &[(20, number(0)), (60, number(1))]);
    }
    assert_eq!(found.len(), 3);

    let refused = |words: &str, checkpoint: &Path, expected: &str| {
        let mut cosine = hyperl_analyze(words);
        cosine.current_dir(here).arg(checkpoint);
        assert_refuses(&run(cosine), expected);
    };
    let step = name.join("step-000000060");
    let words = "cosine --mode paper --track --ckpt";
    refused(words, &step, "--track is for hyperl-analyze cosine in lab mode");
    fs::rename(&step, here.join("elsewhere")).unwrap();
    let words = "cosine --states 5 --horizon 5 --track --ckpt";
    refused(words, &here.join("elsewhere"), "lies in none");
}
