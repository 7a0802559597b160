//! How often do intervals cover, gates alarm, and drops pass, where the truth is known?
//!
//! Prints the tables of `operating_characteristics.md` beside this file:
//!
//! ```text
//! cargo bench --bench operating_characteristics > benches/operating_characteristics.md
//! cargo bench --bench operating_characteristics -- gates   # one table: coverage, gates,
//!                                                          # regenerated or families
//! ```
//!
//! Every trial has a random stream of its own, so the numbers do not depend on the threads.

#![allow(clippy::print_stdout, reason = "a table on standard output is what it is for")]

use hyperl::rng::Stream;
use hyperl::stats::Estimate;
use hyperl::stats::corrected::correct;
use hyperl::stats::gate::{Gate, PairedState, Rule};
use hyperl::stats::replicates::Replicates;
use hyperl::stats::verdict::{Family, Verdict};
use rayon::prelude::*;

use world::{Design, World, lean};

#[path = "simulation/world.rs"]
mod world;

/// Mean true cosine of the critics, where not said otherwise.
const COSINE: f64 = 0.4;

/// The tables by name, in their order.
const TABLES: [(&str, fn()); 4] = [
    ("coverage", coverage),
    ("gates", gates),
    ("regenerated", regenerated),
    ("families", families),
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    if wanted.is_empty() {
        header();
    }
    for (name, table) in TABLES {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            table();
        }
    }
}

fn header() {
    println!("# Operating characteristics\n");
    println!("Made by `cargo bench --bench operating_characteristics`; level 95 %, α = 0.05.\n");
    println!("States have a lognormal signal-to-noise ratio ρ of one rollout: median 0.3 and");
    println!("standard deviation `spread` of ln ρ. Critics have a mean true cosine of 0.4, or are");
    println!(
        "exact. `lab, B` is the real design of lab mode inside the box, B blocks of ± pairs, with"
    );
    println!(
        "returns that depend on the actions; `paper, Nr` is Nr Gaussian rollouts, corrected by ten"
    );
    println!("random half splits. Every state is an episode of its own.\n");
}

/// States of an episode each.
fn alone<T>(states: Vec<T>) -> Vec<Vec<T>> {
    states.into_iter().map(|state| vec![state]).collect()
}

/// The shares of `trials` in which each of `N` things happened.
fn shares<const N: usize>(
    trials: u64,
    name: &str,
    trial: impl Fn(&mut Stream) -> [bool; N] + Sync,
) -> [f64; N] {
    let hits: Vec<[bool; N]> =
        (0..trials).into_par_iter().map(|seed| trial(&mut Stream::new(seed, name))).collect();
    std::array::from_fn(|i| hits.iter().filter(|hit| hit[i]).count() as f64 / trials as f64)
}

/// Cells of a row of a table.
fn cells(shares: &[f64]) -> String {
    shares.iter().fold(String::new(), |row, share| row + &format!(" {share:.3} |"))
}

fn lab(dims: usize, blocks: usize, spread: f64) -> World {
    World { dims, design: Design::Real { blocks }, snr: 0.3, spread }
}

fn paper(dims: usize, rollouts: usize, spread: f64) -> World {
    World { dims, design: Design::Paper { rollouts }, snr: 0.3, spread }
}

fn name(world: &World) -> String {
    let design = match world.design {
        Design::Lab { blocks } | Design::Real { blocks } => format!("lab, {blocks}"),
        Design::Paper { rollouts } => format!("paper, {rollouts}"),
    };
    format!("{design} | {} | {:.1}", world.dims, world.spread)
}

