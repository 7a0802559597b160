//! The robots of the task families: bodies of the base environments, rewards that depend on a task.
//!
//! Reset, place and end of an episode are those of [`HalfCheetah`] and [`ant::V4`], and so are the
//! numbers of the observation that both have. Rewards are those of the paper's code, where a wrapper
//! clips actions to the box: costs see the clipped action, as the motors do.

use super::Spec;
use super::ant;
use super::half_cheetah::HalfCheetah;
use super::physics::{Model, Physics, TORSO};
use super::simulated::{Done, Robot};
use crate::rng::Stream;

/// The cheetah's cost per squared action.
const CHEETAH_CONTROL_COST: f64 = 0.05;

/// The ant's cost per squared action.
const ANT_CONTROL_COST: f64 = 0.005;

/// The ant's reward per step for being there, on the last step too.
const ANT_ALIVE: f64 = 0.05;

/// What an ant with a target velocity gets on top per step.
const ANT_SPEED_BONUS: f64 = 1.0;

/// What a task asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Goal {
    /// To run along this unit vector of the plane.
    Heading([f64; 2]),
    /// To run along x at this velocity, metres per second.
    Velocity(f64),
}

impl Goal {
    /// Returns how well `velocity` (metres per second) does it: the larger the better.
    fn merit(self, velocity: [f64; 2]) -> f64 {
        match self {
            Self::Heading([x, y]) => velocity[0] * x + velocity[1] * y,
            Self::Velocity(target) => -(velocity[0] - target).abs(),
        }
    }
}

fn squared_clipped(action: &[f64]) -> f64 {
    action.iter().map(|a| a.clamp(-1.0, 1.0).powi(2)).sum()
}

/// The cheetah with a goal: 20 numbers are observed.
#[derive(Debug)]
pub(super) struct MetaCheetah {
    pub(super) spec: &'static Spec,
    pub(super) goal: Goal,
}

impl Robot for MetaCheetah {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn model(&self) -> &'static Model {
        HalfCheetah.model()
    }

    fn scatter(&self, physics: &mut Physics, reset: &mut Stream) {
        HalfCheetah.scatter(physics, reset);
    }

    // What the base environment shows, then the torso's position, which shows x and is a fraction of
    // a physics step old after a step; all in single precision.
    fn observe(&self, physics: &Physics, obs: &mut [f64]) {
        let (base, torso) = obs.split_at_mut(HalfCheetah.spec().obs_dim);
        HalfCheetah.observe(physics, base);
        torso.copy_from_slice(&physics.body_xpos(TORSO));
        for x in obs {
            *x = f64::from(*x as f32);
        }
    }

    fn reward(&self, _: &Physics, done: &Done) -> f64 {
        self.goal.merit(done.velocity) - CHEETAH_CONTROL_COST * squared_clipped(done.action)
    }
}

/// The ant with a goal: 27 numbers are observed, contact forces are paid for.
#[derive(Debug)]
pub(super) struct MetaAnt {
    pub(super) spec: &'static Spec,
    pub(super) goal: Goal,
}

impl Robot for MetaAnt {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn model(&self) -> &'static Model {
        ant::V4.model()
    }

    fn scatter(&self, physics: &mut Physics, reset: &mut Stream) {
        ant::V4.scatter(physics, reset);
    }

    fn place(&self, physics: &Physics, stale: [f64; 3]) -> [f64; 2] {
        ant::V4.place(physics, stale)
    }

    fn observe(&self, physics: &Physics, obs: &mut [f64]) {
        ant::V4.observe(physics, obs);
    }

    fn reward(&self, physics: &Physics, done: &Done) -> f64 {
        let bonus = match self.goal {
            Goal::Heading(_) => ANT_ALIVE,
            Goal::Velocity(_) => ANT_ALIVE + ANT_SPEED_BONUS,
        };
        let cost = ANT_CONTROL_COST * squared_clipped(done.action) + ant::contact_cost(physics);
        self.goal.merit(done.velocity) + bonus - cost
    }

    fn terminated(&self, physics: &Physics) -> bool {
        ant::V4.terminated(physics)
    }

    fn reads_contact_forces(&self) -> bool {
        true
    }
}
