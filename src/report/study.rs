//! From rows of results to the figures of the paper: what is drawn, and with which band.
//!
//! Sees plain rows. Intervals are over seeds where there are several, else over the states of the
//! one run; the subtitle says which.

use std::collections::{BTreeMap, BTreeSet};

use super::figure::{Axis, Panel, Point, Reference, Series, YRange};
use crate::analysis::spec::{Draw, Facet, Panel as PanelSpec};
use crate::analysis::summary::{Column, LEVEL, corrected, learnable, mean_over_states};
use crate::analysis::table::StateRow;
use crate::gradient::Settings;
use crate::report::theme::env_label;
use crate::stats::hypothesis::dkw_half_width;
use crate::stats::resample::jackknife;
use crate::stats::similarity::chance_above;
use crate::stats::{Estimate, summary};

/// Thresholds of a learnable-state curve.
const THRESHOLDS: usize = 51;

/// Label of the returns.
const RETURN: &str = "return of greedy episodes";

/// Panels of one unitless quantity share a range, so that they compare; returns differ by
/// environment and do not.
pub fn y_range(panels: &[Panel]) -> YRange {
    let same = panels.windows(2).all(|pair| pair[0].y.label == pair[1].y.label);
    let returns = panels.iter().any(|panel| panel.y.label == RETURN);
    if same && !returns { YRange::Shared } else { YRange::PerPanel }
}

/// Returns of one run's evaluations.
#[derive(Debug, Clone, PartialEq)]
pub struct ReturnCurve {
    /// Environment.
    pub env: String,
    /// Critic.
    pub critic: String,
    /// Seed.
    pub seed: u64,
    /// Step and returns of the episodes of each evaluation.
    pub evaluations: Vec<(u64, Vec<f64>)>,
}

/// Returns the panels that a panel of a spec asks for, from rows of states.
pub fn state_panels(
    rows: &[StateRow],
    spec: &PanelSpec,
    (column, settings): (Column, &Settings),
) -> Vec<Panel> {
    groups(rows, spec.facet)
        .into_iter()
        .map(|(title, rows)| match spec.draw {
            Draw::LearnableByThreshold => by_threshold(title, &rows, column),
            Draw::LearnableByStep => learnable_by_step(title, &rows, spec, column),
            Draw::MeanByStep | Draw::ReturnByStep => {
                mean_by_step(title, &rows, (spec, column, settings))
            }
            Draw::CorrectedByStep => corrected_by_step(title, &rows, (spec, settings)),
        })
        .collect()
}

fn groups(rows: &[StateRow], facet: Facet) -> Vec<(String, Vec<&StateRow>)> {
    match facet {
        Facet::Pooled if rows.is_empty() => Vec::new(),
        Facet::Pooled => vec![(String::new(), rows.iter().collect())],
        Facet::Environment => {
            let mut by_env: BTreeMap<&str, Vec<&StateRow>> = BTreeMap::new();
            for row in rows {
                by_env.entry(&row.env).or_default().push(row);
            }
            by_env.into_iter().map(|(env, rows)| (env_label(env).to_owned(), rows)).collect()
        }
    }
}

/// Rows of each critic, in the order of names.
fn by_critic<'r>(rows: &[&'r StateRow]) -> BTreeMap<String, Vec<&'r StateRow>> {
    let mut map: BTreeMap<String, Vec<&StateRow>> = BTreeMap::new();
    for row in rows {
        map.entry(row.critic.clone()).or_default().push(row);
    }
    map
}

/// Number of different seeds.
fn seeds(rows: &[&StateRow]) -> usize {
    rows.iter().map(|row| row.seed).collect::<BTreeSet<_>>().len()
}

/// A statistic of some rows, with an interval over seeds where there are several.
fn over_seeds(rows: &[&StateRow], stat: impl Fn(&[&StateRow]) -> Estimate) -> Estimate {
    let mut by_seed: BTreeMap<u64, Vec<&StateRow>> = BTreeMap::new();
    for row in rows {
        by_seed.entry(row.seed).or_default().push(row);
    }
    if by_seed.len() < 2 {
        return stat(rows);
    }
    let values: Vec<f64> = by_seed.values().map(|rows| stat(rows).value).collect();
    jackknife(&values, summary::mean, LEVEL)
}

