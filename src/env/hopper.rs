//! Hopper: one leg that hops forward in a plane. Gymnasium's Hopper-v4.
//!
//! `qpos` is x, height (absolute: the joint's reference is 1.25 m), pitch, thigh, leg, foot.

use super::Spec;
use super::physics::{Model, Physics};
use super::simulated::{Robot, observe_in_plane};
use crate::rng::Stream;

static MODEL: Model = Model::new("hopper", include_str!("models/hopper.xml"), 4);

static SPEC: Spec =
    Spec { name: "hopper", obs_dim: 11, action_dim: 3, time_limit: 1000, dt: 0.008 };

/// Half-width of the uniform noise on positions and velocities at a reset.
const RESET_NOISE: f64 = 0.005;

/// Reward per step for being there, on the last step too.
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
pub(super) struct Hopper;

impl Robot for Hopper {
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
        let (qpos, qvel) = (physics.qpos(), physics.qvel());
        let bounded = qpos[2..].iter().chain(qvel).all(|x| x.abs() < MAX_STATE);
        !(bounded && qpos[1] > MIN_HEIGHT && qpos[2].abs() < MAX_PITCH)
    }
}
