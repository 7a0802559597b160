//! Are better values better gradients? The answer, a table, a figure.

use serde_json::json;

use super::figure::{Axis, Panel, Point, Series, each_once, extremes};
use super::finding::Finding;
use super::numbers::{fixed, interval, short};
use super::tables::{Cell, Table};
use super::text;
use super::theme::model_label;
use crate::analysis::measure::value_error::{
    ErrorOf, Learned, Targets, agreement, agreement_while_learning,
};
use crate::nn::critic::CriticKind;
use crate::stats::resample::jackknife;
use crate::stats::{Estimate, LEVEL, summary};

const ERROR: ErrorOf = |point| point.value_error;

/// What distinguishes critics besides their kind and the amount of data: targets, and noise on the actions.
pub(crate) type Group = (Targets, f64);

/// Both shares of a group: of pairs of critics, and of pairs of moments of one.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Shares {
    targets: Targets,
    exploration: f64,
    /// Of pairs of critics that learned from the same.
    pub critics: Estimate,
    /// Of pairs of moments of one critic that learns.
    pub moments: Estimate,
}

fn group(learned: &Learned) -> Group {
    (learned.unit.targets, learned.unit.exploration)
}

pub(crate) fn groups(all: &[Learned]) -> Vec<Group> {
    each_once(all.iter().map(group))
}

fn of_group(all: &[Learned], which: Group) -> Vec<Learned> {
    all.iter().filter(|learned| group(learned) == which).cloned().collect()
}

pub(crate) fn shares(all: &[Learned], which: Group) -> Shares {
    let (of, (targets, exploration)) = (of_group(all, which), which);
    let (critics, moments) = (agreement(&of, ERROR), agreement_while_learning(&of, ERROR));
    Shares { targets, exploration, critics, moments }
}

/// Says whether better values are better gradients: a sentence for each group, and what the best values are worth.
pub(crate) fn answers(all: &[Learned]) -> Vec<String> {
    let groups = groups(all).into_iter().map(|group| answer(&shares(all, group)));
    groups.chain(best_values(all)).collect()
}

fn answer(Shares { targets, exploration, critics, moments }: &Shares) -> String {
    let by = match targets {
        Targets::Bootstrapped => "Bootstrapped targets",
        Targets::Exact => "Exact values as targets",
    };
    let verdict = match critics {
        share if share.low > 0.5 => "better values are better gradients more often than not",
        share if share.high < 0.5 => "better values are worse gradients more often than not",
        _ => "better values cannot be told to be better gradients",
    };
    format!(
        "{by}, noise of {exploration} on the actions: {verdict}. Of two critics of the same data that with the better \
         values has the better gradient in {}, of two moments of one critic in {}; a coin says 50 %.",
        percent(critics),
        percent(moments)
    )
}

fn percent(share: &Estimate) -> String {
    let [value, low, high] =
        [share.value, share.low, share.high].map(|x| fixed(100.0 * x.clamp(0.0, 1.0), 0));
    if share.low.is_nan() { format!("{value} %") } else { format!("{value} % [{low}, {high}]") }
}

/// Says which κ goes with the smallest error of the values.
fn best_values(all: &[Learned]) -> Option<String> {
    let mean = |kind: &Kind| {
        let mean = last_of(all, *kind, ERROR);
        if mean.value.is_nan() { f64::INFINITY } else { mean.value }
    };
    let best = kinds(all).into_iter().min_by(|a, b| mean(a).total_cmp(&mean(b)))?;
    let Kind { group: (targets, exploration), data, critic } = best;
    Some(format!(
        "The best values of all are those of {} with {targets} targets, {} transitions and noise of {exploration}: off \
         by {} of their standard deviation. Its κ is {}.",
        model_label(critic.name()),
        short(data as f64),
        interval(&last_of(all, best, ERROR)),
        interval(&last_of(all, best, |point| point.kappa))
    ))
}

/// What critics that are averaged over seeds have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Kind {
    group: Group,
    data: usize,
    critic: CriticKind,
}

fn kind(learned: &Learned) -> Kind {
    Kind { group: group(learned), data: learned.unit.data, critic: learned.unit.critic }
}

