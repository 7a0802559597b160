//! What a known answer asks for, and what came out.

use serde::Serialize;
use statrs::distribution::{Binomial, DiscreteCDF};

/// A number, and between which it must lie.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Which number.
    pub number: String,
    /// The lowest that is right.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// What came out.
    pub found: f64,
    /// Of how many it is a count; `None` if it is none.
    pub of: Option<usize>,
}

/// A known answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Which.
    pub answer: &'static str,
    /// Where the actor stands.
    pub actor: &'static str,
    /// What must come out, and did or did not.
    pub checks: Vec<Check>,
}

/// Chance of a count beyond either end of what is accepted, where the chance of each is at the end of its range.
const SURPRISE: f64 = 0.001;

/// Shares of intervals of 95 % that may cover.
const COVERAGE: [f64; 2] = [0.93, 0.97];

/// Share of banks without a signal that may be taken for resolved.
const FALSE_ALARMS: f64 = 0.05;

impl Check {
    /// Asks for a number that is `truth ± tolerance`.
    pub fn near(number: &str, found: f64, truth: f64, tolerance: f64) -> Self {
        Self::within(number, found, truth - tolerance, truth + tolerance)
    }

    /// Asks for a number between two others.
    pub fn within(number: &str, found: f64, low: f64, high: f64) -> Self {
        Self { number: number.into(), low, high, found, of: None }
    }

    /// Asks that of `of` intervals as many cover as may where 93 to 97 % do, or more: fewer than one in 1000 such
    /// counts is lower.
    pub fn covered(number: &str, found: usize, of: usize) -> Self {
        let fewest = (0..of).find(|count| at_most(*count, of, COVERAGE[0]) >= SURPRISE);
        let (low, high) = (fewest.unwrap_or(of) as f64, of as f64);
        Self { number: number.into(), low, high, found: found as f64, of: Some(of) }
    }

    /// Asks that no more are resolved than may where 5 % are: fewer than one in 1000 such counts is higher.
    pub(crate) fn false_alarms(number: &str, found: usize, of: usize) -> Self {
        let most = (0..of).find(|count| 1.0 - at_most(*count, of, FALSE_ALARMS) < SURPRISE);
        let high = most.unwrap_or(of) as f64;
        Self { number: number.into(), low: 0.0, high, found: found as f64, of: Some(of) }
    }

    /// Tells whether it came out.
    pub fn came_out(&self) -> bool {
        self.low <= self.found && self.found <= self.high
    }
}

impl Row {
    /// Tells whether all came out.
    pub fn came_out(&self) -> bool {
        self.checks.iter().all(Check::came_out)
    }
}

/// Chance that at most `count` of `of` happen.
fn at_most(count: usize, of: usize, chance: f64) -> f64 {
    Binomial::new(chance, of as u64).map_or(f64::NAN, |law| law.cdf(count as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_judged_by_what_chance_would_give() {
        // Sums of binomial terms: P(X ≤ k | 0.93) reaches 0.001 at 14 of 20 and 174 of 200, P(X > k | 0.05) falls
        // below it at 5 and 21.
        for (of, fewest, most) in [(20, 14, 5), (200, 174, 21)] {
            assert!(Check::covered("κ", fewest, of).came_out(), "{of}");
            assert!(!Check::covered("κ", fewest - 1, of).came_out(), "{of}");
            assert!(Check::false_alarms("κ", most, of).came_out(), "{of}");
            assert!(!Check::false_alarms("κ", most + 1, of).came_out(), "{of}");
        }
    }

    #[test]
    fn what_is_not_a_number_did_not_come_out() {
        assert!(!Check::near("κ", f64::NAN, 1.0, 0.1).came_out());
        let row = |found| Row {
            answer: "exact",
            actor: "free",
            checks: vec![Check::near("κ", 1.0, 1.0, 0.1), Check::near("gain", found, 1.0, 0.1)],
        };
        assert!(row(0.95).came_out() && !row(0.85).came_out());
    }
}
