//! Training: what is remembered, what one update does, and the loop around both.
//!
//! The algorithms know nothing of files, logs or flags: the loop yields events and the command line
//! acts on them.

pub mod agent;
pub mod config;
pub mod evaluate;
pub mod learner;
pub mod maml;
pub mod off_policy;
pub mod pearl;
pub mod pieces;
pub mod registry;
pub mod replay;
pub mod reservoir;
mod run_config;
pub mod sac;
pub mod td3;
pub mod trainer;
pub mod twin_critic;

pub use run_config::{Algo, Range, RunConfig, Unit};
pub use trainer::{Evaluated, Stage};
