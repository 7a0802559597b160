//! What there is to see of the returns of runs, how they are measured, and what they do not show.

use std::collections::BTreeSet;

use serde_json::json;

use super::finding::{Finding, appendix};
use super::numbers::short;
use super::returns::{Against, Band, are_in_tasks, normalised_panel, return_panels, return_table};
use super::scores::{Score, normalised, score_table, scores};
use super::text::{self, Method};
use super::{Cell, Panel, Table, undefined};
use crate::algo::Algo;
use crate::algo::pearl::config::PearlConfig;
use crate::algo::registry::Config;
use crate::analysis::measure::returns::{ReturnCurve, ReturnSummary, Run};
use crate::study::spec::Draw;

/// What is shown of returns.
pub(crate) struct Shown<'s> {
    /// One kind of panel each.
    pub draws: &'s [Draw],
    /// The band of several seeds.
    pub band: Band,
    /// The series whose final score the others are to reach.
    pub baseline: &'s str,
    /// The table of the paper that stands beside the scores.
    pub paper: Option<&'s str>,
    /// Whether differences between models stand beside them.
    pub compared: bool,
}

/// Returns of runs in numbers.
pub(crate) struct Numbers {
    /// Each curve.
    pub runs: Vec<ReturnSummary>,
    /// Each model, over its seeds.
    pub scores: Vec<Score>,
}

impl Numbers {
    /// Returns the numbers of curves; those without a finite evaluation are left out.
    pub(crate) fn of(curves: &[ReturnCurve], baseline: &str) -> Self {
        let runs = curves.iter().filter_map(ReturnCurve::summary).collect();
        Self { runs, scores: scores(curves, baseline) }
    }
}

/// Returns all that is shown of the curves of these runs, without comparisons.
pub(crate) fn finding(
    runs: &[Run],
    curves: &[ReturnCurve],
    numbers: &Numbers,
    shown: &Shown<'_>,
) -> Finding {
    let (summary, score) = (return_table(&numbers.runs), score_table(&numbers.scores, shown.paper));
    let in_tasks = are_in_tasks(curves.iter().map(|curve| curve.algo));
    let lacking = runs.iter().filter_map(Run::lack);
    let subtitle = if in_tasks {
        subtitle_in_tasks(runs, curves, shown.band)
    } else {
        subtitle(numbers, shown.band)
    };
    let panels = shown.draws.iter().flat_map(|draw| panels(*draw, curves, shown));
    Finding {
        subtitle,
        panels: panels.collect(),
        appendices: appendix("Scores", &score, false).into_iter().collect(),
        files: vec![("summary.csv", summary.clone()), ("scores.csv", score)],
        table: Some(if in_tasks { without_intervals(summary) } else { summary }),
        warnings: lacking.chain(undefined::warnings(curves)).collect(),
        method: method(runs, in_tasks, shown.compared),
        ..Finding::default()
    }
}

/// A table of means over tasks, which have no interval.
fn without_intervals(mut table: Table) -> Table {
    for cell in table.rows.iter_mut().flatten() {
        if let Cell::Interval(estimate) = cell {
            *cell = Cell::number(estimate.value);
        }
    }
    table
}

fn panels(draw: Draw, curves: &[ReturnCurve], shown: &Shown<'_>) -> Vec<Panel> {
    match (draw, curves.first()) {
        (Draw::NormalisedByStep, Some(first)) => {
            let (envs, runs) = normalised(curves, shown.baseline);
            vec![normalised_panel(&runs, &envs, first.algo, shown.band)]
        }
        (Draw::ReturnBySecond, _) => return_panels(curves, Against::Seconds, shown.band),
        _ => return_panels(curves, Against::Steps, shown.band),
    }
}

/// Episodes, steps, and what the band is.
fn subtitle(numbers: &Numbers, band: Band) -> String {
    let episodes = numbers.runs.iter().map(|s| s.episodes).max().unwrap_or(0);
    let longest = numbers.runs.iter().map(|s| s.last.step).max().unwrap_or(0);
    format!(
        "undiscounted, {episodes} episodes per evaluation, up to {} steps; band: {}, \
         or 95 % interval over the episodes of a single run",
        short(longest as f64),
        band.over_seeds()
    )
}

