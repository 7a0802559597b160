//! Scores of several runs of a model: final and highest return, and how soon it is as good as the
//! baseline ends (Tables 4, 6, 8 and 10, Fig. 6).
//!
//! # References
//! Agarwal et al., `NeurIPS` 2021, for the interquartile mean and its stratified bootstrap.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::numbers::{fixed, significant};
use super::returns::{at_common_steps, by_series, model_column};
use super::tables::{Cell, Column, Table};
use super::theme::model_label;
use crate::algo::Algo;
use crate::analysis::measure::returns::ReturnCurve;
use crate::analysis::printed::{self, Printed};
use crate::analysis::summary::of_share;
use crate::rng::Stream;
use crate::stats::resample::{Bootstrap, jackknife, stratified_bootstrap};
use crate::stats::{Estimate, LEVEL, summary};
use crate::study::contrast::{RunValues, StepValues};

/// Seeds of the paper's tables.
const PAPER_SEEDS: f64 = 5.0;

/// Mean and standard deviation over seeds at one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OverSeeds {
    /// Steps or iterations of training.
    pub step: u64,
    /// Mean over seeds.
    pub mean: f64,
    /// Standard deviation over seeds (divisor `n − 1`); NaN for one.
    pub std: f64,
}

/// What the runs of one model in one environment reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Environment.
    pub env: String,
    /// Algorithm.
    pub algo: Algo,
    /// Critic, or a policy's curve such as `hyper, before adaptation`.
    pub model: String,
    /// Number of seeds.
    pub seeds: usize,
    /// At the last step that all seeds have.
    #[serde(rename = "final")]
    pub last: OverSeeds,
    /// At the step whose mean over seeds is highest: the paper's "highest reward", as we read it.
    pub highest: OverSeeds,
    /// Mean over seeds of each seed's own maximum; flatters more.
    pub mean_of_maxima: f64,
    /// Interquartile mean of the final returns, bootstrapped over seeds; NaN below four of them.
    pub iqm: Estimate,
    /// When it is as good as the baseline ends.
    pub to_baseline: Option<ToBaseline>,
}

/// Training steps until a run's mean return is that with which the baseline ends (its mean over
/// seeds), as a share of the baseline's steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ToBaseline {
    /// The baseline's final score.
    pub score: f64,
    /// Seeds that reach it.
    pub reached: usize,
    /// Mean share, jackknife over seeds where that is determined; NaN unless all seeds reach it.
    pub share: Estimate,
}

/// Returns the mean of each run at the steps that all runs have.
fn over_seeds(runs: &[&ReturnCurve]) -> Vec<(u64, Vec<f64>)> {
    at_common_steps(runs.iter().flat_map(|run| run.means()), runs.len())
}

/// Scores every model; those that share algorithm and environment with `baseline` are compared with
/// its final score.
pub fn scores(curves: &[ReturnCurve], baseline: &str) -> Vec<Score> {
    let groups = by_series(curves);
    let score = |((algo, env, model), runs): (&(&str, &str, &str), &Vec<&ReturnCurve>)| {
        let seeds = over_seeds(runs);
        let at = |(step, seeds): &(u64, Vec<f64>)| OverSeeds {
            step: *step,
            mean: summary::mean(seeds),
            std: summary::std(seeds),
        };
        let steps: Vec<OverSeeds> = seeds.iter().map(at).collect();
        // Of equally high ones the first.
        let highest = steps.iter().rev().max_by(|a, b| a.mean.total_cmp(&b.mean))?;
        let maxima: Vec<f64> =
            runs.iter().map(|run| run.means().map(|(_, x)| x).fold(f64::MIN, f64::max)).collect();
        let base = groups.get(&(*algo, *env, baseline)).and_then(|runs| over_seeds(runs).pop());
        Some(Score {
            env: (*env).into(),
            algo: runs.first()?.algo,
            model: (*model).into(),
            seeds: runs.len(),
            last: *steps.last()?,
            highest: *highest,
            mean_of_maxima: summary::mean(&maxima),
            iqm: iqm(&[seeds.last()?.1.clone()]),
            to_baseline: base.map(|base| to_baseline(runs, &base)),
        })
    };
    groups.iter().filter_map(score).collect()
}

