//! PEARL's agent: its networks with their optimisers, how it infers its task and how it acts.

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use super::super::learner::{Part, check_finite, normal, target_name};
use super::config::PearlConfig;
pub use super::group::PearlBatch;
use super::group::{GROUPS, Group};
use crate::error::Result;
use crate::nn::adam::Adam;
use crate::nn::context::{Encoder, LATENT, Posterior};
use crate::nn::pearl::policy::{InTasks, TaskPolicy};
use crate::nn::pearl::value::{TaskCritic, TaskValue};
use crate::nn::weights::{Draw, Reuse, Shapes, Source, Training};
use crate::rng::Stream;

/// Losses of one update, before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PearlLosses {
    /// The posteriors' divergence from the prior, summed over tasks and weighted, nats.
    pub divergence: f64,
    /// Mean squared error of each Q.
    pub critics: [f64; 2],
    /// Mean squared error of V.
    pub value: f64,
    /// What the policy descends, its regularisers included.
    pub policy: f64,
}

impl PearlLosses {
    /// Returns divergence, first and second critic, value, policy.
    pub(super) fn numbers(self) -> [f64; 5] {
        let Self { divergence, critics: [q1, q2], value, policy } = self;
        [divergence, q1, q2, value, policy]
    }

    /// Fails with [`crate::Error::NonFinite`], naming them, if any are NaN or infinite.
    pub(super) fn check(self) -> Result<()> {
        let [divergence, q1, q2, value, policy] = self.numbers();
        check_finite(&[
            ("encoder", divergence),
            ("critic.q1", q1),
            ("critic.q2", q2),
            ("value", value),
            ("policy", policy),
        ])
    }

    pub(super) fn of_numbers([divergence, q1, q2, value, policy]: [f64; 5]) -> Self {
        Self { divergence, critics: [q1, q2], value, policy }
    }
}

/// A network that learns, with its optimiser.
pub(super) struct Unit<N> {
    pub(super) net: N,
    pub(super) adam: Adam,
}

/// The agent.
pub struct PearlAgent {
    pub(super) config: PearlConfig,
    pub(super) encoder: Unit<Encoder>,
    pub(super) critics: [Unit<TaskCritic>; 2],
    pub(super) value: Unit<TaskValue>,
    /// The slow copy of V, which makes the targets of Q.
    pub(super) target: TaskValue,
    pub(super) policy: Unit<TaskPolicy>,
    pub(super) groups: Vec<Group>,
    pub(super) updates: u64,
    pub(super) workers: Arc<rayon::ThreadPool>,
}

/// Where the weights come from.
pub struct PearlSources<'s> {
    /// The encoder's.
    pub encoder: &'s mut dyn Source,
    /// The first critic's.
    pub q1: &'s mut dyn Source,
    /// The second critic's.
    pub q2: &'s mut dyn Source,
    /// V's.
    pub value: &'s mut dyn Source,
    /// The policy's.
    pub policy: &'s mut dyn Source,
}

impl PearlAgent {
    /// Makes an agent with new weights of the run's own streams.
    ///
    /// # Errors
    /// None in practice: weights that are drawn have the shapes that are asked for.
    pub fn new(config: &PearlConfig, workers: Arc<rayon::ThreadPool>) -> Result<Self> {
        let init = Stream::new(config.seed, "init");
        let streams = ["encoder", "q1", "q2", "value", "policy"].map(|part| init.child(part));
        let [mut encoder, mut q1, mut q2, mut value, mut policy] = streams
            .each_ref()
            .map(|stream| Draw { stream, kind: Kind::Float, device: Device::Cpu });
        let sources = PearlSources {
            encoder: &mut encoder,
            q1: &mut q1,
            q2: &mut q2,
            value: &mut value,
            policy: &mut policy,
        };
        Self::from_sources(config, sources, workers)
    }

    /// Makes an agent of given weights; V's target starts as a copy.
    ///
    /// # Errors
    /// Those of the sources.
    pub fn from_sources(
        config: &PearlConfig,
        sources: PearlSources,
        workers: Arc<rayon::ThreadPool>,
    ) -> Result<Self> {
        let (design, rates) = (config.design(), config.rates());
        let learning = Training::Trainable;
        let encoder = Encoder::new(design.dims, learning, sources.encoder)?;
        let q1 = TaskCritic::new(design, learning, sources.q1)?;
        let q2 = TaskCritic::new(design, learning, sources.q2)?;
        let value = TaskValue::new(design, learning, sources.value)?;
        let target = value.again(Reuse::Copy, Training::Frozen)?;
        let policy = TaskPolicy::new(design, learning, sources.policy)?;
        let group = |_| Group::sharing(&encoder, [&q1, &q2], [&value, &target], &policy);
        let groups = (0..GROUPS).map(group).collect::<Result<_>>()?;
        let critic = |net: TaskCritic| Unit { adam: Adam::new(net.params(), rates.critic), net };
        Ok(Self {
            config: config.clone(),
            encoder: Unit { adam: Adam::new(encoder.params(), rates.encoder), net: encoder },
            critics: [critic(q1), critic(q2)],
            value: Unit { adam: Adam::new(value.params(), rates.critic), net: value },
            target,
            policy: Unit { adam: Adam::new(policy.params(), rates.policy), net: policy },
            groups,
            updates: 0,
            workers,
        })
    }

