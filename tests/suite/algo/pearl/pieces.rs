//! PEARL: does each piece give the answer that a closed form or a slower way gives?

use hyperl::error::Result;
use hyperl::nn::context::{Encoder, LATENT, Posterior};
use hyperl::nn::critic::Dims;
use hyperl::nn::init::Init;
use hyperl::nn::pearl::policy::{Gaussian, TaskPolicy};
use hyperl::nn::pearl::value::{Least, TaskCritic, TaskValue};
use hyperl::nn::pearl::{Design, LatentIn, PearlModel};
use hyperl::nn::weights::{Draw, Params, Shapes, Source, Training};
use hyperl::rng::Stream;
use tch::{Device, Kind, Tensor};

use crate::support::formula::data;
use crate::support::torch::{assert_close, numbers};

const CHEETAH: Dims = Dims { obs: 20, action: 6 };
const ANT: Dims = Dims { obs: 27, action: 8 };

fn design(model: PearlModel, dims: Dims) -> Design {
    Design { model, dims, latent_in: LatentIn::Base }
}

fn double(t: u64, bound: f64, shape: &[i64]) -> Tensor {
    data((t, bound), 0, shape, Kind::Double)
}

fn draw(stream: &Stream) -> Draw<'_> {
    Draw { stream, kind: Kind::Double, device: Device::Cpu }
}

fn product(means: &[f64], variances: &[f64]) -> [f64; 2] {
    let all = |x: &[f64]| Tensor::from_slice(x).view([1, -1, 1]);
    let Posterior { mean, variance } = Posterior::product(&all(means), &all(variances));
    [mean.double_value(&[0, 0]), variance.double_value(&[0, 0])]
}

#[test]
fn the_product_of_gaussians_adds_precisions_and_weighs_means_by_them() {
    assert_close(&product(&[0.7], &[0.3]), &[0.7, 0.3], 1e-15, "one");
    assert_close(&product(&[0.0, 2.0], &[1.0, 1.0]), &[1.0, 0.5], 1e-15, "two alike");
    // Precisions 1, 2 and 5 weigh 0, 3 and −1: (6 − 5) / 8.
    assert_close(&product(&[0.0, 3.0, -1.0], &[1.0, 0.5, 0.2]), &[0.125, 0.125], 1e-14, "three");
    // A variance of 0 counts as 1e-7.
    let [mean, variance] = product(&[1.0, 4.0], &[0.0, 1e-7]);
    assert_close(&[mean, variance], &[2.5, 5e-8], 1e-12, "the least variance");
}

#[test]
fn the_posterior_does_not_depend_on_the_order_of_the_transitions_nor_on_other_tasks() {
    let stream = Stream::new(3, "encoder");
    let encoder = Encoder::new(CHEETAH, Training::Frozen, &mut draw(&stream)).unwrap();
    let context = double(80_000, 1.0, &[3, 9, 27]);
    let whole = encoder.posterior(&context);
    let back = encoder.posterior(&context.flip([1i64]));
    let alone = encoder.posterior(&context.narrow(0, 1, 1));
    for of in [|p: &Posterior| p.mean.shallow_clone(), |p: &Posterior| p.variance.shallow_clone()] {
        assert_close(&numbers(&of(&back)), &numbers(&of(&whole)), 1e-12, "reversed");
        let second = of(&whole).narrow(0, 1, 1);
        assert_close(&numbers(&of(&alone)), &numbers(&second), 1e-12, "alone");
    }
}

