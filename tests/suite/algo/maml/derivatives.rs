//! MAML: are the closed-form derivatives those of the functions that they belong to?
//!
//! In float64, against autograd, against differences, and against policies that were copied and moved.

use hyperl::algo::maml::batch::{Rows, TaskBatch};
use hyperl::algo::maml::descent::{Descent, Inner};
use hyperl::algo::maml::trpo::{adaptation, dot};
use hyperl::nn::critic::Dims;
use hyperl::nn::meta_policy::{MetaPolicy, PolicyKind};
use hyperl::nn::task_net::{Outputs, TaskNet};
use hyperl::nn::weights::{Reuse, Training};
use hyperl::nn::workers;
use tch::{Kind, Tensor};

use crate::support::formula::{ACTOR, Formula, data};
use crate::support::torch::numbers;

const DIMS: Dims = Dims { obs: 4, action: 2 };
const CONTEXTS: [f64; 2] = [0.7, -1.2];
/// Rows of each task.
const ROWS: [i64; 2] = [9, 16];

fn policy(kind: PolicyKind) -> MetaPolicy {
    let source = &mut Formula::new(ACTOR, Kind::Double);
    MetaPolicy::new(kind, DIMS, Training::Trainable, source).unwrap()
}

fn rate(kind: PolicyKind) -> f64 {
    if kind == PolicyKind::Hyper { 0.01 } else { 0.1 }
}

fn rows(first: u64, count: i64) -> Rows {
    let take = |t: u64, shape: &[i64], bound| data((first + t, bound), 0, shape, Kind::Double);
    Rows {
        obs: take(0, &[count, DIMS.obs], 1.5),
        actions: take(1, &[count, DIMS.action], 1.2),
        advantages: take(2, &[count], 2.0),
    }
}

fn batch(adapt: bool) -> Vec<TaskBatch> {
    let task = |(i, (&context, &count)): (usize, (&f64, &i64))| TaskBatch {
        context,
        before: adapt.then(|| rows(52_000 + 10 * i as u64, count + 3)),
        after: rows(51_000 + 10 * i as u64, count),
    };
    CONTEXTS.iter().zip(&ROWS).enumerate().map(task).collect()
}

/// A vector of the shape of the parameters.
fn vector(policy: &MetaPolicy, first: u64) -> Vec<Tensor> {
    let part = |(i, p): (usize, &Tensor)| data((first + i as u64, 1.0), 0, &p.size(), Kind::Double);
    policy.params().tensors().iter().enumerate().map(part).collect()
}

/// The same policy, its parameters moved.
fn moved(policy: &MetaPolicy, direction: &[Tensor], length: f64) -> MetaPolicy {
    let copy = policy.again(Reuse::Copy, Training::Trainable).unwrap();
    tch::no_grad(|| {
        for (param, along) in copy.params().iter().zip(direction) {
            let _ = param.tensor.shallow_clone().g_add_(&(along * length));
        }
    });
    copy
}

/// Each task's network after adaptation.
fn nets(policy: &MetaPolicy, batch: &[TaskBatch], rate: f64) -> Vec<TaskNet> {
    let workers = workers::start(1).unwrap();
    let step = adaptation(policy, batch, rate, &workers).unwrap();
    policy.task_nets(&CONTEXTS, step.as_ref())
}

/// The mean over tasks of `−mean(Â π(a|s)/π_old(a|s))`.
fn surrogate(new: &[TaskNet], old: &[TaskNet], batch: &[TaskBatch]) -> f64 {
    let each = new.iter().zip(old).zip(batch).map(|((new, old), task)| {
        let Rows { obs, actions, advantages } = &task.after;
        let [new, old] = [new, old].map(|net| net.log_prob(&net.mean(obs), actions));
        -((new - old).exp() * advantages).mean(Kind::Double).double_value(&[])
    });
    each.sum::<f64>() / batch.len() as f64
}

