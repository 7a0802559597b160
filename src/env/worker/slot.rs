//! One environment in a worker process, as all others see it.
//!
//! The state that a worker gives is opaque. A snapshot holds it beside the steps since the reset and the observation,
//! as whole numbers, so that none is NaN.

use std::sync::Arc;

use super::lease::Lease;
use super::protocol::{self, NOISE, RESET, RESTORE, SNAPSHOT};
use crate::env::{Env, Snapshot, Spec, Step};
use crate::error::{Error, Result};
use crate::rng::Stream;

/// Bytes that a number holds exactly.
const PACKED: usize = 6;

/// An environment in a process.
pub(super) struct Slot {
    lease: Arc<Lease>,
    number: u32,
    obs: Vec<f64>,
    elapsed: u32,
    /// The action of the step that was asked for and not taken.
    prepared: Option<Vec<f64>>,
}

impl Slot {
    /// Makes an environment after a reset from seed 0.
    pub(super) fn new(lease: Arc<Lease>) -> Result<Self> {
        let (number, obs) = (lease.take_slot(), vec![0.0; lease.pool.spec.obs_dim]);
        let mut slot = Self { lease, number, obs, elapsed: 0, prepared: None };
        slot.reset_from(0)?;
        Ok(slot)
    }

    fn reset_from(&mut self, seed: u32) -> Result<()> {
        let length = Some(8 * self.obs.len());
        let answer = self.lease.ask(self.number, RESET, &seed.to_le_bytes(), length)?;
        (self.obs, self.elapsed, self.prepared) = (protocol::numbers(&answer), 0, None);
        if self.obs.iter().all(|x| x.is_finite()) {
            return Ok(());
        }
        Err(self.unstable("NaN or infinity in the observation after a reset"))
    }

    fn unstable(&self, reason: &str) -> Error {
        Error::Physics { env: self.spec().name.into(), reason: reason.into() }
    }

    /// Says what the environment did.
    pub(super) fn error(&self, reason: String) -> Error {
        Error::Worker { command: self.lease.pool.command.clone(), reason }
    }

    /// Returns an action of the box `[-1, 1]` as the environment takes it: between its own bounds.
    fn between_bounds(&self, action: &[f64]) -> Vec<f64> {
        let bounds = &self.lease.pool.said.bounds;
        // Exact where nothing is to be done.
        let own = |(a, &[low, high]): (&f64, &[f64; 2])| {
            f64::midpoint(low, high) + (high - low) / 2.0 * a
        };
        action.iter().zip(bounds).map(own).collect()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.lease.leave(self.number);
    }
}

/// A number of a random stream that seeds a worker.
fn seed(stream: &mut Stream) -> u32 {
    stream.index(1 << 32) as u32
}

impl Env for Slot {
    fn spec(&self) -> &Spec {
        &self.lease.pool.spec
    }

    fn reset(&mut self, reset: &mut Stream) -> Result<()> {
        self.reset_from(seed(reset))
    }

    fn obs(&self) -> &[f64] {
        &self.obs
    }

    fn prepare(&mut self, action: &[f64]) {
        assert_eq!(action.len(), self.spec().action_dim, "one number per motor");
        self.lease.queue(self.number, self.between_bounds(action));
        self.prepared = Some(action.to_vec());
    }

    fn step(&mut self, action: &[f64]) -> Result<Step> {
        if self.prepared.is_none() {
            self.prepare(action);
        }
        assert_eq!(self.prepared.take().as_deref(), Some(action), "the action that was prepared");
        let stepped = self.lease.step(self.number)?;
        if stepped.unstable {
            return Err(self.unstable("its simulator reported a warning"));
        }
        (self.obs, self.elapsed) = (stepped.obs, self.elapsed + 1);
        if !stepped.step.reward.is_finite() || self.obs.iter().any(|x| !x.is_finite()) {
            return Err(self.unstable("NaN or infinity in reward or observation"));
        }
        let truncated = stepped.step.truncated || self.elapsed >= self.spec().time_limit;
        Ok(Step { truncated, ..stepped.step })
    }

    fn elapsed(&self) -> u32 {
        self.elapsed
    }

    // Layout: steps since the reset | observation (S) | bytes of the worker's state | these, `PACKED` to a number.
    fn snapshot(&self) -> Result<Snapshot> {
        let state = self.lease.ask(self.number, SNAPSHOT, &[], None)?;
        let mut numbers = vec![f64::from(self.elapsed)];
        numbers.extend_from_slice(&self.obs);
        numbers.push(state.len() as f64);
        let packed = |bytes: &[u8]| {
            bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)) as f64
        };
        numbers.extend(state.chunks(PACKED).map(packed));
        Ok(Snapshot(numbers))
    }

    // States of other lengths may lie beside this one in a table, which fills it up with zeros.
    fn restore(&mut self, Snapshot(numbers): &Snapshot) -> Result<()> {
        let before = 2 + self.obs.len();
        let length = numbers.get(before - 1).map_or(0, |length| *length as usize);
        let there = before + length.div_ceil(PACKED);
        if numbers.len() < there.max(before) || numbers[there..].iter().any(|rest| *rest != 0.0) {
            return Err(Error::Mismatch {
                what: format!("length of a snapshot of {}", self.spec().name),
                expected: format!("{there} numbers"),
                found: numbers.len().to_string(),
                remedy: "restore a snapshot of the same environment".into(),
            });
        }
        let bytes = |packed: &f64| (*packed as u64).to_le_bytes()[..PACKED].to_vec();
        let state: Vec<u8> = numbers[before..there].iter().flat_map(bytes).take(length).collect();
        self.lease.ask(self.number, RESTORE, &state, Some(0))?;
        self.prepared = None;
        self.elapsed = numbers[0] as u32;
        self.obs.copy_from_slice(&numbers[1..before - 1]);
        Ok(())
    }

    fn set_noise(&mut self, noise: &Stream) -> Result<()> {
        let seed = seed(&mut noise.clone()).to_le_bytes();
        self.lease.ask(self.number, NOISE, &seed, Some(0)).map(|_| ())
    }
}
