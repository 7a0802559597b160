//! PEARL's agent: which loss moves which network, whatever the workers, and what its settings are.

use hyperl::algo::RunConfig;
use hyperl::algo::pearl::agent::{PearlAgent, PearlBatch, PearlLosses};
use hyperl::algo::pearl::config::{PearlConfig, Rates};
use hyperl::algo::pearl::schedule::Schedule;
use hyperl::env::Family;
use hyperl::nn::context::LATENT;
use hyperl::nn::pearl::PearlModel;
use hyperl::nn::workers;
use hyperl::rng::Stream;
use tch::{Kind, Tensor};

use crate::support::formula::data;
use crate::support::torch::{flat, numbers};

const OBS: i64 = 20;
const ACTION: i64 = 6;

fn single(t: u64, bound: f64, shape: &[i64]) -> Tensor {
    data((t, bound), 0, shape, Kind::Float)
}

fn batch(tasks: i64, rows: i64) -> PearlBatch {
    PearlBatch {
        context: single(81_000, 1.0, &[tasks, 9, OBS + ACTION + 1]),
        obs: single(81_001, 1.0, &[tasks, rows, OBS]),
        action: single(81_002, 1.0, &[tasks, rows, ACTION]),
        reward: single(81_003, 1.0, &[tasks, rows]),
        next_obs: single(81_004, 1.0, &[tasks, rows, OBS]),
        alive: single(81_005, 1.0, &[tasks, rows]).gt(-0.8).to_kind(Kind::Float),
    }
}

fn agent(model: PearlModel, threads: usize) -> PearlAgent {
    with(PearlConfig { model, ..PearlConfig::default() }, threads)
}

fn with(config: PearlConfig, threads: usize) -> PearlAgent {
    PearlAgent::new(&config, workers::start(threads).unwrap()).unwrap()
}

