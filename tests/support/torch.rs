//! What tests against `PyTorch` compare, and what both sides compute with.

use hyperl::algo::replay::Batch;
use hyperl::nn::critic::Dims;
use hyperl::nn::weights::Params;
use serde::Deserialize;
use tch::{Kind, Tensor};

use super::formula::{Distance, Summary, data, distance, pieces};

pub(crate) const DIMS: Dims = Dims { obs: 11, action: 3 };
pub(crate) const OBS: (u64, f64) = (10_000, 1.5);
pub(crate) const ACTION: (u64, f64) = (10_001, 0.95);
pub(crate) const NEXT_OBS: (u64, f64) = (10_002, 1.5);
pub(crate) const REWARD: (u64, f64) = (10_003, 2.0);

pub(crate) fn kind_of(dtype: &str) -> (Kind, f64) {
    if dtype == "f64" { (Kind::Double, 1e-10) } else { (Kind::Float, 1e-5) }
}

pub(crate) fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.detach().to_kind(Kind::Double).flatten(0, -1).try_into().unwrap()
}

pub(crate) fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance * scale, "{what}: {a} against {b}");
    }
}

pub(crate) fn assert_tensors(
    params: &Params,
    tensors: &[Tensor],
    expected: &[Summary],
    limit: (f64, &str),
) {
    let (tolerance, what) = limit;
    let mut seen = 0;
    for (param, tensor) in params.iter().zip(tensors) {
        for (name, piece) in pieces(&param.name, tensor) {
            let summary = expected.iter().find(|s| s.name == name).unwrap();
            let Distance { whole, entries } = distance(&piece, summary);
            // Single entries carry the rounding that a norm averages out.
            let entry_tolerance = if tolerance > 1e-8 { 10.0 * tolerance } else { tolerance };
            assert!(whole <= tolerance, "{what}, {name}: off by {whole:e}");
            assert!(entries <= entry_tolerance, "{what}, {name}: an entry is off by {entries:e}");
            seen += 1;
        }
    }
    assert_eq!(seen, expected.len(), "{what}: every recorded tensor is compared");
}

#[derive(Deserialize)]
pub(crate) struct Network {
    pub(crate) norm: f64,
    pub(crate) moved: f64,
    pub(crate) tensors: Vec<Summary>,
}

pub(crate) fn batch(update: u64, rows: i64, kind: Kind) -> Batch {
    let first = update * 100_000;
    let alive: Vec<f64> = (0..rows).map(|row| if row % 5 == 4 { 0.0 } else { 1.0 }).collect();
    Batch {
        obs: data(OBS, first, &[rows, DIMS.obs], kind),
        action: data(ACTION, first, &[rows, DIMS.action], kind),
        next_obs: data(NEXT_OBS, first, &[rows, DIMS.obs], kind),
        reward: data(REWARD, first, &[rows], kind),
        alive: Tensor::from_slice(&alive).to_kind(kind),
    }
}

pub(crate) fn flat(params: &Params) -> Vec<f64> {
    params.iter().flat_map(|p| numbers(&p.tensor)).collect()
}

pub(crate) fn length(x: &[f64]) -> f64 {
    x.iter().map(|v| v * v).sum::<f64>().sqrt()
}
