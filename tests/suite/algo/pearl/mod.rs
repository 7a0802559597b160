//! PEARL.

mod agent;
mod data;
mod pieces;
mod torch;