/// First moments of each part after one update: a tenth of its gradients.
fn gradients(agent: &PearlAgent) -> [(&'static str, Vec<f64>); 5] {
    agent.parts().map(|part| {
        let [first, _] = part.adam.moments();
        (part.name, first.iter().flat_map(numbers).collect())
    })
}

/// All weights, targets included.
fn weights(agent: &PearlAgent) -> Vec<f64> {
    let parts = agent.parts();
    let params = parts.iter().flat_map(|part| [Some(part.online), part.target]).flatten();
    params.flat_map(flat).collect()
}

#[test]
fn parts_have_the_names_of_checkpoints() {
    let agent = agent(PearlModel::Mlp, 1);
    let names = agent.parts().map(|part| (part.name, part.target.is_some()));
    let expected = [("encoder", false), ("critic.q1", false), ("critic.q2", false)];
    assert_eq!(names[..3], expected);
    assert_eq!(names[3..], [("value", true), ("policy", false)]);
    let [value, target] = [agent.parts()[3].online, agent.parts()[3].target.unwrap()].map(flat);
    assert_eq!(value, target, "a target starts as a copy");
    let [_, q1, q2, ..] = agent.parts().map(|part| flat(part.online));
    assert_ne!(q1, q2);
}

#[test]
fn any_number_of_workers_gives_the_same_bytes() {
    // Fewer tasks than groups, as many tasks in each group, and unequal groups.
    let (plain, hyper) = (PearlModel::Mlp, PearlModel::Hyper);
    for (model, tasks, others) in
        [(plain, 2, [2, 3]), (plain, 8, [2, 3]), (plain, 5, [2, 5]), (hyper, 5, [2, 3])]
    {
        let run = |threads| -> (Vec<PearlLosses>, Vec<f64>) {
            let mut agent = agent(model, threads);
            let mut noise = Stream::new(4, "update");
            let losses = (0..2).map(|_| agent.learn(&batch(tasks, 4), &mut noise)).collect();
            (losses, weights(&agent))
        };
        let one = run(1);
        for threads in others {
            assert!(run(threads) == one, "{model}, {tasks} tasks: {threads} workers");
        }
    }
}

#[test]
fn learning_draws_latents_then_actions() {
    let (mut a, mut b) = (agent(PearlModel::Mlp, 1), agent(PearlModel::Mlp, 1));
    let batch = batch(3, 4);
    let mut noise = Stream::new(5, "update");
    let mut normal = |shape: &[i64]| {
        let draws: Vec<f32> =
            (0..shape.iter().product()).map(|_: i64| noise.normal() as f32).collect();
        Tensor::from_slice(&draws).view(shape)
    };
    let (latents, actions) = (normal(&[3, LATENT]), normal(&[3, 4, ACTION]));
    let losses = a.update(&batch, [&latents, &actions]);
    assert_eq!(b.learn(&batch, &mut Stream::new(5, "update")), losses);
    assert_eq!(weights(&a), weights(&b));
    assert_eq!((a.updates(), b.updates()), (1, 1));
    a.set_updates(7);
    assert_eq!(a.updates(), 7);
}

#[test]
fn losses_of_value_and_policy_move_neither_encoder_nor_q() {
    for model in PearlModel::ALL {
        let batch = batch(3, 4);
        let latents = single(82_000, 1.5, &[3, LATENT]);
        let config = PearlConfig { model, ..PearlConfig::default() };
        let other = PearlConfig {
            mean_weight: 3.0,
            log_std_weight: 2.0,
            before_weight: 1.0,
            ..config.clone()
        };
        let run = |config: PearlConfig, t: u64| {
            let mut agent = with(config, 1);
            agent.update(&batch, [&latents, &single(t, 1.5, &[3, 4, ACTION])]);
            gradients(&agent)
        };
        let (one, two) = (run(config, 82_001), run(other, 82_002));
        for ((name, one), (_, two)) in one.iter().zip(&two) {
            let same = one == two;
            assert_eq!(same, !matches!(*name, "value" | "policy"), "{model}, {name}");
            assert!(one.iter().any(|x| *x != 0.0), "{model}, {name} has a gradient");
        }
    }
}

#[test]
fn without_the_divergence_the_encoder_still_learns_from_q_and_from_nothing_else() {
    let batch = batch(3, 4);
    let noise = [single(82_000, 1.5, &[3, LATENT]), single(82_001, 1.5, &[3, 4, ACTION])];
    let run = |kl_weight| {
        let mut agent =
            with(PearlConfig { kl_weight, model: PearlModel::Mlp, ..PearlConfig::default() }, 1);
        let losses = agent.update(&batch, noise.each_ref());
        (losses, gradients(&agent))
    };
    let (none, some) = (run(0.0), run(2.0));
    assert_eq!(none.0.divergence, 0.0);
    assert!(some.0.divergence > 0.0);
    assert!(none.1[0].1.iter().any(|x| *x != 0.0));
    for (without, with) in none.1.iter().zip(&some.1) {
        assert_eq!(without == with, without.0 != "encoder", "{}", without.0);
    }
}

#[test]
fn actions_of_one_task_are_those_of_rows_that_each_have_its_latent() {
    for model in PearlModel::ALL {
        let agent = agent(model, 1);
        let (rows, z) = (6, single(83_000, 1.5, &[1, LATENT]));
        let obs = single(83_001, 1.5, &[rows, OBS]);
        let noise = single(83_002, 1.5, &[rows, ACTION]);
        for noise in [None, Some(&noise)] {
            let one = agent.act(&obs, &z, noise);
            let each = agent.act(&obs, &z.repeat([rows, 1]), noise);
            assert_eq!(one.size(), [rows, ACTION]);
            let off = (&one - &each).abs().max().double_value(&[]);
            assert!(off < 1e-6, "{model}: {off}");
            let alone =
                agent.act(&obs.narrow(0, 2, 1), &z, noise.map(|n| n.narrow(0, 2, 1)).as_ref());
            let off = (&one.narrow(0, 2, 1) - &alone).abs().max().double_value(&[]);
            assert!(off < 1e-6, "{model}: {off}");
        }
        let zero = agent.act(&obs, &z, Some(&noise.zeros_like()));
        assert_eq!(numbers(&zero), numbers(&agent.act(&obs, &z, None)), "without noise: tanh(μ)");
        let other = agent.act(&obs, &(-&z), None);
        assert_ne!(numbers(&other), numbers(&zero), "{model} acts by its latent");
    }
}

/// Learns from a batch that does not fit together.
fn learn_from(change: impl FnOnce(&mut PearlBatch)) {
    let mut batch = batch(4, 4);
    change(&mut batch);
    agent(PearlModel::Mlp, 1).learn(&batch, &mut Stream::new(6, "update"));
}

#[test]
#[should_panic(expected = "tasks and rows of reward")]
fn rewards_that_would_broadcast_are_refused() {
    learn_from(|batch| batch.reward = batch.reward.unsqueeze(2));
}

#[test]
#[should_panic(expected = "tasks and rows of alive")]
fn one_end_for_all_rows_is_refused() {
    learn_from(|batch| batch.alive = batch.alive.narrow(1, 0, 1));
}

#[test]
#[should_panic(expected = "tasks and rows of next_obs")]
fn tasks_that_would_be_cut_short_are_refused() {
    learn_from(|batch| batch.next_obs = batch.next_obs.narrow(0, 0, 3));
}

#[test]
#[should_panic(expected = "tasks of context")]
fn one_context_for_all_tasks_is_refused() {
    learn_from(|batch| batch.context = batch.context.narrow(0, 0, 1));
}

#[test]
fn a_target_follows_by_its_fraction() {
    let config = PearlConfig { model: PearlModel::Mlp, tau: 0.25, ..PearlConfig::default() };
    let mut agent = with(config, 1);
    let old = flat(agent.parts()[3].target.unwrap());
    agent.learn(&batch(2, 4), &mut Stream::new(6, "update"));
    let part = agent.parts()[3];
    let (new, target) = (flat(part.online), flat(part.target.unwrap()));
    assert_ne!(new, old);
    for ((target, old), new) in target.iter().zip(old).zip(new) {
        assert!((target - (0.75 * old + 0.25 * new)).abs() < 1e-7);
    }
}

#[test]
fn settings_follow_family_and_model() {
    let of = |env, model| PearlConfig { env, model, ..PearlConfig::default() }.resolved().unwrap();
    for family in Family::ALL {
        let config = of(family, PearlModel::Mlp);
        let (expected, tasks) = match family.name() {
            "half-cheetah-fwd-back" => ([4, 1000, 1000, 2000, 4, 256], [2, 2]),
            "ant-fwd-back" | "ant-dir-rad1" => ([4, 400, 600, 4000, 2, 256], [2, 2]),
            _ => ([16, 400, 600, 2000, 1, 100], [100, 30]),
        };
        let Schedule { meta_batch, prior_steps, posterior_steps, train_steps, .. } =
            config.schedule();
        let Schedule { evaluations, context_batch, .. } = config.schedule();
        let found = [meta_batch as u64, prior_steps, posterior_steps, train_steps];
        assert_eq!(found, expected.map(|x: u64| x)[..4], "{family}");
        assert_eq!([evaluations as u64, context_batch as u64], expected[4..], "{family}");
        assert_eq!(config.task_counts(), tasks, "{family}");
        assert_eq!(config.train_steps, Some(train_steps));
        assert_eq!(config.train_tasks, Some(tasks[0]));
    }
    let rates = |model| of(Family::AntVel, model).rates();
    let plain = Rates { encoder: 3e-4, critic: 3e-4, policy: 3e-4 };
    assert_eq!(rates(PearlModel::Mlp), plain);
    assert_eq!(rates(PearlModel::Hyper), Rates { critic: 5e-5, policy: 1e-4, ..plain });
    let config = of(Family::AntVel, PearlModel::Hyper);
    assert_eq!(config.run_name(), "pearl-ant-vel-hyper-s0");
    assert_eq!((config.dims().obs, config.dims().action), (27, 8));
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<PearlConfig>(&text).unwrap(), config);
    assert_eq!(config.clone().resolved().unwrap(), config);
    assert!(serde_json::from_str::<PearlConfig>(r#"{"latent": 6}"#).is_err());
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let refused = |text: &str| {
        let config: PearlConfig = serde_json::from_str(text).unwrap();
        config.resolved().unwrap_err().to_string()
    };
    for (text, name) in [
        (r#"{"iterations": 0}"#, "iterations"),
        (r#"{"horizon": 201}"#, "horizon"),
        (r#"{"meta_batch": 0}"#, "meta_batch"),
        (r#"{"context_batch": 0}"#, "context_batch"),
        (r#"{"replay_capacity": 255}"#, "replay_capacity"),
        (r#"{"gamma": 1.0}"#, "gamma"),
        (r#"{"tau": 0.0}"#, "tau"),
        (r#"{"kl_weight": -0.1}"#, "kl_weight"),
        (r#"{"policy_lr": 0.0}"#, "policy_lr"),
        (r#"{"model": "mlp", "context_is_meta": true}"#, "context_is_meta"),
        (r#"{"as_coded_tasks": true, "train_tasks": 100}"#, "as_coded_tasks"),
        (r#"{"env": "ant-fwd-back", "train_tasks": 3}"#, "even numbers"),
    ] {
        let message = refused(text);
        assert!(message.contains(name), "{text}: {message}");
    }
    let coded = r#"{"as_coded_tasks": true}"#;
    let config: PearlConfig = serde_json::from_str(coded).unwrap();
    assert_eq!(config.resolved().unwrap().task_counts(), [2, 2]);
    let models = PearlModel::ALL.map(|model| model.to_string().parse::<PearlModel>().unwrap());
    assert_eq!(models, PearlModel::ALL);
    assert!("plain".parse::<PearlModel>().unwrap_err().to_string().contains("mlp, hyper"));
}
