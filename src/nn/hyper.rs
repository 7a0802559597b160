//! Hypernetworks: a primary network makes the weights of a small dynamic network (§2.3, App. D.1).
//!
//! The primary maps the meta-variable to `z ∈ R¹⁰²⁴`; linear heads of `z` are the weights, biases
//! and gains of a dynamic network with one hidden layer of 256, which maps the base variable to the
//! output. SA-Hyper: the state is the meta-variable and the action the base. AS-Hyper: the reverse.
//! Emb-Hyper: a vector that is learned makes one set of weights for all, state and action are the base.
//!
//! # Deviations
//!
//! The six heads of the authors' code (weight, bias and gain of both layers) are rows of one linear
//! layer here, in that order: one matrix product in place of six, with the same function and the
//! same initial distribution.

use tch::Tensor;

use super::architecture::{Critic, DynamicNetwork, InState};
use super::dense::Linear;
use super::init::{HIDDEN_HEAD_BOUND, HyperInit, Init, LayerInit, OUTPUT_HEAD_BOUND};
use super::mlp::Mlp;
use super::residual::Residual;
use super::weights::Builder;
use crate::error::Result;

/// Width of the dynamic network's hidden layer.
pub(crate) const DYNAMIC_WIDTH: i64 = 256;

/// Length of the embedding `z`.
pub const EMBEDDING: i64 = 1024;

/// Rows from which the heads are worth two products: all but the last few outputs, which are a multiple of
/// [`super::dense::LINE`], are then written in whole lines. With fewer rows, the gradients of the two parts
/// cost more to put together than is gained.
const MANY_ROWS: i64 = 100;

/// One width of the primary: a linear layer up to it, then two residual blocks.
#[derive(Debug)]
struct Stage {
    up: Linear,
    blocks: [Residual; 2],
}

/// The primary network: `d → 256 → 512 → 1024`, no activation on its output.
#[derive(Debug)]
pub struct Primary {
    stages: Vec<Stage>,
}

impl Primary {
    /// Builds the network for a meta-variable of length `inputs`.
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn new(builder: &mut Builder, inputs: i64, init: LayerInit) -> Result<Self> {
        let mut stages = Vec::new();
        let mut width = inputs;
        for (stage, next) in [256, 512, EMBEDDING].into_iter().enumerate() {
            let name = |offset: usize| (3 * stage + offset).to_string();
            let up = builder.within(&name(0), |b| Linear::new(b, [width, next], init))?;
            let mut block =
                |offset| builder.within(&name(offset), |b| Residual::new(b, next, init));
            stages.push(Stage { up, blocks: [block(1)?, block(2)?] });
            width = next;
        }
        Ok(Self { stages })
    }

    /// Returns `z`; `meta [B, d]`, result `[B, 1024]`.
    pub fn forward(&self, meta: &Tensor) -> Tensor {
        self.forward_by(meta, &mut Linear::forward)
    }

    /// Returns `z`, each linear layer applied by `apply`, in order.
    fn forward_by(
        &self,
        meta: &Tensor,
        apply: &mut dyn FnMut(&Linear, &Tensor) -> Tensor,
    ) -> Tensor {
        let mut x = meta.shallow_clone();
        for stage in &self.stages {
            x = apply(&stage.up, &x);
            for block in &stage.blocks {
                x = block.forward_by(&x, apply);
            }
        }
        x
    }
}

/// A primary network with its heads.
#[derive(Debug)]
pub(crate) struct Hypernetwork {
    primary: Primary,
    heads: Linear,
    base: i64,
    outputs: i64,
}

