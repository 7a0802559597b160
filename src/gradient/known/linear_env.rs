//! The linear-quadratic system as an environment that can be stepped, saved and restored.

use std::sync::Arc;

use super::linear_quadratic::LinearQuadratic;
use crate::env::{Env, Snapshot, Spec, Step};
use crate::error::{Error, Result};
use crate::rng::{Stream, StreamState};

/// Where the noise of the process comes from.
#[derive(Debug, Clone)]
pub enum ProcessNoise {
    /// There is none: the system is deterministic, whatever its variances say.
    Off,
    /// From this stream, whose position is part of a snapshot: what follows a restored state repeats
    /// bit for bit, noise included, in any slot.
    Saved(Stream),
    /// From this stream, which goes on when a state is restored: rollouts from one state differ.
    /// An expectation over noise is estimated with this one, one stream per slot.
    Fresh(Stream),
}

/// Numbers in which the position of a stream is kept in a snapshot: key (8), words drawn (1).
const STREAM_LEN: usize = 9;

/// A linear-quadratic system that is stepped from outside. The observation is the state.
#[derive(Debug, Clone)]
pub struct LinearEnv {
    system: Arc<LinearQuadratic>,
    spec: Spec,
    noise: ProcessNoise,
    s: Vec<f64>,
    next: Vec<f64>,
    elapsed: u32,
}

impl LinearEnv {
    /// Makes an environment that stands at the origin. Episodes start at standard normal states and
    /// take 1000 steps.
    pub fn new(system: Arc<LinearQuadratic>, noise: ProcessNoise) -> Self {
        let (obs_dim, action_dim) = (system.obs_dim(), system.action_dim());
        let spec =
            Spec { name: "linear-quadratic", obs_dim, action_dim, time_limit: 1000, dt: 1.0 };
        let (s, next) = (vec![0.0; obs_dim], vec![0.0; obs_dim]);
        Self { system, spec, noise, s, next, elapsed: 0 }
    }

    /// Sets the number of steps after which episodes are truncated.
    #[must_use]
    pub fn with_time_limit(mut self, steps: u32) -> Self {
        self.spec.time_limit = steps;
        self
    }

    /// Returns the system, which knows the right answers.
    pub fn system(&self) -> &LinearQuadratic {
        &self.system
    }

    /// Returns the snapshot of state `s [S]` right after a reset.
    ///
    /// # Panics
    /// If `s` has not `S` entries.
    pub fn snapshot_at(&self, s: &[f64]) -> Snapshot {
        assert_eq!(s.len(), self.s.len(), "one number per state");
        Self { s: s.to_vec(), elapsed: 0, ..self.clone() }.saved()
    }

    // Layout: steps since the reset | state (S) | stream of saved noise (9), if there is one.
    fn saved(&self) -> Snapshot {
        let mut numbers = vec![f64::from(self.elapsed)];
        numbers.extend_from_slice(&self.s);
        if let ProcessNoise::Saved(stream) = &self.noise {
            numbers.extend(to_numbers(&stream.state()));
        }
        Snapshot(numbers)
    }
}

impl Env for LinearEnv {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn reset(&mut self, reset: &mut Stream) -> Result<()> {
        self.s.iter_mut().for_each(|x| *x = reset.normal());
        self.elapsed = 0;
        Ok(())
    }

    fn obs(&self) -> &[f64] {
        &self.s
    }

    fn step(&mut self, action: &[f64]) -> Result<Step> {
        assert_eq!(action.len(), self.spec.action_dim, "one number per input");
        let coefficients = self.system.coefficients();
        let reward = self.system.reward(&self.s, action);

        // s' = A s + B a + w
        let rows = coefficients.dynamics.rows().into_iter().zip(coefficients.input.rows());
        for (next, (a_row, b_row)) in self.next.iter_mut().zip(rows) {
            *next = a_row.iter().zip(&self.s).map(|(c, x)| c * x).sum::<f64>()
                + b_row.iter().zip(action).map(|(c, x)| c * x).sum::<f64>();
        }
        if let ProcessNoise::Saved(stream) | ProcessNoise::Fresh(stream) = &mut self.noise {
            for (next, variance) in self.next.iter_mut().zip(&coefficients.process_variance) {
                *next += variance.sqrt() * stream.normal();
            }
        }
        std::mem::swap(&mut self.s, &mut self.next);
        self.elapsed += 1;

        if !reward.is_finite() || self.s.iter().any(|x| !x.is_finite()) {
            let (env, reason) =
                (self.spec.name.into(), "NaN or infinity in reward or state".into());
            return Err(Error::Physics { env, reason });
        }
        let truncated = self.elapsed >= self.spec.time_limit;
        Ok(Step { reward, terminated: false, truncated })
    }

    fn elapsed(&self) -> u32 {
        self.elapsed
    }

    fn snapshot(&self) -> Result<Snapshot> {
        Ok(self.saved())
    }

    fn restore(&mut self, Snapshot(numbers): &Snapshot) -> Result<()> {
        let tail = if let ProcessNoise::Saved(_) = self.noise { STREAM_LEN } else { 0 };
        let expected = 1 + self.s.len() + tail;
        if numbers.len() != expected {
            return Err(Error::Mismatch {
                what: format!("length of a snapshot of {}", self.spec.name),
                expected: expected.to_string(),
                found: numbers.len().to_string(),
                remedy: "restore a snapshot of the same system and kind of noise".into(),
            });
        }
        let (head, tail) = numbers.split_at(1 + self.s.len());
        if let ProcessNoise::Saved(stream) = &mut self.noise {
            *stream = Stream::from_state(&from_numbers(tail)).ok_or_else(|| Error::Mismatch {
                what: "noise stream in a snapshot".into(),
                expected: "a key and a position".into(),
                found: format!("{tail:?}"),
                remedy: "restore a snapshot of the same system and kind of noise".into(),
            })?;
        }
        self.elapsed = head[0] as u32;
        self.s.copy_from_slice(&head[1..]);
        Ok(())
    }

    fn set_noise(&mut self, noise: &Stream) -> Result<()> {
        if let ProcessNoise::Saved(stream) | ProcessNoise::Fresh(stream) = &mut self.noise {
            stream.clone_from(noise);
        }
        Ok(())
    }
}

/// Writes the state of a stream as numbers that `f64` holds exactly: 8 words of its key, and its
/// position, which stays below 2⁵³.
fn to_numbers(state: &StreamState) -> impl Iterator<Item = f64> {
    let word = |i: usize| u32::from_str_radix(&state.key[8 * i..8 * (i + 1)], 16);
    let position = state.position.parse::<u64>().unwrap_or(u64::MAX) as f64;
    (0..8).map(move |i| word(i).map_or(f64::NAN, f64::from)).chain([position])
}

fn from_numbers(numbers: &[f64]) -> StreamState {
    StreamState {
        key: numbers[..8].iter().map(|&w| format!("{:08x}", w as u32)).collect::<Vec<_>>().concat(),
        position: format!("{}", numbers[8] as u64),
    }
}
