//! Worlds whose action gradient is known, so that the estimator can be asked for it.
//!
//! | file | what it holds |
//! |---|---|
//! | `linear_quadratic.rs` | a system with closed-form Q and ∂Q/∂a |
//! | `linear_env.rs` | the same as an environment |
//! | `critic.rs` | critics made of functions |
//! | `squashed.rs` | the system with an actor that has a tanh, and no noise: exact values along one trajectory |
//! | `world.rs` | the system with an actor that is free or at its bounds, and with noise or chaos in its returns |
//!
//! `hyperl-analyze self-test` and the tests ask the same worlds.

mod critic;
mod linear_env;
mod linear_quadratic;
mod squashed;
mod world;

pub use critic::Critic;
pub use linear_env::{LinearEnv, ProcessNoise};
pub use linear_quadratic::{Coefficients, LinearQuadratic};
pub use squashed::{Squashed, Truth};
pub use world::{Place, Unrest, World, normal_of};
