//! The difference between two critics, paired by run and by step.
//!
//! Checkpoints differ in how many states they have, and critics in which checkpoints resolve. So a
//! difference is taken at each step that both runs have; steps weigh the same, and environments do.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::measure::returns::ReturnCurve;
use crate::analysis::summary::{
    Column, corrected, corrected_values, kappa_values, stacked, values_by_unit,
};
use crate::analysis::table::StateRow;
use crate::gradient::Settings;
use crate::stats::corrected::FEWEST_STATES;
use crate::stats::resample::{jackknife, pseudo_values_of_clusters};
use crate::stats::{Estimate, LEVEL, summary};

/// 97.5 % quantile of the normal distribution, for intervals that rest on many states.
pub(crate) const NORMAL_QUANTILE: f64 = 1.959_963_984_540_054;

/// One checkpoint or evaluation of a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StepValues {
    pub step: u64,
    pub value: f64,
    /// One number for each state, whose spread over `√n` is the error of `value`; empty where
    /// nothing is known about that error.
    pub states: Vec<f64>,
}

/// All values of one run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunValues {
    pub env: String,
    pub critic: String,
    pub seed: u64,
    /// Its steps, each once.
    pub steps: Vec<StepValues>,
}

impl RunValues {
    /// Returns the mean of each evaluation. Its error is not known: successive evaluations of one run
    /// depend on each other, and all start in the same states.
    pub(crate) fn of_returns(curve: &ReturnCurve) -> Self {
        let at = |(step, returns): (u64, &[f64])| StepValues {
            step,
            value: summary::mean(returns),
            states: Vec::new(),
        };
        Self {
            env: curve.env.clone(),
            critic: curve.series.clone(),
            seed: curve.seed,
            steps: curve.measured().map(at).collect(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Quantity {
    /// Mean of a column over the states where it is defined.
    Mean(Column),
    /// Mean cosine without the noise of the rollouts, where it is resolved; in lab mode inside the box.
    Corrected,
    /// κ, in lab mode, where it is resolved.
    Kappa,
    /// Share of all states above a threshold; undefined ones are below.
    Above(Column, f64),
}

impl Quantity {
    /// Returns its name in tables.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Mean(Column::Cosine) => "mean cosine".into(),
            Self::Mean(Column::SelfCosine) => "mean cosine with the own linear fit".into(),
            Self::Corrected => "corrected mean cosine".into(),
            Self::Kappa => "κ".into(),
            Self::Above(_, tau) => format!("share of states with cosine > {tau}"),
        }
    }

    /// Returns its value at one checkpoint; `None` where too few states are defined to speak of one.
    fn at(self, rows: &[StateRow], settings: &Settings) -> Option<StepValues> {
        let step = rows.first()?.step;
        let of_column = |value: &dyn Fn(&StateRow) -> Option<f64>| {
            let values = values_by_unit(&rows.iter().collect::<Vec<_>>(), value);
            let defined: Vec<f64> = values.iter().flatten().map(|[x]| *x).collect();
            let enough = !defined.is_empty() && defined.len() >= FEWEST_STATES.min(rows.len());
            enough.then(|| (summary::mean(&defined), pseudo_values_of_clusters(&values, |[m]| m)))
        };
        let (value, units) = match self {
            Self::Mean(column) => of_column(&|row| Some(column.of(row)).filter(|x| x.is_finite()))?,
            Self::Above(column, tau) => of_column(&|row| Some(f64::from(column.of(row) > tau)))?,
            Self::Kappa => {
                let units = kappa_values(rows);
                (!units.is_empty()).then(|| Some((stacked(rows)?.kappa.value, units)))??
            }
            Self::Corrected => {
                let units = corrected_values(rows);
                (!units.is_empty()).then(|| (corrected(rows, settings).corrected.value, units))?
            }
        };
        Some(StepValues { step, value, states: units })
    }
}

/// Returns the values of each run, from the rows of its checkpoints.
pub(crate) fn run_values(
    checkpoints: &[Vec<StateRow>],
    quantity: Quantity,
    settings: &Settings,
) -> Vec<RunValues> {
    let mut runs: BTreeMap<(&str, &str, u64), Vec<StepValues>> = BTreeMap::new();
    for rows in checkpoints {
        let Some(first) = rows.first() else { continue };
        let run = runs.entry((&first.env, &first.critic, first.seed)).or_default();
        run.extend(quantity.at(rows, settings));
    }
    runs.into_iter()
        .map(|((env, critic, seed), steps)| RunValues {
            env: env.into(),
            critic: critic.into(),
            seed,
            steps,
        })
        .collect()
}

/// The difference between two critics, better minus worse as the claim has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Contrast {
    pub quantity: String,
    /// The critic that is claimed to be better.
    pub better: String,
    /// The other one.
    pub worse: String,
    /// Environments in which both were measured with every seed compared.
    pub envs: Vec<String>,
    /// Steps at which both were measured, in the pair of runs that has the fewest.
    pub steps: usize,
    /// Mean difference; the interval is over seeds, and absent for a single one.
    pub over_seeds: Estimate,
    /// The same difference; the interval is over states within the runs, for these runs only. None
    /// where nothing is known about the error of a step.
    pub within_runs: Estimate,
}

struct Difference {
    value: f64,
    variance: f64,
    steps: usize,
    states: usize,
}

/// Compares two critics on the runs that both have: same environment, same seed, same steps.
///
/// At each common step the two values are subtracted; the mean over steps is the difference of a
/// pair of runs, the mean over environments that of a seed, each with equal weights. An environment
/// that some seed lacks is left out, so that all seeds speak of the same ones. States of different
/// checkpoints are independent: variances add.
///
/// Returns `None` if there is no such pair.
pub(crate) fn contrast(
    runs: &[RunValues],
    [better, worse]: [&str; 2],
    quantity: &str,
) -> Option<Contrast> {
    let mut pairs: BTreeMap<u64, BTreeMap<&str, Difference>> = BTreeMap::new();
    for first in runs.iter().filter(|run| run.critic == better) {
        let twin = |run: &&RunValues| {
            run.critic == worse && run.env == first.env && run.seed == first.seed
        };
        let found = runs.iter().find(twin).and_then(|second| difference(first, second));
        if let Some(found) = found {
            pairs.entry(first.seed).or_default().insert(&first.env, found);
        }
    }
    let all: BTreeSet<&str> = pairs.values().flat_map(|pair| pair.keys().copied()).collect();
    let complete = |env: &&str| pairs.values().all(|pair| pair.contains_key(env));
    let envs: Vec<&str> = all.into_iter().filter(complete).collect();
    let kept: Vec<Vec<&Difference>> =
        pairs.values().map(|pair| envs.iter().map(|env| &pair[env]).collect()).collect();
    let flat: Vec<&Difference> = kept.iter().flatten().copied().collect();
    let steps = flat.iter().map(|d| d.steps).min()?;
    let seeds: Vec<f64> = kept
        .iter()
        .map(|of_seed| summary::mean(&of_seed.iter().map(|d| d.value).collect::<Vec<_>>()))
        .collect();
    let error = flat.iter().map(|d| d.variance).sum::<f64>().sqrt() / flat.len() as f64;
    let states = flat.iter().map(|d| d.states).sum();
    Some(Contrast {
        quantity: quantity.into(),
        better: better.into(),
        worse: worse.into(),
        envs: envs.into_iter().map(str::to_owned).collect(),
        steps,
        over_seeds: jackknife(&seeds, summary::mean, LEVEL),
        within_runs: Estimate::symmetric(summary::mean(&seeds), NORMAL_QUANTILE * error, states),
    })
}

/// Compares the series of each pair that share runs.
pub(crate) fn contrasts(
    runs: &[RunValues],
    pairs: &[[String; 2]],
    quantity: &str,
) -> Vec<Contrast> {
    let of = |[better, worse]: &[String; 2]| contrast(runs, [better, worse], quantity);
    pairs.iter().filter_map(of).collect()
}

/// Compares the returns of each pair environment by environment: they have no common scale.
pub(crate) fn contrasts_of_returns(curves: &[ReturnCurve], pairs: &[[String; 2]]) -> Vec<Contrast> {
    let mut by_env: BTreeMap<&str, Vec<RunValues>> = BTreeMap::new();
    for curve in curves {
        by_env.entry(&curve.env).or_default().push(RunValues::of_returns(curve));
    }
    let of_env = |runs: Vec<RunValues>| contrasts(&runs, pairs, "mean return over training");
    by_env.into_values().flat_map(of_env).collect()
}

/// Mean difference over the steps that both runs have, with equal weights; `None` without one.
fn difference(first: &RunValues, second: &RunValues) -> Option<Difference> {
    let mut values = Vec::new();
    let (mut variance, mut states) = (0.0, 0);
    for a in &first.steps {
        let Some(b) = second.steps.iter().find(|b| b.step == a.step) else { continue };
        let value = a.value - b.value;
        if !value.is_finite() {
            continue;
        }
        values.push(value);
        variance += [a, b].map(|x| summary::standard_error(&x.states).powi(2)).iter().sum::<f64>();
        states += a.states.len() + b.states.len();
    }
    let steps = values.len();
    (steps > 0).then(|| Difference {
        value: summary::mean(&values),
        variance: variance / (steps as f64).powi(2),
        steps,
        states,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run((env, critic, seed): (&str, &str, u64), steps: &[(u64, &[f64])]) -> RunValues {
        let at = |&(step, states): &(u64, &[f64])| StepValues {
            step,
            value: summary::mean(states),
            states: states.to_vec(),
        };
        let steps = steps.iter().map(at).collect();
        RunValues { env: env.into(), critic: critic.into(), seed, steps }
    }

    #[test]
    fn steps_weigh_the_same_however_many_states_they_have() {
        let runs = [
            run(("hopper", "a", 0), &[(1, &[0.0, 2.0]), (2, &[5.0, 5.0, 5.0, 5.0, 4.0, 6.0])]),
            run(("hopper", "b", 0), &[(1, &[0.0, 1.0, 2.0]), (2, &[1.0, 3.0])]),
        ];
        let found = contrast(&runs, ["a", "b"], "x").unwrap();
        // Differences 1 − 1 and 5 − 2; pooling the states would give 4 − 1.4 = 2.6.
        assert!((found.within_runs.value - 1.5).abs() < 1e-15);
        // se²: 2/2, 0.4/6, 1/3, 2/2; their sum over 2² steps.
        let variance: f64 = (1.0 + 0.4 / 6.0 + 1.0 / 3.0 + 1.0) / 4.0;
        let half = 1.959_963_984_540_054 * variance.sqrt();
        assert!((found.within_runs.half_width() - half).abs() < 1e-12);
        assert_eq!((found.steps, found.within_runs.n), (2, 13));
    }

    #[test]
    fn progress_between_checkpoints_is_no_noise() {
        let states = |level: f64| [level - 0.1, level, level + 0.1];
        let (early, late) = (states(0.0), states(10.0));
        let runs = [
            run(("hopper", "a", 0), &[(1, &early), (2, &late)]),
            run(("hopper", "b", 0), &[(1, &early), (2, &late)]),
        ];
        let found = contrast(&runs, ["a", "b"], "x").unwrap();
        // Each step has se² = 0.01/3; four of them over 2².
        let half = 1.959_963_984_540_054 * (0.01_f64 / 3.0).sqrt();
        assert!((found.within_runs.half_width() - half).abs() < 1e-12);
    }

    #[test]
    fn environments_weigh_the_same_however_many_steps_they_have() {
        let one: &[f64] = &[1.0, 1.0];
        let zero: &[f64] = &[0.0, 0.0];
        let runs = [
            run(("ant", "a", 0), &[(1, one), (2, one), (3, one)]),
            run(("ant", "b", 0), &[(1, zero), (2, zero), (3, zero)]),
            run(("hopper", "a", 0), &[(1, zero)]),
            run(("hopper", "b", 0), &[(1, zero)]),
        ];
        let found = contrast(&runs, ["a", "b"], "x").unwrap();
        assert!((found.over_seeds.value - 0.5).abs() < 1e-15);
        assert_eq!((found.envs, found.steps), (vec!["ant".to_owned(), "hopper".into()], 1));
    }

    #[test]
    fn an_environment_that_a_seed_lacks_does_not_pass_for_a_difference_of_seeds() {
        let pair = |env, seed, value: f64| {
            [
                run((env, "a", seed), &[(1, &[value, value])]),
                run((env, "b", seed), &[(1, &[0.0, 0.0])]),
            ]
        };
        let runs = [pair("ant", 0, 1.0), pair("ant", 1, 1.0), pair("hopper", 0, 9.0)].concat();
        let found = contrast(&runs, ["a", "b"], "x").unwrap();
        assert_eq!((found.envs, found.over_seeds.n), (vec!["ant".to_owned()], 2));
        assert!(found.over_seeds.half_width() < 1e-12);
    }

    #[test]
    fn only_common_steps_are_compared() {
        let far: &[f64] = &[90.0, 90.0];
        let runs = [
            run(("hopper", "a", 0), &[(1, &[1.0, 1.0]), (2, &[1.2, 1.2]), (3, far)]),
            run(("hopper", "b", 0), &[(1, &[0.0, 0.0]), (2, &[0.2, 0.2]), (9, far)]),
        ];
        let found = contrast(&runs, ["a", "b"], "x").unwrap();
        assert!((found.within_runs.value - 1.0).abs() < 1e-12 && found.steps == 2);
        assert!(contrast(&runs, ["a", "c"], "x").is_none());
    }

    #[test]
    fn values_without_known_error_have_no_interval_within_runs() {
        let of = |critic, value| RunValues {
            steps: vec![StepValues { step: 1, value, states: Vec::new() }],
            ..run(("hopper", critic, 0), &[])
        };
        let found = contrast(&[of("a", 3.0), of("b", 1.0)], ["a", "b"], "x").unwrap();
        assert!((found.within_runs.value - 2.0).abs() < 1e-15 && found.within_runs.low.is_nan());
    }
}
