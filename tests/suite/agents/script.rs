//! Networks in `TorchScript` (`tests/fixtures/agents/make_scripts.py`): what is refused, and a measure of them.

use std::fs;
use std::path::{Path, PathBuf};

use hyperl::agents::{Given, Normalise, import};
use hyperl::checkpoint::Checkpoint;
use hyperl::checkpoint::load::Which;
use hyperl::env::EnvId;
use hyperl::gradient::ActionValue;
use hyperl::nn::critic::QNet;
use hyperl::nn::weights::{Reuse, Training};
use ndarray::Array2;
use tch::{Device, Kind, Tensor};

use super::torch::given;
use crate::support::bench::Bench;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/agents")
}

/// A copy of all scripts.
fn copied() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixtures().join("scripts")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), place.path().join(entry.file_name())).unwrap();
    }
    place
}

#[test]
fn a_script_that_writes_a_file_is_refused_before_it_can() {
    let place = copied();
    let refused = |env| {
        import(&place.path().join("writer.toml"), &given(env), &place.path().join("out"))
            .unwrap_err()
            .to_string()
    };
    let said = refused(EnvId::Hopper);
    assert!(
        said.ends_with(
            "writer.pt cannot be read as an agent: code/__torch__.py, it calls torch.save, which is no function of \
             tensors that is known"
        ),
        "{said}"
    );
    assert!(!Path::new("written-by-a-script").exists());
}

#[test]
fn a_script_in_a_checkpoint_is_checked_again() {
    let place = copied();
    let out = place.path().join("out");
    import(&place.path().join("td3.toml"), &given(EnvId::Hopper), &out).unwrap();
    // Somebody puts another script into the checkpoint, with the right hashes.
    let whole = Checkpoint::open(&out).unwrap().weights().unwrap();
    let mut set = hyperl::checkpoint::tensors::TensorSet::default();
    let writer = fs::read(place.path().join("writer.pt")).unwrap();
    for network in ["actor", "actor_target"] {
        set.add(format!("{network}.script"), &Tensor::from_slice(&writer)).unwrap();
    }
    let critic = fs::read(place.path().join("critic.pt")).unwrap();
    for network in ["critic.q1", "critic.q2", "critic_target.q1", "critic_target.q2"] {
        set.add(format!("{network}.script"), &Tensor::from_slice(&critic)).unwrap();
    }
    let weights = whole.path().to_owned();
    set.write(&weights).unwrap();
    let manifest = out.join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let old = json["hashes"]["weights"].as_str().unwrap();
    let new = hyperl::checkpoint::disk::hash_part(&weights).unwrap();
    fs::write(&manifest, text.replace(old, &new)).unwrap();
    let checkpoint = Checkpoint::open(&out).unwrap();
    let weights = checkpoint.weights().unwrap();
    assert!(checkpoint.critic(&weights, Which::Q1).is_ok());
    let said = checkpoint.policy(&weights).err().unwrap().to_string();
    assert!(said.contains("it calls torch.save"), "{said}");
    assert!(!Path::new("written-by-a-script").exists());
}

#[test]
fn a_script_that_gives_something_else_is_refused_with_both_shapes() {
    let place = copied();
    let td3 = fs::read_to_string(place.path().join("td3.toml")).unwrap();
    let ddpg = fs::read_to_string(place.path().join("ddpg.toml")).unwrap();
    let sac = fs::read_to_string(place.path().join("sac.toml")).unwrap();
    let file = place.path().join("agent.toml");
    let either = "must have either layers or a script";
    for (whole, from, to, words) in [
        (
            &td3,
            "before_tanh.pt",
            "critic.pt",
            "critic.pt: it does not run on observations [5, 11] (forward() is missing value for argument 'action'",
        ),
        (
            &td3,
            "before_tanh.pt",
            "gaussian.pt",
            "gaussian.pt: of observations [5, 11] it gives [[5, 3], [5, 3]]; `before-tanh` is [5, 3]",
        ),
        (&td3, "before-tanh", "action", "before_tanh.pt: its actions are not in [-1, 1]"),
        (
            &sac,
            "\"gaussian.pt\"",
            "\"action.pt\"",
            "it gives [[5, 3]]; `mean-and-log-std` is two of [5, 3]",
        ),
        (&ddpg, "script = \"action\"", "script = \"value\"", either),
        (&ddpg, "script = \"action\"", "script = \"action\"\nlayers = [\"out\"]", either),
        (&ddpg, "script = \"value\"", "layers = [\"out\"]\nscript = \"value\"", "both have layers"),
        (
            &ddpg,
            "\"value\"",
            "\"value\"\ninputs = [\"action\", \"observation\"]",
            "observation first",
        ),
        (&sac, "\"mean-and-log-std\"", "\"mean-and-log-std\"\nlog_std = \"x\"", either),
        (&ddpg, "\"action\"", "\"mean\"", "unknown output of a script 'mean'"),
        (&td3, "td3", "sac", "must be td3, or sac with a log_std"),
    ] {
        fs::write(&file, whole.replace(from, to)).unwrap();
        let error = import(&file, &given(EnvId::Hopper), &place.path().join("out"));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(words), "{to}: {error}");
    }
    let other =
        import(&place.path().join("td3.toml"), &given(EnvId::Walker2d), &place.path().join("out"));
    let said = other.unwrap_err().to_string();
    let words = "before_tanh.pt: it does not run on observations [5, 17] (RuntimeError: mat1 and mat2 shapes";
    assert!(said.contains(words) && said.ends_with("choose another --env"), "{said}");
}

