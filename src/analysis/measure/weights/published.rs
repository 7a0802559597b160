//! The paper's Table 2 as printed: total variation in percent, one number a cell, without spread.

use super::{Layer, Start};
use crate::analysis::printed::of_weights;
use crate::env::EnvId;

/// Training steps of the table's lower half.
pub(crate) const LATER: u64 = 100_000;

/// Returns what the table prints: `[SA-Hyper with the paper's initialisation, with PyTorch's]` at the
/// start, then after [`LATER`] steps.
fn line(env: EnvId, layer: Layer) -> Option<[[f64; 2]; 2]> {
    of_weights(env, layer.name())
}

/// Returns the table's number for networks that were only drawn; `None` where it has none.
pub fn at_start(env: EnvId, layer: Layer, start: Start) -> Option<f64> {
    let [[hyper, pytorch], _] = line(env, layer)?;
    match start {
        Start::Hyper => Some(hyper),
        Start::Pytorch => Some(pytorch),
        Start::Trained => None,
    }
}

/// Returns the table's number for SA-Hyper with the paper's initialisation after `LATER` steps.
pub fn trained(env: EnvId, layer: Layer) -> Option<f64> {
    line(env, layer).map(|[_, [hyper, _]]| hyper)
}

/// Returns by how much `PyTorch`'s initialisation is closer than the paper's, at the start and after
/// [`LATER`] steps, in the table.
pub(crate) fn closer(env: EnvId, layer: Layer) -> Option<[f64; 2]> {
    line(env, layer).map(|halves| halves.map(|[hyper, pytorch]| hyper - pytorch))
}
