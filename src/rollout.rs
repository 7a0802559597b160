//! The return of a first action from a simulator state, in bulk.
//!
//! A rollout restores a snapshot, applies its first action for `hold` steps, then follows a policy
//! until the state is absorbing or its steps are used up. Rollouts run in blocks of [`BLOCK`], each
//! with its own simulators; a worker takes a block from start to end. The policy's forward pass
//! always has [`BLOCK`] rows, so that a rollout's numbers depend neither on what shares its block
//! nor on the number of workers. Nor do they depend on its row, as long as the matrix kernels treat
//! all rows alike: libtorch's own do, where it was tried, and `tests/suite/rollout/twin.rs` watches.

mod in_task;
mod policy;

use std::sync::Mutex;

use rayon::prelude::*;

pub use in_task::SoftInTask;
pub use policy::{Greedy, Policy, Soft};
pub(crate) use policy::{following, greedy};

use crate::env::{Env, Snapshot};
use crate::error::{Error, Result};
use crate::rng::Stream;

/// Rollouts that share one forward pass of the policy.
pub const BLOCK: usize = 32;

/// One rollout to make.
#[derive(Debug, Clone, Copy)]
pub struct Job<'j> {
    /// Where it starts.
    pub start: &'j Snapshot,
    /// The action tried first, `[A]`; `None` follows the policy from the start.
    pub first_action: Option<&'j [f64]>,
    /// Steps after which it is cut.
    pub max_steps: u32,
    /// The noise of the environment, where rollouts are to share it; `None` leaves it alone.
    pub noise: Option<&'j Stream>,
    /// What a stochastic policy draws its actions from: the numbers of step `k` are the same in all
    /// rollouts with the same stream. A deterministic one draws nothing.
    pub draws: Option<&'j Stream>,
}

/// Why a rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The state is absorbing.
    Terminated,
    /// Its steps were used up.
    Cut,
    /// The simulator reported an instability; the return is NaN.
    Unstable,
    /// The action is NaN or too large to be one; the return is NaN.
    NoAction,
}

/// The result of one rollout.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Σ γᵏ (rₖ + bₖ) over its steps; `bₖ` is what the policy's own choice is worth beside its reward,
    /// nothing for a deterministic one.
    pub discounted_return: f64,
    /// Steps made.
    pub steps: u32,
    /// Why it ended.
    pub end: End,
    /// The observation at its end, `[S]`.
    pub last_obs: Vec<f64>,
    /// The same sum after each of [`Rollouts::marks`] steps, or at the end where that came before; NaN
    /// if the return is.
    pub partial: Vec<f64>,
}

/// How rollouts are made.
pub struct Rollouts<'r> {
    /// Makes one simulator.
    pub make_env: &'r (dyn Fn() -> Result<Box<dyn Env>> + Sync),
    /// What follows the first action.
    pub policy: &'r dyn Policy,
    /// Discount factor γ, per step.
    pub gamma: f64,
    /// Steps for which the first action is held: 1 as printed in the paper, 3 in the authors' script.
    pub hold: u32,
    /// Steps after which the return so far is noted, in rising order.
    pub marks: &'r [u32],
    /// The workers.
    pub workers: &'r rayon::ThreadPool,
    /// Told the steps that a finished block made.
    pub progress: &'r (dyn Fn(u64) + Sync),
}

impl Rollouts<'_> {
    /// Makes all rollouts; outcomes come in the order of the jobs.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if a snapshot belongs to another environment; those of making an
    /// environment. An unstable simulation is no error but [`End::Unstable`], nor is NaN
    /// as an action, [`End::NoAction`].
    ///
    /// # Panics
    /// If the policy draws its actions and a job has nothing to draw from.
    pub fn run(&self, jobs: &[Job]) -> Result<Vec<Outcome>> {
        let Self { make_env, gamma, hold, marks, progress, .. } = *self;
        let blocks = blocks(jobs)
            .into_iter()
            .map(|jobs| Ok((jobs, self.policy.share()?)))
            .collect::<Result<Vec<_>>>()?;
        // Each worker keeps its own: where they are in another process, that is the worker's own, too.
        let threads = self.workers.current_num_threads();
        let idle: Vec<Mutex<Vec<Box<dyn Env>>>> = (0..threads).map(|_| Mutex::default()).collect();
        let outcomes: Vec<Result<Vec<Outcome>>> = self.workers.install(|| {
            blocks
                .into_par_iter()
                .with_max_len(1)
                .map(|(jobs, policy)| {
                    let idle = &idle[rayon::current_thread_index().unwrap_or(0)];
                    let mut envs = std::mem::take(&mut *lock(idle));
                    while envs.len() < jobs.len() {
                        envs.push(make_env()?);
                    }
                    let outcomes = run_block(&mut envs, &*policy, jobs, (gamma, hold, marks))?;
                    *lock(idle) = envs;
                    progress(outcomes.iter().map(|o| u64::from(o.steps)).sum());
                    Ok(outcomes)
                })
                .collect()
        });
        Ok(outcomes.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }
}

/// Cuts the jobs into blocks of at most [`BLOCK`], an even number of them and as equal as can be, so
/// that two workers finish together.
fn blocks<T>(jobs: &[T]) -> Vec<&[T]> {
    let count = jobs.len().div_ceil(BLOCK).next_multiple_of(2).min(jobs.len());
    let cut = |i: usize| i * jobs.len() / count;
    (0..count).map(|i| &jobs[cut(i)..cut(i + 1)]).collect()
}

