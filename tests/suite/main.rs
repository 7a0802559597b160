//! The one integration binary: each module asks one question, said in its first line.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop at the first surprise")]
#![allow(clippy::print_stderr, reason = "tests say what they could not cover")]
#![allow(clippy::float_cmp, reason = "bit for bit is what several tests are about")]

mod cli_analyze;
mod cli_train;
mod divergence;
mod env_suite;
mod first_version;
mod fixtures_gate;
mod fixtures_stats;
mod formula;
mod grid;
mod house_rules;
mod in_use;
mod interruptions;
mod learning;
#[path = "../support/linear/mod.rs"]
mod linear;
mod maml_derivatives;
mod maml_grid;
mod maml_pieces;
mod maml_program;
mod maml_search;
mod maml_torch;
mod meta_specs;
mod native_libraries;
mod oracle;
mod pearl_agent;
mod pearl_cosine_program;
mod pearl_data;
mod pearl_gradient;
mod pearl_pieces;
mod pearl_program;
mod pearl_torch;
mod physics_parity;
mod program;
mod real_design;
mod reports;
mod resume;
mod resume_program;
mod rollout_twin;
mod run_files;
mod run_tables;
mod sac_parity;
mod seeds;
mod simulated_gradients;
mod soft_returns;
mod torch_parity;
mod variation;
mod weights;
#[path = "../../benches/simulation/world.rs"]
mod world;
