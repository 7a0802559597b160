//! Whether a restored state repeats what followed it: asked of every worker before anything else.

use crate::env::{Env, Snapshot, Step};
use crate::error::{Error, Result};
use crate::rng::Stream;

use super::slot::Slot;

/// Episodes of which a state is restored.
const EPISODES: usize = 3;
/// Steps before that state, at most: as many more in each further episode.
const BEFORE: usize = 5;
/// Steps after it, at most.
const AFTER: usize = 40;

/// A state and what followed it.
pub(super) struct Replay {
    seed: Stream,
    after_reset: Vec<f64>,
    state: Snapshot,
    followed: Vec<Followed>,
}

/// A step that followed.
struct Followed {
    action: Vec<f64>,
    step: Step,
    obs: Vec<f64>,
}

/// Plays a few episodes of random actions. Nothing is restored here: what followed a state is what follows it in an
/// environment that just goes on.
pub(super) fn record(env: &mut Slot) -> Result<Vec<Replay>> {
    (1..=EPISODES)
        .map(|episode| {
            let stream = Stream::new(0, "worker").child(&episode.to_string());
            let (seed, mut actions) = (stream.child("reset"), stream.child("actions"));
            env.reset(&mut seed.clone())?;
            let after_reset = env.obs().to_vec();
            let (mut states, mut played) = (Vec::new(), Vec::new());
            while played.len() < episode * BEFORE + AFTER {
                if states.len() <= episode * BEFORE {
                    states.push(env.snapshot()?);
                }
                let followed = play(env, &mut actions)?;
                let Step { terminated, truncated, .. } = followed.step;
                played.push(followed);
                if terminated || truncated {
                    break;
                }
            }
            let before = states.len() - 1;
            let followed = played.split_off(before);
            Ok(Replay { seed, after_reset, state: states.swap_remove(before), followed })
        })
        .collect()
}

fn play(env: &mut Slot, actions: &mut Stream) -> Result<Followed> {
    let action: Vec<f64> = (0..env.spec().action_dim).map(|_| actions.uniform(-1.0, 1.0)).collect();
    let step = env.step(&action)?;
    Ok(Followed { action, step, obs: env.obs().to_vec() })
}

/// Checks that each restored state repeats, bit for bit, what followed it, whatever the environment did before, and
/// that a reset depends on its seed alone.
pub(super) fn check(env: &mut Slot, replays: &[Replay]) -> Result<()> {
    for Replay { seed, after_reset, state, followed } in replays {
        env.reset(&mut seed.clone())?;
        if !same(env.obs(), after_reset) {
            return Err(
                env.inexact("two resets from one seed differ; draw all of a reset from its seed")
            );
        }
        env.restore(state)?;
        for (i, Followed { action, step, obs }) in followed.iter().enumerate() {
            let again = env.step(action)?;
            let ends = |step: &Step| (step.terminated, step.truncated);
            let what = if !same(&[again.reward], &[step.reward]) {
                format!("the reward is {}, where it was {}", again.reward, step.reward)
            } else if !same(env.obs(), obs) {
                "the observation differs".into()
            } else if ends(&again) != ends(step) {
                "the episode ends where it went on, or goes on where it ended".into()
            } else {
                continue;
            };
            return Err(env.inexact(&format!(
                "{} steps after a restored state {what}; its state must hold all that later steps read: give \
                 get_state and set_state (docs/worker.md)",
                i + 1
            )));
        }
    }
    Ok(())
}

fn same(one: &[f64], other: &[f64]) -> bool {
    let bits = |all: &[f64]| all.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    bits(one) == bits(other)
}

impl Slot {
    fn inexact(&self, what: &str) -> Error {
        self.error(format!("it restores inexactly: {what}"))
    }
}
