//! From the weights of the tasks' adapted networks to the policy's parameters and back: the chain rule of
//! MAML, through the adaptation step where second order is asked for.

use rayon::prelude::*;
use tch::Tensor;

use super::batch::{Rows, TaskBatch};
use crate::error::Result;
use crate::nn::meta_policy::{Adaptation, Link, MetaPolicy, inner};
use crate::nn::weights::{Reuse, Training};

/// How adaptation is done and differentiated.
#[derive(Debug, Clone, Copy)]
pub struct Inner {
    /// Step η.
    pub rate: f64,
    /// Take the derivative through it.
    pub second_order: bool,
}

/// The derivative of all adapted networks' weights in the parameters θ, averaged over tasks.
pub struct Descent {
    parts: Vec<Part>,
    tasks: usize,
}

/// Some tasks at once.
struct Part {
    link: Link,
    /// Second order: the curvature of the one task's adaptation loss.
    curvature: Option<Curvature>,
}

/// The Hessian of one task's adaptation loss at θ, with the step η.
struct Curvature {
    params: Vec<Tensor>,
    /// The gradient, with its graph.
    gradient: Vec<Tensor>,
    rate: f64,
}

impl Descent {
    /// Prepares the derivative at the policy's present parameters.
    ///
    /// To first order all tasks go through the parameters together; to second order each has a map of its
    /// own, I − η∇²L, before them.
    ///
    /// # Errors
    /// None in practice: a shared policy has the architecture of its owner.
    pub fn new(
        policy: &MetaPolicy,
        batch: &[TaskBatch],
        adapted: Option<&Adaptation>,
        inner: Inner,
    ) -> Result<Self> {
        let contexts: Vec<f64> = batch.iter().map(|task| task.context).collect();
        let tasks = batch.len();
        if !inner.second_order {
            let link = policy.link(&contexts, adapted);
            return Ok(Self { parts: vec![Part { link, curvature: None }], tasks });
        }
        let part = |(task, batch): (usize, &TaskBatch)| {
            let step = adapted.map(|a| a.of(task));
            let link = policy.link(&[batch.context], step.as_ref());
            let curvature = batch.before.as_ref().map(|rows| {
                let policy = policy.again(Reuse::Share, Training::Trainable)?;
                Ok::<_, crate::Error>(Curvature::new(&policy, batch.context, rows, inner.rate))
            });
            Ok(Part { link, curvature: curvature.transpose()? })
        };
        Ok(Self { parts: batch.iter().enumerate().map(part).collect::<Result<_>>()?, tasks })
    }

    /// Returns the gradient in θ of the mean over tasks, given that of each task in its network's weights
    /// (`[T][..]`).
    pub fn pull(
        &mut self,
        gradients: Vec<Vec<Tensor>>,
        workers: &rayon::ThreadPool,
    ) -> Vec<Tensor> {
        let tasks = self.tasks as f64;
        let mut sums = if let [Part { link, curvature: None }] = &self.parts[..] {
            link.pull(&gradients)
        } else {
            let each: Vec<Vec<Tensor>> = workers.install(|| {
                let pairs = self.parts.par_iter_mut().zip(gradients);
                pairs.map(|(part, gradient)| part.bent(part.link.pull(&[gradient]))).collect()
            });
            let mut each = each.into_iter();
            let first = each.next().unwrap_or_default();
            each.fold(first, |sums, next| sums.iter().zip(&next).map(|(a, b)| a + b).collect())
        };
        for sum in &mut sums {
            *sum /= tasks;
        }
        sums
    }

    /// Returns how each task's network's weights change along a direction in θ, `[T][..]`.
    pub fn push(&mut self, direction: &[Tensor], workers: &rayon::ThreadPool) -> Vec<Vec<Tensor>> {
        if let [Part { link, curvature: None }] = &mut self.parts[..] {
            return link.push(direction);
        }
        let copies: Vec<Vec<Tensor>> = (0..self.parts.len())
            .map(|_| direction.iter().map(Tensor::shallow_clone).collect())
            .collect();
        let each: Vec<Vec<Vec<Tensor>>> = workers.install(|| {
            let pairs = self.parts.par_iter_mut().zip(copies);
            pairs
                .map(|(part, direction)| {
                    let bent = part.bent(direction);
                    part.link.push(&bent)
                })
                .collect()
        });
        each.into_iter().flatten().collect()
    }
}

impl Part {
    /// Applies I − η∇²L, which is symmetric.
    fn bent(&self, vector: Vec<Tensor>) -> Vec<Tensor> {
        match &self.curvature {
            Some(curvature) => curvature.apply(&vector),
            None => vector,
        }
    }
}

impl Curvature {
    fn new(policy: &MetaPolicy, context: f64, rows: &Rows, rate: f64) -> Self {
        let link = policy.link(&[context], None);
        let net = &link.nets()[0];
        let log_prob = net.log_prob(&net.mean(&rows.obs), &rows.actions);
        let loss = -(log_prob * &rows.advantages).mean(rows.advantages.kind());
        let params = policy.params().tensors();
        let gradient = Tensor::run_backward(&[loss], &params, true, true);
        Self { params, gradient, rate }
    }

    fn apply(&self, vector: &[Tensor]) -> Vec<Tensor> {
        let slope = inner(&self.gradient, vector);
        let bends = Tensor::run_backward(&[slope], &self.params, true, false);
        vector.iter().zip(bends).map(|(v, bend)| v - bend * self.rate).collect()
    }
}
