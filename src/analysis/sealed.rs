//! A hash inside the file that it is of, checked before anything else is read.
//!
//! A reader of Parquet trusts the lengths that it finds; one damaged byte may make it ask for exabytes. The mark,
//! [`MARK`] and 64 hexadecimal digits, stands where the format keeps text; it is the SHA-256 of all bytes, its own digits
//! taken as zeros.

use crate::checkpoint::disk;

/// What stands before the digits.
const MARK: &[u8] = b"hyperl-sha256:";
const DIGITS: usize = 64;

/// Returns the mark to put into the file before [`seal`].
pub(super) fn blank() -> String {
    format!("{}{}", String::from_utf8_lossy(MARK), "0".repeat(DIGITS))
}

/// Writes the digits of the one mark; leaves a file without one as it is.
pub(super) fn seal(bytes: &mut [u8]) {
    if let Some(digits) = digits(bytes) {
        let hash = disk::hash(bytes);
        bytes[digits].copy_from_slice(hash.as_bytes());
    }
}

/// Why a file is not what was written, or nothing.
pub(super) fn flaw(bytes: &[u8]) -> Option<&'static str> {
    let Some(digits) = digits(bytes) else {
        return Some(
            "it has no hash of itself: it is damaged, or an early version made it; make it again",
        );
    };
    let mut unsealed = bytes.to_vec();
    unsealed[digits.clone()].fill(b'0');
    (disk::hash(&unsealed).as_bytes() != &bytes[digits])
        .then_some("it is damaged: its contents do not match its hash")
}

/// Where the digits of the last mark are.
fn digits(bytes: &[u8]) -> Option<std::ops::Range<usize>> {
    let from = bytes.windows(MARK.len()).rposition(|window| window == MARK)? + MARK.len();
    (from + DIGITS <= bytes.len()).then_some(from..from + DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_counts_and_the_hash_is_that_of_sha256sum() {
        let mut file = format!("before {} after", blank()).into_bytes();
        seal(&mut file);
        // printf 'before hyperl-sha256:%064d after' 0 | sha256sum
        let said = "6c468eb61565be00986660cbdbf1d693fe3becfb3ac12ec168dd5036e38ccc0b";
        assert!(String::from_utf8_lossy(&file).contains(said));
        assert_eq!(flaw(&file), None);
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut other = file.clone();
                other[at] ^= 1 << bit;
                assert!(flaw(&other).is_some(), "bit {bit} of byte {at}");
            }
            assert!(flaw(&file[..at]).is_some(), "cut after {at}");
        }
    }
}
