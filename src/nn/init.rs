//! Every initial bound of the paper and of `PyTorch`, by name (App. D.3).

use serde::{Deserialize, Serialize};

/// How the entries of one tensor start.
#[derive(Debug, Clone, PartialEq)]
pub enum Init {
    /// All zero.
    Zeros,
    /// All the same number.
    Constant(f64),
    /// Uniform on `[-bound, bound)`.
    Uniform(f64),
    /// Uniform on `[0, 1)`.
    Unit,
    /// Blocks of rows, each with its own rule: `(rows, rule)` from the top.
    Rows(Vec<(i64, Init)>),
}

impl Init {
    /// `PyTorch`'s default for weight and bias of a linear layer: bound `1/√fan_in`.
    pub fn pytorch(fan_in: i64) -> Self {
        Self::Uniform(1.0 / (fan_in as f64).sqrt())
    }
}

/// How weight and bias of an ordinary linear layer start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerInit {
    /// `PyTorch`'s default: both with bound `1/√fan_in`.
    Pytorch,
    /// The paper's primary network: weights with bound `1/(2√fan_in)`, which is fan-in Kaiming
    /// uniform with gain `1/√12`; biases keep `PyTorch`'s default.
    Primary,
    /// The primary network of the authors' SAC code: weights with bound `1/√(2 fan_in)`.
    SacPrimary,
    /// Xavier uniform weights, bound `√(6/(fan_in + fan_out))`, and zero biases: every plain network
    /// of the authors' SAC code.
    Xavier,
    /// Hidden layers of PEARL's plain networks: weights with bound `1/√fan_out` (rlkit calls it
    /// "fanin" and reads the wrong side of `[out, in]`), biases 0.1.
    FanOut,
}

impl LayerInit {
    /// Returns the rule for the weight `[fan_out, fan_in]`.
    pub fn weight(self, [fan_in, fan_out]: [i64; 2]) -> Init {
        let (fan_in, fan_out) = (fan_in as f64, fan_out as f64);
        Init::Uniform(match self {
            Self::Pytorch => 1.0 / fan_in.sqrt(),
            Self::Primary => 0.5 / fan_in.sqrt(),
            Self::SacPrimary => 1.0 / (2.0 * fan_in).sqrt(),
            Self::Xavier => (6.0 / (fan_in + fan_out)).sqrt(),
            Self::FanOut => 1.0 / fan_out.sqrt(),
        })
    }

    /// Returns the rule for the bias `[fan_out]`.
    pub fn bias(self, fan_in: i64) -> Init {
        match self {
            Self::Pytorch | Self::Primary | Self::SacPrimary => Init::pytorch(fan_in),
            Self::Xavier => Init::Zeros,
            Self::FanOut => Init::Constant(0.1),
        }
    }
}

/// Bound of the head that makes the hidden dynamic layer (paper, App. D.3).
pub(crate) const HIDDEN_HEAD_BOUND: f64 = 0.05;

/// Bound of the head that makes the dynamic output layer (paper, App. D.3).
pub(crate) const OUTPUT_HEAD_BOUND: f64 = 0.008;

/// Which initialisation a hypernetwork starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HyperInit {
    /// The paper's: [`LayerInit::Primary`] in the primary, small heads with zero biases.
    #[default]
    Paper,
    /// The authors' SAC code: [`LayerInit::SacPrimary`] in the primary, the paper's heads.
    SacCode,
    /// `PyTorch`'s default in every layer, the heads included (the paper's "Pytorch Hyper init", whose
    /// text leaves open whether the heads are meant).
    Pytorch,
    /// `PyTorch`'s default in the primary, the paper's heads: the other reading of the same words.
    PytorchPrimary,
}

impl HyperInit {
    /// Returns the rule of the primary's layers.
    pub fn primary(self) -> LayerInit {
        match self {
            Self::Paper => LayerInit::Primary,
            Self::SacCode => LayerInit::SacPrimary,
            Self::Pytorch | Self::PytorchPrimary => LayerInit::Pytorch,
        }
    }

    /// Returns whether the heads start as any linear layer of `PyTorch`, not as the paper's.
    pub(crate) fn default_heads(self) -> bool {
        self == Self::Pytorch
    }
}

/// How the networks of an algorithm start: plain ones and hypernetworks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inits {
    /// Every layer of a plain network.
    pub plain: LayerInit,
    /// Primary and heads of a hypernetwork.
    pub hyper: HyperInit,
}

impl Default for Inits {
    /// What TD3 uses: `PyTorch`'s for plain networks, the paper's for hypernetworks.
    fn default() -> Self {
        Self { plain: LayerInit::Pytorch, hyper: HyperInit::Paper }
    }
}
