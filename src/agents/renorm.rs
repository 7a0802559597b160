//! Batch renormalisation, as agents of `CrossQ` have it: once trained it is a scale and a shift, which the layer after it
//! takes up.
//!
//! # References
//! Ioffe, Advances in Neural Information Processing Systems 2017; Bhatt et al., ICLR 2024 (`CrossQ`).

use super::state_dict::{Layer, StateDict};
use crate::pickled::pickle_code::Read;
use crate::pickled::tensor::Tensor;

/// What a normalisation does to a vector: `scale ⊙ x + shift`.
pub(super) struct Affine {
    scale: Vec<f64>,
    shift: Vec<f64>,
}

impl Affine {
    /// Takes the normalisation `NAME` with its running mean and variance; `eps` is added to the latter.
    fn take(state: &mut StateDict, name: &str, eps: f64) -> Read<Self> {
        let mut numbers = |part: &str| {
            let Tensor { shape, numbers } = state.take(&format!("{name}.{part}"))?;
            let fits = shape == [numbers.len()] && numbers.iter().all(|x| x.is_finite());
            let numbers = numbers.into_iter().map(f64::from).collect::<Vec<f64>>();
            fits.then_some(numbers).ok_or_else(|| format!("{name}.{part} is no vector of numbers"))
        };
        let (mean, variance) = (numbers("ra_mean")?, numbers("ra_var")?);
        let (scale, bias) = (numbers("scale")?, numbers("bias")?);
        state.number(&format!("{name}.steps"))?;
        if [&variance, &scale, &bias].iter().any(|other| other.len() != mean.len()) {
            return Err(format!("{name} has parts of several lengths"));
        }
        if variance.iter().any(|v| v + eps <= 0.0) {
            return Err(format!("{name} has a negative variance"));
        }
        let scale: Vec<f64> =
            scale.iter().zip(&variance).map(|(s, v)| s / (v + eps).sqrt()).collect();
        let shift = bias.iter().zip(&scale).zip(&mean).map(|((b, s), m)| b - s * m).collect();
        Ok(Self { scale, shift })
    }

    /// Returns one layer that does the same as this normalisation followed by `layer`.
    pub(super) fn before(&self, layer: &Layer) -> Read<Layer> {
        let inputs = layer.inputs();
        if inputs != self.scale.len() {
            return Err(format!(
                "a normalisation of {} numbers before a layer of {inputs}",
                self.scale.len()
            ));
        }
        let rows = layer.weight.numbers.chunks(inputs.max(1));
        let scaled = |row: &[f32]| {
            let products = row.iter().zip(&self.scale).map(|(w, s)| (f64::from(*w) * s) as f32);
            products.collect::<Vec<f32>>()
        };
        let shifted = |(row, bias): (&[f32], &f32)| {
            let products = row.iter().zip(&self.shift).map(|(w, s)| f64::from(*w) * s);
            (f64::from(*bias) + products.sum::<f64>()) as f32
        };
        let bias = rows.clone().zip(&layer.bias.numbers).map(shifted).collect();
        Ok(Layer {
            weight: Tensor {
                shape: layer.weight.shape.clone(),
                numbers: rows.flat_map(scaled).collect(),
            },
            bias: Tensor { shape: layer.bias.shape.clone(), numbers: bias },
        })
    }
}

/// Takes the layers of a `Sequential` in which a normalisation stands before each layer: `PREFIX0.ra_mean`,
/// `PREFIX1.weight`, then those with numbers three higher; returns them without, and the one after the last if there is.
pub(super) fn sequential(
    state: &mut StateDict,
    prefix: &str,
    eps: f64,
) -> Read<(Vec<Layer>, Option<Affine>)> {
    if !state.has(&format!("{prefix}0.ra_mean")) {
        return Ok((state.sequential(prefix)?, None));
    }
    let (mut layers, mut at) = (Vec::new(), 0);
    while state.has(&format!("{prefix}{at}.ra_mean")) {
        let affine = Affine::take(state, &format!("{prefix}{at}"), eps)?;
        let linear = format!("{prefix}{}", at + 1);
        if !state.has(&format!("{linear}.weight")) {
            return Ok((layers, Some(affine)));
        }
        layers.push(affine.before(&state.layer(&linear)?)?);
        at += 3;
    }
    Ok((layers, None))
}
