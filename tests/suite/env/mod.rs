//! Are the environments those of the papers?

mod every_environment;
mod physics_parity;
mod registry;
mod resets;
mod tasks;
mod worker;
