//! The pre-activation residual block of the paper's primary network (App. D.1), and the plain critic
//! that is a long chain of them.

use tch::Tensor;

use super::architecture::Critic;
use super::dense::Linear;
use super::init::LayerInit;
use super::weights::Builder;
use crate::error::Result;

/// `y = x + L₂(relu(L₁(relu(x))))` with equal widths; nothing follows the sum.
#[derive(Debug)]
pub(crate) struct Residual {
    fc1: Linear,
    fc2: Linear,
}

impl Residual {
    /// Builds a block of the given width.
    pub(crate) fn new(builder: &mut Builder, width: i64, init: LayerInit) -> Result<Self> {
        Ok(Self {
            fc1: builder.within("fc1", |b| Linear::new(b, [width, width], init))?,
            fc2: builder.within("fc2", |b| Linear::new(b, [width, width], init))?,
        })
    }

    /// Applies the block; shapes `[B, width]` both.
    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        self.forward_by(input, &mut Linear::forward)
    }

    /// Applies the block, each linear layer by `apply`, the first one first.
    pub(crate) fn forward_by(
        &self,
        input: &Tensor,
        apply: &mut dyn FnMut(&Linear, &Tensor) -> Tensor,
    ) -> Tensor {
        let hidden = apply(&self.fc1, &input.relu());
        input + apply(&self.fc2, &hidden.relu())
    }
}

/// Blocks of [`ResNet35`].
const BLOCKS: usize = 35;

/// Width of [`ResNet35`].
const WIDTH: i64 = 256;

/// The critic `[s, a] → 256`, 35 residual blocks of two layers, ReLU, `→ 1` (App. D.4.5).
///
/// # Deviations
/// The authors' TD3 code has 70 blocks; text and SAC code have 35.
#[derive(Debug)]
pub(super) struct ResNet35 {
    first: Linear,
    blocks: Vec<Residual>,
    last: Linear,
}

impl ResNet35 {
    /// Builds the critic for a concatenated input of length `inputs`.
    pub(super) fn new(builder: &mut Builder, inputs: i64, init: LayerInit) -> Result<Self> {
        let first = builder.within("first", |b| Linear::new(b, [inputs, WIDTH], init))?;
        let block =
            |i: usize| builder.within(&format!("blocks.{i}"), |b| Residual::new(b, WIDTH, init));
        let blocks = (0..BLOCKS).map(block).collect::<Result<_>>()?;
        let last = builder.within("last", |b| Linear::new(b, [WIDTH, 1], init))?;
        Ok(Self { first, blocks, last })
    }
}

impl Critic for ResNet35 {
    fn q(&self, obs: &Tensor, action: &Tensor) -> Tensor {
        let mut x = self.first.forward(&Tensor::cat(&[obs, action], 1));
        for block in &self.blocks {
            x = block.forward(&x);
        }
        self.last.forward(&x.relu()).squeeze_dim(1)
    }
}
