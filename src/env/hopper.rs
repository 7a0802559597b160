//! Hopper: one leg that hops forward in a plane. Gymnasium's Hopper-v4 and -v5.
//!
//! `qpos` is x, height (absolute: the joint's reference is 1.25 m), pitch, thigh, leg, foot.

use super::Spec;
use super::physics::{Model, Physics};
use super::simulated::{Done, Paid, Robot, observe_in_plane, scatter_uniform, squared};
use crate::rng::Stream;

static MODEL: Model = Model::new("hopper", include_str!("models/hopper.xml"), 4);

/// Half-width of the uniform noise on positions and velocities at a reset.
const RESET_NOISE: f64 = 0.005;

/// Reward per step for being there.
const ALIVE: f64 = 1.0;

/// Cost per squared action.
const CONTROL_COST: f64 = 1e-3;

/// Velocities are clipped to ±this in the observation, and only there.
const VELOCITY_LIMIT: f64 = 10.0;

/// Height of the torso above which it stands, metres.
const MIN_HEIGHT: f64 = 0.7;

/// Pitch below which it stands, radians.
const MAX_PITCH: f64 = 0.2;

/// Every other number of the state stays below this.
const MAX_STATE: f64 = 100.0;

/// The task of hopping.
pub(super) struct Hopper {
    spec: &'static Spec,
    paid: Paid,
}

/// Gymnasium's Hopper-v4.
pub(super) const V4: Hopper = Hopper { spec: &spec("hopper"), paid: Paid::Always };

/// Gymnasium's Hopper-v5.
pub(super) const V5: Hopper = Hopper { spec: &spec("hopper-v5"), paid: Paid::Standing };

const fn spec(name: &'static str) -> Spec {
    Spec { name, obs_dim: 11, action_dim: 3, time_limit: 1000, dt: 0.008 }
}

impl Robot for Hopper {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn model(&self) -> &'static Model {
        &MODEL
    }

    fn scatter(&self, physics: &mut Physics, reset: &mut Stream) {
        scatter_uniform(physics, RESET_NOISE, reset);
    }

    fn observe(&self, physics: &Physics, obs: &mut [f64]) {
        observe_in_plane(physics, VELOCITY_LIMIT, obs);
    }

    fn reward(&self, _: &Physics, done: &Done) -> f64 {
        done.velocity[0] + self.paid.of(ALIVE, done) - CONTROL_COST * squared(done.action)
    }

    fn terminated(&self, physics: &Physics) -> bool {
        let (qpos, qvel) = (physics.qpos(), physics.qvel());
        let bounded = qpos[2..].iter().chain(qvel).all(|x| x.abs() < MAX_STATE);
        !(bounded && qpos[1] > MIN_HEIGHT && qpos[2].abs() < MAX_PITCH)
    }
}
