//! How the estimator works: the paper as printed, or the authors' script as released.

use serde::{Deserialize, Serialize};

use super::perturb::Design;
use crate::error::{Error, GradientError, Result};

/// Which of the two estimators of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// App. B as printed: random perturbations, one perturbed step, no critic in the return; the
    /// time limit is no end.
    #[default]
    Paper,
    /// The authors' script: the unperturbed action is sample 0, the perturbed one is held three
    /// steps, the target critics stand for what follows the time limit, states come from the policy.
    AsReleased,
}

impl Mode {
    /// Returns the name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::AsReleased => "as-released",
        }
    }

    /// Returns how actions are drawn.
    pub fn design(self) -> Design {
        match self {
            Self::Paper => Design::Gaussian,
            Self::AsReleased => Design::CentreThenGaussian,
        }
    }

    /// Returns the steps for which the perturbed action is held.
    pub fn hold(self) -> u32 {
        match self {
            Self::Paper => 1,
            Self::AsReleased => 3,
        }
    }
}

/// Where the states come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatesFrom {
    /// The states that training visited, s ∼ D (paper, Eq. 22): a checkpoint carries a sample.
    Replay,
    /// States that the current policy reaches without noise (the authors' script).
    Policy,
}

/// Settings of one measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which estimator.
    pub mode: Mode,
    /// States, Ns.
    pub states: usize,
    /// Rollouts of each state, Nr.
    pub rollouts: usize,
    /// Standard deviation of the perturbations, in action half-ranges.
    pub std: f64,
    /// Steps after which a rollout is cut in paper mode; unset: the first with γʰ below `tail`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horizon: Option<u32>,
    /// What γʰ falls below at the cut.
    pub tail: f64,
    /// Where the states come from; unset: what the mode says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub states_from: Option<StatesFrom>,
    /// Seed of states and perturbations.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Paper,
            states: 15,
            rollouts: 15,
            std: 0.3,
            horizon: None,
            tail: 1e-3,
            states_from: None,
            seed: 0,
        }
    }
}

impl Settings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the setting.
    pub fn validated(self) -> Result<Self> {
        let checks = [
            (self.states > 0, "--states must be at least 1"),
            (self.rollouts > 0, "--rollouts must be at least 1"),
            (self.std.is_finite() && self.std > 0.0, "--std must be positive"),
            (self.horizon != Some(0), "--horizon must be at least 1"),
            (self.tail > 0.0 && self.tail < 1.0, "tail must lie between 0 and 1"),
            (
                !(self.mode == Mode::AsReleased && self.horizon.is_some()),
                "--horizon contradicts --mode as-released, which runs to the time limit; drop one",
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
    pub fn enough_rollouts(&self, dims: usize) -> Result<()> {
        let rollouts = self.rollouts;
        if rollouts < dims + 3 {
            return Err(GradientError::TooFewRollouts { rollouts, dims }.into());
        }
        Ok(())
    }

    /// Returns where the states come from.
    pub fn source(&self) -> StatesFrom {
        self.states_from.unwrap_or(match self.mode {
            Mode::Paper => StatesFrom::Replay,
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
            Mode::Paper => {
                self.horizon.unwrap_or_else(|| (self.tail.ln() / gamma.ln()).ceil().max(1.0) as u32)
            }
        }
    }
}
