//! What the authors set otherwise from one family of tasks to the next.

use crate::env::Family;

/// What depends on the family: the authors' files of settings.
///
/// | family | meta batch | prior steps | posterior steps | train steps | evaluations | context batch |
/// |---|---|---|---|---|---|---|
/// | velocities | 16 | 400 | 600 | 2000 | 1 | 100 |
/// | directions of the cheetah | 4 | 1000 | 1000 | 2000 | 4 | 256 |
/// | directions of the ant | 4 | 400 | 600 | 4000 | 2 | 256 |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// As `PearlConfig::meta_batch`.
    pub meta_batch: usize,
    /// As `PearlConfig::prior_steps`.
    pub prior_steps: u64,
    /// As `PearlConfig::posterior_steps`.
    pub posterior_steps: u64,
    /// As `PearlConfig::train_steps`.
    pub train_steps: u64,
    /// As `PearlConfig::evaluations`.
    pub evaluations: usize,
    /// As `PearlConfig::context_batch`.
    pub context_batch: usize,
}

impl Schedule {
    /// Returns the schedule of a family.
    pub fn of(family: Family) -> Self {
        let velocities = Self {
            meta_batch: 16,
            prior_steps: 400,
            posterior_steps: 600,
            train_steps: 2000,
            evaluations: 1,
            context_batch: 100,
        };
        let directions = Self { meta_batch: 4, context_batch: 256, ..velocities };
        match family {
            Family::HalfCheetahVel | Family::HalfCheetahVelMedium | Family::AntVel => velocities,
            Family::HalfCheetahFwdBack => {
                Self { prior_steps: 1000, posterior_steps: 1000, evaluations: 4, ..directions }
            }
            Family::AntFwdBack | Family::AntDirRad1 => {
                Self { train_steps: 4000, evaluations: 2, ..directions }
            }
        }
    }
}
