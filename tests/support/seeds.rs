//! Random streams of tests that assert on a draw, which must pass with other seeds too.

use hyperl::rng::Stream;

/// Returns `seed`, or another one where `HYPERL_TEST_SEED` names a number other than 0.
pub(crate) fn test_seed(seed: u64) -> u64 {
    let shift = std::env::var("HYPERL_TEST_SEED").map_or(0, |s| s.parse().expect("a number"));
    seed.wrapping_add(1_000_003u64.wrapping_mul(shift))
}

/// Returns the stream called `name` of [`test_seed`].
pub(crate) fn drawn(seed: u64, name: &str) -> Stream {
    Stream::new(test_seed(seed), name)
}
