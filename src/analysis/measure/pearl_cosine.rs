//! Agreement of PEARL's critic and truth, in tasks: ∂min(Q₁, Q₂)(s, a, z)/∂a against rollouts in the task.
//!
//! In one task and with one latent z, PEARL's agent is an actor with its critics like any other, and the
//! pipeline of [`crate::gradient`] does the rest. What is special:
//!
//! - z is drawn once for each task, from the posterior after the exploration of an evaluation
//!   ([`Player::explore`]), and then held fixed in policy and critic.
//! - Returns are soft, as the critics estimate: Σ γᵏ (c rₖ − log π(aₖ|sₖ, z)), without the entropy of the
//!   action that is tried, with the factor c on rewards. Rollouts run past the end of an episode of
//!   training: it was cut, not terminal, and Q knows no time limit.
//! - States are those of greedy episodes in the task with that z. Buffers hold no states of the simulator.
//!
//! All streams are named after run, iteration, list and task: no number depends on what else is measured.

use std::path::Path;
use std::sync::Arc;

use tch::Tensor;

use super::gradient_cosine::Against;
use super::measurable::{Measurable, Work};
use crate::algo::pearl::agent::PearlAgent;
use crate::algo::pearl::trajectory::Player;
use crate::analysis::table::{OfTask, StateRow};
use crate::checkpoint::Checkpoint;
use crate::checkpoint::disk::hash;
use crate::env::Task;
use crate::env::TaskList;
use crate::error::{Error, Result};
use crate::gradient::critic_gradient::{CriticInTask, Smaller};
use crate::gradient::{
    ActionValue, Agent, Judged, Mode, Returns, Settings, StatesFrom, measure, self_check, states,
};
use crate::rng::Stream;
use crate::rollout::SoftInTask;

/// Changes whenever the same checkpoint and settings would give other numbers.
const REVISION: u32 = 2;

/// A PEARL checkpoint in the first tasks of one of its lists.
pub(crate) struct InTasks<'c> {
    checkpoint: &'c Checkpoint,
    split: TaskList,
    tasks: usize,
}

impl<'c> InTasks<'c> {
    /// Takes the first `tasks` of a list, which are a random sample: their order is that of the draws.
    ///
    /// # Errors
    /// [`Error::Usage`] if there are fewer, or none is asked for.
    pub(crate) fn new(checkpoint: &'c Checkpoint, split: TaskList, tasks: usize) -> Result<Self> {
        let there = checkpoint.tasks(split).len();
        if (1..=there).contains(&tasks) {
            return Ok(Self { checkpoint, split, tasks });
        }
        Err(Error::Usage(format!(
            "{}: --tasks {tasks}: there are {there} {} tasks; ask for 1 to {there}",
            checkpoint.path().display(),
            split.adjective()
        )))
    }

    /// Returns the tasks, each with its number of states: as equal as can be, the first ones have more.
    fn shares(&self, states: usize) -> Vec<(OfTask, usize)> {
        let list = self.checkpoint.tasks(self.split);
        let cut = |i: usize| (i * states).div_ceil(self.tasks);
        let share = |(i, task): (usize, &Task)| {
            let task = OfTask { split: self.split, number: i as u64, goal: task.0 };
            (task, cut(i + 1) - cut(i))
        };
        list[..self.tasks].iter().enumerate().map(share).collect()
    }

    /// Returns the name of a task's random streams.
    fn streams(&self, task: &OfTask) -> String {
        let (seed, iteration) = (self.checkpoint.config().seed(), self.checkpoint.manifest().step);
        let split = self.split.name();
        format!("pearl seed {seed} iteration {iteration} {split} task {}", task.number)
    }

    /// Measures the states of one task.
    fn rows_of_task(
        &self,
        (task, states): (OfTask, usize),
        (agent, settings, against): (&PearlAgent, &Settings, Against),
        (workers, progress): Work,
    ) -> Result<Vec<StateRow>> {
        let (config, here) = (self.checkpoint.pearl()?, Task(task.goal));
        let (streams, iteration) = (self.streams(&task), self.checkpoint.manifest().step);
        let stream = |name| Stream::new(settings.seed, name).child(&streams);
        let player = Player { agent, family: config.env, horizon: config.horizon, workers };
        let found = player.explore(&(here, stream("explore")), config.exploration_episodes);
        let found = found.map_err(|error| error.of_checkpoint(self.checkpoint.path()))?;
        let z = Tensor::from_slice(&found.z).unsqueeze(0);
        let [first, second] = agent.frozen_critics()?.map(|critic| CriticInTask::new(critic, &z));
        let critic: Box<dyn ActionValue> = match settings.judged {
            Some(Judged::Q1) => Box::new(first),
            Some(Judged::Min) | None => Box::new(Smaller([first, second])),
        };
        let hard = settings.returns == Some(Returns::Hard);
        // The temperature is 1 in the critics' unit.
        let temperature = if hard { 0.0 } else { 1.0 / config.reward_scale };
        let policy = SoftInTask::new(agent.policy_in(&z), temperature);
        let make_env = || config.env.make(here);
        let in_task = Agent {
            make_env: &make_env,
            policy: &policy,
            critic: &*critic,
            bootstrap: None,
            gamma: config.gamma,
            reward_scale: config.reward_scale,
            streams: &streams,
        };
        let settings = &Settings { states, ..settings.clone() };
        let starts = states::from_policy(&make_env, &policy, states, &stream("states"))?;
        let results = match against {
            Against::Returns => measure(&in_task, &starts, settings, (workers, progress))?,
            Against::OwnValues => self_check(&in_task, &starts, settings)?,
        };
        let row = |state| StateRow::in_task(config, iteration, settings, (task, state));
        Ok(results.iter().enumerate().map(|(state, result)| row(state).with(result)).collect())
    }
}

impl Measurable for InTasks<'_> {
    const UNITS: &'static str = "lists of tasks";

    fn path(&self) -> &Path {
        self.checkpoint.path()
    }

    fn key(&self, settings: &Settings, against: Against) -> String {
        let what = (settings, against, self.split, self.tasks, REVISION);
        let what = serde_json::to_string(&what).expect("plain data");
        hash(format!("{} {what}", self.checkpoint.hash()).as_bytes())[..16].to_owned()
    }

    fn check(&self, settings: &Settings, _: Against) -> Result<()> {
        let wrong = if settings.mode == Mode::AsReleased {
            "--mode as-released is the authors' script for TD3, whose critics know no task; use --mode \
             lab or paper for a PEARL checkpoint"
        } else if settings.source() == StatesFrom::Replay {
            "--states-from replay: PEARL's buffers hold no states of the simulator; drop it, and states \
             come from the policy in each task"
        } else if settings.adaptive.is_some() {
            "PEARL's states are split evenly over tasks, and their number is fixed: use --states in \
             place of --half-width and --max-states"
        } else if settings.states < self.tasks {
            "--states must be at least --tasks: each task has a state or more"
        } else {
            settings.enough_rollouts(self.checkpoint.config().spec().action_dim)?;
            return self.checkpoint.weights().map(drop);
        };
        Err(Error::Usage(wrong.into()))
    }

    fn rows(&self, settings: &Settings, against: Against, work: Work) -> Result<Vec<StateRow>> {
        let agent = self.checkpoint.agent(Arc::clone(work.0))?;
        let mut rows = Vec::with_capacity(settings.states);
        for share in self.shares(settings.states) {
            rows.extend(self.rows_of_task(share, (&agent, settings, against), work)?);
        }
        for (state, row) in rows.iter_mut().enumerate() {
            row.state = state as u64;
        }
        Ok(rows)
    }
}
