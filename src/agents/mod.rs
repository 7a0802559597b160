//! Agents that other tools trained, taken over as checkpoints.
//!
//! | file | what it holds |
//! |---|---|
//! | `state_dict.rs` | tensors by name, and layers |
//! | `renorm.rs` | normalisations, taken up by the layers after them |
//! | `modules.rs` | modules that were saved whole |
//! | `numpy.rs`, `vec_normalize.rs` | arrays of `numpy`, and what standardises observations |
//! | `sb3.rs`, `cleanrl.rs`, `spinning_up.rs`, `td3_files.rs`, `sac_files.rs` | one way to save an agent each |
//! | `described.rs` | state dicts of any tool, with a file that says what is what |
//! | `foreign.rs`, `import.rs` | what all of them give, and the checkpoint that becomes of it |
//!
//! Whatever is not understood is refused, never passed over.

mod cleanrl;
mod described;
mod foreign;
mod import;
mod modules;
mod numpy;
mod renorm;
mod sac_files;
mod sb3;
mod spinning_up;
mod state_dict;
mod td3_files;
#[cfg(test)]
mod tests;
mod vec_normalize;

pub use import::{Given, import, is_agent};
pub use vec_normalize::Normalise;
