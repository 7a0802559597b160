//! What each training task remembers: transitions for the updates, and transitions for the encoder.
//!
//! The authors keep two buffers for each task. The encoder's is cleared each time data are collected in
//! the task, takes what was collected with z from the prior, and nothing else; the other one takes
//! everything. So the encoder's transitions are always a stretch of the other buffer, and only its ends
//! are kept here. That is the same as two buffers as long as one visit of a task fits into the ring, which
//! [`PearlConfig`](super::config::PearlConfig) sees to. Letters: `T` tasks, `N` and `B` transitions of each, `S`, `A`.

use std::ops::Range;

use tch::{Device, Tensor};

use super::trajectory::{Ending, Trajectory};
use crate::algo::replay::{Batch, Replay};
use crate::nn::critic::Dims;
use crate::rng::Stream;

/// Where trajectories go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// To the updates and to the encoder.
    Both,
    /// To the updates alone.
    Replay,
}

/// The memories of all training tasks.
#[derive(Debug)]
pub struct Buffers {
    dims: Dims,
    ending: Ending,
    tasks: Vec<Memory>,
}

/// The memory of one task.
#[derive(Debug)]
pub struct Memory {
    /// All transitions.
    pub replay: Replay,
    /// The numbers of those that the encoder may see.
    pub context: Range<u64>,
}

impl Buffers {
    /// Makes empty buffers for `tasks` tasks of `capacity` transitions each, in which one visit of a task must
    /// fit; memory is asked for as it is needed.
    pub fn new(dims: Dims, tasks: usize, capacity: usize, ending: Ending) -> Self {
        let memory = |_| Memory { replay: Replay::new(dims, capacity), context: 0..0 };
        Self { dims, ending, tasks: (0..tasks).map(memory).collect() }
    }

    /// Returns the memory of each task.
    pub fn tasks(&self) -> &[Memory] {
        &self.tasks
    }

    pub(crate) fn tasks_mut(&mut self) -> &mut [Memory] {
        &mut self.tasks
    }

    /// Returns the transitions ever stored, in all.
    pub fn added(&self) -> u64 {
        self.tasks.iter().map(|memory| memory.replay.added()).sum()
    }

    /// Clears the encoder's transitions of a task.
    pub fn clear_context(&mut self, task: usize) {
        let memory = &mut self.tasks[task];
        memory.context = memory.replay.added()..memory.replay.added();
    }

    /// Stores trajectories of a task.
    ///
    /// # Panics
    /// If the encoder is to see them and did not see the ones before, unless it was cleared since.
    pub fn add(&mut self, task: usize, trajectories: &[Trajectory], to: To) {
        let Memory { replay, context } = &mut self.tasks[task];
        if to == To::Both {
            assert_eq!(context.end, replay.added(), "the encoder's transitions are one stretch");
        }
        for trajectory in trajectories {
            trajectory.transitions(self.ending).for_each(|transition| replay.push(transition));
        }
        if to == To::Both {
            context.end = replay.added();
        }
    }

    /// Draws `rows` transitions of each task for the updates, uniformly and with replacement: `[T, B, ..]`.
    ///
    /// # Panics
    /// If a task has none.
    pub fn sample(&self, tasks: &[usize], rows: usize, stream: &mut Stream) -> Batch {
        self.draw(tasks, rows, stream, |Memory { replay, .. }| replay.oldest()..replay.added())
    }

    /// Draws `rows` transitions of each task for the encoder, uniformly and with replacement:
    /// observation, action and reward, `[T, N, S + A + 1]`.
    ///
    /// # Panics
    /// If the encoder has none of a task.
    pub fn context(&self, tasks: &[usize], rows: usize, stream: &mut Stream) -> Tensor {
        context_of(&self.draw(tasks, rows, stream, |memory| memory.context.clone()))
    }

    fn draw(
        &self,
        tasks: &[usize],
        count: usize,
        stream: &mut Stream,
        numbers: impl Fn(&Memory) -> Range<u64>,
    ) -> Batch {
        let mut rows = Vec::new();
        for &task in tasks {
            let memory = &self.tasks[task];
            memory.replay.draw(numbers(memory), count, stream, &mut rows);
        }
        let shape = [tasks.len() as i64, count as i64];
        Batch::of_rows(&rows, &shape, self.dims, Device::Cpu)
    }
}

/// Returns what the encoder sees of transitions: observation, action and reward, `[.., S + A + 1]`.
pub(crate) fn context_of(batch: &Batch) -> Tensor {
    Tensor::cat(&[&batch.obs, &batch.action, &batch.reward.unsqueeze(-1)], -1)
}

/// Returns all transitions of trajectories as the encoder sees them, `[1, N, S + A + 1]`.
///
/// # Panics
/// If there is no trajectory.
pub fn whole_context(trajectories: &[Trajectory], dims: Dims) -> Tensor {
    let count: usize = trajectories.iter().map(Trajectory::steps).sum();
    let mut replay = Replay::new(dims, count);
    for trajectory in trajectories {
        trajectory.transitions(Ending::Kept).for_each(|transition| replay.push(transition));
    }
    let rows = replay.rows(0..replay.added());
    context_of(&Batch::of_rows(&rows, &[1, count as i64], dims, Device::Cpu))
}
