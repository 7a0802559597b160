//! How often does the gate alarm and pass, and how often do intervals of several critics hold together, where the
//! truth is known?
//!
//! Prints the tables of `operating_characteristics.md` beside this file:
//!
//! ```text
//! cargo bench --bench operating_characteristics > benches/operating_characteristics.md
//! cargo bench --bench operating_characteristics -- together   # one part: gate or together
//! ```
//!
//! Every draw has random streams of its own, so the numbers do not depend on the threads.

#![allow(clippy::print_stdout, reason = "a table on standard output is what it is for")]

use hyperl::error::Result;
use hyperl::gradient::known::Place;
use hyperl::stats::gate::{Doubt, Gate};
use hyperl::stats::verdict::{Family, Verdict};
use rayon::prelude::*;

use retrained::{DROPS, Design, Draw, Kind, Mix};

#[path = "simulation/mixed.rs"]
mod mixed;
#[path = "simulation/retrained.rs"]
mod retrained;
#[path = "simulation/together.rs"]
mod together;
#[path = "simulation/world.rs"]
mod world;

/// Draws of each row.
const DRAWS: usize = 200;

/// Chance α of a false alarm, and of a false pass.
const ALPHA: f64 = 0.05;

/// Actors: three, and the first one with other biases.
const FREE: usize = 0;
const HALF: usize = 1;
const SATURATED: usize = 2;
const MOVED: usize = 3;

const NAMES: [&str; 4] = ["free", "half saturated", "saturated", "free, moved"];

const KINDS: [(&str, Kind); 2] = [("noise", Kind::Noise), ("chaos", Kind::Chaos)];

fn places() -> [Place; 4] {
    [Place::FREE, Place::HALF, Place::SATURATED, Place::FREE.moved(0.3)]
}

fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|w| w == part);
    let workers = rayon::ThreadPoolBuilder::new().build().expect("threads");
    if wanted.is_empty() {
        println!("# Operating characteristics\n");
        println!("Made by `cargo bench --bench operating_characteristics`, by the real designs,");
        println!("rollouts, scores and tests in the worlds of `src/gradient/known/`, which");
        println!(
            "[reports/self-test.md](../reports/self-test.md) explains: noise or deterministic"
        );
        println!("chaos in the returns, actors that are free, half saturated and saturated.");
        println!("{DRAWS} draws a row: a share of 0.05 has a standard error of 0.015. Rows of one");
        println!("table share draws.\n");
    }
    if is_wanted("gate") {
        gate(&workers)?;
    }
    if is_wanted("together") {
        together::print(&workers, DRAWS as u64)?;
    }
    Ok(())
}

/// A line of a table of verdicts.
struct Row {
    table: Table,
    name: String,
    base: Mix,
    /// Of an actor of its own; `None` if it is the baseline's.
    candidate: Option<Mix>,
    design: Design,
}

#[derive(Clone, Copy, PartialEq)]
enum Table {
    Same,
    Another,
    Unrest,
}

impl Row {
    fn gates(&self, draw: &Draw) -> Vec<Gate> {
        match self.candidate {
            None => draw.same_actor(self.base, self.design),
            Some(candidate) => draw.other_actor(self.base, candidate, self.design),
        }
    }

    /// Prints the shares of the verdicts of each drop, and of draws in which the truth is resolved.
    fn print(&self, draws: &[&Vec<Gate>]) {
        let share = |is: &dyn Fn(&[Gate]) -> bool| {
            draws.iter().filter(|gates| is(gates)).count() as f64 / draws.len() as f64
        };
        let unresolved = |gates: &[Gate]| {
            matches!(
                gates[0].doubt,
                Some(Doubt::TruthUnresolved | Doubt::BaseUnresolved | Doubt::CandidateUnresolved)
            )
        };
        let cell = |drop: usize| {
            let of = |verdict| share(&|gates| gates[drop].verdict == verdict);
            let [alarm, pass, neither] =
                [Verdict::Regressed, Verdict::NonInferior, Verdict::Inconclusive].map(of);
            format!(" {alarm:.3} / {pass:.3} / {neither:.3} |")
        };
        let cells: String = (0..DROPS.len()).map(cell).collect();
        println!("| {} |{cells} {:.2} |", self.name, 1.0 - share(&unresolved));
    }
}

