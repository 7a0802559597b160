//! PEARL as a [`Trainer`]: what saves and drives a run asks of it.

use serde::{Deserialize, Serialize};

use super::buffers::Memory;
use super::evaluate::{Evaluated as Task, mean_score};
use super::{Iteration, Pearl, REMEDY};
use crate::algo::learner::Part;
use crate::algo::replay::Replay;
use crate::algo::run_config::RunConfig;
use crate::algo::trainer::{Evaluated, Event, Save, State, Trainer, rounded};
use crate::env::{TaskList, TaskLists};
use crate::error::{Error, Result};
use crate::nn::adam::Adam;

/// Where a run stands; together with weights, moments and buffers the whole state.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Progress {
    iteration: u64,
    /// Updates made in the iteration under way; none before its data are collected.
    updated: Option<u64>,
    /// Sums of the losses of these updates, as bits of `f64` (in hexadecimal).
    losses: Vec<String>,
    /// Of each task, the transitions that the encoder may see: the first, and one past the last.
    contexts: Vec<[u64; 2]>,
}

/// Returns the rows of an evaluation of tasks on one list: their mean, then every episode.
fn rows(at: u64, list: TaskList, tasks: &[Task]) -> Vec<Evaluated> {
    let new = |total| Evaluated { split: Some(list), ..Evaluated::new(at, total) };
    let mut rows = vec![new(mean_score(tasks))];
    for (place, task) in tasks.iter().enumerate() {
        for (course, trials) in task.courses.iter().enumerate() {
            rows.extend(trials.iter().enumerate().map(|(episode, trial)| Evaluated {
                task: Some(place as u64),
                goal: Some(task.task.0),
                course: Some(course as u64),
                episode: Some(episode as u64),
                context: Some(trial.context as u64),
                ..new(trial.total)
            }));
        }
    }
    rows
}

/// Sums up an iteration in one line.
fn line(done: &Iteration) -> String {
    let [divergence, q1, q2, value, policy] = done.losses.numbers();
    let [collection, updates, evaluation] = done.seconds;
    let scores = done.evaluation.as_ref().map_or_else(String::new, |evaluation| {
        let [train, test] = [&evaluation.train, &evaluation.test].map(|tasks| mean_score(tasks));
        format!("return {train:.1} on training tasks, {test:.1} on test tasks; ")
    });
    format!(
        "iteration {}: {scores}losses Q {:.3}, V {value:.3}, policy {policy:.3}, KL {divergence:.3}; \
         {collection:.1} s + {updates:.1} s + {evaluation:.1} s",
        done.iteration,
        f64::midpoint(q1, q2)
    )
}

impl Pearl {
    /// Returns the event at the end of an iteration.
    fn finished(&self, done: &Iteration) -> Event {
        let seconds = done.seconds.map(rounded);
        let numbers = [&seconds[..], &[done.transitions as f64], &done.losses.numbers()];
        let evaluated = done.evaluation.as_ref().map_or_else(Vec::new, |evaluation| {
            let train = rows(done.iteration, TaskList::Train, &evaluation.train);
            [train, rows(done.iteration, TaskList::Test, &evaluation.test)].concat()
        });
        let due = self.config.saves_at(done.iteration);
        Event {
            evaluated,
            progress: Some(numbers.concat()),
            line: Some(line(done)),
            message: Some("(collecting)".into()),
            save: if due { Save::Checkpoint } else { Save::Point },
            may_stop: true,
        }
    }

    /// Collects, updates or evaluates, and reports it.
    fn next_event(&mut self) -> Result<Event> {
        let iteration = self.iteration + 1;
        match self.updated {
            None => {
                let steps = self.collect();
                let steps = steps
                    .map_err(failed(&format!("in the collection of iteration {iteration}")))?;
                let seconds = self.seconds[0];
                let line =
                    format!("iteration {iteration}: {steps} steps collected, {seconds:.1} s");
                Ok(Event { line: Some(line), may_stop: true, ..Event::default() })
            }
            Some(done) if done < self.config.schedule().train_steps => {
                let losses = self.learn(done);
                let moment = format!("in update {} of iteration {iteration}", done + 1);
                let [q1, q2] = losses.map_err(failed(&moment))?.critics;
                let message = format!("(Q loss {:.3})", f64::midpoint(q1, q2));
                Ok(Event { message: Some(message), may_stop: true, ..Event::default() })
            }
            Some(_) => {
                let done = self.finish();
                let moment = format!("in the evaluation after iteration {iteration}");
                Ok(self.finished(&done.map_err(failed(&moment))?))
            }
        }
    }
}

/// Says when in training something broke.
fn failed(moment: &str) -> impl FnOnce(Error) -> Error {
    move |error| error.in_training(moment, REMEDY)
}

impl Trainer for Pearl {
    fn advance(&mut self) -> Option<Result<Event>> {
        (self.iteration < self.config.iterations).then(|| self.next_event())
    }

    fn goal(&self) -> (u64, &'static str) {
        (self.config.iterations * self.config.schedule().train_steps, "updates")
    }

    fn position(&self) -> u64 {
        self.updates()
    }

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
        self.iteration * self.config.schedule().train_steps + self.updated.unwrap_or(0)
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
        let moment = format!("by update {}", self.updates());
        self.agent.parts().iter().try_for_each(Part::check).map_err(failed(&moment))
    }

    fn state(&self) -> Result<State> {
        let bits = |loss: f64| format!("{:016x}", loss.to_bits());
        let context = |memory: &Memory| [memory.context.start, memory.context.end];
        let progress = Progress {
            iteration: self.iteration,
            updated: self.updated,
            losses: self.losses.map(bits).to_vec(),
            contexts: self.buffers.tasks().iter().map(context).collect(),
        };
        let counters = serde_json::to_value(progress).unwrap_or_default();
        Ok(State { counters, seconds: self.seconds.to_vec(), ..State::default() })
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
