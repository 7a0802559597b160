//! Families of tasks for meta-learning: one robot, one reward that depends on a task.
//!
//! A [`Task`] is a target velocity or a direction; a [`Family`] says which, draws tasks and makes
//! their environments. Two tasks of a family differ in the reward alone: the observation does not
//! tell them apart. `v` is the velocity in metres per second, `a` the action, clipped to the box,
//! and `C = 5e-4 Σ clip(f)²` the cost of the ant's contact forces `f`, each clipped to ±1.
//!
//! | family | reward | tasks |
//! |---|---|---|
//! | `half-cheetah-fwd-back` | `d v_x − 0.05 Σa²` | `d` = −1, +1 |
//! | `half-cheetah-vel` | `−abs(v_x − g) − 0.05 Σa²` | `g` in `[0, 3)` |
//! | `half-cheetah-vel-medium` | the same | training: `g` in `[0, 2.5)`; test: in `[2.5, 3)` |
//! | `ant-fwd-back` | `d v_x + 0.05 − 0.005 Σa² − C` | `d` = −1, +1 |
//! | `ant-dir-rad1` | `v·(cos d, sin d) + 0.05 − 0.005 Σa² − C` | `d` = −1, +1, radians |
//! | `ant-vel` | `1 − abs(v_x − g) + 0.05 − 0.005 Σa² − C` | `g` in `[0, 3)` |
//!
//! An episode has 200 steps of 0.05 s; an ant's also ends where that of `ant-v4` does. Resets are
//! those of the base environments. The cheetah observes 20 numbers, rounded to single precision: the
//! 17 of `half-cheetah`, and the torso's position. The ant observes the 27 of `ant-v4`.
//!
//! # Deviations
//! The paper's Ant Forward-Backward feeds the labels −1 and +1 to cosine and sine. Its two goals are
//! ±57.3° from x: not opposite, both half forward. `ant-dir-rad1` is that environment, for comparison
//! with printed figures; `ant-fwd-back` is what the paper describes. Where the paper's code draws
//! labels with probability ½, here half of them are −1, and its tasks are not all seeded; here all
//! are. In the simulator of that time contact forces may have been zero; here they are live.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::meta::{Goal, MetaAnt, MetaCheetah};
use super::simulated::{Robot, Simulated};
use super::{Env, RecordedState, Snapshot, Spec};
use crate::error::{Error, Result};
use crate::names::named;
use crate::rng::Stream;

named!("task family",
    /// The families of tasks that exist, in the order of the documentation. In files and on the command line
    /// each is its [`Family::name`].
    Family {
        /// The cheetah runs forward or backward.
        HalfCheetahFwdBack = "half-cheetah-fwd-back",
        /// The cheetah runs at a velocity.
        HalfCheetahVel = "half-cheetah-vel",
        /// The cheetah runs at a velocity; those of the test are higher than all of training.
        HalfCheetahVelMedium = "half-cheetah-vel-medium",
        /// The ant runs forward or backward.
        AntFwdBack = "ant-fwd-back",
        /// The ant runs at ±1 radian from x, as in the paper's code.
        AntDirRad1 = "ant-dir-rad1",
        /// The ant runs at a velocity.
        AntVel = "ant-vel",
    }
);

/// One task: a target velocity in metres per second, or a direction, −1 or +1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Task(pub f64);

/// The tasks of one experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskLists {
    /// Tasks of training, in the order in which they were drawn.
    pub train: Vec<Task>,
    /// Tasks of the test, in the order in which they were drawn.
    pub test: Vec<Task>,
}

/// What the number of a task means.
enum Meaning {
    /// One of two directions.
    Direction,
    /// A velocity in metres per second, drawn uniformly from these ranges.
    Velocity { train: Range<f64>, test: Range<f64> },
}

