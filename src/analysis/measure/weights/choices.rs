//! Choices by name: what the paper leaves open, and what is compared.

use crate::env::EnvId;
use crate::names::named;
use crate::nn::init::HyperInit;

named!("scaling",
    /// What a drawn network sees of an observation.
    Scaling {
        /// The observation as the environment gives it.
        Raw = "raw",
        /// Each number minus its mean over its standard deviation, both over the visited states.
        Standardised = "standardised",
    }
);

named!("heads",
    /// What "Pytorch Hyper init" does to the heads.
    Heads {
        /// `PyTorch`'s default, as in the primary.
        Pytorch = "pytorch",
        /// They keep the paper's bounds: the text speaks of "the primary network" only.
        Hyper = "hyper",
    }
);

impl Heads {
    /// Returns the initialisation of the whole hypernetwork.
    pub fn init(self) -> HyperInit {
        match self {
            Self::Pytorch => HyperInit::Pytorch,
            Self::Hyper => HyperInit::PytorchPrimary,
        }
    }
}

named!("start",
    /// Which hypernetwork made the weights.
    Start {
        /// Drawn with the paper's initialisation.
        Hyper = "hyper-init",
        /// Drawn with `PyTorch`'s.
        Pytorch = "pytorch-hyper-init",
        /// A checkpoint's.
        Trained = "trained",
    }
);

named!("layer",
    /// One of the two layers that the dynamic network and MLP-Small have in common.
    Layer {
        /// `… → 256`: W₁.
        Hidden = "layer-1",
        /// `256 → 1`: W₂.
        Output = "layer-2",
    }
);

impl Layer {
    /// Returns `PyTorch`'s initial bound of this layer of MLP-Small, `1/√fan_in`.
    pub fn bound(self, env: EnvId) -> f64 {
        let spec = env.spec();
        let fan_in = match self {
            Self::Hidden => spec.obs_dim + spec.action_dim,
            Self::Output => 256,
        };
        1.0 / (fan_in as f64).sqrt()
    }
}

named!("binning",
    /// Where the bins of a comparison lie.
    Binning {
        /// On the range of the reference, with an overflow bin on either side.
        Reference = "reference",
        /// On the range of both samples together.
        Joint = "joint",
    }
);
