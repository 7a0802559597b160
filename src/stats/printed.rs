//! What follows from a mean and a standard deviation that somebody printed.

use super::{Estimate, tails};

/// Mean and standard deviation, with divisor n − 1, of independent values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub std: f64,
    /// How many values there were.
    pub n: usize,
}

impl Moments {
    /// Square of the mean's standard error.
    fn squared_error(&self) -> f64 {
        self.std * self.std / self.n as f64
    }
}

/// Returns `a − b` with Welch's interval.
///
/// # References
/// Welch, Biometrika 1947; degrees of freedom by Satterthwaite.
pub fn difference(a: Moments, b: Moments, level: f64) -> Estimate {
    let (of_a, of_b) = (a.squared_error(), b.squared_error());
    if of_a + of_b == 0.0 {
        return Estimate::symmetric(a.mean - b.mean, 0.0, a.n.min(b.n));
    }
    let shares = of_a * of_a / (a.n as f64 - 1.0) + of_b * of_b / (b.n as f64 - 1.0);
    let freedom = (of_a + of_b).powi(2) / shares;
    let half = tails::t_two_sided(level, freedom) * (of_a + of_b).sqrt();
    Estimate::symmetric(a.mean - b.mean, half, a.n.min(b.n))
}

/// Returns the mean of `a / b` over independent pairs, with the t interval of its first-order error.
///
/// # References
/// Degrees of freedom by Satterthwaite, Biometrics 1946, over all means.
pub fn mean_share(pairs: &[(Moments, Moments)], level: f64) -> Estimate {
    let count = pairs.len() as f64;
    let share = |(a, b): &(Moments, Moments)| a.mean / b.mean;
    let terms = pairs.iter().flat_map(|(a, b)| {
        let slopes = [1.0 / b.mean, a.mean / (b.mean * b.mean)];
        let term = |(of, slope): (&Moments, f64)| {
            (of.squared_error() * (slope / count).powi(2), of.n as f64 - 1.0)
        };
        [(a, slopes[0]), (b, slopes[1])].map(term)
    });
    let (mut sum, mut shares) = (0.0, 0.0);
    for (term, freedom) in terms {
        sum += term;
        shares += term * term / freedom;
    }
    let half = tails::t_two_sided(level, sum * sum / shares) * sum.sqrt();
    let n = pairs.iter().map(|(a, b)| a.n.min(b.n)).min().unwrap_or(0);
    Estimate::symmetric(pairs.iter().map(share).sum::<f64>() / count, half, n)
}

/// Returns the ratio `σ_a / σ_b` of standard deviations from the variances of `n` normal values each, with the F interval.
pub fn ratio_of_spreads(variances: [f64; 2], n: usize, level: f64) -> Estimate {
    let value = (variances[0] / variances[1]).sqrt();
    let freedom = n as f64 - 1.0;
    let tail = 0.5 * (1.0 - level);
    let (mut low, mut high) = (1.0, 2.0);
    while tails::f_above(high, freedom, freedom) > tail {
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if tails::f_above(middle, freedom, freedom) > tail { low = middle } else { high = middle }
    }
    let factor = high.sqrt();
    Estimate { value, low: value / factor, high: value * factor, n }
}
