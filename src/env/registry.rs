//! The environments that exist.

use serde::{Deserialize, Serialize};

use super::simulated::{RecordedState, Robot, Simulated};
use super::worker::{Stored, WorkerEnv};
use super::{
    Env, Family, Snapshot, Spec, ant, half_cheetah, hopper, humanoid, inverted_double_pendulum,
    inverted_pendulum, pusher, reacher, swimmer, walker2d,
};
use crate::error::{Error, Result};

/// The environments that exist, in the order in which pages list them (`docs/environments.md`), and those of other
/// processes. In files and on the command line each is its [`EnvId::name`]; of one in another process, files hold all
/// that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "StoredEnv", try_from = "StoredEnv")]
pub enum EnvId {
    /// Gymnasium's Hopper-v4.
    Hopper,
    /// Gymnasium's Walker2d-v4.
    Walker2d,
    /// Gymnasium's HalfCheetah-v4 and -v5.
    HalfCheetah,
    /// The paper's Ant: 111 numbers whose contact part is zero, no control cost.
    Ant,
    /// Gymnasium's Ant-v4, 27 numbers.
    AntV4,
    /// Gymnasium's Ant-v4 with contact forces: 111 numbers, control cost and contact cost.
    AntContact,
    /// Gymnasium's Hopper-v5.
    HopperV5,
    /// Gymnasium's Walker2d-v5.
    Walker2dV5,
    /// Gymnasium's Ant-v5, 105 numbers.
    AntV5,
    /// Gymnasium's Swimmer-v4 and -v5.
    Swimmer,
    /// Gymnasium's Reacher-v4, 11 numbers.
    Reacher,
    /// Gymnasium's Reacher-v5, 10 numbers.
    ReacherV5,
    /// Gymnasium's Pusher-v5.
    PusherV5,
    /// Gymnasium's InvertedPendulum-v4.
    InvertedPendulum,
    /// Gymnasium's InvertedPendulum-v5.
    InvertedPendulumV5,
    /// Gymnasium's InvertedDoublePendulum-v4, 11 numbers.
    InvertedDoublePendulum,
    /// Gymnasium's InvertedDoublePendulum-v5, 9 numbers.
    InvertedDoublePendulumV5,
    /// Gymnasium's Humanoid-v4, 376 numbers.
    Humanoid,
    /// Gymnasium's Humanoid-v5, 348 numbers.
    HumanoidV5,
    /// Any other one, in a process of its own (`docs/worker.md`).
    Worker(WorkerEnv),
}

/// An environment as files hold it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum StoredEnv {
    Ours(String),
    Worker(Stored),
}

impl EnvId {
    /// All that are built in.
    pub const ALL: [Self; 19] = [
        Self::Hopper,
        Self::Walker2d,
        Self::HalfCheetah,
        Self::Ant,
        Self::AntV4,
        Self::AntContact,
        Self::HopperV5,
        Self::Walker2dV5,
        Self::AntV5,
        Self::Swimmer,
        Self::Reacher,
        Self::ReacherV5,
        Self::PusherV5,
        Self::InvertedPendulum,
        Self::InvertedPendulumV5,
        Self::InvertedDoublePendulum,
        Self::InvertedDoublePendulumV5,
        Self::Humanoid,
        Self::HumanoidV5,
    ];

    /// Starts an environment of another process by a line for the shell, and checks that its states can be restored.
    /// An answer may take `seconds`, or a minute.
    ///
    /// # Errors
    /// [`Error::Worker`] if it does not do as `docs/worker.md` says; [`Error::Usage`] for an impossible time limit.
    pub fn worker(command: &str, seconds: Option<f64>) -> Result<Self> {
        let worker = WorkerEnv::start(command, seconds)?;
        not_ours(worker)
            .map_err(|reason| Error::Worker { command: command.into(), reason })
            .map(Self::Worker)
    }

    /// Returns the name: of one that is built in, as on the command line and in files.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// Returns its name and, if it is in another process, what it is made of: no other one has the same.
    pub fn identity(self) -> String {
        match self {
            Self::Worker(worker) => format!("{} ({})", self.name(), worker.fingerprint()),
            ours => ours.name().into(),
        }
    }

    /// Returns its place among those that are built in; all others come after them.
    pub fn place(self) -> usize {
        Self::ALL.into_iter().position(|env| env == self).unwrap_or(Self::ALL.len())
    }

    /// Returns lowest and highest action as the environment itself has them. Everywhere else actions lie in
    /// `[-1, 1]`, and are stretched to this box.
    pub fn bounds(self) -> Vec<[f64; 2]> {
        match self.robot() {
            Ok(robot) => vec![[-robot.reach(), robot.reach()]; robot.spec().action_dim],
            Err(worker) => worker.bounds().to_vec(),
        }
    }

