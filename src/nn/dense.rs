//! Linear layers: with shared weights, and with dynamic weights (one set for each row).

use tch::Tensor;

use super::init::{Init, LayerInit};
use super::weights::Builder;
use crate::error::Result;

/// `y = x Wᵀ + b` with one set of weights for all rows.
#[derive(Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// Builds a layer `[inputs] → [outputs]`.
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn new(builder: &mut Builder, sizes: [i64; 2], init: LayerInit) -> Result<Self> {
        Self::with_bias(builder, sizes, &init.weight(sizes), &init.bias(sizes[0]))
    }

    /// Builds a layer with the given rules for weight and bias.
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn with_bias(
        builder: &mut Builder,
        [inputs, outputs]: [i64; 2],
        weight: &Init,
        bias: &Init,
    ) -> Result<Self> {
        Ok(Self {
            weight: builder.param("weight", &[outputs, inputs], weight)?,
            bias: builder.param("bias", &[outputs], bias)?,
        })
    }

    /// Applies the layer.
    ///
    /// # Shapes
    /// `input [B, in]`; result `[B, out]`.
    pub fn forward(&self, input: &Tensor) -> Tensor {
        input.linear(&self.weight, Some(&self.bias))
    }

    /// Returns the same layer, in the same memory.
    #[must_use]
    pub fn share(&self) -> Self {
        Self { weight: self.weight.shallow_clone(), bias: self.bias.shallow_clone() }
    }

    /// Returns weight `[out, in]` and bias `[out]`.
    pub fn parts(&self) -> [&Tensor; 2] {
        [&self.weight, &self.bias]
    }
}

/// The weights of one dynamic layer, a set for each row of the batch (paper, Eq. 1).
#[derive(Debug)]
pub struct DynamicLinear {
    /// `[B, out·in]`, row-major: entry `o·in + i`.
    pub weight: Tensor,
    /// `[B, out]`.
    pub bias: Tensor,
    /// `[B, out]`: what the gain differs from 1.
    pub scale: Tensor,
}

impl DynamicLinear {
    /// Returns the same layer, in the same memory.
    #[must_use]
    pub fn share(&self) -> Self {
        let [weight, bias, scale] =
            [&self.weight, &self.bias, &self.scale].map(Tensor::shallow_clone);
        Self { weight, bias, scale }
    }

    /// Applies each row's own layer: `y = (W x) ⊙ (1 + g) + b`.
    ///
    /// # Shapes
    /// `input [B, in]`; result `[B, out]`.
    pub fn forward(&self, input: &Tensor) -> Tensor {
        let [rows, outputs] = [self.bias.size()[0], self.bias.size()[1]];
        let product = if outputs == 1 {
            (&self.weight * input).sum_dim_intlist([1i64].as_slice(), true, input.kind())
        } else {
            self.weight.view([rows, outputs, -1]).bmm(&input.unsqueeze(2)).squeeze_dim(2)
        };
        self.bias.addcmul(&product, &(&self.scale + 1.0))
    }

    /// Applies each task's layer to its rows: here a row of the weights is one task's.
    ///
    /// # Shapes
    /// `input [T, B, in]`; result `[T, B, out]`.
    pub fn forward_tasks(&self, input: &Tensor) -> Tensor {
        let [tasks, outputs] = [self.bias.size()[0], self.bias.size()[1]];
        let weight = self.weight.view([tasks, outputs, -1]);
        let product = input.bmm(&weight.transpose(1, 2));
        self.bias.unsqueeze(1).addcmul(&product, &(&self.scale + 1.0).unsqueeze(1))
    }

    /// Applies one layer to all rows: the weights are those of a single row (`B = 1`).
    ///
    /// # Shapes
    /// `input [n, in]`; result `[n, out]`.
    pub fn forward_shared(&self, input: &Tensor) -> Tensor {
        let weight = self.weight.view([self.bias.size()[1], -1]);
        self.bias.addcmul(&input.matmul(&weight.tr()), &(&self.scale + 1.0))
    }
}
