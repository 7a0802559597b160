//! Critics whose numbers are known without error.

use super::finding::Check;
use super::setup::Setup;
use crate::error::Result;
use crate::gradient::bank::Plan;
use crate::gradient::known::{Place, Unrest, World};
use crate::gradient::score::Score;
use crate::stats::Estimate;

/// States of a world.
const STATES: usize = 60;

/// Size of pairs over which nothing is smoothed.
const SMALL: f64 = 0.03;

/// An exactly right critic has κ, gain and inside 1. Around the policy truth and critic are smoothed over different
/// draws of what is odd in a pair beyond its slope; inside the box there is nothing odd.
///
/// # Errors
/// Those of the rollouts.
pub fn exact(setup: &Setup, place: Place) -> Result<Vec<Check>> {
    let world = World::new(place, STATES, setup.seed)?;
    let found = setup.score(&world, &world.exact())?;
    Ok(vec![
        Check::near("κ", found.policy.kappa.value, 1.0, 0.02),
        Check::near("gain", found.policy.gain.value, 1.0, 0.02),
        Check::near("inside", found.inside.corrected.value, 1.0, 1e-6),
    ])
}

/// A critic turned by 60° has κ ½, and half of its promise is real. It is turned about the gradient at the action
/// itself, which that of small pairs is.
///
/// # Errors
/// Those of the rollouts.
pub fn turned(setup: &Setup, place: Place) -> Result<Vec<Check>> {
    let world = World::new(place, STATES, setup.seed)?;
    let (sin, cos) = 60f64.to_radians().sin_cos();
    let plan = Plan { std: SMALL, ..world.plan(setup.seed) };
    let bank = world.bank(&plan, setup.workers)?;
    let found = (setup.judge)(&bank, &world.turned(cos, sin))?.policy;
    Ok(vec![
        Check::near("κ", found.kappa.value, 0.5, 0.01),
        Check::near("gain", found.gain.value, 0.5, 0.01),
    ])
}

/// A critic in a tenth of the unit has the same κ and inside, and a tenth of the gain.
///
/// # Errors
/// Those of the rollouts.
pub fn scaled(setup: &Setup, place: Place) -> Result<Vec<Check>> {
    let [once, tenfold] = both(setup, place, 10.0)?;
    let off = |a: Estimate, b: Estimate| (a.value / b.value - 1.0).abs();
    let tenth = Estimate { value: once.policy.gain.value / 10.0, ..once.policy.gain };
    Ok(vec![
        Check::within("change of κ", off(tenfold.policy.kappa, once.policy.kappa), 0.0, 1e-9),
        Check::within("of inside", off(tenfold.inside.corrected, once.inside.corrected), 0.0, 1e-9),
        Check::within("of 10 × gain", off(tenfold.policy.gain, tenth), 0.0, 1e-9),
    ])
}

/// A critic that points the other way has the opposite numbers, and the intervals are mirrored.
///
/// # Errors
/// Those of the rollouts.
pub fn mirrored(setup: &Setup, place: Place) -> Result<Vec<Check>> {
    let [there, back] = both(setup, place, -1.0)?;
    let off = |a: Estimate, b: Estimate| {
        [a.value + b.value, a.low + b.high, a.high + b.low]
            .map(f64::abs)
            .into_iter()
            .fold(0.0, f64::max)
    };
    let pairs = [
        ("sum of κ", there.policy.kappa, back.policy.kappa),
        ("of gain", there.policy.gain, back.policy.gain),
        ("of inside", there.inside.corrected, back.inside.corrected),
    ];
    Ok(pairs.map(|(name, a, b)| Check::within(name, off(a, b), 0.0, 0.0)).into())
}

/// Scores of the exact critic and of one `factor` times as large, by the same noisy bank.
fn both(setup: &Setup, place: Place, factor: f64) -> Result<[Score; 2]> {
    let unrest = setup.unrest(Unrest::Noise, 1.0, place)?;
    let world = World::new(place, STATES, setup.seed)?.under(unrest);
    let bank = setup.bank(&world, setup.seed)?;
    let score = |critic| (setup.judge)(&bank, &critic);
    Ok([score(world.exact())?, score(world.exact().times(factor))?])
}
