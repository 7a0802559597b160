//! Same weights, same inputs: same outputs, gradients and updates as `PyTorch`?

use std::collections::BTreeMap;

use hyperl::algo::replay::Batch;
use hyperl::algo::td3::{Td3, Td3Config, Td3Sources};
use hyperl::nn::actor::Actor;
use hyperl::nn::critic::{CriticKind, Dims, QNet};
use hyperl::nn::weights::{Params, Training};
use serde::Deserialize;
use tch::{Kind, Tensor};

use crate::formula::{ACTOR, Distance, Formula, Q1, Q2, Summary, data, distance, pieces};

pub(crate) const DIMS: Dims = Dims { obs: 11, action: 3 };
pub(crate) const OBS: (u64, f64) = (10_000, 1.5);
const ACTION: (u64, f64) = (10_001, 0.95);
const NEXT_OBS: (u64, f64) = (10_002, 1.5);
const REWARD: (u64, f64) = (10_003, 2.0);

#[derive(Deserialize)]
struct Critics {
    batch: i64,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    network: String,
    dtype: String,
    #[serde(default)]
    q: Vec<f64>,
    #[serde(default)]
    action: Vec<Vec<f64>>,
    #[serde(default)]
    action_gradient: Vec<Vec<f64>>,
    loss: f64,
    gradients: Vec<Summary>,
}

pub(crate) fn kind_of(dtype: &str) -> (Kind, f64) {
    if dtype == "f64" { (Kind::Double, 1e-10) } else { (Kind::Float, 1e-5) }
}

pub(crate) fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.detach().to_kind(Kind::Double).flatten(0, -1).try_into().unwrap()
}

pub(crate) fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance * scale, "{what}: {a} against {b}");
    }
}

pub(crate) fn assert_tensors(
    params: &Params,
    tensors: &[Tensor],
    expected: &[Summary],
    limit: (f64, &str),
) {
    let (tolerance, what) = limit;
    let mut seen = 0;
    for (param, tensor) in params.iter().zip(tensors) {
        for (name, piece) in pieces(&param.name, tensor) {
            let summary = expected.iter().find(|s| s.name == name).unwrap();
            let Distance { whole, entries } = distance(&piece, summary);
            // Single entries carry the rounding that a norm averages out.
            let entry_tolerance = if tolerance > 1e-8 { 10.0 * tolerance } else { tolerance };
            assert!(whole <= tolerance, "{what}, {name}: off by {whole:e}");
            assert!(entries <= entry_tolerance, "{what}, {name}: an entry is off by {entries:e}");
            seen += 1;
        }
    }
    assert_eq!(seen, expected.len(), "{what}: every recorded tensor is compared");
}

#[test]
fn critics_and_actor_give_pytorchs_values_and_gradients() {
    let files = [
        include_str!("../fixtures/torch/critics.json"),
        include_str!("../fixtures/torch/baselines.json"),
    ];
    let fixtures = files.map(|text| serde_json::from_str::<Critics>(text).unwrap());
    let mut covered = Vec::new();
    let entries = fixtures.iter().flat_map(|f| f.entries.iter().map(move |entry| (f, entry)));
    for (fixture, entry) in entries {
        let (kind, tolerance) = kind_of(&entry.dtype);
        let what = format!("{} {}", entry.network, entry.dtype);
        let obs = data(OBS, 0, &[fixture.batch, DIMS.obs], kind);
        if entry.network == "actor" {
            let actor =
                Actor::new(DIMS, Training::Trainable, &mut Formula::new(ACTOR, kind)).unwrap();
            let out = actor.act(&obs);
            assert_close(&numbers(&out), &entry.action.concat(), tolerance, &what);
            let params = actor.params().tensors();
            let grads = Tensor::run_backward(&[out.sum(kind)], &params, false, false);
            assert_tensors(actor.params(), &grads, &entry.gradients, (tolerance, &what));
            continue;
        }
        let critic: CriticKind = entry.network.parse().unwrap();
        covered.push(critic);
        let net =
            QNet::new(critic, DIMS, Training::Trainable, &mut Formula::new(Q1, kind)).unwrap();
        let action = data(ACTION, 0, &[fixture.batch, DIMS.action], kind).set_requires_grad(true);
        let q = net.q(&obs, &action);
        assert_close(&numbers(&q), &entry.q, tolerance, &what);
        let slope = Tensor::run_backward(&[q.sum(kind)], &[&action], true, false);
        assert_close(&numbers(&slope[0]), &entry.action_gradient.concat(), tolerance, &what);
        let loss = q.square().mean(kind);
        assert_close(&[loss.double_value(&[])], &[entry.loss], tolerance, &what);
        let grads = Tensor::run_backward(&[loss], &net.params().tensors(), false, false);
        assert_tensors(net.params(), &grads, &entry.gradients, (tolerance, &what));
    }
    for critic in CriticKind::ALL {
        assert_eq!(covered.iter().filter(|&&c| c == critic).count(), 2, "{critic} in f32 and f64");
    }
}

