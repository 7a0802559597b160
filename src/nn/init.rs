//! Every initial bound of the paper and of `PyTorch`, by name (App. D.3).

use serde::{Deserialize, Serialize};

/// How the entries of one tensor start.
#[derive(Debug, Clone, PartialEq)]
pub enum Init {
    /// All zero.
    Zeros,
    /// Uniform on `[-bound, bound)`.
    Uniform(f64),
    /// Blocks of rows, each with its own rule: `(rows, rule)` from the top.
    Rows(Vec<(i64, Init)>),
}

impl Init {
    /// `PyTorch`'s default for weight and bias of a linear layer: bound `1/√fan_in`.
    pub fn pytorch(fan_in: i64) -> Self {
        Self::Uniform(1.0 / (fan_in as f64).sqrt())
    }

    /// The paper's bound for every weight of the primary network: `1/(2√fan_in)`, which is
    /// fan-in Kaiming uniform with gain `1/√12`. Its biases keep `PyTorch`'s default.
    pub fn primary(fan_in: i64) -> Self {
        Self::Uniform(0.5 / (fan_in as f64).sqrt())
    }
}

/// Bound of the head that makes the hidden dynamic layer (paper, App. D.3).
pub const HIDDEN_HEAD_BOUND: f64 = 0.05;

/// Bound of the head that makes the dynamic output layer (paper, App. D.3).
pub const OUTPUT_HEAD_BOUND: f64 = 0.008;

/// Which initialisation a hypernetwork starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HyperInit {
    /// The paper's: [`Init::primary`] in the primary, small heads with zero biases.
    #[default]
    Paper,
    /// `PyTorch`'s default in every layer, the heads included (the paper's "Pytorch Hyper init").
    Pytorch,
}
