//! The numbers of a set of states, corrected for the noise in their rollouts.
//!
//! The raw mean cosine falls as rollouts get noisier, whatever the critic. Independent replicates
//! ([`Replicates`]) tell how far: `corrected = mean cos(ĝ_b, v) / C`, where the ceiling `C` of one
//! block is `√(mean cos(ĝ_b, ĝ_b'))` (mind the root: agreement is `C²`). Where states differ in
//! their noise, this estimates `E[C·c]/√E[C²]`, a mean cosine in which clear states weigh more;
//! with four blocks the denominator becomes `E[C]`, for a beta-distributed `C²`.
//!
//! The ceiling is noisy, too, and least known just where it came out too high by chance. So the interval of
//! `corrected` is Fieller's, with the ceiling below the line.
//!
//! The stacked cosine is that of all states' gradients as one long vector: states without a
//! gradient weigh nothing, and it needs no ceiling.
//!
//! # References
//! Spearman, Am. J. Psychol. 1904 (correction for attenuation); `docs/estimator.md` §2.4–2.5.

use statrs::function::gamma::ln_gamma;

use super::lift::Lift;
use super::quotient::Quotient;
use super::replicates::Replicates;
use super::resample::{freedom_of_clusters, jackknife_of_clusters, pseudo_values_of_clusters};
use super::summary::positive;
use super::{Estimate, LEVEL};

/// A correction is trusted where the lower bound of the mean agreement is above this.
pub const RESOLVED_ABOVE: f64 = 0.05;

/// Fewest states for a correction: a few that happen to agree have a narrow interval.
pub const FEWEST_STATES: usize = 10;
/// Fewest independent units, such as episodes, for a correction, however many states they hold.
pub const FEWEST_UNITS: usize = 5;

/// A set of states in a few numbers; cosines unless said otherwise, never clipped to `[−1, 1]`.
///
/// Whatever would need the root of a negative number is NaN; so is an interval when one of the
/// values behind it is.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Corrected {
    /// Mean cosine of the critic and the fit to all rollouts: the paper's number.
    pub raw: Estimate,
    /// Mean cosine of the critic and a block.
    pub block: Estimate,
    /// Mean cosine of two blocks; estimates `C²`.
    pub agreement: Estimate,
    /// What an exactly right critic would score as `block`. `√m₂`, or, if all states have four
    /// blocks, `E√X` of a beta-distributed `X` with the means `m₂`, `m₄` of pairs and of quads.
    pub ceiling_block: Estimate,
    /// What an exactly right critic would score as `raw`; see [`Lift::ceiling`].
    pub ceiling: Estimate,
    /// The mean cosine without the noise of the rollouts: `block / ceiling_block`. An end of its interval that has
    /// no bound, since the ceiling may be nothing, is ±1.
    pub corrected: Estimate,
    /// `Σ⟨g, v⟩ / √(Σ‖g‖²·Σ‖v‖²)` over states, from unbiased sums.
    pub stacked: Estimate,
    /// `√(Σ‖v − g‖² / Σ‖g‖²)`: the critic's error relative to the truth (no unit; 0 if the
    /// unbiased sum of errors is negative, as it is half of the time for an exact critic).
    pub alpha: Estimate,
    /// The mean cosine where every state weighs the same, by extrapolation to infinitely many
    /// rollouts, `(B·raw − block)/(B − 1)` with `B` blocks; it corrects too little under much
    /// noise.
    pub second_opinion: f64,
    /// Whether `corrected` and `second_opinion` differ by more than chance (95 % interval, some two
    /// standard errors): right and clear states then go together. `corrected` is first scaled by
    /// what the extrapolation makes of an exactly right critic at these ceilings (by 1 if there
    /// is no `ceiling`), so that its own shortfall does not count.
    pub depends_on_snr: bool,
    /// Whether the rollouts agree well enough to trust the corrected numbers: the one-sided 95 % lower bound of
    /// `agreement` lies above [`RESOLVED_ABOVE`].
    pub resolved: bool,
    /// Number of states.
    pub states: usize,
}

/// Returns the numbers of `states` that were drawn independently of each other, with delete-one-state
/// jackknife-t intervals at `level`. All are NaN without states; there are no intervals from one state.
pub fn correct(states: &[Replicates], lift: Lift, level: f64) -> Corrected {
    correct_units(&states.iter().map(|state| vec![*state]).collect::<Vec<_>>(), lift, level)
}

