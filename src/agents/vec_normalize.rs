//! The statistics by which `VecNormalize` of Stable-Baselines3 standardises observations and scales rewards.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::foreign::{ForeignAgent, Standardised};
use super::numpy::numbers;
use crate::checkpoint::disk;
use crate::error::{Error, Result};
use crate::pickled::pickle::Value;
use crate::pickled::pickle_code::Read;
use crate::pickled::pickle_machine;

/// Names under which such statistics usually lie beside an agent, which itself does not say whether it was trained
/// with any.
const BESIDE: [&str; 2] = ["vecnormalize.pkl", "vec_normalize.pkl"];

/// Whether an agent sees observations as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Normalise {
    /// As they are.
    No,
    /// Standardised by the statistics in a file.
    By(PathBuf),
}

impl FromStr for Normalise {
    type Err = Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Infallible> {
        Ok(if text == "none" { Self::No } else { Self::By(text.into()) })
    }
}

impl std::fmt::Display for Normalise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::No => f.write_str("none"),
            Self::By(file) => write!(f, "{}", file.display()),
        }
    }
}

/// What the file holds; none of what was switched off.
pub(super) struct Statistics {
    obs: Option<Standardised>,
    /// The factor on rewards, and where they are clipped after it.
    reward: Option<[f64; 2]>,
}

#[cfg(test)]
impl Statistics {
    pub(super) fn means(&self) -> Option<&[f64]> {
        self.obs.as_ref().map(|obs| &obs.mean[..])
    }
}

/// Gives an agent at `path` the statistics that it sees observations by.
///
/// # Errors
/// [`Error::Usage`] if nothing is said of statistics that lie beside it; [`Error::Agent`] if they cannot be read;
/// [`Error::Io`].
pub(super) fn add(agent: &mut ForeignAgent, path: &Path, given: Option<&Normalise>) -> Result<()> {
    let file = match given {
        Some(Normalise::By(file)) => file,
        Some(Normalise::No) => return Ok(()),
        None => {
            let beside =
                BESIDE.iter().map(|name| path.with_file_name(name)).find(|file| file.is_file());
            return beside.map_or(Ok(()), |file| {
                let file = file.display();
                Err(Error::Usage(format!(
                    "{file} lies beside {}: add --normalise {file} if its training used it, else --normalise none",
                    path.display()
                )))
            });
        }
    };
    let Statistics { obs, reward } =
        read(&disk::read(file)?).map_err(|reason| Error::agent(file, reason))?;
    agent.standardised = obs;
    if let Some([scale, clip]) = reward {
        agent.reward_scale = Some(scale);
        agent.reward_clip = Some(clip);
    }
    agent.files.push(file.clone());
    Ok(())
}

pub(super) fn read(bytes: &[u8]) -> Read<Statistics> {
    let pickle = pickle_machine::read(bytes)?;
    let root = pickle.root();
    let class = root.callable().and_then(|class| class.global());
    if class
        .is_none_or(|(module, name)| !module.ends_with(".vec_normalize") || name != "VecNormalize")
    {
        return Err("it holds no VecNormalize of Stable-Baselines3".into());
    }
    let of = |key: &str| root.attribute(key).ok_or_else(|| format!("its {key} is missing"));
    let positive = |key: &str| {
        let number = of(key)?.float().filter(|number| number.is_finite() && *number > 0.0);
        number.ok_or_else(|| format!("its {key} is no positive number"))
    };
    let on =
        |key: &str| of(key)?.bool().ok_or_else(|| format!("its {key} is neither true nor false"));
    let epsilon = positive("epsilon")?;
    let moments = |key: &str| -> Read<[Vec<f64>; 2]> {
        let of = |moment: &str| {
            let value: Option<Value> = of(key)?.attribute(moment);
            let all = numbers(value.ok_or_else(|| format!("its {key} has no {moment}"))?)?;
            if all.iter().all(|x| x.is_finite()) {
                Ok(all)
            } else {
                Err(format!("its {key} holds NaN"))
            }
        };
        let (mean, var) = (of("mean")?, of("var")?);
        if mean.len() != var.len() || var.iter().any(|var| *var < 0.0) {
            return Err(format!("its {key} holds no means and variances"));
        }
        let std: Vec<f64> = var.iter().map(|var| (var + epsilon).sqrt()).collect();
        if mean.iter().chain(&std).any(|x| !(*x as f32).is_finite()) {
            return Err(format!("its {key} is too large for single precision"));
        }
        if std.iter().any(|std| *std as f32 == 0.0) {
            return Err(format!("its {key} and epsilon are too small to divide by"));
        }
        Ok([mean, std])
    };
    let obs = on("norm_obs")?.then(|| {
        let [mean, std] = moments("obs_rms")?;
        Ok::<_, String>(Standardised { mean, std, clip: positive("clip_obs")? })
    });
    let reward = on("norm_reward")?.then(|| {
        let [_, std] = moments("ret_rms")?;
        let std = std.first().ok_or("its ret_rms is empty")?;
        Ok::<_, String>([1.0 / std, positive("clip_reward")?])
    });
    Ok(Statistics { obs: obs.transpose()?, reward: reward.transpose()? })
}
