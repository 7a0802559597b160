//! PEARL's critics: Q of an action and V of a state, in a task.

use tch::Tensor;

use super::{Design, LatentIn, PearlModel, plain_value};
use crate::error::Result;
use crate::nn::context::LATENT;
use crate::nn::critic::Dims;
use crate::nn::hyper::Hypernetwork;
use crate::nn::init::HyperInit;
use crate::nn::mlp::Mlp;
use crate::nn::weights::{Builder, Of, Params, Reuse, Source, Training};

/// One number for each row.
#[derive(Debug)]
enum Net {
    Plain(Mlp),
    Hyper(Hypernetwork),
}

impl Net {
    /// Builds a network for a meta-variable and a base variable of these lengths; a plain one joins them.
    fn new(builder: &mut Builder, model: PearlModel, [meta, base]: [i64; 2]) -> Result<Self> {
        Ok(match model {
            PearlModel::Mlp => Self::Plain(plain_value(builder, meta + base)?),
            PearlModel::Hyper => {
                Self::Hyper(Hypernetwork::new(builder, [meta, base, 1], HyperInit::Paper)?)
            }
        })
    }

    /// Returns `[T, B]`; the parts of both variables are `[T, B, ..]`.
    fn value(&self, meta: &[&Tensor], base: &[&Tensor]) -> Tensor {
        let shape = [meta[0].size()[0], meta[0].size()[1]];
        let rows = |parts: &[&Tensor]| Tensor::cat(parts, 2).flatten(0, 1);
        let values = match self {
            Self::Plain(net) => net.in_lines().forward(&rows(&[meta, base].concat())),
            Self::Hyper(net) => net.weights(&rows(meta)).forward(&rows(base)),
        };
        values.view(shape)
    }
}

/// Repeats each task's latent for its rows; `z [T, Z]`, result `[T, B, Z]`.
pub(super) fn for_each_row(z: &Tensor, rows: i64) -> Tensor {
    z.unsqueeze(1).expand([z.size()[0], rows, LATENT], false)
}

/// Q(s, a, z).
pub struct TaskCritic {
    design: Design,
    net: Net,
    params: Params,
}

impl TaskCritic {
    /// Builds a critic whose weights come from `source`; new ones start as the authors'.
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn new(design: Design, training: Training, source: &mut dyn Source) -> Result<Self> {
        let (obs, action) = (design.dims.obs, design.dims.action);
        let sizes = match design.latent_in {
            LatentIn::Base => [obs, action + LATENT],
            LatentIn::Meta => [obs + LATENT, action],
        };
        let mut builder = Builder::new(source, training);
        let net = Net::new(&mut builder, design.model, sizes)?;
        Ok(Self { design, net, params: builder.finish() })
    }

    /// Returns a critic with the same weights: a copy, or the same memory.
    pub(crate) fn again(&self, reuse: Reuse, training: Training) -> Result<Self> {
        Self::new(self.design, training, &mut Of { params: &self.params, reuse })
    }

    /// Returns Q.
    ///
    /// # Shapes
    /// `obs [T, B, S]`, `action [T, B, A]`, `z [T, Z]`; result `[T, B]`.
    pub fn q(&self, obs: &Tensor, action: &Tensor, z: &Tensor) -> Tensor {
        let z = for_each_row(z, obs.size()[1]);
        match self.design.latent_in {
            LatentIn::Base => self.net.value(&[obs], &[action, &z]),
            LatentIn::Meta => self.net.value(&[obs, &z], &[action]),
        }
    }

    /// Returns the input of a plain network `[T, B, inputs]` and the column where the action begins.
    fn joined(&self, obs: &Tensor, action: &Tensor, z: &Tensor) -> (Tensor, i64) {
        let z = for_each_row(z, obs.size()[1]);
        let Dims { obs: width, .. } = self.design.dims;
        match self.design.latent_in {
            LatentIn::Base => (Tensor::cat(&[obs, action, &z], 2), width),
            LatentIn::Meta => (Tensor::cat(&[obs, &z, action], 2), width + LATENT),
        }
    }

    /// Returns the weights.
    pub fn params(&self) -> &Params {
        &self.params
    }
}

/// The smaller of two critics' values, where actions climb it.
#[derive(Debug)]
pub struct Least {
    /// min(Q₁, Q₂), `[T, B]`, without a graph.
    pub q: Tensor,
    /// Its gradient in the action, `[T, B, A]`; where both are equal that of Q₁.
    pub slope: Tensor,
}

impl Least {
    /// Returns what both critics, which have the same design, say of the actions. The gradient of plain
    /// networks is taken in closed form, and for each row through one critic only.
    ///
    /// # Shapes
    /// `obs [T, B, S]`, `action [T, B, A]`, `z [T, Z]`.
    pub fn of(critics: [&TaskCritic; 2], [obs, action, z]: [&Tensor; 3]) -> Self {
        if let [Net::Plain(first), Net::Plain(second)] = critics.map(|critic| &critic.net) {
            return tch::no_grad(|| {
                let (input, column) = critics[0].joined(obs, action, z);
                let nets = [first, second].map(Mlp::in_lines);
                let (q, slope) = least_and_slope(&nets, &input.flatten(0, 1));
                let slope = slope.view_as(&input).narrow(2, column, action.size()[2]);
                Self { q: q.view(&obs.size()[..2]), slope }
            });
        }
        let action = action.detach().set_requires_grad(true);
        let [first, second] = critics.map(|critic| critic.q(obs, &action, z));
        let q = first.where_self(&first.le_tensor(&second), &second);
        let mut slope = Tensor::run_backward(&[q.sum(q.kind())], &[&action], false, false);
        Self { q: q.detach(), slope: slope.remove(0) }
    }
}

/// Returns the smaller output of two networks `[N]` and its slope in their input; both are `[N, inputs]`.
fn least_and_slope(nets: &[Mlp; 2], input: &Tensor) -> (Tensor, Tensor) {
    let passed = nets.each_ref().map(|net| net.pass(input));
    let [first, second] = passed.each_ref().map(|passed| passed.output.squeeze_dim(1));
    let is_first = first.le_tensor(&second);
    let mut slope = input.zeros_like();
    for ((net, passed), chosen) in
        nets.iter().zip(&passed).zip([&is_first, &is_first.logical_not()])
    {
        let rows = chosen.nonzero().squeeze_dim(1);
        let _ = slope.index_copy_(0, &rows, &net.slope(passed, &rows));
    }
    (first.where_self(&is_first, &second), slope)
}

/// V(s, z).
pub struct TaskValue {
    design: Design,
    net: Net,
    params: Params,
}

impl TaskValue {
    /// Builds a value network whose weights come from `source`; new ones start as the authors'.
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn new(design: Design, training: Training, source: &mut dyn Source) -> Result<Self> {
        let mut builder = Builder::new(source, training);
        let net = Net::new(&mut builder, design.model, [design.dims.obs, LATENT])?;
        Ok(Self { design, net, params: builder.finish() })
    }

    /// Returns a value network with the same weights: a copy, or the same memory.
    pub(crate) fn again(&self, reuse: Reuse, training: Training) -> Result<Self> {
        Self::new(self.design, training, &mut Of { params: &self.params, reuse })
    }

    /// Returns V; `obs [T, B, S]`, `z [T, Z]`, result `[T, B]`.
    pub fn v(&self, obs: &Tensor, z: &Tensor) -> Tensor {
        self.net.value(&[obs], &[&for_each_row(z, obs.size()[1])])
    }

    /// Returns the weights.
    pub fn params(&self) -> &Params {
        &self.params
    }
}
