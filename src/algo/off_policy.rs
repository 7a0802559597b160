//! The off-policy loop: act, store, learn; evaluate and checkpoint when due.
//!
//! [`OffPolicy`] is an iterator of events. It knows nothing of files, logs or flags; its caller saves
//! and prints. Its state can be taken out ([`OffPolicy::progress`] and the public fields) and put
//! back, and the run then goes on bit for bit. A run that diverges ends with an error at once.

mod run;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::agent::make;
use super::config::TrainConfig;
use super::evaluate::{Evaluation, episode_returns, initial_states};
use super::learner::{Learner, Losses};
use super::replay::{Replay, Transition};
use super::reservoir::Reservoir;
use super::run_config::RunConfig;
use crate::env::{Env, Snapshot, Visited};
use crate::error::{Error, Result};
use crate::rng::{Stream, StreamState};
use crate::rollout::is_action;

/// What the loop reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Greedy episodes were run.
    Evaluated(Evaluation),
    /// The schedule asks for a checkpoint of this step.
    CheckpointDue {
        /// Environment steps so far.
        step: u64,
        /// Losses of the step's update, if there was one.
        losses: Option<Losses>,
    },
    /// One environment step is done, with all that belonged to it; a good moment to stop.
    Stepped {
        /// Environment steps so far.
        step: u64,
        /// Losses of the update, if there was one.
        losses: Option<Losses>,
        /// Return of the episode that ended with this step, if one did.
        episode_return: Option<f64>,
    },
}

/// Counters and random streams; together with weights, replay and simulator the whole state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Environment steps made.
    pub step: u64,
    /// Updates made.
    pub updates: u64,
    /// States offered to the reservoir.
    pub states_seen: u64,
    /// Episodes ended.
    pub episodes: u64,
    /// Return of the episode under way, as bits of an `f64` (in hexadecimal).
    pub episode_return: String,
    /// Where each random stream stands: reset, explore, minibatch, smooth, reservoir.
    pub streams: [StreamState; 5],
}

/// The random streams of the loop.
struct Streams {
    reset: Stream,
    explore: Stream,
    minibatch: Stream,
    smooth: Stream,
    reservoir: Stream,
}

/// A training run.
pub struct OffPolicy {
    config: TrainConfig,
    device: Device,
    env: Box<dyn Env>,
    /// The agent.
    pub agent: Box<dyn Learner>,
    /// What it remembers.
    pub replay: Replay,
    /// A sample of the states it visited.
    pub reservoir: Reservoir,
    streams: Streams,
    step: u64,
    episodes: u64,
    episode_return: f64,
    evaluation_states: Vec<Snapshot>,
    workers: Arc<rayon::ThreadPool>,
    pending: VecDeque<Event>,
    /// Seconds of training before this process.
    before: f64,
    started: Instant,
    /// Whether the evaluation before the first step was made.
    begun: bool,
}

impl OffPolicy {
    /// Starts a run from scratch.
    ///
    /// # Errors
    /// Those of making environment and networks.
    pub fn new(
        config: TrainConfig,
        device: Device,
        workers: Arc<rayon::ThreadPool>,
    ) -> Result<Self> {
        let seed = config.seed;
        let agent = make(&config, device, &workers)?;
        let mut streams = Streams {
            reset: Stream::new(seed, "reset"),
            explore: Stream::new(seed, "explore"),
            minibatch: Stream::new(seed, "minibatch"),
            smooth: Stream::new(seed, "smooth"),
            reservoir: Stream::new(seed, "reservoir"),
        };
        let mut env = config.env.make()?;
        env.reset(&mut streams.reset)?;
        Ok(Self {
            device,
            env,
            agent,
            replay: Replay::new(config.dims(), config.replay_capacity),
            reservoir: Reservoir::new(config.reservoir),
            streams,
            step: 0,
            episodes: 0,
            episode_return: 0.0,
            evaluation_states: initial_states(config.env, seed, config.evaluation_episodes)?,
            workers,
            pending: VecDeque::new(),
            before: 0.0,
            started: Instant::now(),
            begun: false,
            config,
        })
    }

    /// Returns the seconds of training so far.
    pub fn seconds(&self) -> f64 {
        self.before + self.started.elapsed().as_secs_f64()
    }

    /// Returns the simulator's state.
    ///
    /// # Errors
    /// Those of [`Env::snapshot`].
    pub fn env_state(&self) -> Result<Snapshot> {
        self.env.snapshot()
    }

    /// Returns counters and random streams.
    pub fn progress(&self) -> Progress {
        let Streams { reset, explore, minibatch, smooth, reservoir } = &self.streams;
        Progress {
            step: self.step,
            updates: self.agent.updates(),
            states_seen: self.reservoir.seen(),
            episodes: self.episodes,
            episode_return: format!("{:016x}", self.episode_return.to_bits()),
            streams: [reset, explore, minibatch, smooth, reservoir].map(Stream::state),
        }
    }

