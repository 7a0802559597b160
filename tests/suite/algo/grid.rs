//! Does every algorithm work with every critic, from the first update to the last measurement?

use hyperl::algo::agent::make;
use hyperl::algo::config::TrainConfig;
use hyperl::algo::evaluate::{episode_returns, initial_states};
use hyperl::algo::off_policy::OffPolicy;
use hyperl::algo::replay::{Replay, Transition};
use hyperl::algo::{Algo, RunConfig};
use hyperl::analysis::measure::cosine::{Against, Cosine, Work};
use hyperl::analysis::measure::gradient_cosine::{check, rows};
use hyperl::analysis::measure::policy_cosine;
use hyperl::analysis::measure::returns::ReturnCurve;
use hyperl::analysis::measure::weights::{WeightSettings, trained};
use hyperl::checkpoint::{Checkpoint, save};
use hyperl::env::EnvId;
use hyperl::gradient::{Judged, Mode, Returns, Settings};
use hyperl::nn::critic::CriticKind;
use hyperl::nn::weights::Params;
use hyperl::nn::workers;
use hyperl::report::scores::scores;
use hyperl::rng::Stream;
use tch::{Device, Kind, Tensor};

use crate::support::runs::{assert_continues, go_on, small, start};

/// The environments of the paper's single-task side.
const ENVS: [EnvId; 4] = [EnvId::Hopper, EnvId::Walker2d, EnvId::HalfCheetah, EnvId::Ant];

/// One number that changes if any weight does.
fn fingerprint(params: &Params) -> f64 {
    params.iter().map(|p| p.tensor.detach().square().sum(Kind::Double).double_value(&[])).sum()
}

/// Makes an agent and updates it twice: TD3's actor and targets move with the second update.
fn assert_learns(config: &TrainConfig) {
    let what = config.run_name();
    let mut agent = make(config, Device::Cpu, &workers::start(2).unwrap()).unwrap();
    let prints = |agent: &dyn hyperl::algo::learner::Learner| -> Vec<f64> {
        let parts = agent.parts();
        let all = parts.iter().flat_map(|part| [Some(part.online), part.target]).flatten();
        all.map(fingerprint).collect()
    };
    let before = prints(&*agent);
    let networks = if config.algo == Algo::Td3 { 6 } else { 5 };
    assert_eq!(before.len(), networks, "{what}: online and target networks");

    let dims = config.dims();
    let mut draws = Stream::new(1, "data");
    let mut replay = Replay::new(dims, 16);
    for _ in 0..16 {
        let mut vector = |n: i64| (0..n).map(|_| draws.uniform(-1.0, 1.0)).collect::<Vec<f64>>();
        let (obs, action, next_obs) = (vector(dims.obs), vector(dims.action), vector(dims.obs));
        let (obs, action, next_obs) = (&obs[..], &action[..], &next_obs[..]);
        replay.push(Transition { obs, action, next_obs, reward: 1.0, terminated: false });
    }
    for update in 1..=2 {
        let batch = replay.sample(config.batch, Device::Cpu, &mut draws);
        let losses = agent.learn(&batch, &mut draws);
        let moves = config.algo == Algo::Sac || update == 2;
        assert_eq!(losses.actor.is_some(), moves, "{what}, update {update}");
        let all = losses.critics.into_iter().chain(losses.actor);
        assert!(all.into_iter().all(f64::is_finite), "{what}: {losses:?}");
    }
    assert_eq!(agent.updates(), 2);
    for (i, (before, after)) in before.into_iter().zip(prints(&*agent)).enumerate() {
        assert!(after.is_finite() && after != before, "{what}: network {i} did not move");
    }
    let row = Tensor::zeros([1, dims.obs], (Kind::Float, Device::Cpu));
    let action = agent.explore(&row, &mut draws).unwrap();
    assert!(action.len() == dims.action as usize && action.iter().all(|a| a.abs() <= 1.0));
}

#[test]
fn every_critic_learns_with_every_algorithm_in_every_environment() {
    let mut combinations = 0;
    for algo in Algo::OFF_POLICY {
        for env in ENVS {
            for critic in CriticKind::ALL {
                let config = TrainConfig { critic, batch: 4, ..TrainConfig::of(algo, env) };
                assert_learns(&config.resolved().unwrap());
                combinations += 1;
            }
        }
    }
    assert_eq!(combinations, 72);
}

#[test]
fn algorithms_with_other_agents_are_refused() {
    let workers = workers::start(1).unwrap();
    for algo in [Algo::Maml, Algo::Pearl] {
        let config = TrainConfig::of(algo, EnvId::Hopper);
        let error = make(&config, Device::Cpu, &workers).err().unwrap().to_string();
        assert_eq!(error, format!("algo is {algo}, it must be td3 or sac"));
    }
}

