//! Critics made of functions.

use ndarray::{Array1, Array2};

use crate::error::Result;
use crate::gradient::critic_gradient::ActionValue;

type Value = dyn Fn(&[f64], &[f64]) -> f64;
type Gradient = dyn Fn(usize, &[f64], &[f64]) -> Array1<f64>;

/// A critic made of functions of observation `[S]` and action `[A]`; that of the gradient also takes the number of
/// the row.
pub struct Critic {
    /// Q.
    pub value: Box<Value>,
    /// ∂Q/∂a `[A]`.
    pub gradient: Box<Gradient>,
}

impl Critic {
    /// A critic with gradient 0: for measures that ask for its values only.
    pub fn of_values(value: impl Fn(&[f64], &[f64]) -> f64 + 'static) -> Self {
        Self { value: Box::new(value), gradient: Box::new(|_, _, a| Array1::zeros(a.len())) }
    }

    /// A critic that is linear in the action, with the same slope `[A]` everywhere.
    pub fn constant(slope: Array1<f64>) -> Self {
        let value = slope.clone();
        Self {
            value: Box::new(move |_, a| value.dot(&ndarray::aview1(a))),
            gradient: Box::new(move |_, _, _| slope.clone()),
        }
    }

    /// The same critic in another unit.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        let Self { value, gradient } = self;
        Self {
            value: Box::new(move |s, a| factor * value(s, a)),
            gradient: Box::new(move |i, s, a| factor * gradient(i, s, a)),
        }
    }

    /// The same critic with another gradient, made from number of the row and gradient.
    #[must_use]
    pub fn map(self, f: impl Fn(usize, Array1<f64>) -> Array1<f64> + 'static) -> Self {
        let Self { value, gradient } = self;
        Self { value, gradient: Box::new(move |i, s, a| f(i, gradient(i, s, a))) }
    }
}

impl ActionValue for Critic {
    fn value(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Vec<f64>> {
        let rows = obs.rows().into_iter().zip(actions.rows());
        Ok(rows.map(|(s, a)| (self.value)(&s.to_vec(), &a.to_vec())).collect())
    }

    fn action_gradient(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Array2<f64>> {
        let mut gradients = Array2::zeros(actions.raw_dim());
        let rows = obs.rows().into_iter().zip(actions.rows()).enumerate();
        for ((i, (s, a)), mut out) in rows.zip(gradients.rows_mut()) {
            out.assign(&(self.gradient)(i, &s.to_vec(), &a.to_vec()));
        }
        Ok(gradients)
    }
}
