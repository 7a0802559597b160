//! Why a gradient can or cannot be resolved: scale, smoothing, roughness (`docs/estimator.md` §3, §4.4).

use ndarray::Array2;
use serde::Serialize;

use super::gradient_cosine::{Networks, starts};
use super::policy_cosine::smoothing;
use crate::analysis::noise::two;
use crate::analysis::summary::{Interval, Status};
use crate::checkpoint::Checkpoint;
use crate::env::Visited;
use crate::error::Result;
use crate::gradient::bank::{Bank, BankState, Plan, make_bank};
use crate::gradient::differences::{agreeing, chaos_horizon, differences, row_cosines};
use crate::gradient::own::own_scores;
use crate::gradient::pairs::Around;
use crate::gradient::score::{Score, score_states};
use crate::gradient::{Agent, Settings};
use crate::rng::Stream;
use crate::rollout::{End, Job, Rollouts};
use crate::stats::clusters::clusters;
use crate::stats::corrected::FEWEST_STATES;
use crate::stats::resample::jackknife_of_clusters;
use crate::stats::similarity::cosine;
use crate::stats::{Estimate, LEVEL, summary};

/// Standard deviations of the sweep, in action half-ranges.
pub(crate) const SWEEP: [f64; 3] = [0.3, 0.1, 0.03];

/// Sizes of the finite differences, in action half-ranges, the largest first.
pub(crate) const EPSILONS: [f64; 3] = [1e-2, 1e-3, 1e-4];

/// Horizons at which the agreement of finite differences is looked at.
const HORIZONS: [u32; 8] = [1, 5, 10, 20, 50, 100, 200, 300];

/// What the tool found about one checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Diagnosis {
    /// Folder of the checkpoint.
    pub path: String,
    pub env: String,
    pub model: String,
    pub step: u64,
    pub states: usize,
    /// Steps after which rollouts are cut.
    pub horizon: u32,
    /// One line for each standard deviation.
    pub sweep: Vec<Scale>,
    /// One line for each pair of neighbouring sizes of differences, at the full horizon.
    pub differences: Vec<Neighbours>,
    /// Agreement of differences of 1e-3 and 1e-4 by horizon.
    pub chaos: Vec<Roughness>,
    /// The longest horizon up to which they agree in more than 90 % of the states; null if none.
    pub chaos_horizon: Option<u32>,
    /// Mean cosine of the gradient inside the box at the first standard deviation and the differences of 1e-3,
    /// over the states where both are about the policy's action: elsewhere it is pulled inside.
    pub fit_against_differences: Interval,
    pub fit_against_differences_states: usize,
    /// Share of the states from which the policy itself ends in an absorbing state within the horizon.
    pub fell: f64,
    /// Conclusions.
    pub findings: Vec<String>,
}

/// One standard deviation of the sweep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Scale {
    /// Standard deviation, in action half-ranges.
    pub std: f64,
    /// States with a cosine inside the box: those of the other numbers.
    pub usable: usize,
    /// Mean cosine inside the box of the true gradient's estimate and the critic's gradient.
    pub raw: Interval,
    /// What an exactly right critic would show.
    pub ceiling: Interval,
    /// Without the noise of the rollouts.
    pub inside: Interval,
    /// Whether independent estimates agree.
    pub status: Status,
    /// κ; null where it is unresolved.
    pub kappa: Interval,
    /// What an exactly right critic would show as κ without its correction.
    pub kappa_ceiling: Interval,
    /// Mean cosine inside the box of the critic's gradient, smoothed at this scale, and its local one: how curved
    /// the critic is.
    pub own: Interval,
}

/// Do finite differences of two neighbouring sizes agree?
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Neighbours {
    pub larger: f64,
    pub smaller: f64,
    /// Share of states whose cosine is above 0.99.
    pub agree: f64,
    pub median: f64,
}

/// Agreement at one horizon.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Roughness {
    pub horizon: u32,
    /// Share of states in which differences of 1e-3 and 1e-4 agree.
    pub agree: f64,
}

