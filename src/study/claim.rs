//! What comparisons say of a claim: the one judge.
//!
//! A claim is about several comparisons. It holds if all of them hold, fails if one fails, and stays open
//! otherwise. It stays open too where training runs, the units of replication, are missing, short or too few: however sharp a difference is within one run, it says nothing about another seed.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::named;
use crate::stats::Estimate;

named!("verdict",
    /// The verdict on a claim.
    #[derive(Default)]
    Verdict {
        /// The measurement agrees, beyond its uncertainty.
        Holds = "holds",
        /// The measurement disagrees, beyond its uncertainty.
        Fails = "fails",
        /// The measurement is too uncertain to tell.
        Undecided = "undecided",
        /// Nothing was measured.
        #[default]
        NotTested = "not tested",
    }
);

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
pub(crate) struct Evidence {
    /// What each comparison says.
    pub comparisons: Vec<Verdict>,
    /// Comparisons that the claim is about, those included that could not be made.
    pub asked: usize,
    /// Whether training runs are missing, or shorter than those of the claim.
    pub incomplete: bool,
    /// Seeds behind the comparison that has the fewest.
    pub seeds: usize,
    /// Seeds from which a verdict is given.
    pub needed: usize,
}

impl Evidence {
    /// Returns the evidence of comparisons that are all that a claim is about.
    pub(crate) fn of(comparisons: Vec<Verdict>, seeds: usize, needed: usize) -> Self {
        Self { asked: comparisons.len(), comparisons, incomplete: false, seeds, needed }
    }

    /// Returns the seeds of the family that has the fewest, of families and seeds of runs.
    pub(crate) fn fewest_seeds<'a>(runs: impl IntoIterator<Item = (&'a str, u64)>) -> usize {
        let mut seeds: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        for (family, seed) in runs {
            seeds.entry(family).or_default().insert(seed);
        }
        seeds.values().map(BTreeSet::len).min().unwrap_or(0)
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let any = |wanted| self.comparisons.contains(&wanted);
        let all = |wanted| self.comparisons.iter().all(|verdict| *verdict == wanted);
        if self.comparisons.is_empty() {
            Verdict::NotTested
        } else if self.incomplete || self.seeds < self.needed {
            Verdict::Undecided
        } else if any(Verdict::Fails) {
            Verdict::Fails
        } else if all(Verdict::Holds) && self.comparisons.len() >= self.asked {
            Verdict::Holds
        } else {
            Verdict::Undecided
        }
    }

    /// Says so if there are too few seeds.
    pub(crate) fn shortage(&self) -> Option<String> {
        let Self { seeds, needed, .. } = self;
        let short = !self.comparisons.is_empty() && seeds < needed;
        short.then(|| match seeds {
            1 => "There is one seed: differences between models cannot be told from differences between \
                  training runs."
                .into(),
            _ => format!("With {seeds} of {needed} seeds, what other runs would show is not known."),
        })
    }
}

/// Returns the verdict on a claim that can be read in several ways: the one that all readings give.
pub(crate) fn of_readings(verdicts: &[Verdict]) -> Verdict {
    let all = |wanted: &Verdict| verdicts.iter().all(|verdict| verdict == wanted);
    let agreed = [Verdict::Holds, Verdict::Fails].into_iter().find(all);
    if verdicts.is_empty() { Verdict::NotTested } else { agreed.unwrap_or(Verdict::Undecided) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_comparisons_confirm_and_one_refutes_unless_runs_lack() {
        use Verdict::{Fails, Holds, NotTested, Undecided};
        let of = |comparisons: &[Verdict], seeds, incomplete| {
            let (comparisons, asked) = (comparisons.to_vec(), 1);
            Evidence { comparisons, asked, incomplete, seeds, needed: 2 }.verdict()
        };
        assert_eq!(of(&[Holds, Holds], 2, false), Holds);
        assert_eq!(of(&[Holds, Undecided], 2, false), Undecided);
        assert_eq!(of(&[Holds, Undecided, Fails], 2, false), Fails);
        assert_eq!(of(&[Holds], 1, false), Undecided);
        assert_eq!(of(&[Fails], 2, true), Undecided);
        assert_eq!(of(&[], 2, false), NotTested);
        let lacking = |verdict| Evidence {
            comparisons: vec![verdict],
            asked: 2,
            seeds: 2,
            needed: 2,
            ..Evidence::default()
        };
        assert_eq!([Holds, Fails].map(|v| lacking(v).verdict()), [Undecided, Fails]);
    }

    #[test]
    fn seeds_are_those_of_the_family_that_has_the_fewest() {
        let five_families = ["a", "b", "c", "d", "e"].map(|family| (family, 0));
        assert_eq!(Evidence::fewest_seeds(five_families), 1);
        assert_eq!(Evidence::fewest_seeds([("a", 0), ("a", 1), ("b", 0), ("b", 2), ("b", 2)]), 2);
        assert_eq!(Evidence::fewest_seeds([]), 0);
    }

    #[test]
    fn readings_decide_only_together() {
        use Verdict::{Fails, Holds, NotTested, Undecided};
        assert_eq!(of_readings(&[Holds, Holds]), Holds);
        assert_eq!(of_readings(&[Fails, Fails]), Fails);
        assert_eq!(of_readings(&[Fails, Holds]), Undecided);
        assert_eq!(of_readings(&[]), NotTested);
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
