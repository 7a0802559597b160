//! Does the whole pipeline find a gradient that is known? On linear-quadratic systems it is.
//!
//! From states to compared gradients nothing is replaced but the world, the policy and the critic,
//! whose values and gradients have closed forms. Tolerances are the errors that theory predicts
//! (`docs/estimator.md` §1–2, §4).

mod as_released;
mod degenerate;
mod exact;
mod noise;
mod replicates;
