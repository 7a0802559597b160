//! Which actions are tried around the policy's action (paper §3: `a_i = a_μ + Δ_i`, `Δ ~ N(0, σ²I)`).
//!
//! Actions are clipped to the unit box *before* they are executed, and what was executed is what
//! the fit regresses on. Clipping shrinks the variance of a dimension near its bound (to
//! `½ − 1/2π = 0.341` of σ² at the bound itself) and biases the slope of a curved Q; the share of
//! clipped entries is therefore part of the result.
//!
//! # Deviations
//! The paper does not say what happens at the bounds; clipping is the authors' code.
//! σ is a standard deviation as in their code, not a variance as `N(0, 0.3)` could be read.

use std::collections::{HashMap, HashSet};

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::rng::Stream;

/// How the perturbations of one state are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Design {
    /// Independent normal perturbations in every row: the paper's text.
    Gaussian,
    /// The unperturbed action in row 0, normal perturbations in the others: the authors' code.
    CentreThenGaussian,
}

/// The actions tried at one state.
#[derive(Debug, Clone, PartialEq)]
pub struct Cloud {
    /// Executed actions `[n, A]`, inside the unit box.
    pub actions: Array2<f64>,
    /// Share of entries in `[0, 1]` that clipping moved, the centre row included.
    pub clipped: f64,
}

/// Returns whether two of the actions are the same.
pub(super) fn repeats(actions: impl IntoIterator<Item = Vec<f64>>) -> bool {
    let mut known = HashSet::new();
    !actions.into_iter().all(|action| known.insert(bits(&action)))
}

/// Returns a key of an action: adding 0 gives −0 and 0 the same bits.
fn bits<'a>(action: impl IntoIterator<Item = &'a f64>) -> Vec<u64> {
    action.into_iter().map(|x| (x + 0.0).to_bits()).collect()
}

/// Returns the rows of each different action, in the order in which they first come.
pub(crate) fn distinct(actions: ArrayView2<f64>) -> Vec<Vec<usize>> {
    let mut known: HashMap<Vec<u64>, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (row, action) in actions.rows().into_iter().enumerate() {
        let group = *known.entry(bits(action)).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(row);
    }
    groups
}

/// Returns `rollouts` executed actions around `centre`, with perturbations of standard deviation
/// `std` before clipping to `[-1, 1]`.
///
/// The draws are those of `stream`, row by row; the centre row draws nothing.
///
/// # Examples
/// ```
/// use hyperl::gradient::{Design, perturb};
/// use hyperl::rng::Stream;
/// let mut stream = Stream::new(0, "perturb");
/// let cloud = perturb(&[0.0, 0.9], 15, 0.3, Design::CentreThenGaussian, &mut stream);
/// assert_eq!(cloud.actions.dim(), (15, 2));
/// assert_eq!(cloud.actions[[0, 1]], 0.9);
/// assert!(cloud.actions.iter().all(|a| a.abs() <= 1.0));
/// ```
pub fn perturb(
    centre: &[f64],
    rollouts: usize,
    std: f64,
    design: Design,
    stream: &mut Stream,
) -> Cloud {
    let mut clipped = 0usize;
    let actions = Array2::from_shape_fn((rollouts, centre.len()), |(i, j)| {
        let nominal = match design {
            Design::CentreThenGaussian if i == 0 => centre[j],
            Design::CentreThenGaussian | Design::Gaussian => centre[j] + std * stream.normal(),
        };
        clipped += usize::from(nominal.abs() > 1.0);
        nominal.clamp(-1.0, 1.0)
    });
    let clipped = clipped as f64 / actions.len().max(1) as f64;
    Cloud { actions, clipped }
}

/// The states, their clouds of actions, and what the critic says there.
pub(crate) struct Clouds {
    /// Observation of each state, `[states, S]`.
    pub obs: Array2<f64>,
    /// Actions tried at each state.
    pub tried: Vec<Cloud>,
    /// Critic's gradient at the policy's action, `[states, A]`.
    pub critic: Array2<f64>,
    /// Steps after which a rollout from each state is cut.
    pub horizons: Vec<u32>,
}
