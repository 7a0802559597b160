//! `InvertedPendulum`: a pole on a cart that stays up. Gymnasium's InvertedPendulum-v4 and -v5.
//!
//! `qpos` is the place of the cart and the angle of the pole.

use super::Spec;
use super::physics::{Model, Physics};
use super::simulated::{Done, Paid, Robot, scatter_uniform, write};
use crate::rng::Stream;

static MODEL: Model =
    Model::new("inverted-pendulum", include_str!("models/inverted_pendulum.xml"), 2);

/// Half-width of the uniform noise on positions and velocities at a reset.
const RESET_NOISE: f64 = 0.01;

/// Angle up to which the pole stands, radians.
const MAX_ANGLE: f64 = 0.2;

/// The task of holding a pole.
pub(super) struct InvertedPendulum {
    spec: &'static Spec,
    paid: Paid,
}

/// Gymnasium's InvertedPendulum-v4.
pub(super) const V4: InvertedPendulum =
    InvertedPendulum { spec: &spec("inverted-pendulum"), paid: Paid::Always };

/// Gymnasium's InvertedPendulum-v5.
pub(super) const V5: InvertedPendulum =
    InvertedPendulum { spec: &spec("inverted-pendulum-v5"), paid: Paid::Standing };

const fn spec(name: &'static str) -> Spec {
    Spec { name, obs_dim: 4, action_dim: 1, time_limit: 1000, dt: 0.04 }
}

impl Robot for InvertedPendulum {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn model(&self) -> &'static Model {
        &MODEL
    }

    fn reach(&self) -> f64 {
        3.0
    }

    fn scatter(&self, physics: &mut Physics, reset: &mut Stream) {
        scatter_uniform(physics, RESET_NOISE, reset);
    }

    fn observe(&self, physics: &Physics, obs: &mut [f64]) {
        write(obs, physics.qpos().iter().chain(physics.qvel()).copied());
    }

    fn reward(&self, _: &Physics, done: &Done) -> f64 {
        self.paid.of(1.0, done)
    }

    fn terminated(&self, physics: &Physics) -> bool {
        physics.qpos()[1].abs() > MAX_ANGLE
    }
}
