//! A baseline and candidates whose mean true cosine inside the box is known, in the worlds of
//! `hyperl::gradient::known`.
//!
//! With `g` the true gradient at a state, inside the box, a critic's slope there is `‖g‖ (lean · g/‖g‖ + z)`, `z`
//! standard normal: its cosine has the mean `C_n(lean)` over states, whatever the noise. As after a training of the
//! same data with another seed, the errors `z` of base and candidate have a correlation of 0.7. A critic is linear
//! in the action, so that smoothing leaves its slope as it is.

use hyperl::error::Result;
use hyperl::gradient::bank::{Bank, Plan};
use hyperl::gradient::known::{Place, Unrest, World};
use hyperl::gradient::pairs::Around;
use hyperl::gradient::score::{Said, scores};
use hyperl::rng::Stream;
use hyperl::stats::clusters::clusters;
use hyperl::stats::gate::{Gate, PairedState, Rule};
use hyperl::stats::replicates::Replicates;

use super::mixed::mixed;
use super::world::lean;

/// Mean true cosine of the baseline.
const COSINE: f64 = 0.4;

/// By how much those of the candidates are lower.
pub(crate) const DROPS: [f64; 4] = [0.0, 0.05, 0.10, 0.20];

/// Correlation of the errors of two critics.
const LINEAGE: f64 = 0.7;

/// States and blocks of a baseline, as `hyperl-analyze baseline` makes it.
const STATES: usize = 300;
const BLOCKS: usize = 4;

/// How much of a bank is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Design {
    pub(crate) states: usize,
    pub(crate) blocks: usize,
    /// States of an episode, which share half of the variance of a critic's error.
    pub(crate) in_episode: usize,
}

impl Default for Design {
    /// All of it, in episodes of one state.
    fn default() -> Self {
        Self { states: STATES, blocks: BLOCKS, in_episode: 1 }
    }
}

/// What is added to the rewards of the system.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Noise,
    Chaos,
}

/// Returns of an actor's rollouts inside the box: those of the system so many times, and so much unrest.
#[derive(Clone, Copy)]
pub(crate) struct Mix {
    pub(crate) actor: usize,
    pub(crate) signal: f64,
    pub(crate) kind: Kind,
    pub(crate) size: f64,
}

/// Rollouts of one actor inside the box, with the true gradients there.
struct Rolled {
    quiet: Bank,
    noise: Bank,
    chaos: Bank,
    truths: Vec<Vec<f64>>,
}

/// Rollouts of each actor from the same states.
pub(crate) struct Draw {
    actors: Vec<Rolled>,
    seed: u64,
}

/// Errors of the two critics at a state.
struct Errors {
    base: Vec<f64>,
    candidate: Vec<f64>,
}

impl Draw {
    /// Rolls out the actors of `places`.
    pub(crate) fn new(places: &[Place], seed: u64, workers: &rayon::ThreadPool) -> Result<Self> {
        let actors =
            places.iter().map(|place| Rolled::new(*place, seed, workers)).collect::<Result<_>>()?;
        Ok(Self { actors, seed })
    }

    /// Means of `‖ḡ‖²` over the states of each actor: of the system, of noise and of chaos of size 1.
    pub(crate) fn mean_squares(&self) -> Vec<[f64; 3]> {
        let mean = |bank: &Bank| {
            let gradients = bank.states.iter().filter_map(|state| state.truth(Around::Inside));
            gradients.map(|g| g.iter().map(|x| x * x).sum::<f64>()).sum::<f64>() / STATES as f64
        };
        self.actors.iter().map(|a| [mean(&a.quiet), mean(&a.noise), mean(&a.chaos)]).collect()
    }

    /// Judges a candidate of each drop with the baseline's actor, by the same rollouts.
    pub(crate) fn same_actor(&self, mix: Mix, design: Design) -> Vec<Gate> {
        let (bank, errors) = (self.bank(mix, design), self.errors(design));
        let truths = &self.actors[mix.actor].truths;
        let base = judged(&bank, truths, COSINE, errors.iter().map(|e| &e.base));
        let compare = |drop: &f64| {
            let errors = errors.iter().map(|e| &e.candidate);
            let candidate = judged(&bank, truths, COSINE - drop, errors);
            let pairs = base.iter().zip(&candidate).map(|(b, c)| PairedState::of(b, c));
            Gate::paired(&by_episode(pairs, design), Rule::default())
        };
        DROPS.iter().map(compare).collect()
    }

