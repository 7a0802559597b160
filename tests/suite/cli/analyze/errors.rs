//! Whatever is wrong: one line with the remedy, exit code 3, and nothing is written.

use std::fs;
use std::path::Path;

use hyperl::checkpoint::disk;
use serde_json::Value;

use crate::support::bench::{Bench, checkpoint, edit};

/// Changes the weights of a copied checkpoint.
fn damage(folder: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let path = folder.join("weights.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_is_no_checkpoint_is_named() {
    let bench = Bench::new();
    fs::create_dir(bench.path("empty")).unwrap();
    bench.write("run/run.toml", "");
    let error = |path| bench.error(&format!("cosine --ckpt {path}"));
    assert_eq!(
        error("nowhere"),
        "nowhere is not a checkpoint: no run or checkpoint has that name; \
         give one or a quoted pattern"
    );
    assert_eq!(
        error("empty"),
        "empty is not a checkpoint: it holds no manifest.json; \
         give a folder step-… made by hyperl-train"
    );
    assert_eq!(
        error("run"),
        "run is not a checkpoint: the run has no checkpoint yet; train on with --resume"
    );
    assert_eq!(
        bench.error("inspect nowhere"),
        "nowhere is not a checkpoint: there is no such folder; \
         give a folder step-… made by hyperl-train"
    );
    assert_eq!(
        bench.error("returns --ckpt empty"),
        "empty is not a checkpoint: it holds no run.toml; give a folder made by hyperl-train"
    );
}

#[test]
fn damaged_weights_are_found() {
    for (cut, flip) in [(true, false), (false, true)] {
        let bench = Bench::new();
        damage(&bench.copy(), |bytes| {
            let middle = bytes.len() / 2;
            bytes.truncate(if cut { middle } else { bytes.len() });
            bytes[middle - 1] ^= u8::from(flip);
        });
        let length = fs::metadata(bench.path("ckpt/weights.safetensors")).unwrap().len();
        for command in ["cosine --ckpt ckpt", "inspect ckpt"] {
            assert_eq!(
                bench.error(command),
                format!(
                    "ckpt/weights.safetensors is damaged: its SHA-256 differs from the one recorded \
                     beside it ({length} bytes); train or copy it again"
                )
            );
        }
    }
    let bench = Bench::new();
    fs::remove_file(bench.copy().join("weights.safetensors")).unwrap();
    for command in ["cosine --ckpt ckpt", "inspect ckpt"] {
        assert_eq!(
            bench.error(command),
            "ckpt/weights.safetensors is damaged: the file is missing; train or copy it again"
        );
    }
    let bench = Bench::new();
    fs::remove_file(bench.copy().join("states.safetensors")).unwrap();
    assert_eq!(
        bench.error("cosine --ckpt ckpt"),
        "ckpt/states.safetensors is damaged: the file is missing; train or copy it again"
    );
}

#[test]
fn a_manifest_of_something_else_is_refused() {
    let error = |manifest: &str| {
        let bench = Bench::new();
        bench.write("ckpt/manifest.json", manifest);
        bench.error("cosine --ckpt ckpt")
    };
    assert_eq!(
        error(r#"{"name": "an app"}"#),
        "ckpt is not a checkpoint: its manifest.json was not written by hyperl-train"
    );
    assert_eq!(
        error("{"),
        "ckpt/manifest.json is damaged: it is no readable manifest (EOF while parsing an object at \
         line 1 column 1); train or copy it again"
    );
    let bench = Bench::new();
    edit(&bench.copy(), |manifest| manifest["hyperl_checkpoint"] = 3.into());
    assert_eq!(
        bench.error("cosine --ckpt ckpt"),
        "format of ckpt: expected 1 or 2, got 3; read it with the version of hyperl that wrote it"
    );
}

#[test]
fn weights_of_another_environment_or_critic_are_refused() {
    let error = |key: &str, name: &str| {
        let bench = Bench::new();
        edit(&bench.copy(), |manifest| manifest["config"][key] = name.into());
        bench.error("cosine --ckpt ckpt")
    };
    assert_eq!(
        error("env", "walker2d"),
        "ckpt/weights.safetensors is damaged: tensor actor.layers.0.weight has shape [256, 11], \
         expected [256, 17]; train or copy it again"
    );
    let critic = error("critic", "sa-hyper");
    assert!(
        critic.starts_with("ckpt/weights.safetensors is damaged: it holds a tensor critic.q1."),
        "{critic}"
    );
    assert!(critic.ends_with(" that no network needs; train or copy it again"), "{critic}");
    assert!(
        error("env", "cheetah").contains("unknown environment 'cheetah'; choose one of: hopper")
    );
}

#[test]
fn weights_that_are_no_numbers_are_counted_and_refused() {
    let bench = Bench::new();
    let folder = bench.copy();
    let mut name = String::new();
    damage(&folder, |bytes| {
        // Layout of safetensors: length of the header | header in JSON | numbers.
        let header = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
        let tensors: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
        let tensors = tensors.as_object().unwrap();
        name = tensors.keys().find(|name| name.starts_with("critic.q1.")).unwrap().clone();
        let start = tensors[&name]["data_offsets"][0].as_u64().unwrap();
        let start = 8 + header + usize::try_from(start).unwrap();
        for bad in bytes[start..start + 12].chunks_exact_mut(4) {
            bad.copy_from_slice(&f32::NAN.to_le_bytes());
        }
    });
    let hash = disk::hash(&fs::read(folder.join("weights.safetensors")).unwrap());
    edit(&folder, |manifest| manifest["hashes"]["weights"] = hash.into());
    for command in ["cosine", "self-check"] {
        assert_eq!(
            bench.error(&format!("{command} --ckpt ckpt")),
            "ckpt: 3 weights of critic.q1 are NaN or infinite; training diverged, use an earlier \
             checkpoint"
        );
    }
    // A good checkpoint before it does not hide it, and is not measured in vain.
    bench.error("cosine --ckpt @ ckpt");
    let json = bench.done("inspect ckpt --json").json();
    for tensor in json["tensors"].as_array().unwrap() {
        let expected = if tensor["name"] == *name { 3 } else { 0 };
        assert_eq!(tensor["non_finite"], expected, "{tensor}");
        assert_eq!(tensor["rms"].is_null(), expected > 0, "{tensor}");
    }
    let text = bench.done("inspect ckpt").stdout;
    let line = text.lines().find(|line| line.contains(&name)).unwrap();
    assert!(line.ends_with("NaN      3"), "{line}");
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let bench = Bench::new();
    let path = checkpoint();
    let path = path.display();
    let error = |words: &str| bench.error(&format!("cosine --ckpt @ {words}"));
    assert_eq!(
        error("--mode paper --rollouts 5"),
        format!(
            "{path}: 5 rollouts cannot determine a gradient in 3 action dimensions; \
             use --rollouts 6 or more"
        )
    );
    assert_eq!(
        error("--states 61"),
        format!(
            "{path}: the checkpoint carries 60 visited states, 61 were asked for; lower --states"
        )
    );
    for (words, message) in [
        ("--std -1", "--std must be positive"),
        ("--std 0", "--std must be positive"),
        ("--std NaN", "--std must be positive"),
        ("--states 0", "--states must be 1 to 1000000"),
        ("--mode paper --rollouts 0", "--rollouts must be 1 to 10¹⁸"),
        ("--mode paper --rollouts 18446744073709551615", "--rollouts must be 1 to 10¹⁸"),
        ("--horizon 0", "--horizon must be at least 1"),
        ("--threads 0", "--threads must be at least 1"),
        (
            "--threads 100000",
            "--threads must be at most 1024, got 100000; as many as there are processors are best",
        ),
        (
            "--seed 18446744073709551615",
            "invalid value '18446744073709551615' for '--seed <SEED>': it must be at most \
             9223372036854775807, the largest whole number that a settings file holds; try \
             'hyperl-analyze --help'",
        ),
        (
            "--mode lab --rollouts 15",
            "--rollouts contradicts --mode lab, whose rollouts come in blocks; use --blocks or \
             --mode paper",
        ),
        (
            "--states 30 --half-width 0.2",
            "--states asks for a fixed number, --half-width and --max-states for as many as it \
             takes; drop one",
        ),
        ("--half-width -1", "--half-width must be positive and --max-states 1 to 1000000"),
        ("--max-states 0", "--half-width must be positive and --max-states 1 to 1000000"),
        ("--blocks 1", "--blocks must be at least 2: one block has nothing to be compared with"),
        (
            "--mode paper --blocks 2",
            "--blocks, --half-width and --max-states belong to --mode lab; drop them",
        ),
        (
            "--mode as-released --horizon 5",
            "--horizon contradicts --mode as-released, which runs to the time limit; drop one",
        ),
    ] {
        assert_eq!(error(words), message);
    }
}

#[test]
fn a_lack_of_memory_is_one_line() {
    // Above all addresses there are, and above all numbers of bytes.
    for rollouts in ["100000000000000", "1000000000000000000"] {
        let bench = Bench::new();
        let words = format!("cosine --ckpt @ --mode paper --states 2 --rollouts {rollouts}");
        let ran = bench.analyze(&words);
        assert_eq!((ran.code, ran.stderr.lines().count()), (3, 1), "{}", ran.stderr);
        let words = "error: out of memory: the system refuses ";
        assert!(ran.stderr.starts_with(words), "{}", ran.stderr);
    }
}

#[test]
fn a_self_check_has_nothing_to_wait_for() {
    let path = checkpoint();
    let path = path.display();
    for words in ["--half-width 0.1", "--max-states 40"] {
        assert_eq!(
            Bench::new().error(&format!("self-check --ckpt @ {words}")),
            format!(
                "{path}: self-check has no noise to average: use --states in place of \
                 --half-width and --max-states"
            )
        );
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named_before_anything_is_measured() {
    let bench = Bench::new();
    bench.write("taken", "a file");
    let error = |out: &str| bench.error(&format!("cosine --ckpt @ --out {out}"));
    assert_eq!(
        error("taken"),
        "cannot create taken: File exists (os error 17); a file is in the way: choose another --out"
    );
    assert_eq!(
        error("taken/x"),
        "cannot create taken/x: Not a directory (os error 20); a file is in the way: choose another \
         --out"
    );
    assert_eq!(fs::read_to_string(bench.path("taken")).unwrap(), "a file");
}

#[test]
fn mistyped_commands_fail_with_the_code_of_errors() {
    let bench = Bench::new();
    assert_eq!(
        bench.error("runtime --what train-loop --quick"),
        "'runtime' is a benchmark now: run 'cargo bench --bench timing -- --what train-loop --quick' in \
         the source tree"
    );
    for words in ["cosin", "cosine", "cosine --ckpt @ --modus paper", "models --env cheetah"] {
        let ran = bench.analyze(words);
        assert_eq!((ran.code, &*ran.stdout), (3, ""), "{words}");
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    }
}