#[test]
fn the_divergence_from_the_prior_is_its_integral() {
    let (mean, variance) = (double(80_010, 1.5, &[4, LATENT]), double(80_011, 0.9, &[4, LATENT]));
    let posterior = Posterior { mean, variance: variance + 1.0 };
    let found = numbers(&posterior.divergence());
    let points = 200_001;
    let integral = |mean: f64, variance: f64| {
        let step = 40.0 / f64::from(points - 1);
        let term = |i: i32| {
            let x = -20.0 + step * f64::from(i);
            let log_q = -0.5 * ((x - mean).powi(2) / variance + variance.ln());
            let log_ratio = log_q + 0.5 * x * x;
            log_q.exp() / (2.0 * std::f64::consts::PI).sqrt() * log_ratio * step
        };
        (0..points).map(term).sum::<f64>()
    };
    let pairs: Vec<f64> = numbers(&posterior.mean)
        .into_iter()
        .zip(numbers(&posterior.variance))
        .map(|(mean, variance)| integral(mean, variance))
        .collect();
    let expected: Vec<f64> = pairs.chunks(LATENT as usize).map(|task| task.iter().sum()).collect();
    assert_close(&found, &expected, 1e-9, "divergence");
    let prior = Posterior::prior(2, Kind::Double);
    assert_eq!(numbers(&prior.divergence()), [0.0, 0.0]);
    let noise = double(80_012, 1.0, &[2, LATENT]);
    assert_eq!(numbers(&prior.sample(&noise)), numbers(&noise));
}

#[test]
fn parameter_counts_are_those_of_the_architecture_table() {
    // Policy, Q, V.
    let expected = [
        (PearlModel::Mlp, CHEETAH, [192_012, 190_501, 188_701]),
        (PearlModel::Mlp, ANT, [195_316, 193_201, 190_801]),
        (PearlModel::Hyper, CHEETAH, [15_116_824, 9_850_114, 8_275_714]),
        (PearlModel::Hyper, ANT, [18_011_424, 10_376_706, 8_277_506]),
    ];
    for (model, dims, counts) in expected {
        let design = design(model, dims);
        let policy = TaskPolicy::new(design, Training::Frozen, &mut Shapes).unwrap();
        let critic = TaskCritic::new(design, Training::Frozen, &mut Shapes).unwrap();
        let value = TaskValue::new(design, Training::Frozen, &mut Shapes).unwrap();
        let found = [policy.params(), critic.params(), value.params()].map(Params::count);
        assert_eq!(found, counts, "{model} {dims:?}");
    }
    for (dims, count) in [(CHEETAH, 88_010), (ANT, 89_810)] {
        let encoder = Encoder::new(dims, Training::Frozen, &mut Shapes).unwrap();
        assert_eq!(encoder.params().count(), count);
    }
}

/// Asserts that entries lie within a bound and, where they are many, that the largest comes near to it.
fn assert_spread(entries: &Tensor, bound: f64, what: &str) {
    let largest = entries.abs().max().double_value(&[]);
    let least = if entries.numel() < 100 { 0.0 } else { 0.9 * bound };
    assert!((least..=bound).contains(&largest), "{what}: {largest} against {bound}");
}

#[test]
fn new_plain_networks_start_as_rlkits() {
    let stream = Stream::new(1, "init");
    let design = design(PearlModel::Mlp, ANT);
    let encoder = Encoder::new(ANT, Training::Frozen, &mut draw(&stream)).unwrap();
    let policy = TaskPolicy::new(design, Training::Frozen, &mut draw(&stream)).unwrap();
    let critic = TaskCritic::new(design, Training::Frozen, &mut draw(&stream)).unwrap();
    let value = TaskValue::new(design, Training::Frozen, &mut draw(&stream)).unwrap();
    // Network, width of its hidden layers, bound of its output layer.
    let all = [
        (encoder.params(), 200.0, 3e-3),
        (critic.params(), 300.0, 3e-3),
        (value.params(), 300.0, 3e-3),
        (policy.params(), 300.0, 1e-3),
    ];
    for (params, width, output) in all {
        for param in params {
            let hidden = ["layers.0.", "layers.1.", "layers.2."];
            let name = &param.name;
            if !hidden.iter().any(|layer| name.starts_with(layer)) {
                assert_spread(&param.tensor, output, name);
            } else if name.ends_with("bias") {
                assert!(numbers(&param.tensor).iter().all(|x| *x == 0.1), "{name}");
            } else {
                assert_spread(&param.tensor, 1.0 / f64::sqrt(width), name);
            }
        }
    }
}