/// Says what an evaluation in tasks is, and what the band of a figure.
fn subtitle_in_tasks(runs: &[Run], curves: &[ReturnCurve], band: Band) -> String {
    let seeds = curves.iter().map(|curve| curve.seed).collect::<BTreeSet<_>>().len();
    let seeds = if seeds == 1 {
        "1 seed".to_owned()
    } else {
        format!("{seeds} seeds; band: {}", band.over_seeds())
    };
    format!("mean over tasks; {}; {seeds}", longest_episodes(runs))
}

fn any_of(runs: &[Run], algo: Algo) -> bool {
    runs.iter().any(|run| run.config.algo() == algo)
}

/// How the returns of runs are measured and, where they are of tasks, what they do not show.
pub(super) fn method(runs: &[Run], in_tasks: bool, compared: bool) -> Method {
    let second_order =
        |run: &Run| matches!(&run.config, Config::Maml(config) if config.second_order);
    let values = json!({
        "in_tasks": in_tasks,
        "compared": compared,
        "episodes": longest_episodes(runs),
        "maml": in_tasks && any_of(runs, Algo::Maml),
        "pearl": in_tasks && any_of(runs, Algo::Pearl),
        "explorations": explorations(runs),
        "second_order": runs.iter().any(second_order),
        "deviations": if in_tasks { deviations(runs).join("; ") } else { String::new() },
    });
    text::method(include_str!("text/returns.md"), values)
}

/// Says how a task is explored in an evaluation of PEARL.
fn exploration(config: &PearlConfig) -> String {
    let PearlConfig { exploration_episodes: episodes, evaluation_steps: steps, horizon, .. } =
        *config;
    let played = match episodes {
        1 => "one episode is".into(),
        2 => "two episodes are".into(),
        more => format!("{more} episodes are"),
    };
    let then = if steps > (episodes * horizon) as u64 {
        "then z is drawn from the posterior of all transitions so far".into()
    } else {
        format!(
            "which is all that {steps} steps leave room for: z is drawn from the posterior only where \
             episodes end early"
        )
    };
    let mean = match config.schedule().evaluations {
        1 => String::new(),
        several => format!(", the mean over {several} evaluations"),
    };
    format!(
        "In each task {played} played with z from the prior, {then}; the score is the return of the last \
         episode{mean}."
    )
}

/// Says how tasks are explored in the evaluations of these runs of PEARL.
pub(super) fn explorations(runs: &[Run]) -> String {
    let of = |run: &Run| match &run.config {
        Config::Pearl(config) => Some((exploration(config), run.config.run_name())),
        _ => None,
    };
    let all: Vec<(String, String)> = runs.iter().filter_map(of).collect();
    let ways: BTreeSet<&str> = all.iter().map(|(way, _)| way.as_str()).collect();
    if ways.len() == 1 {
        return ways.into_iter().collect();
    }
    let say = |way: &str| {
        let names = all.iter().filter(|(own, _)| own == way).map(|(_, name)| name.as_str());
        format!("{}: {way}", names.collect::<Vec<_>>().join(", "))
    };
    ways.into_iter().map(say).collect::<Vec<_>>().join(" ")
}

fn longest_episodes(runs: &[Run]) -> String {
    let longest = |run: &Run| match &run.config {
        Config::Pearl(config) => config.horizon,
        config => config.spec().time_limit as usize,
    };
    let horizons: BTreeSet<usize> = runs.iter().map(longest).collect();
    let horizons: Vec<String> = horizons.iter().map(usize::to_string).collect();
    format!("episodes of up to {} steps", horizons.join(" or "))
}

/// Says which runs were not trained as the defaults, which are the paper's, have it, and in what; runs of the
/// same settings together.
fn deviations(runs: &[Run]) -> Vec<String> {
    let mut groups: Vec<(&Run, Vec<String>)> = Vec::new();
    for run in runs.iter().filter(|run| !run.deviations.is_empty()) {
        let name = run.config.run_name();
        match groups.iter_mut().find(|(first, _)| first.deviations == run.deviations) {
            Some((_, names)) => names.push(name),
            None => groups.push((run, vec![name])),
        }
    }
    let say = |(run, names): (&Run, Vec<String>)| {
        let one = run.deviations.iter();
        let one = one.map(|(name, found)| format!("`{name}` {} ({})", found.value, found.default));
        format!("{}: {}", names.join(", "), one.collect::<Vec<_>>().join(", "))
    };
    groups.into_iter().map(say).collect()
}