/// The mean over tasks and states of the divergence of new policies from old ones.
fn divergence(new: &[TaskNet], old: &[TaskNet], batch: &[TaskBatch]) -> f64 {
    let each = new.iter().zip(old).zip(batch).map(|((new, old), task)| {
        let obs = &task.after.obs;
        new.divergence(&new.mean(obs), old, &old.mean(obs)).unwrap()
    });
    each.sum::<f64>() / batch.len() as f64
}

/// The gradient of the surrogate as the update takes it.
fn gradient(policy: &MetaPolicy, batch: &[TaskBatch], inner: Inner) -> Vec<Tensor> {
    let workers = workers::start(2).unwrap();
    let step = adaptation(policy, batch, inner.rate, &workers).unwrap();
    let nets = policy.task_nets(&CONTEXTS, step.as_ref());
    let slope = |(net, task): (&TaskNet, &TaskBatch)| task.after.gradient(net).unwrap();
    let slopes = nets.iter().zip(batch).map(slope).collect();
    let mut descent = Descent::new(policy, batch, step.as_ref(), inner).unwrap();
    descent.pull(slopes, &workers)
}

fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    let off = (found - expected).abs() / expected.abs();
    assert!(off <= tolerance, "{what}: {found} against {expected}");
}

#[test]
fn the_second_order_gradient_is_that_of_the_loss_after_adaptation() {
    let batch = batch(true);
    for kind in PolicyKind::ALL {
        // The loss jumps where a ReLU of the adaptation opens, so that differences are narrow.
        let (policy, rate, width) = (policy(kind), rate(kind), 1e-8);
        let old = nets(&policy, &batch, rate);
        let [second, first] = [true, false]
            .map(|second_order| gradient(&policy, &batch, Inner { rate, second_order }));
        for probe in [60_000, 61_000] {
            let along = vector(&policy, probe);
            let at = |length| {
                let policy = moved(&policy, &along, length);
                surrogate(&nets(&policy, &batch, rate), &old, &batch)
            };
            let expected = (at(width) - at(-width)) / (2.0 * width);
            let what = format!("{kind}, {probe}");
            close(dot(&second, &along).unwrap(), expected, 1e-5, &what);
            // The term that first order leaves out is not small here.
            let rough = dot(&first, &along).unwrap();
            assert!((rough / expected - 1.0).abs() > 1e-3, "{what}: {rough} against {expected}");
        }
    }
}

#[test]
fn the_curvature_is_that_of_the_divergence() {
    // With and without an adaptation to look through.
    for (kind, adapt) in PolicyKind::ALL.iter().flat_map(|k| [(*k, true), (*k, false)]) {
        let (policy, rate, batch) = (policy(kind), rate(kind), batch(adapt));
        let workers = workers::start(2).unwrap();
        let old = nets(&policy, &batch, rate);
        let step = adaptation(&policy, &batch, rate, &workers).unwrap();
        let inner = Inner { rate, second_order: adapt };
        let mut descent = Descent::new(&policy, &batch, step.as_ref(), inner).unwrap();
        let mut product = |vector: &[Tensor]| {
            let along = descent.push(vector, &workers);
            let curve = |((net, along), task): ((&TaskNet, &Vec<Tensor>), &TaskBatch)| {
                let at = net.forward(&task.after.obs);
                net.backward(&at, &net.divergence_hessian(&net.tangent(&at, along)))
            };
            let curved = old.iter().zip(&along).zip(&batch).map(curve).collect();
            descent.pull(curved, &workers)
        };
        let (u, v) = (vector(&policy, 68_000), vector(&policy, 69_000));
        let (of_u, of_v) = (product(&u), product(&v));
        let both: Vec<Tensor> = u.iter().zip(&v).map(|(u, v)| u + v).collect();
        // The divergence and its slope vanish at the start, so that this is its second difference; narrow
        // since it jumps where a ReLU of the adaptation opens.
        let width = 1e-6;
        let second = |along: &[Tensor]| {
            let at = |length| {
                let policy = moved(&policy, along, length);
                divergence(&nets(&policy, &batch, rate), &old, &batch)
            };
            (at(width) + at(-width)) / (width * width)
        };
        let what = format!("{kind}, adapted {adapt}");
        close(dot(&u, &of_u).unwrap(), second(&u), 1e-3, &what);
        close(dot(&v, &of_v).unwrap(), second(&v), 1e-3, &what);
        let mixed = dot(&u, &of_v).unwrap();
        close(dot(&v, &of_u).unwrap(), mixed, 1e-9, &what);
        let sum = dot(&u, &of_u).unwrap() + dot(&v, &of_v).unwrap() + 2.0 * mixed;
        close(sum, second(&both), 1e-3, &what);
    }
}

