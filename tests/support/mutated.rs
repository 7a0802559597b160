//! Damaged copies of files, for tests that no reader may crash or take memory without end.

use hyperl::rng::Stream;

/// Damaged copies of each file: as many as `HYPERL_MUTATIONS` says.
pub(crate) fn copies() -> u64 {
    std::env::var("HYPERL_MUTATIONS").map_or(300, |n| n.parse().expect("a number"))
}

/// Damages a file in one to three places.
pub(crate) fn mutated(whole: &[u8], stream: &mut Stream) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=stream.index(3) {
        let at = stream.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
        let end = (at + 1 + stream.index(8)).min(bytes.len());
        match stream.index(6) {
            0 => bytes.truncate(at),
            1 => bytes[at..end].fill(0xff),
            2 => bytes[at..end].fill(0),
            3 => drop(bytes.drain(at..end)),
            4 => bytes.splice(at..at, vec![stream.index(256) as u8; 8]).for_each(drop),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << stream.index(8)),
        }
    }
    bytes
}
