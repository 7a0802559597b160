//! MAML's policies: vanilla, with the task's context as an input, and a hypernetwork of the context
//! (App. B.2, D.5 of the paper).
//!
//! | kind | who acts in a task |
//! |---|---|
//! | [`PolicyKind::Vanilla`] | `s → 100 → 100 → a` |
//! | [`PolicyKind::Context`] | `[s, c] → 100 → 100 → a`; the context is a constant, so it moves a bias |
//! | [`PolicyKind::Hyper`] | `s → 256 → a`, all of whose weights, biases and gains the primary makes of `c` |
//!
//! All are diagonal Gaussians with one learnt log σ per action. Whatever the kind, what acts in one task
//! is a [`TaskNet`]; here is how its weights follow from the parameters θ, before and after an adaptation
//! step, and the derivative of that in both directions ([`Link`]).
//!
//! # Adaptation without copies
//!
//! A hypernetwork sees one context per task, so that the gradient of each of its linear layers is `u vᵀ`,
//! with `v` the layer's input and `u` the slope at its output. The adapted layer is
//! `W x + b − η u (vᵀx + 1)`: forty tasks need forty pairs of vectors where copies would take two
//! gigabytes, and all tasks go through the shared weights together.
//!
//! # Deviations
//!
//! As in the authors' code no derivative is taken through the adaptation step itself (first order);
//! the algorithm adds it where it is asked for.

use tch::{Kind, Tensor};

use super::critic::Dims;
use super::dense::{DynamicLinear, Linear};
use super::hyper::Hypernetwork;
use super::init::{HyperInit, Init, LayerInit};
use super::task_net::TaskNet;
use super::weights::{Builder, Of, Params, Reuse, Source, Training};
use crate::error::Result;
use crate::names::named;

/// Width of the plain policies' hidden layers.
const WIDTH: i64 = 100;

/// Length of a context.
const CONTEXT: i64 = 1;

/// Lowest log σ: that of the authors' code, ln 1e-6.
const MIN_LOG_STD: f64 = -13.815_510_557_964_274;

named!("policy",
    /// The policies that exist.
    PolicyKind {
        /// It does not know the task.
        Vanilla = "vanilla",
        /// The context is one of its inputs.
        Context = "context",
        /// A hypernetwork makes it from the context.
        Hyper = "hyper",
    }
);

/// A policy for a family of tasks.
pub struct MetaPolicy {
    kind: PolicyKind,
    dims: Dims,
    net: Net,
    log_std: Tensor,
    params: Params,
}

#[derive(Debug)]
enum Net {
    Plain([Linear; 3]),
    Hyper(Hypernetwork),
}

/// One adaptation step of each of `T` tasks, ready to be applied.
#[derive(Debug)]
pub struct Adaptation(Vec<Shift>);

/// What the step changes in one linear layer, or in log σ.
#[derive(Debug)]
enum Shift {
    /// Subtract from a parameter: one set for each task, `[T, ..]`.
    Dense(Tensor),
    /// Subtract `u (vᵀx + 1)` from a layer's output: `u [T, out]`, `v [T, in]`.
    RankOne { u: Tensor, v: Tensor },
}

/// How the weights of all tasks' networks depend on θ, at one point, to first order.
pub struct Link {
    params: Vec<Tensor>,
    /// The weights, `[T, ..]` each, with their graph.
    stacked: Vec<Tensor>,
    /// Cotangents of `stacked` and the gradient that they give, linear in them; made when first needed.
    transposed: Option<(Vec<Tensor>, Vec<Tensor>)>,
}

impl MetaPolicy {
    /// Builds a policy whose weights come from `source`: Xavier and zeros for a plain one, the paper's for
    /// a hypernetwork, log σ = 0.
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn new(
        kind: PolicyKind,
        dims: Dims,
        training: Training,
        source: &mut dyn Source,
    ) -> Result<Self> {
        let mut builder = Builder::new(source, training);
        let log_std = builder.param("log_std", &[dims.action], &Init::Zeros)?;
        let inputs = dims.obs + if kind == PolicyKind::Context { CONTEXT } else { 0 };
        let net = if kind == PolicyKind::Hyper {
            let sizes = [CONTEXT, dims.obs, dims.action];
            Net::Hyper(Hypernetwork::new(&mut builder, sizes, HyperInit::Paper)?)
        } else {
            let mut layer = |name: &str, sizes| {
                builder.within(name, |b| Linear::new(b, sizes, LayerInit::Xavier))
            };
            Net::Plain([
                layer("layers.0", [inputs, WIDTH])?,
                layer("layers.1", [WIDTH, WIDTH])?,
                layer("mean", [WIDTH, dims.action])?,
            ])
        };
        Ok(Self { kind, dims, net, log_std, params: builder.finish() })
    }

