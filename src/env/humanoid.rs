//! Humanoid: a body with two legs and two arms that runs along x in space. Gymnasium's Humanoid-v4 and -v5.
//!
//! `qpos` is the torso's position (3) and quaternion (4), then the joints. Speed is that of the centre of mass, which
//! is as old as the last force evaluation; so are inertias, velocities of bodies and forces of the observation.

use super::Spec;
use super::physics::{Model, Physics};
use super::simulated::{Done, Paid, Robot, scatter_uniform, squared, write};
use crate::rng::Stream;

static MODEL: Model = Model::new("humanoid", include_str!("models/humanoid.xml"), 5);

/// Half-width of the uniform noise on positions (quaternion too, which is not normalised) and velocities at a reset.
const RESET_NOISE: f64 = 0.01;

/// Reward per metre per second along x, and per step for being there.
const FORWARD: f64 = 1.25;
const ALIVE: f64 = 5.0;

/// Cost per squared action, and in -v5 per squared contact force, with the most that those cost.
const CONTROL_COST: f64 = 0.1;
const CONTACT_COST: f64 = 5e-7;
const MAX_CONTACT_COST: f64 = 10.0;

/// Heights of the torso between which it stands, metres, bounds excluded.
const HEIGHT: (f64, f64) = (1.0, 2.0);

/// The degrees of freedom at the root, which have no motors.
const ROOT: usize = 6;

/// The task of running on two legs, with arms.
#[derive(Debug)]
pub(super) struct Humanoid {
    spec: &'static Spec,
    /// Whether the world's rows and the motors of the root, all zeros, are observed.
    zeros: bool,
    pays_for_contacts: bool,
    paid: Paid,
}

/// Gymnasium's Humanoid-v4: 376 numbers.
pub(super) const V4: Humanoid = Humanoid {
    spec: &spec("humanoid", 376),
    zeros: true,
    pays_for_contacts: false,
    paid: Paid::Always,
};

/// Gymnasium's Humanoid-v5: 348 numbers, contact cost.
pub(super) const V5: Humanoid = Humanoid {
    spec: &spec("humanoid-v5", 348),
    zeros: false,
    pays_for_contacts: true,
    paid: Paid::Standing,
};

const fn spec(name: &'static str, obs_dim: usize) -> Spec {
    Spec { name, obs_dim, action_dim: 17, time_limit: 1000, dt: 0.015 }
}

impl Robot for Humanoid {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn model(&self) -> &'static Model {
        &MODEL
    }

    fn reach(&self) -> f64 {
        0.4
    }

    fn stale(&self, physics: &Physics) -> [f64; 3] {
        physics.mass_centre()
    }

    fn place(&self, _: &Physics, [x, y, _]: [f64; 3]) -> [f64; 2] {
        [x, y]
    }

    fn scatter(&self, physics: &mut Physics, reset: &mut Stream) {
        scatter_uniform(physics, RESET_NOISE, reset);
    }

    // All but x and y, then velocities, then of each body inertia and velocity, forces of motors, contact forces.
    fn observe(&self, physics: &Physics, obs: &mut [f64]) {
        let (bodies, motors) = if self.zeros { (0.., 0..) } else { (1.., ROOT..) };
        let own = physics.qpos()[2..].iter().chain(physics.qvel());
        let inertias = physics.inertias()[bodies.clone()].iter().flatten();
        let velocities = physics.body_velocities()[bodies.clone()].iter().flatten();
        let motors = &physics.motor_forces()[motors];
        let contacts = physics.contact_forces()[bodies].iter().flatten();
        write(obs, own.chain(inertias).chain(velocities).chain(motors).chain(contacts).copied());
    }

    fn reward(&self, physics: &Physics, done: &Done) -> f64 {
        let mut cost = CONTROL_COST * squared(done.action);
        if self.pays_for_contacts {
            let forces = squared(physics.contact_forces().as_flattened());
            cost += (CONTACT_COST * forces).min(MAX_CONTACT_COST);
        }
        FORWARD * done.velocity[0] + self.paid.of(ALIVE, done) - cost
    }

    fn terminated(&self, physics: &Physics) -> bool {
        let height = physics.qpos()[2];
        !(height > HEIGHT.0 && height < HEIGHT.1)
    }

    fn reads_contact_forces(&self) -> bool {
        true
    }
}
