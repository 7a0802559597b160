//! MAML with trust-region updates, and training on all tasks at once (App. B.2, D.5; Finn et al. 2017).
//!
//! One iteration draws 40 tasks. For each: 20 episodes under θ, one gradient step to φ, 20 episodes under
//! φ. Then one trust-region update of θ makes the adapted policies better. Multi-task training leaves the
//! adaptation out.
//!
//! | file | what it holds |
//! |---|---|
//! | `config.rs` | the settings, Table 9 |
//! | `sample.rs` | episodes of a task |
//! | `advantage.rs` | linear baseline, generalised advantages |
//! | `batch.rs` | the steps of a task as tensors |
//! | `descent.rs` | the chain rule from adapted networks to θ |
//! | `trpo.rs` | conjugate gradient, line search |
//!
//! All randomness comes from streams named after iteration, task and episode, so that results depend
//! neither on the number of workers nor on interruptions: weights and the iteration are the whole state.

pub mod advantage;
pub mod batch;
pub mod config;
pub mod descent;
pub(super) mod run;
pub mod sample;
pub mod trpo;

use std::mem::take;
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use super::run_config::RunConfig;
use crate::env::{Task, TaskLists};
use crate::error::{Error, Result};
use crate::nn::meta_policy::MetaPolicy;
use crate::nn::weights::{Draw, Source, Training};
use crate::rng::Stream;

use advantage::Baseline;
use batch::{Rows, TaskBatch};
use config::MamlConfig;
use descent::Inner;
use sample::collect;
use trpo::{Update, update};

/// What helps against divergence.
const REMEDY: &str = "a smaller trpo.max_kl or inner_lr";

/// A MAML run under way.
pub struct Maml {
    config: MamlConfig,
    tasks: TaskLists,
    policy: MetaPolicy,
    iteration: u64,
    /// The policy of the present iteration was evaluated where that is due.
    evaluated: bool,
    workers: Arc<rayon::ThreadPool>,
}

/// The results of one iteration.
#[derive(Debug, Clone, PartialEq)]
pub struct Iteration {
    /// Its number, from 1.
    pub iteration: u64,
    /// Mean return over its training tasks before the update: under θ, and after adaptation (NaN where the
    /// training does not adapt).
    pub train: [f64; 2],
    /// The update.
    pub update: Update,
    /// Seconds of sampling and of the update.
    pub seconds: [f64; 2],
}

/// Mean returns of one task, before adaptation and after it (NaN where nothing was adapted).
pub type Returns = [f64; 2];

/// How a task is played.
#[derive(Debug, Clone, Copy)]
pub struct Play {
    /// Episodes before adaptation, and again after it.
    pub episodes: usize,
    /// Adapt with this step η and play again.
    pub adapt: Option<f64>,
}

/// What adaptation to one task did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adapted {
    /// Mean return before and after.
    pub returns: Returns,
    /// How far the parameters moved, ‖φ − θ‖.
    pub distance: f64,
    /// Mean `KL(π_φ ‖ π_θ)` over the states of the episodes before, nats.
    pub divergence: f64,
}

/// One task as it was played: mean return and steps, before and after adaptation.
struct Played {
    before: (f64, Rows),
    after: Option<(f64, Rows)>,
    baseline: Baseline,
    /// Of the adaptation loss in the network's weights.
    gradient: Vec<Tensor>,
}

impl Played {
    fn returns(&self) -> Returns {
        [self.before.0, self.after.as_ref().map_or(f64::NAN, |(mean, _)| *mean)]
    }

    fn batch(self, context: f64) -> TaskBatch {
        match self.after {
            Some((_, after)) => TaskBatch { context, before: Some(self.before.1), after },
            None => TaskBatch { context, before: None, after: self.before.1 },
        }
    }
}

/// Says that it was the adapted policy that failed.
fn after_adaptation(error: Error) -> Error {
    match error {
        Error::NonFinite(what) => Error::NonFinite(format!("{what} after adaptation")),
        other => other,
    }
}

/// Returns the means over tasks, before and after adaptation.
pub(crate) fn mean_returns(tasks: &[Returns]) -> Returns {
    [0, 1].map(|i| tasks.iter().map(|task| task[i]).sum::<f64>() / tasks.len() as f64)
}

