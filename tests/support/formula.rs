//! Weights and batches that both sides of a `PyTorch` fixture compute from one hash; its Python
//! twin, which documents it, is `tests/fixtures/torch/formula.py`.

use hyperl::error::Result;
use hyperl::nn::init::Init;
use hyperl::nn::weights::Source;
use serde::Deserialize;
use tch::{Kind, Tensor};

/// First tensor number of each network.
pub(crate) const ACTOR: u64 = 0;
/// First tensor number of the first critic.
pub(crate) const Q1: u64 = 1000;
/// First tensor number of the second critic.
pub(crate) const Q2: u64 = 2000;

/// What a fixture keeps of a tensor.
#[derive(Debug, Deserialize)]
pub(crate) struct Summary {
    pub(crate) name: String,
    pub(crate) norm: f64,
    pub(crate) projection: f64,
    pub(crate) head: Vec<f64>,
}

/// Entries `first..first + count` of tensor `t`, uniform on `[-bound, bound)`.
pub(crate) fn values(t: u64, first: u64, count: usize, bound: f64) -> Vec<f64> {
    let start = t.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x632B_E59B_D9B4_E019);
    let entry = |k: u64| {
        let mut x = start.wrapping_add(k.wrapping_mul(0xD1B5_4A32_D192_ED03));
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
        let unit = (x >> 11) as f64 / (1u64 << 53) as f64;
        (2.0 * unit - 1.0) * bound
    };
    (first..first + count as u64).map(entry).collect()
}

/// A data tensor: number, bound, first element.
pub(crate) fn data((t, bound): (u64, f64), first: u64, shape: &[i64], kind: Kind) -> Tensor {
    let count = shape.iter().product::<i64>() as usize;
    Tensor::from_slice(&values(t, first, count, bound)).view(shape).to_kind(kind)
}

/// Weights by formula.
pub(crate) struct Formula {
    pub(crate) next: u64,
    pub(crate) kind: Kind,
}

impl Formula {
    pub(crate) fn new(first: u64, kind: Kind) -> Self {
        Self { next: first, kind }
    }

    fn take(&mut self, shape: &[i64], bound: f64) -> Tensor {
        let tensor = data((self.next, bound), 0, shape, self.kind);
        self.next += 1;
        tensor
    }
}

/// Rows of the six heads in a layer with `total` rows: those of `256·in + 512`, then of `258·out`.
fn head_rows(total: i64) -> [i64; 6] {
    let outputs = total % 256 / 2;
    let base = total / 256 - 2 - outputs;
    [256 * base, 256, 256, 256 * outputs, outputs, outputs]
}

impl Source for Formula {
    fn tensor(&mut self, name: &str, shape: &[i64], _: &Init) -> Result<Tensor> {
        if !name.starts_with("heads.") {
            let fan_in = *shape.get(1).unwrap_or(&0) as f64;
            let narrow = name.starts_with("primary.") || name.starts_with("blocks.");
            let bound = match (shape.len(), narrow) {
                (1, _) => 0.1,
                (_, true) => 0.5 / fan_in.sqrt(),
                (_, false) => 1.0 / fan_in.sqrt(),
            };
            return Ok(self.take(shape, bound));
        }
        // Six heads of weight and bias, numbered alternately there, are one layer here.
        let is_weight = name == "heads.weight";
        let first = self.next - u64::from(!is_weight);
        let mut parts = Vec::new();
        for (head, rows) in head_rows(shape[0]).into_iter().enumerate() {
            let t = first + 2 * head as u64 + u64::from(!is_weight);
            let bound = match (is_weight, head < 3) {
                (false, _) => 0.02,
                (true, true) => 0.05,
                (true, false) => 0.008,
            };
            let shape: Vec<i64> = [rows].iter().chain(&shape[1..]).copied().collect();
            parts.push(data((t, bound), 0, &shape, self.kind));
        }
        self.next += 1;
        Ok(Tensor::cat(&parts, 0))
    }
}

/// Cuts the layer of heads into the fixture's tensors; other tensors stay as they are.
pub(crate) fn pieces(name: &str, tensor: &Tensor) -> Vec<(String, Tensor)> {
    let Some(part) = name.strip_prefix("heads.") else {
        return vec![(name.to_owned(), tensor.shallow_clone())];
    };
    let rows = head_rows(tensor.size()[0]);
    let names = [
        "hidden.weight",
        "hidden.bias",
        "hidden.scale",
        "output.weight",
        "output.bias",
        "output.scale",
    ];
    let cut = tensor.split_with_sizes(rows, 0);
    names.iter().map(|n| format!("{n}.{part}")).zip(cut).collect()
}

/// Distances from a summary: of norm and projection, relative to the tensor's norm; of the recorded
/// entries, relative to their size or five times the typical one.
pub(crate) struct Distance {
    pub(crate) whole: f64,
    pub(crate) entries: f64,
}

/// Compares a tensor with what a fixture kept of it.
pub(crate) fn distance(tensor: &Tensor, expected: &Summary) -> Distance {
    let x = Vec::<f64>::try_from(tensor.detach().to_kind(Kind::Double).flatten(0, -1)).unwrap();
    let norm = x.iter().map(|v| v * v).sum::<f64>().sqrt();
    let direction = values(777_777, 0, x.len(), 1.0);
    let projection: f64 = x.iter().zip(&direction).map(|(a, b)| a * b).sum();
    let scale = expected.norm.max(1e-300);
    let typical = scale / (x.len() as f64).sqrt();
    let entries = x.iter().zip(&expected.head);
    let worst = entries.map(|(a, b)| (a - b).abs() / (b.abs() + 5.0 * typical)).fold(0.0, f64::max);
    let whole = (norm - expected.norm).abs().max((projection - expected.projection).abs()) / scale;
    Distance { whole, entries: worst }
}
