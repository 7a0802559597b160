//! How often intervals cover what is known, and noise is taken for a truth.

use super::finding::Check;
use super::setup::{Kind, Setup};
use crate::error::Result;
use crate::gradient::known::{Critic, Place, Unrest, World};
use crate::gradient::score::Score;

/// States of a draw.
const STATES: usize = 60;

/// Under as much noise as signal the intervals of an exact critic cover 1.
///
/// # Errors
/// Those of the rollouts.
pub fn under_noise(setup: &Setup, place: Place) -> Result<Vec<Check>> {
    covers_one(setup, place, Unrest::Noise)
}

/// So they do under chaos, which is no noise and larger in some states than in others.
///
/// # Errors
/// Those of the rollouts.
pub fn under_chaos(setup: &Setup, place: Place) -> Result<Vec<Check>> {
    covers_one(setup, place, Unrest::Chaos)
}

fn covers_one(setup: &Setup, place: Place, kind: Kind) -> Result<Vec<Check>> {
    let scores = under(setup, kind, place, World::exact)?;
    Ok(vec![
        covered("κ", &scores, |s| s.policy.kappa.covers(1.0)),
        covered("gain", &scores, |s| s.policy.gain.covers(1.0)),
        covered("found", &scores, |s| s.policy.found.covers(1.0)),
        covered("inside", &scores, |s| s.inside.corrected.covers(1.0)),
    ])
}

/// Those of a critic whose directions are drawn, as of one from another seed, cover 0.
///
/// # Errors
/// Those of the rollouts.
pub fn unrelated(setup: &Setup, place: Place) -> Result<Vec<Check>> {
    let scores = under(setup, Unrest::Noise, place, |world| world.turned(0.0, 1.0))?;
    Ok(vec![
        covered("κ", &scores, |s| s.policy.kappa.covers(0.0)),
        covered("gain", &scores, |s| s.policy.gain.covers(0.0)),
        covered("inside", &scores, |s| s.inside.corrected.covers(0.0)),
    ])
}

/// Wherever the biases of an actor are moved to, κ's interval covers 1.
///
/// # Errors
/// Those of the rollouts.
pub fn moved_bias(setup: &Setup) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for by in [1.0, 2.0, 3.0, 4.0] {
        let quarter = Setup { draws: setup.draws.div_ceil(4), ..*setup };
        let scores = under(&quarter, Unrest::Noise, Place::FREE.moved(by), World::exact)?;
        checks.push(covered(&format!("κ at +{by}"), &scores, |s| s.policy.kappa.covers(1.0)));
    }
    Ok(checks)
}

/// Returns without a signal, noisy or chaotic, are not resolved.
///
/// # Errors
/// Those of the rollouts.
pub fn pure_noise(setup: &Setup, place: Place) -> Result<Vec<Check>> {
    let mut scores = Vec::new();
    for unrest in [Unrest::Noise(1.0), Unrest::Chaos(1.0)] {
        let at = |seed| Ok(World::new(place, STATES, seed)?.without_signal().under(unrest));
        scores.extend(draws(setup, at, World::exact)?);
    }
    let count = |is: fn(&Score) -> bool| scores.iter().filter(|score| is(score)).count();
    Ok(vec![
        Check::false_alarms("κ resolved", count(|s| s.policy.resolved), scores.len()),
        Check::false_alarms("inside resolved", count(|s| s.inside.resolved), scores.len()),
    ])
}

/// Scores of a critic, one for each draw of a world with as much unrest as signal.
fn under(
    setup: &Setup,
    kind: Kind,
    place: Place,
    critic: impl Fn(&World) -> Critic + Sync,
) -> Result<Vec<Score>> {
    let unrest = setup.unrest(kind, 1.0, place)?;
    draws(setup, |seed| Ok(World::new(place, STATES, seed)?.under(unrest)), critic)
}

/// Scores of a critic, one for each draw of a world.
fn draws(
    setup: &Setup,
    world: impl Fn(u64) -> Result<World> + Sync,
    critic: impl Fn(&World) -> Critic + Sync,
) -> Result<Vec<Score>> {
    setup.each_draw(setup.draws, |seed| {
        let world = world(seed)?;
        (setup.judge)(&setup.bank(&world, seed)?, &critic(&world))
    })
}

fn covered(number: &str, scores: &[Score], covers: fn(&Score) -> bool) -> Check {
    Check::covered(number, scores.iter().filter(|score| covers(score)).count(), scores.len())
}
