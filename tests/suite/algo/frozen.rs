//! Critics of an actor that stays as it is: do they learn as they would, from the same data, and from nothing else?

use std::path::Path;

use hyperl::algo::Algo;
use hyperl::algo::agent::make;
use hyperl::algo::config::TrainConfig;
use hyperl::algo::frozen::Frozen;
use hyperl::algo::learner::Part;
use hyperl::checkpoint::resume_point;
use hyperl::env::EnvId;
use hyperl::nn::critic::CriticKind;
use hyperl::nn::weights::Params;
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use crate::support::program::{Said, files, hyperl_analyze, hyperl_train, run};
use crate::support::runs::{assert_continues, go_on, small, start, whole};
use crate::support::seeds::drawn;

fn numbers(params: &Params) -> Vec<Tensor> {
    params.iter().map(|param| param.tensor.detach().copy()).collect()
}

/// Weights of actor, first and second critic after some updates of fixed minibatches, and those of the actor before.
fn learned(config: &TrainConfig) -> ([Vec<Tensor>; 3], Vec<Tensor>) {
    let config = config.clone().resolved().unwrap();
    let workers = hyperl::nn::workers::start(1).unwrap();
    let mut agent = make(&config, Device::Cpu, &workers).unwrap();
    let before = numbers(agent.parts()[0].online);
    let mut stream = drawn(2, "batches");
    let mut rows = || (0..16 * 27).map(|_| stream.normal() as f32).collect::<Vec<_>>();
    let mut noise = drawn(2, "noise");
    for _ in 0..7 {
        let all = Tensor::from_slice(&rows()).view([16, 27]);
        let batch = hyperl::algo::replay::Batch {
            obs: all.narrow(1, 0, 11),
            action: all.narrow(1, 11, 3).tanh(),
            next_obs: all.narrow(1, 14, 11),
            reward: all.narrow(1, 25, 1).squeeze_dim(-1),
            alive: Tensor::ones([16], (Kind::Float, Device::Cpu)),
        };
        agent.learn(&batch, &mut noise);
    }
    (agent.parts().map(|part: Part| numbers(part.online)), before)
}

#[test]
fn critics_learn_as_beside_an_actor_that_hardly_moves() {
    for algo in [Algo::Td3, Algo::Sac] {
        let base = TrainConfig {
            critic: CriticKind::MlpSmall,
            batch: 16,
            ..TrainConfig::of(algo, EnvId::Hopper)
        };
        let frozen = TrainConfig { frozen: Some(Frozen::initial(100)), ..base.clone() };
        let ([actor, q1, q2], before) = learned(&frozen);
        assert!(actor == before, "{algo}: the actor stays as it is");
        // Steps of 1e-30 are lost in single precision.
        let mut still = base.clone();
        if let Some(td3) = &mut still.td3 {
            td3.actor_lr = 1e-30;
        }
        if let Some(sac) = &mut still.sac {
            sac.actor_lr = Some(1e-30);
        }
        let ([_, same_q1, same_q2], _) = learned(&still);
        assert!(q1 == same_q1 && q2 == same_q2, "{algo}");
        let ([moved, other_q1, _], before) = learned(&base);
        assert!(moved != before && other_q1 != q1, "{algo}: it would have moved");
    }
}

fn evaluation(critic: CriticKind) -> TrainConfig {
    let frozen = Some(Frozen::initial(90));
    let config = TrainConfig { frozen, critic, warmup_steps: 0, steps: 60, ..small() };
    config.resolved().unwrap()
}

#[test]
fn all_critics_of_a_seed_see_the_same_and_the_environment_is_left_alone_after_that() {
    let [mut one, mut other] =
        [CriticKind::MlpSmall, CriticKind::MlpStandard].map(|critic| start(&evaluation(critic)));
    go_on(&mut one, 1, None);
    let (rows, simulator) = (one.replay.rows(0..u64::MAX), one.env_state().unwrap());
    assert_eq!((one.replay.added(), one.reservoir.seen()), (90, 90));
    go_on(&mut one, 60, None);
    go_on(&mut other, 60, None);
    assert!(one.replay.rows(0..u64::MAX) == rows && other.replay.rows(0..u64::MAX) == rows);
    assert!(one.env_state().unwrap() == simulator);
    assert!(one.reservoir.states() == other.reservoir.states());
    let updates = one.progress().updates;
    assert_eq!((one.progress().step, updates), (60, 60));
}

#[test]
fn stopped_anywhere_it_continues_bit_for_bit() {
    let config = evaluation(CriticKind::MlpSmall);
    let folder = tempfile::tempdir().unwrap();
    assert_continues(&config, 37, folder.path());
    // And while it collects.
    let mut straight = start(&config);
    go_on(&mut straight, 60, None);
    let (mut stopped, folder) = (start(&config), tempfile::tempdir().unwrap());
    let mut before = String::new();
    for collected in [21, 31, 41] {
        while stopped.replay.added() < collected {
            stopped.next().unwrap().unwrap();
        }
        resume_point::save(folder.path(), &stopped).unwrap();
        // All of these are at step 0, and a point must be whole before the one before it goes.
        let latest = std::fs::read_to_string(folder.path().join("resume/latest")).unwrap();
        let name = latest.split(' ').next().unwrap().to_owned();
        assert_ne!(name, before);
        before = name;
    }
    let mut after = start(&config);
    assert!(resume_point::load(folder.path(), &mut after).unwrap());
    assert_eq!(after.replay.added(), 41);
    go_on(&mut after, 60, None);
    assert!(whole(&after) == whole(&straight), "the ends differ");
}

