//! A linear-quadratic system with closed-form Q and ∂Q/∂a: the known answer of self-test and of the test-suite.
//!
//! ```text
//! s' = A s + B a + w,  w ~ N(0, Σ_w)        r = -(sᵀQ s + aᵀR a)        discount γ
//! policy  a = -K s + ε,  ε ~ N(0, Σ_ε)
//! ```
//!
//! With `√γ · radius(A - B K) < 1` its value is quadratic, `V(s) = -sᵀP s - c`, and so is Q, with a
//! constant Hessian: a least-squares slope of exact returns is exactly ∂Q/∂a. Nothing is clipped and
//! no state ends an episode. Noise covariances are diagonal.
//!
//! Letters in this file are those of control theory; the policy's gain `K` stands for the actor.
//! [`LinearEnv`](super::LinearEnv) is the system as an [`Env`](crate::env::Env).

use ndarray::{Array1, Array2, ArrayView1, Axis, array, concatenate, s};
use ndarray_linalg::Inverse;

use crate::error::{Error, Result};
use crate::rng::Stream;

/// Doublings after which a series that has not converged is called divergent: 2⁶⁴ terms.
const MAX_DOUBLINGS: usize = 64;

/// Spectral radius that [`LinearQuadratic::random`] gives to its dynamics.
const RANDOM_RADIUS: f64 = 0.95;

/// Fraction of the optimal gain that [`LinearQuadratic::random`] uses. At the optimum the action
/// gradient vanishes, so the policy has to be worse.
const DETUNING: f64 = 0.5;

/// The coefficients of a system and its policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficients {
    /// `A [S, S]`: next state per state.
    pub dynamics: Array2<f64>,
    /// `B [S, A]`: next state per action.
    pub input: Array2<f64>,
    /// `Q [S, S]`: cost of a state, symmetric, not negative.
    pub state_cost: Array2<f64>,
    /// `R [A, A]`: cost of an action, symmetric, positive.
    pub action_cost: Array2<f64>,
    /// `K [A, S]`: the policy's gain.
    pub gain: Array2<f64>,
    /// Discount γ in `(0, 1)`.
    pub gamma: f64,
    /// Diagonal of `Σ_w [S]`: variance of the process noise.
    pub process_variance: Array1<f64>,
    /// Diagonal of `Σ_ε [A]`: variance of the policy's noise.
    pub policy_variance: Array1<f64>,
}

/// A cost that is quadratic in the state: `sᵀP s + c`.
#[derive(Debug, Clone, PartialEq)]
struct CostToGo {
    p: Array2<f64>,
    c: f64,
}

/// A system with a policy under which its value is finite.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearQuadratic {
    coefficients: Coefficients,
    /// Expected discounted cost of following the policy for ever.
    forever: CostToGo,
}

impl LinearQuadratic {
    /// Solves `P = Q + KᵀR K + γ (A - BK)ᵀ P (A - BK)` and keeps the solution.
    ///
    /// # Errors
    /// [`Error::Usage`] if the policy does not keep the discounted cost finite.
    ///
    /// # Panics
    /// If the shapes do not fit each other.
    pub fn new(coefficients: Coefficients) -> Result<Self> {
        let Coefficients { dynamics, input, gain, gamma, .. } = &coefficients;
        let closed_loop = dynamics - &input.dot(gain);
        let p = geometric_sum(&running_cost(&coefficients), &(closed_loop * gamma.sqrt()))?;
        let c = noise_cost(&coefficients, &p) / (1.0 - gamma);
        Ok(Self { coefficients, forever: CostToGo { p, c } })
    }

    /// Returns a system with three states and two actions whose figures are known to 16 digits.
    ///
    /// # Errors
    /// None in practice: the closed loop has spectral radius 0.93.
    pub fn worked_example() -> Result<Self> {
        Self::new(Coefficients {
            dynamics: array![[1.0, 0.1, 0.0], [0.0, 0.9, 0.1], [0.05, 0.0, 0.8]],
            input: array![[0.0, 0.1], [0.2, 0.0], [0.1, 0.3]],
            state_cost: Array2::from_diag(&array![1.0, 0.5, 0.25]),
            action_cost: Array2::from_diag(&array![0.1, 0.2]),
            gain: array![[0.5, 0.8, 0.1], [0.2, 0.1, 0.4]],
            gamma: 0.95,
            process_variance: array![0.01, 0.02, 0.005],
            policy_variance: array![0.09, 0.09],
        })
    }

