//! How the estimator works: the paper as printed, the authors' script, or ours (lab mode).

use serde::{Deserialize, Serialize};

use super::bank::{MOST_BLOCKS, Plan};
use super::pairs::Around;
use super::perturb::Design;
use crate::error::{Error, GradientError, Result};
use crate::names::named;
use crate::stats::lift::Lift;
use crate::stats::stacked::Stacked;

named!("mode",
    /// Which estimator.
    Mode {
        /// App. B as printed: random perturbations, one perturbed step, no critic in the return; the
        /// time limit is no end.
        Paper = "paper",
        /// The authors' script: the unperturbed action is sample 0, the perturbed one is held three
        /// steps, the target critics stand for what follows the time limit, states come from the policy.
        AsReleased = "as-released",
        /// Ours, for new numbers: independent blocks of orthogonal ± pairs, one perturbed step, no
        /// critic in the return, states until the interval is narrow enough.
        Lab = "lab",
    }
);

/// When to stop drawing states.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adaptive {
    /// Half-width of the 95 % interval of κ that is narrow enough.
    pub half_width: f64,
    /// States after which it is given up.
    pub max_states: usize,
}

impl Default for Adaptive {
    fn default() -> Self {
        Self { half_width: 0.10, max_states: 300 }
    }
}

impl Adaptive {
    /// States of the first look at κ.
    pub(crate) const FIRST_LOOK: usize = 100;

    /// Tells whether κ is known well enough to stop at a look.
    pub(crate) fn is_enough(&self, policy: &Stacked) -> bool {
        policy.resolved && policy.kappa.half_width() <= self.half_width
    }

    /// Returns the states of the look after one at `look` states.
    pub(crate) fn next_look(look: usize) -> usize {
        look + look / 2
    }
}

impl Mode {
    /// Returns how its perturbations are drawn, around which a plane is fitted; `None` in lab mode, whose rollouts
    /// come in pairs.
    pub fn design(self) -> Option<Design> {
        match self {
            Self::Paper => Some(Design::Gaussian),
            Self::AsReleased => Some(Design::CentreThenGaussian),
            Self::Lab => None,
        }
    }

    /// Returns the steps for which the perturbed action is held.
    pub fn hold(self) -> u32 {
        match self {
            Self::Paper | Self::Lab => 1,
            Self::AsReleased => 3,
        }
    }
}

named!("source of states",
    /// Where the states come from.
    StatesFrom {
        /// The states that training visited, s ∼ D (paper, Eq. 22): a checkpoint carries a sample.
        Replay = "replay",
        /// States that the current policy reaches without noise (the authors' script).
        Policy = "policy",
    }
);

named!("value",
    /// Which of a checkpoint's values is judged by its gradient.
    Judged {
        /// The first critic, Q₁: what TD3's actor climbs.
        Q1 = "q1",
        /// The smaller one, min(Q₁, Q₂): what SAC's actor climbs.
        Min = "min",
        /// The mean of both: what TQC's actor climbs.
        Mean = "mean",
    }
);

named!("kind of returns",
    /// Which return a critic is to be right about.
    Returns {
        /// Σ γᵏ rₖ.
        Hard = "hard",
        /// Σ γᵏ (rₖ − α log π(aₖ|sₖ)), without the entropy of the action that is tried: what SAC's critics
        /// estimate.
        Soft = "soft",
    }
);

/// Settings of one measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which estimator.
    pub mode: Mode,
    /// States, Ns; the first look at the interval where `adaptive` is set.
    pub states: usize,
    /// Rollouts of each state, Nr; in lab mode they follow from `blocks`.
    pub rollouts: usize,
    /// Independent blocks of each state in lab mode; unset: see [`Settings::blocks`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocks: Option<usize>,
    /// Draw more states until the interval is narrow (lab mode); unset: exactly `states`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptive: Option<Adaptive>,
    /// Standard deviation of the perturbations, in action half-ranges.
    pub std: f64,
    /// Steps after which a rollout is cut, except as released; unset: the first with γʰ below `tail`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horizon: Option<u32>,
    /// What γʰ falls below at the cut.
    pub tail: f64,
    /// Where the states come from; unset: what the mode says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub states_from: Option<StatesFrom>,
    /// Which value is judged; unset: the one that the algorithm's actor climbs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged: Option<Judged>,
    /// Which return it is compared with; unset: the one that the algorithm's critics estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returns: Option<Returns>,
    /// Seed of states and perturbations; each checkpoint draws its own from it.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Paper,
            states: 15,
            rollouts: 15,
            blocks: None,
            adaptive: None,
            std: 0.3,
            horizon: None,
            tail: 1e-3,
            states_from: None,
            judged: None,
            returns: None,
            seed: 0,
        }
    }
}

/// Most states, for the same reason.
const MOST: usize = 1_000_000;

/// Rollouts above which no memory can even be asked for; below that, what there is decides.
const COUNTABLE: usize = 1_000_000_000_000_000_000;

