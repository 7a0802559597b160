//! How many runs of a sweep are in each state.

use crate::sweep::state::{State, Status};

/// Returns how many runs are in each state.
pub(super) fn counts(all: &[Status]) -> Vec<(State, usize)> {
    State::ALL.map(|state| (state, all.iter().filter(|s| s.state == state).count())).into()
}

/// Returns the same as text.
pub(super) fn in_words(counts: &[(State, usize)]) -> String {
    let all: usize = counts.iter().map(|(_, count)| count).sum();
    let some = counts.iter().filter(|(_, count)| *count > 0);
    let some: Vec<String> = some.map(|(state, count)| format!("{count} {state}")).collect();
    format!("{all} runs: {}", some.join(", "))
}
