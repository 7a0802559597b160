//! Analyses: which checkpoints, which measure, what comes out as rows.

pub mod any_spec;
pub mod gate;
pub mod hyper_parameters;
mod interval;
pub mod measure;
pub mod meta_spec;
mod noise;
mod pattern;
pub mod select;
pub mod spec;
pub(crate) mod summary;
pub mod table;
pub(crate) mod task_difference;
pub(crate) mod weights_spec;
