//! Analyses: which checkpoints, which measure, what comes out as rows.

pub mod gate;
pub mod hyper_parameters;
pub mod measure;
mod noise;
pub mod select;
pub mod spec;
pub mod summary;
pub mod table;
pub mod weights_spec;
