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

use std::sync::Arc;

use tch::Tensor;

use super::cosine::{Against, Cosine, FirstTasks, Work};
use super::gradient_cosine::{key_of, measured};
use crate::algo::pearl::agent::PearlAgent;
use crate::algo::pearl::trajectory::Player;
use crate::analysis::table::{Column, OfTask, StateRow};
use crate::checkpoint::Checkpoint;
use crate::env::Task;
use crate::error::{Error, Result};
use crate::gradient::bank::make_bank;
use crate::gradient::critic_gradient::{CriticInTask, Mean, Smaller};
use crate::gradient::score::score_states;
use crate::gradient::{ActionValue, Agent, Judged, Mode, Returns, Settings, StatesFrom, states};
use crate::rng::Stream;
use crate::rollout::SoftInTask;

/// Changes whenever the same checkpoint and settings would give other numbers.
const REVISION: u32 = 3;

/// Returns a key that is equal exactly if checkpoint, tasks, settings and method are.
pub(super) fn key(checkpoint: &Checkpoint, tasks: FirstTasks, how: &Cosine) -> String {
    key_of(checkpoint, &(&how.settings, how.against, tasks.list, tasks.count, REVISION))
}

/// Checks that it can be measured.
pub(super) fn check(checkpoint: &Checkpoint, tasks: FirstTasks, settings: &Settings) -> Result<()> {
    let wrong = if settings.mode == Mode::AsReleased {
        "--mode as-released is the authors' script for TD3, whose critics know no task; use --mode \
         lab or paper for a PEARL checkpoint"
    } else if settings.source() == StatesFrom::Replay {
        "--states-from replay: PEARL's buffers hold no states of the simulator; drop it, and states \
         come from the policy in each task"
    } else if settings.adaptive.is_some() {
        "PEARL's states are split evenly over tasks, and their number is fixed: use --states in \
         place of --half-width and --max-states"
    } else if settings.states < tasks.count {
        "--states must be at least --tasks: each task has a state or more"
    } else {
        settings.enough_rollouts(checkpoint.config().spec().action_dim)?;
        return checkpoint.weights().map(drop);
    };
    Err(Error::Usage(wrong.into()))
}

/// Measures the states of all tasks; one row for each.
pub(super) fn rows(
    checkpoint: &Checkpoint,
    tasks: FirstTasks,
    how: &Cosine,
    work: Work,
) -> Result<Vec<StateRow>> {
    let agent = &checkpoint.agent(Arc::clone(work.workers))?;
    let mut rows = Vec::with_capacity(how.settings.states);
    for (task, states) in shares(checkpoint, tasks, how.settings.states) {
        rows.extend(rows_of_task(checkpoint, agent, task, states, how, work)?);
    }
    for (state, row) in rows.iter_mut().enumerate() {
        row.state = state as u64;
    }
    Ok(rows)
}

/// Returns the tasks, each with its number of states: as equal as can be, the first ones have more.
fn shares(checkpoint: &Checkpoint, tasks: FirstTasks, states: usize) -> Vec<(OfTask, usize)> {
    let FirstTasks { list, count } = tasks;
    let cut = |i: usize| (i * states).div_ceil(count);
    let share = |(i, task): (usize, &Task)| {
        let task = OfTask { split: list, number: i as u64, goal: task.0 };
        (task, cut(i + 1) - cut(i))
    };
    checkpoint.tasks(list)[..count].iter().enumerate().map(share).collect()
}

/// Returns the name of a task's random streams.
fn streams(checkpoint: &Checkpoint, task: &OfTask) -> String {
    let (seed, iteration) = (checkpoint.config().seed(), checkpoint.manifest().step);
    let split = task.split.name();
    format!("pearl seed {seed} iteration {iteration} {split} task {}", task.number)
}

/// Measures the states of one task.
fn rows_of_task(
    checkpoint: &Checkpoint,
    agent: &PearlAgent,
    task: OfTask,
    states: usize,
    how: &Cosine,
    work: Work,
) -> Result<Vec<StateRow>> {
    let Cosine { settings, against } = how;
    let Work { workers, progress } = work;
    let (config, here) = (checkpoint.pearl()?, Task(task.goal));
    let (streams, iteration) = (streams(checkpoint, &task), checkpoint.manifest().step);
    let stream = |name| Stream::new(settings.seed, name).child(&streams);
    let player = Player { agent, family: config.env, horizon: config.horizon, workers };
    let found = player.explore(&(here, stream("explore")), config.exploration_episodes);
    let found = found.map_err(|error| error.of_checkpoint(checkpoint.path()))?;
    let z = Tensor::from_slice(&found.z).unsqueeze(0);
    let [first, second] = agent.frozen_critics()?.map(|critic| CriticInTask::new(critic, &z));
    let critic: Box<dyn ActionValue> = match settings.judged {
        Some(Judged::Q1) => Box::new(first),
        Some(Judged::Mean) => Box::new(Mean([first, second])),
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
    let row = |state| StateRow::in_task(config, iteration, settings, task, state);
    if settings.mode == Mode::Lab && *against == Against::Returns {
        let horizon = settings.horizon(config.gamma, 0, u32::MAX);
        let plan = settings.plan(horizon);
        let bank = make_bank(&in_task, &starts, 0, &plan, workers, progress)?;
        let stream = stream("smoothing");
        let scores = score_states(&bank, 0, in_task.critic, &stream)?.into_iter();
        let row = |(i, score)| row(i).judged(&score, Column::Cosine, horizon);
        return Ok(scores.enumerate().map(row).collect());
    }
    let how = Cosine { settings: settings.clone(), against: *against };
    measured(&in_task, &starts, &how, work, row)
}