/// Diagnoses one checkpoint at the states of `settings`.
pub(crate) fn diagnose(
    checkpoint: &Checkpoint,
    settings: &Settings,
    (workers, progress): (&rayon::ThreadPool, &(dyn Fn(u64) + Sync)),
) -> Result<Diagnosis> {
    let env = checkpoint.off_policy()?.env;
    let networks = Networks::for_critic(checkpoint)?;
    let make_env = || env.make();
    let agent = networks.agent(&make_env);
    let starts = starts(checkpoint, &*networks.policy, settings)?;
    let horizon = settings.horizon(agent.gamma, 0, env.spec().time_limit);

    let mut sweep = Vec::new();
    let mut first: Option<Bank> = None;
    for std in SWEEP {
        let plan = Plan { std, ..settings.plan(horizon) };
        let bank = make_bank(&agent, &starts, 0, &plan, workers, progress)?;
        sweep.push(scale(&agent, &starts, &bank)?);
        first.get_or_insert(bank);
    }

    let at = |epsilon: f64, horizon: u32| {
        differences(&agent, &starts, epsilon, horizon, workers, progress)
    };
    let full = EPSILONS.iter().map(|&e| at(e, horizon)).collect::<Result<Vec<_>>>()?;
    let neighbours = full.windows(2).zip(EPSILONS.windows(2)).map(|(pair, sizes)| {
        let cosines = row_cosines(&pair[0], &pair[1]);
        let median = if cosines.is_empty() { f64::NAN } else { summary::median(&cosines) };
        Neighbours { larger: sizes[0], smaller: sizes[1], agree: agreeing(&cosines), median }
    });
    let differences: Vec<Neighbours> = neighbours.collect();

    let mut chaos = Vec::new();
    for horizon in HORIZONS.into_iter().filter(|&h| h < horizon) {
        let cosines = row_cosines(&at(EPSILONS[1], horizon)?, &at(EPSILONS[2], horizon)?);
        chaos.push(Roughness { horizon, agree: agreeing(&cosines) });
    }
    chaos.push(Roughness { horizon, agree: differences[1].agree });
    let shares: Vec<(u32, f64)> = chaos.iter().map(|r| (r.horizon, r.agree)).collect();

    let against = first.map_or(Vec::new(), |bank| against_differences(&bank, &full[1]));
    let mut found = Diagnosis {
        path: checkpoint.path().display().to_string(),
        env: env.name().into(),
        model: checkpoint.config().model(),
        step: checkpoint.manifest().step,
        states: starts.len(),
        horizon,
        sweep,
        differences,
        chaos,
        chaos_horizon: chaos_horizon(&shares),
        fit_against_differences: mean(&against),
        fit_against_differences_states: against.len(),
        fell: falls(&agent, &starts, horizon, workers)?,
        findings: Vec::new(),
    };
    found.findings = findings(&found);
    Ok(found)
}

/// Cosines inside the box of the gradient and differences around the same action, the policy's own.
fn against_differences(bank: &Bank, differences: &Array2<f64>) -> Vec<(f64, Option<u64>)> {
    let rows = bank.states.iter().zip(differences.rows());
    let here =
        |state: &BankState| state.before_tanh.iter().all(|u| u.tanh().abs() <= 1.0 - bank.plan.std);
    rows.filter(|(state, _)| here(state))
        .filter_map(|(state, row)| {
            Some((cosine(&state.truth(Around::Inside)?, &row.to_vec())?, state.episode))
        })
        .collect()
}

/// Share of the states from which the policy ends in an absorbing state.
fn falls(
    agent: &Agent,
    starts: &[Visited],
    horizon: u32,
    workers: &rayon::ThreadPool,
) -> Result<f64> {
    let draws = Stream::new(0, "falls");
    let mut jobs = Vec::with_capacity(starts.len());
    for start in starts {
        jobs.push(Job {
            start: &start.snapshot,
            first_action: None,
            max_steps: horizon,
            noise: None,
            draws: Some(&draws),
        });
    }
    let Agent { make_env, policy, gamma, .. } = *agent;
    let rollouts =
        Rollouts { make_env, policy, gamma, hold: 1, marks: &[], workers, progress: &|_| () };
    let ended = rollouts.run(&jobs)?;
    let fell = ended.iter().filter(|outcome| outcome.end == End::Terminated).count();
    Ok(fell as f64 / starts.len() as f64)
}

/// Returns the mean of values at states and its interval over their episodes, where those are known.
fn mean(values: &[(f64, Option<u64>)]) -> Interval {
    let finite = values.iter().filter(|(x, _)| x.is_finite());
    let episodes = clusters(finite.map(|(x, episode)| ([*x], *episode)));
    if episodes.is_empty() {
        return Estimate::without_interval(f64::NAN, 0).into();
    }
    jackknife_of_clusters(&episodes, |[x]| x, LEVEL).into()
}

fn scale(agent: &Agent, starts: &[Visited], bank: &Bank) -> Result<Scale> {
    let Plan { std, seed, blocks, .. } = bank.plan;
    let states = score_states(bank, 0, agent.critic, &smoothing(seed))?;
    let Score { policy, inside, .. } = Score::of(&states, blocks, bank.dims());
    let own: Vec<_> = own_scores(agent, starts, std, seed)?
        .iter()
        .filter_map(|state| Some((state.inside?.full, state.episode)))
        .collect();
    let unknown = Estimate::without_interval(f64::NAN, 0);
    Ok(Scale {
        std,
        usable: inside.states,
        raw: inside.raw.into(),
        ceiling: inside.ceiling.into(),
        inside: inside.corrected.into(),
        status: if inside.resolved { Status::Resolved } else { Status::Unresolved },
        kappa: if policy.resolved { policy.kappa } else { unknown }.into(),
        kappa_ceiling: policy.ceiling.into(),
        own: mean(&own),
    })
}

