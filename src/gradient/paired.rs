//! How far apart critics of one actor are, judged by the same bank (`docs/estimator.md` §8.9).
//!
//! Two critics that one bank judges share its noise and its states, so that their difference is known far better
//! than either. Intervals leave one episode out at a time and hold for all pairs of critics and all three numbers at
//! once, so that the largest difference can be picked.

use serde::Serialize;

use super::score::StateScore;
use crate::rng::Stream;
use crate::stats::clusters::clusters;
use crate::stats::corrected::ceiling_block;
use crate::stats::quotient::Quotient;
use crate::stats::resample::freedom_of_clusters;
use crate::stats::simultaneous::{LeftOut, level_of_each};
use crate::stats::stacked::effective;
use crate::stats::{Estimate, LEVEL};

/// Relative difference of two numbers up to which it is taken for rounding.
const ROUNDING: f64 = 1e-9;

/// One critic's numbers less another's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// Number of the first critic, from 0.
    pub first: usize,
    /// Number of the second.
    pub second: usize,
    /// Of κ.
    pub kappa: Estimate,
    /// Of gain.
    pub gain: Estimate,
    /// Of the mean cosine inside the box.
    pub inside: Estimate,
}

/// All differences of some critics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Differences {
    /// Level of each interval, so that all hold together at 95 %.
    pub level: f64,
    /// One for each pair.
    pub pairs: Vec<Difference>,
}

/// Returns how far apart critics are, from their scores at the states of one bank; `stream` draws the level of the
/// intervals.
///
/// # Panics
/// If they are of different numbers of states.
pub fn differences(critics: &[&[StateScore]], stream: &mut Stream) -> Differences {
    let pairs: Vec<(usize, usize)> =
        (0..critics.len()).flat_map(|a| (a + 1..critics.len()).map(move |b| (a, b))).collect();
    let numbers: Vec<Numbers> =
        pairs.iter().map(|&(a, b)| Numbers::of(critics[a], critics[b])).collect();
    let all: Vec<LeftOut> = numbers.iter().flat_map(|numbers| numbers.left_out.clone()).collect();
    let level = level_of_each(&all, LEVEL, stream);
    let difference = |(&(first, second), numbers): (&(usize, usize), &Numbers)| {
        let gain = numbers.left_out[1].interval(level);
        let kappa = numbers.kappa.cosine(2.0, level, numbers.kappa_freedom);
        let inside = numbers.inside.corrected(2.0, level, numbers.inside_freedom);
        Difference { first, second, kappa, gain, inside }
    };
    Differences { level, pairs: pairs.iter().zip(&numbers).map(difference).collect() }
}

/// How far apart two critics are.
struct Numbers {
    /// Differences of κ, gain and inside, with what leaving out each episode does to them.
    left_out: [LeftOut; 3],
    /// That of κ over the root of the truth's square.
    kappa: Quotient,
    /// Its degrees of freedom.
    kappa_freedom: f64,
    /// That of inside over the ceiling.
    inside: Quotient,
    /// Its degrees of freedom.
    inside_freedom: f64,
}

impl Numbers {
    fn of(a: &[StateScore], b: &[StateScore]) -> Self {
        assert_eq!(a.len(), b.len(), "critics judged by one bank");
        let episodes = clusters(a.iter().zip(b).map(|states| (states, states.0.episode)));
        let policy = |(a, b): &(&StateScore, &StateScore)| {
            let (a, b) = (a.smoothed?, b.smoothed?);
            Some([a.dot, a.critic, b.dot, b.critic, a.truth, a.noisy])
        };
        let rows: Vec<Vec<[f64; 6]>> =
            episodes.iter().map(|episode| episode.iter().filter_map(policy).collect()).collect();
        // As many episodes as count for the critics, and for κ also those that count for the truth.
        let freedom = |columns: &[usize]| {
            let counted = |column: &usize| {
                let filled = rows.iter().filter(|rows| !rows.is_empty());
                let of_episode = |rows: &Vec<[f64; 6]>| rows.iter().map(|row| row[*column]).sum();
                effective(&filled.map(of_episode).collect::<Vec<f64>>())
            };
            (columns.iter().map(counted).fold(f64::INFINITY, f64::min) - 1.0).max(1.0)
        };
        let (of_critics, of_all) = (freedom(&[1, 3]), freedom(&[1, 3, 5]));
        let inside = |(a, b): &(&StateScore, &StateScore)| {
            // A critic without a gradient there has cosine 0, as in the gate.
            let [a, b] = [a, b].map(|score| score.inside.or(score.silent));
            let (a, b) = (a?, b?);
            Some([a.block, b.block, a.pair, a.quad])
        };
        let within: Vec<Vec<[f64; 4]>> =
            episodes.iter().map(|episode| episode.iter().filter_map(inside).collect()).collect();
        let along = |[n, v, m, w, ..]: [f64; 6]| apart(n / v.sqrt(), m / w.sqrt());
        let size = |[.., u, _]: [f64; 6]| u;
        let of_within = freedom_of_clusters(&within);
        let blocks = |[a, b, ..]: [f64; 4]| apart(a, b);
        let ceiling = |[.., pair, quad]: [f64; 4]| ceiling_block(pair, quad);
        let left_out = [
            LeftOut::of(&rows, |sums| along(sums) / size(sums).sqrt(), of_all),
            LeftOut::of(&rows, |[n, v, m, w, ..]| apart(n / v, m / w), of_critics),
            LeftOut::of(&within, |means| blocks(means) / ceiling(means), of_within),
        ];
        Self {
            left_out,
            kappa: Quotient::of(&rows, along, size),
            kappa_freedom: of_all,
            inside: Quotient::of(&within, blocks, ceiling),
            inside_freedom: of_within,
        }
    }
}

/// One number less another, 0 where that is rounding.
fn apart(a: f64, b: f64) -> f64 {
    if (a - b).abs() <= ROUNDING * a.abs().max(b.abs()) { 0.0 } else { a - b }
}
