//! The paper's Table 2 as printed: total variation in percent, one number a cell, without spread.

use super::{Layer, Start};
use crate::env::EnvId;

/// Training steps of the table's lower half.
pub const LATER: u64 = 100_000;

/// One line of the table: `[SA-Hyper with the paper's initialisation, with PyTorch's]` at the start,
/// then after [`LATER`] steps.
type Line = [[f64; 2]; 2];

/// Returns what the table prints for an environment and a layer.
fn line(env: EnvId, layer: Layer) -> Option<Line> {
    Some(match (env, layer) {
        (EnvId::Hopper, Layer::Hidden) => [[31.4, 16.3], [14.4, 24.9]],
        (EnvId::Hopper, Layer::Output) => [[34.8, 24.7], [31.2, 32.11]],
        (EnvId::Walker2d, Layer::Hidden) => [[23.9, 20.5], [19.6, 22.6]],
        (EnvId::Walker2d, Layer::Output) => [[30.77, 39.6], [28.5, 20.8]],
        (EnvId::Ant, Layer::Hidden) => [[13.6, 9.2], [29.9, 34.0]],
        (EnvId::Ant, Layer::Output) => [[37.7, 11.2], [30.6, 30.7]],
        (EnvId::HalfCheetah, Layer::Hidden) => [[29.4, 8.8], [16.4, 22.4]],
        (EnvId::HalfCheetah, Layer::Output) => [[36.9, 29.3], [21.1, 31.1]],
        (EnvId::AntV4 | EnvId::AntContact, _) => return None,
    })
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

/// Returns the table's number for SA-Hyper with the paper's initialisation after [`LATER`] steps.
pub fn trained(env: EnvId, layer: Layer) -> Option<f64> {
    line(env, layer).map(|[_, [hyper, _]]| hyper)
}

/// Returns by how much `PyTorch`'s initialisation is closer than the paper's, at the start and after
/// [`LATER`] steps, in the table.
pub fn closer(env: EnvId, layer: Layer) -> Option<[f64; 2]> {
    line(env, layer).map(|halves| halves.map(|[hyper, pytorch]| hyper - pytorch))
}
