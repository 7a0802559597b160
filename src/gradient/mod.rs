//! The estimator of ∂Q/∂a (paper §3 and App. B): states → actions → returns → fit → compare.
//!
//! [`measure`] is the whole pipeline. It asks for a policy and a critic, never for an algorithm.
//! Letters of shapes: `n` rollouts of a state, `S` observation, `A` action.
//!
//! # Deviations
//!
//! The paper writes least squares over all pairs of rollouts; that equals least squares with an
//! intercept, which is what [`local_gradient`] fits, in `f64` and with rank and condition. Where
//! paper and authors' script differ, each is a [`Mode`].
//!
//! # References
//! `docs/estimator.md` §1–3: the mathematics, and what the tests hold it to.

pub mod bank;
mod compare;
pub mod critic_gradient;
pub mod differences;
pub mod horizon;
pub mod known;
pub mod least_squares;
pub mod own;
pub mod paired;
pub mod pairs;
pub(crate) mod parameter_space;
pub mod perturb;
pub mod promise;
pub mod score;
pub mod settings;
pub mod states;

use ndarray::{Array1, Array2, Axis};

pub use compare::{FitSummary, Flags, StateResult};
pub use critic_gradient::ActionValue;
pub use least_squares::{Fit, local_gradient};
pub use perturb::{Cloud, Design, perturb};
pub use settings::{Adaptive, Judged, Mode, Returns, Settings, StatesFrom};

use compare::{compare, compare_own};
use perturb::Clouds;

use crate::env::{Env, Visited};
use crate::error::{Error, Result};
use crate::rng::Stream;
use crate::rollout::{BLOCK, Job, Outcome, Policy, Rollouts};
use crate::stats::clusters::clusters;
use crate::stats::corrected::{Corrected, correct_units};

/// What is measured: a policy, its critic, and the world both live in.
pub struct Agent<'a> {
    /// Makes one simulator.
    pub make_env: &'a (dyn Fn() -> Result<Box<dyn Env>> + Sync),
    /// The policy whose value is meant; perturbations are around its greedy action.
    pub policy: &'a dyn Policy,
    /// The critic whose gradient is judged.
    pub critic: &'a dyn ActionValue,
    /// What the authors' script adds at the time limit: min(Q₁', Q₂') of the target critics.
    pub bootstrap: Option<&'a dyn ActionValue>,
    /// Discount factor γ of the critic.
    pub gamma: f64,
    /// What the critic's unit is, in units of reward: a factor on returns.
    pub reward_scale: f64,
    /// Name of its random streams. Every checkpoint has its own, so that perturbations and noise of
    /// two are independent, as an interval over several assumes.
    pub streams: &'a str,
}

impl Agent<'_> {
    fn stream(&self, settings: &Settings, name: &str) -> Stream {
        Stream::new(settings.seed, name).child(self.streams)
    }
}

