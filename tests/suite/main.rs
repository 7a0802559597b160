//! The one integration binary: what the program promises, module by module.
//!
//! | module | question |
//! |---|---|
//! | `env_suite` | does every environment obey its spec, repeat under a seed, and continue from a snapshot? |
//! | `physics_parity` | same models and steps as Gymnasium on `MuJoCo` 3.17.0? |

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]
#![allow(clippy::print_stderr, reason = "tests say what they could not cover")]
#![allow(clippy::float_cmp, reason = "bit for bit is what several tests are about")]

mod env_suite;
mod physics_parity;
