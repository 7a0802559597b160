//! The trust-region update of MAML: conjugate gradient and a line search over the adapted policies
//! (Schulman et al. 2015; Finn et al. 2017).

use rayon::prelude::*;
use tch::Tensor;

use super::batch::{Rows, TaskBatch};
use super::config::TrpoConfig;
use super::descent::{Descent, Inner};
use crate::error::{Error, Result};
use crate::nn::meta_policy::{Adaptation, MetaPolicy};
use crate::nn::task_net::{Activations, TaskNet};

/// Residual (squared) at which conjugate gradient stops early.
const RESIDUAL: f64 = 1e-10;

/// What an update did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// What the surrogate loss fell by.
    pub improvement: f64,
    /// Mean KL(new ‖ old) over tasks and states, nats.
    pub divergence: f64,
    /// Lengths that the line search tried.
    pub tried: usize,
    /// Whether one of them was accepted; else the policy is as before.
    pub accepted: bool,
}

/// A task under the policy from which the update starts.
struct Reference {
    rows: Rows,
    old: TaskNet,
    at: Activations,
    /// Log-density of the actions, `[N]`.
    log_prob: Tensor,
}

/// Improves the policy once.
///
/// The direction x solves (H + damping) x = g by conjugate gradient, with g the gradient of the surrogate
/// `−mean(Â π/π_old)` and H the Hessian of the mean KL divergence, both averaged over tasks and taken at
/// the adapted policies. The step is as long as the bound on the divergence allows in the quadratic
/// model; the line search shortens it until the surrogate falls within the bound, adapting anew at
/// each trial.
///
/// # Errors
/// [`Error::NonFinite`] if the gradient is NaN or infinite; [`Error::Torch`] if a loss cannot be read.
pub fn update(
    policy: &MetaPolicy,
    batch: &[TaskBatch],
    inner: Inner,
    config: &TrpoConfig,
    workers: &rayon::ThreadPool,
) -> Result<Update> {
    let contexts: Vec<f64> = batch.iter().map(|task| task.context).collect();
    let adapt = || adaptation(policy, batch, inner.rate, workers);
    let adapted = adapt()?;
    let mut references = references(policy, batch, adapted.as_ref());
    let mut descent = Descent::new(policy, batch, adapted.as_ref(), inner)?;

    let slopes = workers
        .install(|| references.par_iter_mut().map(Reference::slope).collect::<Result<_>>())?;
    let gradient = descent.pull(slopes, workers);
    let squared = dot(&gradient, &gradient)?;
    if !squared.is_finite() {
        let reason = format!("the squared norm of the surrogate's gradient is {squared}");
        return Err(Error::NonFinite(reason));
    }
    let mut hessian = |direction: &[Tensor]| -> Result<Vec<Tensor>> {
        let directions = descent.push(direction, workers);
        let curved = workers.install(|| {
            references.par_iter_mut().zip(directions).map(|(own, d)| own.curve(&d)).collect()
        });
        let mut product = descent.pull(curved, workers);
        add(&mut product, direction, config.cg_damping);
        Ok(product)
    };
    let direction = conjugate_gradient(&mut hessian, &gradient, config.cg_steps)?;
    let curvature = dot(&direction, &hessian(&direction)?)?;
    drop(descent);
    let longest = (2.0 * config.max_kl / curvature).sqrt();
    if !(longest.is_finite() && curvature > 0.0) {
        // No slope, or no curvature that could say how far to go.
        return Ok(Update { improvement: 0.0, divergence: 0.0, tried: 0, accepted: false });
    }

    let mut params = policy.params().tensors();
    let start: Vec<Tensor> = params.iter().map(|p| p.detach().copy()).collect();
    for tried in 1..=config.search_steps {
        let length = longest * config.search_ratio.powi(tried as i32 - 1);
        assign(&params, &start);
        tch::no_grad(|| add(&mut params, &direction, -length));
        let nets = policy.task_nets(&contexts, adapt()?.as_ref());
        let [loss, divergence] = measure(&mut references, nets, workers)?;
        if loss.is_finite() && loss < 0.0 && divergence < config.max_kl {
            return Ok(Update { improvement: -loss, divergence, tried, accepted: true });
        }
    }
    assign(&params, &start);
    let tried = config.search_steps;
    Ok(Update { improvement: 0.0, divergence: 0.0, tried, accepted: false })
}

/// Returns the adaptation step of every task at the policy's present parameters.
///
/// # Errors
/// [`crate::Error::Torch`] if a loss cannot be read.
pub fn adaptation(
    policy: &MetaPolicy,
    batch: &[TaskBatch],
    rate: f64,
    workers: &rayon::ThreadPool,
) -> Result<Option<Adaptation>> {
    let before: Vec<Rows> =
        batch.iter().filter_map(|task| task.before.as_ref().map(Rows::share)).collect();
    if before.is_empty() {
        return Ok(None);
    }
    let contexts: Vec<f64> = batch.iter().map(|task| task.context).collect();
    let nets = policy.task_nets(&contexts, None);
    let gradients = workers.install(|| {
        nets.into_par_iter()
            .zip(before)
            .map(|(net, rows)| rows.gradient(&net))
            .collect::<Result<Vec<_>>>()
    })?;
    Ok(Some(policy.adapt(&contexts, &gradients, rate)))
}

