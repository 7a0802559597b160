//! Actions, values and slopes of agents in files of other tools, as `PyTorch` says them
//! (`tests/fixtures/agents/make.py`).

use std::collections::BTreeMap;
use std::path::Path;

use hyperl::agents::{Given, import};
use hyperl::checkpoint::Checkpoint;
use hyperl::checkpoint::load::Which;
use hyperl::env::EnvId;
use hyperl::gradient::ActionValue;
use hyperl::gradient::critic_gradient::{Mean, Smaller};
use ndarray::Array2;
use serde::Deserialize;
use tch::Tensor;

use crate::support::torch::{assert_close, numbers};

/// What `PyTorch` says of an agent at five states.
#[derive(Deserialize)]
struct Answers {
    obs: Vec<f64>,
    action: Vec<f64>,
    greedy: Vec<f64>,
    q1: Vec<f64>,
    q2: Vec<f64>,
    slope: Vec<f64>,
}

const TOLERANCE: f64 = 1e-5;

pub(super) fn given(env: EnvId) -> Given {
    Given { env, gamma: None, alpha: None, steps: None, seed: None }
}

/// Agents by the names of their answers: the path, what is not in the files, and what is recognised.
fn agents() -> [(&'static str, &'static str, Given, &'static str); 7] {
    let hopper = given(EnvId::Hopper);
    let told = Given { gamma: Some(0.99), steps: Some(400_000), seed: Some(3), ..hopper.clone() };
    [
        (
            "sac",
            "sac.zip",
            hopper.clone(),
            "Stable-Baselines3 SAC: two critics 8×6, γ 0.98, entropy coefficient 0.223, 12345 steps",
        ),
        (
            "sac-deflated",
            "sac-deflated.zip",
            hopper.clone(),
            "Stable-Baselines3 SAC: two critics 8×6, γ 0.98, entropy coefficient 0.223, 12345 steps",
        ),
        (
            "tqc",
            "tqc.zip",
            hopper.clone(),
            "TQC of sb3-contrib: two critics 6, γ 0.99, entropy coefficient 0.223, 12345 steps",
        ),
        ("td3", "td3.zip", hopper, "Stable-Baselines3 TD3: two critics 8×6×5, γ 0.99, 12345 steps"),
        (
            "authors",
            "authors_actor",
            told.clone(),
            "TD3 of its authors: two critics 8×6, γ 0.99, 400000 steps",
        ),
        (
            "authors-old",
            "authors-old",
            told.clone(),
            "TD3 of its authors: two critics 8×6, γ 0.99, 400000 steps",
        ),
        (
            "sac-files",
            "sac-files",
            told,
            "SAC, a file for each network: two critics 8, γ 0.99, entropy coefficient 0.497, 400000 steps",
        ),
    ]
}

#[test]
fn agents_of_other_tools_are_what_pytorch_says() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/agents");
    let text = include_str!("../../fixtures/agents/answers.json");
    let answers: BTreeMap<String, Answers> = serde_json::from_str(text).unwrap();
    let place = tempfile::tempdir().unwrap();
    for (name, path, given, recognised) in agents() {
        let folder = place.path().join(name);
        assert_eq!(import(&fixtures.join(path), &given, &folder).unwrap(), recognised);
        let checkpoint = Checkpoint::open(&folder).unwrap();
        let config = checkpoint.off_policy().unwrap();
        let seed = if name.starts_with("sac") && given.seed.is_none() { 7 } else { 0 };
        assert_eq!(config.seed, given.seed.unwrap_or(seed), "{name}");
        let mean = checkpoint.manifest().imported.as_ref().unwrap().mean_of_critics;
        assert_eq!(mean, name == "tqc");
        let weights = checkpoint.weights().unwrap();
        let Answers { obs, action, greedy, q1, q2, slope } = &answers[name];
        let rows =
            |flat: &[f64]| Array2::from_shape_vec((5, flat.len() / 5), flat.to_vec()).unwrap();
        let seen = Tensor::from_slice(obs).view([5, -1]).to_kind(tch::Kind::Float);
        let policy = checkpoint.policy(&weights).unwrap();
        assert_close(
            &numbers(&policy.greedy(&seen)),
            greedy,
            TOLERANCE,
            &format!("{name}: actions"),
        );
        let critic = |which| checkpoint.critic(&weights, which).unwrap();
        let (obs, action) = (rows(obs), rows(action));
        for (which, values) in [(Which::Q1, q1), (Which::Q2, q2)] {
            let said = critic(which).value(&obs, &action).unwrap();
            assert_close(&said, values, TOLERANCE, &format!("{name}: {}", which.prefix()));
        }
        let both = || [critic(Which::Q1), critic(Which::Q2)];
        let own = match name {
            "tqc" => Mean(both()).action_gradient(&obs, &action),
            _ if config.is_sac() => Smaller(both()).action_gradient(&obs, &action),
            _ => critic(Which::Q1).action_gradient(&obs, &action),
        };
        let own: Vec<f64> = own.unwrap().into_iter().collect();
        assert_close(&own, slope, TOLERANCE, &format!("{name}: slopes"));
        // Slow copies start as what they follow, or are what Stable-Baselines3 stores.
        assert_eq!(critic(Which::TargetQ2).value(&obs, &action).unwrap().len(), 5);
    }
}
