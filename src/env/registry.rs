//! The environments that exist.

use super::simulated::{RecordedState, Robot, Simulated};
use super::{Env, Snapshot, Spec, ant, half_cheetah, hopper, walker2d};
use crate::error::Result;
use crate::names::named;

named!("environment",
    /// The environments that exist, in the order of the documentation. In files and on the command line each
    /// is its [`EnvId::name`].
    EnvId {
        /// Gymnasium's Hopper-v4.
        Hopper = "hopper",
        /// Gymnasium's Walker2d-v4.
        Walker2d = "walker2d",
        /// Gymnasium's HalfCheetah-v4.
        HalfCheetah = "half-cheetah",
        /// The paper's Ant: 111 numbers whose contact part is zero, no control cost.
        Ant = "ant",
        /// Gymnasium's Ant-v4, 27 numbers.
        AntV4 = "ant-v4",
        /// Gymnasium's Ant-v4 with contact forces: 111 numbers, control cost and contact cost.
        AntContact = "ant-contact",
    }
);

impl EnvId {
    /// Returns sizes and limits.
    pub fn spec(self) -> &'static Spec {
        self.robot().spec()
    }

    /// Makes one environment, standing at its rest pose; call [`Env::reset`] before the first step.
    ///
    /// The model is compiled once per process and shared by all environments that use it.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] if the `MuJoCo` library does not accept the model.
    pub fn make(self) -> Result<Box<dyn Env>> {
        Ok(Box::new(Simulated::new(self.robot())?))
    }

    /// Returns the snapshot of a state that was recorded elsewhere, ready for [`Env::restore`].
    ///
    /// Contact forces are no part of such a state: the observation of `ant-contact` shows zeros
    /// until the next step, as after a reset.
    ///
    /// # Errors
    /// [`crate::Error::Mismatch`] if a length does not fit the model.
    pub fn snapshot_from_state(self, state: &RecordedState) -> Result<Snapshot> {
        Simulated::new(self.robot())?.snapshot_from_state(state)
    }

    /// Returns the compiled model, for tests that compare it with Gymnasium's.
    ///
    /// # Errors
    /// As [`Self::make`].
    #[doc(hidden)]
    pub fn compiled_model(self) -> Result<std::sync::Arc<super::physics::MjModel>> {
        self.robot().model().compiled()
    }

    /// Returns reward, termination and observation: the one place that maps names to code.
    fn robot(self) -> Box<dyn Robot> {
        match self {
            Self::Hopper => Box::new(hopper::Hopper),
            Self::Walker2d => Box::new(walker2d::Walker2d),
            Self::HalfCheetah => Box::new(half_cheetah::HalfCheetah),
            Self::Ant => Box::new(ant::PAPER),
            Self::AntV4 => Box::new(ant::V4),
            Self::AntContact => Box::new(ant::CONTACT),
        }
    }
}
