//! Which of our environments is one of Gymnasium's.

use super::EnvId;
use crate::error::{Error, Result};

impl EnvId {
    /// Returns the environment of a name of ours, or of one of Gymnasium's (`docs/environments.md`). Before -v4 the
    /// rewards and observations of most were the same, on older versions of `MuJoCo`.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for any other name; [`Error::Usage`] for one whose task differs from ours, which says
    /// how.
    pub fn of_gymnasium(name: &str) -> Result<Self> {
        let differs = match name {
            "Hopper-v2" | "Hopper-v3" | "Hopper-v4" => return Ok(Self::Hopper),
            "Hopper-v5" => return Ok(Self::HopperV5),
            "Walker2d-v2" | "Walker2d-v3" | "Walker2d-v4" => return Ok(Self::Walker2d),
            "Walker2d-v5" => return Ok(Self::Walker2dV5),
            "HalfCheetah-v2" | "HalfCheetah-v3" | "HalfCheetah-v4" | "HalfCheetah-v5" => {
                return Ok(Self::HalfCheetah);
            }
            "Ant-v4" => return Ok(Self::AntV4),
            "Ant-v5" => return Ok(Self::AntV5),
            "Swimmer-v2" | "Swimmer-v3" | "Swimmer-v4" | "Swimmer-v5" => return Ok(Self::Swimmer),
            "Reacher-v2" | "Reacher-v4" => return Ok(Self::Reacher),
            "Reacher-v5" => return Ok(Self::ReacherV5),
            "Pusher-v5" => return Ok(Self::PusherV5),
            "InvertedPendulum-v2" | "InvertedPendulum-v4" => return Ok(Self::InvertedPendulum),
            "InvertedPendulum-v5" => return Ok(Self::InvertedPendulumV5),
            "InvertedDoublePendulum-v2" | "InvertedDoublePendulum-v4" => {
                return Ok(Self::InvertedDoublePendulum);
            }
            "InvertedDoublePendulum-v5" => return Ok(Self::InvertedDoublePendulumV5),
            "Humanoid-v4" => return Ok(Self::Humanoid),
            "Humanoid-v5" => return Ok(Self::HumanoidV5),
            "Ant-v2" | "Ant-v3" => {
                "its contact forces depend on the version of MuJoCo; ant-contact has them, ant has zeros in their place"
            }
            "Humanoid-v2" | "Humanoid-v3" => {
                "its contact forces, for which it pays, depend on the version of MuJoCo; humanoid is its -v4, which \
                 observes as many numbers and pays for none"
            }
            "Pusher-v2" | "Pusher-v4" => {
                "its object is lighter than air, and moves otherwise since MuJoCo 3; pusher-v5 observes the same numbers"
            }
            "HumanoidStandup-v2" | "HumanoidStandup-v4" | "HumanoidStandup-v5" => {
                "python/hyperl_env.py serves it; see docs/worker.md"
            }
            _ => return name.parse(),
        };
        Err(Error::Usage(format!("{name} is not built in: {differs}")))
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
        assert_eq!(of("Walker2d-v4"), Ok(EnvId::Walker2d));
        assert_eq!(of("Walker2d-v5"), Ok(EnvId::Walker2dV5));
        assert_eq!(of("Swimmer-v3"), Ok(EnvId::Swimmer));
        assert!(of("Humanoid-v3").unwrap_err().contains("contact forces"));
        assert!(of("Pusher-v4").unwrap_err().contains("lighter than air"));
        assert!(of("Humanoid-v6").unwrap_err().contains("choose one of: hopper"));
    }

    #[test]
    fn each_newest_one_of_gymnasium_has_its_own() {
        let robots = [
            "Hopper",
            "Walker2d",
            "HalfCheetah",
            "Ant",
            "Swimmer",
            "Reacher",
            "Pusher",
            "InvertedPendulum",
            "InvertedDoublePendulum",
            "Humanoid",
        ];
        let ours: Vec<EnvId> =
            robots.map(|robot| EnvId::of_gymnasium(&format!("{robot}-v5")).unwrap()).into();
        assert!(ours.iter().enumerate().all(|(i, env)| !ours[..i].contains(env)), "{ours:?}");
    }
}