    /// Draws a system: stable dynamics, any input, unit state cost, and half of the optimal gain,
    /// so that action gradients do not vanish. It is free of noise.
    ///
    /// # Errors
    /// [`Error::Usage`] if the drawn policy happens to be unstable; draw another one.
    pub fn random(obs_dim: usize, action_dim: usize, stream: &mut Stream) -> Result<Self> {
        let mut normal =
            |rows, columns| Array2::from_shape_simple_fn((rows, columns), || stream.normal());
        let dynamics = normal(obs_dim, obs_dim);
        let dynamics = &dynamics * (RANDOM_RADIUS / spectral_radius(&dynamics));
        let mut coefficients = Coefficients {
            dynamics,
            input: normal(obs_dim, action_dim) / (obs_dim as f64).sqrt(),
            state_cost: Array2::eye(obs_dim),
            action_cost: Array2::eye(action_dim),
            gain: Array2::zeros((action_dim, obs_dim)),
            gamma: 0.95,
            process_variance: Array1::zeros(obs_dim),
            policy_variance: Array1::zeros(action_dim),
        };
        coefficients.gain = optimal_gain(&coefficients)? * DETUNING;
        Self::new(coefficients)
    }

    /// Returns the same system with other variances of process noise `[S]` and policy noise `[A]`.
    ///
    /// # Panics
    /// If the lengths do not fit.
    #[must_use]
    pub fn with_noise(mut self, process: Array1<f64>, policy: Array1<f64>) -> Self {
        assert_eq!((process.len(), policy.len()), (self.obs_dim(), self.action_dim()));
        self.coefficients.process_variance = process;
        self.coefficients.policy_variance = policy;
        self.forever.c =
            noise_cost(&self.coefficients, &self.forever.p) / (1.0 - self.coefficients.gamma);
        self
    }

    /// Returns the coefficients.
    pub fn coefficients(&self) -> &Coefficients {
        &self.coefficients
    }

    /// Returns the number `S` of states.
    pub fn obs_dim(&self) -> usize {
        self.coefficients.input.nrows()
    }

    /// Returns the number `A` of actions.
    pub fn action_dim(&self) -> usize {
        self.coefficients.input.ncols()
    }

    /// Returns the policy's mean action `-K s`.
    pub fn act(&self, s: &[f64]) -> Array1<f64> {
        -self.coefficients.gain.dot(&ArrayView1::from(s))
    }

    /// Returns the policy's action `-K s + ε`, with ε from `explore`.
    pub fn explore(&self, s: &[f64], explore: &mut Stream) -> Array1<f64> {
        let noise =
            self.coefficients.policy_variance.mapv(|variance| variance.sqrt() * explore.normal());
        self.act(s) + noise
    }

    /// Returns the reward `-(sᵀQ s + aᵀR a)`.
    pub fn reward(&self, s: &[f64], a: &[f64]) -> f64 {
        -quadratic(&self.coefficients.state_cost, ArrayView1::from(s))
            - quadratic(&self.coefficients.action_cost, ArrayView1::from(a))
    }

    /// Returns `V(s)`: the expected discounted return of the policy from `s`.
    pub fn value(&self, s: &[f64]) -> f64 {
        -self.forever.at(ArrayView1::from(s))
    }

    /// Returns `Q(s, a)`: the same with `a` as the first action.
    pub fn q(&self, s: &[f64], a: &[f64]) -> f64 {
        self.q_before(&self.forever, s, a)
    }

    /// Returns `∂Q(s, a)/∂a [A]`.
    pub fn q_gradient(&self, s: &[f64], a: &[f64]) -> Array1<f64> {
        self.q_gradient_before(&self.forever, s, a)
    }

    /// Returns `V(s)` of `horizon` rewards, the first one counted.
    pub fn value_within(&self, s: &[f64], horizon: u32) -> f64 {
        -self.cost_within(horizon).at(ArrayView1::from(s))
    }

