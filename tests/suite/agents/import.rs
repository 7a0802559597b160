//! What is asked for, and what is refused, when an agent of another tool is taken over.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hyperl::agents::{Given, Normalise, import, is_agent};
use hyperl::env::EnvId;

use super::torch::given;
use crate::support::bench::Bench;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/agents").join(name)
}

/// Says why an agent is refused, without its path.
fn refused(path: &Path, given: &Given) -> String {
    let place = tempfile::tempdir().unwrap();
    let error = import(path, given, &place.path().join("checkpoint")).unwrap_err().to_string();
    assert!(fs::read_dir(place.path()).unwrap().next().is_none(), "nothing is left behind");
    error.replace(&fixture("").display().to_string(), "")
}

#[test]
fn what_the_files_do_not_say_is_asked_for_and_what_they_say_is_not_overruled() {
    let hopper = given(EnvId::Hopper);
    assert_eq!(
        refused(&fixture("authors_critic"), &hopper),
        "files of TD3 of its authors do not say its gamma; add --gamma"
    );
    let told = Given { gamma: Some(0.99), ..hopper.clone() };
    assert_eq!(
        refused(&fixture("authors_critic"), &told),
        "files of TD3 of its authors do not say its steps; add --steps"
    );
    let told = Given { steps: Some(1), alpha: Some(0.1), ..told };
    assert_eq!(
        refused(&fixture("authors"), &told),
        "--alpha is SAC's, and this is an agent of TD3 of its authors; drop it"
    );
    let otherwise = Given { gamma: Some(0.99), ..hopper };
    assert_eq!(
        refused(&fixture("sac.zip"), &otherwise),
        "--gamma 0.99: the files of this agent say 0.98; drop the flag"
    );
}

#[test]
fn an_agent_of_another_environment_is_refused() {
    assert_eq!(
        refused(&fixture("sac.zip"), &given(EnvId::Walker2d)),
        "sac.zip cannot be read as an agent: its actor takes 11 numbers and gives 3; in walker2d it would take 17 and \
         give 6: choose another --env"
    );
}

#[test]
fn statistics_beside_an_agent_are_asked_about_and_checked() {
    let place = tempfile::tempdir().unwrap();
    let [zip, beside] = ["td3.zip", "vecnormalize.pkl"].map(|name| place.path().join(name));
    fs::copy(fixture("td3.zip"), &zip).unwrap();
    fs::copy(fixture("td3-normalised.pkl"), &beside).unwrap();
    let hopper = given(EnvId::Hopper);
    let said = refused(&zip, &hopper).replace(&place.path().display().to_string(), "");
    assert_eq!(
        said,
        "/vecnormalize.pkl lies beside /td3.zip: add --normalise /vecnormalize.pkl if its training used it, else \
         --normalise none"
    );
    let told = Given { normalise: Some(Normalise::No), ..hopper.clone() };
    let said = import(&zip, &told, &place.path().join("checkpoint")).unwrap();
    assert!(!said.contains("standardised"), "{said}");
    let wrong = Given { normalise: Some(Normalise::By(fixture("protocol-5.pkl"))), ..hopper };
    let said = refused(&fixture("td3.zip"), &wrong);
    assert!(said.ends_with("it holds no VecNormalize of Stable-Baselines3"), "{said}");
}

#[test]
fn a_description_says_what_in_it_cannot_be() {
    let place = tempfile::tempdir().unwrap();
    for name in ["silu.toml", "actor.safetensors", "critic.pth"] {
        fs::copy(fixture("described").join(name), place.path().join(name)).unwrap();
    }
    let file = place.path().join("silu.toml");
    let whole = fs::read_to_string(&file).unwrap();
    for (from, to, words) in [
        ("\"silu\"", "\"swish\"", "unknown activation"),
        (
            "[actor]",
            "[actor]\naction_scale = 2.0",
            "its actions lie in [-2, 2]; those of hopper lie in [-1, 1]",
        ),
        ("value.4", "value.9", "it holds no tensor value.9.weight"),
        ("\"action\", \"observation\"", "\"action\", \"action\"", "once each"),
        ("algo = \"td3\"", "algo = \"sac\"", "must be td3, or sac with a log_std"),
        ("gamma = 0.97", "gama = 0.97", "unknown field `gama`"),
    ] {
        fs::write(&file, whole.replace(from, to)).unwrap();
        let error = import(&file, &given(EnvId::Hopper), &place.path().join("checkpoint"));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(words), "{to}: {error}");
    }
}

