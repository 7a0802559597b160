//! How often intervals of 95 % cover what is known, after one look and where their width decides when to stop.

use serde::Serialize;

use super::setup::{Kind, Setup, states};
use crate::error::Result;
use crate::gradient::Adaptive;
use crate::gradient::known::{Critic, Place, Unrest, World};
use crate::gradient::score::{Score, StateScore};

/// Noise over signal in a state's mean gradient.
pub const NOISE: [f64; 2] = [1.0, 4.0];

/// A kind of unrest by name.
const UNREST: [(&str, Kind); 2] = [("noise", Unrest::Noise), ("chaos", Unrest::Chaos)];

/// κ, gain and found of a critic that is uneven over states; its inside is 0.
const HALF: f64 = 0.5;

/// Shares of draws.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Shares {
    /// In which κ's interval covers, of those with κ resolved.
    pub kappa: f64,
    /// The same of gain.
    pub gain: f64,
    /// The same of found.
    pub found: f64,
    /// In which inside's interval covers, of those with inside resolved.
    pub inside: f64,
    /// In which κ is resolved.
    pub resolved: f64,
    /// In which inside is.
    pub inside_resolved: f64,
    /// Mean number of states.
    pub states: f64,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// What makes returns hard to read.
    pub unrest: &'static str,
    /// How much of it there is for the signal.
    pub noise: f64,
    /// Where the actor stands.
    pub actor: &'static str,
    /// Which critic.
    pub critic: &'static str,
    /// At the first look.
    pub one_look: Shares,
    /// At the look at which the interval of κ is narrow, or at the last.
    pub looks: Shares,
}

/// How often a bank without a signal is taken for resolved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alarms {
    /// What its returns are.
    pub unrest: &'static str,
    /// Where the actor stands.
    pub actor: &'static str,
    /// At the first look.
    pub one_look: Shares,
    /// At the last.
    pub looks: Shares,
}

/// The whole table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Characteristics {
    /// Draws of each row.
    pub draws: usize,
    /// Where there is a signal.
    pub cells: Vec<Cell>,
    /// Where there is none.
    pub alarms: Vec<Alarms>,
}

/// Worlds of which [`characteristics`] makes rows.
pub(crate) fn worlds() -> usize {
    UNREST.len() * Place::ALL.len() * (NOISE.len() + 1)
}

/// What critics score, and between what κ, gain and found of 95 % should lie, and inside.
struct Known {
    name: &'static str,
    critic: fn(&World) -> Critic,
    policy: f64,
    inside: f64,
}

const CRITICS: [Known; 2] = [
    Known { name: "exact", critic: World::exact, policy: 1.0, inside: 1.0 },
    Known {
        name: "half",
        critic: |world| world.uneven(HALF, (1.0 - HALF * HALF).sqrt()),
        policy: HALF,
        inside: 0.0,
    },
];

/// Makes the table; calls `done` after each world.
pub(crate) fn characteristics(setup: &Setup, done: &dyn Fn()) -> Result<Characteristics> {
    let (mut cells, mut alarms) = (Vec::new(), Vec::new());
    for (unrest, kind) in UNREST {
        for noise in NOISE {
            for place in Place::ALL {
                let size = setup.unrest(kind, noise, place)?;
                let drawn = |seed| {
                    let world = World::new(place, most(), seed)?.under(size);
                    CRITICS.iter().map(|known| looks(setup, &world, known, seed)).collect()
                };
                let draws: Vec<Vec<[Score; 2]>> = setup.each_draw(setup.draws, drawn)?;
                for (i, known) in CRITICS.iter().enumerate() {
                    let of = |look: usize| {
                        draws.iter().map(|critics| &critics[i][look]).collect::<Vec<_>>()
                    };
                    let [one_look, looks] = [0, 1].map(|look| shares(&of(look), known));
                    let (actor, critic) = (place.name, known.name);
                    cells.push(Cell { unrest, noise, actor, critic, one_look, looks });
                }
                done();
            }
        }
        for place in Place::ALL {
            let draws = setup.each_draw(setup.draws, |seed| {
                let world = World::new(place, most(), seed)?.without_signal().under(kind(1.0));
                looks(setup, &world, &CRITICS[1], seed)
            })?;
            let of = |look: usize| draws.iter().map(|looks| &looks[look]).collect::<Vec<_>>();
            let [one_look, looks] = [0, 1].map(|look| shares(&of(look), &CRITICS[1]));
            alarms.push(Alarms { unrest, actor: place.name, one_look, looks });
            done();
        }
    }
    Ok(Characteristics { draws: setup.draws, cells, alarms })
}