    /// Returns a policy with the same weights: a copy, or the same memory.
    ///
    /// # Errors
    /// None in practice: the architectures are equal.
    pub fn again(&self, reuse: Reuse, training: Training) -> Result<Self> {
        Self::new(self.kind, self.dims, training, &mut Of { params: &self.params, reuse })
    }

    /// Returns the parameters θ.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Returns the network of each task, before adaptation or after; `contexts [T]`.
    pub fn task_nets(&self, contexts: &[f64], adaptation: Option<&Adaptation>) -> Vec<TaskNet> {
        let stacked = tch::no_grad(|| self.stacked(&self.column(contexts), adaptation));
        let net = |task: i64| {
            // With one row for all tasks, as without context and adaptation, they share it.
            let own = |part: &Tensor| part.select(0, if part.size()[0] == 1 { 0 } else { task });
            TaskNet::new(stacked.iter().map(own).collect())
        };
        (0..contexts.len() as i64).map(net).collect()
    }

    /// Returns how these weights depend on θ; `contexts [T]`. θ must be trainable.
    pub fn link(&self, contexts: &[f64], adaptation: Option<&Adaptation>) -> Link {
        let rows = contexts.len() as i64;
        let every_task = |part: Tensor| {
            let mut shape = part.size();
            shape[0] = rows;
            part.expand(shape, false)
        };
        let stacked = self.stacked(&self.column(contexts), adaptation);
        Link {
            params: self.params.tensors(),
            stacked: stacked.into_iter().map(every_task).collect(),
            transposed: None,
        }
    }

    /// Returns the adaptation step of each task: θ − `rate` × its gradient, which is given in the weights
    /// of its network (`gradients [T][..]`, as [`TaskNet::backward`] returns it).
    ///
    /// # Panics
    /// If there is not one gradient for each task.
    pub fn adapt(&self, contexts: &[f64], gradients: &[Vec<Tensor>], rate: f64) -> Adaptation {
        assert_eq!(contexts.len(), gradients.len(), "one gradient per task");
        let mut gradients = stack(gradients);
        let clamp = self.log_std.ge(MIN_LOG_STD);
        let log_std = Shift::Dense(gradients.remove(gradients.len() - 1) * clamp * rate);
        let mut shifts = vec![log_std];
        match &self.net {
            Net::Plain(_) => {
                if self.kind == PolicyKind::Context {
                    // b + W_c c: the slope in W_c is that in the bias, times the context.
                    let of_context = (&gradients[1] * self.column(contexts)).unsqueeze(2);
                    gradients[0] = Tensor::cat(&[&gradients[0], &of_context], 2);
                }
                shifts.extend(gradients.into_iter().map(|g| Shift::Dense(g * rate)));
            }
            Net::Hyper(net) => {
                let mut layers = Vec::new();
                let made = net.weights_by(&self.column(contexts), &mut |layer, x| {
                    let y = layer.forward(x);
                    layers.push((x.detach(), y.shallow_clone()));
                    y
                });
                let stacked = folded([made.hidden, made.output]);
                let outputs: Vec<&Tensor> = layers.iter().map(|(_, y)| y).collect();
                let slope = inner(&stacked, &gradients);
                let slopes = Tensor::run_backward(&[slope], &outputs, false, false);
                shifts.extend(
                    layers
                        .iter()
                        .zip(slopes)
                        .map(|((v, _), u)| Shift::RankOne { u: u * rate, v: v.shallow_clone() }),
                );
            }
        }
        Adaptation(shifts)
    }

    /// Returns contexts as a column `[T, 1]` of the parameters' kind.
    fn column(&self, contexts: &[f64]) -> Tensor {
        Tensor::from_slice(contexts).to_kind(self.log_std.kind()).unsqueeze(1)
    }

    /// Returns the weights of all tasks' networks, `[T, ..]` or, where all are equal, `[1, ..]`;
    /// `contexts [T, 1]`.
    fn stacked(&self, contexts: &Tensor, adaptation: Option<&Adaptation>) -> Vec<Tensor> {
        let mut shifts = adaptation.map_or(&[] as &[Shift], |a| &a.0).iter();
        let mut own = |param: &Tensor| match shifts.next() {
            Some(Shift::Dense(shift)) => param.unsqueeze(0) - shift,
            _ => param.unsqueeze(0),
        };
        let log_std = own(&self.log_std).clamp_min(MIN_LOG_STD);
        let mut parts = match &self.net {
            Net::Plain(layers) => {
                let mut parts: Vec<Tensor> =
                    layers.iter().flat_map(Linear::parts).map(&mut own).collect();
                if self.kind == PolicyKind::Context {
                    let of_context = parts[0].narrow(2, self.dims.obs, CONTEXT).squeeze_dim(2);
                    parts[1] = &parts[1] + of_context * contexts;
                    parts[0] = parts[0].narrow(2, 0, self.dims.obs);
                }
                parts
            }
            Net::Hyper(net) => {
                let made = net.weights_by(contexts, &mut |layer, x| {
                    let y = layer.forward(x);
                    match shifts.next() {
                        Some(Shift::RankOne { u, v }) => {
                            let along = (x * v).sum_dim_intlist([1i64].as_slice(), true, x.kind());
                            y - u * (along + 1.0)
                        }
                        _ => y,
                    }
                });
                folded([made.hidden, made.output])
            }
        };
        parts.push(log_std);
        parts
    }
}

