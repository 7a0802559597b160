//! Analyses: which checkpoints, which measure, what comes out.

pub mod measure;