impl Hypernetwork {
    /// Builds the network for a meta-variable of length `meta` and a base variable of length `base`.
    pub(crate) fn new(
        builder: &mut Builder,
        [meta, base, outputs]: [i64; 3],
        init: HyperInit,
    ) -> Result<Self> {
        let [hidden, output] = layer_rows(base, outputs);
        let heads = if init.default_heads() {
            [Init::pytorch(EMBEDDING), Init::pytorch(EMBEDDING)]
        } else {
            let blocks = vec![
                (hidden, Init::Uniform(HIDDEN_HEAD_BOUND)),
                (output, Init::Uniform(OUTPUT_HEAD_BOUND)),
            ];
            [Init::Rows(blocks), Init::Zeros]
        };
        Self::build(builder, [meta, base, outputs], init.primary(), heads)
    }

    /// Builds the network with the paper's initialisation, but for the dynamic output layer: groups
    /// of its outputs, `(count, bound)` from the first, whose heads start with bounds of their own.
    pub(crate) fn with_outputs(
        builder: &mut Builder,
        [meta, base]: [i64; 2],
        groups: &[(i64, f64)],
    ) -> Result<Self> {
        let outputs = groups.iter().map(|(count, _)| count).sum();
        let [hidden, _] = layer_rows(base, outputs);
        let mut blocks = vec![(hidden, Init::Uniform(HIDDEN_HEAD_BOUND))];
        // Rows of the weight head belong to one output after the other, then those of bias and gain.
        for rows in [DYNAMIC_WIDTH, 1, 1] {
            blocks.extend(groups.iter().map(|(n, bound)| (n * rows, Init::Uniform(*bound))));
        }
        let heads = [Init::Rows(blocks), Init::Zeros];
        Self::build(builder, [meta, base, outputs], HyperInit::Paper.primary(), heads)
    }

    /// Builds primary and heads, whose weight and bias start by these rules.
    fn build(
        builder: &mut Builder,
        [meta, base, outputs]: [i64; 3],
        primary: LayerInit,
        [weight, bias]: [Init; 2],
    ) -> Result<Self> {
        let primary = builder.within("primary", |b| Primary::new(b, meta, primary))?;
        let rows = layer_rows(base, outputs).iter().sum();
        let sizes = [EMBEDDING, rows];
        let heads = builder.within("heads", |b| Linear::with_bias(b, sizes, &weight, &bias))?;
        Ok(Self { primary, heads, base, outputs })
    }

    /// Returns the dynamic network that belongs to each row of `meta [B, d]`.
    pub(crate) fn weights(&self, meta: &Tensor) -> DynamicNetwork {
        if meta.size()[0] < MANY_ROWS {
            return self.weights_by(meta, &mut Linear::forward);
        }
        let sizes = head_sizes(self.base, self.outputs);
        let z = self.primary.forward(meta);
        let [most, last] = self.heads.forward_in_two(&z, sizes[..4].iter().sum());
        let mut parts = most.split_with_sizes(&sizes[..4], 1);
        parts.extend(last.split_with_sizes(&sizes[4..], 1));
        DynamicNetwork::of_heads(parts)
    }

    /// Returns the same, each linear layer applied by `apply`: those of the primary in order, then the
    /// heads.
    pub(crate) fn weights_by(
        &self,
        meta: &Tensor,
        apply: &mut dyn FnMut(&Linear, &Tensor) -> Tensor,
    ) -> DynamicNetwork {
        let z = self.primary.forward_by(meta, apply);
        let made = apply(&self.heads, &z);
        DynamicNetwork::of_heads(made.split_with_sizes(head_sizes(self.base, self.outputs), 1))
    }
}

/// Rows of the six heads: weight, bias and gain of the hidden layer, then of the output layer.
fn head_sizes(base: i64, outputs: i64) -> [i64; 6] {
    let width = DYNAMIC_WIDTH;
    [width * base, width, width, outputs * width, outputs, outputs]
}

/// Rows of the heads of the hidden layer and of those of the output layer.
fn layer_rows(base: i64, outputs: i64) -> [i64; 2] {
    let sizes = head_sizes(base, outputs);
    [sizes[..3].iter().sum(), sizes[3..].iter().sum()]
}

/// The critic whose primary sees the state and whose dynamic network sees the action (§3).
#[derive(Debug)]
pub(super) struct SaHyper(pub(super) Hypernetwork);