impl Family {
    /// Returns sizes and limits: 20 and 6 (cheetah) or 27 and 8 (ant) numbers, 200 steps of 0.05 s.
    pub fn spec(self) -> &'static Spec {
        match self {
            Self::HalfCheetahFwdBack => const { &cheetah(Self::HalfCheetahFwdBack.name()) },
            Self::HalfCheetahVel => const { &cheetah(Self::HalfCheetahVel.name()) },
            Self::HalfCheetahVelMedium => const { &cheetah(Self::HalfCheetahVelMedium.name()) },
            Self::AntFwdBack => const { &ant(Self::AntFwdBack.name()) },
            Self::AntDirRad1 => const { &ant(Self::AntDirRad1.name()) },
            Self::AntVel => const { &ant(Self::AntVel.name()) },
        }
    }

    /// Makes one environment of a task, at its rest pose; call [`Env::reset`] before the first step.
    ///
    /// # Errors
    /// [`Error::Usage`] if the task is none of this family (a direction is −1 or +1, a velocity is
    /// finite), or if the `MuJoCo` library does not accept the model.
    pub fn make(self, task: Task) -> Result<Box<dyn Env>> {
        Ok(Box::new(Simulated::new(self.robot(task)?)?))
    }

    /// Returns the snapshot of a state that was recorded elsewhere, ready for [`Env::restore`].
    ///
    /// # Errors
    /// As [`Self::make`], and [`Error::Mismatch`] if a length does not fit the model.
    pub fn snapshot_from_state(self, task: Task, state: &RecordedState) -> Result<Snapshot> {
        Simulated::new(self.robot(task)?)?.snapshot_from_state(state)
    }

    /// Draws the tasks of `seed`.
    ///
    /// Velocities of training and test come from streams of their own: the number of the one does
    /// not change the other, and a longer list begins with the shorter one. Directions alternate,
    /// −1 first, whatever the seed.
    ///
    /// # Errors
    /// [`Error::Usage`] if a count is 0; if it is odd and tasks are directions, which would not be
    /// balanced; if one velocity alone is to be trained on, which would leave
    /// [`TaskLists::context`] without a range.
    pub fn tasks(self, seed: u64, train: usize, test: usize) -> Result<TaskLists> {
        self.check_counts(train, test)?;
        let stream = Stream::new(seed, "tasks");
        Ok(match self.meaning() {
            Meaning::Direction => TaskLists { train: directions(train), test: directions(test) },
            Meaning::Velocity { train: seen, test: unseen } => TaskLists {
                train: velocities(stream.child("train"), seen, train),
                test: velocities(stream.child("test"), unseen, test),
            },
        })
    }

    /// Tells whether the tasks of the test lie outside the range of those of training.
    pub(crate) fn tests_outside(self) -> bool {
        match self.meaning() {
            Meaning::Velocity { train, test } => test.start >= train.end || test.end <= train.start,
            Meaning::Direction => false,
        }
    }

    /// Tells whether training and test have the same tasks, for there are no others.
    pub(crate) fn tests_on_training_tasks(self) -> bool {
        matches!(self.meaning(), Meaning::Direction)
    }

    fn check_counts(self, train: usize, test: usize) -> Result<()> {
        let directions = matches!(self.meaning(), Meaning::Direction);
        let wrong = if train == 0 || test == 0 {
            "both need tasks; ask for 2 or more of each"
        } else if directions && !(train.is_multiple_of(2) && test.is_multiple_of(2)) {
            "half of each are -1 and half are +1; ask for even numbers"
        } else if !directions && train == 1 {
            "the context of a velocity needs two of training; ask for 2 or more"
        } else {
            return Ok(());
        };
        Err(Error::Usage(format!("{self}: {train} training and {test} test tasks: {wrong}")))
    }

    fn meaning(self) -> Meaning {
        match self {
            Self::HalfCheetahFwdBack | Self::AntFwdBack | Self::AntDirRad1 => Meaning::Direction,
            Self::HalfCheetahVel | Self::AntVel => {
                Meaning::Velocity { train: 0.0..3.0, test: 0.0..3.0 }
            }
            Self::HalfCheetahVelMedium => Meaning::Velocity { train: 0.0..2.5, test: 2.5..3.0 },
        }
    }

    /// Returns reward, termination and observation of a task.
    fn robot(self, task: Task) -> Result<Box<dyn Robot>> {
        let (spec, goal) = (self.spec(), self.goal(task)?);
        Ok(match self {
            Self::HalfCheetahFwdBack | Self::HalfCheetahVel | Self::HalfCheetahVelMedium => {
                Box::new(MetaCheetah { spec, goal })
            }
            Self::AntFwdBack | Self::AntDirRad1 | Self::AntVel => Box::new(MetaAnt { spec, goal }),
        })
    }

    fn goal(self, Task(number): Task) -> Result<Goal> {
        match self.meaning() {
            Meaning::Velocity { .. } if number.is_finite() => Ok(Goal::Velocity(number)),
            Meaning::Velocity { .. } => Err(Error::Usage(format!(
                "{self}: a task is a velocity in m/s, not {number}; give a finite one"
            ))),
            Meaning::Direction if !matches!(number, -1.0 | 1.0) => Err(Error::Usage(format!(
                "{self}: a task is a direction, not {number}; give -1 or +1"
            ))),
            Meaning::Direction if self == Self::AntDirRad1 => {
                Ok(Goal::Heading([number.cos(), number.sin()]))
            }
            Meaning::Direction => Ok(Goal::Heading([number, 0.0])),
        }
    }
}

