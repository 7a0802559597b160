//! One update of PEARL: encoder and Q, then V and its target, then the policy (Rakelly et al. 2019,
//! Algorithm 1).
//!
//! The tasks of a batch are cut into [`GROUPS`], each of which runs on a worker with its own view of the
//! weights; losses and gradients are added up in the order of the groups.
//!
//! # Deviations
//! The published code draws the latents twice and uses the second draw; here they are drawn once.

use tch::Tensor;

use super::super::chunks::{LossAndGradient, on_each, sum};
use super::agent::{PearlAgent, PearlLosses};
use super::group::{GROUPS, Group, PearlBatch, Regression, Rows};
use crate::nn::adam::{Adam, PolyakTarget};
use crate::nn::weights::Params;

impl PearlAgent {
    /// One gradient step of every network.
    ///
    /// # Shapes
    /// The noise of latents `[T, Z]` and of actions `[T, B, A]` is standard normal, drawn by the
    /// caller.
    ///
    /// # Panics
    /// If the tensors of the batch differ in tasks or rows.
    pub fn update(&mut self, batch: &PearlBatch, noises: [&Tensor; 2]) -> PearlLosses {
        check(batch, noises);
        self.updates += 1;
        let groups = in_groups(batch, noises);
        let (divergence, critics, z) = self.regress(&groups);
        let [value, policy] = self.improve(groups, z);
        PearlLosses { divergence, critics, value, policy }
    }

    /// One step of both critics, and of the encoder on the sum of their losses and the divergence.
    /// Returns divergence, losses and each group's latents.
    fn regress(&mut self, groups: &[Rows]) -> (f64, [f64; 2], Vec<Tensor>) {
        let total = count(groups);
        let config = &self.config;
        let views = self.groups.iter_mut().collect();
        let work = |view: &mut Group, rows: Rows| view.regress(&rows, total, config);
        let shared = groups.iter().map(Rows::share).collect();
        let found = on_each(&self.workers, views, shared, work);

        let (mut z, mut of_encoder) = (Vec::new(), Vec::new());
        let (mut of_q1, mut of_q2) = (Vec::new(), Vec::new());
        for Regression { z: latents, encoder, critics: [q1, q2] } in found {
            z.push(latents);
            of_encoder.push(encoder);
            of_q1.push(q1);
            of_q2.push(q2);
        }
        let (encoder, [q1, q2]) = (&mut self.encoder, &mut self.critics);
        let ((divergence, first), second) = self.workers.join(
            move || {
                let divergence = step(&mut encoder.adam, encoder.net.params(), of_encoder, None);
                (divergence, step(&mut q1.adam, q1.net.params(), of_q1, None))
            },
            move || step(&mut q2.adam, q2.net.params(), of_q2, None),
        );
        (divergence, [first, second], z)
    }

    /// One step of V, which its target follows, and of the policy; returns their losses.
    fn improve(&mut self, groups: Vec<Rows>, z: Vec<Tensor>) -> [f64; 2] {
        let total = count(&groups);
        let config = &self.config;
        let views = self.groups.iter_mut().collect();
        let chunks = groups.into_iter().zip(z).collect();
        let results = on_each(&self.workers, views, chunks, |view: &mut Group, (rows, z)| {
            view.improve(&rows, &z, total, config)
        });
        let (of_value, of_policy): (Vec<_>, Vec<_>) = results.into_iter().unzip();
        let (v, pi) = (&mut self.value, &mut self.policy);
        let (target, tau) = (&mut self.target, config.tau);
        let (value, policy) = self.workers.join(
            move || {
                let target = PolyakTarget { params: target.params(), tau };
                step(&mut v.adam, v.net.params(), of_value, Some(target))
            },
            move || step(&mut pi.adam, pi.net.params(), of_policy, None),
        );
        [value, policy]
    }
}

/// One step along the sum of the groups' gradients; returns the sum of their losses.
fn step(
    adam: &mut Adam,
    params: &Params,
    groups: Vec<LossAndGradient>,
    target: Option<PolyakTarget>,
) -> f64 {
    let (loss, gradient) = sum(groups);
    adam.step(params, &gradient, target);
    loss
}

fn in_groups(batch: &PearlBatch, noises: [&Tensor; 2]) -> Vec<Rows> {
    let batches = batch.tensors().map(|whole| whole.chunk(GROUPS, 0));
    let noises = noises.map(|whole| whole.chunk(GROUPS, 0));
    let rows = |group: usize| {
        let batch = PearlBatch::of(batches.each_ref().map(|all| all[group].shallow_clone()));
        let [latent_noise, noise] = noises.each_ref().map(|all| all[group].shallow_clone());
        Rows { batch, latent_noise, noise }
    };
    (0..noises[0].len()).map(rows).collect()
}

/// Stops where tasks or rows differ from those of the actions: they would be cut short, or broadcast.
fn check(batch: &PearlBatch, [latent_noise, action_noise]: [&Tensor; 2]) {
    let PearlBatch { context, obs, action, reward, next_obs, alive } = batch;
    let rows = &action.size()[..2];
    for (number, name) in [(reward, "reward"), (alive, "alive")] {
        assert_eq!(number.size(), rows, "tasks and rows of {name}");
    }
    for (vector, name) in [(obs, "obs"), (next_obs, "next_obs"), (action_noise, "noise")] {
        assert_eq!(&vector.size()[..2], rows, "tasks and rows of {name}");
    }
    for (of_task, name) in [(context, "context"), (latent_noise, "latents")] {
        assert_eq!(of_task.size()[0], rows[0], "tasks of {name}");
    }
}

/// Returns the number of transitions in all groups together.
fn count(groups: &[Rows]) -> f64 {
    groups.iter().map(|rows| rows.batch.reward.numel()).sum::<usize>() as f64
}
