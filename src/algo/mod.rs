//! Training: what is remembered, what one update does, and the loop around both.
//!
//! The algorithms know nothing of files, logs or flags: a run yields events and the command line acts on
//! them.
//!
//! | file | what it holds |
//! |---|---|
//! | `run_config.rs` | what the settings of every run say |
//! | `trainer.rs` | a run under way, whichever its algorithm |
//! | `registry.rs` | which settings and which run belong to a name |
//! | `method.rs` | what sets one off-policy algorithm apart from another |
//! | `td3.rs`, `sac.rs` | those: hyper-parameters, agent, update |
//! | `config.rs`, `agent.rs`, `off_policy.rs` | settings, agent and loop of them all |
//! | `frozen.rs` | the same with an actor that stays as it is |
//! | `maml/`, `pearl/` | the same of MAML and PEARL |

pub mod agent;
mod chunks;
pub mod config;
pub mod evaluate;
pub mod frozen;
pub mod learner;
pub mod maml;
pub mod method;
pub mod off_policy;
pub mod pearl;
pub mod registry;
pub mod replay;
pub mod reservoir;
mod run_config;
pub mod sac;
pub mod td3;
pub mod trainer;
pub mod twin_critic;

pub use run_config::{Range, RunConfig, Unit};
pub use trainer::{Evaluated, Stage};

use crate::names::named;

named!("algorithm",
    /// The algorithms that exist.
    Algo {
        /// Twin Delayed Deep Deterministic policy gradient.
        Td3 = "td3",
        /// Soft Actor-Critic with a fixed temperature.
        Sac = "sac",
        /// Model-agnostic meta-learning with trust-region updates.
        Maml = "maml",
        /// Probabilistic embeddings for actor-critic meta-learning.
        Pearl = "pearl",
    }
);

impl Algo {
    /// The algorithms that learn one task from a replay buffer.
    pub const OFF_POLICY: [Self; 2] = [Self::Td3, Self::Sac];

    /// The algorithms that learn a family of tasks.
    pub(crate) const META: [Self; 2] = [Self::Maml, Self::Pearl];

    /// Returns which settings and which loop it has.
    pub(crate) fn learning(self) -> Learning {
        match self {
            Self::Maml => Learning::Maml,
            Self::Pearl => Learning::Pearl,
            _ => Learning::OffPolicy,
        }
    }
}

/// Which settings and which loop an algorithm has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Learning {
    /// Those of all that learn one task from a replay buffer.
    OffPolicy,
    /// MAML's.
    Maml,
    /// PEARL's.
    Pearl,
}