impl Maml {
    /// Starts a run with new weights of its own streams.
    ///
    /// # Errors
    /// Those of the tasks' lists.
    pub fn new(config: MamlConfig, workers: Arc<rayon::ThreadPool>) -> Result<Self> {
        let stream = Stream::new(config.seed, "init").child("policy");
        let mut source = Draw { stream: &stream, kind: Kind::Float, device: Device::Cpu };
        Self::with_weights(config, 0, &mut source, workers)
    }

    /// Goes on after `iteration` iterations with the weights that `source` gives.
    pub(crate) fn with_weights(
        config: MamlConfig,
        iteration: u64,
        source: &mut dyn Source,
        workers: Arc<rayon::ThreadPool>,
    ) -> Result<Self> {
        let tasks = config.env.tasks(config.seed, config.train_tasks, config.test_tasks)?;
        let policy = MetaPolicy::new(config.policy, config.dims(), Training::Trainable, source)?;
        Ok(Self { config, tasks, policy, iteration, evaluated: iteration > 0, workers })
    }

    /// Returns the tasks.
    pub fn tasks(&self) -> &TaskLists {
        &self.tasks
    }

    /// Returns the policy.
    pub fn policy(&self) -> &MetaPolicy {
        &self.policy
    }

    /// Returns the iterations made.
    pub fn iteration(&self) -> u64 {
        self.iteration
    }

    /// Makes one iteration.
    ///
    /// # Errors
    /// [`Error::Diverged`] or [`Error::Physics`] naming it.
    pub fn step(&mut self) -> Result<Iteration> {
        let moment = format!("in iteration {}", self.iteration + 1);
        let failed = |error: Error| error.in_training(&moment, REMEDY);
        let started = Instant::now();
        let stream = self.stream("train").child(&(self.iteration + 1).to_string());
        let (batch, train) = self.sample(&stream).map_err(failed)?;
        let sampled = started.elapsed().as_secs_f64();
        let update = self.improve(&batch).map_err(failed)?;
        self.iteration += 1;
        let seconds = [sampled, started.elapsed().as_secs_f64() - sampled];
        Ok(Iteration { iteration: self.iteration, train, update, seconds })
    }

    /// Returns the mean returns over the test tasks, before adaptation and after it. Every evaluation of a
    /// run starts from the same initial states and draws the same noise.
    ///
    /// # Errors
    /// [`Error::Diverged`] or [`Error::Physics`] naming the iteration.
    pub fn evaluate(&self) -> Result<Returns> {
        let moment = format!("in the evaluation after iteration {}", self.iteration);
        let play =
            Play { episodes: self.config.test_episodes, adapt: Some(self.config.inner_lr()) };
        let returns = self.returns(&self.tasks.test, play, &self.stream("test"));
        Ok(mean_returns(&returns.map_err(|error| error.in_training(&moment, REMEDY))?))
    }

    /// Returns the run's stream of that name.
    pub fn stream(&self, name: &str) -> Stream {
        Stream::new(self.config.seed, "maml").child(name)
    }

    /// Draws the tasks of one update and plays them; returns what the update needs, and the mean returns
    /// before and after adaptation.
    pub(crate) fn sample(&self, stream: &Stream) -> Result<(Vec<TaskBatch>, Returns)> {
        let mut draw = stream.child("tasks");
        let pick = |_| self.tasks.train[draw.index(self.tasks.train.len())];
        let tasks: Vec<Task> = (0..self.config.tasks).map(pick).collect();
        let play = Play {
            episodes: self.config.episodes,
            adapt: (!self.config.multi_task).then(|| self.config.inner_lr()),
        };
        let played = self.play(&tasks, play, stream)?;
        let returns = mean_returns(&played.iter().map(Played::returns).collect::<Vec<_>>());
        let context = |task| self.tasks.context(self.config.env, task);
        let batch = played.into_iter().zip(tasks).map(|(p, task)| p.batch(context(task)));
        Ok((batch.collect(), returns))
    }