impl Critic for SaHyper {
    fn q(&self, obs: &Tensor, action: &Tensor) -> Tensor {
        self.0.weights(obs).forward(action).squeeze_dim(1)
    }

    fn in_states<'c>(&'c self, obs: &Tensor) -> Vec<InState<'c>> {
        let all = self.0.weights(obs);
        let in_state = |row| -> InState<'c> {
            let network = all.row(row);
            Box::new(move |action| network.forward_shared(action).squeeze_dim(1))
        };
        (0..obs.size()[0]).map(in_state).collect()
    }

    fn dynamic(&self, obs: &Tensor, _action: &Tensor) -> Option<DynamicNetwork> {
        Some(self.0.weights(obs))
    }
}

/// The critic whose primary sees the action and whose dynamic network sees the state (§3).
#[derive(Debug)]
pub(super) struct AsHyper(pub(super) Hypernetwork);

impl Critic for AsHyper {
    fn q(&self, obs: &Tensor, action: &Tensor) -> Tensor {
        self.0.weights(action).forward(obs).squeeze_dim(1)
    }

    fn dynamic(&self, _obs: &Tensor, action: &Tensor) -> Option<DynamicNetwork> {
        Some(self.0.weights(action))
    }
}

/// Name of Emb-Hyper's learned vector among its weights; both critics of a pair have the same.
pub(crate) const LEARNED: &str = "embedding";

/// Length of that vector.
const LEARNED_LEN: i64 = 5;

/// The critic whose primary sees a learned vector and whose dynamic network sees `[s, a]` (§5.2).
///
/// The primary runs once for a whole batch: its input is the same for every row.
#[derive(Debug)]
pub(super) struct EmbHyper {
    embedding: Tensor,
    net: Hypernetwork,
}

impl EmbHyper {
    /// Builds the critic for a concatenated input of length `inputs`.
    pub(super) fn new(builder: &mut Builder, inputs: i64, init: HyperInit) -> Result<Self> {
        let embedding = builder.param(LEARNED, &[LEARNED_LEN], &Init::Unit)?;
        Ok(Self { embedding, net: Hypernetwork::new(builder, [LEARNED_LEN, inputs, 1], init)? })
    }
}

impl Critic for EmbHyper {
    fn q(&self, obs: &Tensor, action: &Tensor) -> Tensor {
        let input = Tensor::cat(&[obs, action], 1);
        self.net.weights(&self.embedding.unsqueeze(0)).forward_shared(&input).squeeze_dim(1)
    }

    fn dynamic(&self, _obs: &Tensor, _action: &Tensor) -> Option<DynamicNetwork> {
        Some(self.net.weights(&self.embedding.unsqueeze(0)))
    }
}

/// Features that [`ResNetFeatures`] takes from the state.
const FEATURES: i64 = 10;

/// The plain critic with the primary's trunk: `s → primary → 10`, then `[features, a] → 256 → 1`
/// (App. D.4.4 and footnote 4).
#[derive(Debug)]
pub(super) struct ResNetFeatures {
    trunk: Primary,
    features: Linear,
    head: Mlp,
}

impl ResNetFeatures {
    pub(super) fn new(
        builder: &mut Builder,
        [obs, action]: [i64; 2],
        init: LayerInit,
    ) -> Result<Self> {
        Ok(Self {
            trunk: builder.within("primary", |b| Primary::new(b, obs, init))?,
            features: builder
                .within("features", |b| Linear::new(b, [EMBEDDING, FEATURES], init))?,
            head: Mlp::new(builder, &[FEATURES + action, 256, 1], init)?,
        })
    }
}

impl Critic for ResNetFeatures {
    fn q(&self, obs: &Tensor, action: &Tensor) -> Tensor {
        let features = self.features.forward(&self.trunk.forward(obs));
        self.head.forward(&Tensor::cat(&[&features, action], 1)).squeeze_dim(1)
    }
}
