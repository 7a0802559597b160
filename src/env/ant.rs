//! Ant: a sphere on four legs that runs along x in space. Four variants of one robot.
//!
//! `qpos` is the torso's position (3) and quaternion (4), then hip and ankle of legs 1 to 4; motors
//! start with leg 4. The robot starts with straight legs, outside the limits of its ankles, so each
//! episode begins with a kick. Speed is measured on the torso's body position, which is a fraction
//! of a physics step old.
//!
//! # Deviations
//! [`PAPER`] is the paper's Ant: its footnote reduces the control cost, its code (`MyAnt-v0`) sets it
//! to zero. Its observation has 111 numbers whose last 84 are zero, and no contact cost, as in the
//! simulator of that time, which left contact forces empty.

use super::Spec;
use super::physics::{Model, Physics};
use super::simulated::{Done, Paid, Robot, scatter_normal, squared, write};
use crate::rng::Stream;

static MODEL: Model = Model::new("ant", include_str!("models/ant.xml"), 5);

/// Half-width of the uniform noise on positions (x, y, height and quaternion too, which is not
/// normalised), and standard deviation of the normal noise on velocities, at a reset.
const RESET_NOISE: f64 = 0.1;

/// Reward per step for being there.
const ALIVE: f64 = 1.0;

/// Cost per squared contact force, each component clipped to ±[`MAX_FORCE`].
const CONTACT_COST: f64 = 5e-4;

/// Bound on each component of a contact force, in cost and observation.
const MAX_FORCE: f64 = 1.0;

/// Heights of the torso between which it stands, metres, bounds included.
const HEIGHT: std::ops::RangeInclusive<f64> = 0.2..=1.0;

/// Numbers of the observation that are no contact forces: 13 positions, 14 velocities.
const PROPRIOCEPTION: usize = 27;

/// Components of all contact forces, those of the world first.
const FORCES: usize = 84;

/// Whether contact forces are observed and paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contacts {
    /// They are neither observed nor paid for.
    Hidden,
    /// Zeros are observed in their place; nothing is paid.
    Zeros,
    /// They are observed, in -v5 without the world's row, and paid for.
    Live,
}

/// The task of running on four legs.
#[derive(Debug)]
pub(super) struct Ant {
    spec: &'static Spec,
    /// Cost per squared action.
    control_cost: f64,
    contacts: Contacts,
    paid: Paid,
}

/// The paper's Ant: 111 numbers, no control cost, contact forces zero.
pub(super) const PAPER: Ant =
    Ant { spec: &spec("ant", 111), control_cost: 0.0, contacts: Contacts::Zeros, ..V4 };

/// Gymnasium's Ant-v4: 27 numbers.
pub(super) const V4: Ant = Ant {
    spec: &spec("ant-v4", 27),
    control_cost: 0.5,
    contacts: Contacts::Hidden,
    paid: Paid::Always,
};

/// Gymnasium's Ant-v4 with contact forces: 111 numbers, contact cost.
pub(super) const CONTACT: Ant =
    Ant { spec: &spec("ant-contact", 111), contacts: Contacts::Live, ..V4 };

/// Gymnasium's Ant-v5: 105 numbers, contact cost, nothing for being there on the step that ends.
pub(super) const V5: Ant =
    Ant { spec: &spec("ant-v5", 105), contacts: Contacts::Live, paid: Paid::Standing, ..V4 };

const fn spec(name: &'static str, obs_dim: usize) -> Spec {
    Spec { name, obs_dim, action_dim: 8, time_limit: 1000, dt: 0.05 }
}

impl Robot for Ant {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn model(&self) -> &'static Model {
        &MODEL
    }

    fn scatter(&self, physics: &mut Physics, reset: &mut Stream) {
        scatter_normal(physics, RESET_NOISE, reset);
    }

    fn place(&self, _: &Physics, [x, y, _]: [f64; 3]) -> [f64; 2] {
        [x, y]
    }

    // All but x and y, then velocities, then contact forces, the world's row of zeros first.
    fn observe(&self, physics: &Physics, obs: &mut [f64]) {
        let (own, contacts) = obs.split_at_mut(PROPRIOCEPTION);
        own[..13].copy_from_slice(&physics.qpos()[2..]);
        own[13..].copy_from_slice(physics.qvel());
        if self.contacts == Contacts::Live {
            let unseen = FORCES - contacts.len();
            write(contacts, clipped_forces(physics).skip(unseen));
        }
    }

    fn reward(&self, physics: &Physics, done: &Done) -> f64 {
        let mut cost = self.control_cost * squared(done.action);
        if self.contacts == Contacts::Live {
            cost += contact_cost(physics);
        }
        done.velocity[0] + self.paid.of(ALIVE, done) - cost
    }

    fn terminated(&self, physics: &Physics) -> bool {
        let (qpos, qvel) = (physics.qpos(), physics.qvel());
        !(qpos.iter().chain(qvel).all(|x| x.is_finite()) && HEIGHT.contains(&qpos[2]))
    }

    fn reads_contact_forces(&self) -> bool {
        self.contacts == Contacts::Live
    }
}

/// Returns the cost of all contact forces; they have to be up to date.
pub(super) fn contact_cost(physics: &Physics) -> f64 {
    CONTACT_COST * clipped_forces(physics).map(|f| f * f).sum::<f64>()
}

/// Returns the components of all contact forces, body by body, each clipped.
fn clipped_forces(physics: &Physics) -> impl Iterator<Item = f64> {
    physics.contact_forces().iter().flatten().map(|f| f.clamp(-MAX_FORCE, MAX_FORCE))
}