#[test]
fn pushing_and_pulling_are_transposed() {
    for (kind, adapt, second_order) in PolicyKind::ALL
        .iter()
        .flat_map(|k| [(*k, true, true), (*k, true, false), (*k, false, false)])
    {
        let (policy, rate, batch) = (policy(kind), rate(kind), batch(adapt));
        let workers = workers::start(2).unwrap();
        let step = adaptation(&policy, &batch, rate, &workers).unwrap();
        let inner = Inner { rate, second_order };
        let mut descent = Descent::new(&policy, &batch, step.as_ref(), inner).unwrap();
        let v = vector(&policy, 65_000);
        let along = descent.push(&v, &workers);
        // Any gradients in the networks will do; these are the directions themselves, squared.
        let given: Vec<Vec<Tensor>> =
            along.iter().map(|net| net.iter().map(|part| part.square() + 0.3).collect()).collect();
        let there: f64 = along.iter().zip(&given).map(|(a, g)| dot(a, g).unwrap()).sum::<f64>()
            / batch.len() as f64;
        let back = dot(&descent.pull(given, &workers), &v).unwrap();
        close(back, there, 1e-10, &format!("{kind}, adapted {adapt}, second order {second_order}"));
    }
}

#[test]
fn adaptation_is_a_step_of_descent_on_a_copy_of_all_parameters() {
    let batch = batch(true);
    for kind in PolicyKind::ALL {
        let (policy, rate) = (policy(kind), rate(kind));
        let together = nets(&policy, &batch, rate);
        let before = policy.task_nets(&CONTEXTS, None);
        let workers = workers::start(1).unwrap();
        let step = adaptation(&policy, &batch, rate, &workers).unwrap().unwrap();
        for (i, task) in batch.iter().enumerate() {
            let context = &CONTEXTS[i..=i];
            let rows = task.before.as_ref().unwrap();
            let net = &policy.link(context, None).nets()[0];
            let log_prob = net.log_prob(&net.mean(&rows.obs), &rows.actions);
            let loss = -(log_prob * &rows.advantages).mean(Kind::Double);
            let params = policy.params().tensors();
            let slope = Tensor::run_backward(&[loss], &params, false, false);
            let copy = moved(&policy, &slope, -rate);
            let expected = &copy.task_nets(context, None)[0];
            let alone = &policy.task_nets(context, Some(&step.of(i)))[0];
            for (part, expected) in expected.parts().iter().enumerate() {
                let shift = (expected - &before[i].parts()[part]).norm().double_value(&[]);
                assert!(shift > 1e-4, "{kind}, task {i}, part {part}: adaptation moved by {shift}");
                for net in [&together[i], alone] {
                    let off = (&net.parts()[part] - expected).norm().double_value(&[]);
                    assert!(off < 1e-11, "{kind}, task {i}, part {part}: off by {off}");
                }
            }
        }
    }
}

/// A network of three layers whose weights record their graph.
fn task_net() -> TaskNet {
    let shapes: [&[i64]; 7] = [&[7, 4], &[7], &[5, 7], &[5], &[2, 5], &[2], &[2]];
    let part = |(i, shape): (usize, &&[i64])| {
        data((64_000 + i as u64, 0.8), 0, shape, Kind::Double).set_requires_grad(true)
    };
    TaskNet::new(shapes.iter().enumerate().map(part).collect())
}

