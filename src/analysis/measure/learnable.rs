//! In how many more states is one of two critics right enough, at every threshold (paper, Fig. 3a)?

use ndarray::Array2;
use serde::Serialize;

use crate::analysis::summary::Interval;
use crate::rng::Stream;
use crate::stats::exceedance::{Exceedance, Stretch, exceedance};
use crate::stats::resample::Bootstrap;
use crate::stats::similarity::{chance_above, cosine};
use crate::stats::{LEVEL, summary};

/// Thresholds of the curve: 0, 0.01, …, 1.
const THRESHOLDS: u32 = 101;

/// Thresholds of the shares that are compared one by one.
const TAUS: [f64; 3] = [0.25, 0.5, 0.75];

/// Share of states with a cosine above a threshold, for two critics against the same truth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct LearnableDifference {
    /// The threshold τ.
    pub tau: f64,
    /// The first critic's share.
    pub share: f64,
    /// The second critic's share.
    pub against_share: f64,
    /// Share that a random direction in the dimensions compared would have.
    pub chance: f64,
    /// First minus second, with the paired interval over states: for this threshold alone.
    pub difference: Interval,
    /// The same with the band that holds at all thresholds together.
    pub band: Interval,
}

/// The shares from τ = 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct LearnableCurve {
    /// Half-width of the simultaneous band, 95 %.
    pub half_width: f64,
    /// Where the band excludes 0: the critics differ there, however the threshold was chosen.
    pub excludes_zero: Vec<Stretch>,
    /// One for each threshold, ascending.
    pub points: Vec<LearnableDifference>,
}

impl LearnableCurve {
    /// Compares two critics on the same states; an undefined cosine is not learnable.
    ///
    /// # Shapes
    /// `truth` and both critics `[states, A]`, action gradients; `tried [states]`, the action dimensions
    /// in which a state is compared.
    ///
    /// # Panics
    /// If the shapes differ.
    pub(super) fn new(
        (truth, tried): (&Array2<f64>, &[usize]),
        critics: [&Array2<f64>; 2],
        stream: &mut Stream,
    ) -> Self {
        let [first, second] = critics.map(|critic| -> Vec<f64> {
            let rows = critic.rows().into_iter().zip(truth.rows());
            rows.map(|(v, g)| cosine(&v.to_vec(), &g.to_vec()).unwrap_or(f64::NAN)).collect()
        });
        let last = f64::from(THRESHOLDS - 1);
        let taus: Vec<f64> = (0..THRESHOLDS).map(|i| f64::from(i) / last).collect();
        let settings = Bootstrap { level: LEVEL, ..Bootstrap::default() };
        let curve = exceedance((&first, &second), &taus, settings, stream);
        let chance = |tau: f64| {
            summary::mean(&tried.iter().map(|&dims| chance_above(tau, dims)).collect::<Vec<_>>())
        };
        let point = |found: &Exceedance| LearnableDifference {
            tau: found.tau,
            share: found.first,
            against_share: found.second,
            chance: chance(found.tau),
            difference: found.difference.into(),
            band: curve.band(found).into(),
        };
        Self {
            half_width: curve.half_width,
            excludes_zero: curve.excludes_zero(),
            points: curve.points.iter().map(point).collect(),
        }
    }

    /// Returns the points at τ = 0.25, 0.5 and 0.75.
    pub(super) fn at_taus(&self) -> Vec<LearnableDifference> {
        let points = self.points.iter().filter(|point| TAUS.contains(&point.tau));
        points.copied().collect()
    }

    /// Returns the point where the shares lie farthest apart, the first of several; the band says how
    /// sure it is, for it holds wherever one looks.
    pub(crate) fn farthest(&self) -> Option<&LearnableDifference> {
        let size = |point: &LearnableDifference| point.difference.mean.abs();
        self.points.iter().reduce(|far, point| if size(point) > size(far) { point } else { far })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn shares_are_those_counted_by_hand() {
        // Cosines of the first: 0.6, 1, undefined; of the second: −1, 0.8, 0.
        let truth = array![[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]];
        let first = array![[0.6, 0.8], [2.0, 0.0], [0.0, 0.0]];
        let second = array![[-3.0, 0.0], [0.8, -0.6], [0.0, 1.0]];
        let stream = &mut Stream::new(0, "bootstrap");
        let curve = LearnableCurve::new((&truth, &[2, 2, 1]), [&first, &second], stream);
        let shares: Vec<_> =
            curve.at_taus().iter().map(|p| (p.tau, 3.0 * p.share, 3.0 * p.against_share)).collect();
        assert_eq!(shares, [(0.25, 2.0, 1.0), (0.5, 2.0, 1.0), (0.75, 1.0, 1.0)]);
        assert_eq!(curve.points.len(), 101);
        // A random direction in the plane exceeds 0.5 in one of three cases, on a line in one of two.
        let chance = curve.at_taus()[1].chance;
        assert!((chance - (1.0 / 3.0 + 1.0 / 3.0 + 0.5) / 3.0).abs() < 1e-12, "{chance}");
        let farthest = curve.farthest().unwrap();
        assert!(farthest.tau == 0.0 && (farthest.difference.mean - 1.0 / 3.0).abs() < 1e-12);
        // Strictly above: nothing is at τ = 1, and the first is alone between 0.8 and 1.
        assert!(curve.points[100].share == 0.0 && curve.points[80].against_share == 0.0);
        assert!(curve.points[79].against_share > 0.0 && curve.points[99].share > 0.0);
    }
}
