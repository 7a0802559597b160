//! The estimator of ∂Q/∂a (paper §3 and App. B): states → actions → returns → fit → compare.

pub mod least_squares;
pub mod perturb;

pub use least_squares::{Fit, local_gradient};
pub use perturb::{Cloud, Design, perturb};
