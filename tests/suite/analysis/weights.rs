//! Are the weights that are read those that make Q, and are they distributed as they should be?

use hyperl::analysis::measure::weights::sample::{Weights, pick, standardise, visited};
use hyperl::analysis::measure::weights::{Layer, Scaling, Start, WeightSettings, start};
use hyperl::env::EnvId;
use hyperl::nn::critic::{CriticKind, Dims, QNet};
use hyperl::nn::hyper::{EMBEDDING, Primary};
use hyperl::nn::init::{HyperInit, Inits, LayerInit};
use hyperl::nn::weights::{Builder, Draw, Training};
use hyperl::stats::summary;
use tch::{Device, Kind, Tensor};

use crate::support::seeds::drawn;

fn draw(kind: CriticKind, dims: Dims, hyper: HyperInit) -> QNet {
    let stream = &drawn(0, "critic");
    let source = &mut Draw { stream, kind: Kind::Double, device: Device::Cpu };
    let inits = Inits { hyper, ..Inits::default() };
    QNet::with_init(kind, dims, Training::Frozen, (source, inits)).unwrap()
}

fn normal([rows, columns]: [i64; 2], name: &str) -> Tensor {
    let mut stream = drawn(1, name);
    let values: Vec<f64> = (0..rows * columns).map(|_| stream.normal()).collect();
    Tensor::from_slice(&values).view([rows, columns])
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).contiguous().view([-1])).unwrap()
}

/// Equation 1 of the paper, entry by entry: row `row` of the weights, applied to `x`.
fn by_hand(w: &[Tensor; 6], row: usize, x: &[f64]) -> f64 {
    let layer = |k: usize, input: &[f64]| -> Vec<f64> {
        let [weight, bias, gain] = [0, 1, 2].map(|part| numbers(&w[k + part].get(row as i64)));
        let sum = |o: usize| -> f64 {
            input.iter().enumerate().map(|(i, x)| weight[o * input.len() + i] * x).sum()
        };
        (0..bias.len()).map(|o| sum(o) * (1.0 + gain[o]) + bias[o]).collect()
    };
    let hidden: Vec<f64> = layer(0, x).iter().map(|h| h.max(0.0)).collect();
    layer(3, &hidden)[0]
}

#[test]
fn the_weights_that_are_read_are_those_that_make_q() {
    let dims = Dims { obs: 5, action: 3 };
    let (obs, action) = (normal([4, 5], "obs"), normal([4, 3], "action"));
    for (kind, base) in [
        (CriticKind::SaHyper, action.shallow_clone()),
        (CriticKind::AsHyper, obs.shallow_clone()),
        (CriticKind::EmbHyper, Tensor::cat(&[&obs, &action], 1)),
    ] {
        let critic = draw(kind, dims, HyperInit::Paper);
        let made = critic.dynamic(&obs, &action).unwrap();
        let w = [made.hidden, made.output].map(|l| [l.weight, l.bias, l.scale]);
        let [[a, b, c], [d, e, f]] = w;
        let w = [a, b, c, d, e, f];
        let q = numbers(&critic.q(&obs, &action));
        for (row, q) in q.iter().enumerate() {
            let set = if kind == CriticKind::EmbHyper { 0 } else { row };
            let expected = by_hand(&w, set, &numbers(&base.get(row as i64)));
            assert!((q - expected).abs() < 1e-12, "{kind}: {q} {expected}");
        }
        let pooled = Weights::dynamic(&critic, &obs, &action).unwrap().unwrap();
        assert_eq!(pooled.of(Layer::Hidden), numbers(&w[0]));
        assert_eq!(pooled.of(Layer::Output), numbers(&w[3]));
        let sets = if kind == CriticKind::EmbHyper { 1 } else { 4 };
        assert_eq!(pooled.hidden.len() as i64, sets * 256 * base.size()[1]);
        assert_eq!(pooled.output.len() as i64, sets * 256);
    }
    let small = draw(CriticKind::MlpSmall, dims, HyperInit::Paper);
    assert!(small.dynamic(&obs, &action).is_none());
    assert!(Weights::dynamic(&small, &obs, &action).unwrap().is_none());
    let plain = Weights::plain(&small).unwrap();
    assert_eq!((plain.hidden.len(), plain.output.len()), (256 * 8, 256));
}

#[test]
fn pytorchs_initialisation_comes_with_its_own_heads_or_the_papers() {
    let dims = Dims { obs: 4, action: 2 };
    let largest = |net: &QNet, name: &str, rows: std::ops::Range<i64>| {
        let tensor = net.params().find(name).unwrap();
        tensor.slice(0, rows.start, rows.end, 1).abs().max().double_value(&[])
    };
    let rows = 256 * 2 + 512; // of the hidden layer: weight, bias and gain
    for (init, primary, hidden, output, bias) in [
        (HyperInit::Paper, 0.5, 0.05, 0.008, 0.0),
        (HyperInit::PytorchPrimary, 1.0, 0.05, 0.008, 0.0),
        (HyperInit::Pytorch, 1.0, 1.0 / 32.0, 1.0 / 32.0, 1.0 / 32.0),
    ] {
        let net = draw(CriticKind::SaHyper, dims, init);
        let near = |found: f64, bound: f64| {
            assert!(found <= bound && found >= 0.98 * bound, "{init:?}: {found} {bound}");
        };
        near(largest(&net, "primary.6.weight", 0..1024), primary / 512f64.sqrt());
        near(largest(&net, "heads.weight", 0..rows), hidden);
        near(largest(&net, "heads.weight", rows..rows + 258), output);
        near(largest(&net, "heads.bias", 0..rows), bias);
    }
}

