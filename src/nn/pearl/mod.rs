//! PEARL's actor and critics, which know the task by a latent `z` (Rakelly et al. 2019; App. B.2, D.5).
//!
//! | model | Q₁, Q₂ | V | policy |
//! |---|---|---|---|
//! | [`PearlModel::Mlp`] | `[s, a, z] → 300 → 300 → 300 → 1` | `[s, z] →` alike | `[s, z] →` alike, to mean and log σ |
//! | [`PearlModel::Hyper`] | meta `s`, base `[a, z]` | meta `s`, base `z` | meta `z`, base `s` |
//!
//! The dynamic networks of a hypernetwork have one hidden layer of 256. The encoder, which finds `z`, is
//! [`super::context`] for both. Letters of shapes: `T` tasks, `B` rows of one task, `Z` = 5.

pub mod policy;
pub mod value;

use serde::{Deserialize, Serialize};

use super::critic::Dims;
use super::init::{Init, LayerInit};
use super::mlp::Mlp;
use super::weights::Builder;
use crate::error::Result;
use crate::names::by_name;

/// Width of the plain networks' hidden layers.
const WIDTH: i64 = 300;

/// The models that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PearlModel {
    /// Plain networks, whose input the latent joins.
    Mlp,
    /// Hypernetworks.
    Hyper,
}

impl PearlModel {
    /// All models.
    pub const ALL: [Self; 2] = [Self::Mlp, Self::Hyper];

    /// Returns the name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mlp => "mlp",
            Self::Hyper => "hyper",
        }
    }
}

by_name!(PearlModel, "model");

/// Where the latent enters a hypernetwork's Q.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatentIn {
    /// Base `[a, z]` (the paper).
    Base,
    /// Meta `[s, z]`, base `a` (an option of the authors' code, `use_combine`).
    Meta,
}

/// What the networks of one agent are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Design {
    /// Plain networks or hypernetworks.
    pub model: PearlModel,
    /// Sizes of observation and action.
    pub dims: Dims,
    /// Where the latent enters Q; plain networks have one place only.
    pub latent_in: LatentIn,
}

/// Builds the hidden layers of a plain network.
fn hidden_layers(builder: &mut Builder, inputs: i64) -> Result<Mlp> {
    Mlp::new(builder, &[inputs, WIDTH, WIDTH, WIDTH], LayerInit::FanOut)
}

/// Builds a plain network with one output.
fn plain_value(builder: &mut Builder, inputs: i64) -> Result<Mlp> {
    let output = Init::Uniform(super::context::OUTPUT_BOUND);
    hidden_layers(builder, inputs)?.then(builder, [WIDTH, 1], &output)
}
