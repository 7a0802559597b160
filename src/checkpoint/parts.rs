//! The networks of an agent on disk: weights, slow copies, and the moments of their optimisers.

use std::path::Path;

use tch::Tensor;

use super::tensors::{TensorFile, TensorSet};
use crate::algo::learner::{Part, target_name};
use crate::error::{Error, Result};
use crate::nn::adam::Adam;
use crate::nn::weights::{Param, Params, check_shape};

/// Adam's moments, as they are called on disk.
const MOMENTS: [&str; 2] = ["first", "second"];

/// First and second moments of one network, in the order of its weights.
pub(super) type Moments = [Vec<Tensor>; 2];

/// Returns all weights, slow copies included, named as on disk.
///
/// # Errors
/// As [`TensorSet::add`].
pub(super) fn weights(parts: &[Part]) -> Result<TensorSet> {
    let mut set = TensorSet::default();
    for part in parts {
        set.add_params(part.name, part.online)?;
        if let Some(target) = part.target {
            set.add_params(&target_name(part.name), target)?;
        }
    }
    Ok(set)
}

/// Adds the optimisers' moments.
///
/// # Errors
/// As [`TensorSet::add`].
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

/// Copies saved weights into the networks.
///
/// # Errors
/// [`crate::Error::Corrupt`] or [`crate::Error::Mismatch`] naming a tensor that is missing or misshapen.
pub(super) fn copy_weights(file: &TensorFile, parts: &[Part]) -> Result<()> {
    for part in parts {
        copy_params(file, part.name, part.online)?;
        if let Some(target) = part.target {
            copy_params(file, &target_name(part.name), target)?;
        }
    }
    Ok(())
}

fn copy_params(file: &TensorFile, prefix: &str, params: &Params) -> Result<()> {
    for param in params {
        let stored = file.tensor(&format!("{prefix}.{}", param.name))?;
        check_shape(&param.name, &param.tensor.size(), &stored.size())?;
        tch::no_grad(|| param.tensor.shallow_clone().copy_(&stored));
    }
    Ok(())
}

/// Reads the saved moments of each network.
///
/// # Errors
/// As [`copy_weights`].
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

/// Checks the networks of a point that was read: earlier versions saved points of runs that had diverged.
///
/// # Errors
/// [`Error::NonFinite`] naming the point and the network.
pub(super) fn check_point(point: &Path, parts: &[Part]) -> Result<()> {
    let say = |error| {
        let point = point.display();
        Error::NonFinite(format!(
            "{point}: {error}: training had diverged before it was saved; train anew with lower learning \
             rates"
        ))
    };
    parts.iter().try_for_each(Part::check).map_err(say)
}

/// Gives the optimisers, in the order of their networks, the moments that were read, and the steps taken.
pub(super) fn restore_moments(optimisers: &mut [&mut Adam], moments: &[Moments], steps: &[u64]) {
    for ((adam, [first, second]), &steps) in optimisers.iter_mut().zip(moments).zip(steps) {
        adam.restore(steps, first, second);
    }
}