/// Interquartile mean of all scores, with a bootstrap inside each stratum.
fn iqm(strata: &[Vec<f64>]) -> Estimate {
    let all = |strata: &[Vec<f64>]| summary::interquartile_mean(&strata.concat());
    if strata.iter().map(Vec::len).min().is_none_or(|seeds| seeds < 4) {
        let n = strata.iter().map(Vec::len).sum();
        return Estimate::without_interval(f64::NAN, n);
    }
    let stream = &mut Stream::new(0, "interquartile mean");
    stratified_bootstrap(strata, all, Bootstrap { level: LEVEL, resamples: 2_000 }, stream)
}

fn to_baseline(runs: &[&ReturnCurve], (steps, base): &(u64, Vec<f64>)) -> ToBaseline {
    let score = summary::mean(base);
    let first = |run: &&ReturnCurve| {
        let reached = run.means().find(|(_, mean)| *mean >= score);
        reached.map(|(step, _)| step as f64 / *steps as f64)
    };
    let shares: Vec<f64> = runs.iter().filter_map(first).collect();
    let share = if shares.len() == runs.len() {
        of_share(jackknife(&shares, summary::mean, LEVEL))
    } else {
        Estimate::without_interval(f64::NAN, shares.len())
    };
    ToBaseline { score, reached: shares.len(), share }
}

/// Returns what the paper prints beside a score: in the table of that name, or in its tables of tasks.
fn printed(score: &Score, table: Option<&str>) -> Option<Printed> {
    match table {
        Some(name) => printed::table(name)?.get(&score.env)?.get(&score.model).copied(),
        None => printed::in_tasks(&score.env, &score.model),
    }
}

/// One line for each model, beside what the paper prints in the table of that name.
pub(crate) fn score_table(scores: &[Score], paper: Option<&str>) -> Table {
    let model = model_column(scores.iter().map(|s| s.algo));
    let ours = ["environment", "algorithm", model, "seeds", "final", "highest", "at step"];
    let more = ["mean of maxima", "IQM of final", "steps to baseline", "reached by"];
    let quoted = paper.is_some() || scores.iter().any(|score| printed(score, None).is_some());
    let columns = quoted
        .then(|| [format!("highest, {}", paper.unwrap_or("the paper's")), "difference".into()]);
    let names = ours.into_iter().chain(more).map(String::from).chain(columns.into_iter().flatten());
    let unit = |name: &str| match name {
        "steps to baseline" => "share",
        "difference" => "standard errors",
        _ => "",
    };
    let mut table = Table::new(names.map(|name| {
        let unit = unit(&name);
        Column::new(name, unit)
    }));
    for s in scores {
        let share = s.to_baseline.map(|b| b.share).filter(|share| share.value.is_finite());
        let reached = |b: ToBaseline| Cell::text(format!("{} of {}", b.reached, s.seeds));
        let mut row = vec![
            Cell::text(&s.env),
            Cell::text(s.algo.name()),
            Cell::text(model_label(&s.model)),
            Cell::text(s.seeds),
            Cell::text(mean_and_std(s.last.mean, s.last.std)),
            Cell::text(mean_and_std(s.highest.mean, s.highest.std)),
            Cell::text(s.highest.step),
            Cell::Number { value: s.mean_of_maxima, digits: 4 },
            if s.iqm.value.is_finite() { Cell::Interval(s.iqm) } else { Cell::Missing },
            share.map_or(Cell::Missing, Cell::Interval),
            s.to_baseline.map_or(Cell::Missing, reached),
        ];
        let of_paper = printed(s, paper);
        if quoted {
            row.push(of_paper.map_or(Cell::Missing, |p| Cell::text(mean_and_std(p.0, p.1))));
            let off = of_paper.and_then(|printed| difference(s, printed));
            row.push(off.map_or(Cell::Missing, Cell::number));
        }
        table.rows.push(row);
    }
    table
}