/// Runs a command in a folder, which must end well.
fn ends_well(folder: &Path, mut command: std::process::Command) -> Said {
    command.current_dir(folder);
    let said = run(command);
    assert_eq!(said.code, Some(0), "{}", said.err);
    said
}

#[test]
fn the_command_takes_an_actor_and_all_its_critics_share_one_bank() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let td3 = "td3 --env hopper --critic mlp-small --steps 1200 --checkpoint-every 600 --set evaluation_episodes=1";
    ends_well(at, hyperl_train(td3));
    let actor = "checkpoints/td3-hopper-mlp-small-s0/step-000000600";
    let critics = "--critic mlp-small mlp-standard --data 400 --updates 40 --checkpoint-every 20 \
                   --set evaluation_episodes=1 --out critics";
    ends_well(at, hyperl_train(&format!("critic --actor {actor} {critics}")));
    let weights = |run: &str| {
        let checkpoint = hyperl::checkpoint::Checkpoint::open(&at.join(run)).unwrap();
        let file = checkpoint.weights().unwrap();
        numbers(checkpoint.policy(&file).unwrap().params())
    };
    let run = "critics/critic-td3-hopper-mlp-small-s0";
    assert!(weights(actor) == weights(&format!("{run}/step-000000040")));
    let cosine = "cosine --ckpt critics/critic-td3-* --states 12 --out reports/critics --json";
    ends_well(at, hyperl_analyze(cosine));
    let banks = files(&at.join("reports/units"));
    let banks = banks.keys().filter(|path| path.extension().is_some_and(|end| end == "parquet"));
    assert_eq!(banks.count(), 1, "four checkpoints, one bank");
    // A promise is the critic's own.
    let promise =
        "promise --ckpt critics/critic-td3-*/step-000000040 --states 6 --horizon 5 --json";
    let said: Value = serde_json::from_str(&ends_well(at, hyperl_analyze(promise)).out).unwrap();
    let promised = |i: usize| said["checkpoints"][i]["own"].clone();
    assert!(promised(0).is_object() && promised(0) != promised(1), "{said}");
    // The same again with --resume is finished; with another actor it is another run.
    let again = ends_well(at, hyperl_train(&format!("critic --actor {actor} {critics} --resume")));
    assert!(again.err.contains("is finished, with 40 steps"), "{}", again.err);
    let other = actor.replace("0600", "1200");
    let mut command = hyperl_train(&format!("critic --actor {other} {critics} --resume"));
    command.current_dir(at);
    let said = crate::support::program::run(command);
    assert!(said.code == Some(3) && said.err.contains("frozen.step of"), "{}", said.err);
}

#[test]
fn an_actor_is_frozen_by_the_command_alone() {
    let refused = |args: &str| {
        let said = run(hyperl_train(args));
        assert_eq!(said.code, Some(3), "{args}");
        said.err
    };
    let said = refused("td3 --env hopper --set frozen.data=100 --dry-run");
    assert!(said.contains("hyperl-train critic"), "{said}");
    let said = refused("critic --actor initial --critic mlp-small --dry-run");
    assert!(said.contains("add --env, such as --env hopper"), "{said}");
    let alpha = "critic --actor initial --env hopper --critic mlp-small --alpha 0.2 --dry-run";
    assert!(refused(alpha).contains("nothing trained --actor initial"));
    let few = "critic --actor initial --env hopper --critic mlp-small --data 50 --dry-run";
    assert!(refused(few).contains("frozen.data (--data) must be at least `batch`"));
    let plain = "critic --actor initial --env hopper --critic mlp-small --dry-run";
    let other = refused(&format!("{plain} --data 5000 --set frozen.data=300"));
    assert!(
        other.contains("have 300 as frozen.data, and by --actor and --data it is 5000"),
        "{other}"
    );
    assert!(refused(&format!("{plain} --set frozen=3")).contains("frozen"));
    // The same may be said twice, and flags are the last to speak.
    let said = run(hyperl_train(&format!(
        "{plain} --data 5000 --set frozen.data=5000 --lr 1e-4 --set td3.critic_lr=1e-3"
    )));
    assert!(said.code == Some(0) && said.out.contains("critic_lr = 0.0001"), "{}", said.err);
}

#[test]
fn a_critic_of_a_game_without_a_future_learns_the_gradient_of_the_reward() {
    // With γ = 0 values are rewards, which half-cheetah's simulator gives exactly: by hand 0.995 and 0.97.
    let folder = tempfile::tempdir().unwrap();
    let critic = "critic --actor initial --env half-cheetah --gamma 0 --critic mlp-standard --data 12000 --updates 400 \
                  --checkpoint-every 400 --set evaluation_episodes=1 --out critics";
    ends_well(folder.path(), hyperl_train(critic));
    let cosine = "cosine --ckpt critics/critic-td3-half-cheetah-mlp-standard-s0 --states 60 --json";
    let said = ends_well(folder.path(), hyperl_analyze(cosine));
    let json: Value = serde_json::from_str(&said.out).unwrap();
    let found = &json["checkpoints"][0];
    assert!(found["horizon"] == 1 && found["direction"] == "uphill", "{}", said.out);
    let number = |name: &str| found["score"]["policy"][name]["value"].as_f64().unwrap();
    assert!(number("kappa") > 0.97 && (number("gain") - 1.0).abs() < 0.1, "{}", said.out);
}