/// All rows, given the mean squares of signal, noise and chaos of each actor.
fn rows(squares: &[[f64; 3]]) -> Vec<Row> {
    let mix = |actor: usize, kind: Kind, ratio: f64| {
        let [signal, noise, chaos] = squares[actor];
        let unrest = if kind == Kind::Noise { noise } else { chaos };
        Mix { actor, signal: 1.0, kind, size: (ratio * signal / unrest).sqrt() }
    };
    let plain = Design::default();
    let mut rows = Vec::new();
    let mut add = |table, name: String, base, candidate, design| {
        rows.push(Row { table, name, base, candidate, design });
    };
    for (unrest, kind) in KINDS {
        for ratio in [1.0, 4.0] {
            for actor in [FREE, HALF, SATURATED] {
                let name = format!("{unrest} {ratio}, {}", NAMES[actor]);
                add(Table::Same, name, mix(actor, kind, ratio), None, plain);
            }
            for (from, to) in [(FREE, MOVED), (FREE, SATURATED), (HALF, FREE)] {
                let base = mix(from, kind, ratio);
                let candidate = Mix { actor: to, ..base };
                let name = format!("{unrest} {ratio}, {} → {}", NAMES[from], NAMES[to]);
                add(Table::Another, name, base, Some(candidate), plain);
            }
        }
        for actor in [FREE, HALF, SATURATED] {
            let alone = Mix { actor, signal: 0.0, kind, size: 1.0 };
            add(Table::Unrest, format!("{unrest}, {}", NAMES[actor]), alone, None, plain);
        }
        let [base, candidate] =
            [FREE, MOVED].map(|actor| Mix { actor, signal: 0.0, kind, size: 1.0 });
        let name = format!("{unrest}, {} → {}", NAMES[FREE], NAMES[MOVED]);
        add(Table::Unrest, name, base, Some(candidate), plain);
    }
    let one = mix(FREE, Kind::Noise, 1.0);
    for (what, design) in [
        ("100 states", Design { states: 100, ..plain }),
        ("two blocks", Design { blocks: 2, ..plain }),
        ("30 episodes of 10 states", Design { in_episode: 10, ..plain }),
        ("10 episodes of 30 states", Design { in_episode: 30, ..plain }),
    ] {
        add(Table::Same, format!("noise 1, free, {what}"), one, None, design);
    }
    let few = Design { blocks: 2, ..plain };
    let (moved, noisier) = (mix(MOVED, Kind::Noise, 1.0), mix(MOVED, Kind::Noise, 3.0));
    for (name, base, candidate, design) in [
        ("noise 1 → noise 3, free → free, moved", one, noisier, plain),
        ("noise 3 → noise 1, free → free, moved", mix(FREE, Kind::Noise, 3.0), moved, plain),
        ("noise 1 → noise 3, two blocks", one, noisier, few),
    ] {
        add(Table::Another, name.into(), base, Some(candidate), design);
    }
    rows
}

