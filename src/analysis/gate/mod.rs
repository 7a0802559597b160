//! Did the action gradient of a critic get worse? A frozen bank of rollouts, and the comparison with it.
//!
//! What is compared is the mean cosine *inside* the box (`docs/estimator.md` §8.3): every state and every
//! coordinate counts alike on both sides, however near to its bounds each actor is. A candidate with the
//! baseline's actor is judged by the stored rollouts, so that both critics face the same noise. Another actor has
//! other returns: its rollouts are made anew on the same states, and the two corrected cosines are compared as
//! independent samples.

mod baseline;
mod outcome;
mod reasons;
mod record;

pub use baseline::{Baseline, Critic};
pub use outcome::{Algos, Comparison};
pub use reasons::conclude;
pub use record::{Counts, Difference, Outcome, Range, Sides, Truth};