fn by_threshold(title: String, rows: &[&StateRow], column: Column) -> Panel {
    let taus: Vec<f64> = (0..THRESHOLDS).map(|i| i as f64 / (THRESHOLDS - 1) as f64).collect();
    let series = by_critic(rows)
        .into_iter()
        .map(|(critic, rows)| {
            let share = |rows: &[&StateRow], tau| learnable(rows.iter().copied(), column, tau);
            let point =
                |&tau: &f64| Point::estimate(tau, &over_seeds(&rows, |rows| share(rows, tau)));
            Series::step(&critic, taus.iter().map(point).collect(), seeds(&rows))
        })
        .collect();
    let chance = |&tau: &f64| {
        let each: Vec<f64> = rows.iter().map(|r| chance_above(tau, dims(r))).collect();
        Point::new(tau, summary::mean(&each))
    };
    let mut references = vec![Reference::curve("chance", taus.iter().map(chance).collect())];
    let agreement: Vec<f64> =
        rows.iter().map(|r| r.replicate_cosine).filter(|x| x.is_finite()).collect();
    if column == Column::Cosine && !agreement.is_empty() {
        // Two independent estimates, each as noisy as a part of the rollouts is: an exactly right
        // critic lies above this curve (estimator §6.1). Band: simultaneous (DKW).
        let half = dkw_half_width(agreement.len(), LEVEL);
        let point = |&tau: &f64| {
            let above = agreement.iter().filter(|x| **x > tau).count();
            let share = above as f64 / agreement.len() as f64;
            let (low, high) = ((share - half).max(0.0), (share + half).min(1.0));
            Point { x: tau, y: share, low, high }
        };
        references.push(Reference::curve("replicate", taus.iter().map(point).collect()));
    }
    Panel {
        title: if title.is_empty() { "All checkpoints".into() } else { title },
        x: Axis::new("threshold τ", "").with_range(0.0, 1.0),
        y: Axis::new("states with cosine > τ", "share").with_range(0.0, 1.0),
        series,
        references,
    }
}

/// Dimensions that the comparison of a row was made in.
fn dims(row: &StateRow) -> usize {
    if row.tried > 0 { row.tried as usize } else { row.dims as usize }
}

fn steps(rows: &[&StateRow]) -> BTreeSet<u64> {
    rows.iter().map(|row| row.step).collect()
}

/// One point for each step: a statistic of the rows of that step.
fn curve(rows: &[&StateRow], stat: impl Fn(&[&StateRow]) -> Estimate) -> Vec<Point> {
    steps(rows)
        .into_iter()
        .map(|step| {
            let at: Vec<&StateRow> = rows.iter().copied().filter(|r| r.step == step).collect();
            Point::estimate(step as f64, &over_seeds(&at, &stat))
        })
        .collect()
}

fn step_axis() -> Axis {
    Axis::new("environment steps", "")
}

fn learnable_by_step(title: String, rows: &[&StateRow], spec: &PanelSpec, column: Column) -> Panel {
    let tau = spec.tau.unwrap_or_default();
    let series = by_critic(rows)
        .into_iter()
        .map(|(critic, rows)| {
            let points = curve(&rows, |at| learnable(at.iter().copied(), column, tau));
            Series::line(&critic, smooth(points, spec.window), seeds(&rows))
        })
        .collect();
    let chances: Vec<f64> = rows.iter().map(|r| chance_above(tau, dims(r))).collect();
    Panel {
        title: if title.is_empty() {
            format!("τ = {tau}")
        } else {
            format!("{title}, τ = {tau}")
        },
        x: step_axis(),
        y: Axis::new(format!("states with cosine > {tau}"), "share").with_range(0.0, 1.0),
        series,
        references: vec![Reference::level("chance", summary::mean(&chances))],
    }
}

/// What an exactly right critic would show at each step: the mean over critics, and as band the
/// range over them, for each critic's policy has its own noise. Empty if nothing was replicated.
fn ceiling(rows: &[&StateRow], settings: &Settings) -> Option<Reference> {
    let mut points = Vec::new();
    for step in steps(rows) {
        let at: Vec<&StateRow> = rows.iter().copied().filter(|r| r.step == step).collect();
        let each: Vec<f64> = by_critic(&at)
            .into_values()
            .map(|rows| {
                over_seeds(&rows, |rows| corrected(rows.iter().copied(), settings).ceiling).value
            })
            .filter(|x| x.is_finite())
            .collect();
        if !each.is_empty() {
            let low = each.iter().copied().fold(f64::INFINITY, f64::min);
            let high = each.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            points.push(Point { x: step as f64, y: summary::mean(&each), low, high });
        }
    }
    match points[..] {
        [] => None,
        [only] if only.low < only.high => Some(Reference::band("ceiling", only.low, only.high)),
        [only] => Some(Reference::level("ceiling", only.y)),
        _ => Some(Reference::curve("ceiling", points)),
    }
}

