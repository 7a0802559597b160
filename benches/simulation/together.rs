//! Four critics of one actor: how often do all intervals of their differences hold at once?

use hyperl::error::Result;
use hyperl::gradient::bank::{Bank, Plan};
use hyperl::gradient::known::{Critic, Place, Unrest, World};
use hyperl::gradient::paired::{Differences, differences};
use hyperl::gradient::pairs::Around;
use hyperl::gradient::score::{Said, Score, StateScore, ask, scores};
use hyperl::rng::Stream;
use hyperl::stats::Estimate;
use rayon::prelude::*;

use super::mixed::mixed;

/// States from which noise is measured.
const CALIBRATED_BY: usize = 1_000;

/// States from which the true differences are known, without noise.
const KNOWN_BY: usize = 10_000;

/// States of a draw.
const STATES: usize = 100;

/// Noise over signal in a state's mean gradient before tanh.
const NOISE: [f64; 2] = [1.0, 4.0];

/// An exactly right critic, one turned by 60°, one by 45° and a third as large, and one that knows nothing.
fn four(world: &World) -> [Critic; 4] {
    let turned = |degrees: f64, size: f64| {
        let (sin, cos) = degrees.to_radians().sin_cos();
        world.turned(size * cos, size * sin)
    };
    [world.exact(), turned(60.0, 1.0), turned(45.0, 1.0 / 3.0), turned(90.0, 1.0)]
}

/// What four critics say at the states of a bank.
fn ask_four(bank: &Bank, world: &World) -> Result<Vec<Vec<Said>>> {
    let stream = Stream::new(bank.plan.seed, "smoothing");
    four(world).iter().map(|critic| ask(bank, 0, critic, &stream)).collect()
}

/// What a bank says of them.
fn judged(bank: &Bank, said: &[Vec<Said>]) -> Vec<Vec<StateScore>> {
    said.iter().map(|said| scores(&bank.states, said, &bank.plan.around)).collect()
}

fn compared(scores: &[Vec<StateScore>], seed: u64) -> Differences {
    let scores: Vec<&[StateScore]> = scores.iter().map(|states| &states[..]).collect();
    differences(&scores, &mut Stream::new(seed, "differences"))
}

/// Differences of κ, gain and inside of each pair.
fn numbers(found: &Differences) -> Vec<[Estimate; 3]> {
    found.pairs.iter().map(|pair| [pair.kappa, pair.gain, pair.inside]).collect()
}

/// What came of one draw.
struct Draw {
    /// Whether the intervals of all pairs hold: of κ, gain, inside.
    hold: [bool; 3],
    /// Whether κ is resolved, and inside; the program tells no difference of what is not.
    resolved: [bool; 2],
    level: f64,
}

/// Prints the table.
///
/// # Errors
/// Those of the rollouts.
pub(crate) fn print(workers: &rayon::ThreadPool, draws: u64) -> Result<()> {
    println!("## Intervals of four critics together\n");
    println!(
        "As `compare-critics` has them, by {STATES} states: an exact critic, one turned by 60° for"
    );
    println!("each state, one turned by 45° and a third as large, and one turned by 90°. All 18");
    println!("intervals of their differences should hold at once in 0.95 of the draws. `noise` is");
    println!(
        "that of κ's truth. Shares are of the draws in which κ is resolved, those of inside of"
    );
    println!(
        "the draws in which inside is; what is not resolved is not told and cannot fail. Both"
    );
    println!(
        "are in the last column. True differences are those of {KNOWN_BY} states without noise.\n"
    );
    println!("| returns, actor | all hold | κ | gain | inside | level of each | resolved |");
    println!("|---|---|---|---|---|---|---|");
    for place in Place::ALL {
        let large = World::new(place, KNOWN_BY, 77)?;
        let quiet = large.bank(&Plan { blocks: 2, ..large.plan(77) }, workers)?;
        let known = judged(&quiet, &ask_four(&quiet, &large)?);
        let sizes = sizes(&quiet, &known[0], place, workers)?;
        let known = numbers(&compared(&known, 0));
        let draw = |seed: u64| one(place, sizes, 5_000 + seed, &known, workers);
        let found: Result<Vec<[Draw; 2]>> =
            workers.install(|| (0..draws).into_par_iter().map(draw).collect());
        let found = found?;
        for (i, noise) in NOISE.iter().enumerate() {
            let found: Vec<&Draw> = found.iter().map(|draws| &draws[i]).collect();
            row(&format!("noise {noise}, {}", place.name), &found);
        }
    }
    println!();
    Ok(())
}