#[test]
fn a_script_sees_standardised_observations_and_repeats_itself_in_any_thread() {
    let place = copied();
    let toml = place.path().join("td3.toml");
    let rows = Tensor::arange(5 * 11, (Kind::Double, Device::Cpu)).view([5, 11]);
    let obs = Vec::<f64>::try_from((rows * 0.3).cos().flatten(0, -1)).unwrap();
    let (obs, action) =
        (Array2::from_shape_vec((5, 11), obs).unwrap(), Array2::from_elem((5, 3), 0.25));
    let critic = |normalise: Option<&str>| {
        let out = place.path().join(normalise.unwrap_or("plain"));
        let normalise = normalise.map(|name| Normalise::By(fixtures().join(name)));
        import(&toml, &Given { normalise, ..given(EnvId::Hopper) }, &out).unwrap();
        let checkpoint = Checkpoint::open(&out).unwrap();
        let weights = checkpoint.weights().unwrap();
        checkpoint.critic(&weights, Which::Q1).unwrap()
    };
    let (plain, normalised) = (critic(None), critic(Some("td3-normalised.pkl")));
    let said = normalised.value(&obs, &action).unwrap();
    let found = normalised.params().find("standardise.mean").unwrap().to_kind(Kind::Double);
    let number = |name: &str, i: i64| {
        normalised.params().find(&format!("standardise.{name}")).unwrap().double_value(&[i])
    };
    let clip = number("clip", 0);
    assert_eq!(found.size(), [11]);
    let by_hand = Array2::from_shape_fn((5, 11), |(row, i)| {
        ((obs[[row, i]] - number("mean", i as i64)) / number("std", i as i64)).clamp(-clip, clip)
    });
    let expected = plain.value(&by_hand, &action).unwrap();
    crate::support::torch::assert_close(&said, &expected, 1e-5, "standardised values");
    assert!((said[0] - plain.value(&obs, &action).unwrap()[0]).abs() > 1e-3);
    // PyTorch would run another script from the second or third call on.
    let slopes = plain.action_gradient(&obs, &action).unwrap();
    for _ in 1..5 {
        assert_eq!(plain.action_gradient(&obs, &action).unwrap(), slopes);
    }
    let shared = plain.again(Reuse::Share, Training::Frozen).unwrap();
    let (obs, action) = (&obs, &action);
    let of_thread = move |critic: QNet| critic.action_gradient(obs, action).unwrap();
    std::thread::scope(|scope| {
        let threads = [plain, shared].map(|critic| scope.spawn(move || of_thread(critic)));
        for thread in threads {
            assert_eq!(thread.join().unwrap(), slopes);
        }
    });
}

#[test]
fn an_actor_of_layers_may_stand_beside_a_critic_that_is_a_script() {
    let place = copied();
    for name in ["silu.toml", "actor.safetensors", "critic.pth"] {
        fs::copy(fixtures().join("described").join(name), place.path().join(name)).unwrap();
    }
    let text = |name: &str| fs::read_to_string(place.path().join(name)).unwrap();
    let [actor, critic] = [text("silu.toml"), text("ddpg.toml")];
    let critics = "[[critics]]";
    let mixed = [actor.split(critics).next().unwrap(), critic.split(critics).nth(1).unwrap()];
    fs::write(place.path().join("mixed.toml"), mixed.join(critics)).unwrap();
    let taken = |name: &str| {
        let out = place.path().join(format!("of-{name}"));
        import(&place.path().join(name), &given(EnvId::Hopper), &out).unwrap();
        Checkpoint::open(&out).unwrap()
    };
    let [mixed, silu, ddpg] = ["mixed.toml", "silu.toml", "ddpg.toml"].map(taken);
    let obs = Tensor::arange(5 * 11, (Kind::Float, Device::Cpu)).view([5, 11]).sin();
    let actions = |of: &Checkpoint| of.policy(&of.weights().unwrap()).unwrap().greedy(&obs);
    assert_eq!(actions(&mixed), actions(&silu));
    let action = actions(&silu);
    let values =
        |of: &Checkpoint| of.critic(&of.weights().unwrap(), Which::Q1).unwrap().q(&obs, &action);
    assert_eq!(values(&mixed), values(&ddpg));
    assert_ne!(values(&mixed), values(&silu));
}

#[test]
fn the_program_measures_scripts() {
    let bench = Bench::new();
    for name in ["td3", "sac", "ddpg"] {
        let toml = fixtures().join(format!("scripts/{name}.toml"));
        let score = |threads: usize| {
            let how = "--env hopper --states 12 --horizon 5 --json";
            let out = format!("--out reports/{name}-{threads} --threads {threads}");
            let said = bench.done(&format!("cosine --ckpt {} {how} {out}", toml.display()));
            said.json()["checkpoints"][0]["score"].clone()
        };
        let one = score(1);
        assert!(one.is_object(), "{name}: {one}");
        assert_eq!(one, score(2), "{name}: the same numbers with two threads");
        bench.done(&format!("import {} --env hopper --out {name} --episodes 1", toml.display()));
        let said = bench.done(&format!("inspect {name}")).stdout;
        assert!(
            said.contains("critic_target.q2.script") && said.contains("script      0"),
            "{said}"
        );
    }
}
