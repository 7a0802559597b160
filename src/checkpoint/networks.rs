//! The networks of a run on disk: weights, and the moments of their optimisers.

use std::path::Path;

use tch::Tensor;

use super::tensors::{TensorFile, TensorSet};
use crate::algo::learner::Part;
use crate::error::{Error, Result};
use crate::nn::adam::Adam;
use crate::nn::weights::{Param, Params, check_shape};

/// Adam's moments, as they are called on disk.
const MOMENTS: [&str; 2] = ["first", "second"];

/// First and second moments of one network, in the order of its weights.
pub(super) type Moments = [Vec<Tensor>; 2];

/// Returns the weights of networks, under their names.
pub(super) fn weights(networks: &[(String, &Params)]) -> Result<TensorSet> {
    let mut set = TensorSet::default();
    networks.iter().try_for_each(|(name, params)| set.add_params(name, params))?;
    Ok(set)
}

pub(super) fn add_moments(set: &mut TensorSet, parts: &[Part]) -> Result<()> {
    for part in parts {
        for (moment, tensors) in MOMENTS.into_iter().zip(part.adam.moments()) {
            for (param, tensor) in part.online.iter().zip(tensors) {
                set.add(moment_name(part, moment, param), &tensor)?;
            }
        }
    }
    Ok(())
}

fn moment_name(part: &Part, moment: &str, param: &Param) -> String {
    format!("adam.{}.{moment}.{}", part.name, param.name)
}

/// Copies saved weights into networks.
///
/// # Errors
/// [`Error::Corrupt`] or [`Error::Mismatch`] naming a tensor that is missing or misshapen.
pub(super) fn copy_weights(file: &TensorFile, networks: &[(String, &Params)]) -> Result<()> {
    for (name, params) in networks {
        for param in *params {
            let stored = file.tensor(&format!("{name}.{}", param.name))?;
            check_shape(&param.name, &param.tensor.size(), &stored.size())?;
            tch::no_grad(|| param.tensor.shallow_clone().copy_(&stored));
        }
    }
    Ok(())
}

/// Reads the saved moments of each network.
pub(super) fn moments(file: &TensorFile, parts: &[Part]) -> Result<Vec<Moments>> {
    let read = |part: &Part, moment: &str| {
        let tensor = |param: &Param| {
            let name = moment_name(part, moment, param);
            let stored = file.tensor(&name)?;
            check_shape(&name, &param.tensor.size(), &stored.size())?;
            Ok(stored)
        };
        part.online.iter().map(tensor).collect::<Result<Vec<_>>>()
    };
    let both = |part: &Part| Ok([read(part, MOMENTS[0])?, read(part, MOMENTS[1])?]);
    parts.iter().map(both).collect()
}

/// Checks that no weights of a network are NaN or infinite, where `bad` of them are.
///
/// # Errors
/// [`Error::NonFinite`] naming the checkpoint.
pub(super) fn check_finite(checkpoint: &Path, bad: i64, network: &str) -> Result<()> {
    if bad == 0 {
        return Ok(());
    }
    Err(Error::NonFinite(format!(
        "{}: {bad} weights of {network} are NaN or infinite; training diverged, use an earlier checkpoint",
        checkpoint.display()
    )))
}

/// Restores the optimisers, in the order of their networks.
pub(super) fn restore_moments(optimisers: Vec<&mut Adam>, moments: &[Moments], steps: &[u64]) {
    for ((adam, [first, second]), &steps) in optimisers.into_iter().zip(moments).zip(steps) {
        adam.restore(steps, first, second);
    }
}
