//! A study: which runs, what is measured of them, what is compared, and what that says of a claim.
//!
//! | file | what it holds |
//! |---|---|
//! | `spec.rs` | one figure or table as a file, whatever it measures |
//! | `former.rs` | keys and names of earlier specs, and what replaced them |
//! | `selection.rs`, `find.rs` | which runs are selected, and which of them are there |
//! | `contrast.rs` | the difference between two series, paired by run and step |
//! | `claim.rs` | what comparisons say of a claim |
//! | `printed_claim.rs` | the paper's claims, and what its own tables say of them |

pub(crate) mod claim;
pub(crate) mod contrast;
mod find;
mod former;
pub(crate) mod printed_claim;
pub(crate) mod selection;
pub mod spec;

pub(crate) use find::{Found, Missing, Planned};
