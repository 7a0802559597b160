//! How long rollouts have to be (`docs/estimator.md` §8.5).
//!
//! Two rollouts from slightly different actions lose each other after a while, where contacts and chaos rule, and
//! what follows adds noise only. A pilot of full-length rollouts notes returns along the way. The horizon is the
//! first one after which nothing more was seen to be added along the gradient up to there, and little could have
//! been missed. Products of different blocks are free of noise, on average.

use serde::{Deserialize, Serialize};

use super::bank::{Bank, Plan, Tried, make_bank};
use super::pairs::Around;
use super::{Agent, Settings};
use crate::env::Visited;
use crate::error::Result;
use crate::stats::Estimate;
use crate::stats::clusters::clusters;
use crate::stats::similarity::dot;
use crate::stats::stacked::{effective, jackknife};

/// Horizons to choose from, in steps.
pub(crate) const CANDIDATES: [u32; 10] = [10, 20, 35, 50, 75, 100, 150, 200, 300, 500];

/// Longest rollouts that are made without being asked for: with γ = 0.9999 rewards matter for 69 000 steps, and a pilot
/// would take hours.
pub const LONGEST: u32 = 2000;

/// States of a pilot.
pub(crate) const PILOT: usize = 60;

/// Half-width of the interval of [`Candidate::missed`] below which little can have been missed.
pub(crate) const CLEAR: f64 = 0.5;

/// Share that may be missed: an interval of [`Candidate::missed`] within ± this is enough.
pub(crate) const LITTLE: f64 = 0.05;

/// Why a horizon is what it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "chosen")]
pub enum Choice {
    /// It was asked for.
    Asked,
    /// A pilot saw nothing added after it.
    Seen {
        /// What follows adds along the gradient up to it, relative to that: what a gain may miss.
        missed: Estimate,
    },
    /// A pilot could not show that a shorter one is enough.
    Full,
    /// Nor that [`LONGEST`] is, after which rewards are still worth something.
    Longest,
}

/// What a pilot says of one horizon.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Steps.
    pub horizon: u32,
    /// `Σ⟨w, r⟩/Σ‖w‖²` of the gradients `w` up to it and `r` of all that follows.
    pub missed: Estimate,
    /// `Σ‖r‖²/Σ‖w‖²`; may be negative.
    pub beyond: Estimate,
}

impl Candidate {
    /// Returns whether rollouts may end there.
    fn is_enough(&self) -> bool {
        let Self { missed, beyond, .. } = self;
        // What follows may be large and at a right angle to what came.
        let surely_more = beyond.low > LITTLE;
        let surely_little = missed.low > -LITTLE && missed.high < LITTLE;
        !surely_more && (surely_little || missed.covers(0.0) && missed.half_width() <= CLEAR)
    }
}

/// Returns what a pilot says of each of its marks.
pub fn candidates(pilot: &Bank) -> Vec<Candidate> {
    let at = |i: usize| {
        let up_to = |tried: &Tried| [0, 1].map(|side: usize| tried.partial[side][i]);
        let after =
            |tried: &Tried| [0, 1].map(|side: usize| tried.returns[side] - tried.partial[side][i]);
        let rows = pilot.states.iter().filter_map(|state| {
            let [within, rest] =
                [state.gradients(Around::Policy, up_to), state.gradients(Around::Policy, after)];
            (within.len() >= 2).then(|| {
                let products = [(&within, &within), (&within, &rest), (&rest, &rest)];
                (products.map(|(a, b)| of_different_blocks(a, b)), state.episode)
            })
        });
        let units: Vec<Vec<[f64; 3]>> = clusters(rows);
        let weight = |unit: &Vec<[f64; 3]>| unit.iter().map(|[w, ..]| w.abs()).sum();
        let effective = effective(&units.iter().map(weight).collect::<Vec<f64>>());
        Candidate {
            horizon: pilot.plan.marks[i],
            missed: jackknife(&units, |[w, wr, _]| wr / w, effective),
            beyond: jackknife(&units, |[w, _, r]| r / w, effective),
        }
    };
    (0..pilot.plan.marks.len()).map(at).collect()
}

/// Mean of `⟨a_b, b_b'⟩` over different blocks.
fn of_different_blocks(a: &[Vec<f64>], b: &[Vec<f64>]) -> f64 {
    let count = a.len() as f64;
    let all = a.iter().map(|x| b.iter().map(|y| dot(x, y)).sum::<f64>()).sum::<f64>();
    let own = a.iter().zip(b).map(|(x, y)| dot(x, y)).sum::<f64>();
    (all - own) / (count * (count - 1.0))
}

/// Chooses how long the rollouts of an agent have to be, from a pilot at the first of `starts`.
///
/// # Errors
/// Those of the rollouts.
pub fn choose_horizon(
    agent: &Agent,
    starts: &[Visited],
    settings: &Settings,
    workers: &rayon::ThreadPool,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(u32, Choice, Vec<Candidate>)> {
    let whole = settings.horizon(agent.gamma, 0, u32::MAX);
    if settings.horizon.is_some() {
        return Ok((whole, Choice::Asked, Vec::new()));
    }
    let full = whole.min(LONGEST);
    let plan = Plan {
        around: vec![Around::Policy],
        horizon: full,
        marks: CANDIDATES.into_iter().filter(|&mark| mark < full).collect(),
        std: settings.std,
        seed: settings.seed,
        ..Plan::default()
    };
    let pilot = &starts[..PILOT.min(starts.len())];
    // States of its own numbers: the bank's directions and noise are independent of the pilot's.
    let bank = make_bank(agent, pilot, usize::MAX - PILOT, &plan, workers, progress)?;
    let found = candidates(&bank);
    Ok(match found.iter().find(|candidate| candidate.is_enough()) {
        Some(&Candidate { horizon, missed, .. }) => (horizon, Choice::Seen { missed }, found),
        None if full < whole => (full, Choice::Longest, found),
        None => (full, Choice::Full, found),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_rest_at_a_right_angle_is_not_left_out() {
        let at = |missed: [f64; 2], beyond: [f64; 2]| {
            let [missed, beyond] = [missed, beyond]
                .map(|[value, half_width]| Estimate::symmetric(value, half_width, PILOT));
            Candidate { horizon: 10, missed, beyond }.is_enough()
        };
        assert!(at([0.005, 0.006], [0.01, 0.02]), "little along it, little across it");
        assert!(!at([0.005, 0.006], [10.3, 5.6]), "ten times as much across it");
        assert!(at([0.1, 0.4], [0.5, 0.6]), "noise hides it");
        assert!(!at([0.1, 0.4], [0.5, 0.3]), "noise does not hide it");
        assert!(!at([0.3, 0.1], [0.0, 0.1]), "much along it");
    }
}
