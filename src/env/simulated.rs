//! The episode of a simulated robot: reset, step, count, save and restore, written once.
//!
//! A [`Robot`] has its own noise at the start, observation, reward and end. Robots are
//! stateless; everything that changes is in the [`Physics`], the count of steps, the last
//! observation, and what is stale.

use super::physics::{Model, Physics, TORSO};
use super::{Env, Snapshot, Spec, Step};
use crate::error::{Error, Result};
use crate::rng::Stream;

/// What is particular to a robot.
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

    /// Returns how far the environment's own actions go: those in `[-1, 1]` are stretched to ±this.
    fn reach(&self) -> f64 {
        1.0
    }

    /// Returns what the next reward will read of this state and the integration state does not hold, for it is as
    /// old as the last force evaluation: the position of the torso, unless a robot says otherwise.
    fn stale(&self, physics: &Physics) -> [f64; 3] {
        physics.body_xpos(TORSO)
    }

    /// Returns where the robot is in the plane, metres; the difference is its velocity.
    fn place(&self, physics: &Physics, _stale: [f64; 3]) -> [f64; 2] {
        [physics.qpos()[0], 0.0]
    }

    /// Writes the observation `[S]`.
    fn observe(&self, physics: &Physics, obs: &mut [f64]);

    /// Returns the reward of a step.
    fn reward(&self, physics: &Physics, done: &Done) -> f64;

    /// Returns whether the robot has fallen; some robots cannot.
    fn terminated(&self, _physics: &Physics) -> bool {
        false
    }

    /// Returns whether reward or observation read contact forces, which cost time to compute.
    fn reads_contact_forces(&self) -> bool {
        false
    }
}

/// What was done in a step, beside the physics that it left.
pub(super) struct Done<'a> {
    /// Metres per second over the step.
    pub(super) velocity: [f64; 2],
    /// The action as the environment takes it; where it was outside the box, so is this.
    pub(super) action: &'a [f64],
    /// What was stale before the step.
    pub(super) stale: [f64; 3],
    /// Whether the robot has fallen.
    pub(super) terminated: bool,
}

/// When a robot is paid for being there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paid {
    /// On each step, that on which it falls too.
    Always,
    /// On each step on which it does not fall: Gymnasium's -v5.
    Standing,
}

impl Paid {
    /// Returns what it is paid for a step, `bonus` or nothing.
    pub(super) fn of(self, bonus: f64, done: &Done) -> f64 {
        if self == Self::Standing && done.terminated { 0.0 } else { bonus }
    }
}

/// Observes all positions but x, then velocities, clipped to ±`limit`.
pub(super) fn observe_in_plane(physics: &Physics, limit: f64, obs: &mut [f64]) {
    let seen = physics.qpos()[1..].iter().copied();
    write(obs, seen.chain(physics.qvel().iter().map(|v| v.clamp(-limit, limit))));
}

/// Writes one number after the other.
pub(super) fn write(obs: &mut [f64], numbers: impl IntoIterator<Item = f64>) {
    obs.iter_mut().zip(numbers).for_each(|(to, from)| *to = from);
}

/// Adds uniform noise in ±`noise` to all positions, then to all velocities.
pub(super) fn scatter_uniform(physics: &mut Physics, noise: f64, reset: &mut Stream) {
    physics.qpos_mut().iter_mut().for_each(|q| *q += reset.uniform(-noise, noise));
    physics.qvel_mut().iter_mut().for_each(|v| *v += reset.uniform(-noise, noise));
}

/// Adds uniform noise in ±`noise` to all positions, then normal noise of that standard deviation to all velocities.
pub(super) fn scatter_normal(physics: &mut Physics, noise: f64, reset: &mut Stream) {
    physics.qpos_mut().iter_mut().for_each(|q| *q += reset.uniform(-noise, noise));
    physics.qvel_mut().iter_mut().for_each(|v| *v += noise * reset.normal());
}

/// Returns the sum of squares.
pub(super) fn squared(numbers: &[f64]) -> f64 {
    numbers.iter().map(|x| x * x).sum()
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
    /// What the next reward reads as old as the simulator had it: `xpos` of the torso (ants), the centre of mass
    /// (humanoids), from target to fingertip (`reacher`); metres. All others read nothing of it.
    pub stale: [f64; 3],
    /// Steps since the reset.
    pub elapsed: u32,
}

/// One robot in its simulation.
pub(super) struct Simulated {
    robot: Box<dyn Robot>,
    physics: Physics,
    stale: [f64; 3],
    /// The last action as the environment takes it.
    action: Vec<f64>,
    obs: Vec<f64>,
    elapsed: u32,
}

impl Simulated {
    /// Makes `robot` at its rest pose.
    pub(super) fn new(robot: Box<dyn Robot>) -> Result<Self> {
        let mut physics = Physics::new(robot.model())?;
        physics.forward();
        let Spec { obs_dim, action_dim, .. } = *robot.spec();
        let stale = robot.stale(&physics);
        let (obs, action) = (vec![0.0; obs_dim], vec![0.0; action_dim]);
        let mut new = Self { robot, physics, stale, action, obs, elapsed: 0 };
        new.robot.observe(&new.physics, &mut new.obs);
        Ok(new)
    }

    /// Takes over a recorded state and returns its snapshot, whose observation shows nothing stale.
    pub(super) fn snapshot_from_state(mut self, state: &RecordedState) -> Result<Snapshot> {
        self.physics.reset();
        fill("qpos", self.physics.qpos_mut(), &state.qpos)?;
        fill("qvel", self.physics.qvel_mut(), &state.qvel)?;
        fill("warmstart", self.physics.warmstart_mut(), &state.warmstart)?;
        self.physics.forward();
        self.stale = state.stale;
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
        self.stale = self.robot.stale(&self.physics);
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

        let reach = self.robot.reach();
        write(&mut self.action, action.iter().map(|a| reach * a));
        let stale = self.stale;
        let before = self.robot.place(&self.physics, stale);
        self.physics.step(&self.action).map_err(|reason| self.unstable(reason))?;
        if self.robot.reads_contact_forces() {
            self.physics.update_contact_forces();
        }
        self.stale = self.robot.stale(&self.physics);
        let after = self.robot.place(&self.physics, self.stale);
        let velocity = [(after[0] - before[0]) / dt, (after[1] - before[1]) / dt];

        self.elapsed += 1;
        self.robot.observe(&self.physics, &mut self.obs);
        let terminated = self.robot.terminated(&self.physics);
        let done = Done { velocity, action: &self.action, stale, terminated };
        let reward = self.robot.reward(&self.physics, &done);
        let step = Step { reward, terminated, truncated: self.elapsed >= time_limit };
        // MuJoCo looks at its state when a step begins: the last one is seen here.
        if !step.reward.is_finite() || self.obs.iter().any(|x| !x.is_finite()) {
            return Err(self.unstable("NaN or infinity in reward or observation"));
        }
        Ok(step)
    }

    fn elapsed(&self) -> u32 {
        self.elapsed
    }

    // Layout: steps since the reset | what is stale (3) | integration state | observation (S).
    fn snapshot(&self) -> Result<Snapshot> {
        let state = self.physics.state_len();
        let mut numbers = vec![0.0; 4 + state];
        numbers[0] = f64::from(self.elapsed);
        numbers[1..4].copy_from_slice(&self.stale);
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
        self.stale = [numbers[1], numbers[2], numbers[3]];
        self.obs.copy_from_slice(&numbers[4 + state..]);
        self.elapsed = numbers[0] as u32;
        Ok(())
    }
}
