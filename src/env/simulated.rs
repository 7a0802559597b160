//! The episode of a simulated robot: reset, step, count, save and restore, written once.
//!
//! A [`Robot`] says what is particular: noise at the start, observation, reward, end. Robots are
//! stateless; everything that changes is in the [`Physics`], the count of steps and the last
//! observation.

use super::physics::{Model, Physics};
use super::{Env, Snapshot, Spec, Step};
use crate::error::{Error, Result};
use crate::rng::Stream;

/// What tells one robot from another.
///
/// Methods are called after a step (or a reset) and read the physics as that left it, including
/// what is stale in it.
pub(super) trait Robot: Send + Sync {
    /// Returns sizes and limits.
    fn spec(&self) -> &'static Spec;

    /// Returns the model in which the robot lives.
    fn model(&self) -> &'static Model;

    /// Adds the noise of a reset to the rest pose: positions first, then velocities.
    fn scatter(&self, physics: &mut Physics, reset: &mut Stream);

    /// Returns where the robot is in the plane, metres; the difference is its velocity.
    fn place(&self, physics: &Physics) -> [f64; 2] {
        [physics.qpos()[0], 0.0]
    }

    /// Writes the observation `[S]`.
    fn observe(&self, physics: &Physics, obs: &mut [f64]);

    /// Returns the reward of a step: `velocity` in metres per second over that step, and the action
    /// as it was given, which may lie outside the box.
    fn reward(&self, physics: &Physics, velocity: [f64; 2], action: &[f64]) -> f64;

    /// Returns whether the robot has fallen.
    fn terminated(&self, physics: &Physics) -> bool;

    /// Returns whether reward or observation read contact forces, which cost time to compute.
    fn reads_contact_forces(&self) -> bool {
        false
    }
}

/// Observes all positions but x, then velocities, clipped to ±`limit`.
pub(super) fn observe_in_plane(physics: &Physics, limit: f64, obs: &mut [f64]) {
    let seen = physics.qpos()[1..].iter().copied();
    let velocities = physics.qvel().iter().map(|v| v.clamp(-limit, limit));
    obs.iter_mut().zip(seen.chain(velocities)).for_each(|(to, from)| *to = from);
}

/// A state that was recorded outside this crate, such as Gymnasium's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RecordedState {
    /// Generalised positions `[nq]`.
    pub qpos: Vec<f64>,
    /// Generalised velocities `[nv]`.
    pub qvel: Vec<f64>,
    /// `qacc_warmstart` `[nv]`; zeros after a reset. With zeros in its place the next step differs
    /// by the solver's tolerance.
    pub warmstart: Vec<f64>,
    /// `xpos` of the torso in metres, as old as the simulator had it. Ant's next reward reads it.
    pub torso_xpos: [f64; 3],
    /// Steps since the reset.
    pub elapsed: u32,
}

/// One robot in its simulation.
pub(super) struct Simulated {
    robot: Box<dyn Robot>,
    physics: Physics,
    obs: Vec<f64>,
    elapsed: u32,
}

impl Simulated {
    /// Makes `robot` at its rest pose.
    pub(super) fn new(robot: Box<dyn Robot>) -> Result<Self> {
        let mut physics = Physics::new(robot.model())?;
        physics.forward();
        let mut new = Self { physics, obs: vec![0.0; robot.spec().obs_dim], robot, elapsed: 0 };
        new.robot.observe(&new.physics, &mut new.obs);
        Ok(new)
    }

    /// Takes over a recorded state and returns its snapshot.
    pub(super) fn snapshot_from_state(mut self, state: &RecordedState) -> Result<Snapshot> {
        self.physics.reset();
        fill("qpos", self.physics.qpos_mut(), &state.qpos)?;
        fill("qvel", self.physics.qvel_mut(), &state.qvel)?;
        fill("warmstart", self.physics.warmstart_mut(), &state.warmstart)?;
        self.physics.set_torso_xpos(state.torso_xpos);
        self.elapsed = state.elapsed;
        self.robot.observe(&self.physics, &mut self.obs);
        self.snapshot()
    }

    fn unstable(&self, reason: &str) -> Error {
        Error::Physics { env: self.spec().name.into(), reason: reason.into() }
    }
}

/// Copies one part of a recorded state, if it has the right length.
fn fill(what: &str, to: &mut [f64], from: &[f64]) -> Result<()> {
    if to.len() != from.len() {
        return Err(Error::Mismatch {
            what: format!("length of {what}"),
            expected: to.len().to_string(),
            found: from.len().to_string(),
            remedy: "record the state from the same model".into(),
        });
    }
    to.copy_from_slice(from);
    Ok(())
}

impl Env for Simulated {
    fn spec(&self) -> &Spec {
        self.robot.spec()
    }

    fn reset(&mut self, reset: &mut Stream) -> Result<()> {
        self.physics.reset();
        self.robot.scatter(&mut self.physics, reset);
        self.physics.forward();
        self.robot.observe(&self.physics, &mut self.obs);
        self.elapsed = 0;
        Ok(())
    }

    fn obs(&self) -> &[f64] {
        &self.obs
    }

    fn step(&mut self, action: &[f64]) -> Result<Step> {
        let Spec { action_dim, time_limit, dt, .. } = *self.robot.spec();
        assert_eq!(action.len(), action_dim, "one number per motor");

        let before = self.robot.place(&self.physics);
        self.physics.step(action).map_err(|reason| self.unstable(reason))?;
        if self.robot.reads_contact_forces() {
            self.physics.update_contact_forces();
        }
        let after = self.robot.place(&self.physics);
        let velocity = [(after[0] - before[0]) / dt, (after[1] - before[1]) / dt];

        self.elapsed += 1;
        self.robot.observe(&self.physics, &mut self.obs);
        let step = Step {
            reward: self.robot.reward(&self.physics, velocity, action),
            terminated: self.robot.terminated(&self.physics),
            truncated: self.elapsed >= time_limit,
        };
        // MuJoCo looks at its state when a step begins: the last one is seen here.
        if !step.reward.is_finite() || self.obs.iter().any(|x| !x.is_finite()) {
            return Err(self.unstable("NaN or infinity in reward or observation"));
        }
        Ok(step)
    }

    fn elapsed(&self) -> u32 {
        self.elapsed
    }

    // Layout: steps since the reset | torso position (3) | integration state | observation (S).
    fn snapshot(&self) -> Result<Snapshot> {
        let state = self.physics.state_len();
        let mut numbers = vec![0.0; 4 + state];
        numbers[0] = f64::from(self.elapsed);
        numbers[1..4].copy_from_slice(&self.physics.torso_xpos());
        self.physics.save(&mut numbers[4..]);
        numbers.extend_from_slice(&self.obs);
        Ok(Snapshot(numbers))
    }

    fn restore(&mut self, Snapshot(numbers): &Snapshot) -> Result<()> {
        let state = self.physics.state_len();
        let expected = 4 + state + self.obs.len();
        if numbers.len() != expected {
            return Err(Error::Mismatch {
                what: format!("length of a snapshot of {}", self.spec().name),
                expected: expected.to_string(),
                found: numbers.len().to_string(),
                remedy: "restore a snapshot of the same environment".into(),
            });
        }
        self.physics.load(&numbers[4..4 + state])?;
        self.physics.set_torso_xpos([numbers[1], numbers[2], numbers[3]]);
        self.obs.copy_from_slice(&numbers[4 + state..]);
        self.elapsed = numbers[0] as u32;
        Ok(())
    }
}
