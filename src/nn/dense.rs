//! Linear layers: with shared weights, and with dynamic weights (one set for each row).

use tch::Tensor;

use super::init::{Init, LayerInit};
use super::weights::Builder;
use crate::error::Result;

/// Numbers that fill a line of the processor's memory: 64 bytes of `f32`.
///
/// A matrix product writes rows that begin in the middle of a line at half the speed, or little more, on
/// some processors: with 1024 rows and inputs, MKL on one core of an AMD EPYC (AVX2) did 36 GFLOP/s for 3586
/// outputs and 60 for 3584.
pub(crate) const LINE: i64 = 16;

/// `y = x Wᵀ + b` with one set of weights for all rows.
#[derive(Debug)]
pub(crate) struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// Builds a layer `[inputs] → [outputs]`.
    pub(crate) fn new(builder: &mut Builder, sizes: [i64; 2], init: LayerInit) -> Result<Self> {
        Self::with_bias(builder, sizes, &init.weight(sizes), &init.bias(sizes[0]))
    }

    /// Builds a layer with the given rules for weight and bias.
    pub(crate) fn with_bias(
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
    /// `input [B, in]`; result `[B, out]`, in the precision of the weights.
    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        input.to_kind(self.weight.kind()).linear(&self.weight, Some(&self.bias))
    }

    /// Applies the layer in two products: its outputs before `first`, and those from there on.
    ///
    /// # Shapes
    /// `input [B, in]`; results `[B, first]` and `[B, out - first]`.
    pub(crate) fn forward_in_two(&self, input: &Tensor, first: i64) -> [Tensor; 2] {
        let rest = self.bias.size()[0] - first;
        let input = input.to_kind(self.weight.kind());
        [(0, first), (first, rest)].map(|(from, count)| {
            let [weight, bias] = self.parts().map(|part| part.narrow(0, from, count));
            input.linear(&weight, Some(&bias))
        })
    }

    /// Returns a layer `[inputs] → [outputs]` that ignores its further inputs and whose further outputs are
    /// 0; gradients reach the weights of this one.
    ///
    /// # Panics
    /// If this layer is larger.
    #[must_use]
    pub(crate) fn filled_up(&self, [inputs, outputs]: [i64; 2]) -> Self {
        let [more_inputs, more_outputs] =
            [inputs - self.weight.size()[1], outputs - self.weight.size()[0]];
        assert!(more_inputs >= 0 && more_outputs >= 0, "a layer is filled up, not cut");
        if [more_inputs, more_outputs] == [0, 0] {
            return self.share();
        }
        Self {
            weight: self.weight.constant_pad_nd([0, more_inputs, 0, more_outputs]),
            bias: self.bias.constant_pad_nd([0, more_outputs]),
        }
    }

    /// Returns a layer with the outputs of both, this one's first; gradients reach the weights of both.
    #[must_use]
    pub(crate) fn beside(&self, other: &Self) -> Self {
        let joined = |mine: &Tensor, theirs: &Tensor| Tensor::cat(&[mine, theirs], 0);
        Self { weight: joined(&self.weight, &other.weight), bias: joined(&self.bias, &other.bias) }
    }

    /// Returns the same layer, in the same memory.
    #[must_use]
    pub(crate) fn share(&self) -> Self {
        Self { weight: self.weight.shallow_clone(), bias: self.bias.shallow_clone() }
    }

    /// Returns weight `[out, in]` and bias `[out]`.
    pub(crate) fn parts(&self) -> [&Tensor; 2] {
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

    /// Returns the layer of one row, in the same memory.
    pub(super) fn row(&self, row: i64) -> Self {
        let [weight, bias, scale] =
            [&self.weight, &self.bias, &self.scale].map(|all| all.narrow(0, row, 1));
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
    pub(crate) fn forward_tasks(&self, input: &Tensor) -> Tensor {
        let [tasks, outputs] = [self.bias.size()[0], self.bias.size()[1]];
        let weight = self.weight.view([tasks, outputs, -1]);
        let product = input.bmm(&weight.transpose(1, 2));
        self.bias.unsqueeze(1).addcmul(&product, &(&self.scale + 1.0).unsqueeze(1))
    }

    /// Applies one layer to all rows: the weights are those of a single row (`B = 1`).
    ///
    /// # Shapes
    /// `input [n, in]`; result `[n, out]`.
    pub(crate) fn forward_shared(&self, input: &Tensor) -> Tensor {
        let weight = self.weight.view([self.bias.size()[1], -1]);
        self.bias.addcmul(&input.matmul(&weight.tr()), &(&self.scale + 1.0))
    }
}
