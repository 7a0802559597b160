//! A uniform sample of the visited states, as exact simulator snapshots.
//!
//! The paper's estimator takes its states from the replay distribution (s ∼ D, §3, Eq. 22). A replay
//! row is no simulator state, so each checkpoint carries this sample instead: after `t` steps every
//! state visited so far is in it with the same probability (Vitter's algorithm R).

use crate::env::Visited;
use crate::error::Result;
use crate::rng::Stream;

/// A fixed-size uniform sample of a stream of states.
#[derive(Debug, Clone)]
pub struct Reservoir {
    capacity: usize,
    seen: u64,
    states: Vec<Visited>,
}

impl Reservoir {
    /// Makes an empty sample of at most `capacity` states.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, seen: 0, states: Vec::new() }
    }

    /// Continues a saved sample of the first `seen` states of a stream.
    pub fn restore(capacity: usize, seen: u64, states: Vec<Visited>) -> Self {
        Self { capacity, seen, states }
    }

    /// Offers the next state of the stream; `visited` is only called if it is kept.
    ///
    /// # Errors
    /// Those of `visited`.
    pub fn offer(
        &mut self,
        stream: &mut Stream,
        visited: impl FnOnce() -> Result<Visited>,
    ) -> Result<()> {
        self.seen += 1;
        if self.states.len() < self.capacity {
            self.states.push(visited()?);
        } else if let Some(slot) = self.states.get_mut(stream.index(self.seen as usize)) {
            *slot = visited()?;
        }
        Ok(())
    }

    /// Returns the number of states offered so far.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Returns the sample.
    pub fn states(&self) -> &[Visited] {
        &self.states
    }
}
