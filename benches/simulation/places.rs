//! Tables of what lab mode says wherever the actor is, and of nothing but noise.

use hyperl::rng::Stream;
use hyperl::stats::corrected::{Corrected, correct};
use hyperl::stats::gate::{Gate, PairedState, Rule};
use hyperl::stats::verdict::Verdict;
use rayon::prelude::*;

use super::world::{Design, World, lean};
use super::{COSINE, alone, cells, shares};

/// Where an actor can be: in words, blocks, its action, coordinates with room.
const PLACES: [(&str, usize, &[f64], usize); 6] = [
    ("hopper, free", 4, &[0.1, -0.2, 0.0], 3),
    ("hopper, one of three free", 4, &[1.0, 0.1, -1.0], 1),
    ("hopper, one of three near its bound, two at it", 4, &[1.0, 0.9, -1.0], 1),
    ("half-cheetah, free", 2, &[0.1, -0.2, 0.0, 0.1, 0.2, -0.1], 6),
    ("half-cheetah, half at the bound", 2, &[1.0, 0.1, -1.0, 0.0, -0.2, 1.0], 3),
    ("half-cheetah, two of six free", 2, &[1.0, 0.1, -1.0, 1.0, -0.2, 1.0], 2),
];

fn place((_, blocks, centre, dims): (&str, usize, &'static [f64], usize), snr: f64) -> World {
    World { dims, design: Design::Real { blocks, centre }, snr, spread: 0.0 }
}

/// Coverage wherever the actor is.
pub(super) fn coverage() {
    println!("## Coverage where actors are saturated\n");
    println!(
        "100 states, 500 trials (standard error 0.010), ρ = 1 where the box leaves room. `exact`:"
    );
    println!(
        "coverage of 1 by the corrected and the stacked cosine of an exactly right critic, of 0.4"
    );
    println!(
        "by the corrected cosine of one with that mean cosine; raw cosine of the exact critic minus"
    );
    println!("its ceiling, mean over the resolved trials.\n");
    println!(
        "| actor | resolved | exact, corrected | exact, stacked | 0.4, corrected | raw − ceiling |"
    );
    println!("|---|---|---|---|---|---|");
    for at in PLACES {
        let world = place(at, 1.0);
        let lean = lean(COSINE, world.dims);
        let trials: Vec<[Corrected; 2]> = (0..500)
            .into_par_iter()
            .map(|seed| {
                let stream = &mut Stream::new(seed, "places");
                let judged = (0..100).map(|_| {
                    let truth = world.truth(stream);
                    let mut exact = vec![0.0; world.dims];
                    exact[0] = 1.0;
                    let critic = world.critic(&truth, lean, stream);
                    (truth.judge(&exact), truth.judge(&critic))
                });
                let (exact, critic): (Vec<_>, Vec<_>) = judged.unzip();
                [exact, critic].map(|states| correct(&states, world.lift(), 0.95))
            })
            .collect();
        let resolved: Vec<_> = trials.iter().filter(|[exact, _]| exact.resolved).collect();
        let share = |is: &dyn Fn(&[Corrected; 2]) -> bool| {
            resolved.iter().filter(|trial| is(trial)).count() as f64 / resolved.len() as f64
        };
        let gap = resolved.iter().map(|[e, _]| e.raw.value - e.ceiling.value).sum::<f64>();
        let row = [
            resolved.len() as f64 / trials.len() as f64,
            share(&|[exact, _]| exact.corrected.covers(1.0)),
            share(&|[exact, _]| exact.stacked.covers(1.0)),
            share(&|[_, critic]| critic.corrected.covers(COSINE)),
            gap / resolved.len() as f64,
        ];
        println!("| {} |{}", at.0, cells(&row));
    }
    println!();
}

/// What is said of a truth that is not there.
pub(super) fn noise() {
    println!("## Nothing but noise\n");
    println!(
        "Returns that do not depend on the action; two critics that have nothing to do with each"
    );
    println!(
        "other. 300 trials (standard error 0.013 at 0.05). Resolved, alarm and pass are all false.\n"
    );
    println!("| actor | states | resolved | alarm | pass |");
    println!("|---|---|---|---|---|");
    for at in PLACES {
        for states in [30, 300] {
            let world = place(at, 1e-12);
            let found = shares(300, "noise", |stream| {
                let judged = (0..states).map(|_| {
                    let truth = world.truth(stream);
                    world.two_critics(&truth, [0.0; 2], 0.0, stream).map(|c| truth.judge(&c))
                });
                let (base, candidate): (Vec<_>, Vec<_>) = judged.map(|[a, b]| (a, b)).unzip();
                let pairs = base.iter().zip(&candidate).map(|(b, c)| PairedState::of(b, c));
                let gate = Gate::paired(&alone(pairs.collect()), Rule::default());
                [
                    correct(&base, world.lift(), 0.95).resolved,
                    gate.verdict == Verdict::Regressed,
                    gate.verdict == Verdict::NonInferior,
                ]
            });
            println!("| {} | {states} |{}", at.0, cells(&found));
        }
    }
    println!();
}