/// Draws the conclusions from the numbers.
fn findings(d: &Diagnosis) -> Vec<String> {
    let first = &d.sweep[0];
    let mut said = vec![resolution(d, first)];
    let defined = d.sweep.iter().filter(|scale| scale.ceiling.mean.is_finite());
    let best = defined.max_by(|a, b| a.ceiling.mean.total_cmp(&b.ceiling.mean));
    let clearly =
        |b: &&Scale| b.status == Status::Resolved && b.ceiling.mean > first.ceiling.mean + 0.02;
    if let Some(best) = best.filter(clearly) {
        said.push(format!(
            "σ = {} resolves better (ceiling {}): curvature and falls at the larger scale act as noise",
            best.std,
            two(best.ceiling.mean)
        ));
    }
    said.push(smoothness(d));
    if d.fell > 0.1 {
        said.push(format!(
            "from {:.0} % of the states the policy falls: the jump is part of what is smoothed",
            100.0 * d.fell
        ));
    }
    if first.own.mean < 0.9 {
        said.push(format!(
            "the critic itself is curved at σ = {}: its smoothed gradient agrees with its local one to {} \
             only",
            first.std,
            two(first.own.mean)
        ));
    }
    said
}

/// What rollouts at the first standard deviation say of a critic.
fn resolution(d: &Diagnosis, first: &Scale) -> String {
    let (std, usable, states) = (first.std, first.usable, d.states);
    if usable == 0 {
        return format!(
            "at σ = {std} no gradient is defined in any of {states} states: there is nothing to compare, \
             and no critic can be judged"
        );
    }
    match first.status {
        Status::Unresolved if usable < FEWEST_STATES => format!(
            "at σ = {std} {usable} of {states} states have a gradient, too few to judge a critic by"
        ),
        Status::Unresolved => format!(
            "at σ = {std} independent estimates of the gradient do not agree: no critic can be judged"
        ),
        Status::Resolved => format!(
            "at σ = {std} an exactly right critic would show a mean cosine of {}; this one shows {}",
            two(first.ceiling.mean),
            two(first.raw.mean)
        ),
    }
}

/// What finite differences say of the return.
fn smoothness(d: &Diagnosis) -> String {
    match d.chaos_horizon {
        Some(h) if h >= d.horizon => format!(
            "finite differences agree up to the full horizon of {h} steps: the return is smooth in the \
             first action"
        ),
        Some(h) => format!(
            "finite differences agree up to {h} steps and not beyond: past that the return is rough in \
             the first action, and only a smoothed gradient exists"
        ),
        None if d.chaos.iter().all(|r| r.agree.is_nan()) => {
            "finite differences are 0 or undefined in every state: nothing tells how the return depends on \
             the first action"
                .into()
        }
        None => "finite differences disagree even over one step: the return is rough in the first action"
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A diagnosis of 30 states, of which `usable` have a gradient.
    fn diagnosis(usable: usize, agree: f64) -> Diagnosis {
        let nothing = Interval { mean: f64::NAN, low: f64::NAN, high: f64::NAN };
        let scale = Scale {
            std: 0.3,
            usable,
            raw: nothing,
            ceiling: nothing,
            inside: nothing,
            status: Status::Unresolved,
            kappa: nothing,
            kappa_ceiling: nothing,
            own: nothing,
        };
        Diagnosis {
            path: "checkpoint".into(),
            env: "hopper".into(),
            model: "mlp-small".into(),
            step: 1,
            states: 30,
            horizon: 20,
            sweep: vec![scale],
            differences: Vec::new(),
            chaos: vec![Roughness { horizon: 1, agree }],
            chaos_horizon: None,
            fit_against_differences: nothing,
            fit_against_differences_states: 0,
            fell: 0.0,
            findings: Vec::new(),
        }
    }

    #[test]
    fn what_could_not_be_tried_is_not_said_to_disagree() {
        let said = |usable| findings(&diagnosis(usable, 0.5))[0].clone();
        assert!(said(0).contains("no gradient is defined in any of 30 states"));
        assert!(said(4).contains("4 of 30 states have a gradient, too few"));
        assert!(said(20).contains("independent estimates of the gradient do not agree"));
        let flat = findings(&diagnosis(0, f64::NAN));
        assert!(
            flat[1].starts_with("finite differences are 0 or undefined in every state"),
            "{flat:?}"
        );
        assert!(findings(&diagnosis(0, 0.5))[1].contains("disagree even over one step"));
    }

    #[test]
    fn a_scale_without_a_ceiling_hides_no_better_one() {
        let mut d = diagnosis(30, 1.0);
        let of = |mean| Interval { mean, low: mean, high: mean };
        let [first, better] = [0.5, 0.9].map(|mean| Scale {
            status: Status::Resolved,
            ceiling: of(mean),
            ..d.sweep[0].clone()
        });
        d.sweep = vec![first, better, d.sweep[0].clone()];
        assert!(findings(&d)[1].contains("resolves better (ceiling 0.90)"), "{:?}", findings(&d));
    }
}
