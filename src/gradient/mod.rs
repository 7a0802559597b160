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

pub mod critic_gradient;
pub mod least_squares;
pub mod perturb;
pub mod settings;
pub mod states;

use ndarray::{Array1, Array2, Axis};

pub use critic_gradient::ActionValue;
pub use least_squares::{Fit, local_gradient};
pub use perturb::{Cloud, Design, perturb};
pub use settings::{Mode, Settings, StatesFrom};

use crate::env::{Env, Snapshot};
use crate::error::Result;
use crate::rng::Stream;
use crate::rollout::{BLOCK, End, Job, Outcome, Policy, Rollouts};
use crate::stats::similarity::{cosine, norm_ratio, sign_agreement};

/// What is measured: a policy, its critic, and the world both live in.
pub struct Agent<'a> {
    /// Makes one simulator.
    pub make_env: &'a (dyn Fn() -> Result<Box<dyn Env>> + Sync),
    /// The deterministic policy whose value is meant.
    pub policy: &'a dyn Policy,
    /// The critic whose gradient is judged.
    pub critic: &'a dyn ActionValue,
    /// What the authors' script adds at the time limit: min(Q₁', Q₂') of the target critics.
    pub bootstrap: Option<&'a dyn ActionValue>,
    /// Discount factor γ of the critic.
    pub gamma: f64,
}

/// What came out at one state; one row of the results.
#[derive(Debug, Clone, PartialEq)]
pub struct StateResult {
    /// Cosine between critic's and true gradient; NaN where it is undefined or the state excluded.
    pub cosine: f64,
    /// Cosine between the critic's gradient and a fit to the critic's own values (Fig. 8).
    pub self_cosine: f64,
    /// Norm of the estimated true gradient.
    pub truth_norm: f64,
    /// Norm of the critic's gradient.
    pub critic_norm: f64,
    /// Critic's norm over the true one; NaN if undefined.
    pub norm_ratio: f64,
    /// Share of dimensions in which both have the same sign; NaN if undefined.
    pub sign_agreement: f64,
    /// The fit to the returns.
    pub fit: FitSummary,
    /// Share of action entries that clipping to the box moved.
    pub clipped: f64,
    /// Share of rollouts that ended in an absorbing state.
    pub fell: f64,
    /// Mean steps of a rollout.
    pub mean_steps: f64,
    /// Mean return of the rollouts.
    pub mean_return: f64,
    /// Steps after which a rollout was cut.
    pub horizon: u32,
    /// What is strange about the state.
    pub flags: Flags,
}

/// What of a [`Fit`] goes into the results.
#[derive(Debug, Clone, PartialEq)]
pub struct FitSummary {
    /// Independent directions tried.
    pub rank: usize,
    /// Action dimensions that varied.
    pub tried: usize,
    /// Condition of the centred actions.
    pub condition: f64,
    /// R² adjusted for the number of unknowns.
    pub adjusted_r2: f64,
    /// p-value of the F-test against "the gradient is 0".
    pub f_p_value: f64,
}

/// Degenerate cases, each counted by name (`estimator` §1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each case is counted on its own")]
pub struct Flags {
    /// One of the two gradients is exactly zero: the cosine is undefined.
    pub undefined: bool,
    /// The actions left a direction untried: excluded.
    pub rank_deficient: bool,
    /// Some dimension was saturated in every rollout and is left out of the comparison.
    pub projected: bool,
    /// Every rollout ended with its first step.
    pub one_step: bool,
    /// Rollouts whose simulation became unstable; they are left out.
    pub non_finite: usize,
    /// Too few rollouts were left: excluded.
    pub too_few: bool,
    /// The F-test does not tell the gradient from zero at 5 %; kept.
    pub unresolved: bool,
}

/// The states, their clouds of actions, and what the critic says there.
pub struct Clouds {
    /// Observation of each state, `[states, S]`.
    pub obs: Array2<f64>,
    /// Actions tried at each state.
    pub clouds: Vec<Cloud>,
    /// Critic's gradient at the policy's action, `[states, A]`.
    pub critic: Array2<f64>,
    /// Steps since the reset of each state.
    pub elapsed: Vec<u32>,
}

/// Measures the agreement of critic and truth at `starts`; results in their order.
///
/// # Errors
/// [`crate::error::GradientError::TooFewRollouts`]; those of the rollouts.
pub fn measure(
    agent: &Agent,
    starts: &[Snapshot],
    settings: &Settings,
    (workers, progress): (&rayon::ThreadPool, &(dyn Fn(u64) + Sync)),
) -> Result<Vec<StateResult>> {
    let clouds = clouds(agent, starts, settings)?;
    let returns = returns(agent, starts, &clouds, (settings, workers, progress))?;
    let mut results = Vec::with_capacity(starts.len());
    for (state, outcomes) in returns.chunks(settings.rollouts).enumerate() {
        let self_cosine = self_cosine(agent.critic, &clouds, state)?;
        results.push(compare(&clouds, state, outcomes, self_cosine)?);
    }
    Ok(results)
}

