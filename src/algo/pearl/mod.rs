//! PEARL: off-policy meta-learning with a latent that is inferred from transitions (Rakelly et al. 2019;
//! paper, App. B.2 and Table 11).
//!
//! An encoder infers a latent `z` of each task from a set of its transitions; a soft actor-critic with
//! two critics Q and a value network V learns in all tasks at once, each network told `z`.
//!
//! | file | what it holds |
//! |---|---|
//! | `config.rs` | the settings, Table 11 |
//! | `agent.rs` | the networks with their optimisers; how the agent infers and acts |
//! | `update.rs` | one update |
//!
//! Letters of shapes: `T` tasks, `N` transitions of a context, `B` rows of one task, `Z` = 5.

pub mod agent;
pub mod config;
mod update;
