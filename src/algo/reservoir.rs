//! A uniform sample of the visited states, as exact simulator snapshots.
//!
//! The paper's estimator takes its states from the replay distribution (s ∼ D, §3, Eq. 22). A replay
//! row is no simulator state, so each checkpoint carries this sample instead: after `t` steps every
//! state visited so far is in it with the same probability (Vitter's algorithm R).

use crate::env::Visited;
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

    /// Continues a saved sample of a stream of which `seen` states went by.
    pub fn restore(capacity: usize, seen: u64, states: Vec<Visited>) -> Self {
        Self { capacity, seen, states }
    }

    /// Offers the next state of the stream; `visited` is only called if it is kept.
    pub fn offer(&mut self, stream: &mut Stream, visited: impl FnOnce() -> Visited) {
        self.seen += 1;
        if self.states.len() < self.capacity {
            self.states.push(visited());
            return;
        }
        let place = stream.index(self.seen as usize);
        if let Some(slot) = self.states.get_mut(place) {
            *slot = visited();
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Snapshot;
    use crate::rng::drawn;

    #[test]
    fn every_visited_state_is_kept_with_the_same_probability() {
        // 20 of 100 states, 3000 times: each is kept 600 times, standard deviation 22.
        let mut kept = [0u32; 100];
        for seed in 0..3000 {
            let mut stream = drawn(seed, "reservoir");
            let mut reservoir = Reservoir::new(20);
            for i in 0..100 {
                reservoir.offer(&mut stream, || Snapshot(vec![f64::from(i)]).into());
            }
            assert_eq!((reservoir.states().len(), reservoir.seen()), (20, 100));
            for state in reservoir.states() {
                kept[state.snapshot.0[0] as usize] += 1;
            }
        }
        assert!(kept.iter().all(|&k| (490..=710).contains(&k)), "{kept:?}");
    }
}
