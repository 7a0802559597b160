//! Plain multi-layer perceptrons: the actor's trunk and the paper's MLP critics.

use tch::Tensor;

use super::architecture::Critic;
use super::dense::{LINE, Linear};
use super::init::{Init, LayerInit};
use super::plain::Activation;
use super::weights::Builder;
use crate::error::Result;

/// Returns the widths of a network: inputs, hidden layers, outputs.
pub(super) fn widths(inputs: i64, hidden: &[i64], outputs: i64) -> Vec<i64> {
    [&[inputs], hidden, &[outputs]].concat()
}

/// Linear layers with ReLU, or another activation, between them and none after the last.
#[derive(Debug)]
pub(crate) struct Mlp {
    layers: Vec<Linear>,
    activation: Activation,
}

impl Mlp {
    /// Builds `widths[0] → widths[1] → …`.
    pub(crate) fn new(builder: &mut Builder, widths: &[i64], init: LayerInit) -> Result<Self> {
        let layer = |(index, pair): (usize, &[i64])| {
            builder.within(&format!("layers.{index}"), |b| Linear::new(b, [pair[0], pair[1]], init))
        };
        let layers = widths.windows(2).enumerate().map(layer).collect::<Result<_>>()?;
        Ok(Self { layers, activation: Activation::Relu })
    }

    /// Returns the network with another activation.
    #[must_use]
    pub(super) fn with(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// Adds a layer `[inputs] → [outputs]` at the end, whose weight and bias start by a rule of their own.
    pub(crate) fn then(
        mut self,
        builder: &mut Builder,
        sizes: [i64; 2],
        init: &Init,
    ) -> Result<Self> {
        let name = format!("layers.{}", self.layers.len());
        self.layers.push(builder.within(&name, |b| Linear::with_bias(b, sizes, init, init))?);
        Ok(self)
    }

    /// Returns the same network, in the same memory.
    pub(crate) fn share(&self) -> Self {
        let layers = self.layers.iter().map(Linear::share).collect();
        Self { layers, activation: self.activation }
    }

    /// Returns the network with its activation and one more layer after it, all in the same memory.
    #[must_use]
    pub(crate) fn followed_by(&self, layer: Linear) -> Self {
        let mut all = self.share();
        all.layers.push(layer);
        all
    }

    /// Returns the network with hidden layers whose width is a multiple of [`LINE`], for large batches: the
    /// units that are added are 0, and change nothing. Gradients reach the weights of this one.
    pub(crate) fn in_lines(&self) -> Self {
        let last = self.layers.len().checked_sub(1).expect("an MLP has layers");
        let in_lines = |width: i64, outer: bool| {
            if outer { width } else { (width + LINE - 1) / LINE * LINE }
        };
        let layer = |(index, layer): (usize, &Linear)| {
            let [outputs, inputs] = [0, 1].map(|axis| layer.parts()[0].size()[axis]);
            layer.filled_up([in_lines(inputs, index == 0), in_lines(outputs, index == last)])
        };
        let layers = self.layers.iter().enumerate().map(layer).collect();
        Self { layers, activation: self.activation }
    }

    /// Applies the network; `input [B, widths[0]]`, result `[B, last width]`.
    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        let (last, hidden) = self.layers.split_last().expect("an MLP has layers");
        let mut x = input.shallow_clone();
        for layer in hidden {
            x = self.activate(layer.forward(&x));
        }
        last.forward(&x)
    }

    fn activate(&self, mut x: Tensor) -> Tensor {
        if self.activation == Activation::Relu { x.relu_() } else { self.activation.apply(x) }
    }

    /// Applies the network and keeps what [`Self::slope`] needs; `input [B, widths[0]]`.
    ///
    /// # Panics
    /// If its activation is not ReLU.
    pub(super) fn pass(&self, input: &Tensor) -> Passed {
        assert_eq!(self.activation, Activation::Relu, "slopes are those of ReLU");
        let (last, layers) = self.layers.split_last().expect("an MLP has layers");
        let mut hidden: Vec<Tensor> = Vec::with_capacity(layers.len());
        for layer in layers {
            let output = layer.forward(hidden.last().unwrap_or(input)).relu_();
            hidden.push(output);
        }
        let output = last.forward(hidden.last().unwrap_or(input));
        Passed { hidden, output }
    }

    /// Returns the slope of the network's single output in its inputs, for some of the rows that passed:
    /// `rows [R]` are their numbers, the result is `[R, widths[0]]`.
    ///
    /// # Panics
    /// If it has several outputs.
    pub(super) fn slope(&self, passed: &Passed, rows: &Tensor) -> Tensor {
        let (last, layers) = self.layers.split_last().expect("an MLP has layers");
        let [weight, bias] = last.parts();
        assert_eq!(bias.size(), [1], "outputs of which there is a slope");
        let mut slope = weight.expand([rows.size()[0], -1], false);
        for (layer, output) in layers.iter().zip(&passed.hidden).rev() {
            let of_output = output.index_select(0, rows).threshold_backward(&slope, 0.0);
            slope = of_output.matmul(layer.parts()[0]);
        }
        slope
    }
}

/// What [`Mlp::pass`] leaves for [`Mlp::slope`].
#[derive(Debug)]
pub(super) struct Passed {
    /// Output `[B, width]` of each hidden layer.
    hidden: Vec<Tensor>,
    /// `[B, last width]`.
    pub(super) output: Tensor,
}

/// A critic that concatenates observation and action: MLP-Standard, -Small and -Large (App. D.4).
#[derive(Debug)]
pub(crate) struct MlpCritic(pub Mlp);

impl Critic for MlpCritic {
    fn q(&self, obs: &Tensor, action: &Tensor) -> Tensor {
        self.0.forward(&Tensor::cat(&[obs, action], 1)).squeeze_dim(1)
    }
}
