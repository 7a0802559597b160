//! `HalfCheetah`: two legs and a long back that run forward in a plane. Gymnasium's HalfCheetah-v4
//! and -v5, which are the same task.
//!
//! `qpos` is x, height (relative to 0.7 m), pitch, then thigh, shin and foot of the back and of the
//! front leg. It may lie on its back: no state ends the episode.

use super::Spec;
use super::physics::{Model, Physics};
use super::simulated::{Done, Robot, observe_in_plane, scatter_normal, squared};
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
        scatter_normal(physics, RESET_NOISE, reset);
    }

    fn observe(&self, physics: &Physics, obs: &mut [f64]) {
        observe_in_plane(physics, f64::INFINITY, obs);
    }

    fn reward(&self, _: &Physics, done: &Done) -> f64 {
        done.velocity[0] - CONTROL_COST * squared(done.action)
    }
}