/// Made independently with numpy and Gymnasium, one seed; good to ±30 %. Rows: root mean square of z,
/// standard deviations of W₁ and W₂, each `[ours, PyTorch's]`.
const NOTES: [(EnvId, [[f64; 2]; 3]); 4] = [
    (EnvId::Hopper, [[0.051, 0.255], [0.048, 0.141], [0.0074, 0.153]]),
    (EnvId::Walker2d, [[0.120, 0.93], [0.110, 0.546], [0.0172, 0.545]]),
    (EnvId::Ant, [[0.051, 0.254], [0.046, 0.147], [0.0075, 0.151]]),
    (EnvId::HalfCheetah, [[0.102, 0.81], [0.096, 0.463], [0.0155, 0.468]]),
];

/// Root mean square of the embedding of 100 visited states.
fn embedding(env: EnvId, init: LayerInit) -> f64 {
    let stream = drawn(0, "weights").child(env.name());
    let obs = visited(env, &stream.child("states")).unwrap();
    let obs = pick(&obs, 100, &mut stream.child("pick")).unwrap();
    let critic = stream.child("sa-hyper");
    let source = &mut Draw { stream: &critic, kind: Kind::Float, device: Device::Cpu };
    let mut builder = Builder::new(source, Training::Frozen);
    let inputs = env.spec().obs_dim as i64;
    let primary = builder.within("primary", |b| Primary::new(b, inputs, init)).unwrap();
    let z = primary.forward(&obs);
    assert_eq!(z.size(), [100, EMBEDDING]);
    z.square().mean(Kind::Double).sqrt().double_value(&[])
}

#[test]
fn embeddings_and_weights_start_as_large_as_those_of_numpy() {
    let near = |found: f64, expected: f64, what: &str| {
        assert!((found / expected - 1.0).abs() < 0.3, "{what}: {found}, not {expected}");
    };
    for (env, [z, w1, w2]) in NOTES {
        near(embedding(env, LayerInit::Primary), z[0], env.name());
        near(embedding(env, LayerInit::Pytorch), z[1], env.name());
        let found = start::measure(env, 0, &WeightSettings::default()).unwrap();
        assert_eq!(found.len(), 4);
        for one in found {
            let which = usize::from(one.start == Start::Pytorch);
            let expected = match one.layer {
                Layer::Hidden => w1[which],
                Layer::Output => w2[which],
            };
            near(one.std[0], expected, &format!("{env} {} {}", one.layer, one.start));
            // MLP-Small is uniform on ±bound.
            near(one.std[1], one.layer.bound(env) / 3f64.sqrt(), "MLP-Small");
            let entries = 256 * env.spec().action_dim;
            let expected = [100 * entries, 256 * (env.spec().obs_dim + env.spec().action_dim)];
            let of_layer = if one.layer == Layer::Hidden { expected } else { [100 * 256, 256] };
            assert_eq!(one.distances.values, of_layer);
        }
    }
}

#[test]
fn two_mlps_are_as_far_apart_as_theory_says_and_standardised_states_give_the_known_table() {
    // `docs/estimator.md` §6.3: mean null distances 5.0 and 19.1 % on 30 bins, and true total variation with
    // standardised observations on joint bins, for hopper: 63.2 and 26.8, 72.9 and 49.5 %.
    let settings = WeightSettings { scaling: Scaling::Standardised, ..WeightSettings::default() };
    let found: Vec<_> =
        (0..4).flat_map(|seed| start::measure(EnvId::Hopper, seed, &settings).unwrap()).collect();
    for (layer, start, null, tv) in [
        (Layer::Hidden, Start::Hyper, 0.050, 0.632),
        (Layer::Hidden, Start::Pytorch, 0.050, 0.268),
        (Layer::Output, Start::Hyper, 0.191, 0.729),
        (Layer::Output, Start::Pytorch, 0.191, 0.495),
    ] {
        let of = || found.iter().filter(|one| (one.layer, one.start) == (layer, start));
        let nulls: Vec<f64> = of().map(|one| one.distances.asked().null()).collect();
        let joint: Vec<f64> = of().map(|one| one.distances.binned[1].tv).collect();
        assert!((summary::mean(&nulls) / null - 1.0).abs() < 0.1, "{layer}: {nulls:?}");
        assert!((summary::mean(&joint) - tv).abs() < 0.05, "{layer} {start}: {joint:?}");
    }
}

#[test]
fn a_seed_is_a_network_and_environments_share_none() {
    let measure = |env, seed| start::measure(env, seed, &WeightSettings::default()).unwrap();
    let first = measure(EnvId::Hopper, 0);
    assert_eq!(first, measure(EnvId::Hopper, 0));
    let std = |found: &[hyperl::analysis::measure::weights::Measured]| found[1].std;
    assert_ne!(std(&first), std(&measure(EnvId::Hopper, 1)));
    // Layer 2 of MLP-Small has the same shape everywhere.
    assert_ne!(std(&first)[1].to_bits(), std(&measure(EnvId::Walker2d, 0))[1].to_bits());
    let mut obs = visited(EnvId::Ant, &drawn(0, "ant")).unwrap();
    standardise(&mut obs);
    assert!(obs.iter().all(|row| row[27..].iter().all(|x| *x == 0.0)));
}
