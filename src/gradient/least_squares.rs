//! The gradient of the return with respect to the first action, by least squares (paper App. B).
//!
//! The paper regresses all pairs of differences, `(a_i − a_j)·g = q_i − q_j`. Those `n²` rows hold
//! nothing that the `n` centred rows do not: their normal equations are the same up to the factor
//! `2n`. So [`local_gradient`] is ordinary least squares with an intercept, which also gives
//! the right degrees of freedom, `n − 1 − rank`.
//!
//! # Deviations
//! The authors' release inverts the `n²`-row normal equations in f32; here it is an SVD in f64.
//! The results agree to `1e-4`, and a design that leaves a direction untried is reported.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use ndarray_linalg::{JobSvd, SVDDC};

use crate::error::GradientError;
use crate::stats::hypothesis::f_test_p_value;

/// A fitted gradient and how far to trust it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The gradient `[A]`, return per unit of action; 0 where `identified` is false.
    pub gradient: Array1<f64>,
    /// Independent directions among those the actions varied in. Below [`Fit::tried`] the
    /// gradient is the solution of smallest norm and says nothing about the missing directions.
    pub rank: usize,
    /// Largest over smallest singular value of the centred actions; infinite if rank deficient,
    /// NaN if no action varied.
    pub condition: f64,
    /// Share of the variance of the returns that the plane explains; 0 if all returns are equal.
    pub r2: f64,
    /// `r2` corrected for the number of unknowns; NaN without residual degrees of freedom.
    pub adjusted_r2: f64,
    /// F statistic against "the gradient is 0"; NaN without residual degrees of freedom.
    pub f_statistic: f64,
    /// Its p-value; 1 if all returns are equal, NaN without residual degrees of freedom.
    pub f_p_value: f64,
    /// Variance of the returns around the plane (noise and curvature together); NaN without
    /// residual degrees of freedom.
    pub residual_variance: f64,
    /// Residual degrees of freedom, `n − 1 − rank`.
    pub dof: usize,
    /// Per action dimension: false where all executed actions are equal (saturated), so that the
    /// coordinate is to be dropped from both vectors of a comparison.
    pub identified: Vec<bool>,
}

impl Fit {
    /// Returns the number of action dimensions that varied.
    pub fn tried(&self) -> usize {
        self.identified.iter().filter(|varied| **varied).count()
    }

    /// Tells whether the actions left a combination of the varied dimensions untried.
    pub fn is_rank_deficient(&self) -> bool {
        self.rank < self.tried()
    }
}

/// Fits `g = ∂Q(s, a)/∂a` at one simulator state by least squares.
///
/// Row `i` holds the action executed first in rollout `i` and the discounted return it earned.
/// Both are centred, so the unknown level `Q(s, a)` drops out. Directions with a singular value
/// below `max(n, A) · ε · s_max` count as untried. If all returns are equal the gradient is
/// exactly 0.
///
/// What is fitted is the slope of Q smoothed over the cloud of actions, not of Q at its centre
/// (`docs/estimator.md` §1.5).
///
/// # Shapes
/// `actions [n, A]`, executed, in the unit box; `returns [n]`.
///
/// # Errors
/// [`GradientError::TooFewRollouts`] if `n` is not above the dimensions that vary; [`GradientError::NonFinite`] with the number of
/// the first rollout whose return or action is not finite.
///
/// # Panics
/// If the two inputs differ in `n`.
///
/// # Examples
/// ```
/// use hyperl::gradient::local_gradient;
/// use ndarray::array;
/// let actions = array![[0.0, 0.0], [0.1, 0.0], [0.0, 0.1]];
/// let returns = array![5.0, 5.2, 4.9]; // 5 + 2·a₀ − 1·a₁
/// let fit = local_gradient(actions.view(), returns.view())?;
/// assert!((fit.gradient[0] - 2.0).abs() < 1e-9 && (fit.gradient[1] + 1.0).abs() < 1e-9);
/// # Ok::<(), hyperl::error::GradientError>(())
/// ```
pub fn local_gradient(
    actions: ArrayView2<'_, f64>,
    returns: ArrayView1<'_, f64>,
) -> Result<Fit, GradientError> {
    let (rollouts, dims) = actions.dim();
    assert_eq!(returns.len(), rollouts, "one return per rollout");
    let finite = |i: usize| returns[i].is_finite() && actions.row(i).iter().all(|x| x.is_finite());
    if let Some(i) = (0..rollouts).find(|&i| !finite(i)) {
        return Err(GradientError::NonFinite(i));
    }

    // Dimensions in which every action is equal are projected out.
    let identified: Vec<bool> = actions.columns().into_iter().map(|c| !is_constant(c)).collect();
    let tried: Vec<usize> = (0..dims).filter(|&j| identified[j]).collect();
    if rollouts <= tried.len() {
        return Err(GradientError::TooFewRollouts { rollouts, dims: tried.len() });
    }
    let delta_actions = centred_columns(actions.select(Axis(1), &tried));
    let delta_returns = if is_constant(returns) {
        Array1::zeros(rollouts)
    } else {
        &returns - returns.sum() / rollouts as f64
    };

    let Solution { slope, rank, condition } = solve(&delta_actions, &delta_returns);
    let residuals = &delta_returns - &delta_actions.dot(&slope);
    let mut gradient = Array1::zeros(dims);
    for (&j, &g) in tried.iter().zip(&slope) {
        gradient[j] = g;
    }
    let dof = rollouts - 1 - rank;
    let (total, rest) = (delta_returns.dot(&delta_returns), residuals.dot(&residuals));
    let equal_returns = total == 0.0;
    let residual_variance = if dof == 0 { f64::NAN } else { rest / dof as f64 };
    let (adjusted_r2, f_statistic) = if dof == 0 {
        (f64::NAN, f64::NAN)
    } else if equal_returns || rank == 0 {
        (0.0, 0.0)
    } else {
        let explained = (total - rest).max(0.0) / rank as f64;
        let variance = total / (rollouts - 1) as f64;
        (1.0 - residual_variance / variance, explained / residual_variance)
    };
    Ok(Fit {
        gradient,
        rank,
        condition,
        r2: if equal_returns { 0.0 } else { (1.0 - rest / total).max(0.0) },
        adjusted_r2,
        f_statistic,
        f_p_value: f_test_p_value(f_statistic, rank, dof),
        residual_variance,
        dof,
        identified,
    })
}

