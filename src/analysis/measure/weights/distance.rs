//! How far one sample of weights is from another, on which bins, and how far equals would be
//! (`docs/estimator.md` §6.3).

use serde::Serialize;

pub use super::choices::Binning;
use super::choices::Start;
use crate::error::Result;
use crate::stats::histogram::{Bins, kolmogorov_smirnov, total_variation, wasserstein};

impl Binning {
    /// Returns `count` bins for a sample and its reference.
    ///
    /// # Errors
    /// Those of [`Bins::spanning`].
    pub fn bins(self, sample: &[f64], reference: &[f64], count: usize) -> Result<Bins> {
        match self {
            Self::Reference => Bins::spanning(&[reference], count),
            Self::Joint => Bins::spanning(&[sample, reference], count),
        }
    }
}

/// Numbers of bins for which the sensitivity is shown.
pub(crate) const COUNTS: [usize; 6] = [10, 20, 30, 50, 100, 200];

/// Returns the bins asked for, then as many in the other places, then all others whose sensitivity is
/// shown.
pub(crate) fn grid(binning: Binning, bins: usize) -> Vec<(Binning, usize)> {
    let mut grid = vec![(binning, bins)];
    let counts = [bins].into_iter().chain(COUNTS);
    for choice in counts.flat_map(|count| Binning::ALL.iter().map(move |&b| (b, count))) {
        if !grid.contains(&choice) {
            grid.push(choice);
        }
    }
    grid
}

/// A comparison on one choice of bins.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Binned {
    /// Where they lie.
    pub binning: Binning,
    /// How many there are, overflow bins not counted.
    pub bins: usize,
    /// Total variation, `½ Σ |p − q|`, 0 to 1.
    pub tv: f64,
    /// The same between the reference and each of its equals, on the same bins: what equality gives.
    pub nulls: Vec<f64>,
}

impl Binned {
    /// Returns the mean of [`Self::nulls`]; NaN if there is none.
    pub fn null(&self) -> f64 {
        self.nulls.iter().sum::<f64>() / self.nulls.len() as f64
    }
}

/// A comparison of two samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distances {
    /// On bins: the choice asked for first.
    pub binned: Vec<Binned>,
    /// 1-Wasserstein distance, in the unit of the weights; needs no bins.
    pub wasserstein: f64,
    /// Kolmogorov-Smirnov distance, 0 to 1; needs no bins.
    pub kolmogorov_smirnov: f64,
    /// Values in sample and reference.
    pub values: [usize; 2],
}

impl Distances {
    /// Compares `sample` with `reference` on each choice of bins, and beside it the reference with
    /// its `equals`: independent networks of the same kind.
    ///
    /// # Errors
    /// Those of [`Bins`]: samples that are empty, hold a NaN, or are all one value.
    ///
    /// # Examples
    /// ```
    /// use hyperl::analysis::measure::weights::distance::{Binning, Distances};
    /// let (sample, reference) = ([0.0, 0.4, 0.8, 3.0], [0.0, 0.4, 0.6, 1.0]);
    /// let found = Distances::of(&sample, &reference, &[&reference], &[(Binning::Reference, 2)])?;
    /// assert!((found.binned[0].tv - 0.25).abs() < 1e-12); // 3.0 lies beyond the reference
    /// assert_eq!(found.binned[0].nulls, [0.0]);
    /// # Ok::<(), hyperl::Error>(())
    /// ```
    pub fn of(
        sample: &[f64],
        reference: &[f64],
        equals: &[&[f64]],
        grid: &[(Binning, usize)],
    ) -> Result<Self> {
        let binned = |&(binning, count): &(Binning, usize)| {
            let bins = binning.bins(sample, reference, count)?;
            let shares = bins.shares(reference)?;
            let from = |other: &[f64]| Ok(total_variation(&bins.shares(other)?, &shares));
            let nulls = equals.iter().map(|equal| from(equal)).collect::<Result<_>>()?;
            Ok(Binned { binning, bins: count, tv: from(sample)?, nulls })
        };
        Ok(Self {
            binned: grid.iter().map(binned).collect::<Result<_>>()?,
            wasserstein: wasserstein(sample, reference),
            kolmogorov_smirnov: kolmogorov_smirnov(sample, reference),
            values: [sample.len(), reference.len()],
        })
    }

    /// Returns the comparison on the bins asked for.
    ///
    /// # Panics
    /// If none was asked for.
    pub fn asked(&self) -> &Binned {
        &self.binned[0]
    }
}

