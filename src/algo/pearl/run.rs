//! A run of PEARL as what saves and drives it sees it.

use serde::{Deserialize, Serialize};

use super::Pearl;
use super::buffers::Memory;
use crate::algo::learner::Part;
use crate::algo::replay::Replay;
use crate::algo::run_config::RunConfig;
use crate::algo::trainer::{State, Trainer};
use crate::env::TaskLists;
use crate::error::Result;
use crate::nn::adam::Adam;

/// Where a run stands; together with weights, moments and buffers the whole state.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Progress {
    /// Iterations made.
    iteration: u64,
    /// Updates made in the iteration under way; none before its data are collected.
    updated: Option<u64>,
    /// Sums of the losses of these updates, as bits of `f64` (in hexadecimal).
    losses: Vec<String>,
    /// Of each task, the transitions that the encoder may see: the first, and one past the last.
    contexts: Vec<[u64; 2]>,
}

impl Trainer for Pearl {
    fn config(&self) -> &dyn RunConfig {
        &self.config
    }

    fn made(&self) -> u64 {
        self.iteration
    }

    fn within(&self) -> Option<u64> {
        self.updated
    }

    fn updates(&self) -> u64 {
        Self::updates(self)
    }

    fn tasks(&self) -> Option<&TaskLists> {
        Some(&self.tasks)
    }

    fn transitions(&self) -> Option<u64> {
        Some(self.buffers.added())
    }

    fn parts(&self) -> Vec<Part<'_>> {
        self.agent.parts().into()
    }

    fn optimisers(&mut self) -> Vec<&mut Adam> {
        self.agent.optimisers().into()
    }

    fn replays(&self) -> Vec<&Replay> {
        self.buffers.tasks().iter().map(|memory| &memory.replay).collect()
    }

    fn replays_mut(&mut self) -> Vec<&mut Replay> {
        self.buffers.tasks_mut().iter_mut().map(|memory| &mut memory.replay).collect()
    }

    fn check(&self) -> Result<()> {
        Self::check(self)
    }

    fn state(&self) -> State {
        let bits = |loss: f64| format!("{:016x}", loss.to_bits());
        let context = |memory: &Memory| [memory.context.start, memory.context.end];
        let progress = Progress {
            iteration: self.iteration,
            updated: self.updated,
            losses: self.losses.map(bits).to_vec(),
            contexts: self.buffers.tasks().iter().map(context).collect(),
        };
        let counters = serde_json::to_value(progress).unwrap_or_default();
        State { counters, seconds: self.seconds.to_vec(), ..State::default() }
    }

    fn restore(&mut self, state: State) -> Result<Option<()>> {
        Ok(self.go_on(state))
    }
}

impl Pearl {
    /// Goes on from a saved state; `None` if a number of it is not readable, or names what is not held.
    fn go_on(&mut self, state: State) -> Option<()> {
        let Progress { iteration, updated, losses, contexts } =
            serde_json::from_value(state.counters).ok()?;
        let bits = |text: &String| u64::from_str_radix(text, 16).ok().map(f64::from_bits);
        let losses: Vec<f64> = losses.iter().filter_map(bits).collect();
        self.losses = losses.try_into().ok()?;
        self.seconds = state.seconds.try_into().ok()?;
        let memories = self.buffers.tasks_mut();
        if contexts.len() != memories.len() {
            return None;
        }
        for (memory, context) in memories.iter_mut().zip(contexts) {
            let held = memory.replay.oldest()..=memory.replay.added();
            memory.context = context[0]..context[1];
            if !context.iter().all(|number| held.contains(number)) {
                return None;
            }
        }
        (self.iteration, self.updated) = (iteration, updated);
        self.agent.set_updates(self.updates());
        Some(())
    }
}