impl TaskLists {
    /// Returns the oracle context of a task: the number that tells a network its task.
    ///
    /// A direction is its own context, −1 or +1. A velocity is `(g − min) / (max − min)` over the
    /// velocities of training, as the paper's code has it: those of the test may lie outside
    /// `[0, 1]`, and those of `half-cheetah-vel-medium` all lie above 1.
    ///
    /// # Panics
    /// If there are no two different velocities to train on. [`Family::tasks`] gives no such list.
    pub fn context(&self, family: Family, Task(number): Task) -> f64 {
        if matches!(family.meaning(), Meaning::Direction) {
            return number;
        }
        let velocities = || self.train.iter().map(|task| task.0);
        let min = velocities().fold(f64::INFINITY, f64::min);
        let max = velocities().fold(f64::NEG_INFINITY, f64::max);
        assert!(max > min, "the context of a velocity needs two different ones to train on");
        (number - min) / (max - min)
    }
}

const fn cheetah(name: &'static str) -> Spec {
    Spec { name, obs_dim: 20, action_dim: 6, time_limit: 200, dt: 0.05 }
}

const fn ant(name: &'static str) -> Spec {
    Spec { name, obs_dim: 27, action_dim: 8, time_limit: 200, dt: 0.05 }
}

fn directions(count: usize) -> Vec<Task> {
    (0..count).map(|i| Task(if i.is_multiple_of(2) { -1.0 } else { 1.0 })).collect()
}

fn velocities(mut stream: Stream, range: Range<f64>, count: usize) -> Vec<Task> {
    (0..count).map(|_| Task(stream.uniform(range.start, range.end))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_opposite_in_one_ant_and_a_radian_to_either_side_in_the_other() {
        let heading = |family: Family, d| match family.goal(Task(d)).unwrap() {
            Goal::Heading(heading) => heading,
            Goal::Velocity(g) => panic!("{g}"),
        };
        assert_eq!(
            heading(Family::AntFwdBack, -1.0).map(f64::to_bits),
            [-1.0f64, 0.0].map(f64::to_bits)
        );
        assert_eq!(
            heading(Family::AntFwdBack, 1.0).map(f64::to_bits),
            [1.0f64, 0.0].map(f64::to_bits)
        );
        for d in [-1.0, 1.0] {
            // cos 1 and sin 1, from a table.
            let [x, y] = heading(Family::AntDirRad1, d);
            assert!((x - 0.540_302_305_868_139_7).abs() < 1e-15);
            assert!((y - d * 0.841_470_984_807_896_5).abs() < 1e-15);
        }
    }
}