/// Returns the total variation (0 to 1) between a sample and the uniform distribution on ±`bound`, on
/// `count` bins there and two overflow bins.
pub(crate) fn from_uniform(sample: &[f64], bound: f64, count: usize) -> Result<f64> {
    let bins = Bins::between(-bound, bound, count)?;
    let mut uniform = vec![1.0 / count as f64; count + 2];
    (uniform[0], uniform[count + 1]) = (0.0, 0.0);
    Ok(total_variation(&bins.shares(sample)?, &uniform))
}

/// How far trained weights are shown at least; theirs outgrow the bounds that they started from.
const TRAINED: f64 = 2.0;

/// Returns where the histogram of a layer ends on either side: at three initial bounds of MLP-Small,
/// or further for trained weights.
pub(crate) fn display_end(start: Start, bound: f64) -> f64 {
    match start {
        Start::Trained => TRAINED.max(3.0 * bound),
        Start::Hyper | Start::Pytorch => 3.0 * bound,
    }
}

/// Returns the bins that a histogram of a layer shows: 60 up to `display_end`.
pub(crate) fn display(start: Start, bound: f64) -> Result<Bins> {
    let end = display_end(start, bound);
    Bins::between(-end, end, 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    fn draws(n: usize, mut draw: impl FnMut(&mut Stream) -> f64) -> Vec<f64> {
        let mut stream = Stream::new(0, "weights");
        (0..n).map(|_| draw(&mut stream)).collect()
    }

    #[test]
    fn a_uniform_and_a_narrow_normal_have_the_distance_of_the_closed_form() {
        // U(±1/16) against N(0, σ²), σ = 0.0074: the densities cross at x = σ√(2 ln(1/(8σ√(2π)))) =
        // 0.01446, and TV = (2Φ(x/σ) − 1) − 16x/2 = 0.9493 − 0.2314 = 0.718
        // (`docs/estimator.md` §6.3: 72 %).
        let normal = draws(400_000, |s| 0.0074 * s.normal());
        let uniform = draws(400_000, |s| s.uniform(-0.0625, 0.0625));
        let grid = [(Binning::Reference, 300), (Binning::Joint, 300)];
        let found = Distances::of(&normal, &uniform, &[], &grid).unwrap();
        for binned in &found.binned {
            assert!((binned.tv - 0.718).abs() < 0.006, "{binned:?}");
        }
        assert!((from_uniform(&normal, 0.0625, 300).unwrap() - 0.718).abs() < 0.003);
        // Coarse bins lose a little: within ±x lie 23 % of the uniform and no whole number of bins.
        let coarse = from_uniform(&normal, 0.0625, 30).unwrap();
        assert!(coarse < 0.719 && coarse > 0.69, "{coarse}");
        // W₁ of symmetric laws is E|U| − E|N| = 1/32 − σ√(2/π); F − G is largest where they cross.
        let first = 0.03125 - 0.0074 * (2.0 / std::f64::consts::PI).sqrt();
        assert!((found.wasserstein - first).abs() < 2e-4, "{}", found.wasserstein);
        assert!((found.kolmogorov_smirnov - 0.359).abs() < 0.004);
    }

    #[test]
    fn equal_samples_are_at_zero_and_disjoint_ones_at_one() {
        let a = draws(1000, |s| s.uniform(-1.0, 1.0));
        let far: Vec<f64> = a.iter().map(|x| x + 5.0).collect();
        for (other, tv) in [(&a, 0.0), (&far, 1.0)] {
            let found = Distances::of(other, &a, &[&a, &far], &grid(Binning::Joint, 30)).unwrap();
            for binned in &found.binned {
                assert!((binned.tv - tv).abs() < 1e-12, "{binned:?}");
                assert!(binned.nulls[0].abs() < 1e-12);
            }
            assert!((found.kolmogorov_smirnov - tv).abs() < 1e-12);
            assert!((found.wasserstein - 5.0 * tv).abs() < 1e-9);
        }
    }

    #[test]
    fn the_grid_starts_with_what_was_asked_and_repeats_nothing() {
        assert_eq!(grid(Binning::Joint, 30).len(), 12);
        assert_eq!(grid(Binning::Reference, 31).len(), 14);
        let first = [(Binning::Joint, 50), (Binning::Reference, 50)];
        assert_eq!(grid(Binning::Joint, 50)[..2], first);
    }
}
