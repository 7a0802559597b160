//! The replay buffer: transitions, uniformly sampled with replacement.
//!
//! Memory grows with what is stored. One transition is one row of `f32`:
//! observation, action, next observation, reward, alive. Letters: `B` batch, `S`, `A`.

use tch::{Device, Kind, Tensor};

use crate::nn::critic::Dims;
use crate::rng::Stream;

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

/// A minibatch.
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
    /// Returns the same batch, sharing memory.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self {
            obs: self.obs.shallow_clone(),
            action: self.action.shallow_clone(),
            next_obs: self.next_obs.shallow_clone(),
            reward: self.reward.shallow_clone(),
            alive: self.alive.shallow_clone(),
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
        let at = (self.added as usize % self.capacity) * self.row_len();
        if at == self.rows.len() {
            self.rows.extend(row);
        } else {
            for (slot, x) in self.rows[at..].iter_mut().zip(row) {
                *slot = x;
            }
        }
        self.added += 1;
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
        let all = Tensor::from_slice(&rows).view([batch as i64, stride as i64]).to_device(device);
        let Dims { obs, action } = self.dims;
        let columns = all.split_with_sizes([obs, action, obs, 1, 1], 1);
        let [o, a, n, r, alive] = <[Tensor; 5]>::try_from(columns).expect("five columns");
        Batch {
            obs: o.contiguous(),
            action: a.contiguous(),
            next_obs: n.contiguous(),
            reward: r.flatten(0, 1).to_kind(Kind::Float),
            alive: alive.flatten(0, 1),
        }
    }

    /// Returns the rows added from number `first` on that are still held, oldest first.
    pub fn rows_since(&self, first: u64) -> Vec<f32> {
        let stride = self.row_len();
        let oldest = self.added - self.len() as u64;
        let mut out = Vec::new();
        for number in first.max(oldest)..self.added {
            let at = (number as usize % self.capacity) * stride;
            out.extend_from_slice(&self.rows[at..at + stride]);
        }
        out
    }

    /// Fills an empty buffer with saved rows, the last of which was number `added`.
    ///
    /// # Panics
    /// If `rows` is no whole number of rows, or more than fit.
    pub fn restore(&mut self, rows: &[f32], added: u64) {
        let stride = self.row_len();
        assert!(self.is_empty() && rows.len().is_multiple_of(stride), "whole rows into nothing");
        let held = rows.len() / stride;
        assert!(held <= self.capacity && held as u64 <= added, "more rows than fit");
        self.rows = vec![0.0; rows.len()];
        for (i, row) in rows.chunks_exact(stride).enumerate() {
            let number = added - held as u64 + i as u64;
            let at = (number as usize % self.capacity) * stride;
            self.rows[at..at + stride].copy_from_slice(row);
        }
        self.added = added;
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
    fn the_ring_forgets_the_oldest_and_survives_a_save() {
        let replay = filled(10, 25);
        assert_eq!((replay.len(), replay.added()), (10, 25));
        let saved = replay.rows_since(0);
        assert_eq!(saved[0] as u64, 15, "the oldest held is number 15");
        let mut again = Replay::new(DIMS, 10);
        again.restore(&saved, 25);
        assert_eq!(again.rows, replay.rows);
        assert_eq!(replay.rows_since(24).len(), replay.row_len());
    }

    #[test]
    #[allow(clippy::float_cmp, reason = "rows are copied, not computed")]
    fn a_batch_holds_whole_transitions() {
        let replay = filled(100, 60);
        let batch = replay.sample(500, Device::Cpu, &mut Stream::new(0, "minibatch"));
        let column = |t: &Tensor, c: i64| Vec::<f32>::try_from(t.select(1, c)).unwrap();
        let obs = column(&batch.obs, 0);
        let next = column(&batch.next_obs, 0);
        let reward = Vec::<f32>::try_from(&batch.reward).unwrap();
        let alive = Vec::<f32>::try_from(&batch.alive).unwrap();
        for i in 0..500 {
            assert_eq!((next[i], reward[i]), (obs[i] + 1.0, -obs[i]));
            assert_eq!(alive[i], if obs[i] as u64 % 3 == 2 { 0.0 } else { 1.0 });
        }
        let distinct: std::collections::BTreeSet<u32> = obs.iter().map(|x| *x as u32).collect();
        assert!(distinct.len() > 55, "every transition has its turn: {}", distinct.len());
    }
}
