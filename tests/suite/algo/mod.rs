//! Does every algorithm compute what it says, and learn?

mod divergence;
mod frozen;
mod grid;
mod learning;
mod maml;
mod pearl;
mod replay;
mod reservoir;
mod sac_torch;
mod td3_torch;
