//! Networks that nothing trained: step 0, before any training (Fig. 10, upper half of Table 2).

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
        let made = dynamic(env, &obs, &stream.child("sa-hyper"), hyper)?;
        for layer in Layer::ALL {
            let equals: Vec<&[f64]> = equals.iter().map(|weights| weights.of(layer)).collect();
            let pair = [made.of(layer), reference.of(layer)];
            let of = HyperLayer { env, seed, twin: 0, step: 0, start, layer };
            all.push(compare(of, pair, &equals, settings)?);
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
fn dynamic(env: EnvId, obs: &Tensor, stream: &Stream, hyper: HyperInit) -> Result<Weights> {
    let inits = Inits { hyper, ..Inits::default() };
    let critic = draw(env, CriticKind::SaHyper, stream, inits)?;
    // The weights are functions of the state alone.
    let action =
        Tensor::zeros([obs.size()[0], Dims::of(env.spec()).action], (Kind::Float, Device::Cpu));
    let made = Weights::dynamic(&critic, obs, &action)?;
    Ok(made.unwrap_or_else(|| unreachable!("SA-Hyper is a hypernetwork")))
}

fn draw(env: EnvId, kind: CriticKind, stream: &Stream, inits: Inits) -> Result<QNet> {
    let source = &mut Draw { stream, kind: Kind::Float, device: Device::Cpu };
    QNet::with_init(kind, Dims::of(env.spec()), Training::Frozen, (source, inits))
}

/// Draws one MLP-Small with `PyTorch`'s initialisation.
pub(super) fn mlp_small(env: EnvId, stream: &Stream) -> Result<Weights> {
    Weights::plain(&draw(env, CriticKind::MlpSmall, stream, Inits::default())?)
}

/// One layer of one hypernetwork: the fields of [`Measured`] that say which.
pub(super) struct HyperLayer {
    pub(super) env: EnvId,
    pub(super) seed: u64,
    pub(super) twin: u8,
    pub(super) step: u64,
    pub(super) start: Start,
    pub(super) layer: Layer,
}

/// Compares the weights of a layer with those of the same layer of MLP-Small, and these with `equals`.
pub(super) fn compare(
    of: HyperLayer,
    [sample, reference]: [&[f64]; 2],
    equals: &[&[f64]],
    settings: &WeightSettings,
) -> Result<Measured> {
    let HyperLayer { env, seed, twin, step, start, layer } = of;
    let bound = layer.bound(env);
    let (show, grid) = (display(start, bound)?, grid(settings.binning, settings.bins));
    Ok(Measured {
        env,
        seed,
        twin,
        step,
        start,
        layer,
        distances: Distances::of(sample, reference, equals, &grid)?,
        uniform: from_uniform(sample, bound, settings.bins)?,
        beyond: sample.iter().filter(|x| x.abs() > bound).count() as f64 / sample.len() as f64,
        std: [sample, reference].map(summary::std),
        shares: [show.shares(sample)?, show.shares(reference)?],
    })
}
