//! What comparisons say of a claim: the one judge.
//!
//! A claim has a difference above zero in each of its comparisons. It holds if all are, fails if one is
//! below, and stays open otherwise. It stays open too where training runs, the units of replication, are
//! missing or too few: however sharp a difference is within one run, it says nothing about another seed.

use std::fmt;

use crate::stats::Estimate;

/// What became of a claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verdict {
    /// The measurement agrees, beyond its uncertainty.
    Holds,
    /// The measurement disagrees, beyond its uncertainty.
    Fails,
    /// The measurement is too uncertain to tell.
    Undecided,
    /// Nothing was measured.
    #[default]
    NotTested,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::Undecided => "undecided",
            Self::NotTested => "not tested",
        })
    }
}

impl Verdict {
    /// Returns what one comparison says, by the interval of its difference.
    pub fn of(difference: &Estimate) -> Self {
        match difference {
            Estimate { low, .. } if *low > 0.0 => Self::Holds,
            Estimate { high, .. } if *high < 0.0 => Self::Fails,
            _ => Self::Undecided,
        }
    }
}

/// What a claim is judged by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// What each comparison says.
    pub comparisons: Vec<Verdict>,
    /// Whether something lacks: a comparison, a training run, a part of one.
    pub incomplete: bool,
    /// Seeds behind the comparison that has the fewest.
    pub seeds: usize,
    /// Seeds from which a verdict is given.
    pub needed: usize,
}

impl Evidence {
    /// Returns the verdict.
    pub fn verdict(&self) -> Verdict {
        let any = |wanted| self.comparisons.contains(&wanted);
        let all = |wanted| self.comparisons.iter().all(|verdict| *verdict == wanted);
        if self.comparisons.is_empty() {
            Verdict::NotTested
        } else if self.incomplete || self.seeds < self.needed {
            Verdict::Undecided
        } else if any(Verdict::Fails) {
            Verdict::Fails
        } else if all(Verdict::Holds) {
            Verdict::Holds
        } else {
            Verdict::Undecided
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_comparisons_confirm_and_one_refutes_unless_runs_lack() {
        use Verdict::{Fails, Holds, NotTested, Undecided};
        let of = |comparisons: &[Verdict], seeds, incomplete| {
            Evidence { comparisons: comparisons.into(), incomplete, seeds, needed: 2 }.verdict()
        };
        assert_eq!(of(&[Holds, Holds], 2, false), Holds);
        assert_eq!(of(&[Holds, Undecided], 2, false), Undecided);
        assert_eq!(of(&[Holds, Undecided, Fails], 2, false), Fails);
        assert_eq!(of(&[Holds], 1, false), Undecided);
        assert_eq!(of(&[Fails], 2, true), Undecided);
        assert_eq!(of(&[], 2, false), NotTested);
    }

    #[test]
    fn a_difference_decides_by_its_interval() {
        let of = |low, high| Verdict::of(&Estimate { value: 1.0, low, high, n: 5 });
        assert_eq!(of(0.1, 2.0), Verdict::Holds);
        assert_eq!(of(-2.0, -0.1), Verdict::Fails);
        assert_eq!(of(-1.0, 3.0), Verdict::Undecided);
        assert_eq!(of(f64::NAN, f64::NAN), Verdict::Undecided);
    }
}
