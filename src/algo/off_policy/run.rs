//! The off-policy loop as a [`Trainer`]: what saves and drives a run asks of it.

use std::time::Instant;

use super::{Event as Reported, OffPolicy, Progress};
use crate::algo::evaluate::Evaluation;
use crate::algo::learner::{Losses, Part};
use crate::algo::replay::Replay;
use crate::algo::reservoir::Reservoir;
use crate::algo::run_config::RunConfig;
use crate::algo::trainer::{Evaluated, Event, Save, State, Trainer, rounded};
use crate::error::Result;
use crate::nn::adam::Adam;

impl OffPolicy {
    /// Returns an event of the loop as one of any run.
    fn to_run_event(&self, event: Reported) -> Event {
        match event {
            Reported::Evaluated(Evaluation { step, returns }) => {
                let episodes = returns.len();
                let mean = returns.iter().sum::<f64>() / episodes as f64;
                let row = |(episode, &total): (usize, &f64)| Evaluated {
                    episode: Some(episode as u64),
                    ..Evaluated::new(step, total)
                };
                Event {
                    evaluated: returns.iter().enumerate().map(row).collect(),
                    line: Some(format!(
                        "step {step}: mean return {mean:.1} over {episodes} episodes"
                    )),
                    message: Some(format!("(return {mean:.0})")),
                    ..Event::default()
                }
            }
            Reported::CheckpointDue { losses, .. } => Event {
                progress: Some(progress(self.seconds(), losses)),
                save: Save::Checkpoint,
                ..Event::default()
            },
            Reported::Stepped { .. } => Event { may_stop: true, ..Event::default() },
        }
    }
}

/// Returns a row of [`RunConfig::columns`].
fn progress(seconds: f64, losses: Option<Losses>) -> Vec<f64> {
    let critic = losses.map(|losses| losses.critics.iter().sum());
    let actor = losses.and_then(|losses| losses.actor);
    [Some(rounded(seconds)), critic, actor].map(|number| number.unwrap_or(f64::NAN)).into()
}

impl Trainer for OffPolicy {
    fn advance(&mut self) -> Option<Result<Event>> {
        Some(self.next()?.map(|event| self.to_run_event(event)))
    }

    fn config(&self) -> &dyn RunConfig {
        &self.config
    }

    fn made(&self) -> u64 {
        self.step
    }

    fn updates(&self) -> u64 {
        self.agent.updates()
    }

    fn goal(&self) -> (u64, &'static str) {
        match &self.config.frozen {
            Some(frozen) => (frozen.data + self.config.steps, "transitions and updates"),
            None => (self.config.steps, self.config.algo.unit().name()),
        }
    }

    fn position(&self) -> u64 {
        let collected = if self.config.frozen.is_some() { self.replay.added() } else { 0 };
        collected + self.step
    }

    fn reservoir(&self) -> Option<&Reservoir> {
        Some(&self.reservoir)
    }

    fn parts(&self) -> Vec<Part<'_>> {
        self.agent.parts().into()
    }

    fn optimisers(&mut self) -> Vec<&mut Adam> {
        self.agent.optimisers().into()
    }

    fn replays(&self) -> Vec<&Replay> {
        vec![&self.replay]
    }

    fn replays_mut(&mut self) -> Vec<&mut Replay> {
        vec![&mut self.replay]
    }

    fn check(&self) -> Result<()> {
        let check = || self.agent.parts().iter().try_for_each(Part::check);
        check().map_err(|error| self.failed(error, self.step))
    }

    fn state(&self) -> Result<State> {
        Ok(State {
            counters: serde_json::to_value(self.progress()).unwrap_or_default(),
            seconds: vec![self.seconds()],
            simulator: Some(self.env_state()?),
            visited: self.reservoir.states().to_vec(),
        })
    }

    fn restore(&mut self, state: State) -> Result<Option<()>> {
        let progress = serde_json::from_value::<Progress>(state.counters);
        let (Ok(progress), &[seconds], Some(simulator)) =
            (progress, &state.seconds[..], state.simulator)
        else {
            return Ok(None);
        };
        self.reservoir =
            Reservoir::restore(self.config.reservoir, progress.states_seen, state.visited);
        (self.before, self.started) = (seconds, Instant::now());
        self.go_on(&progress, &simulator)
    }
}