/// Fits the critic's own values and returns, for each state, the cosine with its gradient (Fig. 8).
///
/// # Errors
/// [`crate::error::GradientError::TooFewRollouts`]; those of the networks.
pub fn self_check(agent: &Agent, starts: &[Snapshot], settings: &Settings) -> Result<Vec<f64>> {
    let clouds = clouds(agent, starts, settings)?;
    (0..starts.len()).map(|state| self_cosine(agent.critic, &clouds, state)).collect()
}

/// Draws the actions to try at each state and asks the critic for its gradient there.
fn clouds(agent: &Agent, starts: &[Snapshot], settings: &Settings) -> Result<Clouds> {
    let mut env = (agent.make_env)()?;
    let (obs_dim, action_dim) = (env.spec().obs_dim, env.spec().action_dim);
    let rollouts = settings.rollouts;
    settings.enough_rollouts(action_dim)?;
    let mut obs = Array2::zeros((starts.len(), obs_dim));
    let mut elapsed = Vec::with_capacity(starts.len());
    for (start, mut row) in starts.iter().zip(obs.rows_mut()) {
        env.restore(start)?;
        row.assign(&ndarray::aview1(env.obs()));
        elapsed.push(env.elapsed());
    }
    let centres = greedy(agent.policy, &obs, action_dim)?;
    let stream = Stream::new(settings.seed, "perturb");
    let design = settings.mode.design();
    let draw = |(state, centre): (usize, ndarray::ArrayView1<f64>)| {
        let mut stream = stream.child(&state.to_string());
        perturb(&centre.to_vec(), rollouts, settings.std, design, &mut stream)
    };
    let clouds = centres.rows().into_iter().enumerate().map(draw).collect();
    let critic = agent.critic.action_gradient(&obs, &centres)?;
    Ok(Clouds { obs, clouds, critic, elapsed })
}

/// Returns the policy's action for each observation, in blocks of [`BLOCK`].
fn greedy(policy: &dyn Policy, obs: &Array2<f64>, action_dim: usize) -> Result<Array2<f64>> {
    let mut actions = Array2::zeros((obs.nrows(), action_dim));
    for (rows, mut out) in
        obs.axis_chunks_iter(Axis(0), BLOCK).zip(actions.axis_chunks_iter_mut(Axis(0), BLOCK))
    {
        let mut block: Vec<f64> = rows.iter().copied().collect();
        block.resize(BLOCK * obs.ncols(), 0.0);
        let mut chosen = vec![0.0; BLOCK * action_dim];
        policy.act(&block, &mut chosen)?;
        out.iter_mut().zip(chosen).for_each(|(to, from)| *to = from);
    }
    Ok(actions)
}

/// Makes all rollouts, state by state.
fn returns(
    agent: &Agent,
    starts: &[Snapshot],
    clouds: &Clouds,
    (settings, workers, progress): (&Settings, &rayon::ThreadPool, &(dyn Fn(u64) + Sync)),
) -> Result<Vec<Outcome>> {
    let time_limit = (agent.make_env)()?.spec().time_limit;
    let actions: Vec<Vec<f64>> = clouds.clouds.iter().flat_map(|c| rows(&c.actions)).collect();
    let mut jobs = Vec::with_capacity(actions.len());
    for (i, action) in actions.iter().enumerate() {
        let state = i / settings.rollouts;
        let max_steps = settings.horizon(agent.gamma, clouds.elapsed[state], time_limit);
        jobs.push(Job { start: &starts[state], first_action: Some(action), max_steps });
    }
    let rollouts = Rollouts {
        make_env: agent.make_env,
        policy: agent.policy,
        gamma: agent.gamma,
        hold: settings.mode.hold(),
        workers,
        progress,
    };
    let mut outcomes = rollouts.run(&jobs)?;
    if let Some(critic) = agent.bootstrap.filter(|_| settings.mode == Mode::AsReleased) {
        add_bootstrap(agent, critic, &jobs, &mut outcomes)?;
    }
    Ok(outcomes)
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
        if outcome.end != End::Unstable && outcome.steps == job.max_steps {
            outcome.discounted_return += agent.gamma.powi(outcome.steps as i32) * value;
        }
    }
    Ok(())
}