/// Measures the agreement of critic and truth at `starts` by the paper's fit; results in their order.
///
/// # Errors
/// [`crate::error::GradientError::TooFewRollouts`]; [`Error::Usage`] for lab mode, which makes banks
/// ([`bank::make_bank`]); those of the rollouts.
pub fn measure(
    agent: &Agent,
    starts: &[Visited],
    settings: &Settings,
    workers: &rayon::ThreadPool,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<StateResult>> {
    let clouds = clouds(agent, starts, settings)?;
    let returns = returns(agent, starts, &clouds, settings, workers, progress)?;
    let halves = agent.stream(settings, "halves");
    let of_state = |(state, outcomes): (usize, &Vec<Outcome>)| {
        let own = own_fit(agent.critic, &clouds, state)?;
        let halves = halves.child(&state.to_string());
        let result = compare(&clouds, state, outcomes, &own, halves)?;
        Ok(StateResult { episode: starts[state].episode, ..result })
    };
    returns.iter().enumerate().map(of_state).collect()
}

/// Returns the numbers of the states of one environment, cleared of the noise in their rollouts; the unit
/// of intervals is the episode.
pub fn corrected(results: &[StateResult], settings: &Settings, level: f64) -> Corrected {
    let usable = || results.iter().filter(|r| r.replicates.is_some());
    let episodes = clusters(usable().filter_map(|r| Some((r.replicates?, r.episode))));
    let tried: Vec<usize> = usable().map(|r| r.fit.tried).collect();
    let dims = results.iter().map(|r| r.fit.identified.len()).max().unwrap_or(1).max(1);
    correct_units(&episodes, settings.lift(dims).tried(&tried), level)
}

/// Fits the critic's own values and compares the slope with its gradient (Fig. 8), without rollouts:
/// [`StateResult::self_cosine`], with the fit, its norm and flags in the place of the truth's.
///
/// # Errors
/// [`crate::error::GradientError::TooFewRollouts`]; those of the networks.
pub fn self_check(
    agent: &Agent,
    starts: &[Visited],
    settings: &Settings,
) -> Result<Vec<StateResult>> {
    let clouds = clouds(agent, starts, settings)?;
    let compared = |state| {
        let own = own_fit(agent.critic, &clouds, state)?;
        let result = compare_own(&clouds, state, &own);
        Ok(StateResult { episode: starts[state].episode, ..result })
    };
    (0..starts.len()).map(compared).collect()
}

/// Draws the actions to try at each state and asks the critic for its gradient there.
fn clouds(agent: &Agent, starts: &[Visited], settings: &Settings) -> Result<Clouds> {
    let (obs, centres, elapsed) = greedy_at(agent, starts)?;
    let time_limit = (agent.make_env)()?.spec().time_limit;
    let horizon = |elapsed| settings.horizon(agent.gamma, elapsed, time_limit);
    let horizons = elapsed.into_iter().map(horizon).collect();
    settings.enough_rollouts(centres.ncols())?;
    let design = settings.mode.design().ok_or_else(|| {
        Error::Usage("lab mode makes banks; only the paper's modes fit a plane".into())
    })?;
    let stream = agent.stream(settings, "perturb");
    let draw = |(state, centre): (usize, ndarray::ArrayView1<f64>)| {
        let mut stream = stream.child(&state.to_string());
        perturb(&centre.to_vec(), settings.rollouts, settings.std, design, &mut stream)
    };
    let tried = centres.rows().into_iter().enumerate().map(draw).collect();
    let critic = agent.critic.action_gradient(&obs, &centres)?;
    Ok(Clouds { obs, tried, critic, horizons })
}

/// Returns the observation, the policy's action and the steps since the reset of each state.
fn greedy_at(agent: &Agent, starts: &[Visited]) -> Result<(Array2<f64>, Array2<f64>, Vec<u32>)> {
    let (obs, elapsed, dims) = observed(agent, starts)?;
    let centres = greedy(agent.policy, &obs, dims)?;
    Ok((obs, centres, elapsed))
}

/// Returns the observation of each state `[n, S]`, the steps since its reset, and `A`.
fn observed(agent: &Agent, starts: &[Visited]) -> Result<(Array2<f64>, Vec<u32>, usize)> {
    let mut env = (agent.make_env)()?;
    let mut obs = Array2::zeros((starts.len(), env.spec().obs_dim));
    let mut elapsed = Vec::with_capacity(starts.len());
    for (start, mut row) in starts.iter().zip(obs.rows_mut()) {
        env.restore(&start.snapshot)?;
        row.assign(&ndarray::aview1(env.obs()));
        elapsed.push(env.elapsed());
    }
    Ok((obs, elapsed, env.spec().action_dim))
}

fn greedy(policy: &dyn Policy, obs: &Array2<f64>, action_dim: usize) -> Result<Array2<f64>> {
    in_blocks(obs, action_dim, |obs, actions| policy.act(obs, actions))
}

/// Returns what `say` answers to each observation `[n, A]`, in blocks of [`BLOCK`].
fn in_blocks(
    obs: &Array2<f64>,
    action_dim: usize,
    say: impl Fn(&[f64], &mut [f64]) -> Result<()>,
) -> Result<Array2<f64>> {
    let mut actions = Array2::zeros((obs.nrows(), action_dim));
    for (rows, mut out) in
        obs.axis_chunks_iter(Axis(0), BLOCK).zip(actions.axis_chunks_iter_mut(Axis(0), BLOCK))
    {
        let mut block: Vec<f64> = rows.iter().copied().collect();
        block.resize(BLOCK * obs.ncols(), 0.0);
        let mut chosen = vec![0.0; BLOCK * action_dim];
        say(&block, &mut chosen)?;
        out.iter_mut().zip(chosen).for_each(|(to, from)| *to = from);
    }
    Ok(actions)
}

/// Makes all rollouts; returns those of each state, which share a stochastic policy's draws.
fn returns(
    agent: &Agent,
    starts: &[Visited],
    clouds: &Clouds,
    settings: &Settings,
    workers: &rayon::ThreadPool,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<Vec<Outcome>>> {
    let draws = agent.stream(settings, "draws");
    let mut tries = Vec::new();
    for (state, cloud) in clouds.tried.iter().enumerate() {
        for action in cloud.actions.rows() {
            tries.push((state, action.to_vec(), draws.child(&state.to_string())));
        }
    }
    let mut jobs = Vec::with_capacity(tries.len());
    for (state, action, draws) in &tries {
        jobs.push(Job {
            start: &starts[*state].snapshot,
            first_action: Some(action),
            max_steps: clouds.horizons[*state],
            noise: None,
            draws: Some(draws),
        });
    }
    let rollouts = Rollouts {
        make_env: agent.make_env,
        policy: agent.policy,
        gamma: agent.gamma,
        hold: settings.mode.hold(),
        marks: &[],
        workers,
        progress,
    };
    let mut outcomes = rollouts.run(&jobs)?;
    for outcome in &mut outcomes {
        outcome.discounted_return *= agent.reward_scale;
    }
    if let Some(critic) = agent.bootstrap.filter(|_| settings.mode == Mode::AsReleased) {
        add_bootstrap(agent, critic, &jobs, &mut outcomes)?;
    }
    let mut outcomes = outcomes.into_iter();
    Ok(clouds.tried.iter().map(|c| outcomes.by_ref().take(c.actions.nrows()).collect()).collect())
}

/// Adds γᵏ min(Q₁', Q₂')(o, π(o)) where the time limit was reached, as the authors' script does,
/// also if the environment happens to terminate on that very step.
fn add_bootstrap(
    agent: &Agent,
    critic: &dyn ActionValue,
    jobs: &[Job],
    outcomes: &mut [Outcome],
) -> Result<()> {
    let action_dim = (agent.make_env)()?.spec().action_dim;
    let last: Vec<f64> = outcomes.iter().flat_map(|o| o.last_obs.iter().copied()).collect();
    let obs = Array2::from_shape_vec((outcomes.len(), last.len() / outcomes.len().max(1)), last)
        .expect("one observation each");
    let values = critic.value(&obs, &greedy(agent.policy, &obs, action_dim)?)?;
    for ((outcome, job), value) in outcomes.iter_mut().zip(jobs).zip(values) {
        if outcome.discounted_return.is_finite() && outcome.steps == job.max_steps {
            outcome.discounted_return += agent.gamma.powi(outcome.steps as i32) * value;
        }
    }
    Ok(())
}

/// Fits the critic's own values on the actions of a state.
fn own_fit(critic: &dyn ActionValue, clouds: &Clouds, state: usize) -> Result<Fit> {
    let actions = &clouds.tried[state].actions;
    let obs = clouds.obs.row(state);
    let repeated = obs.broadcast((actions.nrows(), obs.len())).expect("a row repeats").to_owned();
    let values = Array1::from_vec(critic.value(&repeated, actions)?);
    Ok(local_gradient(actions.view(), values.view())?)
}
