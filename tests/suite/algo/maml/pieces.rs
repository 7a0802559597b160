//! MAML: does each piece give the answer that a slower or a closed form gives?

use std::cell::Cell;

use hyperl::algo::maml::advantage::{Baseline, advantages, normalise};
use hyperl::algo::maml::sample::Episodes;
use hyperl::algo::maml::trpo::conjugate_gradient;
use hyperl::env::Family;
use hyperl::nn::critic::Dims;
use hyperl::nn::meta_policy::{MetaPolicy, PolicyKind};
use hyperl::nn::task_net::TaskNet;
use hyperl::nn::weights::{Draw, Shapes, Training};
use hyperl::rng::Stream;
use ndarray::{Array1, Array2};
use ndarray_linalg::Solve;
use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use crate::support::formula::values;
use crate::support::torch::{assert_close, numbers};

#[derive(Deserialize)]
struct File {
    obs_dim: usize,
    fitted: Vec<usize>,
    other: Vec<usize>,
    gamma: f64,
    lambda: f64,
    on_fitted: Answers,
    on_other: Answers,
}

#[derive(Deserialize)]
struct Answers {
    values: Vec<f64>,
    advantages: Vec<f64>,
    normalised: Vec<f64>,
}

fn episodes(first: u64, lengths: &[usize], width: usize) -> Episodes {
    let steps = lengths.iter().sum::<usize>();
    let mut rewards = values(first + 1, 0, steps, 2.0).into_iter().map(|r| r + 1.0);
    Episodes {
        obs: values(first, 0, steps * width, 1.5).into_iter().map(|x| x as f32).collect(),
        actions: vec![0.0; steps],
        rewards: lengths.iter().map(|n| rewards.by_ref().take(*n).collect()).collect(),
    }
}

#[test]
fn baseline_and_advantages_are_numpys() {
    let file: File =
        serde_json::from_str(include_str!("../../../fixtures/torch/maml_baseline.json")).unwrap();
    let fitted = episodes(70_000, &file.fitted, file.obs_dim);
    let other = episodes(70_010, &file.other, file.obs_dim);
    let baseline = Baseline::fit(&fitted, file.gamma).unwrap();
    for (episodes, expected) in [(&fitted, &file.on_fitted), (&other, &file.on_other)] {
        let values = baseline.values(episodes);
        assert_close(&values, &expected.values, 1e-9, "values");
        let mut found = advantages(episodes, &values, [file.gamma, file.lambda]);
        assert_close(&found, &expected.advantages, 1e-9, "advantages");
        normalise(&mut found);
        assert_close(&found, &expected.normalised, 1e-7, "normalised advantages");
    }
}

#[test]
fn without_smoothing_an_advantage_is_one_error_and_with_all_of_it_the_return_less_the_value() {
    let lengths = [5, 1, 9];
    let (episodes, gamma) = (episodes(71_000, &lengths, 2), 0.9);
    let values = values(71_002, 0, 15, 1.0);
    let [errors, all] = [0.0, 1.0].map(|lambda| advantages(&episodes, &values, [gamma, lambda]));
    let (mut expected_errors, mut expected_all, mut start) = (Vec::new(), Vec::new(), 0);
    for rewards in &episodes.rewards {
        let own = &values[start..start + rewards.len()];
        start += rewards.len();
        for (t, value) in own.iter().enumerate() {
            let next = own.get(t + 1).copied().unwrap_or(0.0);
            expected_errors.push(rewards[t] + gamma * next - value);
            let discounted = rewards[t..].iter().enumerate();
            let sum: f64 = discounted.map(|(k, r)| gamma.powi(k as i32) * r).sum();
            expected_all.push(sum - value);
        }
    }
    assert_close(&errors, &expected_errors, 1e-14, "λ = 0");
    assert_close(&all, &expected_all, 1e-13, "λ = 1");
}

#[test]
fn normalised_numbers_have_mean_0_and_deviation_1_and_equal_ones_are_0() {
    let mut three = [1.0, 2.0, 3.0];
    normalise(&mut three);
    assert_close(&three, &[-1.5f64.sqrt(), 0.0, 1.5f64.sqrt()], 1e-7, "three numbers");
    let mut equal = [4.0; 5];
    normalise(&mut equal);
    assert_eq!(equal, [0.0; 5]);
}

