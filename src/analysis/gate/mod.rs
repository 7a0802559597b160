//! Did the action gradient of a critic get worse? A frozen bank of states, and the comparison with it.
//!
//! [`baseline`] freezes states with their rollouts; [`Comparison`] judges a candidate against them.
//! A candidate with the baseline's actor is judged by the stored rollouts, so that both critics
//! face the same noise. Another actor has other returns: its rollouts are made anew on the same
//! states, and the two corrected cosines are compared as independent samples, over the states that
//! are usable on both sides: a mean over other states is another number.

mod bank;
mod outcome;
mod record;
mod words;

pub use bank::{BankState, Baseline, Oddities, baseline};
pub use outcome::{Algos, Comparison};
pub use record::{Counts, Difference, Learnable, Outcome, Range, Seeds, Side, Sides, Truth};
pub use words::conclude;