/// Corrected mean cosine at each step; gaps where independent estimates do not agree.
fn corrected_by_step(
    title: String,
    rows: &[&StateRow],
    (spec, settings): (&PanelSpec, &Settings),
) -> Panel {
    let resolved = |rows: &[&StateRow]| {
        let found = corrected(rows.iter().copied(), settings);
        if found.resolved {
            found.corrected
        } else {
            Estimate::without_interval(f64::NAN, found.states)
        }
    };
    let series = by_critic(rows)
        .into_iter()
        .map(|(critic, rows)| {
            Series::line(&critic, smooth(curve(&rows, resolved), spec.window), seeds(&rows))
        })
        .collect();
    Panel {
        title: if title.is_empty() { "Corrected for noise".into() } else { title },
        x: step_axis(),
        y: Axis::new("corrected mean cosine", ""),
        series,
        references: vec![Reference::level("chance", 0.0), Reference::level("exact critic", 1.0)],
    }
}

fn mean_by_step(
    title: String,
    rows: &[&StateRow],
    (spec, column, settings): (&PanelSpec, Column, &Settings),
) -> Panel {
    let series = by_critic(rows)
        .into_iter()
        .map(|(critic, rows)| {
            let points = curve(&rows, |at| mean_over_states(at.iter().copied(), column));
            Series::line(&critic, smooth(points, spec.window), seeds(&rows))
        })
        .collect();
    let label = match column {
        Column::Cosine => "mean cosine similarity",
        Column::SelfCosine => "cosine with own linear fit",
    };
    let y = Axis::new(label, "");
    let y = if column == Column::SelfCosine { y.with_range(-0.2, 1.0) } else { y };
    Panel {
        title: if title.is_empty() { "Mean over states".into() } else { title },
        x: step_axis(),
        y,
        series,
        references: [Some(Reference::level("chance", 0.0)), ceiling(rows, settings)]
            .into_iter()
            .flatten()
            .collect(),
    }
}

/// Moving average over `window` evaluations; bands are averaged alike, which is no interval of the
/// average but its scale.
fn smooth(points: Vec<Point>, window: usize) -> Vec<Point> {
    if window <= 1 {
        return points;
    }
    let average = |f: fn(&Point) -> f64| {
        summary::moving_average(&points.iter().map(f).collect::<Vec<_>>(), window)
    };
    let (y, low, high) = (average(|p| p.y), average(|p| p.low), average(|p| p.high));
    points
        .iter()
        .enumerate()
        .map(|(i, p)| Point { x: p.x, y: y[i], low: low[i], high: high[i] })
        .collect()
}

/// Returns one panel for each environment, from the evaluations of runs.
pub fn return_panels(curves: &[ReturnCurve]) -> Vec<Panel> {
    let envs: BTreeSet<&str> = curves.iter().map(|c| c.env.as_str()).collect();
    envs.into_iter()
        .map(|env| {
            let mut by_critic: BTreeMap<&str, Vec<&ReturnCurve>> = BTreeMap::new();
            for curve in curves.iter().filter(|c| c.env == env) {
                by_critic.entry(&curve.critic).or_default().push(curve);
            }
            let series = by_critic
                .into_iter()
                .map(|(critic, runs)| Series::line(critic, return_points(&runs), runs.len()))
                .collect();
            Panel {
                title: env_label(env).to_owned(),
                x: step_axis(),
                y: Axis::new(RETURN, ""),
                series,
                references: Vec::new(),
            }
        })
        .collect()
}

/// Mean return at each step: over seeds where there are several, else over the run's episodes.
fn return_points(runs: &[&ReturnCurve]) -> Vec<Point> {
    let mut by_step: BTreeMap<u64, Vec<&Vec<f64>>> = BTreeMap::new();
    for run in runs {
        for (step, returns) in &run.evaluations {
            by_step.entry(*step).or_default().push(returns);
        }
    }
    by_step
        .into_iter()
        .map(|(step, evaluations)| {
            let units: Vec<f64> = match evaluations[..] {
                [episodes] => episodes.clone(),
                _ => evaluations.iter().map(|episodes| summary::mean(episodes)).collect(),
            };
            Point::estimate(step as f64, &jackknife(&units, summary::mean, LEVEL))
        })
        .collect()
}
