//! Named, independent random streams from one seed.
//!
//! Every source of randomness is a [`Stream`] that is handed down as an argument: `reset`,
//! `explore`, `minibatch`, `perturb`, … A stream is a ChaCha8 generator whose key is the SHA-256 of
//! seed and name, so that streams never overlap, do not depend on the order in which they are made,
//! and can be saved and restored exactly. Torch's global generator is never used.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A random stream with a name.
#[derive(Debug, Clone)]
pub struct Stream {
    key: [u8; 32],
    generator: ChaCha8Rng,
}

/// Where a stream stands; enough to continue it bit for bit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamState {
    /// The ChaCha key in hexadecimal, 64 digits.
    pub key: String,
    /// Words of 32 bits drawn so far, in decimal (128 bits do not fit TOML's integers).
    pub position: String,
}

impl Stream {
    /// Returns the stream called `name` of `seed`.
    ///
    /// # Examples
    /// ```
    /// use hyperl::rng::Stream;
    /// let mut a = Stream::new(0, "explore");
    /// let mut b = Stream::new(0, "explore");
    /// assert_eq!(a.normal(), b.normal());
    /// assert_ne!(a.normal(), Stream::new(0, "reset").normal());
    /// ```
    pub fn new(seed: u64, name: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(name.as_bytes());
        Self::from_key(hash.finalize().into())
    }

    /// Returns the stream called `name` below this one, whatever this one has drawn so far.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update(name.as_bytes());
        Self::from_key(hash.finalize().into())
    }

    fn from_key(key: [u8; 32]) -> Self {
        Self { key, generator: ChaCha8Rng::from_seed(key) }
    }

    /// Draws uniformly from `[low, high)`, with 53 random bits.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        let unit = (self.generator.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64);
        low + (high - low) * unit
    }

    /// Draws from the standard normal distribution.
    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(&mut self.generator)
    }

    /// Draws an index uniformly from `0..count`, without bias.
    ///
    /// # Panics
    /// If `count` is 0.
    pub fn index(&mut self, count: usize) -> usize {
        assert!(count > 0, "cannot draw from nothing");
        let count = count as u64;
        // Lemire's multiplication with rejection.
        loop {
            let product = u128::from(self.generator.next_u64()) * u128::from(count);
            if (product as u64) >= count.wrapping_neg() % count {
                return (product >> 64) as usize;
            }
        }
    }

    /// Draws `count` different indices from `0..population`, in random order.
    ///
    /// # Panics
    /// If `count > population`.
    pub fn sample_without_replacement(&mut self, population: usize, count: usize) -> Vec<usize> {
        assert!(count <= population, "cannot draw {count} different ones of {population}");
        let mut all: Vec<usize> = (0..population).collect();
        for i in 0..count {
            let j = i + self.index(population - i);
            all.swap(i, j);
        }
        all.truncate(count);
        all
    }

    /// Returns where the stream stands.
    pub fn state(&self) -> StreamState {
        StreamState {
            key: self.key.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")),
            position: self.generator.get_word_pos().to_string(),
        }
    }

    /// Continues a stream where [`Self::state`] found it; `None` if the state is not one.
    pub fn from_state(state: &StreamState) -> Option<Self> {
        if state.key.len() != 64 || !state.key.is_ascii() {
            return None;
        }
        let mut key = [0u8; 32];
        for (byte, digits) in key.iter_mut().zip(state.key.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        let mut stream = Self::from_key(key);
        stream.generator.set_word_pos(state.position.parse().ok()?);
        Some(stream)
    }
}

/// Returns the stream called `name` of `seed`, or of another seed where `HYPERL_TEST_SEED` names a number
/// other than 0: a test that asserts on a random draw takes it from here, so that it can be run with others.
///
/// # Panics
/// If the variable is not a number.
#[cfg(test)]
pub(crate) fn drawn(seed: u64, name: &str) -> Stream {
    let shift = std::env::var("HYPERL_TEST_SEED").map_or(0, |s| s.parse().expect("a number"));
    Stream::new(seed.wrapping_add(1_000_003u64.wrapping_mul(shift)), name)
}
