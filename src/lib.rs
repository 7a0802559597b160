//! `hyperl` measures how right a critic's action gradient is.
//!
//! Actor-critic algorithms climb ∂Q/∂a. This crate trains such critics on `MuJoCo`, loads their
//! checkpoints, estimates the true gradient from perturbed simulator rollouts (the LMSE estimator
//! of "Recomposing the Reinforcement Learning Building-Blocks with Hypernetworks", ICML 2021, §3 and
//! App. B) and reports how well the two agree.
//!
//! # Map, in reading order
//!
//! Data goes one way: a module uses only those above it in this list.
//!
//! | module | what it holds |
//! |---|---|
//! | [`error`] | what can go wrong, and what the user can do about it |
//! | `names` | choices by name: parsed, printed, stored |
//! | [`rng`] | named, independent random streams from one seed |
//! | [`stats`] | pure functions on slices: intervals, similarity, tests |
//! | [`mod@env`] | physics, the environments, exact snapshots |
//! | `pickled` | files of `PyTorch`: pickles, tensors and scripts, read without executing anything |
//! | [`nn`] | networks: layers, critics, actors, their weights, Adam |
//! | [`rollout`] | the return of a first action from a simulator state, in bulk |
//! | [`algo`] | training: TD3, SAC, MAML, PEARL, and what is the same for all |
//! | [`checkpoint`] | what is on disk: format, save, load, resume |
//! | [`agents`] | agents that other tools trained, taken over as checkpoints |
//! | [`gradient`] | the estimator: states → actions → returns → fit → compare |
//! | [`analysis`] | selection of checkpoints, measures, tables |
//! | [`study`] | specs: which runs, what is measured and compared, what that says of a claim |
//! | `sweep` | many runs, planned at once: here or by Slurm |
//! | [`report`] | figures, tables and pages from those tables |
//! | [`cli`] | flags → resolved config → run; the one place that prints |

#[cfg(test)]
extern crate self as hyperl;

#[cfg(test)]
#[path = "../tests/support/mutated.rs"]
mod mutated;

pub mod agents;
pub mod algo;
pub mod analysis;
pub mod checkpoint;
pub mod cli;
pub mod env;
pub mod error;
pub mod gradient;
mod names;
pub mod nn;
mod pickled;
pub mod report;
pub mod rng;
pub mod rollout;
pub mod stats;
pub mod study;
mod sweep;

pub use error::{Error, Result};
