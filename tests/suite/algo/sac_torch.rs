//! SAC: same weights, batches and noise, same losses, log-probabilities and weights as `PyTorch`?

use std::collections::BTreeMap;

use hyperl::algo::sac::{Sac, SacConfig};
use hyperl::nn::critic::{CriticKind, Dims};
use hyperl::nn::squashed_gaussian::SquashedGaussian;
use hyperl::nn::weights::{Params, Training};
use serde::Deserialize;
use tch::{Kind, Tensor};

use crate::support::formula::{ACTOR, Formula, Q1, Q2, data};
use crate::support::torch::{
    DIMS, Network, OBS, assert_close, assert_tensors, batch, flat, kind_of, length, numbers,
};

#[derive(Deserialize)]
struct File {
    dtype: String,
    batch: i64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    critic: CriticKind,
    config: SacConfig,
    first_sample: FirstSample,
    updates: Vec<Update>,
    networks: BTreeMap<String, Network>,
}

#[derive(Deserialize)]
struct FirstSample {
    action: Vec<Vec<f64>>,
    log_prob: Vec<f64>,
}

#[derive(Deserialize)]
#[allow(clippy::struct_field_names, reason = "the names of the fixture")]
struct Update {
    q1_loss: f64,
    q2_loss: f64,
    actor_loss: f64,
}

fn noise(first: u64, update: usize, rows: i64, kind: Kind) -> Tensor {
    data((first + update as u64, 2.0), 0, &[rows, DIMS.action], kind)
}

fn networks(sac: &Sac) -> [(&'static str, &Params); 5] {
    let [q1, q2] = &sac.critics.units;
    [
        ("actor", sac.actor.online.params()),
        ("q1", q1.online.params()),
        ("q2", q2.online.params()),
        ("q1_target", q1.target.params()),
        ("q2_target", q2.target.params()),
    ]
}

fn compare_case(case: &Case, dtype: &str, rows: i64) {
    let (kind, _) = kind_of(dtype);
    let workers = hyperl::nn::workers::start(2).unwrap();
    let [mut actor, mut q1, mut q2] = [ACTOR, Q1, Q2].map(|first| Formula::new(first, kind));
    let rates = [case.config.actor_lr, case.config.critic_lr].map(Option::unwrap);
    let mut sac = Sac::new(
        case.config.clone(),
        (case.critic, DIMS),
        rates,
        [&mut actor, &mut q1, &mut q2],
        workers,
    )
    .unwrap();
    let start: BTreeMap<_, _> =
        networks(&sac).into_iter().map(|(name, p)| (name, flat(p))).collect();
    // TD3's bounds, but for the actor's weights in f32: it moves at every update, and Adam's step goes
    // anywhere where a gradient is as small as its rounding.
    let (loss_bound, weight_bound, moved_bound, target_moved_bound) =
        if dtype == "f64" { (1e-10, 1e-9, 1e-9, 1e-9) } else { (1e-5, 3e-6, 2e-4, 1e-2) };

    let what = format!("{} {dtype}", case.name);
    let obs = data(OBS, 0, &[rows, DIMS.obs], kind);
    let first = sac.actor.online.sample(&obs, &noise(10_014, 0, rows, kind));
    assert_close(&numbers(&first.action), &case.first_sample.action.concat(), loss_bound, &what);
    assert_close(&numbers(&first.log_prob), &case.first_sample.log_prob, loss_bound, &what);

    for (i, expected) in case.updates.iter().enumerate() {
        let draws = [10_004, 10_014].map(|first| noise(first, i, rows, kind));
        let losses = sac.update(&batch(i as u64, rows, kind), draws.each_ref());
        assert_close(&losses.critics, &[expected.q1_loss, expected.q2_loss], loss_bound, &what);
        assert_close(&[losses.actor.unwrap()], &[expected.actor_loss], loss_bound, &what);
    }
    for (name, params) in networks(&sac) {
        let expected = &case.networks[name];
        let what = format!("{what} {name}");
        assert_tensors(params, &params.tensors(), &expected.tensors, (weight_bound, &what));
        let now = flat(params);
        assert!((length(&now) - expected.norm).abs() <= weight_bound * expected.norm, "{what}");
        let change: Vec<f64> = now.iter().zip(&start[name]).map(|(a, b)| a - b).collect();
        let bound = if name.ends_with("target") { target_moved_bound } else { moved_bound };
        let off = (length(&change) - expected.moved).abs() / expected.moved;
        assert!(off <= bound, "{what}: moved {} against {}", length(&change), expected.moved);
    }
}

#[test]
fn three_sac_updates_give_pytorchs_losses_samples_and_weights() {
    let files = [
        include_str!("../../fixtures/torch/sac_f32.json"),
        include_str!("../../fixtures/torch/sac_f64.json"),
    ];
    for text in files {
        let file: File = serde_json::from_str(text).unwrap();
        assert_eq!(file.cases.len(), 3);
        for case in &file.cases {
            compare_case(case, &file.dtype, file.batch);
        }
    }
}

#[test]
fn the_density_of_squashed_actions_integrates_to_one() {
    let dims = Dims { obs: 11, action: 1 };
    let source = &mut Formula::new(ACTOR, Kind::Double);
    let actor = SquashedGaussian::new(dims, Training::Frozen, source).unwrap();
    let points = 20_001;
    for update in 0..3 {
        let obs =
            data(OBS, update * 100_000, &[1, dims.obs], Kind::Double).expand([points, -1], false);
        let noise = Tensor::linspace(-9.0, 9.0, points, (Kind::Double, tch::Device::Cpu));
        let drawn = actor.sample(&obs, &noise.unsqueeze(1));
        let (action, density) = (numbers(&drawn.action), numbers(&drawn.log_prob.exp()));
        // The trapezoid rule on the grid that even steps of the noise make.
        let whole: f64 = (1..action.len())
            .map(|i| (action[i] - action[i - 1]) * (density[i] + density[i - 1]) / 2.0)
            .sum();
        assert!((whole - 1.0).abs() < 1e-5, "{whole}");
    }
}
