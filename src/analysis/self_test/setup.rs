//! How thoroughly known answers are asked for, and of which estimator.

use rayon::prelude::*;

use crate::error::Result;
use crate::gradient::bank::{Bank, Plan};
use crate::gradient::critic_gradient::ActionValue;
use crate::gradient::known::{Critic, Place, Unrest, World};
use crate::gradient::pairs::Around;
use crate::gradient::score::{Score, StateScore, score_states};
use crate::rng::Stream;
use crate::stats::stacked::Sums;

/// An estimator: says how right a critic is by a bank.
pub type Judge<'j> = dyn Fn(&Bank, &dyn ActionValue) -> Result<Score> + Sync + 'j;

/// A kind of unrest, given its size.
pub(super) type Kind = fn(f64) -> Unrest;

/// How known answers are asked for.
pub struct Setup<'s> {
    /// Draws of states and noise for each share.
    pub draws: usize,
    /// Seed of all draws.
    pub seed: u64,
    /// The workers.
    pub workers: &'s rayon::ThreadPool,
    /// The estimator under test: [`judge`], unless a fault is planted.
    pub judge: &'s Judge<'s>,
}

/// Judges a critic by a bank, as `hyperl-analyze cosine` does.
///
/// # Errors
/// Those of the critic.
pub fn judge(bank: &Bank, critic: &dyn ActionValue) -> Result<Score> {
    Ok(Score::of(&states(bank, critic)?, bank.plan.blocks, bank.dims()))
}

/// Judges a critic at each state of a bank.
pub(super) fn states(bank: &Bank, critic: &dyn ActionValue) -> Result<Vec<StateScore>> {
    score_states(bank, 0, critic, &Stream::new(bank.plan.seed, "smoothing"))
}

impl Setup<'_> {
    /// Makes a world's bank, with directions and noise of its own.
    pub(super) fn bank(&self, world: &World, draw: u64) -> Result<Bank> {
        world.bank(&world.plan(draw), self.workers)
    }

    /// Makes a world's bank and judges a critic by it.
    pub(super) fn score(&self, world: &World, critic: &Critic) -> Result<Score> {
        (self.judge)(&self.bank(world, self.seed)?, critic)
    }

    /// Calls `work` with the seed of each draw, in parallel.
    pub(super) fn each_draw<T: Send>(
        &self,
        count: usize,
        work: impl Fn(u64) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let seed = |draw: usize| self.seed.wrapping_mul(1_000_003).wrapping_add(draw as u64);
        self.workers.install(|| (0..count).into_par_iter().map(|draw| work(seed(draw))).collect())
    }

    /// Returns unrest of a kind whose variance in a state's mean gradient is `ratio` times the square of the true
    /// gradient, on average over states.
    pub(super) fn unrest(&self, kind: Kind, ratio: f64, place: Place) -> Result<Unrest> {
        let world = World::new(place, CALIBRATED_BY, self.seed)?;
        let unrest = world.clone().without_signal().under(kind(1.0));
        let [signal, noise] = [world, unrest].map(|world| self.mean_square(&world));
        Ok(kind((ratio * signal? / noise?).sqrt()))
    }

    /// Mean of `‖w̄‖²` over the states of a world.
    fn mean_square(&self, world: &World) -> Result<f64> {
        let plan = Plan { around: vec![Around::Policy], ..world.plan(self.seed) };
        let bank = world.bank(&plan, self.workers)?;
        let squares: Vec<f64> = states(&bank, &Critic::of_values(|_, _| 0.0))?
            .iter()
            .filter_map(|state| state.smoothed.map(|Sums { noisy, .. }| noisy))
            .collect();
        Ok(squares.iter().sum::<f64>() / squares.len() as f64)
    }
}

/// States from which the size of noise is chosen.
const CALIBRATED_BY: usize = 400;
