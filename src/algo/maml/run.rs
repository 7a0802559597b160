//! MAML as a [`Trainer`]: what saves and drives a run asks of it.

use std::time::Instant;

use super::config::MamlConfig;
use super::{Iteration, Maml, REMEDY, Returns};
use crate::algo::run_config::RunConfig;
use crate::algo::trainer::{Evaluated, Event, Save, Stage, State, Trainer, rounded};
use crate::env::{TaskList, TaskLists};
use crate::error::{Error, Result};
use crate::nn::meta_policy::MetaPolicy;
use crate::nn::weights::{Params, Shapes, Training};

/// Name of the policy on disk.
const POLICY: &str = "policy";

/// Returns name and shape of every tensor of a policy.
pub(in crate::algo) fn tensors(config: &MamlConfig) -> Result<Vec<(String, Vec<i64>)>> {
    let policy = MetaPolicy::new(config.policy, config.dims(), Training::Frozen, &mut Shapes)?;
    Ok(policy.params().shapes(POLICY))
}

/// Returns the rows of mean returns over a list of tasks, without those that were not played.
fn means(at: u64, list: TaskList, returns: Returns) -> impl Iterator<Item = Evaluated> {
    let row = move |(stage, total): (Stage, f64)| Evaluated {
        split: Some(list),
        stage: Some(stage),
        ..Evaluated::new(at, total)
    };
    Stage::ALL.into_iter().zip(returns).filter(|(_, total)| !total.is_nan()).map(row)
}

/// Returns the words for returns before adaptation and after it.
fn before_and_after([before, after]: Returns) -> String {
    let adapted = if after.is_nan() { String::new() } else { format!(" → {after:.1} adapted") };
    format!("{before:.1}{adapted}")
}

/// Returns the words for an update.
fn update_summary(done: &Iteration) -> String {
    let (update, [sampling, updating]) = (&done.update, done.seconds);
    let search = match update.tried {
        tried if update.accepted => format!(" (length {tried})"),
        0 => ", no direction to improve in: policy kept".into(),
        tried => format!(", none of {tried} lengths improves: policy kept"),
    };
    let (returns, divergence) = (before_and_after(done.train), update.divergence);
    format!("return {returns}, KL {divergence:.4}{search}, {sampling:.1} s + {updating:.1} s")
}

impl Maml {
    /// Makes an iteration and evaluates the policy after it, if that is due; before the first one evaluates
    /// alone.
    fn next_event(&mut self) -> Result<Event> {
        let done = if self.evaluated { Some(self.step()?) } else { None };
        let at = self.iteration;
        let started = Instant::now();
        let due = self.config.evaluates_at(at);
        let test = due.then(|| self.evaluate()).transpose()?;
        let evaluation = if due { started.elapsed().as_secs_f64() } else { 0.0 };
        self.evaluated = true;
        let said = [
            done.as_ref().map(update_summary),
            test.map(|test| format!("test {}, {evaluation:.1} s", before_and_after(test))),
        ];
        let said: Vec<String> = said.into_iter().flatten().collect();
        let train = done.iter().flat_map(|done| means(at, TaskList::Train, done.train));
        let test = test.into_iter().flat_map(|test| means(at, TaskList::Test, test));
        let [sampling, update] = done.as_ref().map_or([0.0; 2], |done| done.seconds);
        let numbers = done.as_ref().map_or([f64::NAN; 4], |done| {
            let accepted = f64::from(u8::from(done.update.accepted));
            [done.update.divergence, done.update.improvement, done.update.tried as f64, accepted]
        });
        Ok(Event {
            evaluated: train.chain(test).collect(),
            progress: Some([&[sampling, update, evaluation].map(rounded)[..], &numbers].concat()),
            line: Some(format!("iteration {at}: {}", said.join("; "))),
            save: if self.config.saves_at(at) { Save::Checkpoint } else { Save::Nothing },
            may_stop: true,
            ..Event::default()
        })
    }
}

impl Trainer for Maml {
    fn advance(&mut self) -> Option<Result<Event>> {
        let over = self.evaluated && self.iteration >= self.config.iterations;
        (!over).then(|| self.next_event())
    }

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

    fn check(&self) -> Result<()> {
        let bad = self.policy.params().non_finite();
        if bad == 0 {
            return Ok(());
        }
        let moment = format!("in iteration {}", self.iteration);
        let what = format!("{bad} weights of the policy are NaN or infinite");
        Err(Error::NonFinite(what).in_training(&moment, REMEDY))
    }

    fn state(&self) -> Result<State> {
        Ok(State { counters: self.iteration.into(), ..State::default() })
    }

    fn restore(&mut self, state: State) -> Result<Option<()>> {
        let Some(iteration) = state.counters.as_u64() else { return Ok(None) };
        (self.iteration, self.evaluated) = (iteration, true);
        Ok(Some(()))
    }
}