/// Mean ± standard deviation over seeds, as the paper writes; of one seed the value alone.
fn mean_and_std(mean: f64, std: f64) -> String {
    if std.is_finite() {
        format!("{} ± {}", fixed(mean, 0), fixed(std, 0))
    } else {
        significant(mean, 4)
    }
}

/// Ours minus the paper's highest return, in standard errors of the difference; `None` for one seed,
/// whose error is not known.
fn difference(score: &Score, Printed(mean, std): Printed) -> Option<f64> {
    let variance = score.highest.std.powi(2) / score.seeds as f64 + std.powi(2) / PAPER_SEEDS;
    variance.is_finite().then(|| (score.highest.mean - mean) / variance.sqrt())
}

/// Returns each run with its values divided by the final score of `baseline` in its environment, as we
/// read Fig. 6: `x / x_base`, or `(x − x_init) / (x_base − x_init)` where that is not positive, with
/// the baseline's score before training as `x_init`. One run for each critic and seed: the mean over
/// the environments that all critics have with the baseline.
pub(crate) fn normalised(curves: &[ReturnCurve], baseline: &str) -> (Vec<String>, Vec<RunValues>) {
    let groups = by_series(curves);
    let critics: BTreeSet<&str> = curves.iter().map(|c| c.series.as_str()).collect();
    let envs: BTreeSet<&str> = curves.iter().map(|c| c.env.as_str()).collect();
    let has = |env: &str, critic: &str| curves.iter().any(|c| c.env == env && c.series == critic);
    let shared: Vec<&str> =
        envs.into_iter().filter(|env| critics.iter().all(|critic| has(env, critic))).collect();
    let mut all: BTreeMap<(&str, u64), Vec<BTreeMap<u64, f64>>> = BTreeMap::new();
    for curve in curves.iter().filter(|curve| shared.contains(&curve.env.as_str())) {
        let Some(base) = groups.get(&(curve.algo.name(), &*curve.env, baseline)) else { continue };
        let base = over_seeds(base);
        let (Some(first), Some(last)) = (base.first(), base.last()) else { continue };
        let [first, last] = [first, last].map(|(_, seeds)| summary::mean(seeds));
        let scale = |x: f64| if last > 0.0 { x / last } else { (x - first) / (last - first) };
        let values = curve.means().map(|(step, mean)| (step, scale(mean))).collect();
        all.entry((&curve.series, curve.seed)).or_default().push(values);
    }
    let runs = all.into_iter().filter(|(_, envs)| envs.len() == shared.len());
    let runs = runs.map(|((critic, seed), envs)| RunValues {
        env: "all".into(),
        critic: critic.into(),
        seed,
        steps: mean_over_environments(&envs),
    });
    (shared.iter().map(|env| (*env).to_owned()).collect(), runs.collect())
}