#[test]
fn what_is_no_agent_is_named() {
    let known = "it is no zip of Stable-Baselines3, no .cleanrl_model, no model.pt of Spinning Up, no NAME_actor beside \
                 NAME_critic, and no folder with actor.pt, q1.pt and q2.pt; of other state dicts and of \
                 TorchScript, a TOML file can say what is what";
    let hopper = given(EnvId::Hopper);
    for name in ["answers.json", "sac-files/q1.pt"] {
        let said = refused(&fixture(name), &hopper);
        assert_eq!(said, format!("{name} cannot be read as an agent: {known}"));
    }
}

#[test]
fn a_zip_that_was_cut_off_and_a_pipe_are_named() {
    let place = tempfile::tempdir().unwrap();
    let hopper = given(EnvId::Hopper);
    let whole = fs::read(fixture("td3.zip")).unwrap();
    let cut = place.path().join("cut.zip");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let said = import(&cut, &hopper, &place.path().join("checkpoint")).unwrap_err().to_string();
    assert!(said.ends_with("or not whole; was it copied to its end?"), "{said}");
    let pipe = place.path().join("pipe.zip");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(!is_agent(&pipe));
    let said = import(&pipe, &hopper, &place.path().join("checkpoint")).unwrap_err().to_string();
    assert!(said.ends_with("it is a pipe or device, and a file is needed"), "{said}");
}

#[test]
fn numbers_that_an_agent_says_and_cannot_be_are_its_own() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("pyt_save")).unwrap();
    fs::copy(fixture("spinning-up-sac/pyt_save/model.pt"), place.path().join("pyt_save/model.pt"))
        .unwrap();
    let hopper = Given { steps: Some(1), ..given(EnvId::Hopper) };
    for (config, words) in [
        (r#"{"gamma": 1.0, "alpha": 0.2}"#, "its γ is 1, a discount factor in [0, 1) is needed"),
        (
            r#"{"gamma": 0.9, "alpha": -1.0}"#,
            "its entropy coefficient is -1, a number of 0 or more is needed",
        ),
    ] {
        fs::write(place.path().join("config.json"), config).unwrap();
        let error = import(place.path(), &hopper, &place.path().join("checkpoint")).unwrap_err();
        assert!(error.to_string().ends_with(words), "{error}");
    }
}

#[test]
fn the_program_takes_over_an_agent_and_measures_it() {
    let bench = Bench::new();
    let zip = fixture("sac.zip").display().to_string();
    let said =
        bench.done(&format!("import {zip} --env Hopper-v4 --out agent --episodes 3 --return 3000"));
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert!(lines[0].starts_with("Stable-Baselines3 SAC: two critics 8×6"), "{}", said.stdout);
    assert!(
        lines[1].starts_with("In hopper, 3 episodes without noise: return "),
        "{}",
        said.stdout
    );
    assert!(said.stderr.contains("warning: the return is"), "{}", said.stderr);
    // Its own manifest says where it is from, and the same numbers come by either way.
    assert!(bench.done("inspect agent").stdout.contains("Stable-Baselines3 SAC: sac.zip"));
    let how = "--states 12 --horizon 5 --json";
    let [kept, direct] = [
        format!("cosine --ckpt agent --out reports/kept {how}"),
        format!("cosine --ckpt {zip} --env hopper --out reports/direct {how}"),
    ]
    .map(|words| bench.done(&words).json()["checkpoints"][0]["score"].clone());
    assert!(kept.is_object() && kept == direct, "{kept} {direct}");
    let page = fs::read_to_string(bench.path("reports/direct/report.md")).unwrap();
    assert!(page.contains("states from policy") && !page.contains("training visited"), "{page}");
    for (words, error) in [
        (format!("cosine --ckpt {zip}"), "does not say its environment; add --env"),
        (
            "cosine --ckpt agent --states-from replay".into(),
            "comes without the states that its training visited",
        ),
        (
            "cosine --ckpt forgotten.zip --env hopper".into(),
            "forgotten.zip is not a checkpoint: there is no such file or folder; give an agent, or a folder step-…",
        ),
        (
            "cosine --ckpt agent --env hopper".into(),
            "--env, --gamma, --alpha, --steps and --normalise are for agents",
        ),
        (
            format!("import {zip} --env Humanoid-v3 --out other"),
            "Humanoid-v3 is not built in: its contact forces",
        ),
        (format!("import {zip} --env hopper --out reports"), "is not an imported agent"),
    ] {
        assert!(bench.error(&words).contains(error), "{words}: {}", bench.error(&words));
    }
}
