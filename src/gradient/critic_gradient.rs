//! The critic's own gradient, `∂Q_θ(s, a)/∂a`, and its values; here `f64` meets `f32` networks.

use ndarray::Array2;
use tch::{Kind, Tensor};

use crate::error::Result;
use crate::nn::critic::QNet;
use crate::nn::pearl::value::TaskCritic;

/// A value of actions whose gradient can be asked for.
pub trait ActionValue {
    /// Returns Q for each row; `obs [n, S]`, `actions [n, A]`, result `[n]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the network refuses its input.
    fn value(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Vec<f64>>;

    /// Returns ∂Q/∂a for each row; result `[n, A]`.
    ///
    /// # Errors
    /// As [`Self::value`].
    fn action_gradient(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Array2<f64>>;
}

/// Rows per forward pass: hypernetworks make a set of weights for each row.
const ROWS: i64 = 64;

/// Q of a block of rows: `obs [ROWS, S]`, `action [ROWS, A]`, result `[ROWS]`.
type Q<'q> = &'q dyn Fn(&Tensor, &Tensor) -> Tensor;

fn tensor(rows: &Array2<f64>) -> Result<Tensor> {
    let values: Vec<f32> = rows.iter().map(|&x| x as f32).collect();
    Ok(Tensor::f_from_slice(&values)?.f_view([rows.nrows() as i64, rows.ncols() as i64])?)
}

fn padded(piece: &Tensor) -> Result<Tensor> {
    // Always the same number of rows: a row's result must not depend on how many others there are.
    let missing = ROWS - piece.size()[0];
    Ok(piece.f_constant_pad_nd([0, 0, 0, missing])?)
}

/// Q of each row, block by block.
fn values(q: Q, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Vec<f64>> {
    let mut values = Vec::with_capacity(obs.nrows());
    for (obs, action) in tensor(obs)?.split(ROWS, 0).iter().zip(tensor(actions)?.split(ROWS, 0)) {
        let rows = obs.size()[0];
        let q = tch::no_grad(|| Ok::<_, crate::Error>(q(&padded(obs)?, &padded(&action)?)))?;
        values.extend(Vec::<f64>::try_from(q.f_narrow(0, 0, rows)?.to_kind(Kind::Double))?);
    }
    Ok(values)
}

/// ∂Q/∂a of each row, block by block.
fn gradients(q: Q, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Array2<f64>> {
    let mut gradients = Vec::with_capacity(actions.len());
    for (obs, action) in tensor(obs)?.split(ROWS, 0).iter().zip(tensor(actions)?.split(ROWS, 0)) {
        let rows = obs.size()[0];
        let action = padded(&action)?.set_requires_grad(true);
        let sum = q(&padded(obs)?, &action).sum(Kind::Float);
        let gradient = Tensor::f_run_backward(&[sum], &[&action], false, false)?.remove(0);
        let gradient = gradient.f_narrow(0, 0, rows)?.to_kind(Kind::Double).flatten(0, 1);
        gradients.extend(Vec::<f64>::try_from(gradient)?);
    }
    Ok(Array2::from_shape_vec(actions.raw_dim(), gradients).expect("one gradient each"))
}

impl ActionValue for QNet {
    fn value(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Vec<f64>> {
        values(&|obs, action| self.q(obs, action), obs, actions)
    }

    fn action_gradient(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Array2<f64>> {
        gradients(&|obs, action| self.q(obs, action), obs, actions)
    }
}

/// PEARL's critic in one task: Q(s, a, z) of actions, z given.
pub struct CriticInTask {
    critic: TaskCritic,
    z: Tensor,
}

impl CriticInTask {
    /// Makes it of a critic and a latent `z [1, Z]`.
    pub fn new(critic: TaskCritic, z: &Tensor) -> Self {
        Self { critic, z: z.shallow_clone() }
    }

    fn q(&self, obs: &Tensor, action: &Tensor) -> Tensor {
        self.critic.q(&obs.unsqueeze(0), &action.unsqueeze(0), &self.z).squeeze_dim(0)
    }
}

impl ActionValue for CriticInTask {
    fn value(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Vec<f64>> {
        values(&|obs, action| self.q(obs, action), obs, actions)
    }

    fn action_gradient(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Array2<f64>> {
        gradients(&|obs, action| self.q(obs, action), obs, actions)
    }
}

/// The smaller of two critics: what targets are made of, and what SAC's and PEARL's actors climb.
pub struct Smaller<V>(pub [V; 2]);

impl<V: ActionValue> ActionValue for Smaller<V> {
    fn value(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Vec<f64>> {
        let [first, second] = &self.0;
        let values = first.value(obs, actions)?.into_iter().zip(second.value(obs, actions)?);
        Ok(values.map(|(a, b)| a.min(b)).collect())
    }

    fn action_gradient(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Array2<f64>> {
        let [first, second] = &self.0;
        let values = first.value(obs, actions)?.into_iter().zip(second.value(obs, actions)?);
        let mut gradient = first.action_gradient(obs, actions)?;
        let other = second.action_gradient(obs, actions)?;
        for (row, (a, b)) in values.enumerate() {
            if b < a {
                gradient.row_mut(row).assign(&other.row(row));
            }
        }
        Ok(gradient)
    }
}