    /// Judges a candidate of each drop with an actor of its own, by rollouts of its own.
    pub(crate) fn other_actor(&self, base: Mix, candidate: Mix, design: Design) -> Vec<Gate> {
        let errors = self.errors(design);
        let truths = |mix: Mix| &self.actors[mix.actor].truths;
        let bank = self.bank(base, design);
        let first = judged(&bank, truths(base), COSINE, errors.iter().map(|e| &e.base));
        let first = by_episode(first.into_iter(), design);
        let bank = self.bank(candidate, design);
        let compare = |drop: &f64| {
            let errors = errors.iter().map(|e| &e.candidate);
            let second = judged(&bank, truths(candidate), COSINE - drop, errors);
            Gate::regenerated(&first, &by_episode(second.into_iter(), design), Rule::default())
        };
        DROPS.iter().map(compare).collect()
    }

    /// The bank of a mix, as much of it as is looked at.
    fn bank(&self, mix: Mix, design: Design) -> Bank {
        let rolled = &self.actors[mix.actor];
        let unrest = match mix.kind {
            Kind::Noise => &rolled.noise,
            Kind::Chaos => &rolled.chaos,
        };
        let mut bank = mixed(&rolled.quiet, mix.signal, unrest, mix.size);
        bank.states.truncate(design.states);
        for state in &mut bank.states {
            state.tried.retain(|tried| tried.pair.block < design.blocks);
        }
        bank
    }

    fn errors(&self, design: Design) -> Vec<Errors> {
        let mut stream = Stream::new(self.seed, "errors of critics");
        let alone = if design.in_episode > 1 { 0.5 } else { 1.0 };
        let dims = self.actors[0].quiet.dims();
        let mut draw = || (0..dims).map(|_| stream.normal()).collect::<Vec<f64>>();
        let mix = |a: &[f64], b: &[f64], share: f64| -> Vec<f64> {
            a.iter().zip(b).map(|(a, b)| share.sqrt() * a + (1.0 - share).sqrt() * b).collect()
        };
        let mut shared: Vec<Vec<f64>> = Vec::new();
        let mut errors = Vec::with_capacity(design.states);
        for state in 0..design.states {
            if state % design.in_episode == 0 {
                shared = (0..3).map(|_| draw()).collect();
            }
            let drawn: Vec<Vec<f64>> = shared.iter().map(|s| mix(&draw(), s, alone)).collect();
            errors.push(Errors {
                base: mix(&drawn[0], &drawn[1], LINEAGE),
                candidate: mix(&drawn[0], &drawn[2], LINEAGE),
            });
        }
        errors
    }
}

impl Rolled {
    fn new(place: Place, seed: u64, workers: &rayon::ThreadPool) -> Result<Self> {
        let world = World::new(place, STATES, seed)?;
        let around = vec![Around::Inside];
        let plan = Plan { around, blocks: BLOCKS, ..world.plan(seed) };
        let alone = |unrest| world.clone().without_signal().under(unrest).bank(&plan, workers);
        let truth = |s: &Vec<f64>| {
            let centre = Around::Inside.centre(&world.before_tanh(s), plan.std);
            world.system().q_gradient_within(s, &centre, world.horizon).to_vec()
        };
        Ok(Self {
            quiet: world.bank(&plan, workers)?,
            noise: alone(Unrest::Noise(1.0))?,
            chaos: alone(Unrest::Chaos(1.0))?,
            truths: world.states.iter().map(truth).collect(),
        })
    }
}

/// What a bank says of a critic with these errors.
fn judged<'e>(
    bank: &Bank,
    truths: &[Vec<f64>],
    cosine: f64,
    errors: impl Iterator<Item = &'e Vec<f64>>,
) -> Vec<Replicates> {
    let lean = lean(cosine, bank.dims());
    let says = |(g, z): (&Vec<f64>, &Vec<f64>)| {
        let length = g.iter().map(|g| g * g).sum::<f64>().sqrt();
        let slope: Vec<f64> = g.iter().zip(z).map(|(g, z)| lean * g + length * z).collect();
        Said { local: slope.clone(), smoothed: vec![[slope.clone(), slope]] }
    };
    let said: Vec<Said> = truths.iter().zip(errors).map(says).collect();
    let scores = scores(&bank.states, &said, &bank.plan.around);
    scores.iter().map(|score| score.inside.expect("returns that differ")).collect()
}

fn by_episode<T>(states: impl Iterator<Item = T>, design: Design) -> Vec<Vec<T>> {
    clusters(states.enumerate().map(|(number, state)| (state, Some(number / design.in_episode))))
}
