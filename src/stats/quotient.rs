//! Intervals of `h/u` and `h/√u` where the denominator `u` is noisy, too (`docs/estimator.md` §8.2).
//!
//! A jackknife of the quotient takes it for a straight line in `u`. Where `u` came out too large by chance, the quotient
//! is too small *and* its interval too narrow, and just then `u` looks as if it were well known. So `h` and `u` are
//! taken to be jointly normal, with the covariance of the jackknife: the interval is what the quotient is on the
//! ellipse `(h, u)` of those pairs that a t test of any quotient would not reject. Where the ellipse reaches `u = 0` an
//! end is infinite.
//!
//! # References
//! Fieller, J. R. Stat. Soc. B 1954 (for `h/u` this is his interval, up to the sign of `u`).

use super::resample::without_each;
use super::summary::mean;
use super::{Estimate, LEVEL, tails};

/// Angles on the ellipse at which an end is sought, before it is refined.
const ANGLES: u32 = 360;

/// Two numbers, and how they vary together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quotient {
    above: f64,
    below: f64,
    /// Standard errors.
    errors: [f64; 2],
    correlation: f64,
    /// Independent units behind them.
    n: usize,
}

impl Quotient {
    /// Returns two statistics of the means of `K` columns over all units, with their jackknife covariance over
    /// the clusters in which units come.
    pub(crate) fn of<const K: usize>(
        clusters: &[Vec<[f64; K]>],
        above: impl Fn([f64; K]) -> f64,
        below: impl Fn([f64; K]) -> f64,
    ) -> Self {
        let ((above, left_above), (below, left_below)) =
            (without_each(clusters, above), without_each(clusters, below));
        let n = left_above.len();
        let scale = (n as f64 - 1.0) / n as f64;
        let product = |a: &[f64], b: &[f64]| {
            let (centre_a, centre_b) = (mean(a), mean(b));
            scale * a.iter().zip(b).map(|(a, b)| (a - centre_a) * (b - centre_b)).sum::<f64>()
        };
        let errors = [&left_above, &left_below].map(|x| product(x, x).sqrt());
        let both = errors[0] * errors[1];
        let correlation = if both > 0.0 { product(&left_above, &left_below) / both } else { 0.0 };
        Self { above, below, errors, correlation: correlation.clamp(-1.0, 1.0), n }
    }

    /// Returns `h/u` with its interval of 95 %; `freedom` is that of Student's t.
    pub(crate) fn plain(&self, freedom: f64) -> Estimate {
        self.to_power(1.0, tails::t_two_sided(LEVEL, freedom))
    }

    /// Returns the cosine `h/√u` with its interval at a level. A cosine is at most `most` in size: so is an end that
    /// has no other bound.
    pub(crate) fn cosine(&self, most: f64, level: f64, freedom: f64) -> Estimate {
        bounded(self.to_power(0.5, tails::t_two_sided(level, freedom)), most)
    }

    /// Returns the cosine `h/u`, likewise.
    pub(crate) fn corrected(&self, most: f64, level: f64, freedom: f64) -> Estimate {
        bounded(self.to_power(1.0, tails::t_two_sided(level, freedom)), most)
    }

    /// `h/uᵖ` with what it is on the ellipse of `t` standard errors; NaN where `u` is not positive.
    fn to_power(self, power: f64, t: f64) -> Estimate {
        let Self { above, below, errors, n, .. } = self;
        let value = if below > 0.0 { above / below.powf(power) } else { f64::NAN };
        let known = errors.iter().all(|error| error.is_finite()) && t.is_finite();
        if n < 2 || value.is_nan() || !known {
            return Estimate::without_interval(value, n);
        }
        // The lower end is the upper one of −h, so that a mirrored critic has a mirrored interval bit for bit.
        let mirrored = Self { above: -above, correlation: -self.correlation, ..self };
        let low = 0.0 - mirrored.upper_end(power, t);
        Estimate { value, low, high: self.upper_end(power, t), n }
    }

    /// The largest `h/uᵖ` on the ellipse of `t` standard errors.
    fn upper_end(&self, power: f64, t: f64) -> f64 {
        let Self { above, below, errors, correlation, .. } = *self;
        let apart = (1.0 - correlation * correlation).sqrt();
        let height = |sin: f64, cos: f64| above + t * errors[0] * (correlation * cos + apart * sin);
        // Where the ellipse crosses u = 0, if it does.
        let cos = -below / (t * errors[1]);
        if cos >= -1.0 {
            let sin = (1.0 - cos * cos).sqrt();
            if height(sin, cos) > 0.0 || height(-sin, cos) > 0.0 {
                return f64::INFINITY;
            }
        }
        largest(|angle| {
            let u = below + t * errors[1] * angle.cos();
            (u > 0.0).then(|| height(angle.sin(), angle.cos()) / u.powf(power))
        })
    }
}

/// Ends without a bound are those that a number of at most `most` in size can have.
fn bounded(found: Estimate, most: f64) -> Estimate {
    let end =
        |end: f64| if end.is_infinite() { end.signum() * most.max(found.value.abs()) } else { end };
    Estimate { low: end(found.low), high: end(found.high), ..found }
}

