//! Opens a checkpoint, strictly.

use std::path::Path;

use tch::Tensor;

use super::manifest::Manifest;
use super::opened::{Describes, Kind, Opened};
use super::save::{STATES, WEIGHTS};
use super::tensors::TensorFile;
use crate::algo::RunConfig;
use crate::algo::config::TrainConfig;
use crate::env::{Snapshot, Visited};
use crate::error::{Error, Result};
use crate::nn::actor::Actor;
use crate::nn::critic::QNet;
use crate::nn::policy_net::PolicyNet;
use crate::nn::squashed_gaussian::SquashedGaussian;
use crate::nn::weights::{Params, Shapes, Source, Training};

/// A checkpoint whose manifest was read; networks and states are read when asked for.
pub type Checkpoint = Opened<Manifest>;

impl Describes for Manifest {
    type Config = TrainConfig;
    const KIND: Kind = Kind::Critic;

    fn config(&self) -> &TrainConfig {
        &self.config
    }

    fn moment(&self) -> u64 {
        self.step
    }
}

/// One of the four critics in a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// First critic.
    Q1,
    /// Second critic.
    Q2,
    /// Target of the first critic.
    TargetQ1,
    /// Target of the second critic.
    TargetQ2,
}

impl Which {
    /// Returns the prefix of its tensors.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Q1 => "critic.q1",
            Self::Q2 => "critic.q2",
            Self::TargetQ1 => "critic_target.q1",
            Self::TargetQ2 => "critic_target.q2",
        }
    }
}

impl Checkpoint {
    /// Reads and checks the manifest of the checkpoint in folder `path`.
    ///
    /// # Errors
    /// [`Error::NotACheckpoint`] if there is none or it is of another format, [`Error::Corrupt`] if
    /// it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        Self::read(path)
    }

    /// Maps the weights and checks hash, names and shapes.
    ///
    /// # Errors
    /// [`Error::Corrupt`] naming what does not fit.
    pub fn weights(&self) -> Result<TensorFile> {
        let file = TensorFile::open(&self.path().join(WEIGHTS), &self.manifest().hashes.weights)?;
        file.expect(self.expected_shapes()?)?;
        Ok(file)
    }

    /// Returns name and shape of every tensor that the configuration calls for.
    fn expected_shapes(&self) -> Result<Vec<(String, Vec<i64>)>> {
        let (kind, dims) = (self.manifest().config.critic, self.manifest().config.dims());
        let actor = self.policy_from(&mut Shapes)?;
        let critic = QNet::new(kind, dims, Training::Frozen, &mut Shapes)?;
        let mut all = Vec::new();
        let mut add = |prefix: &str, params: &Params| {
            all.extend(params.iter().map(|p| (format!("{prefix}.{}", p.name), p.tensor.size())));
        };
        add("actor", actor.params());
        if let PolicyNet::Deterministic(actor) = &actor {
            add("actor_target", actor.params());
        }
        for which in [Which::Q1, Which::Q2, Which::TargetQ1, Which::TargetQ2] {
            add(which.prefix(), critic.params());
        }
        Ok(all)
    }

    /// Builds the kind of policy that the algorithm has.
    fn policy_from(&self, source: &mut dyn Source) -> Result<PolicyNet> {
        let (dims, training) = (self.manifest().config.dims(), Training::Frozen);
        Ok(if self.manifest().config.is_sac() {
            PolicyNet::SquashedGaussian(SquashedGaussian::new(dims, training, source)?)
        } else {
            PolicyNet::Deterministic(Actor::new(dims, training, source)?)
        })
    }

    /// Reads the policy.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::NonFinite`].
    pub fn policy(&self, weights: &TensorFile) -> Result<PolicyNet> {
        let policy = self.policy_from(&mut weights.source("actor"))?;
        self.check_finite(policy.params().non_finite(), "actor")?;
        Ok(policy)
    }

    /// Reads one critic.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::NonFinite`].
    pub fn critic(&self, weights: &TensorFile, which: Which) -> Result<QNet> {
        let (kind, dims) = (self.manifest().config.critic, self.manifest().config.dims());
        let source = &mut weights.source(which.prefix());
        let critic = QNet::new(kind, dims, Training::Frozen, source)?;
        self.check_finite(critic.params().non_finite(), which.prefix())?;
        Ok(critic)
    }

    /// Reads the sample of visited states.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the file does not hold what the manifest says.
    pub fn states(&self) -> Result<Vec<Visited>> {
        let path = self.path().join(STATES);
        let file = TensorFile::open(&path, &self.manifest().hashes.states)?;
        let (states, expected) = (visited(&file, "states")?, self.manifest().states);
        if states.len() != expected {
            let reason = format!("{expected} states expected, it holds {}", states.len());
            return Err(Error::Corrupt { path, reason });
        }
        Ok(states)
    }
}

/// Reads visited states that `add_visited` of [`super::save`] wrote; of those that an earlier version
/// wrote the episodes are not known.
///
/// # Errors
/// [`Error::Corrupt`] if the tensors are missing or of other shapes.
pub(super) fn visited(file: &TensorFile, name: &str) -> Result<Vec<Visited>> {
    let (table, key) = (file.tensor(name)?, format!("{name}_episodes"));
    let known = file.shapes()?.iter().any(|(tensor, _)| *tensor == key);
    let episodes = known.then(|| file.tensor(&key)).transpose()?;
    let shape = table.size();
    let fits = |e: &Tensor| shape.len() == 2 && e.size() == [shape[0]];
    if shape.len() != 2 || episodes.as_ref().is_some_and(|episodes| !fits(episodes)) {
        let reason = format!("{name} should be states with one episode each, shape is {shape:?}");
        return Err(Error::Corrupt { path: file.path().into(), reason });
    }
    let flat = Vec::<f64>::try_from(table.flatten(0, 1))?;
    let rows = flat.chunks_exact(shape[1].max(1) as usize).map(|row| Snapshot(row.to_vec()));
    let Some(episodes) = episodes else { return Ok(rows.map(Visited::from).collect()) };
    let episodes = Vec::<f64>::try_from(episodes)?;
    let of = |(snapshot, episode): (_, f64)| Visited {
        snapshot,
        episode: (episode >= 0.0).then_some(episode as u64),
    };
    Ok(rows.zip(episodes).map(of).collect())
}