#[derive(Deserialize)]
struct Td3File {
    dtype: String,
    batch: i64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    critic: CriticKind,
    config: Td3Config,
    updates: Vec<Update>,
    networks: BTreeMap<String, Network>,
}

#[derive(Deserialize)]
#[allow(clippy::struct_field_names, reason = "the names of the fixture")]
struct Update {
    q1_loss: f64,
    q2_loss: f64,
    actor_loss: Option<f64>,
}

#[derive(Deserialize)]
pub(crate) struct Network {
    pub(crate) norm: f64,
    pub(crate) moved: f64,
    pub(crate) tensors: Vec<Summary>,
}

pub(crate) fn batch(update: u64, rows: i64, kind: Kind) -> Batch {
    let first = update * 100_000;
    let alive: Vec<f64> = (0..rows).map(|row| if row % 5 == 4 { 0.0 } else { 1.0 }).collect();
    Batch {
        obs: data(OBS, first, &[rows, DIMS.obs], kind),
        action: data(ACTION, first, &[rows, DIMS.action], kind),
        next_obs: data(NEXT_OBS, first, &[rows, DIMS.obs], kind),
        reward: data(REWARD, first, &[rows], kind),
        alive: Tensor::from_slice(&alive).to_kind(kind),
    }
}

pub(crate) fn flat(params: &Params) -> Vec<f64> {
    params.iter().flat_map(|p| numbers(&p.tensor)).collect()
}

