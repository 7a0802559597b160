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
//! - With [`Precision::Bf16`], which neither the paper nor its code has, products run through copies of both
//!   networks whose weights are rounded to bfloat16; what learns, is saved and is measured is `f32`.

use std::sync::Arc;

use tch::{Reduction, Tensor};

use super::chunks::{LossAndGradient, loss_and_gradient};
use super::learner::Part;
use crate::error::Result;
use crate::nn::adam::{Adam, PolyakTarget};
use crate::nn::bf16::Precision;
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
    /// Both with weights in bfloat16, where products run through those.
    rounded: Option<[QNet; 2]>,
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
            Ok(CriticUnit { online, target, adam, rounded: None })
        };
        let tied = kind.tied();
        let first = unit(first)?;
        let second = unit(&mut Tied { names: tied, with: first.online.params(), others: second })?;
        Ok(Self { units: [first, second], tied, workers })
    }

    /// Sets in what the products of learning compute.
    ///
    /// # Errors
    /// None in practice: the architectures are equal.
    pub(super) fn compute_in(&mut self, precision: Precision) -> Result<()> {
        for unit in &mut self.units {
            unit.rounded = match precision {
                Precision::Fp32 => None,
                Precision::Bf16 => Some([
                    unit.online.again(Reuse::Round, Training::Trainable)?,
                    unit.target.again(Reuse::Round, Training::Frozen)?,
                ]),
            };
        }
        Ok(())
    }

    /// Follows weights that were replaced.
    pub(super) fn restored(&mut self) {
        for CriticUnit { online, target, rounded, .. } in &self.units {
            for (rounded, full) in rounded.iter().flatten().zip([online, target]) {
                for (mut rounded, full) in
                    rounded.params().tensors().into_iter().zip(full.params().tensors())
                {
                    tch::no_grad(|| rounded.copy_(&full));
                }
            }
        }
    }

    /// Returns both critics by their names on disk.
    pub(super) fn parts(&self) -> [Part<'_>; 2] {
        let [first, second] = &self.units;
        [first.part("critic.q1"), second.part("critic.q2")]
    }

    /// Returns the smaller of both targets' values; `obs [B, S]`, `action [B, A]`, result `[B]`.
    pub fn smaller_target(&mut self, obs: &Tensor, action: &Tensor) -> Tensor {
        let inputs = [[obs, action]; 2].map(|pair| pair.map(Tensor::shallow_clone));
        let [first, second] = self.on_both(inputs, |unit, [obs, action]| {
            tch::no_grad(|| unit.computing()[1].q(&obs, &action))
        });
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
        let [online, _] = self.computing();
        let loss = online.q(obs, action).mse_loss(target_q, Reduction::Mean);
        loss_and_gradient(&loss, online.params())
    }

    /// Returns the critic and its slow copy through which products run.
    pub(super) fn computing(&self) -> [&QNet; 2] {
        match &self.rounded {
            Some([online, target]) => [online, target],
            None => [&self.online, &self.target],
        }
    }

    /// One step against the gradients; then the target follows, where it should.
    fn step(&mut self, gradients: &[Tensor], follow: Option<f64>) {
        let target = follow.map(|tau| PolyakTarget { params: self.target.params(), tau });
        let rounded = self.rounded.as_ref().map(|both| both.each_ref().map(QNet::params));
        self.adam.step_with_rounded(self.online.params(), gradients, target, rounded);
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

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::nn::weights::Draw;
    use crate::rng::Stream;

    /// Weights in the order in which they were built.
    fn numbers(params: &Params, kind: Kind) -> Vec<Vec<f32>> {
        let flat =
            |tensor: Tensor| tensor.detach().to_kind(kind).to_kind(Kind::Float).flatten(0, -1);
        params.tensors().into_iter().map(|tensor| Vec::try_from(flat(tensor)).unwrap()).collect()
    }

    #[test]
    fn weights_in_bfloat16_are_the_nearest_to_those_that_learn_after_every_step() {
        let (dims, stream) = (Dims { obs: 5, action: 2 }, Stream::new(0, "twin"));
        let spec = TwinSpec {
            kind: CriticKind::QD2rl,
            dims,
            inits: Inits::default(),
            learning_rate: 1e-2,
        };
        let source = |stream| Draw { stream, kind: Kind::Float, device: Device::Cpu };
        let children = [stream.child("q1"), stream.child("q2")];
        let [mut q1, mut q2] = children.each_ref().map(source);
        let workers = crate::nn::workers::start(1).unwrap();
        let mut twin = Twin::new(&spec, [&mut q1, &mut q2], workers).unwrap();
        twin.compute_in(Precision::Bf16).unwrap();
        let random = |rows: i64, columns: i64| {
            let mut draws = stream.child("batch");
            let values: Vec<f32> = (0..rows * columns).map(|_| draws.normal() as f32).collect();
            Tensor::from_slice(&values).view([rows, columns])
        };
        let (obs, action, target) = (random(8, 5), random(8, 2), random(8, 1).view([8]));
        let mut before = Vec::new();
        for follow in [None, Some(0.3), None] {
            twin.regress([&obs, &action, &target], follow);
            for CriticUnit { online, target, rounded, .. } in &twin.units {
                let rounded = rounded.as_ref().unwrap();
                for (rounded, full) in rounded.iter().zip([online, target]) {
                    let pairs = rounded.params().iter().zip(full.params().iter());
                    for (i, (rounded, full)) in pairs.enumerate() {
                        let kind = if i < 8 { Kind::BFloat16 } else { Kind::Float };
                        assert_eq!(rounded.tensor.kind(), kind, "{}", rounded.name);
                        assert!(rounded.tensor == full.tensor.to_kind(kind), "{}", rounded.name);
                    }
                }
            }
            let now = numbers(twin.units[0].online.params(), Kind::Float);
            assert!(now != before, "it learns");
            before = now;
        }
    }
}