/// Returns the numbers of the states of independent `units`, such as the episodes in which training
/// visited them: states of one episode resemble each other.
///
/// Values are those of all states; intervals, and whether rollouts agree, leave one unit out at a time.
/// Units without states do not count.
pub fn correct_units(units: &[Vec<Replicates>], lift: Lift, level: f64) -> Corrected {
    let rows = rows_of(units);
    let states = rows.iter().map(Vec::len).sum();
    let drawn = rows.iter().filter(|unit| !unit.is_empty()).count();
    let interval_at = |level, stat: Statistic| {
        jackknife_of_clusters(&rows, |means| stat(&Replicates::of_row(means)), level)
    };
    let interval = |stat: Statistic| interval_at(level, stat);
    let blocks = lift.blocks() as f64;
    let second_opinion = |m: &Replicates| (blocks * m.full - m.block) / (blocks - 1.0);
    let of_means = |stat: fn(&Replicates) -> f64| move |row| stat(&Replicates::of_row(row));
    let over_ceiling =
        Quotient::of(&rows, of_means(|m| m.block), of_means(|m| ceiling_block(m.pair, m.quad)));
    let ceiling_block = interval(&|m| ceiling_block(m.pair, m.quad));
    let ceiling = ceiling_block.map_rising(|c| lift.ceiling(c));
    // What the extrapolation makes of an exactly right critic if all states are alike.
    let exact = (blocks * ceiling.value - ceiling_block.value) / (blocks - 1.0);
    let exact = if exact.is_nan() { 1.0 } else { exact };
    let gap = interval_at(LEVEL, &|m| exact * corrected_cosine(m) - second_opinion(m));
    let alpha_square = interval(&|m| m.error_square / positive(m.truth_square));
    Corrected {
        raw: interval(&|m| m.full),
        block: interval(&|m| m.block),
        agreement: interval(&|m| m.pair),
        ceiling_block,
        ceiling,
        corrected: over_ceiling.corrected(1.0, level, freedom_of_clusters(&rows)),
        stacked: interval(&|m| m.dot / (positive(m.truth_square) * m.critic_square).sqrt()),
        alpha: alpha_square.map_rising(|square| square.clamp(0.0, f64::INFINITY).sqrt()),
        second_opinion: interval(&second_opinion).value,
        depends_on_snr: gap.half_width().is_finite() && !gap.covers(0.0),
        resolved: enough(states, drawn)
            && interval_at(ONE_SIDED_95, &|m| m.pair).low > RESOLVED_ABOVE,
        states,
    }
}

fn rows_of(units: &[Vec<Replicates>]) -> Vec<Vec<[f64; 8]>> {
    units.iter().map(|states| states.iter().map(Replicates::row).collect()).collect()
}

/// Returns the numbers of the states of several clusters, such as tasks, whose states share what the cluster
/// drew.
///
/// Values are those of all states, as [`correct`] has them; intervals leave one cluster out at a time, and
/// so are of the population of clusters. `resolved` and `depends_on_snr` are those of [`correct`]: they are about
/// these states. So are all numbers of a single cluster. There are no intervals where all states are of one cluster
/// of several.
pub fn correct_clusters(clusters: &[Vec<Replicates>], lift: Lift, level: f64) -> Corrected {
    let alone = correct(&clusters.concat(), lift, level);
    if clusters.len() < 2 {
        return alone;
    }
    let Corrected { resolved, depends_on_snr, .. } = alone;
    Corrected { depends_on_snr, resolved, ..correct_units(clusters, lift, level) }
}

/// Returns [`Replicates::pair`], the agreement of the blocks, of each state of each unit.
pub(crate) fn agreements(units: &[Vec<Replicates>]) -> Vec<Vec<[f64; 1]>> {
    units.iter().map(|states| states.iter().map(|state| [state.pair]).collect()).collect()
}

/// Returns the one-sided 95 % lower bound of the mean agreement of blocks, from [`Replicates::pair`] of the
/// states of each independent unit; NaN below two units.
pub fn mean_pair_lower(units: &[Vec<[f64; 1]>]) -> f64 {
    jackknife_of_clusters(units, |[pair]| pair, ONE_SIDED_95).low
}

/// Tells whether the blocks agree well enough, from [`Replicates::pair`] of the states of each independent unit.
pub fn is_resolved(units: &[Vec<[f64; 1]>]) -> bool {
    let states = units.iter().map(Vec::len).sum();
    let drawn = units.iter().filter(|unit| !unit.is_empty()).count();
    enough(states, drawn) && mean_pair_lower(units) > RESOLVED_ABOVE
}

