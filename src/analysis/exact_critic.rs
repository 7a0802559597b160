//! In which share of some states an exactly right critic would be above a threshold.

use super::noise::{corrected, lift};
use super::table::StateRow;
use crate::gradient::Settings;
use crate::stats::lift::Lift;
use crate::stats::signal_law::SignalLaw;

/// An exactly right critic, seen through the noise of these rollouts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ExactCritic {
    law: SignalLaw,
    /// Share of states in which a cosine is defined; the others are above nothing.
    defined: f64,
}

impl ExactCritic {
    /// Finds it from the rows of one environment, measured in lab mode.
    ///
    /// `None` where it cannot be told: independent estimates of the true gradient do not agree, or the design is the
    /// paper's, whose two halves do not tell how the noise differs from state to state.
    pub(crate) fn of(rows: &[&StateRow], settings: &Settings) -> Option<Self> {
        let Lift::Orthogonal { blocks, dims } = lift(rows, settings) else { return None };
        if !corrected(rows.iter().copied(), settings).resolved {
            return None;
        }
        let agreement: Vec<f64> =
            rows.iter().filter_map(|row| row.replicates()).map(|r| r.pair).collect();
        let defined = agreement.len() as f64 / rows.len() as f64;
        SignalLaw::of(&agreement, blocks, dims).map(|law| Self { law, defined })
    }

    /// Returns the share of all states in which its cosine with the estimate of the truth exceeds `tau`.
    pub(crate) fn above(&self, tau: f64) -> f64 {
        self.defined * self.law.exact_above(tau)
    }
}
