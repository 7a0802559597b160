//! Swimmer: three rods in a row that swim along x in a plane. Gymnasium's Swimmer-v4 and -v5, which are the same task.
//!
//! `qpos` is x, y and heading of the first rod, then the two joints. No state ends the episode.

use super::Spec;
use super::physics::{Model, Physics};
use super::simulated::{Done, Robot, scatter_uniform, squared, write};
use crate::rng::Stream;

static MODEL: Model = Model::new("swimmer", include_str!("models/swimmer.xml"), 4);

static SPEC: Spec = Spec { name: "swimmer", obs_dim: 8, action_dim: 2, time_limit: 1000, dt: 0.04 };

/// Half-width of the uniform noise on positions and velocities at a reset.
const RESET_NOISE: f64 = 0.1;

/// Cost per squared action.
const CONTROL_COST: f64 = 1e-4;

/// The task of swimming.
pub(super) struct Swimmer;

impl Robot for Swimmer {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn model(&self) -> &'static Model {
        &MODEL
    }

    fn scatter(&self, physics: &mut Physics, reset: &mut Stream) {
        scatter_uniform(physics, RESET_NOISE, reset);
    }

    // All but x and y.
    fn observe(&self, physics: &Physics, obs: &mut [f64]) {
        write(obs, physics.qpos()[2..].iter().chain(physics.qvel()).copied());
    }

    fn reward(&self, _: &Physics, done: &Done) -> f64 {
        done.velocity[0] - CONTROL_COST * squared(done.action)
    }
}
