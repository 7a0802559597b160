//! Known answers: does the whole pipeline, on the machine at hand, find what must come out
//! (`docs/estimator.md` §8.7)?
//!
//! | file | what it holds |
//! |---|---|
//! | `finding.rs` | what a known answer asks for, and what came out |
//! | `setup.rs` | how thoroughly to ask, and which estimator |
//! | `numbers.rs` | critics whose numbers are known without error |
//! | `coverage.rs` | how often intervals cover, and noise is taken for a truth |
//! | `pipeline.rs` | banks, horizons and promises: what is to be equal, and is |
//! | `physics.rs` | rollouts of a real robot beside slow ones |
//! | `characteristics.rs` | coverage as a table, for one look at the states and for several |
//!
//! Each case goes through real designs, rollouts and scores in a world of [`crate::gradient::known`].

pub mod characteristics;
pub mod coverage;
mod finding;
pub mod numbers;
mod physics;
pub mod pipeline;
mod setup;

pub use finding::{Check, Row};
pub use setup::{Judge, Setup, judge};

use crate::error::Result;
use crate::gradient::known::Place;

/// A case for an actor at some place.
type AtPlace = fn(&Setup, Place) -> Result<Vec<Check>>;

/// A case of its own.
type Once = fn(&Setup) -> Result<Vec<Check>>;

/// What is asked of an actor at each place.
const AT_EACH_PLACE: [(&str, AtPlace); 10] = [
    ("exact critic, no noise", numbers::exact),
    ("critic turned by 60°", numbers::turned),
    ("critic ten times too large", numbers::scaled),
    ("critic with its sign flipped", numbers::mirrored),
    ("exact critic under noise", coverage::under_noise),
    ("exact critic under chaos", coverage::under_chaos),
    ("critic that knows nothing", coverage::unrelated),
    ("nothing but noise", coverage::pure_noise),
    ("no action tried twice", pipeline::distinct_actions),
    ("promises kept, by a tenth, broken", pipeline::promises),
];

/// What is asked once.
const ONCE: [(&str, &str, Once); 5] = [
    ("bias moved by 1, 2, 3, 4", "free to saturated", coverage::moved_bias),
    ("short horizon of a slow system", "free", pipeline::horizon),
    ("bank written and read again", "half saturated", pipeline::parquet),
    ("bank of one thread and of two", "half saturated", pipeline::threads),
    ("hopper, rollouts made one by one", "untrained", physics::hopper),
];

/// Returns the number of known answers.
pub fn count() -> usize {
    AT_EACH_PLACE.len() * Place::ALL.len() + ONCE.len()
}

/// Asks for every known answer; calls `done` after each.
pub(crate) fn ask_all(setup: &Setup, done: &dyn Fn()) -> Result<Vec<Row>> {
    let mut rows = Vec::with_capacity(count());
    let mut add = |answer, actor, checks| {
        rows.push(Row { answer, actor, checks });
        done();
    };
    for (answer, case) in AT_EACH_PLACE {
        for place in Place::ALL {
            add(answer, place.name, case(setup, place)?);
        }
    }
    for (answer, actor, case) in ONCE {
        add(answer, actor, case(setup)?);
    }
    Ok(rows)
}
