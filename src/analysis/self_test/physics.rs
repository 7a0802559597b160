//! Rollouts of a real robot beside slow ones, so that the simulator on this machine is asked, too.

use tch::{Device, Kind};

use super::finding::Check;
use super::setup::Setup;
use crate::env::{EnvId, Visited};
use crate::error::Result;
use crate::gradient::Agent;
use crate::gradient::bank::{Plan, Tried, make_bank};
use crate::gradient::known::Critic;
use crate::nn::actor::Actor;
use crate::nn::critic::Dims;
use crate::nn::weights::{Draw, Training};
use crate::rng::Stream;
use crate::rollout::{BLOCK, Policy};

/// Steps of a rollout.
const HORIZON: u32 = 40;

/// Discount factor.
const GAMMA: f64 = 0.99;

/// Returns and finite differences of hopper under an untrained actor are those of rollouts made one by one, without
/// blocks or workers.
pub(crate) fn hopper(setup: &Setup) -> Result<Vec<Check>> {
    let spec = EnvId::Hopper.spec();
    let stream = Stream::new(setup.seed, "self-test on hopper");
    let dims = Dims::of(spec);
    let mut weights = Draw { stream: &stream, kind: Kind::Float, device: Device::Cpu };
    let actor = Actor::new(dims, Training::Frozen, &mut weights)?;
    let starts = starts(&stream)?;
    let plan = Plan { blocks: 1, horizon: HORIZON, seed: setup.seed, ..Plan::default() };
    let critic = Critic::of_values(|_, _| 0.0);
    let make_env = || EnvId::Hopper.make();
    let agent = Agent {
        make_env: &make_env,
        policy: &actor,
        critic: &critic,
        bootstrap: None,
        gamma: GAMMA,
        reward_scale: 1.0,
        streams: "hopper",
    };
    let bank = make_bank(&agent, &starts, 0, &plan, setup.workers, &|_| ())?;
    let (mut returns, mut slopes, mut size) = (0f64, 0f64, 0f64);
    for (start, state) in starts.iter().zip(&bank.states) {
        for Tried { pair, returns: banked, .. } in &state.tried {
            let [above, below] = pair.actions(&pair.around.centre(&state.before_tanh, plan.std));
            let slow = [rollout(start, &above, &actor)?, rollout(start, &below, &actor)?];
            let slope = |q: [f64; 2]| (q[0] - q[1]) / (2.0 * pair.length);
            returns = returns.max((slow[0] - banked[0]).abs()).max((slow[1] - banked[1]).abs());
            slopes = slopes.max((slope(slow) - slope(*banked)).abs());
            size = size.max(slope(slow).abs());
        }
    }
    Ok(vec![
        Check::within("difference of returns", returns, 0.0, 1e-9),
        Check::within("difference of slopes", slopes, 0.0, 1e-9),
        Check::within("largest slope", size, 1e-3, f64::INFINITY),
    ])
}

/// States that random actions reach.
fn starts(stream: &Stream) -> Result<Vec<Visited>> {
    let mut env = EnvId::Hopper.make()?;
    (0..4)
        .map(|state: u32| {
            let mut stream = stream.child(&format!("state {state}"));
            env.reset(&mut stream)?;
            for _ in 0..2 * state {
                env.step(&[0; 3].map(|_| stream.uniform(-1.0, 1.0)))?;
            }
            Ok(env.snapshot()?.into())
        })
        .collect()
}

/// The discounted return of a first action, step by step.
fn rollout(start: &Visited, first: &[f64], actor: &Actor) -> Result<f64> {
    let mut env = EnvId::Hopper.make()?;
    env.restore(&start.snapshot)?;
    let (mut sum, mut discount, mut action) = (0.0, 1.0, first.to_vec());
    for _ in 0..HORIZON {
        let step = env.step(&action)?;
        sum += discount * step.reward;
        discount *= GAMMA;
        if step.terminated {
            break;
        }
        action = act(actor, env.obs())?;
    }
    Ok(sum)
}

/// The actor's action at one observation.
fn act(actor: &Actor, obs: &[f64]) -> Result<Vec<f64>> {
    let dims = EnvId::Hopper.spec().action_dim;
    let mut actions = vec![0.0; BLOCK * dims];
    Policy::act(actor, &obs.repeat(BLOCK), &mut actions)?;
    actions.truncate(dims);
    Ok(actions)
}