#[test]
fn returns_that_follow_the_clock_are_fitted_and_numbers_that_are_not_finite_are_refused() {
    // Returns 3 − t²: a baseline that sees time as it should leaves no error.
    let mut clock = episodes(72_000, &[50, 50], 2);
    let value = |t: usize| 3.0 - (t as f64 / 100.0).powi(2);
    for rewards in &mut clock.rewards {
        let last = rewards.len() - 1;
        for (t, reward) in rewards.iter_mut().enumerate() {
            *reward = value(t + 1) - if t == last { 0.0 } else { 0.9 * value(t + 2) };
        }
    }
    let fitted = Baseline::fit(&clock, 0.9).unwrap().values(&clock);
    let expected: Vec<f64> = (0..100).map(|i| value(i % 50 + 1)).collect();
    assert_close(&fitted, &expected, 1e-4, "fit");

    // Equal features for all steps need the ridge: without it the equations are singular.
    let same = Episodes { obs: vec![0.0; 4], actions: vec![0.0; 4], rewards: vec![vec![1.0]; 4] };
    let fitted = Baseline::fit(&same, 0.9).unwrap().values(&same);
    assert_close(&fitted, &[1.0; 4], 1e-5, "equal steps");

    for broken in [f64::NAN, f64::INFINITY] {
        let mut rewards = episodes(72_000, &[50, 50], 2);
        rewards.rewards[1][7] = broken;
        let mut obs = episodes(72_000, &[50, 50], 2);
        obs.obs[7] = broken as f32;
        for episodes in [rewards, obs] {
            let said = Baseline::fit(&episodes, 0.9).unwrap_err();
            assert!(matches!(said, hyperl::Error::NonFinite(_)), "{said:?}");
            assert!(said.to_string().contains("returns or observations are not finite"), "{said}");
        }
    }
}

#[test]
fn conjugate_gradient_solves_what_a_direct_solver_does() {
    let n = 12;
    let random = Array2::from_shape_vec((n, n), values(73_000, 0, n * n, 1.0)).unwrap();
    let matrix = random.dot(&random.t()) + Array2::<f64>::eye(n) * 0.5;
    let b = Array1::from(values(73_001, 0, n, 1000.0));
    let expected = matrix.solve(&b).unwrap().to_vec();
    // The vector in two pieces, one of them a matrix.
    let pieces = |flat: &[f64]| -> Vec<Tensor> {
        vec![Tensor::from_slice(&flat[..8]).view([2, 4]), Tensor::from_slice(&flat[8..])]
    };
    let joined = |parts: &[Tensor]| parts.iter().flat_map(numbers).collect::<Vec<f64>>();
    let calls = Cell::new(0);
    let mut product = |x: &[Tensor]| {
        calls.set(calls.get() + 1);
        Ok(pieces(&matrix.dot(&Array1::from(joined(x))).to_vec()))
    };
    let found = conjugate_gradient(&mut product, &pieces(&b.to_vec()), 2 * n).unwrap();
    assert_close(&joined(&found), &expected, 1e-7, "solution");
    let calls = calls.get();
    assert!((n..2 * n).contains(&calls), "it stops where nothing is left: {calls} products");

    // One step goes to the lowest point along the slope.
    let first = conjugate_gradient(&mut product, &pieces(&b.to_vec()), 1).unwrap();
    let length = b.dot(&b) / b.dot(&matrix.dot(&b));
    assert_close(&joined(&first), &(&b * length).to_vec(), 1e-12, "one step");
    let nothing = conjugate_gradient(&mut product, &pieces(&[0.0; 12]), 10).unwrap();
    assert_eq!(joined(&nothing), [0.0; 12]);
}

/// A policy that sees nothing.
fn gaussian(mean: &[f64], std: &[f64]) -> TaskNet {
    let log_std: Vec<f64> = std.iter().map(|s| s.ln()).collect();
    let weight = Tensor::zeros([mean.len() as i64, 1], (Kind::Double, Device::Cpu));
    TaskNet::new(vec![weight, Tensor::from_slice(mean), Tensor::from_slice(&log_std)])
}

fn divergence(p: &TaskNet, q: &TaskNet) -> f64 {
    let obs = Tensor::from_slice(&[0.3, -1.0]).view([2, 1]);
    p.divergence(&p.mean(&obs), q, &q.mean(&obs)).unwrap()
}

