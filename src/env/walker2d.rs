//! Walker2d: two legs that walk forward in a plane. Gymnasium's Walker2d-v4.
//!
//! `qpos` is x, height (absolute: the joint's reference is 1.25 m), pitch, then thigh, leg and foot
//! of the right and of the left leg.

use super::Spec;
use super::physics::{Model, Physics};
use super::simulated::{Robot, observe_in_plane};
use crate::rng::Stream;

static MODEL: Model = Model::new("walker2d", include_str!("models/walker2d.xml"), 4);

static SPEC: Spec =
    Spec { name: "walker2d", obs_dim: 17, action_dim: 6, time_limit: 1000, dt: 0.008 };

/// Half-width of the uniform noise on positions and velocities at a reset.
const RESET_NOISE: f64 = 0.005;

/// Reward per step for being there, on the last step too.
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
pub(super) struct Walker2d;

impl Robot for Walker2d {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn model(&self) -> &'static Model {
        &MODEL
    }

    fn scatter(&self, physics: &mut Physics, reset: &mut Stream) {
        physics.qpos_mut().iter_mut().for_each(|q| *q += reset.uniform(-RESET_NOISE, RESET_NOISE));
        physics.qvel_mut().iter_mut().for_each(|v| *v += reset.uniform(-RESET_NOISE, RESET_NOISE));
    }

    fn observe(&self, physics: &Physics, obs: &mut [f64]) {
        observe_in_plane(physics, VELOCITY_LIMIT, obs);
    }

    fn reward(&self, _: &Physics, [forward, _]: [f64; 2], action: &[f64]) -> f64 {
        forward + ALIVE - CONTROL_COST * action.iter().map(|a| a * a).sum::<f64>()
    }

    fn terminated(&self, physics: &Physics) -> bool {
        let (height, pitch) = (physics.qpos()[1], physics.qpos()[2]);
        !(height > HEIGHT.0 && height < HEIGHT.1 && pitch.abs() < MAX_PITCH)
    }
}
