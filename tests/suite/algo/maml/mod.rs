//! MAML.

mod derivatives;
mod grid;
mod pieces;
mod search;
mod torch;
