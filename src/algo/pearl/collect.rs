//! Collection: trajectories of a task with z from the prior, then with z from what the encoder makes of
//! those (authors' `collect_data`).
//!
//! A visit of a task is complete trajectories until a number of steps is reached. Visits do not depend on
//! one another, nor do trajectories whose z comes from the prior: they run side by side. Streams are named
//! after visit and trajectory, so that side by side is the same as one after the other.

use tch::Kind;

use super::buffers::{Buffers, To};
use super::trajectory::{Acting, Ending, Player, Start, Trajectory};
use crate::env::Task;
use crate::error::Result;
use crate::nn::context::Posterior;
use crate::rng::Stream;

/// A visit of a task, before it is made.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Its place in the list of training tasks.
    pub index: usize,
    /// The task.
    pub task: Task,
    /// What its trajectories' streams are named under.
    pub stream: Stream,
}

/// How long a visit is, and what the encoder sees.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Steps with z from the prior.
    pub prior_steps: usize,
    /// Steps with z from the posterior.
    pub posterior_steps: usize,
    /// Transitions from which a posterior is inferred.
    pub context: usize,
    /// Whether terminal transitions are kept.
    pub ending: Ending,
}

/// The trajectories of a visit.
#[derive(Debug, Clone, Default)]
pub struct Collected {
    /// Trajectories with z from the prior.
    pub prior: Vec<Trajectory>,
    /// Trajectories with z from the posterior, and a first one from the prior.
    pub posterior: Vec<Trajectory>,
}

/// Returns the steps of trajectories.
pub fn steps(trajectories: &[Trajectory]) -> usize {
    trajectories.iter().map(Trajectory::steps).sum()
}

impl Player<'_> {
    /// Makes visits.
    ///
    /// # Errors
    /// As [`Player::run`].
    pub fn collect(&self, visits: &[Visit], plan: Plan) -> Result<Vec<Collected>> {
        let prior = self.collect_prior(visits, plan.prior_steps)?;
        // The encoder sees its own visit alone, as if the task's buffer had been cleared for it.
        let longest = prior.iter().map(|own| steps(own)).max().unwrap_or(0);
        let mut seen = Buffers::new(self.dims(), visits.len(), longest, plan.ending);
        for (visit, own) in prior.iter().enumerate() {
            seen.add(visit, own, To::Both);
        }
        let posterior = self.collect_posterior(visits, &seen, plan)?;
        let both = prior.into_iter().zip(posterior);
        Ok(both.map(|(prior, posterior)| Collected { prior, posterior }).collect())
    }

    /// Collects `wanted` steps or more in each visit, with z from the prior.
    pub(super) fn collect_prior(
        &self,
        visits: &[Visit],
        wanted: usize,
    ) -> Result<Vec<Vec<Trajectory>>> {
        let anybody = Posterior::prior(1, Kind::Float);
        let mut all = vec![Vec::new(); visits.len()];
        loop {
            let (mut whose, mut starts) = (Vec::new(), Vec::new());
            for (number, (visit, own)) in visits.iter().zip(&all).enumerate() {
                // So many are needed even if none ends early.
                let more = wanted.saturating_sub(steps(own)).div_ceil(self.horizon);
                for trajectory in own.len()..own.len() + more {
                    let stream = visit.stream.child(&format!("prior-{trajectory}"));
                    starts.push(Start::new(visit.task, &anybody, stream)?);
                    whose.push(number);
                }
            }
            if starts.is_empty() {
                return Ok(all);
            }
            for (number, trajectory) in whose.into_iter().zip(self.run(&starts, Acting::Drawn)?) {
                all[number].push(trajectory);
            }
        }
    }

    /// Collects the steps of each visit whose z comes from the posterior; that of the first trajectory comes from the
    /// prior. `seen` holds what the encoder may see of each visit.
    fn collect_posterior(
        &self,
        visits: &[Visit],
        seen: &Buffers,
        plan: Plan,
    ) -> Result<Vec<Vec<Trajectory>>> {
        let mut all = vec![Vec::new(); visits.len()];
        loop {
            let open = |number: &usize| steps(&all[*number]) < plan.posterior_steps;
            let open: Vec<usize> = (0..visits.len()).filter(open).collect();
            if open.is_empty() {
                return Ok(all);
            }
            let start = |&number: &usize| {
                let (visit, done) = (&visits[number], all[number].len());
                let stream = visit.stream.child(&format!("posterior-{done}"));
                let belief = if done == 0 {
                    Posterior::prior(1, Kind::Float)
                } else {
                    let rows = &mut stream.child("context");
                    self.agent.infer(&seen.context(&[number], plan.context, rows))
                };
                Start::new(visit.task, &belief, stream)
            };
            let starts = open.iter().map(start).collect::<Result<Vec<_>>>()?;
            for (number, trajectory) in open.into_iter().zip(self.run(&starts, Acting::Drawn)?) {
                all[number].push(trajectory);
            }
        }
    }
}