    /// Improves the policy once on what was sampled.
    pub(crate) fn improve(&self, batch: &[TaskBatch]) -> Result<Update> {
        let inner = Inner { rate: self.config.inner_lr(), second_order: self.config.second_order };
        update(&self.policy, batch, inner, &self.config.trpo, &self.workers)
    }

    /// Adapts to each of some tasks at the step `rate`, and returns what that did.
    pub(crate) fn adaptations(
        &self,
        tasks: &[Task],
        (episodes, rate): (usize, f64),
        stream: &Stream,
    ) -> Result<Vec<Adapted>> {
        let mut played = self.play(tasks, Play { episodes, adapt: Some(rate) }, stream)?;
        let contexts = self.contexts(tasks);
        let gradients: Vec<_> = played.iter_mut().map(|p| take(&mut p.gradient)).collect();
        let step = self.policy.adapt(&contexts, &gradients, rate);
        let before = self.policy.task_nets(&contexts, None);
        let after = self.policy.task_nets(&contexts, Some(&step));
        let mut all = Vec::new();
        for (((played, old), new), distance) in
            played.iter().zip(before).zip(after).zip(step.distances()?)
        {
            let obs = &played.before.1.obs;
            let divergence = new.divergence(&new.mean(obs), &old, &old.mean(obs))?;
            all.push(Adapted { returns: played.returns(), distance, divergence });
        }
        Ok(all)
    }

    /// Returns the returns in each of some tasks.
    ///
    /// # Errors
    /// As [`sample::collect`].
    pub fn returns(&self, tasks: &[Task], play: Play, stream: &Stream) -> Result<Vec<Returns>> {
        Ok(self.play(tasks, play, stream)?.iter().map(Played::returns).collect())
    }

    /// Plays each task under θ, and where asked adapts to it and plays it again.
    fn play(&self, tasks: &[Task], play: Play, stream: &Stream) -> Result<Vec<Played>> {
        let config = &self.config;
        let family = config.env;
        let contexts = self.contexts(tasks);
        let named = |name: &str| -> Vec<Stream> {
            (0..tasks.len()).map(|i| stream.child(&format!("{name}-{i}"))).collect()
        };
        let nets = self.policy.task_nets(&contexts, None);
        let mut played = self.in_parallel(tasks, nets, named("before"), |task, net, stream| {
            let before = collect((family, task), net, play.episodes, stream)?;
            let baseline = Baseline::fit(&before, config.gamma)?;
            let rows = Rows::new(&before, &baseline, config);
            let gradient = if play.adapt.is_some() { rows.gradient(net)? } else { Vec::new() };
            Ok(Played { before: (before.mean_return(), rows), after: None, baseline, gradient })
        })?;
        if let Some(rate) = play.adapt {
            let shared = |g: &Vec<Tensor>| g.iter().map(Tensor::shallow_clone).collect();
            let gradients: Vec<_> = played.iter().map(|p| shared(&p.gradient)).collect();
            let adapted = self.policy.adapt(&contexts, &gradients, rate);
            let nets = self.policy.task_nets(&contexts, Some(&adapted));
            let baselines: Vec<Baseline> = played.iter().map(|p| p.baseline.clone()).collect();
            let nets = nets.into_iter().zip(baselines).collect();
            let after = self.in_parallel(tasks, nets, named("after"), |task, both, stream| {
                let (net, baseline) = both;
                let after = collect((family, task), net, play.episodes, stream);
                let after = after.map_err(after_adaptation)?;
                Ok((after.mean_return(), Rows::new(&after, baseline, config)))
            })?;
            played.iter_mut().zip(after).for_each(|(p, after)| p.after = Some(after));
        }
        Ok(played)
    }

    fn contexts(&self, tasks: &[Task]) -> Vec<f64> {
        tasks.iter().map(|task| self.tasks.context(self.config.env, *task)).collect()
    }

    /// Does `work` for each task with its network and its stream, spread over the workers.
    fn in_parallel<N: Send, T: Send>(
        &self,
        tasks: &[Task],
        nets: Vec<N>,
        streams: Vec<Stream>,
        work: impl Fn(Task, &N, &Stream) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let all = tasks.par_iter().zip(nets).zip(streams);
        self.workers.install(|| all.map(|((task, net), s)| work(*task, &net, &s)).collect())
    }
}