fn references(
    policy: &MetaPolicy,
    batch: &[TaskBatch],
    adapted: Option<&Adaptation>,
) -> Vec<Reference> {
    let contexts: Vec<f64> = batch.iter().map(|task| task.context).collect();
    let nets = policy.task_nets(&contexts, adapted);
    let reference = |(old, task): (TaskNet, &TaskBatch)| {
        let rows = task.after.share();
        let at = old.forward(&rows.obs);
        let log_prob = old.log_prob(&at.mean, &rows.actions);
        Reference { rows, old, at, log_prob }
    };
    nets.into_iter().zip(batch).map(reference).collect()
}

impl Reference {
    /// Returns the gradient of the surrogate in the weights of the task's network.
    fn slope(&mut self) -> Result<Vec<Tensor>> {
        let Rows { actions, advantages, .. } = &self.rows;
        let (_, outputs) = self.old.policy_loss(&self.at, actions, advantages)?;
        Ok(self.old.backward(&self.at, &outputs))
    }

    /// Returns the Hessian of the divergence times a direction, both in the network's weights.
    fn curve(&mut self, direction: &[Tensor]) -> Vec<Tensor> {
        let outputs = self.old.tangent(&self.at, direction);
        self.old.backward(&self.at, &self.old.divergence_hessian(&outputs))
    }

    /// Returns what the surrogate loss changed by, and the divergence of a new network from the old one.
    fn compare(&mut self, net: &TaskNet) -> Result<[f64; 2]> {
        let mean = net.mean(&self.rows.obs);
        let ratio = (net.log_prob(&mean, &self.rows.actions) - &self.log_prob).exp();
        let change = -((ratio - 1.0) * &self.rows.advantages).mean(mean.kind());
        Ok([f64::try_from(change)?, net.divergence(&mean, &self.old, &self.at.mean)?])
    }
}

/// Returns change of the surrogate and divergence, averaged over tasks.
fn measure(
    references: &mut [Reference],
    nets: Vec<TaskNet>,
    workers: &rayon::ThreadPool,
) -> Result<[f64; 2]> {
    let tasks = references.len() as f64;
    let each = workers.install(|| {
        references
            .par_iter_mut()
            .zip(nets)
            .map(|(reference, net)| reference.compare(&net))
            .collect::<Result<Vec<_>>>()
    })?;
    let sum = |i: usize| each.iter().map(|pair| pair[i]).sum::<f64>() / tasks;
    Ok([sum(0), sum(1)])
}

/// Solves `product(x) = b` for a symmetric positive map, from zero.
///
/// # Errors
/// Those of `product`; [`crate::Error::Torch`] if a number cannot be read.
pub fn conjugate_gradient(
    product: &mut dyn FnMut(&[Tensor]) -> Result<Vec<Tensor>>,
    b: &[Tensor],
    steps: usize,
) -> Result<Vec<Tensor>> {
    let mut x: Vec<Tensor> = b.iter().map(Tensor::zeros_like).collect();
    let mut residual: Vec<Tensor> = b.iter().map(Tensor::copy).collect();
    let mut direction: Vec<Tensor> = b.iter().map(Tensor::copy).collect();
    let mut squared = dot(&residual, &residual)?;
    for _ in 0..steps {
        if squared < RESIDUAL {
            break;
        }
        let image = product(&direction)?;
        let length = squared / dot(&direction, &image)?;
        add(&mut x, &direction, length);
        add(&mut residual, &image, -length);
        let next = dot(&residual, &residual)?;
        for (direction, residual) in direction.iter_mut().zip(&residual) {
            *direction = residual + &*direction * (next / squared);
        }
        squared = next;
    }
    Ok(x)
}

/// Returns the inner product of two lists of tensors of equal shapes.
///
/// # Errors
/// [`crate::Error::Torch`] if a number cannot be read.
pub fn dot(a: &[Tensor], b: &[Tensor]) -> Result<f64> {
    let mut sum = 0.0;
    for (a, b) in a.iter().zip(b) {
        sum += f64::try_from(a.flatten(0, -1).dot(&b.flatten(0, -1)))?;
    }
    Ok(sum)
}

/// Adds `factor` times `b` to `a`, in place.
fn add(a: &mut [Tensor], b: &[Tensor], factor: f64) {
    for (a, b) in a.iter_mut().zip(b) {
        let _ = a.g_add_(&(b * factor));
    }
}

fn assign(params: &[Tensor], values: &[Tensor]) {
    tch::no_grad(|| {
        for (param, value) in params.iter().zip(values) {
            param.shallow_clone().copy_(value);
        }
    });
}
