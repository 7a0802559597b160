//! A run of MAML as what saves and drives it sees it.

use super::Maml;
use super::config::MamlConfig;
use crate::algo::learner::Part;
use crate::algo::replay::Replay;
use crate::algo::run_config::RunConfig;
use crate::algo::trainer::{State, Trainer};
use crate::env::TaskLists;
use crate::error::Result;
use crate::nn::adam::Adam;
use crate::nn::meta_policy::MetaPolicy;
use crate::nn::weights::{Params, Shapes, Training};

/// Name of the policy on disk.
const POLICY: &str = "policy";

/// Returns name and shape of every tensor of a policy.
///
/// # Errors
/// Those of the network.
pub(in crate::algo) fn tensors(config: &MamlConfig) -> Result<Vec<(String, Vec<i64>)>> {
    let policy = MetaPolicy::new(config.policy, config.dims(), Training::Frozen, &mut Shapes)?;
    Ok(policy.params().shapes(POLICY))
}

impl Trainer for Maml {
    fn config(&self) -> &dyn RunConfig {
        &self.config
    }

    fn made(&self) -> u64 {
        self.iteration
    }

    fn updates(&self) -> u64 {
        self.iteration
    }

    fn tasks(&self) -> Option<&TaskLists> {
        Some(&self.tasks)
    }

    fn weights(&self) -> Vec<(String, &Params)> {
        vec![(POLICY.into(), self.policy.params())]
    }

    fn parts(&self) -> Vec<Part<'_>> {
        Vec::new()
    }

    fn optimisers(&mut self) -> Vec<&mut Adam> {
        Vec::new()
    }

    fn replays(&self) -> Vec<&Replay> {
        Vec::new()
    }

    fn replays_mut(&mut self) -> Vec<&mut Replay> {
        Vec::new()
    }

    fn check(&self) -> Result<()> {
        Self::check(self)
    }

    fn state(&self) -> State {
        State { counters: self.iteration.into(), ..State::default() }
    }

    fn restore(&mut self, state: State) -> Result<Option<()>> {
        let Some(iteration) = state.counters.as_u64() else { return Ok(None) };
        self.iteration = iteration;
        Ok(Some(()))
    }
}