/// Returns weights and biases of a dynamic network with its gains folded in: `W ⊙ (1 + g)`, `b`.
fn folded(layers: [DynamicLinear; 2]) -> Vec<Tensor> {
    let fold = |layer: DynamicLinear| {
        let [rows, outputs] = [layer.bias.size()[0], layer.bias.size()[1]];
        let weight = layer.weight.view([rows, outputs, -1]) * (layer.scale + 1.0).unsqueeze(2);
        [weight, layer.bias]
    };
    layers.into_iter().flat_map(fold).collect()
}

impl Adaptation {
    /// Returns how far each task's parameters move, ‖φ − θ‖, `[T]`.
    pub(crate) fn distances(&self) -> Result<Vec<f64>> {
        let squares = |all: &Tensor| all.to_kind(Kind::Double).square().flatten(1, -1);
        let per_task =
            |all: &Tensor| squares(all).sum_dim_intlist([1i64].as_slice(), false, Kind::Double);
        let of = |shift: &Shift| match shift {
            Shift::Dense(shift) => per_task(shift),
            // ‖u vᵀ‖² of the weight, ‖u‖² of the bias.
            Shift::RankOne { u, v } => per_task(u) * (per_task(v) + 1.0),
        };
        let sum = self.0.iter().map(of).reduce(|a, b| a + b);
        Ok(sum.map_or_else(|| Ok(Vec::new()), |sum| Vec::try_from(sum.sqrt()))?)
    }

    /// Returns the step of one task alone.
    #[must_use]
    pub fn of(&self, task: usize) -> Self {
        let row = |all: &Tensor| all.narrow(0, task as i64, 1);
        let one = |shift: &Shift| match shift {
            Shift::Dense(shift) => Shift::Dense(row(shift)),
            Shift::RankOne { u, v } => Shift::RankOne { u: row(u), v: row(v) },
        };
        Self(self.0.iter().map(one).collect())
    }
}

impl Link {
    /// Returns the network of each task, whose weights carry their graph.
    pub fn nets(&self) -> Vec<TaskNet> {
        let tasks = self.stacked.first().map_or(0, |part| part.size()[0]);
        let net = |task| TaskNet::new(self.stacked.iter().map(|p| p.select(0, task)).collect());
        (0..tasks).map(net).collect()
    }

    /// Returns the gradient in θ, summed over tasks, of what has these gradients in the weights of each
    /// task's network (`gradients [T][..]`).
    pub fn pull(&self, gradients: &[Vec<Tensor>]) -> Vec<Tensor> {
        let slope = inner(&self.stacked, &stack(gradients));
        Tensor::run_backward(&[slope], &self.params, true, false)
    }

    /// Returns how the weights of each task's network change along a direction in θ, `[T][..]`.
    ///
    /// The gradient that [`Self::pull`] gives is linear in what it is given, so its derivative in that
    /// is the transposed map: one more backward pass.
    pub fn push(&mut self, direction: &[Tensor]) -> Vec<Vec<Tensor>> {
        let Self { params, stacked, transposed } = self;
        let (cotangents, gradient) = transposed.get_or_insert_with(|| {
            let zero = |part: &Tensor| part.detach().zeros_like().set_requires_grad(true);
            let cotangents: Vec<Tensor> = stacked.iter().map(zero).collect();
            let slope = inner(stacked, &cotangents);
            let gradient = Tensor::run_backward(&[slope], params, true, true);
            (cotangents, gradient)
        });
        let along = inner(gradient, direction);
        let parts = Tensor::run_backward(&[along], cotangents, true, false);
        let tasks = parts.first().map_or(0, |part| part.size()[0]);
        (0..tasks).map(|task| parts.iter().map(|part| part.select(0, task)).collect()).collect()
    }
}

/// Returns the sum of products of two lists of tensors of equal shapes.
pub(crate) fn inner(a: &[Tensor], b: &[Tensor]) -> Tensor {
    let mut products = a.iter().zip(b).map(|(a, b)| (a * b).sum(a.kind()));
    let first = products.next().unwrap_or_else(|| Tensor::from(0.0));
    products.fold(first, |sum, product| sum + product)
}

/// Stacks lists of equal shapes: `[T][..]` to `[..]`, each `[T, ..]`.
fn stack(lists: &[Vec<Tensor>]) -> Vec<Tensor> {
    let count = lists.first().map_or(0, Vec::len);
    let part = |i: usize| {
        let parts: Vec<&Tensor> = lists.iter().map(|list| &list[i]).collect();
        Tensor::stack(&parts, 0)
    };
    (0..count).map(part).collect()
}