/// Coverage of the intervals.
fn coverage() {
    println!("## Coverage of the 95 % intervals\n");
    println!("`limit` is what the number tends to with ever more states, `true` the mean cosine");
    println!(
        "without noise. 500 trials (standard error 0.010), 200 of the paper's design (0.015)."
    );
    println!("`resolved`: share in which the rollouts agreed well enough to be believed.\n");
    println!(
        "| design | Na | spread | critic | states | raw, limit | raw, true | corrected, limit | corrected, true | stacked, true | resolved |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for spread in [0.0, 1.0] {
        for (dims, blocks) in [(3, 2), (6, 2), (8, 2), (3, 4), (6, 4)] {
            let sizes: &[usize] = if spread > 0.0 { &[30, 100, 300] } else { &[100] };
            for &states in sizes {
                covers(&lab(dims, blocks, spread), COSINE, states, 500);
            }
            covers(&lab(dims, blocks, spread), 1.0, 100, 500);
        }
        for (dims, rollouts) in [(3, 15), (6, 30)] {
            covers(&paper(dims, rollouts, spread), COSINE, 100, 200);
        }
    }
    println!();
}

/// One row of the table of coverage.
fn covers(world: &World, cosine: f64, states: usize, trials: u64) {
    let exact = cosine >= 1.0;
    let lean = if exact { 0.0 } else { lean(cosine, world.dims) };
    // E⟨g, v⟩/√(E‖g‖²·E‖v‖²) of v = ‖g‖(a·e₁ + N(0, I))
    let stacked = if exact { 1.0 } else { lean / (lean * lean + world.dims as f64).sqrt() };
    let (raw, corrected) = (cosine * world.ceiling(), cosine * world.corrected_limit());
    let found = shares(trials, "coverage", |stream| {
        let states: Vec<Replicates> = (0..states)
            .map(|_| {
                let truth = world.truth(stream);
                let critic = if exact {
                    world.angled(&truth, 1.0)
                } else {
                    world.critic(&truth, lean, stream)
                };
                truth.judge(&critic)
            })
            .collect();
        let found = correct(&states, world.lift(), 0.95);
        let covers = |estimate: Estimate, truth: f64| estimate.covers(truth);
        [
            covers(found.raw, raw),
            covers(found.raw, cosine),
            covers(found.corrected, corrected),
            covers(found.corrected, cosine),
            covers(found.stacked, stacked),
            found.resolved,
        ]
    });
    println!("| {} | {cosine} | {states} |{}", name(world), cells(&found));
}

/// States that two critics met, with mean true cosines `COSINE` and `COSINE − drop`.
fn pairs(
    world: &World,
    drop: f64,
    correlation: f64,
    states: usize,
    stream: &mut Stream,
) -> Vec<PairedState> {
    let leans = [COSINE, COSINE - drop].map(|c| lean(c, world.dims));
    (0..states)
        .map(|_| {
            let truth = world.truth(stream);
            let critics = world.two_critics(&truth, leans, correlation, stream);
            let [base, candidate] = critics.map(|critic| truth.judge(&critic));
            PairedState::of(&base, &candidate)
        })
        .collect()
}

/// The paired gate.
fn gates() {
    println!("## The gate, same states and rollouts\n");
    println!(
        "300 trials (standard error at most 0.029), spread 1, margin 0.05, tolerance 0.005. `lineage`"
    );
    println!(
        "is the correlation of the errors of the two critics. `alarm` and `pass` are verdicts: a drop"
    );
    println!(
        "of 0.05 that is ruled out passes, also where a smaller one is sure. A pass at a drop of 0.05"
    );
    println!("should be at most 0.05, and so should an alarm without a change.\n");
    println!(
        "| design | Na | spread | lineage | states | alarm: no change | at 0.05 | at 0.10 | pass: no change | at 0.05 | at 0.10 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (world, correlation, states) in [
        (lab(6, 2, 1.0), 0.95, 150),
        (lab(6, 2, 1.0), 0.95, 300),
        (lab(6, 2, 1.0), 0.95, 600),
        (lab(6, 4, 1.0), 0.95, 600),
        (lab(6, 2, 1.0), 0.7, 150),
        (lab(6, 2, 1.0), 0.7, 300),
        (lab(6, 2, 1.0), 0.7, 600),
        (lab(3, 2, 1.0), 0.7, 600),
        (lab(8, 2, 1.0), 0.7, 600),
    ] {
        let [no_change, at_005, at_010] = [0.0, 0.05, 0.10].map(|drop| {
            shares(300, "gate", |stream| {
                let states = pairs(&world, drop, correlation, states, stream);
                let verdict = Gate::paired(&alone(states), Rule::default()).verdict;
                [verdict == Verdict::Regressed, verdict == Verdict::NonInferior]
            })
        });
        let row = [no_change[0], at_005[0], at_010[0], no_change[1], at_005[1], at_010[1]];
        println!("| {} | {correlation} | {states} |{}", name(&world), cells(&row));
    }
    println!();
}

