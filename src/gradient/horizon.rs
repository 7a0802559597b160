//! How long rollouts have to be (`docs/estimator.md` §8.5).
//!
//! Two rollouts from slightly different actions lose each other after a while, where contacts and chaos rule, and
//! what follows adds noise only. A pilot of full-length rollouts notes returns along the way. The horizon is the
//! first one after which independent estimates of what the next stretch adds to the gradient hardly agree in a state:
//! where noise takes over. A cosine is asked for, state by state, since a few states may outweigh all others. How
//! much may lie beyond is estimated, too.

use serde::{Deserialize, Serialize};

use super::bank::{Bank, Plan, Tried, make_bank};
use super::pairs::Around;
use super::{Agent, Settings};
use crate::env::Visited;
use crate::error::Result;
use crate::stats::Estimate;
use crate::stats::clusters::clusters;
use crate::stats::similarity::cosine;
use crate::stats::stacked::{Sums, effective, jackknife};
use crate::stats::summary::mean;

/// Horizons that are tried.
pub const CANDIDATES: [u32; 10] = [10, 20, 35, 50, 75, 100, 150, 200, 300, 500];

/// States of a pilot.
pub const PILOT: usize = 30;

/// Mean cosine of two estimates of what a stretch adds below which it is called noise.
pub const NOISE: f64 = 0.1;

/// Why a horizon is what it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "chosen")]
pub enum Choice {
    /// It was asked for.
    Asked,
    /// It is where noise takes over, as a pilot saw.
    Seen {
        /// Squared gradient of what follows, relative to that up to here; unbiased, may be negative.
        beyond: Estimate,
    },
    /// Noise takes over nowhere.
    Full,
}

/// What a pilot says of one horizon.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Steps.
    pub horizon: u32,
    /// Mean cosine of two independent estimates of a state's gradient up to it.
    pub agreement: f64,
    /// The same of what the stretch to the next candidate adds; NaN where nothing follows.
    pub next: f64,
    /// Squared gradient of all that follows, relative to that up to it.
    pub beyond: Estimate,
}

/// Returns what a pilot says of each of its marks.
pub fn candidates(pilot: &Bank) -> Vec<Candidate> {
    let marks = &pilot.plan.marks;
    // Return up to a mark, or at the end.
    let up_to = |tried: &Tried, mark: usize, side: usize| {
        tried.partial[side].get(mark).copied().unwrap_or(tried.returns[side])
    };
    let gradients = |from: Option<usize>, to: usize| -> Vec<Vec<Vec<f64>>> {
        let stretch = |tried: &Tried| {
            [0, 1].map(|side| {
                up_to(tried, to, side) - from.map_or(0.0, |from| up_to(tried, from, side))
            })
        };
        pilot.states.iter().map(|state| state.gradients(Around::Policy, stretch)).collect()
    };
    let agreement = |states: &[Vec<Vec<f64>>]| {
        let cosines: Vec<f64> = states.iter().flat_map(|blocks| pair_cosines(blocks)).collect();
        mean(&cosines)
    };
    let at = |i: usize| {
        let (within, beyond) = (gradients(None, i), gradients(Some(i), marks.len()));
        let rows = within.iter().zip(&beyond).zip(&pilot.states).filter(|((w, _), _)| w.len() >= 2);
        let rows = rows.map(|((w, b), state)| {
            let zero = vec![0.0; state.before_tanh.len()];
            let (w, b) = (Sums::of(w, &zero), Sums::of(b, &zero));
            ([w.truth, b.truth, w.noisy + b.noisy], state.episode)
        });
        let units: Vec<Vec<[f64; 3]>> = clusters(rows);
        let weight = |unit: &Vec<[f64; 3]>| unit.iter().map(|row| row[2]).sum();
        let effective = effective(&units.iter().map(weight).collect::<Vec<f64>>());
        Candidate {
            horizon: marks[i],
            agreement: agreement(&within),
            next: agreement(&gradients(Some(i), i + 1)),
            beyond: jackknife(&units, |[within, beyond, _]| beyond / within, effective),
        }
    };
    (0..marks.len()).map(at).collect()
}

/// The cosine of each pair of a state's blocks, where it is defined.
fn pair_cosines(blocks: &[Vec<f64>]) -> Vec<f64> {
    let of_pair = |(i, a): (usize, &Vec<f64>)| {
        blocks[..i].iter().filter_map(|b| cosine(a, b)).collect::<Vec<f64>>()
    };
    blocks.iter().enumerate().flat_map(of_pair).collect()
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
    let full = settings.horizon(agent.gamma, 0, u32::MAX);
    if settings.horizon.is_some() {
        return Ok((full, Choice::Asked, Vec::new()));
    }
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
    // NaN: nothing follows, for all rollouts have ended.
    let lost = found.iter().find(|candidate| candidate.next < NOISE || candidate.next.is_nan());
    Ok(match lost {
        Some(&Candidate { horizon, beyond, .. }) => (horizon, Choice::Seen { beyond }, found),
        None => (full, Choice::Full, found),
    })
}