fn most() -> usize {
    Adaptive::default().max_states
}

/// Scores at the first look, and at the one at which a measurement stops.
fn looks(setup: &Setup, world: &World, known: &Known, seed: u64) -> Result<[Score; 2]> {
    let adaptive = Adaptive::default();
    let bank = setup.bank(world, seed)?;
    let all = states(&bank, &(known.critic)(world))?;
    let score = |states: &[StateScore]| Score::of(states, bank.plan.blocks, bank.dims());
    let mut look = Adaptive::FIRST_LOOK;
    let first = score(&all[..look]);
    let mut last = first.clone();
    while look < all.len() && !adaptive.is_enough(&last.policy) {
        look = Adaptive::next_look(look).min(all.len());
        last = score(&all[..look]);
    }
    Ok([first, last])
}

fn shares(scores: &[&Score], known: &Known) -> Shares {
    let count =
        |is: &dyn Fn(&Score) -> bool| scores.iter().filter(|score| is(score)).count() as f64;
    let (resolved, inside) = (count(&|s| s.policy.resolved), count(&|s| s.inside.resolved));
    let of_policy = |covers: fn(&Score, f64) -> bool| {
        count(&|s| s.policy.resolved && covers(s, known.policy)) / resolved
    };
    let all = scores.len() as f64;
    Shares {
        kappa: of_policy(|s, truth| s.policy.kappa.covers(truth)),
        gain: of_policy(|s, truth| s.policy.gain.covers(truth)),
        found: of_policy(|s, truth| s.policy.found.covers(truth)),
        inside: count(&|s| s.inside.resolved && s.inside.corrected.covers(known.inside)) / inside,
        resolved: resolved / all,
        inside_resolved: inside / all,
        states: scores.iter().map(|s| s.states as f64).sum::<f64>() / all,
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::*;
    use crate::nn::workers;
    use crate::stats::Estimate;

    #[test]
    fn shares_are_of_what_is_resolved() {
        let workers = workers::start(1).unwrap();
        let world = World::new(Place::FREE, 12, 0).unwrap();
        let any = judge(&world.bank(&world.plan(0), &workers).unwrap(), &world.exact()).unwrap();
        let score = |resolved: bool, half_width: f64| {
            let mut score = any.clone();
            (score.policy.resolved, score.inside.resolved) = (resolved, resolved);
            score.policy.kappa = Estimate::symmetric(0.9, half_width, 12);
            score.inside.corrected = Estimate::symmetric(0.9, 2.0 * half_width, 12);
            score
        };
        // κ covers 1 in one of three that are resolved, inside in two.
        let all = [score(true, 0.2), score(true, 0.07), score(true, 0.01), score(false, 0.2)];
        let found = shares(&all.iter().collect::<Vec<_>>(), &CRITICS[0]);
        assert!((found.kappa - 1.0 / 3.0).abs() < 1e-12, "{found:?}");
        assert!((found.inside - 2.0 / 3.0).abs() < 1e-12, "{found:?}");
        assert!((found.resolved - 0.75).abs() < 1e-12, "{found:?}");
        assert!((found.states - 12.0).abs() < 1e-12, "{found:?}");
        // Without one that is resolved there is nothing to share.
        assert!(shares(&[&all[3]], &CRITICS[0]).kappa.is_nan());
    }
}
