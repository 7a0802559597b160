//! The replay buffer: transitions, uniformly sampled with replacement.
//!
//! Memory grows with what is stored: it doubles while that is little, and then grows in equal steps. One
//! transition is one row of `f32`: observation, action, next observation, reward, alive. Letters: `B`
//! batch, `S`, `A`.

use std::ops::Range;

use tch::{Device, Tensor};

use crate::nn::critic::Dims;
use crate::rng::Stream;

/// Most rows for which memory is asked at a time; doubling would ask for up to twice what is needed.
const STEP: usize = 65_536;

/// Rows for which memory is asked first: buffers of many tasks stay small.
const FIRST: usize = 256;

/// A ring of transitions.
#[derive(Debug)]
pub struct Replay {
    dims: Dims,
    capacity: usize,
    rows: Vec<f32>,
    added: u64,
}

/// One transition, before it is stored.
#[derive(Debug, Clone, Copy)]
pub struct Transition<'t> {
    /// What the policy saw, `[S]`.
    pub obs: &'t [f64],
    /// What it did, `[A]`.
    pub action: &'t [f64],
    /// What it saw next, `[S]`.
    pub next_obs: &'t [f64],
    /// Reward of the step.
    pub reward: f64,
    /// The next state is absorbing (a time limit is not).
    pub terminated: bool,
}

/// A minibatch; of several tasks, each shape begins with their number.
#[derive(Debug)]
pub struct Batch {
    /// `[B, S]`.
    pub obs: Tensor,
    /// `[B, A]`.
    pub action: Tensor,
    /// `[B, S]`.
    pub next_obs: Tensor,
    /// `[B]`.
    pub reward: Tensor,
    /// `[B]`: 0 where the next state is absorbing, else 1.
    pub alive: Tensor,
}

impl Batch {
    /// Takes rows of a buffer apart; `shape` is that of the batch without its columns, `[B]`.
    ///
    /// # Panics
    /// If there are not as many rows as the shape says.
    pub(crate) fn of_rows(rows: &[f32], shape: &[i64], dims: Dims, device: Device) -> Self {
        let Dims { obs, action } = dims;
        let all = Tensor::from_slice(rows).view([shape, &[-1]].concat().as_slice());
        let columns = all.to_device(device).split_with_sizes([obs, action, obs, 1, 1], -1);
        let [o, a, n, r, alive] = <[Tensor; 5]>::try_from(columns).expect("five columns");
        Self {
            obs: o.contiguous(),
            action: a.contiguous(),
            next_obs: n.contiguous(),
            reward: r.squeeze_dim(-1).contiguous(),
            alive: alive.squeeze_dim(-1).contiguous(),
        }
    }
}

impl Replay {
    /// Makes an empty buffer for at most `capacity` transitions.
    pub fn new(dims: Dims, capacity: usize) -> Self {
        Self { dims, capacity, rows: Vec::new(), added: 0 }
    }

    /// Returns the numbers in one row.
    pub fn row_len(&self) -> usize {
        (2 * self.dims.obs + self.dims.action + 2) as usize
    }

    /// Returns the number of transitions held.
    pub fn len(&self) -> usize {
        self.rows.len() / self.row_len()
    }

    /// Returns whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the number of transitions ever added.
    pub fn added(&self) -> u64 {
        self.added
    }

    /// Stores a transition; when full, the oldest one goes.
    ///
    /// # Panics
    /// If the lengths are not those of the environment.
    pub fn push(&mut self, t: Transition) {
        assert_eq!(t.obs.len() as i64, self.dims.obs);
        assert_eq!(t.action.len() as i64, self.dims.action);
        let alive = if t.terminated { 0.0 } else { 1.0 };
        let row = t.obs.iter().chain(t.action).chain(t.next_obs).chain([&t.reward, &alive]);
        let row = row.map(|&x| x as f32);
        for (slot, x) in self.place(self.added).iter_mut().zip(row) {
            *slot = x;
        }
        self.added += 1;
    }

