//! Two critics that learn side by side, each with a slow target and an optimiser of its own.
//!
//! TD3 and SAC share them. Each critic runs on its own worker.
//!
//! # Deviations
//!
//! - Each critic has its own Adam: the sum of two separate losses has separate gradients, so this
//!   equals the authors' one optimiser over both.
//! - The vector that both Emb-Hyper critics share is held twice. Both copies start alike and take
//!   the same steps, along the sum of the two critics' gradients, so they stay equal bit for bit.

use std::sync::Arc;

use tch::{Reduction, Tensor};

use super::chunks::{LossAndGradient, loss_and_gradient};
use super::learner::Part;
use crate::error::Result;
use crate::nn::adam::{Adam, PolyakTarget};
use crate::nn::critic::{CriticKind, Dims, QNet};
use crate::nn::init::{Init, Inits};
use crate::nn::weights::{Params, Reuse, Source, Training};

/// One critic with its target and its optimiser.
pub struct CriticUnit {
    /// The critic that learns.
    pub online: QNet,
    /// The slow copy that makes the regression's targets.
    pub target: QNet,
    /// Its optimiser.
    pub adam: Adam,
}

/// Both critics.
pub struct Twin {
    /// The first and the second critic.
    pub units: [CriticUnit; 2],
    tied: &'static [&'static str],
    workers: Arc<rayon::ThreadPool>,
}

/// What a pair of critics is built from.
pub struct TwinSpec {
    /// Architecture of both.
    pub kind: CriticKind,
    /// Sizes of observation and action.
    pub dims: Dims,
    /// How new weights start.
    pub inits: Inits,
    /// Adam's learning rate.
    pub learning_rate: f64,
}

impl Twin {
    /// Builds both critics; targets start as copies.
    ///
    /// # Errors
    /// Those of the sources.
    pub fn new(
        spec: &TwinSpec,
        [first, second]: [&mut dyn Source; 2],
        workers: Arc<rayon::ThreadPool>,
    ) -> Result<Self> {
        let TwinSpec { kind, dims, inits, learning_rate } = *spec;
        let unit = |source: &mut dyn Source| -> Result<CriticUnit> {
            let online = QNet::with_init(kind, dims, Training::Trainable, (source, inits))?;
            let target = online.again(Reuse::Copy, Training::Frozen)?;
            let adam = Adam::new(online.params(), learning_rate);
            Ok(CriticUnit { online, target, adam })
        };
        let tied = kind.tied();
        let first = unit(first)?;
        let second = unit(&mut Tied { names: tied, with: first.online.params(), others: second })?;
        Ok(Self { units: [first, second], tied, workers })
    }

    /// Returns both critics by their names on disk.
    pub(super) fn parts(&self) -> [Part<'_>; 2] {
        let [first, second] = &self.units;
        [first.part("critic.q1"), second.part("critic.q2")]
    }

    /// Returns the smaller of both targets' values; `obs [B, S]`, `action [B, A]`, result `[B]`.
    pub fn smaller_target(&mut self, obs: &Tensor, action: &Tensor) -> Tensor {
        let inputs = [[obs, action]; 2].map(|pair| pair.map(Tensor::shallow_clone));
        let [first, second] = self
            .on_both(inputs, |unit, [obs, action]| tch::no_grad(|| unit.target.q(&obs, &action)));
        first.minimum(&second)
    }

    /// One step of each critic towards `target_q [B]`; where `follow` gives a fraction τ, the targets
    /// then follow. Returns each critic's mean squared error before the step.
    pub fn regress(
        &mut self,
        [obs, action, target_q]: [&Tensor; 3],
        follow: Option<f64>,
    ) -> [f64; 2] {
        let inputs = [[obs, action, target_q]; 2].map(|all| all.map(Tensor::shallow_clone));
        let [(first_loss, first), (second_loss, second)] = self.on_both(inputs, |unit, inputs| {
            let [obs, action, target_q] = &inputs;
            unit.error(obs, action, target_q)
        });
        let gradients = self.tie([first, second]);
        self.on_both(gradients, |unit, gradients| unit.step(&gradients, follow));
        [first_loss, second_loss]
    }

    /// Gives both copies of a shared weight the sum of their gradients.
    fn tie(&self, [mut first, mut second]: [Vec<Tensor>; 2]) -> [Vec<Tensor>; 2] {
        for (i, param) in self.units[0].online.params().iter().enumerate() {
            if self.tied.contains(&param.name.as_str()) {
                let sum = &first[i] + &second[i];
                second[i] = sum.copy();
                first[i] = sum;
            }
        }
        [first, second]
    }

    /// Runs the same work for both critics, on two workers where there are two.
    fn on_both<I: Send, T: Send>(
        &mut self,
        [a, b]: [I; 2],
        work: impl Fn(&mut CriticUnit, I) -> T + Sync,
    ) -> [T; 2] {
        let [first, second] = &mut self.units;
        let (a, b) = self.workers.join(|| work(first, a), || work(second, b));
        [a, b]
    }
}

impl CriticUnit {
    fn part(&self, name: &'static str) -> Part<'_> {
        let (online, target) = (self.online.params(), Some(self.target.params()));
        Part { name, online, target, adam: &self.adam }
    }

    /// Returns the mean squared error from `target_q [B]` and its gradient for each weight.
    fn error(&self, obs: &Tensor, action: &Tensor, target_q: &Tensor) -> LossAndGradient {
        let loss = self.online.q(obs, action).mse_loss(target_q, Reduction::Mean);
        loss_and_gradient(&loss, self.online.params())
    }

    /// One step against the gradients; then the target follows, where it should.
    fn step(&mut self, gradients: &[Tensor], follow: Option<f64>) {
        let target = follow.map(|tau| PolyakTarget { params: self.target.params(), tau });
        self.adam.step(self.online.params(), gradients, target);
    }
}

/// The second critic's weights: tied ones are copies of the first's.
struct Tied<'s> {
    names: &'static [&'static str],
    with: &'s Params,
    others: &'s mut dyn Source,
}

impl Source for Tied<'_> {
    fn tensor(&mut self, name: &str, shape: &[i64], init: &Init) -> Result<Tensor> {
        let own = self.others.tensor(name, shape, init)?;
        if self.names.contains(&name) {
            return Ok(self.with.find(name)?.detach().copy());
        }
        Ok(own)
    }
}
