//! Same weights, same inputs: same outputs, gradients and updates as `PyTorch`?

use std::collections::BTreeMap;

use hyperl::algo::td3::{Td3, Td3Config};
use hyperl::nn::bf16::Precision;
use hyperl::nn::critic::CriticKind;
use hyperl::nn::weights::{Params, Source};
use serde::Deserialize;
use tch::Kind;

use crate::support::formula::{ACTOR, Formula, Q1, Q2, data};
use crate::support::torch::{
    DIMS, Network, assert_close, assert_tensors, batch, flat, kind_of, length,
};

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

/// Returns the agent of a case with its weights.
fn agent(case: &Case, kind: Kind, threads: usize) -> Td3 {
    let workers = hyperl::nn::workers::start(threads).unwrap();
    let [mut actor, mut q1, mut q2] = [ACTOR, Q1, Q2].map(|first| Formula::new(first, kind));
    let sources: [&mut dyn Source; 3] = [&mut actor, &mut q1, &mut q2];
    Td3::new(case.config.clone(), (case.critic, DIMS), sources, workers).unwrap()
}

/// Makes three updates of one case and compares losses, weights and how far they moved.
fn compare_case(case: &Case, dtype: &str, rows: i64, threads: usize) {
    let (kind, _) = kind_of(dtype);
    let mut td3 = agent(case, kind, threads);
    let start: BTreeMap<_, _> =
        networks(&td3).into_iter().map(|(name, p)| (name, flat(p))).collect();

    // Moves of f32 targets are near the rounding of the weights themselves; those of Adam's first steps follow the signs of
    // gradients, and one near 0 has another sign where a processor's kernels round otherwise (2e-6 on one with AVX-512).
    let (loss_bound, weight_bound, moved_bound, target_moved_bound) =
        if dtype == "f64" { (1e-10, 1e-9, 1e-9, 1e-9) } else { (1e-5, 5e-6, 2e-4, 1e-2) };
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
        include_str!("../../fixtures/torch/td3_f32.json"),
        include_str!("../../fixtures/torch/td3_f64.json"),
        include_str!("../../fixtures/torch/td3_baselines_f32.json"),
        include_str!("../../fixtures/torch/td3_baselines_f64.json"),
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
fn updates_in_bfloat16_are_near_pytorchs_and_do_not_depend_on_threads() {
    let files = [
        include_str!("../../fixtures/torch/td3_f32.json"),
        include_str!("../../fixtures/torch/td3_baselines_f32.json"),
    ];
    for text in files {
        let file: Td3File = serde_json::from_str(text).unwrap();
        for case in &file.cases {
            let learned = |threads: usize| {
                let mut td3 =
                    agent(case, Kind::Float, threads).computing_in(Precision::Bf16).unwrap();
                for (i, expected) in case.updates.iter().enumerate() {
                    let shape = [file.batch, DIMS.action];
                    let noise = data((10_004 + i as u64, 2.0), 0, &shape, Kind::Float);
                    let found = td3.update(&batch(i as u64, file.batch, Kind::Float), &noise);
                    let expected = [expected.q1_loss, expected.q2_loss];
                    assert_close(&found.critics, &expected, 5e-3, &case.name);
                    assert!(found.critics != expected, "{}: nothing is rounded", case.name);
                }
                td3
            };
            let [one, two] = [1, 2].map(learned);
            for ((name, one), (_, two)) in networks(&one).into_iter().zip(networks(&two)) {
                assert!(flat(one) == flat(two), "{} {name}", case.name);
            }
        }
    }
}
