//! How the weights that a hypernetwork makes are distributed, against those of MLP-Small (paper,
//! App. D.3: Table 2, Figs. 10 and 11).
//!
//! The dynamic network has the shape of MLP-Small, `… → 256 → 1`. Compared are the entries of its two
//! weight matrices, pooled over states, with those of one MLP-Small; biases and gains are left out.
//! The unit of replication is the *network*: entries of one network, and of one state and the next,
//! depend on each other.
//!
//! The paper says neither which states, nor which bins, nor whether observations were normalised, nor
//! whether "Pytorch Hyper init" means the heads too. Each is a named setting here ([`WeightSettings`]).
//!
//! | file | what it holds |
//! |---|---|
//! | `choices.rs` | layers, bins and readings of the paper, by name |
//! | `sample.rs` | visited observations; the weights of one critic, by layer |
//! | `distance.rs` | how far one sample is from another, on which bins, and how far equals would be |
//! | `start.rs` | networks that nothing trained (step 0) |
//! | `trained.rs` | the critics of checkpoints |
//! | `published.rs` | the paper's Table 2 |

mod choices;
pub mod distance;
pub(crate) mod published;
pub mod sample;
pub mod start;
pub mod trained;

use serde::{Deserialize, Serialize};

pub use self::choices::{Heads, Layer, Scaling, Start};
use self::distance::{Binning, Distances};
use crate::env::EnvId;
use crate::error::{Error, Result};

/// What the paper leaves open, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WeightSettings {
    /// States whose dynamic weights are pooled.
    pub states: usize,
    /// Where the bins lie.
    pub binning: Binning,
    /// How many there are, overflow bins not counted.
    pub bins: usize,
    /// Whether observations are standardised before a drawn network sees them.
    pub scaling: Scaling,
    /// What "Pytorch Hyper init" does to the heads.
    pub heads: Heads,
}

impl Default for WeightSettings {
    fn default() -> Self {
        let (binning, scaling, heads) = (Binning::Reference, Scaling::Raw, Heads::Pytorch);
        Self { states: 100, binning, bins: 30, scaling, heads }
    }
}

impl WeightSettings {
    /// Returns the settings.
    ///
    /// # Errors
    /// [`Error::Usage`] for a number outside its range, naming its flag.
    pub(crate) fn validated(self) -> Result<Self> {
        let visited = sample::VISITED;
        if self.states == 0 || self.states > visited {
            return Err(Error::Usage(format!(
                "--states must be 1 to {visited}, the steps that are made to visit them, got {}",
                self.states
            )));
        }
        if self.bins < 2 {
            return Err(Error::Usage(format!("--bins must be at least 2, got {}", self.bins)));
        }
        Ok(self)
    }

    /// Returns these settings, then the same with every other scaling and heads: each a reading of what
    /// the paper does not say.
    pub fn readings(self) -> Vec<Self> {
        let of = |&scaling: &Scaling| {
            Heads::ALL.iter().map(move |&heads| Self { scaling, heads, ..self })
        };
        let others = Scaling::ALL.iter().flat_map(of).filter(|other| *other != self);
        [self].into_iter().chain(others).collect()
    }
}

/// What was measured under one reading of the paper.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    pub settings: WeightSettings,
    /// Networks, layer by layer.
    pub measured: Vec<Measured>,
}

/// One layer of one hypernetwork, compared with one MLP-Small.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// Environment.
    pub env: EnvId,
    /// Seed of the draws, or of the training run.
    pub seed: u64,
    /// Which of a checkpoint's two critics, 1 or 2; 0 for networks that nothing trained.
    pub twin: u8,
    /// Environment steps of training.
    pub step: u64,
    /// Which hypernetwork.
    pub start: Start,
    /// Which layer.
    pub layer: Layer,
    /// How far it is from MLP-Small; on the bins asked for first, then on others.
    pub distances: Distances,
    /// Total variation (0 to 1) from the uniform distribution that MLP-Small is drawn from, without
    /// the sampling noise of a reference, on the number of bins asked for.
    pub uniform: f64,
    /// Share of the weights beyond MLP-Small's initial bound.
    pub beyond: f64,
    /// Standard deviations of the two samples of weights.
    pub std: [f64; 2],
    /// Shares of the two samples on the bins that histograms show.
    #[serde(skip)]
    pub shares: [Vec<f64>; 2],
}
