//! What comparisons say of a claim: the one judge.
//!
//! A claim is about several comparisons. It holds if all of them hold, fails if one fails by an interval that is wide
//! enough for all at once, and stays open otherwise. It stays open too where training runs, the units of replication, are missing, short or too few: however sharp a difference is within one run, it says nothing about another seed.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::named;
use crate::stats::resample::at_level;
use crate::stats::{Estimate, LEVEL};

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

    /// Returns what each of several differences says, which have t intervals over their `n` units. One is enough
    /// against a claim, so that it needs an interval for all at once (Bonferroni); for a claim it takes all of them.
    pub(crate) fn of_each(differences: &[Estimate]) -> Vec<Self> {
        let all_at_once = 1.0 - (1.0 - LEVEL) / differences.len().max(1) as f64;
        let of_one = |one: &Estimate| match Self::of(one) {
            Self::Fails => Self::of(&at_level(*one, all_at_once)),
            other => other,
        };
        differences.iter().map(of_one).collect()
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

    #[test]
    fn one_of_many_refutes_only_by_an_interval_for_all() {
        use Verdict::{Fails, Holds, Undecided};
        // Five units: t is 2.776 at 95 %, and by scipy 3.495 at 1 − 0.05/2 and 4.851 at 1 − 0.05/6.
        let of = |value: f64| Estimate::symmetric(value, 2.776, 5);
        assert_eq!(Verdict::of_each(&[of(-2.8)]), [Fails]);
        assert_eq!(Verdict::of_each(&[of(2.8), of(-2.8)]), [Holds, Undecided]);
        assert_eq!(Verdict::of_each(&[of(0.0), of(-3.48)]), [Undecided, Undecided]);
        assert_eq!(Verdict::of_each(&[of(0.0), of(-3.51)]), [Undecided, Fails]);
        let six = |value| Verdict::of_each(&[[of(value)].as_slice(), &[of(3.0); 5]].concat())[0];
        assert_eq!([six(-4.82), six(-4.87)], [Undecided, Fails]);
        assert_eq!(Verdict::of_each(&[]), []);
    }
}