#[test]
fn divergence_and_density_are_those_of_gaussians() {
    let one = |mean, std| gaussian(&[mean], &[std]);
    let ln2 = 2.0f64.ln();
    for (p, q, expected) in [
        (one(0.0, 1.0), one(0.0, 1.0), 0.0),
        (one(0.0, 1.0), one(1.0, 1.0), 0.5),
        (one(0.0, 1.0), one(0.0, 2.0), ln2 + 0.125 - 0.5),
        (one(0.0, 2.0), one(0.0, 1.0), 2.0 - ln2 - 0.5),
        // Dimensions add up.
        (gaussian(&[0.0, 0.0], &[1.0, 2.0]), gaussian(&[1.0, 0.0], &[1.0, 1.0]), 2.0 - ln2),
    ] {
        let found = divergence(&p, &q);
        assert!((found - expected).abs() < 1e-14, "{found} against {expected}");
    }

    // ∫ p and ∫ p ln(p/q), by the trapezoid rule.
    let (p, q, points, width) = (one(0.4, 0.7), one(-0.3, 1.1), 4001, 0.005);
    let x = (Tensor::arange(points, (Kind::Double, Device::Cpu)) - 2000.0) * width;
    let [p_log, q_log] = [&p, &q].map(|net| {
        let mean = net.mean(&x.unsqueeze(1));
        net.log_prob(&mean, &x.unsqueeze(1))
    });
    let sum = |y: Tensor| y.sum(Kind::Double).double_value(&[]) * width;
    assert!((sum(p_log.exp()) - 1.0).abs() < 1e-10);
    let expected = sum(p_log.exp() * (&p_log - &q_log));
    assert!((divergence(&p, &q) - expected).abs() < 1e-9, "{expected}");
}

fn dims(family: Family) -> Dims {
    let spec = family.spec();
    Dims { obs: spec.obs_dim as i64, action: spec.action_dim as i64 }
}

#[test]
fn policies_have_as_many_parameters_as_the_architecture_table_says() {
    let cheetah = [12_812, 12_912, 13_529_106];
    let ant = [13_716, 13_816, 15_894_808];
    for (family, expected) in [(Family::HalfCheetahVel, cheetah), (Family::AntFwdBack, ant)] {
        let found = PolicyKind::ALL.map(|kind| {
            let policy = MetaPolicy::new(kind, dims(family), Training::Frozen, &mut Shapes);
            policy.unwrap().params().count()
        });
        assert_eq!(found, expected, "{family}");
    }
}

#[test]
fn policies_start_within_the_bounds_of_the_paper() {
    let stream = Stream::new(0, "init");
    for kind in PolicyKind::ALL {
        let source = &mut Draw { stream: &stream, kind: Kind::Float, device: Device::Cpu };
        let policy =
            MetaPolicy::new(kind, dims(Family::HalfCheetahVel), Training::Frozen, source).unwrap();
        let within = |tensor: &Tensor, bound: f64, what: &str| {
            let largest = tensor.abs().max().double_value(&[]);
            assert!(largest <= bound * (1.0 + 1e-6), "{kind} {what}: {largest} of {bound}");
            assert!(largest >= 0.9 * bound, "{kind} {what}: {largest} of {bound}");
        };
        for param in policy.params() {
            let (name, tensor, size) = (&*param.name, &param.tensor, param.tensor.size());
            match name {
                "heads.weight" => {
                    // Weight, bias and gain of s → 256, then those of 256 → a.
                    let (hidden, output) = (256 * 20 + 512, 6 * 256 + 12);
                    assert_eq!(size, [hidden + output, 1024]);
                    within(&tensor.narrow(0, 0, hidden), 0.05, "hidden heads");
                    within(&tensor.narrow(0, hidden, output), 0.008, "output heads");
                }
                _ if name.starts_with("primary.") && name.ends_with(".weight") => {
                    within(tensor, 0.5 / (size[1] as f64).sqrt(), name);
                }
                _ if name.starts_with("primary.") => {
                    let fan_in = match name {
                        "primary.0.bias" => 1.0,
                        "primary.3.bias" => 256.0,
                        "primary.6.bias" => 512.0,
                        _ => size[0] as f64,
                    };
                    within(tensor, 1.0 / fan_in.sqrt(), name);
                }
                _ if name.ends_with(".weight") => {
                    within(tensor, (6.0 / (size[0] + size[1]) as f64).sqrt(), name);
                }
                _ => assert_eq!(tensor.abs().max().double_value(&[]), 0.0, "{kind} {name}"),
            }
        }
    }
}
