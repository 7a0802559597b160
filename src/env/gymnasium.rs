//! Which of our environments is one of Gymnasium's.

use super::EnvId;
use crate::error::{Error, Result};

impl EnvId {
    /// Returns the environment of a name of ours, or of one of Gymnasium's. Ours are its -v4. Before that the rewards
    /// and observations of hopper, walker2d and half-cheetah were the same, on older versions of `MuJoCo`.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for any other name; [`Error::Usage`] for one whose task differs from ours, which says
    /// how.
    pub fn of_gymnasium(name: &str) -> Result<Self> {
        let differs = match name {
            "Hopper-v2" | "Hopper-v3" | "Hopper-v4" => return Ok(Self::Hopper),
            "Walker2d-v2" | "Walker2d-v3" | "Walker2d-v4" => return Ok(Self::Walker2d),
            "HalfCheetah-v2" | "HalfCheetah-v3" | "HalfCheetah-v4" | "HalfCheetah-v5" => {
                return Ok(Self::HalfCheetah);
            }
            "Ant-v4" => return Ok(Self::AntV4),
            "Hopper-v5" => {
                "it gives no reward for being there on the step that falls, ours does; hopper is its -v4"
            }
            "Walker2d-v5" => {
                "its right foot has twice the friction of ours; walker2d is its -v4, in which the agent can be \
                 measured all the same"
            }
            "Ant-v2" | "Ant-v3" => {
                "its contact forces depend on the version of MuJoCo; ant-contact has them, ant has zeros in their place"
            }
            "Ant-v5" => "it observes 105 numbers; ant-v4 27, ant-contact 111",
            _ => return name.parse(),
        };
        Err(Error::Usage(format!("{name} is none of ours: {differs}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_gymnasium_are_those_of_the_same_task() {
        let of = |name| EnvId::of_gymnasium(name).map_err(|e| e.to_string());
        assert_eq!(of("HalfCheetah-v5"), Ok(EnvId::HalfCheetah));
        assert_eq!(of("hopper"), Ok(EnvId::Hopper));
        assert!(of("Walker2d-v5").unwrap_err().contains("friction"));
        assert!(of("Humanoid-v4").unwrap_err().contains("choose one of: hopper"));
    }
}
