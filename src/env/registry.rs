//! The environments that exist.

use serde::{Deserialize, Serialize};

use super::simulated::{RecordedState, Robot, Simulated};
use super::{Env, Snapshot, Spec, ant, half_cheetah, hopper, walker2d};
use crate::error::Result;
use crate::names::stored_by_name;

/// The environments that exist. In files and on the command line each is its [`EnvId::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum EnvId {
    /// Gymnasium's Hopper-v4.
    Hopper,
    /// Gymnasium's Walker2d-v4.
    Walker2d,
    /// Gymnasium's HalfCheetah-v4.
    HalfCheetah,
    /// The paper's Ant: 111 numbers whose contact part is zero, no control cost.
    Ant,
    /// Gymnasium's Ant-v4, 27 numbers.
    AntV4,
    /// Gymnasium's Ant-v4 with contact forces: 111 numbers, control cost and contact cost.
    AntContact,
}
impl EnvId {
    /// Every environment, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Hopper, Self::Walker2d, Self::HalfCheetah, Self::Ant, Self::AntV4, Self::AntContact];

    /// Returns the name on the command line and in files, such as `half-cheetah`.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// Returns sizes and limits.
    pub fn spec(self) -> &'static Spec {
        self.robot().spec()
    }

    /// Makes one environment, standing at its rest pose; call [`Env::reset`] before the first step.
    ///
    /// The model is compiled once per process and shared by all environments that use it.
    ///
    /// # Errors
    /// [`Error::Usage`] if the `MuJoCo` library does not accept the model.
    pub fn make(self) -> Result<Box<dyn Env>> {
        Ok(Box::new(Simulated::new(self.robot())?))
    }

    /// Returns the snapshot of a state that was recorded elsewhere, ready for [`Env::restore`].
    ///
    /// Contact forces are no part of such a state: the observation of `ant-contact` shows zeros
    /// until the next step, as after a reset.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if a length does not fit the model.
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

stored_by_name!(EnvId, "environment");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for id in EnvId::ALL {
            assert_eq!(id.to_string().parse::<EnvId>().unwrap(), id);
            let json = serde_json::to_string(&id).unwrap();
            assert_eq!(json, format!("\"{id}\""));
            assert_eq!(serde_json::from_str::<EnvId>(&json).unwrap(), id);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let message = "cheetah".parse::<EnvId>().unwrap_err().to_string();
        assert_eq!(
            message,
            "unknown environment 'cheetah'; choose one of: \
             hopper, walker2d, half-cheetah, ant, ant-v4, ant-contact"
        );
    }
}
