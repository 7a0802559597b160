//! What an architecture of a critic offers: Q, and the dynamic network that a hypernetwork makes.

use tch::{Kind, Tensor};

use super::dense::DynamicLinear;

/// Q of many actions in one state: `action [B, A]`, result `[B]`.
pub type InState<'c> = Box<dyn Fn(&Tensor) -> Tensor + 'c>;

/// An estimate of the value of an action in a state.
pub trait Critic: Send {
    /// Returns Q.
    ///
    /// # Shapes
    /// `obs [B, S]`, `action [B, A]`; result `[B]`.
    fn q(&self, obs: &Tensor, action: &Tensor) -> Tensor;

    /// Returns Q in each of several states, `obs [T, S]`, as functions: whatever depends on the state alone is made
    /// once, for all of them together.
    fn in_states<'c>(&'c self, obs: &Tensor) -> Vec<InState<'c>> {
        let in_state = |obs: Tensor| -> InState<'c> {
            Box::new(move |action| self.q(&obs.expand([action.size()[0], -1], false), action))
        };
        obs.split(1, 0).into_iter().map(in_state).collect()
    }

    /// Returns the dynamic network that a hypernetwork makes for each row; other critics make none.
    ///
    /// # Shapes
    /// `obs [B, S]`, `action [B, A]`; one set of weights for each row, or a single one for all.
    fn dynamic(&self, _obs: &Tensor, _action: &Tensor) -> Option<DynamicNetwork> {
        None
    }
}

/// A dynamic network: one set of weights for each row of the batch.
#[derive(Debug)]
pub struct DynamicNetwork {
    /// `base → 256`.
    pub hidden: DynamicLinear,
    /// `256 → outputs`.
    pub output: DynamicLinear,
}

impl DynamicNetwork {
    /// Takes the outputs of the six heads, in their order. Where those are in bfloat16, the network computes in `f32`
    /// all the same: it is small, and its output is Q.
    pub(super) fn of_heads(parts: Vec<Tensor>) -> Self {
        let full = |part: Tensor| {
            if part.kind() == Kind::BFloat16 { part.to_kind(Kind::Float) } else { part }
        };
        let mut parts = parts.into_iter().map(full);
        let mut layer = || DynamicLinear {
            weight: parts.next().expect("six heads").contiguous(),
            bias: parts.next().expect("six heads"),
            scale: parts.next().expect("six heads"),
        };
        Self { hidden: layer(), output: layer() }
    }

    /// Returns the same network, in the same memory.
    #[must_use]
    pub fn share(&self) -> Self {
        Self { hidden: self.hidden.share(), output: self.output.share() }
    }

    /// Returns the network of one row, in the same memory.
    pub(super) fn row(&self, row: i64) -> Self {
        Self { hidden: self.hidden.row(row), output: self.output.row(row) }
    }

    /// Applies each row's own network; `base [B, in]`, result `[B, outputs]`.
    pub fn forward(&self, base: &Tensor) -> Tensor {
        self.output.forward(&self.hidden.forward(base).relu())
    }

    /// Applies each task's network to its rows: a row of the weights is one task's; `base [T, B, in]`,
    /// result `[T, B, outputs]`.
    pub(crate) fn forward_tasks(&self, base: &Tensor) -> Tensor {
        self.output.forward_tasks(&self.hidden.forward_tasks(base).relu())
    }

    /// Applies one network to all rows: its weights are those of a single row.
    pub(crate) fn forward_shared(&self, base: &Tensor) -> Tensor {
        self.output.forward_shared(&self.hidden.forward_shared(base).relu())
    }
}
