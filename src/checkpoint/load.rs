//! Reads the networks and states of a checkpoint, strictly.

use std::sync::Arc;

use tch::Tensor;

use super::manifest::Imported;
use super::networks::{check_finite, copy_weights};
use super::open::Checkpoint;
use super::save::STATES;
use super::tensors::TensorFile;
use crate::algo::agent;
use crate::algo::learner::by_name;
use crate::algo::maml::Maml;
use crate::algo::maml::config::MamlConfig;
use crate::algo::pearl::agent::{PearlAgent, PearlSources};
use crate::algo::trainer::Trainer;
use crate::env::{Snapshot, Visited};
use crate::error::{Error, Result};
use crate::nn::critic::QNet;
use crate::nn::policy_net::PolicyNet;
use crate::nn::weights::Params;

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
    /// Reads the policy of TD3 or SAC.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::NonFinite`]; as [`Self::off_policy`].
    pub fn policy(&self, weights: &TensorFile) -> Result<PolicyNet> {
        let policy = agent::policy(self.off_policy()?, &mut weights.source("actor"))?;
        check_finite(self.path(), policy.params().non_finite(), "actor")?;
        Ok(policy)
    }

    /// Copies the policy of TD3 or SAC into the actor of a run, and into its slow copy.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if its shapes are others; as [`Self::policy`].
    pub(crate) fn copy_policy(&self, run: &dyn Trainer) -> Result<()> {
        let file = self.weights()?;
        self.policy(&file)?;
        for part in run.parts().into_iter().filter(|part| part.name == "actor") {
            for params in std::iter::once(part.online).chain(part.target) {
                copy_weights(&file, &[("actor".to_owned(), params)])?;
            }
        }
        Ok(())
    }

    /// Reads one critic of TD3 or SAC.
    ///
    /// # Errors
    /// As [`Self::policy`].
    pub fn critic(&self, weights: &TensorFile, which: Which) -> Result<QNet> {
        let critic = agent::critic(self.off_policy()?, &mut weights.source(which.prefix()))?;
        check_finite(self.path(), critic.params().non_finite(), which.prefix())?;
        Ok(critic)
    }

    /// Reads the sample of visited states of TD3 or SAC.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the file does not hold what the manifest says; [`Error::Usage`] if another tool
    /// trained it, and saved none; as [`Self::off_policy`].
    pub fn states(&self) -> Result<Vec<Visited>> {
        self.off_policy()?;
        let manifest = self.manifest();
        if let Some(Imported { tool, .. }) = &manifest.imported {
            return Err(Error::Usage(format!(
                "{}: an agent of {tool} comes without the states that its training visited; states of its policy's \
                 episodes are there (--states-from policy)",
                self.path().display()
            )));
        }
        let path = self.path().join(STATES);
        let hash = manifest.hashes.states.as_deref().unwrap_or_default();
        let states = visited(&TensorFile::open(&path, hash)?, "states")?;
        let expected = manifest.states.map_or(0, |states| states.kept);
        if states.len() != expected {
            let reason = format!("{expected} states expected, it holds {}", states.len());
            return Err(Error::Corrupt { path, reason });
        }
        Ok(states)
    }

    /// Returns a run of MAML as it was at this checkpoint, under `config`, whose length and step of adaptation
    /// may differ.
    ///
    /// # Errors
    /// Those of [`Self::weights`]; [`Error::NonFinite`] if a weight is NaN or infinite; as
    /// [`Self::off_policy`].
    pub fn restore_maml(
        &self,
        config: MamlConfig,
        workers: Arc<rayon::ThreadPool>,
    ) -> Result<Maml> {
        self.maml()?;
        let file = self.weights()?;
        let source = &mut file.source("policy");
        let maml = Maml::with_weights(config, self.manifest().step, source, workers)?;
        check_finite(self.path(), maml.policy().params().non_finite(), "policy")?;
        Ok(maml)
    }

    /// Returns PEARL's agent as it was at this checkpoint, with new optimisers.
    ///
    /// # Errors
    /// As [`Self::restore_maml`].
    pub fn agent(&self, workers: Arc<rayon::ThreadPool>) -> Result<PearlAgent> {
        let config = self.pearl()?;
        let file = self.weights()?;
        let sources = PearlSources {
            encoder: &mut file.source("encoder"),
            q1: &mut file.source("critic.q1"),
            q2: &mut file.source("critic.q2"),
            value: &mut file.source("value"),
            policy: &mut file.source("policy"),
        };
        let mut agent = PearlAgent::from_sources(config, sources, workers)?;
        // V's target is no copy of V here.
        copy_weights(&file, &by_name(&agent.parts()))?;
        for part in agent.parts() {
            let target = part.target.map_or(0, Params::non_finite);
            check_finite(self.path(), part.online.non_finite() + target, part.name)?;
        }
        agent.set_updates(self.manifest().updates);
        Ok(agent)
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
