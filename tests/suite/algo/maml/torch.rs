//! MAML: same weights and rows, same adaptation, derivatives, direction and step as `PyTorch`?

use hyperl::algo::maml::batch::{Rows, TaskBatch};
use hyperl::algo::maml::config::TrpoConfig;
use hyperl::algo::maml::descent::{Descent, Inner};
use hyperl::algo::maml::trpo::{adaptation, conjugate_gradient, update};
use hyperl::nn::critic::Dims;
use hyperl::nn::meta_policy::{MetaPolicy, PolicyKind};
use hyperl::nn::task_net::{Activations, TaskNet};
use hyperl::nn::weights::{Param, Params, Training};
use serde::Deserialize;
use tch::{Kind, Tensor};

use crate::support::formula::{ACTOR, Formula, Summary, data, pieces};
use crate::support::torch::{assert_close, assert_tensors, numbers};

/// First tensor numbers of the rows before and after adaptation, and of the vector that meets the Hessian.
const BEFORE: u64 = 30_000;
const AFTER: u64 = 31_000;
const PROBE: u64 = 40_000;

#[derive(Deserialize)]
struct File {
    obs_dim: i64,
    action_dim: i64,
    contexts: Vec<f64>,
    rows: Vec<i64>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    policy: PolicyKind,
    adapt: bool,
    second_order: bool,
    inner_lr: f64,
    max_kl: f64,
    cg_steps: usize,
    cg_damping: f64,
    search_steps: usize,
    search_ratio: f64,
    adapted: Vec<Adapted>,
    gradient: Vec<Summary>,
    curved: Vec<Summary>,
    direction: Vec<Summary>,
    moved: Vec<Summary>,
    improvement: f64,
    divergence: f64,
    tried: usize,
    accepted: bool,
}

#[derive(Deserialize)]
struct Adapted {
    mean: Vec<f64>,
    log_std: Vec<f64>,
}

/// Largest accepted relative distances, which grow as one number is made of the other.
struct Limits {
    adapted: f64,
    derivatives: f64,
    /// Each step of conjugate gradient multiplies rounding. None where none of it is left: in single precision.
    direction: Option<f64>,
    search: f64,
}

fn rows(file: &File, first: u64, count: i64, kind: Kind) -> Rows {
    let take = |i: u64, shape: &[i64], bound| data((first + i, bound), 0, shape, kind);
    Rows {
        obs: take(0, &[count, file.obs_dim], 1.5),
        actions: take(1, &[count, file.action_dim], 1.2),
        advantages: take(2, &[count], 2.0),
    }
}

fn batch(file: &File, case: &Case, kind: Kind) -> Vec<TaskBatch> {
    let task = |(i, (&context, &count)): (usize, (&f64, &i64))| {
        let first = 10 * i as u64;
        TaskBatch {
            context,
            before: case.adapt.then(|| rows(file, BEFORE + first, count - 1, kind)),
            after: rows(file, AFTER + first, count, kind),
        }
    };
    file.contexts.iter().zip(&file.rows).enumerate().map(task).collect()
}

/// Each task's adapted network where it was sampled.
fn places(nets: Vec<TaskNet>, batch: &[TaskBatch]) -> Vec<(TaskNet, Activations)> {
    let place = |(net, task): (TaskNet, &TaskBatch)| {
        let at = net.forward(&task.after.obs);
        (net, at)
    };
    nets.into_iter().zip(batch).map(place).collect()
}

/// The vector that meets the Hessian. Each head's weight and bias has a number of its own, alternately.
fn probe(params: &Params, kind: Kind) -> Vec<Tensor> {
    let mut next = PROBE;
    let mut part = |param: &Param| {
        let stride = if param.name.starts_with("heads.") { 2 } else { 1 };
        let cut = pieces(&param.name, &param.tensor).into_iter().zip(0u64..);
        let filled =
            cut.map(|((_, piece), i)| data((next + stride * i, 1.0), 0, &piece.size(), kind));
        let whole = Tensor::cat(&filled.collect::<Vec<_>>(), 0);
        next += 1;
        whole
    };
    params.iter().map(&mut part).collect()
}

