//! The critic's own gradient, `∂Q_θ(s, a)/∂a`, and its values; here `f64` meets `f32` networks.

use ndarray::Array2;
use tch::{Kind, Tensor};

use crate::error::Result;
use crate::nn::critic::QNet;

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

fn tensor(rows: &Array2<f64>) -> Result<Tensor> {
    let values: Vec<f32> = rows.iter().map(|&x| x as f32).collect();
    Ok(Tensor::f_from_slice(&values)?.f_view([rows.nrows() as i64, rows.ncols() as i64])?)
}

fn padded(piece: &Tensor) -> Result<Tensor> {
    // Always the same number of rows: a row's result must not depend on how many others there are.
    let missing = ROWS - piece.size()[0];
    Ok(piece.f_constant_pad_nd([0, 0, 0, missing])?)
}

impl ActionValue for QNet {
    fn value(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Vec<f64>> {
        let mut values = Vec::with_capacity(obs.nrows());
        for (obs, action) in tensor(obs)?.split(ROWS, 0).iter().zip(tensor(actions)?.split(ROWS, 0))
        {
            let rows = obs.size()[0];
            let q =
                tch::no_grad(|| Ok::<_, crate::Error>(self.q(&padded(obs)?, &padded(&action)?)))?;
            values.extend(Vec::<f64>::try_from(q.f_narrow(0, 0, rows)?.to_kind(Kind::Double))?);
        }
        Ok(values)
    }

    fn action_gradient(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Array2<f64>> {
        let mut gradients = Vec::with_capacity(actions.len());
        for (obs, action) in tensor(obs)?.split(ROWS, 0).iter().zip(tensor(actions)?.split(ROWS, 0))
        {
            let rows = obs.size()[0];
            let action = padded(&action)?.set_requires_grad(true);
            let q = self.q(&padded(obs)?, &action).sum(Kind::Float);
            let gradient = Tensor::f_run_backward(&[q], &[&action], false, false)?.remove(0);
            let gradient = gradient.f_narrow(0, 0, rows)?.to_kind(Kind::Double).flatten(0, 1);
            gradients.extend(Vec::<f64>::try_from(gradient)?);
        }
        Ok(Array2::from_shape_vec(actions.raw_dim(), gradients).expect("one gradient each"))
    }
}

/// The smaller of two critics: what targets are made of, and what SAC's actor climbs.
pub struct Smaller(pub [QNet; 2]);

impl ActionValue for Smaller {
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