/// The same network without a graph.
fn plain(net: &TaskNet) -> TaskNet {
    TaskNet::new(net.parts().iter().map(Tensor::detach).collect())
}

fn assert_same(found: &[Tensor], expected: &[Tensor], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert_eq!(a.size(), b.size(), "{what}, part {i}");
        let off = (a - b).abs().max().double_value(&[]);
        assert!(off < 1e-13, "{what}, part {i}: off by {off}");
    }
}

#[test]
fn a_tasks_network_has_autograds_gradient() {
    let (net, rows) = (task_net(), rows(65_000, 11));
    let log_prob = net.log_prob(&net.mean(&rows.obs), &rows.actions);
    let loss = -(log_prob * &rows.advantages).mean(Kind::Double);
    let expected = Tensor::run_backward(&[&loss], net.parts(), true, false);
    let plain = plain(&net);
    assert_same(&rows.gradient(&plain).unwrap(), &expected, "loss of an adaptation");
    let at = plain.forward(&rows.obs);
    let (value, _) = plain.policy_loss(&at, &rows.actions, &rows.advantages).unwrap();
    close(value, loss.double_value(&[]), 1e-14, "loss");

    // Any gradient in the outputs.
    let outputs = Outputs {
        mean: data((66_000, 1.0), 0, &[11, 2], Kind::Double),
        log_std: data((66_001, 1.0), 0, &[2], Kind::Double),
    };
    let sum = (net.mean(&rows.obs) * &outputs.mean).sum(Kind::Double)
        + (net.log_std() * &outputs.log_std).sum(Kind::Double);
    let expected = Tensor::run_backward(&[sum], net.parts(), false, false);
    assert_same(&plain.backward(&at, &outputs), &expected, "gradient in the outputs");
}

#[test]
fn a_tasks_network_moves_as_its_differences_do() {
    let (net, rows) = (plain(&task_net()), rows(65_000, 11));
    let along: Vec<Tensor> = (net.parts().iter().enumerate())
        .map(|(i, p)| data((67_000 + i as u64, 1.0), 0, &p.size(), Kind::Double))
        .collect();
    let width = 1e-7;
    let at = |length: f64| {
        let parts = net.parts().iter().zip(&along).map(|(p, v)| p + v * length).collect();
        TaskNet::new(parts).mean(&rows.obs)
    };
    let expected = (at(width) - at(-width)) / (2.0 * width);
    let found = net.tangent(&net.forward(&rows.obs), &along);
    let off = (&found.mean - &expected).abs().max().double_value(&[]);
    assert!(off < 1e-6, "off by {off}");
    assert_eq!(numbers(&found.log_std), numbers(&along[6]));
}

#[test]
fn a_deviation_below_the_least_one_neither_acts_nor_adapts() {
    let batch = batch(true);
    for kind in PolicyKind::ALL {
        let policy = policy(kind);
        let log_std = policy.params().find("log_std").unwrap();
        tch::no_grad(|| log_std.shallow_clone().copy_(&Tensor::from_slice(&[-20.0, 0.3])));
        let before = policy.task_nets(&CONTEXTS, None);
        // A millionth, not e⁻²⁰; the other one is as it was set.
        let found = numbers(&before[0].log_std().exp());
        close(found[0], 1e-6, 1e-12, "least deviation");
        close(found[1], 0.3f64.exp(), 1e-12, "deviation");
        // Up or down, whichever way its slope would go.
        let after = [1e-3, -1e-3].map(|rate| nets(&policy, &batch, rate));
        for (after, before) in after.iter().flat_map(|nets| nets.iter().zip(&before)) {
            let [after, before] = [after, before].map(|net| numbers(net.log_std()));
            assert_eq!(after[0], before[0], "{kind}");
            assert_ne!(after[1], before[1], "{kind}");
        }
    }
}
