//! Banks of several amounts of unrest from one bank of each of signal and unrest.
//!
//! In the worlds of `hyperl::gradient::known` unrest is added to the rewards and changes nothing else, so that
//! returns are sums: real rollouts of the one plus so many times those of the other.

use hyperl::gradient::bank::Bank;

/// Returns the bank whose returns are `signal` times those of the first plus `size` times those of the second; both are
/// of the same actions.
///
/// # Panics
/// If they are not.
pub(crate) fn mixed(quiet: &Bank, signal: f64, unrest: &Bank, size: f64) -> Bank {
    let mut bank = quiet.clone();
    for (state, other) in bank.states.iter_mut().zip(&unrest.states) {
        for (tried, other) in state.tried.iter_mut().zip(&other.tried) {
            assert_eq!(tried.pair, other.pair, "the same actions");
            for (q, more) in tried.returns.iter_mut().zip(other.returns) {
                *q = signal * *q + size * more;
            }
        }
    }
    bank
}