pub(crate) fn length(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// Makes three updates of one case and compares losses, weights and how far they moved.
fn compare_case(case: &Case, dtype: &str, rows: i64, threads: usize) {
    let (kind, _) = kind_of(dtype);
    let workers = hyperl::nn::workers::start(threads).unwrap();
    let [mut actor, mut q1, mut q2] = [ACTOR, Q1, Q2].map(|first| Formula::new(first, kind));
    let sources = Td3Sources { actor: &mut actor, q1: &mut q1, q2: &mut q2 };
    let mut td3 = Td3::new(case.config.clone(), (case.critic, DIMS), sources, workers).unwrap();
    let start: BTreeMap<_, _> =
        networks(&td3).into_iter().map(|(name, p)| (name, flat(p))).collect();

    // The bounds; moves of f32 targets are near the rounding of the weights themselves.
    let (loss_bound, weight_bound, moved_bound, target_moved_bound) =
        if dtype == "f64" { (1e-10, 1e-9, 1e-9, 1e-9) } else { (1e-5, 1e-6, 2e-4, 1e-2) };
    for (i, expected) in case.updates.iter().enumerate() {
        let noise = data((10_004 + i as u64, 2.0), 0, &[rows, DIMS.action], kind);
        let losses = td3.update(&batch(i as u64, rows, kind), &noise);
        let what = format!("{} {dtype} update {i}", case.name);
        assert_close(&losses.critics, &[expected.q1_loss, expected.q2_loss], loss_bound, &what);
        assert_eq!(losses.actor.is_some(), expected.actor_loss.is_some(), "{what}");
        if let (Some(found), Some(expected)) = (losses.actor, expected.actor_loss) {
            assert_close(&[found], &[expected], loss_bound, &what);
        }
    }
    for (name, params) in networks(&td3) {
        let expected = &case.networks[name];
        let what = format!("{} {dtype} {name}", case.name);
        if !expected.tensors.is_empty() {
            assert_tensors(params, &params.tensors(), &expected.tensors, (weight_bound, &what));
        }
        let now = flat(params);
        assert!((length(&now) - expected.norm).abs() <= weight_bound * expected.norm, "{what}");
        let change: Vec<f64> = now.iter().zip(&start[name]).map(|(a, b)| a - b).collect();
        let bound = if name.ends_with("target") { target_moved_bound } else { moved_bound };
        let off = (length(&change) - expected.moved).abs() / expected.moved;
        assert!(off <= bound, "{what}: moved {} against {}", length(&change), expected.moved);
    }
}

fn networks(td3: &Td3) -> [(&'static str, &Params); 6] {
    let [q1, q2] = &td3.critics.units;
    [
        ("actor", td3.actor.online.params()),
        ("actor_target", td3.actor.target.params()),
        ("q1", q1.online.params()),
        ("q2", q2.online.params()),
        ("q1_target", q1.target.params()),
        ("q2_target", q2.target.params()),
    ]
}

#[test]
fn three_td3_updates_give_pytorchs_losses_and_weights() {
    let files = [
        include_str!("../fixtures/torch/td3_f32.json"),
        include_str!("../fixtures/torch/td3_f64.json"),
        include_str!("../fixtures/torch/td3_baselines_f32.json"),
        include_str!("../fixtures/torch/td3_baselines_f64.json"),
    ];
    let mut covered = Vec::new();
    for text in files {
        let file: Td3File = serde_json::from_str(text).unwrap();
        for (i, case) in file.cases.iter().enumerate() {
            compare_case(case, &file.dtype, file.batch, 1 + i % 2);
            covered.push((case.critic, file.dtype.clone()));
        }
    }
    for critic in CriticKind::ALL {
        for dtype in ["f32", "f64"] {
            assert!(covered.contains(&(critic, dtype.into())), "{critic} {dtype} is covered");
        }
    }
}

#[test]
fn parameter_counts_are_those_of_the_architecture_table() {
    use hyperl::nn::critic::parameter_count;
    let dims = [(11, 3), (17, 6), (17, 6), (111, 8)].map(|(obs, action)| Dims { obs, action });
    let expected = [
        (CriticKind::MlpStandard, [69_889, 72_193, 72_193, 96_769]),
        (CriticKind::MlpSmall, [4_097, 6_401, 6_401, 30_977]),
        (CriticKind::MlpLarge, [8_459_301, 8_485_401, 8_485_401, 8_763_801]),
        (CriticKind::ResNetFeatures, [6_186_251, 6_188_555, 6_188_555, 6_213_131]),
        (CriticKind::ResNet35, [4_609_537, 4_611_841, 4_611_841, 4_636_417]),
        (CriticKind::QD2rl, [212_225, 221_441, 221_441, 319_745]),
        (CriticKind::SaHyper, [7_748_610, 8_537_346, 8_537_346, 9_086_210]),
        (CriticKind::AsHyper, [9_845_762, 11_420_930, 11_420_930, 36_087_042]),
        // Without the vector of five that both critics of a pair share.
        (CriticKind::EmbHyper, [10_633_474, 12_995_074, 12_995_074, 38_185_474]),
    ];
    assert_eq!(expected.map(|(kind, _)| kind), CriticKind::ALL);
    for (kind, counts) in expected {
        for (dims, count) in dims.iter().zip(counts) {
            assert_eq!(parameter_count(kind, *dims).unwrap(), count, "{kind} {dims:?}");
        }
    }
}
