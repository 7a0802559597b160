//! MAML: does the update find what it should, and stop where there is nothing to find?

use hyperl::algo::maml::advantage::normalise;
use hyperl::algo::maml::batch::{Rows, TaskBatch};
use hyperl::algo::maml::config::TrpoConfig;
use hyperl::algo::maml::descent::Inner;
use hyperl::algo::maml::sample::collect;
use hyperl::algo::maml::trpo::update;
use hyperl::env::{Family, Task};
use hyperl::nn::critic::Dims;
use hyperl::nn::meta_policy::{MetaPolicy, PolicyKind};
use hyperl::nn::task_net::TaskNet;
use hyperl::nn::weights::{Draw, Training};
use hyperl::nn::workers;
use hyperl::rng::Stream;
use tch::{Device, Kind, Tensor};

use crate::support::torch::numbers;

/// One number is seen, one is done.
fn policy(kind: PolicyKind) -> MetaPolicy {
    let stream = Stream::new(1, "init");
    let source = &mut Draw { stream: &stream, kind: Kind::Float, device: Device::Cpu };
    MetaPolicy::new(kind, Dims { obs: 1, action: 1 }, Training::Trainable, source).unwrap()
}

/// Plays games of one move, in which `reward` depends on the action alone.
fn play(net: &TaskNet, reward: &dyn Fn(f64) -> f64, stream: &mut Stream) -> Rows {
    let obs = Tensor::ones([200, 1], (Kind::Float, Device::Cpu));
    let noise: Vec<f32> = (0..200).map(|_| stream.normal() as f32).collect();
    let noise = Tensor::from_slice(&noise).unsqueeze(1);
    let actions = tch::no_grad(|| net.mean(&obs) + noise * net.log_std().exp());
    let mut advantages: Vec<f64> = numbers(&actions).into_iter().map(reward).collect();
    normalise(&mut advantages);
    let advantages = Tensor::from_slice(&advantages).to_kind(Kind::Float);
    Rows { obs, actions, advantages }
}

const CONTEXTS: [f64; 4] = [-1.0, -0.3, 0.4, 1.0];

/// The batch of games whose best action is the context.
fn games(policy: &MetaPolicy, stream: &mut Stream) -> Vec<TaskBatch> {
    let nets = policy.task_nets(&CONTEXTS, None);
    let game = |(net, &context): (&TaskNet, &f64)| {
        let after = play(net, &|action| -(action - context).powi(2), stream);
        TaskBatch { context, before: None, after }
    };
    nets.iter().zip(&CONTEXTS).map(game).collect()
}

fn weights(policy: &MetaPolicy) -> Vec<f64> {
    policy.params().tensors().iter().flat_map(numbers).collect()
}

const INNER: Inner = Inner { rate: 0.1, second_order: false };

#[test]
fn a_game_whose_best_action_is_the_context_is_learnt_for_contexts_that_were_never_seen() {
    let policy = policy(PolicyKind::Context);
    let workers = workers::start(1).unwrap();
    let mut stream = Stream::new(2, "games");
    let config = TrpoConfig { max_kl: 0.05, ..TrpoConfig::default() };
    for _ in 0..60 {
        let batch = games(&policy, &mut stream);
        update(&policy, &batch, INNER, &config, &workers).unwrap();
    }
    let one = Tensor::ones([1, 1], (Kind::Float, Device::Cpu));
    for context in [-1.0, -0.6, -0.3, 0.0, 0.4, 0.7, 1.0] {
        let net = &policy.task_nets(&[context], None)[0];
        let [mean, std] = [net.mean(&one), net.log_std().exp()].map(|t| numbers(&t)[0]);
        assert!((mean - context).abs() < 0.15, "{mean} for {context}");
        assert!(std < 0.4, "noise only costs: {std}");
    }
}

