//! Training: what is remembered, what one update does, and the loop around both.
//!
//! The algorithms know nothing of files, logs or flags: a run yields events and the command line acts on
//! them.
//!
//! | file | what it holds |
//! |---|---|
//! | `run_config.rs` | the algorithms' names, and what the settings of every run say |
//! | `trainer.rs` | a run under way, whichever its algorithm |
//! | `registry.rs` | which settings and which run belong to a name |
//! | `config.rs`, `agent.rs`, `off_policy.rs` | settings, agent and loop of TD3 and SAC |
//! | `frozen.rs` | the same with an actor that stays as it is |
//! | `maml/`, `pearl/` | the same of MAML and PEARL |

pub mod agent;
mod chunks;
pub mod config;
pub mod evaluate;
pub mod frozen;
pub mod learner;
pub mod maml;
pub mod off_policy;
pub mod pearl;
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
