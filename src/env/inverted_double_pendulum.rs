//! `InvertedDoublePendulum`: two poles, one upon the other, on a cart. Gymnasium's InvertedDoublePendulum-v4 and -v5.
//!
//! `qpos` is the place of the cart, the angle of the lower pole, and that of the upper one against it. The tip's
//! position is as old as the last force evaluation.

use super::Spec;
use super::physics::{Model, Physics};
use super::simulated::{Done, Paid, Robot, scatter_normal, write};
use crate::rng::Stream;

static MODEL: Model =
    Model::new("inverted-double-pendulum", include_str!("models/inverted_double_pendulum.xml"), 5);

/// Half-width of the uniform noise on positions, and standard deviation of the normal noise on velocities, at a reset.
const RESET_NOISE: f64 = 0.1;

/// Reward per step for being there.
const ALIVE: f64 = 10.0;

/// Height of the tip down to which the poles have fallen, and that which costs nothing, metres.
const FALLEN: f64 = 1.0;
const UPRIGHT: f64 = 2.0;

/// Velocities and forces are clipped to ±this in the observation, and only there.
const LIMIT: f64 = 10.0;

/// The task of holding two poles.
pub(super) struct InvertedDoublePendulum {
    spec: &'static Spec,
    paid: Paid,
}

/// Gymnasium's InvertedDoublePendulum-v4: 11 numbers, the last two of which are 0.
pub(super) const V4: InvertedDoublePendulum =
    InvertedDoublePendulum { spec: &spec("inverted-double-pendulum", 11), paid: Paid::Always };

/// Gymnasium's InvertedDoublePendulum-v5: 9 numbers.
pub(super) const V5: InvertedDoublePendulum =
    InvertedDoublePendulum { spec: &spec("inverted-double-pendulum-v5", 9), paid: Paid::Standing };

const fn spec(name: &'static str, obs_dim: usize) -> Spec {
    Spec { name, obs_dim, action_dim: 1, time_limit: 1000, dt: 0.05 }
}

impl Robot for InvertedDoublePendulum {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn model(&self) -> &'static Model {
        &MODEL
    }

    fn scatter(&self, physics: &mut Physics, reset: &mut Stream) {
        scatter_normal(physics, RESET_NOISE, reset);
    }

    // The cart's place, sines and cosines of the angles, velocities, and the forces of limits: those on the cart, for
    // the poles have none.
    fn observe(&self, physics: &Physics, obs: &mut [f64]) {
        let (cart, angles) = physics.qpos().split_at(1);
        let sines = angles.iter().map(|q| q.sin());
        let seen = cart.iter().copied().chain(sines).chain(angles.iter().map(|q| q.cos()));
        let clipped = physics.qvel().iter().chain(physics.constraint_forces());
        write(obs, seen.chain(clipped.map(|x| x.clamp(-LIMIT, LIMIT))));
    }

    fn reward(&self, physics: &Physics, done: &Done) -> f64 {
        let [x, _, height] = physics.site_xpos();
        let [lower, upper] = [physics.qvel()[1], physics.qvel()[2]];
        let place_cost = 0.01 * x * x + (height - UPRIGHT).powi(2);
        let velocity_cost = 1e-3 * lower * lower + 5e-3 * upper * upper;
        self.paid.of(ALIVE, done) - place_cost - velocity_cost
    }

    fn terminated(&self, physics: &Physics) -> bool {
        let [.., height] = physics.site_xpos();
        height <= FALLEN
    }
}
