//! PEARL: a soft actor-critic whose networks see a latent vector z, inferred from a few transitions of a
//! task (Rakelly et al. 2019; the paper's Table 10, App. D.6).
//!
//! One iteration collects data in five random training tasks, makes some thousand updates on what all
//! tasks remember, and evaluates training and test tasks.
//!
//! | file | what it holds |
//! |---|---|
//! | `config.rs`, `schedule.rs` | the settings |
//! | `agent.rs` | encoder, policy, critics, value network, and their optimisers |
//! | `update.rs` | one update |
//! | `trajectory.rs` | trajectories in lockstep |
//! | `buffers.rs` | what each task remembers |
//! | `collect.rs` | trajectories with z from the prior, then from the posterior |
//! | `evaluate.rs` | how well a task is done after few trajectories |
//!
//! [`Pearl`] goes on event by event. It knows nothing of files, logs or flags; its caller saves
//! and prints. All randomness comes from streams named after iteration, task, trajectory and update, so
//! that weights, moments, buffers and counters are the whole state.

pub mod agent;
pub mod buffers;
pub mod collect;
pub mod config;
pub mod evaluate;
mod group;
mod run;
pub mod schedule;
pub mod trajectory;
mod update;

use std::sync::Arc;
use std::time::Instant;

use super::replay::Batch;
use super::run_config::RunConfig;
use crate::env::{Task, TaskLists};
use crate::error::Result;
use crate::rng::Stream;

use agent::{PearlAgent, PearlBatch, PearlLosses};
use buffers::{Buffers, To};
use collect::{Plan, Visit};
use config::PearlConfig;
use evaluate::{Evaluated, Protocol};
use schedule::Schedule;
use trajectory::{Ending, Player};

/// What helps against divergence.
const REMEDY: &str = "a lower policy_lr, critic_lr and encoder_lr";

/// The results of one iteration.
#[derive(Debug, Clone, PartialEq)]
pub struct Iteration {
    /// Its number, from 1.
    pub iteration: u64,
    /// Transitions stored so far, of all tasks and iterations.
    pub transitions: u64,
    /// Mean losses over its updates.
    pub losses: PearlLosses,
    /// How well tasks are done after the updates; unset where the schedule asks for no evaluation.
    pub evaluation: Option<Evaluation>,
    /// Seconds of collection, updates and evaluation.
    pub seconds: [f64; 3],
}

/// How well tasks are done.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Training tasks, drawn anew, as many as there are test tasks.
    pub train: Vec<Evaluated>,
    /// All test tasks.
    pub test: Vec<Evaluated>,
}

/// A PEARL run under way.
pub struct Pearl {
    config: PearlConfig,
    tasks: TaskLists,
    /// The agent.
    pub agent: PearlAgent,
    /// What the training tasks remember.
    pub buffers: Buffers,
    iteration: u64,
    updated: Option<u64>,
    /// Sums over the updates of the iteration under way.
    losses: [f64; 5],
    /// Seconds of collection and updates in the iteration under way.
    seconds: [f64; 2],
    workers: Arc<rayon::ThreadPool>,
}

impl Pearl {
    /// Starts a run with new weights of its own streams.
    ///
    /// # Errors
    /// Those of the tasks' lists, of the networks and of the buffers.
    pub fn new(config: PearlConfig, workers: Arc<rayon::ThreadPool>) -> Result<Self> {
        let [train, test] = config.task_counts();
        let tasks = config.env.tasks(config.seed, train, test)?;
        let agent = PearlAgent::new(&config, Arc::clone(&workers))?;
        let capacity = config.replay_capacity;
        let buffers = Buffers::new(config.dims(), train, capacity, ending(&config));
        let (iteration, updated, losses) = (0, None, [0.0; 5]);
        let seconds = [0.0; 2];
        Ok(Self { config, tasks, agent, buffers, iteration, updated, losses, seconds, workers })
    }