impl Settings {
    /// Returns the defaults of lab mode.
    pub fn lab() -> Self {
        let adaptive = Some(Adaptive::default());
        Self { mode: Mode::Lab, states: 100, adaptive, ..Self::default() }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the setting.
    pub(crate) fn validated(self) -> Result<Self> {
        let checks = [
            ((1..=MOST).contains(&self.states), "--states must be 1 to 1000000"),
            ((1..=COUNTABLE).contains(&self.rollouts), "--rollouts must be 1 to 10¹⁸"),
            (self.blocks.is_none_or(|b| b <= MOST_BLOCKS), "--blocks must be at most 1000"),
            (self.std.is_finite() && self.std > 0.0, "--std must be positive"),
            (self.horizon != Some(0), "--horizon must be at least 1"),
            (self.tail > 0.0 && self.tail < 1.0, "tail must lie between 0 and 1"),
            (
                !(self.mode == Mode::AsReleased && self.horizon.is_some()),
                "--horizon contradicts --mode as-released, which runs to the time limit; drop one",
            ),
            (
                self.blocks.is_none_or(|b| b >= 2),
                "--blocks must be at least 2: one block has nothing to be compared with",
            ),
            (
                self.mode == Mode::Lab || (self.blocks.is_none() && self.adaptive.is_none()),
                "--blocks, --half-width and --max-states belong to --mode lab; drop them",
            ),
            (
                self.adaptive
                    .is_none_or(|a| a.half_width > 0.0 && (1..=MOST).contains(&a.max_states)),
                "--half-width must be positive and --max-states 1 to 1000000",
            ),
        ];
        match checks.into_iter().find(|(fits, _)| !fits) {
            Some((_, message)) => Err(Error::Usage(message.into())),
            None => Ok(self),
        }
    }

    /// Checks that `dims` unknowns and their uncertainty can be had from the rollouts of a state.
    ///
    /// # Errors
    /// [`GradientError::TooFewRollouts`].
    pub(crate) fn enough_rollouts(&self, dims: usize) -> Result<()> {
        let rollouts = self.rollouts_of(dims);
        if rollouts < dims + 3 {
            return Err(GradientError::TooFewRollouts { rollouts, dims }.into());
        }
        Ok(())
    }

    /// Returns the independent blocks of a state in lab mode.
    pub fn blocks(&self) -> usize {
        self.blocks.unwrap_or(Plan::default().blocks)
    }

    /// Returns the plan of a bank in lab mode with rollouts of `horizon` steps.
    pub(crate) fn plan(&self, horizon: u32) -> Plan {
        let (blocks, std, seed) = (self.blocks(), self.std, self.seed);
        Plan { blocks, std, horizon, seed, ..Plan::default() }
    }

    /// Returns the rollouts of a state with `dims` action dimensions; in lab mode around the policy and inside the
    /// box together.
    pub fn rollouts_of(&self, dims: usize) -> usize {
        let pairs = Around::ALL.into_iter().map(|around| around.count(dims)).sum::<usize>();
        match self.mode {
            Mode::Lab => 2 * pairs * self.blocks(),
            Mode::Paper | Mode::AsReleased => self.rollouts,
        }
    }

    /// Returns the number of states to have at hand: where it is adaptive, the most it may take.
    pub(crate) fn most_states(&self) -> usize {
        self.adaptive.map_or(self.states, |a| a.max_states)
    }

    /// Returns how the ceiling of one replicate becomes that of all rollouts, in an environment of
    /// `dims` action dimensions; where fewer were tried, see [`Lift::tried`].
    pub fn lift(&self, dims: usize) -> Lift {
        match self.mode {
            Mode::Lab => Lift::Orthogonal { blocks: self.blocks(), dims },
            Mode::Paper | Mode::AsReleased => Lift::Gaussian { rollouts: self.rollouts, dims },
        }
    }

    /// Returns where the states come from.
    pub fn source(&self) -> StatesFrom {
        self.states_from.unwrap_or(match self.mode {
            Mode::Paper | Mode::Lab => StatesFrom::Replay,
            Mode::AsReleased => StatesFrom::Policy,
        })
    }

    /// Returns the steps after which a rollout that starts `elapsed` steps after a reset is cut.
    ///
    /// # Examples
    /// ```
    /// use hyperl::gradient::Settings;
    /// assert_eq!(Settings::default().horizon(0.99, 0, 1000), 688); // 0.99^688 < 1e-3
    /// ```
    pub fn horizon(&self, gamma: f64, elapsed: u32, time_limit: u32) -> u32 {
        match self.mode {
            Mode::AsReleased => time_limit.saturating_sub(elapsed).max(1),
            Mode::Paper | Mode::Lab => {
                self.horizon.unwrap_or_else(|| (self.tail.ln() / gamma.ln()).ceil().max(1.0) as u32)
            }
        }
    }
}