#[test]
fn heads_of_a_new_policys_log_std_start_in_a_narrower_range() {
    let stream = Stream::new(1, "init");
    let design = design(PearlModel::Hyper, CHEETAH);
    let policy = TaskPolicy::new(design, Training::Frozen, &mut draw(&stream)).unwrap();
    let weight = policy.params().find("heads.weight").unwrap();
    let (base, width, actions) = (20, 256, 6);
    let mut start = 0;
    let mut next = |rows: i64, bound: f64, what: &str| {
        assert_spread(&weight.narrow(0, start, rows), bound, what);
        start += rows;
    };
    for (rows, what) in [(width * base, "W₁"), (width, "b₁"), (width, "g₁")] {
        next(rows, 0.05, what);
    }
    for (rows, what) in [(width, "W₂"), (1, "b₂"), (1, "g₂")] {
        next(actions * rows, 0.008, what);
        next(actions * rows, 0.001, what);
    }
    assert_eq!(start, weight.size()[0]);
    assert_eq!(policy.params().find("heads.bias").unwrap().abs().max().double_value(&[]), 0.0);
}

#[test]
fn weights_made_once_for_a_task_are_those_made_for_each_row() {
    let stream = Stream::new(2, "policy");
    for model in PearlModel::ALL {
        let mut source = Draw { kind: Kind::Float, ..draw(&stream) };
        let policy =
            TaskPolicy::new(design(model, CHEETAH), Training::Frozen, &mut source).unwrap();
        let (tasks, rows) = (3, 7);
        let z = double(80_020, 1.5, &[tasks, LATENT]).to_kind(Kind::Float);
        let obs = double(80_021, 1.5, &[tasks, rows, 20]).to_kind(Kind::Float);
        let by_task = policy.gaussian(&obs, &z);
        let by_row = policy.gaussian(
            &obs.view([tasks * rows, 1, 20]),
            &z.repeat_interleave_self_int(rows, 0, tasks * rows),
        );
        for (once, each) in [(by_task.mean, by_row.mean), (by_task.log_std, by_row.log_std)] {
            assert_close(&numbers(&once), &numbers(&each), 1e-6, model.name());
        }
    }
}

/// Zeros, but for the bias of log σ.
struct LogStd(f64);

impl Source for LogStd {
    fn tensor(&mut self, name: &str, shape: &[i64], _: &Init) -> Result<Tensor> {
        let value = if name == "log_std.bias" { self.0 } else { 0.0 };
        Ok(Tensor::full(shape, value, (Kind::Double, Device::Cpu)))
    }
}

#[test]
fn rows_of_a_large_batch_have_the_values_and_gradients_that_they_have_in_small_ones() {
    // From 100 rows on, a hypernetwork's heads are two products.
    let stream = Stream::new(7, "large");
    for model in PearlModel::ALL {
        let critic =
            TaskCritic::new(design(model, CHEETAH), Training::Trainable, &mut draw(&stream))
                .unwrap();
        let (obs, action) = (double(80_020, 1.5, &[2, 64, 20]), double(80_021, 0.9, &[2, 64, 6]));
        let z = double(80_022, 1.5, &[2, LATENT]);
        let at = |first: i64, tasks: i64| {
            let of = |whole: &Tensor| whole.narrow(0, first, tasks);
            let q = critic.q(&of(&obs), &of(&action), &of(&z));
            let loss = q.square().sum(Kind::Double);
            let gradients =
                Tensor::run_backward(&[&loss], &critic.params().tensors(), false, false);
            (q, gradients)
        };
        let ((whole, gradients), (first, some), (second, others)) = (at(0, 2), at(0, 1), at(1, 1));
        let apart = Tensor::cat(&[first, second], 0);
        assert_close(&numbers(&whole), &numbers(&apart), 1e-12, "values");
        for ((together, a), b) in gradients.iter().zip(some).zip(others) {
            let off = (together - (a + b)).abs().max().double_value(&[]);
            let size = together.abs().max().double_value(&[]);
            assert!(off <= 1e-10 * size, "{model}: {off} of {size}");
        }
    }
}

/// Weights and biases all alike, so large that of two networks each is the smaller one somewhere.
struct Wide<'s>(&'s Stream);