/// The gate for a candidate with an actor of its own.
fn regenerated() {
    println!("## The gate, each critic with rollouts of its own\n");
    println!("200 trials (standard error at most 0.035), 600 states an arm, lab design, Na = 6,");
    println!("spread 1. Median ρ of base and candidate may differ.\n");
    println!(
        "| blocks | ρ base | ρ candidate | alarm: no change | at 0.05 | at 0.10 | pass: no change | at 0.05 | at 0.10 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (blocks, base_snr, candidate_snr) in
        [(2, 0.3, 0.3), (2, 1.0, 0.3), (2, 0.3, 1.0), (4, 1.0, 0.3), (4, 0.3, 1.0)]
    {
        let [no_change, at_005, at_010] = [0.0, 0.05, 0.10].map(|drop| {
            shares(200, "regenerated", |stream| {
                let mut side = |snr: f64, cosine: f64| -> Vec<Replicates> {
                    let world = World { snr, ..lab(6, blocks, 1.0) };
                    let lean = lean(cosine, world.dims);
                    (0..600)
                        .map(|_| {
                            let truth = world.truth(stream);
                            truth.judge(&world.critic(&truth, lean, stream))
                        })
                        .collect()
                };
                let (base, candidate) =
                    (side(base_snr, COSINE), side(candidate_snr, COSINE - drop));
                let gate = Gate::regenerated(&alone(base), &alone(candidate), Rule::default());
                [gate.verdict == Verdict::Regressed, gate.verdict == Verdict::NonInferior]
            })
        });
        let row = [no_change[0], at_005[0], at_010[0], no_change[1], at_005[1], at_010[1]];
        println!("| {blocks} | {base_snr} | {candidate_snr} |{}", cells(&row));
    }
    println!();
}

/// Four environments under Holm's adjustment.
fn families() {
    println!("## Four environments together\n");
    println!("300 trials (standard error at most 0.029), 150 states each, lab design with two");
    println!("blocks, Na = 6, spread 1, lineage 0.7.\n");
    println!(
        "| drop in one of them | any alarm, unadjusted | any alarm, Holm | alarm where the drop is, unadjusted | alarm there, Holm |"
    );
    println!("|---|---|---|---|---|");
    for drop in [0.0, 0.10] {
        let found = shares(300, "family", |stream| {
            let p_values: Vec<(f64, f64)> = [drop, 0.0, 0.0, 0.0]
                .iter()
                .map(|drop| {
                    let states = pairs(&lab(6, 2, 1.0), *drop, 0.7, 150, stream);
                    let gate = Gate::paired(&alone(states), Rule::default());
                    (gate.p_regress, gate.p_ni)
                })
                .collect();
            let family = Family::of(&p_values, 0.05);
            let plain = |p: &(f64, f64)| p.0 <= 0.05;
            [
                p_values.iter().any(plain),
                family.verdict == Verdict::Regressed,
                plain(&p_values[0]),
                family.environments[0].verdict == Verdict::Regressed,
            ]
        });
        println!("| {drop} |{}", cells(&found));
    }
}