/// One draw of states, directions and noise, of each size.
fn one(
    place: Place,
    sizes: [f64; 2],
    seed: u64,
    known: &[[Estimate; 3]],
    workers: &rayon::ThreadPool,
) -> Result<[Draw; 2]> {
    let world = World::new(place, STATES, seed)?;
    let noise = world.clone().without_signal().under(Unrest::Noise(1.0));
    let plan = world.plan(seed);
    let (quiet, noise) = (world.bank(&plan, workers)?, noise.bank(&plan, workers)?);
    let said = ask_four(&quiet, &world)?;
    Ok(sizes.map(|size| {
        let bank = mixed(&quiet, 1.0, &noise, size);
        let scores = judged(&bank, &said);
        let found = compared(&scores, seed);
        let hold = [0, 1, 2].map(|k| {
            let numbers = numbers(&found);
            numbers.iter().zip(known).all(|(found, known)| found[k].covers(known[k].value))
        });
        let score = Score::of(&scores[0], bank.plan.blocks, bank.dims());
        Draw { hold, resolved: [score.policy.resolved, score.inside.resolved], level: found.level }
    }))
}

fn row(name: &str, every: &[&Draw]) {
    let share = |of: &[&Draw], is: &dyn Fn(&Draw) -> bool| {
        of.iter().filter(|draw| is(draw)).count() as f64 / of.len() as f64
    };
    let resolved = |number: usize| {
        every.iter().copied().filter(|draw| draw.resolved[number]).collect::<Vec<&Draw>>()
    };
    let (kappa, inside) = (resolved(0), resolved(1));
    let level = every.iter().map(|draw| draw.level).sum::<f64>() / every.len() as f64;
    println!(
        "| {name} | {:.3} | {:.3} | {:.3} | {:.3} | {level:.4} | {:.2}, {:.2} |",
        share(&kappa, &|Draw { hold: [kappa, gain, inside], resolved, .. }| {
            *kappa && *gain && (*inside || !resolved[1])
        }),
        share(&kappa, &|draw| draw.hold[0]),
        share(&kappa, &|draw| draw.hold[1]),
        share(&inside, &|draw| draw.hold[2]),
        share(every, &|draw| draw.resolved[0]),
        share(every, &|draw| draw.resolved[1]),
    );
}

/// Sizes of noise whose variance in a state's mean gradient before tanh is [`NOISE`] times the square of the true one.
fn sizes(
    quiet: &Bank,
    exact: &[StateScore],
    place: Place,
    workers: &rayon::ThreadPool,
) -> Result<[f64; 2]> {
    let world = World::new(place, CALIBRATED_BY, 0)?.without_signal().under(Unrest::Noise(1.0));
    let bank = world.bank(&world.plan(0), workers)?;
    let gradients = bank.states.iter().filter_map(|state| state.truth(Around::Policy));
    let noise = gradients.map(|g| g.iter().map(|x| x * x).sum::<f64>()).sum::<f64>();
    let signal = exact.iter().filter_map(|state| Some(state.smoothed?.truth)).sum::<f64>();
    let (noise, signal) = (noise / CALIBRATED_BY as f64, signal / quiet.states.len() as f64);
    Ok(NOISE.map(|ratio| (ratio * signal / noise).sqrt()))
}