    /// Returns sizes and limits.
    pub fn spec(self) -> &'static Spec {
        self.robot().map_or_else(WorkerEnv::spec, |robot| robot.spec())
    }

    /// Makes one environment, standing at its rest pose; call [`Env::reset`] before the first step.
    ///
    /// The model is compiled once per process and shared by all environments that use it.
    ///
    /// # Errors
    /// [`Error::Usage`] if the `MuJoCo` library does not accept the model; [`Error::Worker`].
    pub fn make(self) -> Result<Box<dyn Env>> {
        match self.robot() {
            Ok(robot) => Ok(Box::new(Simulated::new(robot)?)),
            Err(worker) => worker.make(),
        }
    }

    /// Returns the snapshot of a state that was recorded elsewhere, ready for [`Env::restore`].
    ///
    /// Contact forces are no part of such a state: the observation of `ant-contact` shows zeros
    /// until the next step, as after a reset.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if a length does not fit the model; [`Error::Usage`] of an environment in another process.
    pub fn snapshot_from_state(self, state: &RecordedState) -> Result<Snapshot> {
        Simulated::new(self.robot().map_err(not_built_in)?)?.snapshot_from_state(state)
    }

    /// Returns the compiled model, for tests that compare it with Gymnasium's.
    ///
    /// # Errors
    /// As [`Self::make`].
    #[doc(hidden)]
    pub fn compiled_model(self) -> Result<std::sync::Arc<super::physics::MjModel>> {
        self.robot().map_err(not_built_in)?.model().compiled()
    }

    /// Returns reward, termination and observation: the one place that maps names to code. Of an environment in
    /// another process there is none here.
    fn robot(self) -> std::result::Result<Box<dyn Robot>, WorkerEnv> {
        Ok(match self {
            Self::Hopper => Box::new(hopper::V4),
            Self::Walker2d => Box::new(walker2d::V4),
            Self::HalfCheetah => Box::new(half_cheetah::HalfCheetah),
            Self::Ant => Box::new(ant::PAPER),
            Self::AntV4 => Box::new(ant::V4),
            Self::AntContact => Box::new(ant::CONTACT),
            Self::HopperV5 => Box::new(hopper::V5),
            Self::Walker2dV5 => Box::new(walker2d::V5),
            Self::AntV5 => Box::new(ant::V5),
            Self::Swimmer => Box::new(swimmer::Swimmer),
            Self::Reacher => Box::new(reacher::V4),
            Self::ReacherV5 => Box::new(reacher::V5),
            Self::PusherV5 => Box::new(pusher::Pusher),
            Self::InvertedPendulum => Box::new(inverted_pendulum::V4),
            Self::InvertedPendulumV5 => Box::new(inverted_pendulum::V5),
            Self::InvertedDoublePendulum => Box::new(inverted_double_pendulum::V4),
            Self::InvertedDoublePendulumV5 => Box::new(inverted_double_pendulum::V5),
            Self::Humanoid => Box::new(humanoid::V4),
            Self::HumanoidV5 => Box::new(humanoid::V5),
            Self::Worker(worker) => return Err(worker),
        })
    }
}

fn not_built_in(worker: WorkerEnv) -> Error {
    Error::Usage(format!("{} is in another process, which has its model", worker.spec().name))
}

/// Refuses the name of one of ours: pages would tell the two apart no longer.
fn not_ours(worker: WorkerEnv) -> std::result::Result<WorkerEnv, String> {
    let name = worker.spec().name;
    let ours = name.parse::<EnvId>().is_ok() || name.parse::<Family>().is_ok();
    let refused = || format!("its name '{name}' is that of one of ours; serve it under another");
    if ours { Err(refused()) } else { Ok(worker) }
}

impl std::fmt::Display for EnvId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for EnvId {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let unknown = || Error::UnknownName {
            kind: "environment",
            name: name.into(),
            known: Self::ALL.map(Self::name).join(", "),
        };
        Self::ALL.into_iter().find(|env| env.name() == name).ok_or_else(unknown)
    }
}

impl From<EnvId> for StoredEnv {
    fn from(env: EnvId) -> Self {
        match env {
            EnvId::Worker(worker) => Self::Worker(worker.stored()),
            ours => Self::Ours(ours.name().into()),
        }
    }
}

impl TryFrom<StoredEnv> for EnvId {
    type Error = String;

    fn try_from(stored: StoredEnv) -> std::result::Result<Self, String> {
        match stored {
            StoredEnv::Ours(name) => name.parse().map_err(|e: Error| e.to_string()),
            StoredEnv::Worker(stored) => {
                WorkerEnv::of_stored(stored).and_then(not_ours).map(Self::Worker)
            }
        }
    }
}