/// Makes the rollouts of one block in lockstep.
fn run_block<'j>(
    envs: &mut [Box<dyn Env>],
    policy: &dyn Policy,
    jobs: &[Job<'j>],
    (gamma, hold, marks): (f64, u32, &[u32]),
) -> Result<Vec<Outcome>> {
    let (obs_dim, action_dim) = (envs[0].spec().obs_dim, envs[0].spec().action_dim);
    let mut obs = vec![0.0; BLOCK * obs_dim];
    let mut actions = vec![0.0; BLOCK * action_dim];
    let mut bonus = vec![0.0; BLOCK];
    let mut draws = Draws::new(policy.draws(), jobs);
    let mut runs = Vec::with_capacity(jobs.len());
    for ((env, job), row) in envs.iter_mut().zip(jobs).zip(obs.chunks_exact_mut(obs_dim)) {
        env.restore(job.start)?;
        if let Some(noise) = job.noise {
            env.set_noise(noise)?;
        }
        row.copy_from_slice(env.obs());
        runs.push(Run { discount: 1.0, ..Run::default() });
    }
    while runs.iter().any(|run| run.end.is_none()) {
        let holding = |(run, job): (&Run, &Job)| {
            job.first_action.is_some() && run.steps < hold || run.end.is_some()
        };
        let noise = draws.next();
        if !runs.iter().zip(jobs).all(holding) {
            policy.follow((&obs, noise), (&mut actions, &mut bonus))?;
        }
        let first = |run: &Run, job: &Job<'j>| job.first_action.filter(|_| run.steps < hold);
        for (((run, job), env), action) in
            runs.iter().zip(jobs).zip(&mut *envs).zip(actions.chunks_exact(action_dim))
        {
            let action = first(run, job).unwrap_or(action);
            if run.end.is_none() && is_action(action) {
                env.prepare(action);
            }
        }
        let chosen = actions.chunks_exact(action_dim).zip(&bonus);
        let rows = obs.chunks_exact_mut(obs_dim).zip(chosen);
        for (((run, job), env), (row, (action, bonus))) in
            runs.iter_mut().zip(jobs).zip(&mut *envs).zip(rows)
        {
            if run.end.is_none() {
                let taken = first(run, job).map_or((action, *bonus), |first| (first, 0.0));
                run.advance(&mut **env, taken, (gamma, job.max_steps))?;
                if marks.contains(&run.steps) {
                    run.partial.push(run.discounted_return);
                }
                row.copy_from_slice(env.obs());
            }
        }
    }
    let outcome = |(mut run, row): (Run, &[f64])| {
        run.partial.resize(marks.len(), run.discounted_return);
        if run.discounted_return.is_nan() {
            run.partial.fill(f64::NAN);
        }
        Outcome {
            discounted_return: run.discounted_return,
            steps: run.steps,
            end: run.end.expect("the loop ends when every run has"),
            last_obs: row.to_vec(),
            partial: run.partial,
        }
    };
    Ok(runs.into_iter().zip(obs.chunks_exact(obs_dim)).map(outcome).collect())
}

/// What a stochastic policy draws, step by step; nothing for a deterministic one.
struct Draws {
    width: usize,
    streams: Vec<Stream>,
    noise: Vec<f64>,
}

impl Draws {
    fn new(width: usize, jobs: &[Job]) -> Self {
        let own =
            |job: &Job| job.draws.expect("a stochastic policy has a stream to draw from").clone();
        let streams = if width > 0 { jobs.iter().map(own).collect() } else { Vec::new() };
        Self { width, streams, noise: vec![0.0; BLOCK * width] }
    }

    /// Returns the numbers of the next step, `[BLOCK, width]`.
    fn next(&mut self) -> &[f64] {
        for (row, stream) in self.noise.chunks_exact_mut(self.width.max(1)).zip(&mut self.streams) {
            row.fill_with(|| stream.normal());
        }
        &self.noise
    }
}

/// A rollout under way.
#[derive(Default)]
struct Run {
    discounted_return: f64,
    discount: f64,
    steps: u32,
    end: Option<End>,
    partial: Vec<f64>,
}

impl Run {
    fn advance(
        &mut self,
        env: &mut dyn Env,
        (action, bonus): (&[f64], f64),
        (gamma, max_steps): (f64, u32),
    ) -> Result<()> {
        if !is_action(action) {
            self.fail(End::NoAction);
            return Ok(());
        }
        let step = match env.step(action) {
            Ok(step) if step.reward.is_finite() => step,
            Ok(_) | Err(Error::Physics { .. }) => {
                self.fail(End::Unstable);
                return Ok(());
            }
            Err(other) => return Err(other),
        };
        self.discounted_return += self.discount * (step.reward + bonus);
        self.discount *= gamma;
        self.steps += 1;
        if step.terminated {
            self.end = Some(End::Terminated);
        } else if self.steps >= max_steps {
            self.end = Some(End::Cut);
        }
        Ok(())
    }

    fn fail(&mut self, end: End) {
        self.discounted_return = f64::NAN;
        self.steps += 1;
        self.end = Some(end);
    }
}

/// Returns whether a simulator can take these numbers as an action: `MuJoCo` takes none above 1e10.
pub(crate) fn is_action(action: &[f64]) -> bool {
    action.iter().all(|a| a.abs() <= 1e10)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_equal_and_cover_every_job_once() {
        let lengths = |jobs: usize| {
            let jobs: Vec<usize> = (0..jobs).collect();
            assert_eq!(blocks(&jobs).concat(), jobs);
            blocks(&jobs).iter().map(|block| block.len()).collect::<Vec<_>>()
        };
        assert_eq!(lengths(225), [28, 28, 28, 28, 28, 28, 28, 29]);
        assert_eq!(lengths(10), [5, 5]);
        assert_eq!(lengths(65), [16, 16, 16, 17]);
        assert_eq!((lengths(1), lengths(0)), (vec![1], vec![]));
        assert!((1..500).all(|jobs| lengths(jobs).iter().all(|&n| n <= BLOCK)));
    }
}