    /// Returns `Q(s, a)` of `horizon` rewards, the first one counted.
    ///
    /// # Panics
    /// If `horizon` is 0.
    pub fn q_within(&self, s: &[f64], a: &[f64], horizon: u32) -> f64 {
        self.q_before(&self.cost_after_first(horizon), s, a)
    }

    /// Returns [`Self::q_within`] as a function, for many points: one quadratic form of state and action.
    ///
    /// # Panics
    /// If `horizon` is 0.
    pub fn q_of(&self, horizon: u32) -> impl Fn(&[f64], &[f64]) -> f64 + 'static {
        // With z = (s, a): Q = -zᵀM z - γ (tr(PΣ_w) + c),  M = [Q 0; 0 R] + γ (A B)ᵀP (A B)
        let after = self.cost_after_first(horizon);
        let Coefficients { dynamics, input, state_cost, action_cost, gamma, .. } =
            &self.coefficients;
        let step = concatenate![Axis(1), *dynamics, *input];
        let mut m = step.t().dot(&after.p).dot(&step) * *gamma;
        let states = self.obs_dim();
        m.slice_mut(s![..states, ..states]).zip_mut_with(state_cost, |m, q| *m += q);
        m.slice_mut(s![states.., states..]).zip_mut_with(action_cost, |m, r| *m += r);
        let noise = after.p.diag().dot(&self.coefficients.process_variance);
        let (m, constant) = (m.into_iter().collect::<Vec<f64>>(), gamma * (noise + after.c));
        move |s, a| {
            let z = [s, a].concat();
            let row = |row: &[f64]| row.iter().zip(&z).map(|(m, z)| m * z).sum::<f64>();
            let cost: f64 = z.iter().zip(m.chunks_exact(z.len())).map(|(z, m)| z * row(m)).sum();
            -cost - constant
        }
    }

    /// Returns the action gradient `[A]` of [`Self::q_within`].
    ///
    /// # Panics
    /// If `horizon` is 0.
    pub fn q_gradient_within(&self, s: &[f64], a: &[f64], horizon: u32) -> Array1<f64> {
        self.q_gradient_before(&self.cost_after_first(horizon), s, a)
    }

    fn cost_after_first(&self, horizon: u32) -> CostToGo {
        assert!(horizon > 0, "Q counts at least its first reward");
        self.cost_within(horizon - 1)
    }

    /// Returns the cost of the policy over `horizon` rewards, which is nothing over none.
    fn cost_within(&self, horizon: u32) -> CostToGo {
        // P' = Q + KᵀR K + γ (A - BK)ᵀP (A - BK),  c' = tr(RΣ_ε) + γ tr(P (BΣ_εBᵀ + Σ_w)) + γ c
        let Coefficients { dynamics, input, gain, gamma, .. } = &self.coefficients;
        let closed_loop = dynamics - &input.dot(gain);
        let running = running_cost(&self.coefficients);
        let mut cost = CostToGo { p: Array2::zeros(dynamics.dim()), c: 0.0 };
        for _ in 0..horizon {
            cost = CostToGo {
                c: noise_cost(&self.coefficients, &cost.p) + gamma * cost.c,
                p: &running + closed_loop.t().dot(&cost.p).dot(&closed_loop) * *gamma,
            };
        }
        cost
    }

    /// Returns Q of `a` when `after` is the cost of what follows the first step.
    fn q_before(&self, after: &CostToGo, s: &[f64], a: &[f64]) -> f64 {
        // Q(s, a) = r(s, a) - γ [(As + Ba)ᵀP (As + Ba) + tr(PΣ_w) + c]
        let Coefficients { gamma, process_variance, .. } = &self.coefficients;
        let process_noise = after.p.diag().dot(process_variance);
        self.reward(s, a) - gamma * (after.at(self.mean_next(s, a).view()) + process_noise)
    }

    /// Returns the action gradient of [`Self::q_before`].
    fn q_gradient_before(&self, after: &CostToGo, s: &[f64], a: &[f64]) -> Array1<f64> {
        // ∂Q/∂a = -2 [R a + γ BᵀP (As + Ba)]
        let Coefficients { input, action_cost, gamma, .. } = &self.coefficients;
        let future = input.t().dot(&after.p.dot(&self.mean_next(s, a)));
        (action_cost.dot(&ArrayView1::from(a)) + future * *gamma) * -2.0
    }

    /// Returns the next state `[S]` without process noise, `As + Ba`.
    pub(super) fn mean_next(&self, s: &[f64], a: &[f64]) -> Array1<f64> {
        let Coefficients { dynamics, input, .. } = &self.coefficients;
        dynamics.dot(&ArrayView1::from(s)) + input.dot(&ArrayView1::from(a))
    }
}

