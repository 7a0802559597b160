//! The critic's own gradient, `∂Q_θ(s, a)/∂a`, and its values; here `f64` meets `f32` networks.

use ndarray::{Array2, ArrayView1};
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

    /// Returns Q of many actions in each of several states, equal to [`Self::value`] up to rounding; `obs [T, S]`,
    /// `actions [n, A]` for each state, results `[n]`.
    ///
    /// # Errors
    /// As [`Self::value`].
    fn values_in_states(
        &self,
        obs: &Array2<f64>,
        actions: &[Array2<f64>],
    ) -> Result<Vec<Vec<f64>>> {
        let in_state = |(obs, actions): (ArrayView1<f64>, &Array2<f64>)| {
            let rows = obs.broadcast((actions.nrows(), obs.len())).map(|rows| rows.to_owned());
            self.value(&rows.expect("a row repeats"), actions)
        };
        obs.rows().into_iter().zip(actions).map(in_state).collect()
    }

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

/// Returns a matrix as a tensor of `f32`.
pub(crate) fn tensor(rows: &Array2<f64>) -> Result<Tensor> {
    let values: Vec<f32> = rows.iter().map(|&x| x as f32).collect();
    Ok(Tensor::f_from_slice(&values)?.f_view([rows.nrows() as i64, rows.ncols() as i64])?)
}

