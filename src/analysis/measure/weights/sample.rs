//! Observations that were visited, and the weights of one critic by layer.

use tch::{Kind, Tensor};

use super::choices::Layer;
use crate::env::{EnvId, Visited};
use crate::error::{Error, Result};
use crate::nn::critic::QNet;
use crate::rng::Stream;
use crate::stats::summary;

/// Steps of the uniformly random policy; the states of a drawn network are some of those visited.
pub(crate) const VISITED: usize = 1000;

/// The two weight matrices of a critic's dynamic network, or of MLP-Small, flattened.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// W₁ of all states, or of the one network.
    pub hidden: Vec<f64>,
    /// W₂.
    pub output: Vec<f64>,
}

impl Weights {
    /// Returns the weights that a hypernetwork makes, pooled over rows; `obs [B, S]`,
    /// `action [B, A]`. `None` if the critic is no hypernetwork.
    ///
    /// # Errors
    /// [`Error::Torch`] if the network refuses its input.
    pub fn dynamic(critic: &QNet, obs: &Tensor, action: &Tensor) -> Result<Option<Self>> {
        let Some(made) = tch::no_grad(|| critic.dynamic(obs, action)) else { return Ok(None) };
        Ok(Some(Self { hidden: flat(&made.hidden.weight)?, output: flat(&made.output.weight)? }))
    }

    /// Returns the weights of an MLP-Small.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the critic is another one.
    pub fn plain(critic: &QNet) -> Result<Self> {
        let find = |name| critic.params().find(name).and_then(flat);
        Ok(Self { hidden: find("layers.0.weight")?, output: find("layers.1.weight")? })
    }

    /// Returns the weights of one layer.
    pub fn of(&self, layer: Layer) -> &[f64] {
        match layer {
            Layer::Hidden => &self.hidden,
            Layer::Output => &self.output,
        }
    }
}

fn flat(weights: &Tensor) -> Result<Vec<f64>> {
    let weights = weights.detach().to_kind(Kind::Double).f_reshape([-1])?;
    Ok(Vec::<f64>::try_from(weights)?)
}

/// Returns the observations that `VISITED` steps of the uniformly random policy start from, each
/// `[S]`; episodes end where the environment ends them.
///
/// # Errors
/// Those of the environment.
pub fn visited(env: EnvId, stream: &Stream) -> Result<Vec<Vec<f64>>> {
    let (mut resets, mut actions) = (stream.child("resets"), stream.child("actions"));
    let mut env = env.make()?;
    env.reset(&mut resets)?;
    let mut action = vec![0.0; env.spec().action_dim];
    let mut all = Vec::with_capacity(VISITED);
    for _ in 0..VISITED {
        all.push(env.obs().to_vec());
        action.fill_with(|| actions.uniform(-1.0, 1.0));
        let step = env.step(&action)?;
        if step.terminated || step.truncated {
            env.reset(&mut resets)?;
        }
    }
    Ok(all)
}

/// Returns the observations of simulator states, each `[S]`.
///
/// # Errors
/// [`Error::Mismatch`] if a state is not one of this environment.
pub fn observed(env: EnvId, states: &[Visited]) -> Result<Vec<Vec<f64>>> {
    let mut env = env.make()?;
    let mut observe = |state: &Visited| {
        env.restore(&state.snapshot)?;
        Ok(env.obs().to_vec())
    };
    states.iter().map(&mut observe).collect()
}

/// Takes from each number of the observations its mean, and divides by its standard deviation; a
/// number that never changes becomes 0.
pub fn standardise(obs: &mut [Vec<f64>]) {
    for i in 0..obs.first().map_or(0, Vec::len) {
        let column: Vec<f64> = obs.iter().map(|row| row[i]).collect();
        let (mean, std) = (summary::mean(&column), summary::std(&column));
        for row in obs.iter_mut() {
            row[i] = if std > 0.0 { (row[i] - mean) / std } else { 0.0 };
        }
    }
}

/// Returns `count` different ones of the observations as one tensor `[count, S]` of `f32`.
///
/// # Errors
/// [`Error::Usage`] if there are fewer.
pub fn pick(obs: &[Vec<f64>], count: usize, stream: &mut Stream) -> Result<Tensor> {
    if obs.len() < count {
        return Err(Error::Usage(format!(
            "{count} states were asked for, {} were visited; lower --states",
            obs.len()
        )));
    }
    let rows = stream.sample_without_replacement(obs.len(), count);
    let values: Vec<f32> = rows.iter().flat_map(|&i| obs[i].iter().map(|&x| x as f32)).collect();
    Ok(Tensor::f_from_slice(&values)?.f_view([count as i64, -1])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standardised_columns_have_mean_zero_and_spread_one() {
        let mut obs = vec![vec![1.0, 7.0, -3.0], vec![2.0, 7.0, 0.0], vec![3.0, 7.0, 6.0]];
        standardise(&mut obs);
        let column = |i: usize| obs.iter().map(|row| row[i]).collect::<Vec<f64>>();
        assert_eq!(column(0), [-1.0, 0.0, 1.0]);
        assert_eq!(column(1), [0.0; 3]);
        assert!(summary::mean(&column(2)).abs() < 1e-12);
        assert!((summary::std(&column(2)) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn random_steps_start_anew_after_a_fall() {
        let stream = Stream::new(0, "visited");
        let obs = visited(EnvId::Hopper, &stream).unwrap();
        // Only right after a reset do all six velocities lie within its noise; random steps make a
        // hopper fall after ten to fifty.
        let reset = |row: &&Vec<f64>| row[5..].iter().all(|v| v.abs() <= 0.005);
        let resets = obs.iter().filter(reset).count();
        assert!(obs.len() == VISITED && (20..100).contains(&resets), "{resets}");
        assert_eq!(obs, visited(EnvId::Hopper, &stream).unwrap());
        let pick = |count| pick(&obs, count, &mut stream.child("pick"));
        assert_eq!(pick(100).unwrap().size(), [100, 11]);
        assert!(pick(1001).unwrap_err().to_string().contains("lower --states"));
    }
}