/// The mean over environments at the steps that all have.
fn mean_over_environments(envs: &[BTreeMap<u64, f64>]) -> Vec<StepValues> {
    let values = envs.iter().flatten().map(|(step, value)| (*step, *value));
    let mean = |(step, values): (u64, Vec<f64>)| StepValues {
        step,
        value: summary::mean(&values),
        states: Vec::new(),
    };
    at_common_steps(values, envs.len()).into_iter().map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(env: &str, critic: &str, seed: u64, means: &[(u64, f64)]) -> ReturnCurve {
        ReturnCurve {
            env: env.into(),
            algo: Algo::Td3,
            series: critic.into(),
            seed,
            evaluations: means
                .iter()
                .map(|&(step, mean)| (step, vec![mean - 1.0, mean + 1.0]))
                .collect(),
            seconds: Vec::new(),
        }
    }

    fn both() -> Vec<ReturnCurve> {
        vec![
            curve("hopper", "base", 0, &[(0, 10.0), (10, 40.0), (20, 90.0)]),
            curve("hopper", "base", 1, &[(0, 10.0), (10, 80.0), (20, 110.0)]),
            curve("hopper", "new", 0, &[(0, 10.0), (10, 120.0), (20, 60.0)]),
            curve("hopper", "new", 1, &[(0, 20.0), (10, 100.0), (20, 150.0)]),
        ]
    }

    #[test]
    fn the_highest_score_is_that_of_the_mean_over_seeds() {
        let [base, new] = &scores(&both(), "base")[..] else { panic!("two critics") };
        assert_eq!((new.seeds, new.highest.step, new.highest.mean), (2, 10, 110.0));
        assert_eq!((new.last.step, new.last.mean, new.mean_of_maxima), (20, 105.0, 135.0));
        assert!((new.highest.std - 200_f64.sqrt()).abs() < 1e-12);
        // The baseline ends at 100: reached at half its steps by one seed and the other.
        let to = new.to_baseline.unwrap();
        assert_eq!((to.score, to.reached, to.share.value), (100.0, 2, 0.5));
        assert!(to.share.low.is_nan(), "two seeds that are alike tell no interval");
        let own = base.to_baseline.unwrap();
        assert_eq!((own.reached, own.share.value.is_nan()), (1, true), "one seed ends below");
        assert!(new.iqm.value.is_nan(), "two seeds have no quartiles");
    }

    #[test]
    fn differences_from_the_paper_are_in_standard_errors() {
        let known = |mut curve: ReturnCurve| {
            curve.series = curve.series.replace("new", "sa-hyper");
            curve
        };
        let all: Vec<ReturnCurve> = both().into_iter().map(known).collect();
        let table = score_table(&scores(&all, "base"), Some("Table 4"));
        // (110 − 3418) / √(200/2 + 318²/5)
        let Cell::Number { value, .. } = table.rows[1][12] else { panic!("{:?}", table.rows[1]) };
        assert!((value + 3308.0 / 20_324.8_f64.sqrt()).abs() < 1e-9, "{value}");
        assert_eq!(table.rows[0][12], Cell::Missing);
        let one = score_table(&scores(&all[2..3], "base"), Some("Table 4"));
        assert_eq!((&one.rows[0][12], &one.rows[0][9]), (&Cell::Missing, &Cell::Missing));
        assert!(table.validate().is_ok() && one.validate().is_ok());
    }

    #[test]
    fn scores_are_normalised_by_the_baselines_end_in_each_environment() {
        let mut curves = both();
        curves.push(curve("ant", "base", 0, &[(0, -100.0), (10, -60.0), (20, -50.0)]));
        curves.push(curve("ant", "base", 1, &[(0, -100.0), (10, -60.0), (20, -50.0)]));
        curves.push(curve("ant", "new", 0, &[(0, -100.0), (10, -50.0), (20, 0.0)]));
        curves.push(curve("ant", "new", 1, &[(0, -90.0), (10, -25.0), (20, 0.0)]));
        curves.push(curve("walker2d", "base", 0, &[(0, 1.0)]));
        let (envs, runs) = normalised(&curves, "base");
        assert_eq!(envs, ["ant", "hopper"], "walker2d has one critic only");
        let new: Vec<_> = runs.iter().filter(|run| run.critic == "new").collect();
        assert_eq!((runs.len(), new.len()), (4, 2));
        // ((−50 + 100)/50 + 120/100)/2 and ((−25 + 100)/50 + 100/100)/2 at step 10.
        let at_10: Vec<f64> = new.iter().map(|run| run.steps[1].value).collect();
        assert!((at_10[0] - 1.1).abs() < 1e-12 && (at_10[1] - 1.25).abs() < 1e-12, "{at_10:?}");
    }

    #[test]
    fn interquartile_means_are_bootstrapped_inside_each_environment() {
        let strata = [vec![1.0, 2.0, 3.0, 100.0], vec![-50.0, 4.0, 5.0, 6.0]];
        let found = iqm(&strata);
        // Sorted: −50 1 | 2 3 4 5 | 6 100.
        assert!((found.value - 3.5).abs() < 1e-12 && found.low < 3.5 && found.high > 3.5);
        assert_eq!(found.n, 8);
    }
}
