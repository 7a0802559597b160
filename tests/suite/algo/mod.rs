//! Does every algorithm compute what it says, and learn?

mod divergence;
mod grid;
mod learning;
mod maml;
mod pearl;
mod sac_torch;
mod td3_torch;
