//! The one integration binary: each module asks one question, said in its first line.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop at the first surprise")]
#![allow(clippy::print_stderr, reason = "tests say what they could not cover")]
#![allow(clippy::float_cmp, reason = "bit for bit is what several tests are about")]

mod agents;
mod algo;
mod analysis;
mod checkpoint;
mod cli;
mod env;
mod error;
mod gradient;
mod house_rules;
mod nn;
mod report;
mod rng;
mod rollout;
mod stats;
#[path = "../support/mod.rs"]
mod support;
#[path = "../../benches/simulation/world.rs"]
mod world;
