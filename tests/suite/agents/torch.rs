//! Actions, values and slopes of agents in files of other tools, as `PyTorch` says them
//! (`tests/fixtures/agents/make.py`, `make_more.py` and `make_scripts.py`).

use std::collections::BTreeMap;
use std::path::Path;

use hyperl::agents::{Given, Normalise, import};
use hyperl::checkpoint::Checkpoint;
use hyperl::checkpoint::load::Which;
use hyperl::env::EnvId;
use hyperl::gradient::ActionValue;
use hyperl::gradient::critic_gradient::{Mean, Smaller};
use hyperl::nn::policy_net::PolicyNet;
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
    reward_scale: Option<f64>,
    log_prob: Option<Vec<f64>>,
}

const TOLERANCE: f64 = 1e-5;

pub(super) fn given(env: EnvId) -> Given {
    Given { env, gamma: None, alpha: None, steps: None, seed: None, normalise: None }
}

/// Agents: the name of their answers, the path, what is said besides it, and what is recognised.
const AGENTS: [[&str; 4]; 26] = [
    ["ddpg", "ddpg.zip", "", "Stable-Baselines3 DDPG: one critic 8×6, γ 0.99, 300 steps"],
    [
        "td3-tanh",
        "td3-tanh.zip",
        "",
        "Stable-Baselines3 TD3: two critics 7 with tanh, γ 0.99, 300 steps",
    ],
    [
        "sac-elu",
        "sac-elu.zip",
        "",
        "Stable-Baselines3 SAC: two critics 7 with elu, γ 0.99, entropy coefficient 0.926, 300 steps",
    ],
    [
        "td3-normalised",
        "td3-normalised.zip",
        "normalise=td3-normalised.pkl",
        "Stable-Baselines3 TD3: two critics 8×6, γ 0.99, 300 steps, observations standardised and clipped at ±1.5, values in units of 3.04 of reward (that training clipped rewards at ±10 of these units is not followed)",
    ],
    [
        "td3-normalised",
        "td3-normalised.zip",
        "normalise=td3-normalised-protocol-5.pkl",
        "Stable-Baselines3 TD3: two critics 8×6, γ 0.99, 300 steps, observations standardised and clipped at ±1.5, values in units of 3.04 of reward (that training clipped rewards at ±10 of these units is not followed)",
    ],
    [
        "sac-normalised",
        "sac-normalised.zip",
        "normalise=sac-normalised.pkl",
        "Stable-Baselines3 SAC: two critics 8, γ 0.99, entropy coefficient 0.927, 300 steps, observations standardised and clipped at ±10",
    ],
    [
        "spinning-up-sac",
        "spinning-up-sac",
        "steps=5",
        "Spinning Up SAC: two critics 8×6, γ 0.98, entropy coefficient 0.200, 5 steps",
    ],
    [
        "spinning-up-td3",
        "spinning-up-td3/pyt_save/model.pt",
        "steps=5",
        "Spinning Up TD3: two critics 8×6 with tanh, γ 0.98, 5 steps",
    ],
    [
        "spinning-up-ddpg",
        "spinning-up-ddpg",
        "steps=5",
        "Spinning Up DDPG: one critic 8×6, γ 0.98, 5 steps",
    ],
    [
        "script-td3",
        "scripts/td3.toml",
        "",
        "Described in TOML: two critics in TorchScript, γ 0.98, 3000 steps",
    ],
    [
        "script-ddpg",
        "scripts/ddpg.toml",
        "",
        "Described in TOML: one critic in TorchScript, γ 0.98, 3000 steps",
    ],
    [
        "script-sac",
        "scripts/sac.toml",
        "",
        "Described in TOML: two critics in TorchScript, γ 0.98, entropy coefficient 0.100, 3000 steps",
    ],
    [
        "described-silu",
        "described/silu.toml",
        "",
        "Described in TOML: one critic 8×6 with silu, γ 0.97, 5000 steps",
    ],
    [
        "described-gelu",
        "described/gelu.toml",
        "",
        "Described in TOML: one critic 8×6 with gelu, γ 0.97, 5000 steps",
    ],
    [
        "described-leaky-relu",
        "described/leaky-relu.toml",
        "",
        "Described in TOML: one critic 8×6 with leaky-relu, γ 0.97, 5000 steps",
    ],
    [
        "cleanrl-sac",
        "sac.cleanrl_model",
        "gamma=0.99 steps=400000 seed=3 alpha=0.2",
        "CleanRL SAC: two critics 8×8, γ 0.99, entropy coefficient 0.200, 400000 steps",
    ],
    [
        "cleanrl-td3",
        "td3.cleanrl_model",
        "gamma=0.99 steps=400000 seed=3",
        "CleanRL TD3: two critics 8×8, γ 0.99, 400000 steps",
    ],
    [
        "cleanrl-ddpg",
        "ddpg.cleanrl_model",
        "gamma=0.99 steps=400000 seed=3",
        "CleanRL DDPG: one critic 8×8, γ 0.99, 400000 steps",
    ],
    [
        "sac",
        "sac.zip",
        "",
        "Stable-Baselines3 SAC: two critics 8×6, γ 0.98, entropy coefficient 0.223, 12345 steps",
    ],
    [
        "sac-deflated",
        "sac-deflated.zip",
        "",
        "Stable-Baselines3 SAC: two critics 8×6, γ 0.98, entropy coefficient 0.223, 12345 steps",
    ],
    [
        "tqc",
        "tqc.zip",
        "",
        "TQC of sb3-contrib: two critics 6, γ 0.99, entropy coefficient 0.223, 12345 steps",
    ],
    [
        "crossq",
        "crossq.zip",
        "",
        "CrossQ of sb3-contrib: two critics 9×7, γ 0.99, entropy coefficient 0.885, 400 steps",
    ],
    ["td3", "td3.zip", "", "Stable-Baselines3 TD3: two critics 8×6×5, γ 0.99, 12345 steps"],
    [
        "authors",
        "authors_actor",
        "gamma=0.99 steps=400000 seed=3",
        "TD3 of its authors: two critics 8×6, γ 0.99, 400000 steps",
    ],
    [
        "authors-old",
        "authors-old",
        "gamma=0.99 steps=400000 seed=3",
        "TD3 of its authors: two critics 8×6, γ 0.99, 400000 steps",
    ],
    [
        "sac-files",
        "sac-files",
        "gamma=0.99 steps=400000 seed=3",
        "SAC, a file for each network: two critics 8, γ 0.99, entropy coefficient 0.497, 400000 steps",
    ],
];

