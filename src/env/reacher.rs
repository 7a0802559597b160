//! Reacher: an arm of two links in a plane that brings its fingertip to a target. Gymnasium's Reacher-v4 and -v5.
//!
//! `qpos` is shoulder, elbow, and where the target is (x, y). In -v4 the distance is that before the step, as old as
//! the last force evaluation. No state ends the episode.

use super::Spec;
use super::physics::{Model, Physics};
use super::simulated::{Done, Robot, squared, write};
use crate::rng::Stream;

static MODEL: Model = Model::new("reacher", include_str!("models/reacher.xml"), 2);

/// Half-width of the uniform noise on joints at a reset, and on their velocities.
const RESET_NOISE: [f64; 2] = [0.1, 0.005];

/// The target lies in a disc of this radius, metres.
const REACH: f64 = 0.2;

/// Bodies of the model.
const FINGERTIP: usize = 3;
const TARGET: usize = 4;

/// The task of reaching.
pub(super) struct Reacher {
    spec: &'static Spec,
    /// Whether the reward of a step is for the distance before it.
    late: bool,
}

/// Gymnasium's Reacher-v4: 11 numbers, the last of which is 0.
pub(super) const V4: Reacher = Reacher { spec: &spec("reacher", 11), late: true };

/// Gymnasium's Reacher-v5: 10 numbers.
pub(super) const V5: Reacher = Reacher { spec: &spec("reacher-v5", 10), late: false };

const fn spec(name: &'static str, obs_dim: usize) -> Spec {
    Spec { name, obs_dim, action_dim: 2, time_limit: 50, dt: 0.02 }
}

impl Robot for Reacher {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn model(&self) -> &'static Model {
        &MODEL
    }

    fn stale(&self, physics: &Physics) -> [f64; 3] {
        let [tip, target] = [FINGERTIP, TARGET].map(|body| physics.body_xpos(body));
        [0, 1, 2].map(|axis| tip[axis] - target[axis])
    }

    fn scatter(&self, physics: &mut Physics, reset: &mut Stream) {
        let [position, velocity] = RESET_NOISE;
        physics.qpos_mut()[..2].iter_mut().for_each(|q| *q += reset.uniform(-position, position));
        let target = loop {
            let [x, y] = [0, 1].map(|_| reset.uniform(-REACH, REACH));
            if x.hypot(y) < REACH {
                break [x, y];
            }
        };
        physics.qpos_mut()[2..].copy_from_slice(&target);
        physics.qvel_mut()[..2].iter_mut().for_each(|v| *v += reset.uniform(-velocity, velocity));
    }

    // Cosines and sines of the joints, the target, velocities of the joints, from target to fingertip.
    fn observe(&self, physics: &Physics, obs: &mut [f64]) {
        let (joints, target) = physics.qpos().split_at(2);
        let angles = joints.iter().map(|q| q.cos()).chain(joints.iter().map(|q| q.sin()));
        let seen = angles.chain(target.iter().chain(&physics.qvel()[..2]).copied());
        write(obs, seen.chain(self.stale(physics)));
    }

    fn reward(&self, physics: &Physics, done: &Done) -> f64 {
        let from_target = if self.late { done.stale } else { self.stale(physics) };
        -squared(&from_target).sqrt() - squared(done.action)
    }
}
