//! The pre-activation residual block of the paper's primary network (App. D.1).

use tch::Tensor;

use super::dense::Linear;
use super::init::Init;
use super::weights::Builder;
use crate::error::Result;

/// `y = x + L₂(relu(L₁(relu(x))))` with equal widths; nothing follows the sum.
#[derive(Debug)]
pub struct Residual {
    fc1: Linear,
    fc2: Linear,
}

impl Residual {
    /// Builds a block of the given width.
    ///
    /// # Errors
    /// Those of the weights' source.
    pub fn new(builder: &mut Builder, width: i64, weight: &Init) -> Result<Self> {
        Ok(Self {
            fc1: builder.within("fc1", |b| Linear::new(b, width, width, weight))?,
            fc2: builder.within("fc2", |b| Linear::new(b, width, width, weight))?,
        })
    }

    /// Applies the block; shapes `[B, width]` both.
    pub fn forward(&self, input: &Tensor) -> Tensor {
        input + self.fc2.forward(&self.fc1.forward(&input.relu()).relu())
    }
}