/// Tells whether there are enough states, of enough units, for a correction.
pub fn enough(states: usize, units: usize) -> bool {
    states >= FEWEST_STATES && units >= FEWEST_UNITS
}

/// Returns what an exactly right critic scores in one block, from means over states of `X = C²` and, with four
/// blocks, of `X²`: `E[√X]`. `X` is taken to be beta-distributed, which is right where states are alike and where they
/// are clear or hopeless.
///
/// NaN if the blocks do not agree at all.
pub(crate) fn ceiling_block(pair: f64, quad: f64) -> f64 {
    let variance = quad - pair * pair;
    let most = pair * (1.0 - pair);
    if pair.is_nan() || pair <= 0.0 {
        f64::NAN
    } else if quad.is_nan() {
        pair.sqrt()
    } else if variance <= 0.0 {
        // By chance. What the law is for a small variance goes on on this side.
        pair.sqrt() * (1.0 - variance / (8.0 * pair * pair))
    } else if variance >= most {
        pair
    } else {
        let sum = most / variance - 1.0; // of both parameters of the law
        half_step(pair * sum) / half_step(sum)
    }
}

/// `Γ(x + ½)/Γ(x)`, also where both are huge.
fn half_step(x: f64) -> f64 {
    if x < 100.0 {
        return (ln_gamma(x + 0.5) - ln_gamma(x)).exp();
    }
    let y = 1.0 / x;
    x.sqrt() * (1.0 - y / 8.0 + y * y / 128.0 + 5.0 * y.powi(3) / 1024.0)
}

/// Returns the corrected cosine from means over states.
pub(super) fn corrected_cosine(means: &Replicates) -> f64 {
    means.block / ceiling_block(means.pair, means.quad)
}

/// Returns one value for each independent unit whose mean is the corrected cosine of all states, up to
/// the jackknife's bias, and whose spread is its uncertainty.
pub fn corrected_pseudo_values(units: &[Vec<Replicates>]) -> Vec<f64> {
    pseudo_values_of_clusters(&rows_of(units), |means| corrected_cosine(&Replicates::of_row(means)))
}

/// Level of a two-sided interval whose ends are one-sided 95 % bounds.
const ONE_SIDED_95: f64 = 0.90;

/// A number of a set of states, from the means of their replicates.
type Statistic<'a> = &'a dyn Fn(&Replicates) -> f64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_blocks_take_the_spread_of_the_noise_into_account() {
        // Half of the states have C = 0.9, half C = 0.5: E[C] = 0.7, √E[C²] = 0.728.
        let of = |c: f64| (c.powi(2), c.powi(4));
        let ((a2, a4), (b2, b4)) = (of(0.9), of(0.5));
        let (m2, m4) = (0.5 * (a2 + b2), 0.5 * (a4 + b4));
        assert!((ceiling_block(m2, m4) - 0.7).abs() < 7e-3);
        assert!((ceiling_block(m2, f64::NAN) - 0.728).abs() < 1e-3);
    }

    #[test]
    fn of_a_uniform_square_the_mean_root_is_two_thirds() {
        // E[X] = 1/2, E[X²] = 1/3, E[√X] = 2/3; and of X = C² with C uniform 1/2.
        assert!((ceiling_block(0.5, 1.0 / 3.0) - 2.0 / 3.0).abs() < 1e-12);
        assert!((ceiling_block(1.0 / 3.0, 0.2) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_third_of_clear_states_among_hopeless_ones_is_a_third_and_equal_states_are_a_root() {
        assert!((ceiling_block(1.0 / 3.0, 1.0 / 3.0) - 1.0 / 3.0).abs() < 1e-12);
        for variance in [-1e-13, 0.0, 1e-13, 1e-9] {
            assert!((ceiling_block(0.49, 0.49 * 0.49 + variance) - 0.7).abs() < 1e-8);
        }
        // Nor is there a step between the two ways to write it.
        let near = |x: f64| half_step(100.0 * x);
        assert!((near(1.0 - 1e-12) / near(1.0 + 1e-12) - 1.0).abs() < 1e-10);
    }

    #[test]
    fn blocks_that_do_not_agree_have_no_ceiling() {
        assert!([0.0, -0.1, f64::NAN].iter().all(|m2| ceiling_block(*m2, 0.1).is_nan()));
    }
}