impl Source for Wide<'_> {
    fn tensor(&mut self, name: &str, shape: &[i64], _: &Init) -> Result<Tensor> {
        draw(self.0).tensor(name, shape, &Init::Uniform(0.15))
    }
}

#[test]
fn the_smaller_critic_has_the_values_and_slopes_of_the_graph_of_both() {
    let streams = [Stream::new(8, "q1"), Stream::new(10, "q2")];
    for (model, latent_in) in [
        (PearlModel::Mlp, LatentIn::Base),
        (PearlModel::Mlp, LatentIn::Meta),
        (PearlModel::Hyper, LatentIn::Base),
        (PearlModel::Hyper, LatentIn::Meta),
    ] {
        let design = Design { model, dims: CHEETAH, latent_in };
        let critics = streams
            .each_ref()
            .map(|stream| TaskCritic::new(design, Training::Frozen, &mut Wide(stream)).unwrap());
        let (obs, z) = (double(80_030, 1.5, &[3, 40, 20]), double(80_031, 1.5, &[3, LATENT]));
        let action = double(80_032, 0.9, &[3, 40, 6]).set_requires_grad(true);
        let [first, second] = critics.each_ref().map(|critic| critic.q(&obs, &action, &z));
        let least = first.minimum(&second);
        let slope = Tensor::run_backward(&[least.sum(Kind::Double)], &[&action], false, false);
        let first_is_less = first.lt_tensor(&second).sum(Kind::Int64).int64_value(&[]);
        assert!((10..110).contains(&first_is_less), "{model}: {first_is_less} of 120");

        let both = critics.each_ref();
        let found = Least::of(both, [&obs, &action.detach(), &z]);
        assert!(!found.q.requires_grad() && !found.slope.requires_grad());
        assert_eq!((found.q.size(), found.slope.size()), (vec![3, 40], vec![3, 40, 6]));
        assert_close(&numbers(&found.q), &numbers(&least.detach()), 1e-12, "values");
        assert_close(&numbers(&found.slope), &numbers(&slope[0]), 1e-12, "slopes");

        // Of two that are equal everywhere it is the first.
        let alone = Least::of([both[1]; 2], [&obs, &action.detach(), &z]);
        let q = both[1].q(&obs, &action, &z);
        let slope = Tensor::run_backward(&[q.sum(Kind::Double)], &[&action], false, false);
        assert_close(&numbers(&alone.slope), &numbers(&slope[0]), 1e-12, "slopes of one");
    }
}

#[test]
fn log_std_stays_between_its_bounds() {
    for (bias, expected) in [(-50.0, -20.0), (-3.0, -3.0), (1.5, 1.5), (7.0, 2.0)] {
        let design = design(PearlModel::Mlp, CHEETAH);
        let policy = TaskPolicy::new(design, Training::Frozen, &mut LogStd(bias)).unwrap();
        let gaussian =
            policy.gaussian(&double(80_030, 1.0, &[1, 2, 20]), &double(80_031, 1.0, &[1, LATENT]));
        assert_eq!(numbers(&gaussian.log_std), [expected; 12]);
    }
}

#[test]
fn the_density_of_drawn_actions_integrates_to_one() {
    let points = 20_001;
    let options = (Kind::Double, Device::Cpu);
    let noise = Tensor::linspace(-9.0, 9.0, points, options).view([1, points, 1]);
    for (mean, log_std) in [(0.0, -0.5), (0.4, -1.0), (-0.8, -0.3)] {
        let all = |x: f64| Tensor::full([1, points, 1], x, options);
        let drawn = Gaussian { mean: all(mean), log_std: all(log_std) }.draw(&noise);
        let (action, density) = (numbers(&drawn.action), numbers(&drawn.log_prob.exp()));
        // The trapezoid rule on the grid that even steps of the noise make.
        let whole: f64 = (1..action.len())
            .map(|i| (action[i] - action[i - 1]) * (density[i] + density[i - 1]) / 2.0)
            .sum();
        // The authors' 1e-6 takes a little off where tanh is flat.
        assert!((whole - 1.0).abs() < 2e-4, "{whole}");
    }
}