#[test]
fn where_nothing_is_better_there_is_no_direction_and_the_policy_stays() {
    let policy = policy(PolicyKind::Context);
    let workers = workers::start(1).unwrap();
    let mut batch = games(&policy, &mut Stream::new(3, "games"));
    for task in &mut batch {
        task.after.advantages = task.after.advantages.zeros_like();
    }
    let before = weights(&policy);
    let done = update(&policy, &batch, INNER, &TrpoConfig::default(), &workers).unwrap();
    assert_eq!((done.accepted, done.tried), (false, 0));
    assert_eq!((done.improvement, done.divergence), (0.0, 0.0));
    assert!(weights(&policy) == before);
}

#[test]
fn a_gradient_that_is_no_number_is_not_taken_for_no_direction() {
    let policy = policy(PolicyKind::Context);
    let workers = workers::start(1).unwrap();
    let batch = games(&policy, &mut Stream::new(3, "games"));
    tch::no_grad(|| _ = batch[0].after.advantages.get(0).fill_(f64::NAN));
    let error = update(&policy, &batch, INNER, &TrpoConfig::default(), &workers).unwrap_err();
    let said = error.to_string();
    assert_eq!(said, "the squared norm of the surrogate's gradient is NaN");
}

#[test]
fn a_search_that_fails_says_so_and_puts_every_weight_back() {
    let policy = policy(PolicyKind::Context);
    let workers = workers::start(1).unwrap();
    let mut batch = games(&policy, &mut Stream::new(3, "games"));
    // Where no action is as likely as before the surrogate is 0: less than now, by more than rounding.
    for task in &mut batch {
        task.after.advantages = &task.after.advantages + 1.0;
    }
    let before = weights(&policy);
    // A bound so wide that the quadratic model of the divergence means nothing there.
    let far = TrpoConfig { max_kl: 100.0, search_steps: 1, ..TrpoConfig::default() };
    let done = update(&policy, &batch, INNER, &far, &workers).unwrap();
    assert_eq!((done.accepted, done.tried), (false, 1), "{done:?}");
    assert!(weights(&policy) == before);
    // The same rows within the usual bound do have a step.
    let done = update(&policy, &batch, INNER, &TrpoConfig::default(), &workers).unwrap();
    assert!(done.accepted && done.improvement > 0.0 && done.divergence < 0.01, "{done:?}");
    assert!(weights(&policy) != before);
}

#[test]
fn a_policy_that_gives_nan_is_refused_with_the_task_named() {
    let family = Family::HalfCheetahVel;
    let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
    let mut bias = [0.0f32; 6];
    bias[4] = f32::NAN;
    let net = TaskNet::new(vec![zeros(&[6, 20]), Tensor::from_slice(&bias), zeros(&[6])]);
    let said = collect((family, Task(1.5)), &net, 2, &Stream::new(0, "nan")).unwrap_err();
    assert!(matches!(said, hyperl::Error::NonFinite(_)), "{said:?}");
    assert!(said.to_string().contains("returned NaN in half-cheetah-vel (task 1.5)"), "{said}");
}

#[test]
fn episodes_are_clipped_for_the_robot_and_kept_as_they_were_drawn() {
    let family = Family::HalfCheetahVel;
    let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
    // Far outside the box, with and without noise that the box swallows.
    let net = |noise: f32| {
        let bias = Tensor::from_slice(&[50.0f32; 6]);
        TaskNet::new(vec![zeros(&[6, 20]), bias, Tensor::from_slice(&[noise.ln(); 6])])
    };
    let stream = Stream::new(0, "box");
    let [still, noisy] =
        [1e-6, 3.0].map(|noise| collect((family, Task(1.5)), &net(noise), 2, &stream).unwrap());
    assert_eq!(still.steps(), 400);
    assert!(still.rewards == noisy.rewards && still.obs == noisy.obs, "the robot feels the box");
    assert!(still.actions != noisy.actions, "the noise is kept");
    assert!(noisy.actions.iter().all(|a| *a > 10.0));
    assert_ne!(still.rewards[0], still.rewards[1], "each episode has a start of its own");
}
