//! Q-D2RL (Sinha et al. 2020; App. D.4.3): the input is seen again by every hidden layer.

use tch::Tensor;

use super::architecture::Critic;
use super::dense::Linear;
use super::init::LayerInit;
use super::weights::Builder;
use crate::error::Result;

/// Width of a hidden layer.
const WIDTH: i64 = 256;

/// Four hidden layers of 256; layers 2 to 4 take `[h, s, a]`, the output layer `h` alone.
#[derive(Debug)]
pub(crate) struct D2rl {
    first: Linear,
    others: Vec<Linear>,
    output: Linear,
}

impl D2rl {
    /// Builds the critic for a concatenated input of length `inputs`.
    pub(crate) fn new(builder: &mut Builder, inputs: i64, init: LayerInit) -> Result<Self> {
        let mut layer = |index: usize, sizes| {
            builder.within(&format!("layers.{index}"), |b| Linear::new(b, sizes, init))
        };
        let first = layer(0, [inputs, WIDTH])?;
        let others =
            (1..4).map(|index| layer(index, [WIDTH + inputs, WIDTH])).collect::<Result<_>>()?;
        Ok(Self { first, others, output: layer(4, [WIDTH, 1])? })
    }
}

impl Critic for D2rl {
    fn q(&self, obs: &Tensor, action: &Tensor) -> Tensor {
        let input = Tensor::cat(&[obs, action], 1);
        let mut hidden = self.first.forward(&input).relu();
        for layer in &self.others {
            hidden = layer.forward(&Tensor::cat(&[&hidden, &input], 1)).relu();
        }
        self.output.forward(&hidden).squeeze_dim(1)
    }
}
