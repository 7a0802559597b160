//! `HalfCheetah`: two legs and a long back that run forward in a plane. Gymnasium's HalfCheetah-v4.
//!
//! `qpos` is x, height (relative to 0.7 m), pitch, then thigh, shin and foot of the back and of the
//! front leg. It may lie on its back: no state ends the episode.

use super::Spec;
use super::physics::{Model, Physics};
use super::simulated::{Robot, observe_in_plane};
use crate::rng::Stream;

static MODEL: Model = Model::new("half-cheetah", include_str!("models/half_cheetah.xml"), 5);

static SPEC: Spec =
    Spec { name: "half-cheetah", obs_dim: 17, action_dim: 6, time_limit: 1000, dt: 0.05 };

/// Half-width of the uniform noise on positions, and standard deviation of the normal noise on
/// velocities, at a reset.
const RESET_NOISE: f64 = 0.1;

/// Cost per squared action.
const CONTROL_COST: f64 = 0.1;

/// The task of running.
pub(super) struct HalfCheetah;

impl Robot for HalfCheetah {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn model(&self) -> &'static Model {
        &MODEL
    }

    fn scatter(&self, physics: &mut Physics, reset: &mut Stream) {
        physics.qpos_mut().iter_mut().for_each(|q| *q += reset.uniform(-RESET_NOISE, RESET_NOISE));
        physics.qvel_mut().iter_mut().for_each(|v| *v += RESET_NOISE * reset.normal());
    }

    fn observe(&self, physics: &Physics, obs: &mut [f64]) {
        observe_in_plane(physics, f64::INFINITY, obs);
    }

    fn reward(&self, _: &Physics, [forward, _]: [f64; 2], action: &[f64]) -> f64 {
        forward - CONTROL_COST * action.iter().map(|a| a * a).sum::<f64>()
    }

    fn terminated(&self, _: &Physics) -> bool {
        false
    }
}
