//! Networks: layers, critics, actors, their weights, and the optimiser.
//!
//! A network is built once, by one function, from a [`weights::Source`]: random draws of a named
//! stream, a checkpoint, or another network. So what is initialised, saved, copied and loaded
//! cannot drift apart. Letters of shapes: `B` batch, `S` observation, `A` action.

pub mod actor;
pub mod adam;
pub mod architecture;
pub mod bf16;
pub mod blas;
pub mod context;
pub mod critic;
pub mod d2rl;
pub mod dense;
pub mod hyper;
pub mod init;
pub mod memory;
pub mod meta_policy;
pub mod mlp;
pub mod pearl;
pub mod plain;
pub mod policy_net;
pub mod residual;
pub mod script;
pub mod squashed_gaussian;
pub mod task_net;
pub mod weights;
pub mod workers;