fn rows(actions: &Array2<f64>) -> impl Iterator<Item = Vec<f64>> + '_ {
    actions.rows().into_iter().map(|row| row.to_vec())
}

/// Cosine between the critic's gradient and a fit to its values on the same actions.
fn self_cosine(critic: &dyn ActionValue, clouds: &Clouds, state: usize) -> Result<f64> {
    let actions = &clouds.clouds[state].actions;
    let obs = clouds.obs.row(state);
    let repeated = obs.broadcast((actions.nrows(), obs.len())).expect("a row repeats").to_owned();
    let values = Array1::from_vec(critic.value(&repeated, actions)?);
    let fit = local_gradient(actions.view(), values.view())?;
    if fit.is_rank_deficient() {
        return Ok(f64::NAN);
    }
    let [own, fitted] = on_identified(&fit, clouds.critic.row(state).as_slice(), &fit.gradient);
    Ok(cosine(&own, &fitted).unwrap_or(f64::NAN))
}

/// Leaves the saturated dimensions out of both vectors.
fn on_identified(fit: &Fit, critic: Option<&[f64]>, truth: &Array1<f64>) -> [Vec<f64>; 2] {
    let keep = |v: &[f64]| -> Vec<f64> {
        v.iter().zip(&fit.identified).filter(|(_, kept)| **kept).map(|(x, _)| *x).collect()
    };
    [keep(critic.expect("rows are contiguous")), keep(&truth.to_vec())]
}

/// Fits the returns of one state and compares.
fn compare(
    clouds: &Clouds,
    state: usize,
    outcomes: &[Outcome],
    self_cosine: f64,
) -> Result<StateResult> {
    let cloud = &clouds.clouds[state];
    let finite: Vec<usize> =
        (0..outcomes.len()).filter(|&i| outcomes[i].discounted_return.is_finite()).collect();
    let actions = cloud.actions.select(Axis(0), &finite);
    let values: Array1<f64> = finite.iter().map(|&i| outcomes[i].discounted_return).collect();
    let n = outcomes.len() as f64;
    let share = |end: End| outcomes.iter().filter(|o| o.end == end).count() as f64 / n;
    let mut result = StateResult {
        cosine: f64::NAN,
        self_cosine,
        truth_norm: f64::NAN,
        critic_norm: clouds.critic.row(state).iter().map(|x| x * x).sum::<f64>().sqrt(),
        norm_ratio: f64::NAN,
        sign_agreement: f64::NAN,
        fit: FitSummary {
            rank: 0,
            tried: 0,
            condition: f64::NAN,
            adjusted_r2: f64::NAN,
            f_p_value: f64::NAN,
        },
        clipped: cloud.clipped,
        fell: share(End::Terminated),
        mean_steps: outcomes.iter().map(|o| f64::from(o.steps)).sum::<f64>() / n,
        mean_return: values.mean().unwrap_or(f64::NAN),
        horizon: outcomes.iter().map(|o| o.steps).max().unwrap_or(0),
        flags: Flags {
            non_finite: outcomes.len() - finite.len(),
            too_few: finite.len() < cloud.actions.ncols() + 3,
            one_step: outcomes.iter().all(|o| o.end == End::Terminated && o.steps == 1),
            ..Flags::default()
        },
    };
    if !result.flags.too_few {
        let fit = local_gradient(actions.view(), values.view())?;
        judge(&mut result, &fit, clouds.critic.row(state).as_slice());
    }
    Ok(result)
}

fn judge(result: &mut StateResult, fit: &Fit, critic: Option<&[f64]>) {
    let [critic, truth] = on_identified(fit, critic, &fit.gradient);
    result.fit = FitSummary {
        rank: fit.rank,
        tried: fit.tried(),
        condition: fit.condition,
        adjusted_r2: fit.adjusted_r2,
        f_p_value: fit.f_p_value,
    };
    result.truth_norm = truth.iter().map(|x| x * x).sum::<f64>().sqrt();
    result.flags.rank_deficient = fit.is_rank_deficient();
    result.flags.projected = fit.identified.iter().any(|kept| !kept);
    result.flags.unresolved = fit.f_p_value.is_nan() || fit.f_p_value > 0.05;
    if result.flags.rank_deficient {
        return;
    }
    let agreement = cosine(&critic, &truth);
    result.flags.undefined = agreement.is_none();
    result.cosine = agreement.unwrap_or(f64::NAN);
    result.norm_ratio = norm_ratio(&critic, &truth).unwrap_or(f64::NAN);
    result.sign_agreement = sign_agreement(&critic, &truth).unwrap_or(f64::NAN);
}
