//! Pusher: an arm of seven joints that pushes an object over a table to a goal. Gymnasium's Pusher-v5.
//!
//! `qpos` is the seven joints, then y and x of the object and of the goal, relative to where the model has them. No
//! state ends the episode.

use super::Spec;
use super::physics::{Model, Physics};
use super::simulated::{Done, Robot, squared, write};
use crate::rng::Stream;

static MODEL: Model = Model::new("pusher", include_str!("models/pusher.xml"), 5);

static SPEC: Spec =
    Spec { name: "pusher-v5", obs_dim: 23, action_dim: 7, time_limit: 100, dt: 0.05 };

/// Joints of the arm.
const JOINTS: usize = 7;

/// Half-width of the uniform noise on the joints' velocities at a reset.
const RESET_NOISE: f64 = 0.005;

/// How near to the goal the object is never put, metres.
const NEAREST: f64 = 0.17;

/// Cost per metre from fingertips to object, per metre from object to goal, and per squared action.
const NEAR_COST: f64 = 0.5;
const GOAL_COST: f64 = 1.0;
const CONTROL_COST: f64 = 0.1;

/// Bodies of the model.
const FINGERTIPS: usize = 10;
const OBJECT: usize = 11;
const GOAL: usize = 12;

/// The task of pushing.
pub(super) struct Pusher;

impl Robot for Pusher {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn model(&self) -> &'static Model {
        &MODEL
    }

    fn reach(&self) -> f64 {
        2.0
    }

    fn scatter(&self, physics: &mut Physics, reset: &mut Stream) {
        let object = loop {
            let [y, x] = [reset.uniform(-0.3, 0.0), reset.uniform(-0.2, 0.2)];
            if y.hypot(x) > NEAREST {
                break [y, x];
            }
        };
        physics.qpos_mut()[JOINTS..JOINTS + 2].copy_from_slice(&object);
        let moved = physics.qvel_mut()[..JOINTS].iter_mut();
        moved.for_each(|v| *v += reset.uniform(-RESET_NOISE, RESET_NOISE));
    }

    fn observe(&self, physics: &Physics, obs: &mut [f64]) {
        let arm = physics.qpos()[..JOINTS].iter().chain(&physics.qvel()[..JOINTS]).copied();
        let bodies = [FINGERTIPS, OBJECT, GOAL].map(|body| physics.body_xpos(body));
        write(obs, arm.chain(bodies.into_iter().flatten()));
    }

    fn reward(&self, physics: &Physics, done: &Done) -> f64 {
        let object = physics.body_xpos(OBJECT);
        let from_object = |body| {
            let at = physics.body_xpos(body);
            squared(&[0, 1, 2].map(|axis| object[axis] - at[axis])).sqrt()
        };
        let cost = GOAL_COST * from_object(GOAL) + CONTROL_COST * squared(done.action);
        -cost - NEAR_COST * from_object(FINGERTIPS)
    }
}
