//! PEARL: same weights and batches, same networks, gradients and updates as `PyTorch`?

use std::collections::BTreeMap;

use hyperl::algo::RunConfig;
use hyperl::algo::pearl::agent::{PearlAgent, PearlBatch, PearlLosses, PearlSources};
use hyperl::algo::pearl::config::PearlConfig;
use hyperl::nn::context::{Encoder, LATENT};
use hyperl::nn::pearl::PearlModel;
use hyperl::nn::pearl::policy::TaskPolicy;
use hyperl::nn::pearl::value::{TaskCritic, TaskValue};
use hyperl::nn::weights::{Params, Training};
use serde::Deserialize;
use tch::{Kind, Tensor};

use crate::support::formula::{ACTOR, Formula, Q1, Q2, Summary, data};
use crate::support::torch::{assert_close, assert_tensors, flat, length, numbers};

/// First tensor numbers of V's and of the encoder's weights, and of the data.
const VALUE: u64 = 3000;
const ENCODER: u64 = 4000;
const DATA: u64 = 60_000;

#[derive(Deserialize)]
struct File {
    tasks: i64,
    context: i64,
    rows: i64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    model: PearlModel,
    context_is_meta: bool,
    gamma: f64,
    tau: f64,
    reward_scale: f64,
    kl_weight: f64,
    mean_weight: f64,
    log_std_weight: f64,
    before_weight: f64,
    encoder_lr: f64,
    critic_lr: f64,
    policy_lr: f64,
    networks: Networks,
    updates: Vec<Losses>,
    first: BTreeMap<String, Vec<Summary>>,
    ended: BTreeMap<String, Ended>,
}

#[derive(Deserialize)]
struct Networks {
    mean: Vec<f64>,
    variance: Vec<f64>,
    z: Vec<f64>,
    q: Vec<f64>,
    v: Vec<f64>,
    policy_mean: Vec<f64>,
    policy_log_std: Vec<f64>,
    action: Vec<f64>,
    log_prob: Vec<f64>,
    q_action: Vec<f64>,
    q_latent: Vec<f64>,
    gradients: BTreeMap<String, Vec<Summary>>,
}

#[derive(Deserialize)]
struct Losses {
    divergence: f64,
    q1: f64,
    q2: f64,
    value: f64,
    policy: f64,
}

#[derive(Deserialize)]
struct Ended {
    norm: f64,
    moved: f64,
}

/// Largest accepted relative distances.
struct Limits {
    values: f64,
    gradients: f64,
    losses: f64,
    moved: f64,
    /// V's target moves little more than the rounding of its weights in single precision.
    target_moved: f64,
}

const DOUBLE: Limits =
    Limits { values: 1e-11, gradients: 1e-10, losses: 1e-10, moved: 1e-8, target_moved: 1e-8 };
const SINGLE: Limits =
    Limits { values: 2e-5, gradients: 1e-4, losses: 1e-4, moved: 2e-3, target_moved: 2e-2 };

fn file() -> File {
    serde_json::from_str(include_str!("../../../fixtures/torch/pearl.json")).unwrap()
}

fn config(case: &Case) -> PearlConfig {
    let &Case { model, context_is_meta, gamma, tau, reward_scale, kl_weight, .. } = case;
    let &Case { mean_weight, log_std_weight, before_weight, encoder_lr, .. } = case;
    let [critic_lr, policy_lr] = [case.critic_lr, case.policy_lr].map(Some);
    let config =
        PearlConfig { model, context_is_meta, gamma, tau, reward_scale, ..PearlConfig::default() };
    PearlConfig {
        kl_weight,
        mean_weight,
        log_std_weight,
        before_weight,
        encoder_lr,
        critic_lr,
        policy_lr,
        ..config
    }
}

/// The tensors of one update, and its noise of latents and of actions.
fn batch(file: &File, update: u64, kind: Kind) -> (PearlBatch, [Tensor; 2]) {
    let &File { tasks, context, rows, .. } = file;
    let dims = PearlConfig::default().dims();
    let (obs, action) = (dims.obs, dims.action);
    let take =
        |t: u64, bound: f64, shape: &[i64]| data((DATA + t + 10 * update, bound), 0, shape, kind);
    let alive: Vec<f64> =
        (0..tasks * rows).map(|row| if row % 3 == 2 { 0.0 } else { 1.0 }).collect();
    let batch = PearlBatch {
        context: take(0, 1.5, &[tasks, context, obs + action + 1]),
        obs: take(1, 1.5, &[tasks, rows, obs]),
        action: take(2, 0.95, &[tasks, rows, action]),
        next_obs: take(3, 1.5, &[tasks, rows, obs]),
        reward: take(4, 2.0, &[tasks, rows]),
        alive: Tensor::from_slice(&alive).to_kind(kind).view([tasks, rows]),
    };
    (batch, [take(5, 2.0, &[tasks, LATENT]), take(6, 2.0, &[tasks, rows, action])])
}

fn squares(tensors: &[&Tensor]) -> Tensor {
    tensors.iter().map(|x| x.square().mean(x.kind())).reduce(|a, b| a + b).unwrap()
}

/// Compares a gradient by its name in the file.
fn compare_gradient(
    (case, name): (&Case, &str),
    (loss, params): (Tensor, &Params),
    (limit, what): (f64, &str),
) {
    let gradient = Tensor::run_backward(&[loss], &params.tensors(), true, false);
    let what = format!("{what}, gradient of {name}");
    assert_tensors(params, &gradient, &case.networks.gradients[name], (limit, &what));
}