/// Reads what is said of an agent besides its path.
fn said(words: &str, fixtures: &Path) -> Given {
    let mut given = given(EnvId::Hopper);
    for (key, value) in words.split_whitespace().filter_map(|word| word.split_once('=')) {
        match key {
            "gamma" => given.gamma = value.parse().ok(),
            "alpha" => given.alpha = value.parse().ok(),
            "steps" => given.steps = value.parse().ok(),
            "seed" => given.seed = value.parse().ok(),
            "normalise" => given.normalise = Some(Normalise::By(fixtures.join(value))),
            other => panic!("{other} cannot be said of an agent"),
        }
    }
    given
}

/// What `PyTorch` says, by the names of agents.
fn answers() -> BTreeMap<String, Answers> {
    let texts = [
        include_str!("../../fixtures/agents/answers.json"),
        include_str!("../../fixtures/agents/answers_more.json"),
        include_str!("../../fixtures/agents/answers_scripts.json"),
        include_str!("../../fixtures/agents/answers_crossq.json"),
    ];
    let read = |text| serde_json::from_str::<BTreeMap<_, _>>(text).unwrap();
    texts.into_iter().flat_map(read).collect()
}

#[test]
fn agents_of_other_tools_are_what_pytorch_says() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/agents");
    let answers = answers();
    let place = tempfile::tempdir().unwrap();
    for [name, path, words, recognised] in AGENTS {
        let given = said(words, &fixtures);
        let folder = place.path().join(name);
        assert_eq!(import(&fixtures.join(path), &given, &folder).unwrap(), recognised);
        let checkpoint = Checkpoint::open(&folder).unwrap();
        let config = checkpoint.off_policy().unwrap();
        let seed = match name {
            "sac" | "sac-deflated" => 7,
            "td3" | "tqc" => 0,
            _ if name.starts_with("described") || name.starts_with("script") => 0,
            _ if name.starts_with("spinning-up") => 4,
            _ => 3,
        };
        assert_eq!(config.seed, seed, "{name}");
        let imported = checkpoint.manifest().imported.as_ref().unwrap();
        assert_eq!(imported.mean_of_critics, name == "tqc");
        assert_eq!(imported.one_critic, name.contains("ddpg") || name.starts_with("described"));
        let weights = checkpoint.weights().unwrap();
        let Answers { obs, action, greedy, q1, q2, slope, reward_scale, log_prob } = &answers[name];
        let scales = [imported.reward_scale, *reward_scale].map(|scale| scale.unwrap_or(1.0));
        assert!((scales[0] / scales[1] - 1.0).abs() < 1e-12, "{name}: {scales:?}");
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
        if let (Some(log_prob), PolicyNet::SquashedGaussian(actor)) = (log_prob, &policy) {
            let none = Tensor::zeros([5, 3], (tch::Kind::Float, tch::Device::Cpu));
            let found = numbers(&actor.sample(&seen, &none).log_prob);
            assert_close(&found, log_prob, TOLERANCE, &format!("{name}: densities"));
        }
        let critic = |which| checkpoint.critic(&weights, which).unwrap();
        let (obs, action) = (rows(obs), rows(action));
        for (which, values) in [(Which::Q1, q1), (Which::Q2, q2)] {
            let said = critic(which).value(&obs, &action).unwrap();
            assert_close(&said, values, TOLERANCE, &format!("{name}: {}", which.prefix()));
        }
        let both = || [critic(Which::Q1), critic(Which::Q2)];
        let own = match name {
            "tqc" => Mean(both()).action_gradient(&obs, &action),
            _ if config.entropy().is_some() => Smaller(both()).action_gradient(&obs, &action),
            _ => critic(Which::Q1).action_gradient(&obs, &action),
        };
        let own: Vec<f64> = own.unwrap().into_iter().collect();
        assert_close(&own, slope, TOLERANCE, &format!("{name}: slopes"));
        // Slow copies start as what they follow, or are what Stable-Baselines3 stores.
        assert_eq!(critic(Which::TargetQ2).value(&obs, &action).unwrap().len(), 5);
    }
}