fn gate(workers: &rayon::ThreadPool) -> Result<()> {
    println!("## The gate\n");
    println!("Baselines of 300 states and four blocks, where not said otherwise. Margin 0.05,");
    println!("tolerance 0.005, α = 0.05. `noise` says how much of it there is inside the box: its");
    println!("variance in the mean of a state's four blocks over the square of the true gradient,");
    println!("both on average over states. The baseline's critic has a mean true cosine of 0.4,");
    println!("the candidate's one that is lower by the drop; their errors have a correlation of");
    println!(
        "0.7. Cells are shares of *regressed / non-inferior / inconclusive*; `resolved` is the"
    );
    println!("share in which the truth stands out.\n");
    let squares = Draw::new(&places(), 1_000, workers)?.mean_squares();
    let rows = rows(&squares);
    let judged = |seed| {
        let draw = Draw::new(&places(), seed, workers)?;
        Ok(rows.iter().map(|row| row.gates(&draw)).collect())
    };
    let draws: Result<Vec<Vec<Vec<Gate>>>> =
        workers.install(|| (0..DRAWS as u64).into_par_iter().map(judged).collect());
    let draws = draws?;
    let of_row = |number: usize| draws.iter().map(|draw| &draw[number]).collect::<Vec<_>>();
    for (table, title, first) in [
        (Table::Same, "The same actor: both critics meet the same rollouts", "returns, actor"),
        (Table::Another, "Another actor, with rollouts of its own", "returns, actor → actor"),
        (Table::Unrest, "Returns that are noise or chaos and nothing else", "returns, actor"),
    ] {
        println!("### {title}\n");
        let drops = DROPS.map(|drop| format!(" drop {drop} |")).concat();
        println!("| {first} |{} resolved |", drops.replace(" drop 0 ", " no change "));
        println!("|---|---|---|---|---|---|");
        for (number, row) in rows.iter().enumerate().filter(|(_, row)| row.table == table) {
            row.print(&of_row(number));
        }
        println!();
    }
    println!(
        "In rows of episodes, states of one share half of the variance of a critic's error. Of"
    );
    println!(
        "another actor, noise and chaos have the size that they have for the baseline's, where"
    );
    println!("not said otherwise: for its own signal that is more or less.\n");
    // Rows of the first table, as far apart in draws as they can be, so that no two share any.
    let environments =
        ["noise 1, free", "noise 1, half saturated", "noise 1, saturated", "chaos 1, free"];
    let number = |name: &&str| rows.iter().position(|row| row.name == *name).expect("a row");
    families(&environments.iter().map(number).map(of_row).collect::<Vec<_>>());
    Ok(())
}

/// Prints what four environments say together, given the gates of all draws of each.
fn families(environments: &[Vec<&Vec<Gate>>]) {
    println!("### Four environments together\n");
    println!("The same actor: as much noise as signal with the actor free, half saturated and");
    println!("saturated, and as much chaos with the actor free. The drop is in the first.\n");
    println!(
        "| drop | any alarm, unadjusted | any alarm, Holm | alarm in the first, Holm | alarm in another, Holm | all pass |"
    );
    println!("|---|---|---|---|---|---|");
    let apart = DRAWS / environments.len();
    for (number, drop) in DROPS.iter().enumerate() {
        let mut counts = [0u32; 5];
        for draw in 0..DRAWS {
            let p_values: Vec<(f64, f64)> = (environments.iter().enumerate())
                .map(|(i, draws)| {
                    &draws[(draw + i * apart) % DRAWS][if i == 0 { number } else { 0 }]
                })
                .map(|gate| (gate.p_regress, gate.p_ni))
                .collect();
            let family = Family::of(&p_values, ALPHA);
            let alarm = |i: usize| family.environments[i].verdict == Verdict::Regressed;
            let plain = |&(p, ni): &(f64, f64)| Verdict::of(p, ni, ALPHA) == Verdict::Regressed;
            let found = [
                p_values.iter().any(plain),
                family.verdict == Verdict::Regressed,
                alarm(0),
                (1..environments.len()).any(alarm),
                family.verdict == Verdict::NonInferior,
            ];
            counts.iter_mut().zip(found).for_each(|(count, is)| *count += u32::from(is));
        }
        let cells = counts.map(|count| format!(" {:.3} |", f64::from(count) / DRAWS as f64));
        println!("| {drop} |{}", cells.concat());
    }
    println!();
}