fn compare_networks(file: &File, case: &Case, kind: Kind, limits: &Limits) {
    let what = &format!("{} {kind:?}", case.name);
    let design = config(case).design();
    let formula = |first| Formula::new(first, kind);
    let (batch, [latent_noise, action_noise]) = batch(file, 0, kind);
    let expected = &case.networks;
    let close = |found: &Tensor, expected: &[f64], name: &str| {
        assert_close(&numbers(found), expected, limits.values, &format!("{what}, {name}"));
    };
    let limit = (limits.gradients, what.as_str());
    let training = Training::Trainable;

    let encoder = Encoder::new(design.dims, training, &mut formula(ENCODER)).unwrap();
    let posterior = encoder.posterior(&batch.context);
    let z = posterior.sample(&latent_noise);
    close(&posterior.mean, &expected.mean, "mean");
    close(&posterior.variance, &expected.variance, "variance");
    close(&z, &expected.z, "z");
    let loss = squares(&[&posterior.mean, &posterior.variance]);
    compare_gradient((case, "encoder"), (loss, encoder.params()), limit);

    let z = z.detach().set_requires_grad(true);
    let action = batch.action.detach().set_requires_grad(true);
    let critic = TaskCritic::new(design, training, &mut formula(Q1)).unwrap();
    let q = critic.q(&batch.obs, &action, &z);
    close(&q, &expected.q, "q");
    let slopes = Tensor::run_backward(&[squares(&[&q])], &[&action, &z], true, false);
    for (slope, expected) in slopes.iter().zip([&expected.q_action, &expected.q_latent]) {
        assert_close(&numbers(slope), expected, limits.gradients, what);
    }
    compare_gradient((case, "critic.q1"), (squares(&[&q]), critic.params()), limit);

    let value = TaskValue::new(design, training, &mut formula(VALUE)).unwrap();
    let v = value.v(&batch.obs, &z);
    close(&v, &expected.v, "v");
    compare_gradient((case, "value"), (squares(&[&v]), value.params()), limit);

    let policy = TaskPolicy::new(design, training, &mut formula(ACTOR)).unwrap();
    let gaussian = policy.gaussian(&batch.obs, &z);
    let drawn = gaussian.draw(&action_noise);
    close(&gaussian.mean, &expected.policy_mean, "policy's mean");
    close(&gaussian.log_std, &expected.policy_log_std, "policy's log σ");
    close(&drawn.action, &expected.action, "action");
    close(&drawn.log_prob, &expected.log_prob, "log π");
    let loss = squares(&[&drawn.action, &drawn.log_prob]);
    compare_gradient((case, "policy"), (loss, policy.params()), limit);
}

fn agent(case: &Case, kind: Kind, threads: usize) -> PearlAgent {
    let [mut policy, mut q1, mut q2, mut value, mut encoder] =
        [ACTOR, Q1, Q2, VALUE, ENCODER].map(|first| Formula::new(first, kind));
    let sources = PearlSources {
        encoder: &mut encoder,
        q1: &mut q1,
        q2: &mut q2,
        value: &mut value,
        policy: &mut policy,
    };
    let workers = hyperl::nn::workers::start(threads).unwrap();
    PearlAgent::from_sources(&config(case), sources, workers).unwrap()
}

/// All weights by name, V's target included.
fn weights(agent: &PearlAgent) -> BTreeMap<String, Vec<f64>> {
    let parts = agent.parts();
    let online = parts.iter().map(|part| (part.name.to_owned(), flat(part.online)));
    let targets =
        parts.iter().filter_map(|part| Some((format!("{}_target", part.name), flat(part.target?))));
    online.chain(targets).collect()
}

fn compare_updates(file: &File, case: &Case, kind: Kind, limits: &Limits) {
    let what = &format!("{} {kind:?}", case.name);
    let mut agent = agent(case, kind, 2);
    let start = weights(&agent);
    for (update, expected) in case.updates.iter().enumerate() {
        let (batch, noise) = batch(file, update as u64, kind);
        let PearlLosses { divergence, critics: [q1, q2], value, policy } =
            agent.update(&batch, noise.each_ref());
        let found = [divergence, q1, q2, value, policy];
        let Losses { divergence, q1, q2, value, policy } = *expected;
        for (found, expected) in found.into_iter().zip([divergence, q1, q2, value, policy]) {
            assert_close(&[found], &[expected], limits.losses, what);
        }
        if update > 0 {
            continue;
        }
        assert_eq!(case.first.len(), agent.parts().len());
        for part in agent.parts() {
            let what = format!("{what}, first moments of {}", part.name);
            let [first, _] = part.adam.moments();
            let limit = (limits.gradients, what.as_str());
            assert_tensors(part.online, &first, &case.first[part.name], limit);
        }
    }
    assert_eq!(agent.updates(), case.updates.len() as u64);
    let ended = weights(&agent);
    assert_eq!(ended.len(), case.ended.len());
    for (name, now) in &ended {
        let Ended { norm, moved } = case.ended[name];
        let change: Vec<f64> = now.iter().zip(&start[name]).map(|(a, b)| a - b).collect();
        let limit = if name.ends_with("target") { limits.target_moved } else { limits.moved };
        let what = format!("{what}, {name}");
        assert_close(&[length(now)], &[norm], limits.values, &what);
        assert_close(&[length(&change)], &[moved], limit, &what);
    }
}

#[test]
fn pearls_networks_give_pytorchs_values_and_gradients() {
    let file = file();
    for case in &file.cases {
        compare_networks(&file, case, Kind::Double, &DOUBLE);
        compare_networks(&file, case, Kind::Float, &SINGLE);
    }
}

#[test]
fn two_updates_of_pearl_give_pytorchs_losses_gradients_and_weights() {
    let file = file();
    assert_eq!(file.cases.len(), 4);
    for case in &file.cases {
        compare_updates(&file, case, Kind::Double, &DOUBLE);
        compare_updates(&file, case, Kind::Float, &SINGLE);
    }
}