fn padded(block: &Tensor) -> Result<Tensor> {
    // Always the same number of rows: a row's result must not depend on how many others there are.
    let missing = ROWS - block.size()[0];
    Ok(block.f_constant_pad_nd([0, 0, 0, missing])?)
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

    fn values_in_states(
        &self,
        obs: &Array2<f64>,
        actions: &[Array2<f64>],
    ) -> Result<Vec<Vec<f64>>> {
        let mut all = Vec::with_capacity(actions.len());
        let blocks = tensor(obs)?.split(ROWS, 0).into_iter().zip(actions.chunks(ROWS as usize));
        for (obs, actions) in blocks {
            tch::no_grad(|| {
                let states = self.in_states(&padded(&obs)?);
                for (q, actions) in states.iter().zip(actions) {
                    let mut values = Vec::with_capacity(actions.nrows());
                    for action in tensor(actions)?.split(ROWS, 0) {
                        let of_rows = q(&padded(&action)?).f_narrow(0, 0, action.size()[0])?;
                        values.extend(Vec::<f64>::try_from(of_rows.to_kind(Kind::Double))?);
                    }
                    all.push(values);
                }
                Ok::<_, crate::Error>(())
            })?;
        }
        Ok(all)
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
    /// Joins a critic and a latent `z [1, Z]`.
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

/// Joins two lists of lists, entry by entry.
fn merged([first, second]: [Vec<Vec<f64>>; 2], of: fn(f64, f64) -> f64) -> Vec<Vec<f64>> {
    let row = |(a, b): (Vec<f64>, Vec<f64>)| a.into_iter().zip(b).map(|(a, b)| of(a, b)).collect();
    first.into_iter().zip(second).map(row).collect()
}

/// The smaller of two critics: what targets are made of, and what SAC's and PEARL's actors climb.
pub struct Smaller<V>(pub [V; 2]);

impl<V: ActionValue> ActionValue for Smaller<V> {
    fn value(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Vec<f64>> {
        let [first, second] = &self.0;
        let values = first.value(obs, actions)?.into_iter().zip(second.value(obs, actions)?);
        Ok(values.map(|(a, b)| a.min(b)).collect())
    }

    fn values_in_states(
        &self,
        obs: &Array2<f64>,
        actions: &[Array2<f64>],
    ) -> Result<Vec<Vec<f64>>> {
        let both =
            [self.0[0].values_in_states(obs, actions)?, self.0[1].values_in_states(obs, actions)?];
        Ok(merged(both, f64::min))
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

/// The mean of two critics: what TQC's actor climbs.
pub struct Mean<V>(pub [V; 2]);

impl<V: ActionValue> ActionValue for Mean<V> {
    fn value(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Vec<f64>> {
        let [first, second] = &self.0;
        let values = first.value(obs, actions)?.into_iter().zip(second.value(obs, actions)?);
        Ok(values.map(|(a, b)| 0.5 * (a + b)).collect())
    }

    fn values_in_states(
        &self,
        obs: &Array2<f64>,
        actions: &[Array2<f64>],
    ) -> Result<Vec<Vec<f64>>> {
        let both =
            [self.0[0].values_in_states(obs, actions)?, self.0[1].values_in_states(obs, actions)?];
        Ok(merged(both, |a, b| 0.5 * (a + b)))
    }

    fn action_gradient(&self, obs: &Array2<f64>, actions: &Array2<f64>) -> Result<Array2<f64>> {
        let [first, second] = &self.0;
        Ok(0.5 * (first.action_gradient(obs, actions)? + second.action_gradient(obs, actions)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::critic::{CriticKind, Dims};
    use crate::nn::weights::{Draw, Training};
    use crate::rng::Stream;
    use tch::Device;

    #[test]
    fn the_mean_of_two_critics_is_half_their_sum() {
        let stream = Stream::new(0, "critics");
        let net = |name: &str| {
            let stream = stream.child(name);
            let mut source = Draw { stream: &stream, kind: Kind::Float, device: Device::Cpu };
            let dims = Dims { obs: 2, action: 3 };
            QNet::new(CriticKind::MlpSmall, dims, Training::Frozen, &mut source).unwrap()
        };
        let mut drawn = stream.child("rows");
        let [obs, actions] =
            [2, 3].map(|n| Array2::from_shape_simple_fn((70, n), || drawn.normal()));
        let mean = Mean([net("first"), net("second")]);
        let both = ["first", "second"].map(|name| net(name).value(&obs, &actions).unwrap());
        for (row, q) in mean.value(&obs, &actions).unwrap().iter().enumerate() {
            assert!((q - 0.5 * (both[0][row] + both[1][row])).abs() < 1e-12);
        }
        let one = |row: usize| actions.slice(ndarray::s![row..=row, ..]).to_owned();
        let in_states = mean.values_in_states(&obs, &(0..70).map(one).collect::<Vec<_>>()).unwrap();
        for (row, q) in in_states.iter().enumerate() {
            assert!((q[0] - 0.5 * (both[0][row] + both[1][row])).abs() < 1e-6);
        }
    }

    #[test]
    fn values_in_states_are_those_of_their_rows() {
        let stream = Stream::new(0, "critics");
        let mut drawn = stream.child("rows");
        // More than one block of states and of actions, and not a whole number of them.
        let obs = Array2::from_shape_simple_fn((70, 11), || drawn.normal());
        let mut actions = || Array2::from_shape_simple_fn((150, 3), || drawn.uniform(-1.0, 1.0));
        let actions: Vec<Array2<f64>> = (0..70).map(|_| actions()).collect();
        let net = |kind: CriticKind, name: &str| {
            let stream = stream.child(&format!("{kind} {name}"));
            let mut source = Draw { stream: &stream, kind: Kind::Float, device: Device::Cpu };
            QNet::new(kind, Dims { obs: 11, action: 3 }, Training::Frozen, &mut source).unwrap()
        };
        for kind in CriticKind::ALL {
            let critic = Smaller([net(kind, "first"), net(kind, "second")]);
            let states = critic.values_in_states(&obs, &actions).unwrap();
            assert_eq!(states.len(), 70);
            for state in [0, 63, 64, 69] {
                let rows = obs.row(state).broadcast((150, 11)).unwrap().to_owned();
                let (one, all) = (&states[state], critic.value(&rows, &actions[state]).unwrap());
                let size = all.iter().fold(0.0_f64, |size, q| size.max(q.abs()));
                assert!(one.len() == 150 && all.iter().any(|q| (q - all[0]).abs() > 1e-3 * size));
                for (a, b) in one.iter().zip(&all) {
                    let allowed = if kind == CriticKind::SaHyper { 1e-6 * size } else { 0.0 };
                    assert!((a - b).abs() <= allowed, "{kind}: {a} {b}");
                }
            }
        }
    }
}