fn kinds(all: &[Learned]) -> Vec<Kind> {
    each_once(all.iter().map(kind))
}

/// Returns the mean over seeds of what critics were worth in the end.
fn last_of(all: &[Learned], which: Kind, of: ErrorOf) -> Estimate {
    let last = all.iter().filter(|x| kind(x) == which).map(Learned::last);
    jackknife(&last.map(|point| of(&point)).collect::<Vec<_>>(), summary::mean, LEVEL)
}

/// Returns what the critics are worth in the end: means over seeds.
pub(crate) fn table(all: &[Learned]) -> Table {
    let row = |kind: Kind| {
        let Kind { group: (targets, exploration), data, critic } = kind;
        let mean = |of: ErrorOf| Cell::Interval(last_of(all, kind, of));
        vec![
            ("targets", Cell::text(targets)),
            ("noise on actions", Cell::text(exploration)),
            ("data", Cell::text(short(data as f64))),
            ("critic", Cell::text(critic)),
            ("seeds", Cell::text(last_of(all, kind, ERROR).n)),
            ("value error", mean(ERROR)),
            ("κ", mean(|point| point.kappa)),
            ("gradient error", mean(|point| point.gradient_error)),
        ]
    };
    Table::of_named(kinds(all).into_iter().map(row))
}

/// Returns every look, a line each.
fn looks(all: &[Learned]) -> Table {
    let rows = all.iter().flat_map(|learned| {
        let unit = learned.unit;
        learned.points.iter().map(move |point| {
            vec![
                ("targets", Cell::text(unit.targets)),
                ("exploration", Cell::text(unit.exploration)),
                ("critic", Cell::text(unit.critic)),
                ("data", Cell::text(unit.data)),
                ("seed", Cell::text(unit.seed)),
                ("update", Cell::text(point.update)),
                ("value_error", Cell::number(point.value_error)),
                ("shifted_error", Cell::number(point.shifted_error)),
                ("kappa", Cell::number(point.kappa)),
                ("gradient_error", Cell::number(point.gradient_error)),
            ]
        })
    });
    Table::of_named(rows)
}

/// Returns κ over the error of the values of all looks at critics of a group.
fn panel(all: &[Learned], which: Group) -> Panel {
    let errors =
        all.iter().flat_map(|learned| &learned.points).map(|point| point.value_error.log10());
    let (low, high) = extremes(errors.filter(|x| x.is_finite()));
    let air = 0.03 * (high - low).max(1.0);
    let of = of_group(all, which);
    let series = |critic| {
        let of_critic = of.iter().filter(|x| x.unit.critic == critic);
        let points = of_critic
            .flat_map(|x| &x.points)
            .map(|point| Point::new(point.value_error.log10(), point.kappa))
            .filter(|point| point.x.is_finite() && point.y.is_finite());
        Series::scatter(critic.to_string(), points.collect())
    };
    let critics = each_once(of.iter().map(|x| x.unit.critic));
    Panel {
        title: format!("{} targets, noise of {} on actions", which.0, which.1),
        x: Axis::new("log₁₀ of the values' error", "their SD").with_range(low - air, high + air),
        y: Axis::new("κ", "").with_range(-1.0, 1.0),
        series: critics.into_iter().map(series).collect(),
        references: Vec::new(),
    }
}

pub(crate) fn finding(all: &[Learned]) -> Finding {
    let seeds = each_once(all.iter().map(|learned| learned.unit.seed)).len();
    let unit = all[0].unit;
    let values = json!({ "seeds": seeds, "updates": short(unit.updates as f64), "looks": unit.looks, "tau": unit.tau });
    let groups = groups(all);
    Finding {
        subtitle: format!("one sign for each look at a critic that learns; {seeds} systems"),
        panels: groups.into_iter().map(|group| panel(all, group)).collect(),
        files: vec![("summary.csv", table(all)), ("looks.csv", looks(all))],
        table: Some(table(all)),
        method: text::method(include_str!("text/value-error.md"), values),
        ..Finding::default()
    }
}