/// The slope of smallest norm that fits the returns best, also from too few rollouts for
/// [`local_gradient`]. Shapes as there; everything is finite.
pub(super) fn least_norm_slope(actions: Array2<f64>, returns: &Array1<f64>) -> Array1<f64> {
    let centred = returns - returns.sum() / returns.len() as f64;
    solve(&centred_columns(actions), &centred).slope
}

fn is_constant(values: ArrayView1<'_, f64>) -> bool {
    values.iter().all(|x| x - values[0] == 0.0)
}

fn centred_columns(mut matrix: Array2<f64>) -> Array2<f64> {
    for mut column in matrix.columns_mut() {
        let mean = column.sum() / column.len() as f64;
        column -= mean;
    }
    matrix
}

/// What the singular-value decomposition gives.
struct Solution {
    slope: Array1<f64>,
    rank: usize,
    condition: f64,
}

/// Solves `min ‖x·g − y‖`, of smallest norm if `x` is rank deficient.
fn solve(x: &Array2<f64>, y: &Array1<f64>) -> Solution {
    let (rows, columns) = x.dim();
    let mut slope = Array1::zeros(columns);
    if columns == 0 {
        return Solution { slope, rank: 0, condition: f64::NAN };
    }
    // x = U S Vᵀ,  g = V S⁻¹ Uᵀ y over the directions that were tried
    let (Some(u), s, Some(vt)) = x.svddc(JobSvd::Some).expect("the SVD of a finite matrix") else {
        unreachable!("both factors were asked for");
    };
    let tolerance = rows.max(columns) as f64 * f64::EPSILON * s[0];
    let rank = s.iter().filter(|&&s| s > tolerance).count();
    for k in 0..rank {
        slope.scaled_add(u.column(k).dot(y) / s[k], &vt.row(k));
    }
    let condition = if rank == columns { s[0] / s[columns - 1] } else { f64::INFINITY };
    Solution { slope, rank, condition }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::drawn;

    use ndarray_linalg::Solve;

    fn noisy_plane(rollouts: usize, dims: usize, seed: u64) -> (Array2<f64>, Array1<f64>) {
        let mut stream = drawn(seed, "perturb");
        let actions = Array2::from_shape_simple_fn((rollouts, dims), || 0.3 * stream.normal());
        let slope = Array1::from_shape_simple_fn(dims, || stream.normal());
        let noise = Array1::from_shape_simple_fn(rollouts, || 0.3 * stream.normal());
        let returns = actions.dot(&slope) + noise + 50.0;
        (actions, returns)
    }

    fn relative_gap(a: &Array1<f64>, b: &Array1<f64>) -> f64 {
        ((a - b).dot(&(a - b)) / b.dot(b)).sqrt()
    }

    /// The paper's form: normal equations of all `n²` differences.
    fn all_pairs(actions: &Array2<f64>, returns: &Array1<f64>) -> Array1<f64> {
        let (n, dims) = actions.dim();
        let (mut gram, mut moment) = (Array2::zeros((dims, dims)), Array1::zeros(dims));
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let row = &actions.row(i) - &actions.row(j);
            for k in 0..dims {
                gram.row_mut(k).scaled_add(row[k], &row);
            }
            moment.scaled_add(returns[i] - returns[j], &row);
        }
        gram.solve(&moment).unwrap()
    }

    #[test]
    fn centred_rows_equal_all_pairs() {
        for rollouts in [9, 15, 30] {
            for dims in [3, 6, 8] {
                let (actions, returns) = noisy_plane(rollouts, dims, 1);
                let fit = local_gradient(actions.view(), returns.view()).unwrap();
                // The normal equations lose the square of the condition number, not the SVD.
                let gap = relative_gap(&fit.gradient, &all_pairs(&actions, &returns));
                assert!(gap < 1e-12 * fit.condition.max(1.0), "{rollouts} {dims} {gap:e}");
                assert_eq!(fit.rank, dims);
            }
        }
    }
}
