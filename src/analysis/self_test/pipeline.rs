//! Banks, horizons and promises: what is to be equal, and is.

use super::finding::Check;
use super::setup::Setup;
use crate::analysis::bank::{About, BankFile};
use crate::error::Result;
use crate::gradient::Settings;
use crate::gradient::bank::{Plan, make_bank};
use crate::gradient::horizon::{Choice, candidates, choose_horizon};
use crate::gradient::known::{Place, Unrest, World};
use crate::gradient::pairs::Around;
use crate::gradient::promise::{Along, Promise, promises as ask_promises};
use crate::nn::workers;

/// A small world with noise in its returns.
fn noisy_world(place: Place, seed: u64) -> Result<World> {
    Ok(World::new(place, 20, seed)?.under(Unrest::Noise(1.0)))
}

/// No state tries an action twice: blocks that share one would agree by construction.
pub(crate) fn distinct_actions(setup: &Setup, place: Place) -> Result<Vec<Check>> {
    let bank = setup.bank(&noisy_world(place, setup.seed)?, setup.seed)?;
    let twice = bank.states.iter().map(|state| {
        let centre = |around: Around| around.centre(&state.before_tanh, bank.plan.std);
        let actions: Vec<Vec<f64>> =
            state.tried.iter().flat_map(|t| t.pair.actions(&centre(t.pair.around))).collect();
        actions.iter().enumerate().filter(|(i, action)| actions[..*i].contains(action)).count()
    });
    Ok(vec![Check::within("actions tried twice", twice.sum::<usize>() as f64, 0.0, 0.0)])
}

/// An exact critic keeps its promises, one ten times too large by a tenth, and one of the other sign does the
/// opposite, along its own gradient and along random directions.
pub(crate) fn promises(setup: &Setup, place: Place) -> Result<Vec<Check>> {
    let world = World::new(place, 50, setup.seed)?;
    let mut checks = Vec::new();
    for (factor, truth) in [(1.0, 1.0), (10.0, 0.1), (-1.0, -1.0)] {
        let critic = world.exact().times(factor);
        let all = world.ask(&critic, |agent, starts| {
            let (std, seed) = (Plan::default().std, setup.seed);
            ask_promises(agent, starts, world.horizon, std, seed, setup.workers, &|_| ())
        })?;
        for along in Along::ALL {
            let kept = Promise::of(&all, along).kept.value;
            checks.push(Check::near(&format!("{along} × {factor}"), kept, truth, 1e-9));
        }
    }
    Ok(checks)
}

/// In a system that forgets slowly the horizon is far below the full one, and other pairs say that little is left
/// after it, and much after the first that was tried.
pub(crate) fn horizon(setup: &Setup) -> Result<Vec<Check>> {
    // A policy that hardly acts leaves the system slow.
    let world = World::new(Place::FREE, 60, setup.seed)?.with_gain(1e-5)?;
    let settings = Settings { seed: setup.seed, ..Settings::lab() };
    world.ask(&world.exact(), |agent, starts| {
        let (chosen, choice, found) =
            choose_horizon(agent, starts, &settings, setup.workers, &|_| ())?;
        let full = settings.horizon(agent.gamma, 0, u32::MAX);
        let plan = Plan {
            marks: vec![found[0].horizon, chosen],
            horizon: full,
            seed: setup.seed.wrapping_add(1),
            around: vec![Around::Policy],
            ..Plan::default()
        };
        let bank = make_bank(agent, starts, 0, &plan, setup.workers, &|_| ())?;
        let missed: Vec<f64> = candidates(&bank).iter().map(|c| c.missed.value.abs()).collect();
        let seen = matches!(choice, Choice::Seen { .. });
        let first = found[0].horizon;
        Ok(vec![
            Check::within("seen by the pilot", f64::from(u8::from(seen)), 1.0, 1.0),
            Check::within(
                "steps",
                f64::from(chosen),
                f64::from(first) + 1.0,
                f64::from(full) - 1.0,
            ),
            Check::within("missed after it", missed[1], 0.0, 0.05),
            Check::within(&format!("missed after {first}"), missed[0], 0.05, f64::INFINITY),
        ])
    })
}

/// A bank that was written to Parquet and read again is the same, and scores the same bit for bit.
///
/// # Errors
/// Those of the rollouts and of the file.
pub fn parquet(setup: &Setup) -> Result<Vec<Check>> {
    let world = noisy_world(Place::HALF, setup.seed)?;
    let plan = Plan { marks: vec![1, 2], ..world.plan(setup.seed) };
    let bank = world.bank(&plan, setup.workers)?;
    let about = About {
        states_from: None,
        hyperl_bank: About::FORMAT,
        env: "linear-quadratic".into(),
        run: "self-test".into(),
        step: 0,
        checkpoint: String::new(),
        policy: String::new(),
        gamma: world.system().coefficients().gamma,
        reward_scale: 1.0,
        entropy: 0.0,
        plan,
        choice: Choice::Asked,
        pilot: Vec::new(),
    };
    let file = BankFile { about, bank };
    let read = BankFile::of_parquet(file.to_parquet()?)?;
    let critic = world.exact();
    let [before, after] = [&file.bank, &read.bank].map(|bank| (setup.judge)(bank, &critic));
    let same = |equal: bool| f64::from(u8::from(equal));
    Ok(vec![
        Check::within("same bank", same(read == file), 1.0, 1.0),
        Check::within("same score", same(before? == after?), 1.0, 1.0),
    ])
}

/// However many threads make a bank, it is the same bit for bit.
pub(crate) fn threads(setup: &Setup) -> Result<Vec<Check>> {
    let world = noisy_world(Place::HALF, setup.seed)?.under(Unrest::Chaos(1.0));
    let plan = world.plan(setup.seed);
    let [one, two] = [1, 2].map(|threads| world.bank(&plan, &*workers::start(threads)?));
    let same = f64::from(u8::from(one? == two?));
    Ok(vec![Check::within("same bank", same, 1.0, 1.0)])
}