/// A few steps on hopper: two dozen random ones, then a handful of updates.
fn tiny(algo: Algo, critic: CriticKind) -> TrainConfig {
    let few = TrainConfig {
        steps: 30,
        checkpoint_every: 100,
        evaluate_every: 100,
        evaluation_episodes: 1,
        warmup_steps: 24,
        batch: 4,
        ..small()
    };
    let TrainConfig { exploration_noise, td3, sac, .. } = TrainConfig::of(algo, EnvId::Hopper);
    TrainConfig { algo, critic, exploration_noise, td3, sac, ..few }.resolved().unwrap()
}

/// Runs the greedy policy and scores it, as `returns` does.
fn assert_returns(config: &TrainConfig, training: &OffPolicy) {
    let states = initial_states(config.env, config.seed, 2).unwrap();
    let workers = workers::start(1).unwrap();
    let earned = episode_returns(config.env, training.agent.greedy(), &states, &workers).unwrap();
    let curve = ReturnCurve {
        env: config.env.to_string(),
        algo: config.algo,
        series: config.critic.to_string(),
        seed: config.seed,
        evaluations: vec![(config.steps, earned.clone())],
        seconds: Vec::new(),
    };
    let found = scores(&[curve], config.critic.name());
    let mean = f64::midpoint(earned[0], earned[1]);
    assert!((found[0].last.mean - mean).abs() < 1e-9 && mean.is_finite(), "{found:?}");
}

/// Compares the weights that a hypernetwork makes with MLP-Small's, as `weights` does.
fn assert_weights(checkpoint: &Checkpoint) {
    let settings = WeightSettings { states: 5, ..WeightSettings::default() };
    let found = trained::measure(checkpoint, trained::Against::Drawn, &settings).unwrap();
    assert_eq!(found.len(), 4, "two layers of both critics");
}

#[test]
fn every_critic_goes_from_training_through_resume_to_its_measurements() {
    let workers = workers::start(2).unwrap();
    let work = Work { workers: &workers, progress: &|_| () };
    for algo in Algo::OFF_POLICY {
        for critic in CriticKind::ALL {
            let (folder, config) = (tempfile::tempdir().unwrap(), tiny(algo, critic));
            let what = config.run_name();
            let training = assert_continues(&config, 27, folder.path());
            let checkpoint = save::checkpoint(folder.path(), &training).unwrap();
            let checkpoint = Checkpoint::open(&checkpoint).unwrap();
            let lab = Settings {
                mode: Mode::Lab,
                states: 2,
                adaptive: None,
                horizon: Some(5),
                ..Settings::lab()
            };
            let paper = Settings { mode: Mode::Paper, rollouts: 8, ..lab.clone() };
            for settings in [lab, paper] {
                for against in [Against::Returns, Against::OwnValues] {
                    check(&checkpoint, &settings, against).unwrap();
                    let rows = if settings.mode == Mode::Lab && against == Against::Returns {
                        let file = policy_cosine::make(&checkpoint, &settings, work).unwrap();
                        policy_cosine::rows(&checkpoint, &settings, &file).unwrap()
                    } else {
                        rows(&checkpoint, &Cosine { settings: settings.clone(), against }, work)
                            .unwrap()
                    };
                    assert_eq!(rows.len(), 2, "{what}");
                    assert!(rows.iter().all(|row| row.algo == algo.name()), "{what}");
                    assert!(rows.iter().any(|row| row.critic_norm > 0.0), "{what}");
                }
            }
            assert_returns(&config, &training);
            if critic.is_hyper() {
                assert_weights(&checkpoint);
            }
        }
    }
}

#[test]
fn the_value_that_is_judged_is_the_one_that_the_actor_climbs_unless_another_is_asked_for() {
    let workers = workers::start(2).unwrap();
    let work = Work { workers: &workers, progress: &|_| () };
    for algo in Algo::OFF_POLICY {
        let (folder, config) = (tempfile::tempdir().unwrap(), tiny(algo, CriticKind::MlpSmall));
        let mut training = start(&config);
        go_on(&mut training, config.steps, None);
        let checkpoint = save::checkpoint(folder.path(), &training).unwrap();
        let checkpoint = Checkpoint::open(&checkpoint).unwrap();
        let norms = |judged, returns| -> Vec<(f64, f64)> {
            let settings =
                Settings { states: 6, horizon: Some(20), judged, returns, ..Settings::default() };
            let how = Cosine { settings, against: Against::Returns };
            let rows = rows(&checkpoint, &how, work).unwrap();
            rows.iter().map(|row| (row.critic_norm, row.truth_norm)).collect()
        };
        let (usual, q1, min) =
            (norms(None, None), norms(Some(Judged::Q1), None), norms(Some(Judged::Min), None));
        assert_ne!(q1, min, "in some state the second critic is the smaller one");
        let hard = norms(None, Some(Returns::Hard));
        if algo == Algo::Td3 {
            assert_eq!((&usual, &usual), (&q1, &hard));
        } else {
            assert_eq!((&usual, &usual), (&min, &norms(None, Some(Returns::Soft))));
            assert_ne!(usual, hard, "entropy is part of the return");
        }
    }
}
