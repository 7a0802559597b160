//! The paper's Table 2 as printed: total variation in percent, one number a cell, without spread.

use super::{Layer, Start};
use crate::analysis::printed::of_weights;
use crate::env::EnvId;

/// Training steps of the table's lower half.
pub(crate) const LATER: u64 = 100_000;

/// Returns the table's number for a hypernetwork that was only drawn, or for a trained one: that with the paper's
/// initialisation after [`LATER`] steps. `None` where the table has none.
pub(crate) fn of(env: EnvId, layer: Layer, start: Start) -> Option<f64> {
    let [[hyper, pytorch], [trained, _]] = of_weights(env, layer.name())?;
    Some(match start {
        Start::Hyper => hyper,
        Start::Pytorch => pytorch,
        Start::Trained => trained,
    })
}

/// Returns by how much `PyTorch`'s initialisation is closer than the paper's, at the start and after
/// [`LATER`] steps, in the table.
pub(crate) fn closer(env: EnvId, layer: Layer) -> Option<[f64; 2]> {
    of_weights(env, layer.name()).map(|halves| halves.map(|[hyper, pytorch]| hyper - pytorch))
}