    /// Returns the place of transition `number` in the ring, which grows to hold it.
    fn place(&mut self, number: u64) -> &mut [f32] {
        let stride = self.row_len();
        let at = (number as usize % self.capacity) * stride;
        let missing = (at + stride).saturating_sub(self.rows.len());
        if self.rows.len() + missing > self.rows.capacity() {
            let step = self.len().clamp(FIRST, STEP).min(self.capacity);
            self.rows.reserve_exact(missing.max(step * stride));
        }
        self.rows.resize(self.rows.len() + missing, 0.0);
        &mut self.rows[at..at + stride]
    }

    /// Draws a minibatch uniformly, with replacement.
    ///
    /// # Panics
    /// If nothing is held.
    pub fn sample(&self, batch: usize, device: Device, minibatch: &mut Stream) -> Batch {
        let stride = self.row_len();
        let mut rows = Vec::with_capacity(batch * stride);
        for _ in 0..batch {
            let at = minibatch.index(self.len()) * stride;
            rows.extend_from_slice(&self.rows[at..at + stride]);
        }
        Batch::of_rows(&rows, &[batch as i64], self.dims, device)
    }

    /// Draws `count` of the transitions with these numbers, uniformly and with replacement, and appends
    /// their rows to `rows`.
    ///
    /// # Panics
    /// If one of the numbers is not held, or there is none.
    pub fn draw(
        &self,
        numbers: Range<u64>,
        count: usize,
        stream: &mut Stream,
        rows: &mut Vec<f32>,
    ) {
        assert!(self.oldest() <= numbers.start && numbers.end <= self.added, "not held");
        for _ in 0..count {
            let number =
                numbers.start + stream.index((numbers.end - numbers.start) as usize) as u64;
            rows.extend_from_slice(self.row(number));
        }
    }

    fn row(&self, number: u64) -> &[f32] {
        let stride = self.row_len();
        let at = (number as usize % self.capacity) * stride;
        &self.rows[at..at + stride]
    }

    /// Returns the number of the oldest transition held; they are numbered in the order of adding.
    pub fn oldest(&self) -> u64 {
        self.added - self.len() as u64
    }

    /// Returns the rows of these transitions, as far as they are still held, oldest first.
    pub fn rows(&self, numbers: Range<u64>) -> Vec<f32> {
        let held = numbers.start.max(self.oldest())..numbers.end.min(self.added);
        held.flat_map(|number| self.row(number)).copied().collect()
    }

    /// Puts saved rows back, the last of which was added as number `end - 1`; called in their order,
    /// with all that were held.
    ///
    /// # Panics
    /// If `rows` is no whole number of rows, or more than were added by then.
    pub fn restore(&mut self, rows: &[f32], end: u64) {
        let stride = self.row_len();
        assert!(rows.len().is_multiple_of(stride), "whole rows");
        let count = (rows.len() / stride) as u64;
        assert!(count <= end, "more rows than were added");
        for (number, row) in (end - count..end).zip(rows.chunks_exact(stride)) {
            self.place(number).copy_from_slice(row);
        }
        self.added = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIMS: Dims = Dims { obs: 2, action: 1 };

    fn filled(capacity: usize, count: u64) -> Replay {
        let mut replay = Replay::new(DIMS, capacity);
        for i in 0..count {
            let x = i as f64;
            replay.push(Transition {
                obs: &[x, 0.0],
                action: &[0.5],
                next_obs: &[x + 1.0, 0.0],
                reward: -x,
                terminated: i % 3 == 2,
            });
        }
        replay
    }

    #[test]
    fn memory_is_asked_for_in_steps() {
        let replay = filled(2 * STEP + 10, 2 * STEP as u64 + 10);
        assert_eq!(replay.len(), 2 * STEP + 10);
        let rows = replay.rows.capacity() / replay.row_len();
        assert!(rows <= 3 * STEP, "doubling would have asked for {} rows, not {rows}", 4 * STEP);
        // Many small buffers are small.
        let small = filled(2 * STEP, 10);
        assert_eq!(small.rows.capacity(), FIRST * small.row_len());
    }
}
