//! The linear-quadratic system with an actor that has a tanh, and no noise: its values are sums along one trajectory.
//!
//! ```text
//! a = tanh(−K s)        s' = A s + B a        r = −(sᵀQ s + aᵀR a)
//! λ_t = ∂J_t/∂s_t = −2 Q s_t + γ Aᵀλ_{t+1} − Kᵀ (1 − a_t²) ⊙ (−2 R a_t + γ Bᵀλ_{t+1})
//! ∂Q(s, a)/∂a = −2 R a + γ Bᵀλ₁
//! ```
//!
//! Q is the discounted sum along the trajectory, until the rest is lost in double precision; its gradient comes from
//! the adjoint states λ, backwards along the same trajectory. The dynamics alone are stable and actions are bounded:
//! so is every trajectory.

use ndarray::Array1;

use super::linear_quadratic::LinearQuadratic;

/// Share of a sum below which a term is lost in double precision.
const LOST: f64 = 1e-18;

/// A system whose actor is `tanh(−K s)`.
#[derive(Debug, Clone)]
pub struct Squashed {
    system: LinearQuadratic,
    steps: usize,
}

/// Value and action gradient of one state and action.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// Q(s, a).
    pub value: f64,
    /// ∂Q/∂a `[A]`.
    pub gradient: Array1<f64>,
}

impl Squashed {
    /// Squashes the actor of a system; its noise is left out.
    pub fn new(system: LinearQuadratic) -> Self {
        let steps = (LOST.ln() / system.coefficients().gamma.ln()).ceil() as usize;
        Self { system, steps }
    }

    /// Returns the system.
    pub fn system(&self) -> &LinearQuadratic {
        &self.system
    }

    /// Returns the actor's action `[A]`.
    pub fn act(&self, s: &[f64]) -> Array1<f64> {
        self.system.act(s).mapv(f64::tanh)
    }

    /// Returns the next state `[S]`.
    pub fn next(&self, s: &[f64], a: &[f64]) -> Array1<f64> {
        self.system.mean_next(s, a)
    }

    /// Returns Q and its gradient.
    ///
    /// # Panics
    /// If the lengths do not fit the system.
    pub fn truth(&self, s: &[f64], a: &[f64]) -> Truth {
        let c = self.system.coefficients();
        let mut trajectory = vec![(Array1::from(s.to_vec()), Array1::from(a.to_vec()))];
        for _ in 0..self.steps {
            let (s, a) = &trajectory[trajectory.len() - 1];
            let next = self.next(&s.to_vec(), &a.to_vec());
            let action = self.act(&next.to_vec());
            trajectory.push((next, action));
        }
        let (mut value, mut adjoint) = (0.0, Array1::zeros(s.len()));
        let mut of_action = Array1::zeros(a.len());
        for (t, (s, a)) in trajectory.iter().enumerate().rev() {
            value = self.system.reward(&s.to_vec(), &a.to_vec()) + c.gamma * value;
            of_action = c.action_cost.dot(a) * -2.0 + c.input.t().dot(&adjoint) * c.gamma;
            if t > 0 {
                let through_actor = c.gain.t().dot(&(&of_action * &a.mapv(|a| 1.0 - a * a)));
                adjoint = c.state_cost.dot(s) * -2.0 + c.dynamics.t().dot(&adjoint) * c.gamma
                    - through_actor;
            }
        }
        Truth { value, gradient: of_action }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    fn system() -> LinearQuadratic {
        LinearQuadratic::random(6, 3, &mut Stream::new(4, "system")).unwrap()
    }

    fn close(found: f64, expected: f64, tolerance: f64) {
        assert!(
            (found - expected).abs() <= tolerance * expected.abs().max(1.0),
            "{found} {expected}"
        );
    }

    #[test]
    fn near_the_origin_the_tanh_is_lost_and_the_closed_form_holds() {
        let (system, mut stream) = (system(), Stream::new(5, "points"));
        let squashed = Squashed::new(system.clone());
        for _ in 0..5 {
            // tanh x = x − x³/3: the relative error at 1e-5 is some 1e-10.
            let mut small = |n: usize| (0..n).map(|_| 1e-5 * stream.normal()).collect::<Vec<_>>();
            let (s, a) = (small(6), small(3));
            let Truth { value, gradient } = squashed.truth(&s, &a);
            assert!((value / system.q(&s, &a) - 1.0).abs() < 1e-8, "{value}");
            for (found, expected) in gradient.iter().zip(system.q_gradient(&s, &a)) {
                assert!((found - expected).abs() < 1e-8 * 1e-5, "{found} {expected}");
            }
        }
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_value_where_the_actor_is_at_its_bounds() {
        let (squashed, mut stream) = (Squashed::new(system()), Stream::new(6, "points"));
        let mut saturated = 0;
        for _ in 0..10 {
            let s: Vec<f64> = (0..6).map(|_| 10.0 * stream.normal()).collect();
            let a = squashed.act(&s).to_vec();
            saturated += a.iter().filter(|a| a.abs() > 0.9).count();
            let Truth { gradient, .. } = squashed.truth(&s, &a);
            for (i, slope) in gradient.iter().enumerate() {
                let at = |by: f64| {
                    let mut moved = a.clone();
                    moved[i] += by;
                    squashed.truth(&s, &moved).value
                };
                close((at(1e-4) - at(-1e-4)) / 2e-4, *slope, 1e-6);
            }
        }
        assert!(saturated >= 5, "{saturated} of 30 at a bound");
    }

    #[test]
    fn the_value_is_reward_and_discounted_value_of_what_follows() {
        let (squashed, mut stream) = (Squashed::new(system()), Stream::new(7, "points"));
        let s: Vec<f64> = (0..6).map(|_| stream.normal()).collect();
        let a = vec![0.5, -0.2, 0.9];
        let next = squashed.next(&s, &a).to_vec();
        let after = squashed.truth(&next, &squashed.act(&next).to_vec()).value;
        let expected = squashed.system().reward(&s, &a) + 0.95 * after;
        close(squashed.truth(&s, &a).value, expected, 1e-12);
    }
}