/// Returns the largest value of a smooth function on the circle, where it has one.
fn largest(f: impl Fn(f64) -> Option<f64>) -> f64 {
    let step = std::f64::consts::TAU / f64::from(ANGLES);
    let of = |x: f64| f(x).unwrap_or(f64::NEG_INFINITY);
    let angles = (0..ANGLES).map(|i| f64::from(i) * step);
    let best = angles.max_by(|a, b| of(*a).total_cmp(&of(*b))).unwrap_or(0.0);
    // Golden section around it.
    let golden = 0.5 * (5.0_f64.sqrt() - 1.0);
    let (mut low, mut high) = (best - step, best + step);
    for _ in 0..60 {
        let (a, b) = (high - golden * (high - low), low + golden * (high - low));
        if of(a) < of(b) { low = a } else { high = b }
    }
    of(0.5 * (low + high)).max(of(best))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::drawn;
    use crate::stats::resample::jackknife_of_clusters;

    fn clusters(n: usize) -> Vec<Vec<[f64; 2]>> {
        let mut stream = drawn(3, "quotients");
        let mut row = || {
            let u = 1.0 + stream.normal();
            vec![[0.5 * u + stream.normal(), u]]
        };
        (0..n).map(|_| row()).collect()
    }

    /// `Q(h, u)` of a pair, in squared standard errors.
    fn distance(of: &Quotient, h: f64, u: f64) -> f64 {
        let (a, b) = ((h - of.above) / of.errors[0], (u - of.below) / of.errors[1]);
        let r = of.correlation;
        (a * a - 2.0 * r * a * b + b * b) / (1.0 - r * r)
    }

    #[test]
    fn a_quotient_has_fiellers_interval() {
        let found = Quotient::of(&clusters(40), |[h, _]| h, |[_, u]| u);
        let (t, [sh, su]) = (2.0, found.errors);
        let interval = found.to_power(1.0, t);
        // Roots of (h − f u)² = t² (s_h² − 2 f r s_h s_u + f² s_u²).
        let a = found.below.powi(2) - t * t * su * su;
        let b = found.above * found.below - t * t * found.correlation * sh * su;
        let c = found.above.powi(2) - t * t * sh * sh;
        let root = (b * b - a * c).sqrt();
        assert!((interval.low - (b - root) / a).abs() < 1e-9, "{interval:?}");
        assert!((interval.high - (b + root) / a).abs() < 1e-9, "{interval:?}");
    }

    #[test]
    fn a_cosine_is_in_its_interval_as_long_as_some_size_of_the_truth_goes_with_it() {
        let found = Quotient::of(&clusters(60), |[h, _]| h, |[_, u]| u);
        let t = 1.5;
        let interval = found.to_power(0.5, t);
        let nearest = |c: f64| {
            let sizes = (1..40_000).map(|i| f64::from(i) * 1e-4);
            sizes.map(|u| distance(&found, c * u.sqrt(), u)).fold(f64::INFINITY, f64::min)
        };
        for (end, outwards) in [(interval.low, -1.0), (interval.high, 1.0)] {
            assert!(nearest(end - 0.001 * outwards) < t * t, "{interval:?}");
            assert!(nearest(end + 0.001 * outwards) > t * t, "{interval:?}");
        }
    }

    #[test]
    fn with_a_number_below_that_does_not_vary_it_is_the_jackknifes() {
        let clusters: Vec<Vec<[f64; 2]>> =
            clusters(30).iter().map(|c| vec![[c[0][0], 4.0]]).collect();
        let found = Quotient::of(&clusters, |[h, _]| h, |[_, u]| u).cosine(1.0, LEVEL, 29.0);
        let expected = jackknife_of_clusters(&clusters, |[h, u]| h / u.sqrt(), LEVEL);
        assert!((found.low - expected.low).abs() < 1e-9, "{found:?} {expected:?}");
        assert!((found.high - expected.high).abs() < 1e-9, "{found:?} {expected:?}");
    }

    #[test]
    fn where_the_truth_may_be_nothing_an_end_is_open_and_that_of_a_cosine_is_one() {
        let mut found = Quotient::of(&clusters(40), |[h, _]| h, |[_, u]| u);
        // Surely uphill, but of a truth that may be 0.
        (found.above, found.below) = (9.0 * found.errors[0], found.errors[1]);
        let plain = found.plain(30.0);
        assert!(plain.high.is_infinite() && plain.low > 0.0 && plain.low.is_finite(), "{plain:?}");
        let cosine = found.cosine(1.0, LEVEL, 30.0);
        let highest = cosine.value.max(1.0);
        assert!((cosine.high - highest).abs() < 1e-12 && cosine.low > 0.0, "{cosine:?}");
        // Nothing is known of it.
        found.above = 0.0;
        let cosine = found.cosine(1.0, LEVEL, 30.0);
        assert!((cosine.low, cosine.high) == (-1.0, 1.0), "{cosine:?}");
        found.below = -1.0;
        assert!(found.cosine(1.0, LEVEL, 30.0).low.is_nan());
    }
}