fn compare_case(file: &File, case: &Case, kind: Kind, limits: &Limits) {
    let what = format!("{} {kind:?}", case.name);
    let dims = Dims { obs: file.obs_dim, action: file.action_dim };
    let source = &mut Formula::new(ACTOR, kind);
    let policy = MetaPolicy::new(case.policy, dims, Training::Trainable, source).unwrap();
    let params = policy.params();
    let batch = batch(file, case, kind);
    let workers = hyperl::nn::workers::start(2).unwrap();
    let inner = Inner { rate: case.inner_lr, second_order: case.second_order };

    let adapted = adaptation(&policy, &batch, inner.rate, &workers).unwrap();
    assert_eq!(adapted.is_some(), case.adapt, "{what}");
    let places = places(policy.task_nets(&file.contexts, adapted.as_ref()), &batch);
    for ((net, at), expected) in places.iter().zip(&case.adapted) {
        assert_close(&numbers(&at.mean), &expected.mean, limits.adapted, &what);
        assert_close(&numbers(net.log_std()), &expected.log_std, limits.adapted, &what);
    }

    let mut descent = Descent::new(&policy, &batch, adapted.as_ref(), inner).unwrap();
    let slope = |((net, at), task): (&(TaskNet, Activations), &TaskBatch)| {
        let Rows { actions, advantages, .. } = &task.after;
        net.backward(at, &net.policy_loss(at, actions, advantages).unwrap().1)
    };
    let slopes = places.iter().zip(&batch).map(slope).collect();
    let gradient = descent.pull(slopes, &workers);
    let limit = (limits.derivatives, &*format!("{what}: gradient"));
    assert_tensors(params, &gradient, &case.gradient, limit);

    let mut curved = |vector: &[Tensor]| {
        let along = descent.push(vector, &workers);
        let curve = |((net, at), along): (&(TaskNet, Activations), &Vec<Tensor>)| {
            net.backward(at, &net.divergence_hessian(&net.tangent(at, along)))
        };
        descent.pull(places.iter().zip(&along).map(curve).collect(), &workers)
    };
    let limit = (limits.derivatives, &*format!("{what}: Hessian times vector"));
    assert_tensors(params, &curved(&probe(params, kind)), &case.curved, limit);

    // That of a hypernetwork shows in its step, and takes long.
    let direct = limits.direction.filter(|_| case.policy != PolicyKind::Hyper);
    if let Some(limit) = direct {
        let mut damped = |vector: &[Tensor]| {
            let product = curved(vector);
            Ok(product.iter().zip(vector).map(|(h, v)| h + v * case.cg_damping).collect())
        };
        let direction = conjugate_gradient(&mut damped, &gradient, case.cg_steps).unwrap();
        assert_tensors(params, &direction, &case.direction, (limit, &what));
    }
    compare_update((&policy, &batch, inner), case, limits, &what);
}

fn compare_update(
    (policy, batch, inner): (&MetaPolicy, &[TaskBatch], Inner),
    case: &Case,
    limits: &Limits,
    what: &str,
) {
    let &Case { max_kl, cg_steps, cg_damping, search_steps, search_ratio, .. } = case;
    let config = TrpoConfig { max_kl, cg_steps, cg_damping, search_steps, search_ratio };
    let workers = hyperl::nn::workers::start(2).unwrap();
    let copies = || policy.params().iter().map(|p| p.tensor.detach().copy()).collect::<Vec<_>>();
    let start = copies();
    let done = update(policy, batch, inner, &config, &workers).unwrap();
    assert_eq!((done.tried, done.accepted), (case.tried, case.accepted), "{what}");
    let found = [done.improvement, done.divergence];
    assert_close(&found, &[case.improvement, case.divergence], limits.search, what);
    let moved: Vec<Tensor> = copies().iter().zip(&start).map(|(new, old)| new - old).collect();
    if let Some(limit) = limits.direction {
        assert_tensors(policy.params(), &moved, &case.moved, (limit, what));
    }
}

fn file() -> File {
    serde_json::from_str(include_str!("../../../fixtures/torch/maml.json")).unwrap()
}

#[test]
fn a_trust_region_update_of_adapted_policies_is_pytorchs() {
    let file = file();
    assert_eq!(file.cases.len(), 11);
    let limits = Limits { adapted: 1e-12, derivatives: 1e-10, direction: Some(1e-6), search: 1e-7 };
    for case in &file.cases {
        compare_case(&file, case, Kind::Double, &limits);
    }
}

#[test]
fn in_single_precision_it_is_the_same_update() {
    let file = file();
    let limits = Limits { adapted: 1e-5, derivatives: 1e-4, direction: None, search: 0.05 };
    for case in &file.cases {
        compare_case(&file, case, Kind::Float, &limits);
    }
}