impl CostToGo {
    fn at(&self, s: ArrayView1<'_, f64>) -> f64 {
        quadratic(&self.p, s) + self.c
    }
}

/// Returns xᵀM x.
fn quadratic(m: &Array2<f64>, x: ArrayView1<'_, f64>) -> f64 {
    let row = |row: ArrayView1<f64>| row.iter().zip(x).map(|(m, x)| m * x).sum::<f64>();
    x.iter().zip(m.rows()).map(|(x, m)| x * row(m)).sum()
}

/// Returns `Q + KᵀR K`: the cost of one step as a function of the state.
fn running_cost(Coefficients { state_cost, action_cost, gain, .. }: &Coefficients) -> Array2<f64> {
    state_cost + gain.t().dot(action_cost).dot(gain)
}

/// Returns `tr(RΣ_ε) + γ tr(P (BΣ_εBᵀ + Σ_w))`: what the noise of one step costs.
fn noise_cost(coefficients: &Coefficients, p: &Array2<f64>) -> f64 {
    let Coefficients { input, action_cost, gamma, process_variance, policy_variance, .. } =
        coefficients;
    let through_input = input.t().dot(p).dot(input);
    action_cost.diag().dot(policy_variance)
        + gamma * (through_input.diag().dot(policy_variance) + p.diag().dot(process_variance))
}

/// Returns `Σ_k (Fᵀ)ᵏ M Fᵏ`, the solution of `P = M + FᵀP F`, by doubling the number of terms.
fn geometric_sum(m: &Array2<f64>, f: &Array2<f64>) -> Result<Array2<f64>> {
    let (mut sum, mut power) = (m.clone(), f.clone());
    for _ in 0..MAX_DOUBLINGS {
        let more = power.t().dot(&sum).dot(&power);
        sum += &more;
        let (size, added) = (norm(&sum), norm(&more));
        if size.is_finite() && added <= f64::EPSILON * 1e-3 * size {
            return Ok(sum);
        }
        power = power.dot(&power);
    }
    Err(Error::Usage("the policy does not stabilise this system; choose another gain".into()))
}

/// Returns the optimal gain `(R + γBᵀPB)⁻¹ γBᵀPA`, by value iteration from `P = Q`.
fn optimal_gain(coefficients: &Coefficients) -> Result<Array2<f64>> {
    let Coefficients { dynamics, input, state_cost, action_cost, gamma, .. } = coefficients;
    let mut p = state_cost.clone();
    let mut gain = Array2::zeros((input.ncols(), input.nrows()));
    for _ in 0..1000 {
        let curvature = action_cost + input.t().dot(&p).dot(input) * *gamma;
        let inverse = curvature
            .inv()
            .map_err(|e| Error::Usage(format!("the action cost must be positive: {e}")))?;
        gain = inverse.dot(&input.t().dot(&p).dot(dynamics)) * *gamma;
        let closed_loop = dynamics - &input.dot(&gain);
        p = state_cost + dynamics.t().dot(&p).dot(&closed_loop) * *gamma;
    }
    Ok(gain)
}

/// Returns the largest modulus of an eigenvalue, as `‖Mⁿ‖^(1/n)` with n = 2³⁰ (Gelfand's formula).
fn spectral_radius(m: &Array2<f64>) -> f64 {
    let (mut power, mut log_radius, mut share) = (m.clone(), 0.0, 1.0);
    for _ in 0..30 {
        let size = norm(&power);
        log_radius += share * size.ln();
        power /= size;
        power = power.dot(&power);
        share *= 0.5;
    }
    f64::exp(log_radius)
}

/// Returns the Frobenius norm.
fn norm(m: &Array2<f64>) -> f64 {
    m.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests;
