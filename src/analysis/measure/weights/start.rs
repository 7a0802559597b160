//! Networks that were only drawn: step 0, before any training (Fig. 10, upper half of Table 2).

use tch::{Device, Kind, Tensor};

use super::distance::{Distances, display, from_uniform, grid};
use super::sample::{Weights, pick, standardise, visited};
use super::{Layer, Measured, Scaling, Start, WeightSettings};
use crate::env::EnvId;
use crate::error::Result;
use crate::nn::critic::{CriticKind, Dims, QNet};
use crate::nn::init::{HyperInit, Inits};
use crate::nn::weights::{Draw, Training};
use crate::rng::Stream;
use crate::stats::summary;

/// Further MLP-Smalls for each seed: their distance from the first is what equality gives.
pub(crate) const EQUALS: usize = 10;

/// Draws both hypernetworks, an MLP-Small and its equals for one seed, and compares them.
///
/// Both hypernetworks take the same numbers from the same streams, scaled to their own bounds, and see
/// the same states: their difference is paired.
///
/// # Errors
/// Those of environment and networks.
pub fn measure(env: EnvId, seed: u64, settings: &WeightSettings) -> Result<Vec<Measured>> {
    let stream = Stream::new(seed, "weights").child(env.name());
    let obs = states(env, settings, &stream.child("states"))?;
    let small = |name: &str| mlp_small(env, &stream.child(name));
    let reference = small("mlp-small")?;
    let equals: Vec<Weights> =
        (1..=EQUALS).map(|i| small(&format!("mlp-small {i}"))).collect::<Result<_>>()?;
    let mut all = Vec::new();
    for (start, hyper) in
        [(Start::Hyper, HyperInit::Paper), (Start::Pytorch, settings.heads.init())]
    {
        let made = dynamic(env, &obs, (&stream.child("sa-hyper"), hyper))?;
        for layer in Layer::ALL {
            let equals: Vec<&[f64]> = equals.iter().map(|weights| weights.of(layer)).collect();
            let pair = [made.of(layer), reference.of(layer)];
            let of = Measured { start, ..nothing(env, layer, seed) };
            all.push(compare(of, pair, (&equals, settings))?);
        }
    }
    Ok(all)
}

/// Returns the observations `[states, S]` that drawn networks see.
fn states(env: EnvId, settings: &WeightSettings, stream: &Stream) -> Result<Tensor> {
    let mut obs = visited(env, stream)?;
    if settings.scaling == Scaling::Standardised {
        standardise(&mut obs);
    }
    pick(&obs, settings.states, &mut stream.child("pick"))
}

/// Draws an SA-Hyper and returns its dynamic weights at `obs [B, S]`.
fn dynamic(env: EnvId, obs: &Tensor, (stream, hyper): (&Stream, HyperInit)) -> Result<Weights> {
    let inits = Inits { hyper, ..Inits::default() };
    let critic = draw(env, CriticKind::SaHyper, (stream, inits))?;
    // The weights are functions of the state alone.
    let action =
        Tensor::zeros([obs.size()[0], Dims::of(env.spec()).action], (Kind::Float, Device::Cpu));
    let made = Weights::dynamic(&critic, obs, &action)?;
    Ok(made.unwrap_or_else(|| unreachable!("SA-Hyper is a hypernetwork")))
}

fn draw(env: EnvId, kind: CriticKind, (stream, inits): (&Stream, Inits)) -> Result<QNet> {
    let source = &mut Draw { stream, kind: Kind::Float, device: Device::Cpu };
    QNet::with_init(kind, Dims::of(env.spec()), Training::Frozen, (source, inits))
}

/// Draws one MLP-Small with `PyTorch`'s initialisation.
pub(super) fn mlp_small(env: EnvId, stream: &Stream) -> Result<Weights> {
    Weights::plain(&draw(env, CriticKind::MlpSmall, (stream, Inits::default()))?)
}

/// A comparison of which only the names are known.
pub(super) fn nothing(env: EnvId, layer: Layer, seed: u64) -> Measured {
    let distances = Distances {
        binned: Vec::new(),
        wasserstein: f64::NAN,
        kolmogorov_smirnov: f64::NAN,
        values: [0; 2],
    };
    Measured {
        env,
        seed,
        twin: 0,
        step: 0,
        start: Start::Trained,
        layer,
        distances,
        uniform: f64::NAN,
        beyond: f64::NAN,
        std: [f64::NAN; 2],
        shares: [Vec::new(), Vec::new()],
    }
}

/// Fills in the numbers of a comparison of `[sample, reference]`.
pub(super) fn compare(
    of: Measured,
    pair: [&[f64]; 2],
    (equals, settings): (&[&[f64]], &WeightSettings),
) -> Result<Measured> {
    let bound = of.layer.bound(of.env);
    let show = display(of.start, bound)?;
    Ok(Measured {
        distances: Distances::of(pair[0], pair[1], equals, &grid(settings.binning, settings.bins))?,
        uniform: from_uniform(pair[0], bound, settings.bins)?,
        beyond: pair[0].iter().filter(|x| x.abs() > bound).count() as f64 / pair[0].len() as f64,
        std: pair.map(summary::std),
        shares: [show.shares(pair[0])?, show.shares(pair[1])?],
        ..of
    })
}
