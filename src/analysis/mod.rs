//! Analyses: which checkpoints, which measure, what comes out as rows.

pub mod bank;
pub(crate) mod exact_critic;
pub mod gate;
pub mod hyper_parameters;
mod interval;
pub mod measure;
mod noise;
mod pattern;
pub mod printed;
mod sealed;
pub mod select;
pub mod self_test;
pub mod series;
pub(crate) mod summary;
pub mod table;
pub(crate) mod task_difference;