    /// Returns what contexts say of their tasks; `context [T, N, S + A + 1]`.
    pub fn infer(&self, context: &Tensor) -> Posterior {
        tch::no_grad(|| self.encoder.net.posterior(context))
    }

    /// Returns actions in `[-1, 1]^A`: draws of the policy with `noise`, without it tanh of its mean.
    ///
    /// # Shapes
    /// `obs [N, S]`; `z [1, Z]`, the task of all rows, or `[N, Z]`, one of each; `noise [N, A]`,
    /// standard normal; result `[N, A]`.
    pub fn act(&self, obs: &Tensor, z: &Tensor, noise: Option<&Tensor>) -> Tensor {
        // [1, N, ..]: all rows are of one task; [N, 1, ..]: each is of its own.
        let task = i64::from(z.size()[0] != 1);
        let by_task = |rows: &Tensor| rows.unsqueeze(task);
        self.policy_in(z).act(&by_task(obs), noise.map(by_task).as_ref()).flatten(0, 1)
    }

    /// Returns the policy in the tasks of these latents, `z [T, Z]`, to act many times in them.
    pub fn policy_in(&self, z: &Tensor) -> InTasks {
        tch::no_grad(|| self.policy.net.in_tasks(z))
    }

    /// Returns Q₁ and Q₂ with the same weights, in the same memory, frozen.
    ///
    /// # Errors
    /// None in practice: the architectures are equal.
    pub fn frozen_critics(&self) -> Result<[TaskCritic; 2]> {
        let [first, second] = &self.critics;
        let frozen = |unit: &Unit<TaskCritic>| unit.net.again(Reuse::Share, Training::Frozen);
        Ok([frozen(first)?, frozen(second)?])
    }

    /// One gradient step of every network; the noise of latents, then of actions, comes from `noise`.
    ///
    /// # Panics
    /// If the tensors of the batch differ in tasks or rows.
    pub fn learn(&mut self, batch: &PearlBatch, noise: &mut Stream) -> PearlLosses {
        let shape = batch.action.size();
        let latent = normal(noise, [shape[0], LATENT], Device::Cpu);
        let action = normal(noise, [shape[0] * shape[1], shape[2]], Device::Cpu);
        self.update(batch, [&latent, &action.view(&shape[..])])
    }

    /// Returns the updates made so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Continues the count of updates after the weights were restored.
    pub fn set_updates(&mut self, updates: u64) {
        self.updates = updates;
    }

    /// Returns encoder, first and second critic, V and policy, by their names on disk.
    pub fn parts(&self) -> [Part<'_>; 5] {
        let [q1, q2] = &self.critics;
        let part = |name, online, adam| Part { name, online, target: None, adam };
        let value = part("value", self.value.net.params(), &self.value.adam);
        [
            part("encoder", self.encoder.net.params(), &self.encoder.adam),
            part("critic.q1", q1.net.params(), &q1.adam),
            part("critic.q2", q2.net.params(), &q2.adam),
            Part { target: Some(self.target.params()), ..value },
            part("policy", self.policy.net.params(), &self.policy.adam),
        ]
    }

    /// Returns the optimisers of [`Self::parts`].
    pub(crate) fn optimisers(&mut self) -> [&mut Adam; 5] {
        let [q1, q2] = &mut self.critics;
        let (encoder, value, policy) = (&mut self.encoder, &mut self.value, &mut self.policy);
        [&mut encoder.adam, &mut q1.adam, &mut q2.adam, &mut value.adam, &mut policy.adam]
    }
}

/// Returns name and shape of every tensor of an agent, V's slow copy included.
pub(in crate::algo) fn tensors(config: &PearlConfig) -> Result<Vec<(String, Vec<i64>)>> {
    let (design, frozen) = (config.design(), Training::Frozen);
    let critic = TaskCritic::new(design, frozen, &mut Shapes)?;
    let value = TaskValue::new(design, frozen, &mut Shapes)?;
    Ok([
        Encoder::new(design.dims, frozen, &mut Shapes)?.params().shapes("encoder"),
        critic.params().shapes("critic.q1"),
        critic.params().shapes("critic.q2"),
        value.params().shapes("value"),
        value.params().shapes(&target_name("value")),
        TaskPolicy::new(design, frozen, &mut Shapes)?.params().shapes("policy"),
    ]
    .concat())
}