    /// Continues at a saved point; weights, moments, replay and reservoir are the caller's to fill.
    /// Returns `None` if the saved streams or numbers are not readable.
    ///
    /// # Errors
    /// [`crate::Error::Mismatch`] if the simulator's state is of another environment.
    pub fn go_on(&mut self, progress: &Progress, env: &Snapshot) -> Result<Option<()>> {
        let streams: Vec<_> = progress.streams.iter().filter_map(Stream::from_state).collect();
        let bits = u64::from_str_radix(&progress.episode_return, 16);
        let (Ok([reset, explore, minibatch, smooth, reservoir]), Ok(bits)) =
            (<[Stream; 5]>::try_from(streams), bits)
        else {
            return Ok(None);
        };
        self.streams = Streams { reset, explore, minibatch, smooth, reservoir };
        self.step = progress.step;
        self.episodes = progress.episodes;
        self.episode_return = f64::from_bits(bits);
        self.agent.set_updates(progress.updates);
        self.env.restore(env)?;
        self.pending.clear();
        self.begun = true;
        Ok(Some(()))
    }

    /// The evaluation before the first step; its seconds are not those of training.
    fn begin(&mut self) -> Result<()> {
        let first = self.evaluate()?;
        self.pending.push_back(first);
        self.started = Instant::now();
        self.begun = true;
        Ok(())
    }

    /// One environment step: act, step, store, learn. With a frozen actor all environment steps come first, uncounted,
    /// and then one update at a time.
    fn advance(&mut self) -> Result<()> {
        let data = self.config.frozen.as_ref().map(|frozen| frozen.data);
        let acts = data.is_none_or(|data| self.replay.added() < data);
        let ended = acts && self.act()?;
        self.step += u64::from(data.is_none() || !acts);
        let learns = data.map_or(self.step > self.config.learn_from(), |_| !acts);
        let losses = learns.then(|| self.learn()).transpose()?;

        let episode_return = ended.then_some(self.episode_return);
        if ended {
            self.env.reset(&mut self.streams.reset)?;
            self.episodes += 1;
            self.episode_return = 0.0;
        }
        if self.step > 0 && self.config.evaluates_at(self.step) {
            let evaluated = self.evaluate()?;
            self.pending.push_back(evaluated);
        }
        if self.step > 0 && self.config.saves_at(self.step) {
            self.pending.push_back(Event::CheckpointDue { step: self.step, losses });
        }
        self.pending.push_back(Event::Stepped { step: self.step, losses, episode_return });
        Ok(())
    }

    /// Acts, and stores the transition; returns whether the episode has ended.
    fn act(&mut self) -> Result<bool> {
        let obs = self.env.obs().to_vec();
        let episode = Some(self.episodes);
        let visited = || Ok(Visited { snapshot: self.env.snapshot()?, episode });
        self.reservoir.offer(&mut self.streams.reservoir, visited)?;

        let warm = self.replay.added() >= self.config.warmup_steps;
        let action = if warm { self.explore(&obs)? } else { self.random_action() };
        let step = self.env.step(&action).map_err(|error| self.failed(error, self.step + 1))?;
        self.episode_return += step.reward;

        self.replay.push(Transition {
            obs: &obs,
            action: &action,
            next_obs: self.env.obs(),
            reward: step.reward,
            // A fall on the very last step counts as cut, as in the authors' code.
            terminated: step.terminated && !step.truncated,
        });
        Ok(step.terminated || step.truncated)
    }

    /// Says at which step something failed, and what helps.
    fn failed(&self, error: Error, step: u64) -> Error {
        error.in_training(&format!("at step {step}"), &self.remedy())
    }

    /// Returns what helps against divergence.
    fn remedy(&self) -> String {
        let algo = self.config.algo;
        format!("a lower {algo}.actor_lr and {algo}.critic_lr")
    }

    fn random_action(&mut self) -> Vec<f64> {
        let dims = self.env.spec().action_dim;
        (0..dims).map(|_| self.streams.explore.uniform(-1.0, 1.0)).collect()
    }

    fn explore(&mut self, obs: &[f64]) -> Result<Vec<f64>> {
        let row: Vec<f32> = obs.iter().map(|&x| x as f32).collect();
        let row = Tensor::from_slice(&row).unsqueeze(0).to_device(self.device);
        let action = self.agent.explore(&row, &mut self.streams.explore)?;
        if is_action(&action) {
            return Ok(action);
        }
        Err(self.failed(Error::NonFinite("the policy returned NaN".into()), self.step + 1))
    }

    fn learn(&mut self) -> Result<Losses> {
        let (rows, streams) = (self.config.batch, &mut self.streams);
        let batch = self.replay.sample(rows, self.device, &mut streams.minibatch);
        let losses = self.agent.learn(&batch, &mut streams.smooth);
        losses.check().map_err(|error| self.failed(error, self.step))?;
        Ok(losses)
    }

    fn evaluate(&self) -> Result<Event> {
        let (env, policy) = (self.config.env, self.agent.greedy());
        let moment = format!("in the evaluation after step {}", self.step);
        let returns = episode_returns(env, policy, &self.evaluation_states, &self.workers)
            .map_err(|error| error.in_training(&moment, &self.remedy()))?;
        Ok(Event::Evaluated(Evaluation { step: self.step, returns }))
    }
}

impl Iterator for OffPolicy {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.pending.is_empty() {
            if self.step >= self.config.steps {
                return None;
            }
            if let Err(error) = if self.begun { self.advance() } else { self.begin() } {
                return Some(Err(error));
            }
        }
        self.pending.pop_front().map(Ok)
    }
}
