//! Walker2d: two legs that walk forward in a plane. Gymnasium's Walker2d-v4 and -v5.
//!
//! `qpos` is x, height (absolute: the joint's reference is 1.25 m), pitch, then thigh, leg and foot
//! of the right and of the left leg.

use super::Spec;
use super::physics::{Model, Physics};
use super::simulated::{Done, Paid, Robot, observe_in_plane, scatter_uniform, squared};
use crate::rng::Stream;

static MODEL: Model = Model::new("walker2d", MJCF, 4);

static MODEL_V5: Model =
    Model::edited("walker2d-v5", MJCF, [RIGHT_FOOT, "friction=\"1.9 0.1 0.1\""], 4);

const MJCF: &str = include_str!("models/walker2d.xml");

/// How the right foot grips in -v4; in -v5 it does as the left one.
const RIGHT_FOOT: &str = "friction=\"0.90 0.1 0.1\"";

/// Half-width of the uniform noise on positions and velocities at a reset.
const RESET_NOISE: f64 = 0.005;

/// Reward per step for being there.
const ALIVE: f64 = 1.0;

/// Cost per squared action.
const CONTROL_COST: f64 = 1e-3;

/// Velocities are clipped to ±this in the observation, and only there.
const VELOCITY_LIMIT: f64 = 10.0;

/// Heights of the torso between which it stands, metres, bounds excluded.
const HEIGHT: (f64, f64) = (0.8, 2.0);

/// Pitch below which it stands, radians.
const MAX_PITCH: f64 = 1.0;

/// The task of walking.
pub(super) struct Walker2d {
    spec: &'static Spec,
    model: &'static Model,
    paid: Paid,
}

/// Gymnasium's Walker2d-v4.
pub(super) const V4: Walker2d =
    Walker2d { spec: &spec("walker2d"), model: &MODEL, paid: Paid::Always };

/// Gymnasium's Walker2d-v5.
pub(super) const V5: Walker2d =
    Walker2d { spec: &spec("walker2d-v5"), model: &MODEL_V5, paid: Paid::Standing };

const fn spec(name: &'static str) -> Spec {
    Spec { name, obs_dim: 17, action_dim: 6, time_limit: 1000, dt: 0.008 }
}

impl Robot for Walker2d {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn model(&self) -> &'static Model {
        self.model
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
        let (height, pitch) = (physics.qpos()[1], physics.qpos()[2]);
        !(height > HEIGHT.0 && height < HEIGHT.1 && pitch.abs() < MAX_PITCH)
    }
}