    /// Returns the agent in the tasks of this run.
    fn player(&self) -> Player<'_> {
        let PearlConfig { env: family, horizon, .. } = self.config;
        Player { agent: &self.agent, family, horizon, workers: &self.workers }
    }

    /// Returns the run's stream of that name.
    fn stream(&self, name: &str) -> Stream {
        Stream::new(self.config.seed, "pearl").child(name)
    }

    /// Returns the run's stream of that name for the iteration under way.
    fn stream_now(&self, name: &str) -> Stream {
        self.stream(name).child(&(self.iteration + 1).to_string())
    }

    /// Makes the visits of one iteration, and before the first one fills the buffers of all tasks; returns the
    /// environment steps that it took.
    fn collect(&mut self) -> Result<usize> {
        let started = Instant::now();
        let stream = self.stream_now("collect");
        let mut steps = 0;
        let visit = |(number, index): (usize, usize), name: &str| Visit {
            index,
            task: self.tasks.train[index],
            stream: stream.child(&format!("{name}-{number}")),
        };
        if self.iteration == 0 {
            let all =
                (0..self.tasks.train.len()).map(|i| visit((i, i), "initial")).collect::<Vec<_>>();
            let filled = self.player().collect_prior(&all, self.config.initial_steps as usize)?;
            for (visit, own) in all.iter().zip(filled) {
                steps += collect::steps(&own);
                self.buffers.add(visit.index, &own, To::Both);
            }
        }
        let mut draw = stream.child("tasks");
        let indices =
            (0..self.config.tasks_per_iteration).map(|_| draw.index(self.tasks.train.len()));
        let visits: Vec<Visit> = indices.enumerate().map(|i| visit(i, "visit")).collect();
        for (visit, own) in visits.iter().zip(self.player().collect(&visits, self.plan())?) {
            steps += collect::steps(&own.prior) + collect::steps(&own.posterior);
            self.buffers.clear_context(visit.index);
            self.buffers.add(visit.index, &own.prior, To::Both);
            self.buffers.add(visit.index, &own.posterior, To::Replay);
        }
        self.updated = Some(0);
        self.losses = [0.0; 5];
        self.seconds = [started.elapsed().as_secs_f64(), 0.0];
        Ok(steps)
    }

    fn plan(&self) -> Plan {
        let Schedule { prior_steps, posterior_steps, context_batch, .. } = self.config.schedule();
        Plan {
            prior_steps: prior_steps as usize,
            posterior_steps: posterior_steps as usize,
            context: context_batch,
            ending: ending(&self.config),
        }
    }

    /// Makes one update on random training tasks, after `done` in this iteration.
    fn learn(&mut self, done: u64) -> Result<PearlLosses> {
        let started = Instant::now();
        let stream = self.stream_now("update").child(&done.to_string());
        let Schedule { meta_batch, context_batch, .. } = self.config.schedule();
        let mut draw = stream.child("tasks");
        let tasks: Vec<usize> =
            (0..meta_batch).map(|_| draw.index(self.tasks.train.len())).collect();
        let context = self.buffers.context(&tasks, context_batch, &mut stream.child("context"));
        let minibatch = &mut stream.child("minibatch");
        let Batch { obs, action, next_obs, reward, alive } =
            self.buffers.sample(&tasks, self.config.batch, minibatch);
        let batch = PearlBatch { context, obs, action, reward, next_obs, alive };
        let losses = self.agent.learn(&batch, &mut stream.child("noise"));
        losses.check()?;
        for (sum, loss) in self.losses.iter_mut().zip(losses.numbers()) {
            *sum += loss;
        }
        self.updated = Some(done + 1);
        self.seconds[1] += started.elapsed().as_secs_f64();
        Ok(losses)
    }

    /// Evaluates if the schedule asks for it, and ends the iteration.
    fn finish(&mut self) -> Result<Iteration> {
        let started = Instant::now();
        let iteration = self.iteration + 1;
        let evaluates = self.config.evaluates_at(iteration);
        let evaluation = evaluates.then(|| self.evaluate()).transpose()?;
        let [collection, learning] = self.seconds;
        let updates = self.config.schedule().train_steps as f64;
        let done = Iteration {
            iteration,
            transitions: self.buffers.added(),
            losses: PearlLosses::of_numbers(self.losses.map(|sum| sum / updates)),
            evaluation,
            seconds: [collection, learning, started.elapsed().as_secs_f64()],
        };
        (self.iteration, self.updated) = (iteration, None);
        (self.losses, self.seconds) = ([0.0; 5], [0.0; 2]);
        Ok(done)
    }

    /// Evaluates as many training tasks as there are test tasks, and those.
    ///
    /// Every evaluation of the test tasks starts from the same initial states with the same draws of z.
    fn evaluate(&self) -> Result<Evaluation> {
        let how = Protocol {
            courses: self.config.schedule().evaluations,
            steps: self.config.evaluation_steps as usize,
            exploration: self.config.exploration_episodes,
        };
        let evaluate = |tasks: &[Task], stream: &Stream| {
            let named = |(number, task): (usize, &Task)| (*task, stream.child(&number.to_string()));
            self.player().evaluate(&tasks.iter().enumerate().map(named).collect::<Vec<_>>(), how)
        };
        let TaskLists { train, test } = &self.tasks;
        let stream = self.stream_now("evaluate-train");
        let mut draw = stream.child("tasks");
        let drawn: Vec<Task> = test.iter().map(|_| train[draw.index(train.len())]).collect();
        Ok(Evaluation {
            train: evaluate(&drawn, &stream)?,
            test: evaluate(test, &self.stream("evaluate-test"))?,
        })
    }
}

/// Returns whether terminal transitions are kept.
fn ending(config: &PearlConfig) -> Ending {
    if config.keep_terminals { Ending::Kept } else { Ending::Lost }
}
