//! Critics of several agents in one table: values beside returns, κ, gain, inside, promise.

use serde::Serialize;
use serde_json::json;

use super::direction::{self, Direction};
use super::figure::{Axis, Panel, Point, Series, each_once, extremes};
use super::finding::Finding;
use super::numbers::fixed;
use super::tables::{Cell, Table};
use super::text::{self, Method};
use super::theme::env_label;
use super::{played, policy_cosine, promise};
use crate::analysis::measure::played::{Beside, Played};
use crate::analysis::measure::policy_cosine::Judged;
use crate::analysis::measure::promise::Promised;
use crate::gradient::Settings;
use crate::gradient::score::Score;
use crate::stats::{Estimate, summary};

/// All that was measured of an agent.
#[derive(Debug, Serialize)]
pub(crate) struct Audited {
    /// What it is called beside others.
    pub name: String,
    pub played: Played,
    pub judged: Judged,
    pub promised: Promised,
}

impl Audited {
    fn mean_return(&self) -> f64 {
        summary::mean(&self.played.returns)
    }

    /// How far the critic's values are above the discounted returns of the episodes, as a share of these.
    fn excess(&self) -> Option<f64> {
        let Beside { value, discounted_return, .. } = self.played.values?;
        Some((value - discounted_return) / discounted_return.abs())
    }

    fn resolved(&self, pick: fn(&Judged) -> Estimate) -> Option<Estimate> {
        self.judged.score.policy.resolved.then(|| pick(&self.judged))
    }

    fn inside(&self) -> Option<Estimate> {
        let inside = &self.judged.score.inside;
        inside.resolved.then_some(inside.corrected)
    }

    fn kept(&self) -> Estimate {
        self.promised.own.kept
    }
}

/// Says in plain words what all of them show together; of a single one, all that is known.
pub(crate) fn answer(all: &[Audited]) -> String {
    if let [only] = all {
        let mut said = vec![direction::answer(&only.judged)];
        said.extend(promise::answers(std::slice::from_ref(&only.promised)));
        said.extend(played::sentences(&only.played, None));
        return said.join("\n\n");
    }
    let count = |of: &dyn Fn(&Audited) -> bool| all.iter().filter(|a| of(a)).count();
    let pointing = |which: Direction| count(&|a| Direction::of(&a.judged) == which);
    let inside = count(&|a| a.inside().is_some_and(|inside| inside.low > 0.0));
    let kept = count(&|a| a.kept().low > 0.0);
    let part = count(&|a| a.kept().low > 0.0 && a.kept().high < 1.0);
    let mut said = vec![
        format!(
            "Of {} critics {} point uphill and {} downhill; {} may do neither, of {} it cannot be told, and {} actors \
             cannot move.",
            all.len(),
            pointing(Direction::Uphill),
            pointing(Direction::Downhill),
            pointing(Direction::Neither),
            pointing(Direction::Unknown),
            pointing(Direction::Stuck)
        ),
        format!("Inside the box the gradients of {inside} are right by more than chance."),
        format!(
            "Of the improvement that they promise along their own gradients, some is known to be real for {kept}, \
             and known to be less than promised for {part} of these."
        ),
    ];
    let excess: Vec<f64> = all.iter().filter_map(Audited::excess).collect();
    if !excess.is_empty() {
        let (_, most) = extremes(excess.iter().copied());
        said.push(format!(
            "Values are above the returns that came for {} of {}: {} in the median, {} at most.",
            excess.iter().filter(|share| **share > 0.0).count(),
            excess.len(),
            percent(summary::median(&excess)),
            percent(most)
        ));
    }
    said.join(" ")
}

/// A share with its sign, in percent.
fn percent(share: f64) -> String {
    let sign = if share > 0.0 { "+" } else { "" };
    format!("{sign}{} %", fixed(100.0 * share, 0))
}

/// Returns the numbers that a page has room for, one line for each agent.
pub(crate) fn table(all: &[Audited]) -> Table {
    let row = |audited: &Audited| {
        let Score { policy, inside, .. } = &audited.judged.score;
        let excess = audited.excess().map(percent);
        vec![
            ("agent", Cell::text(&audited.name)),
            ("return", Cell::text(fixed(audited.mean_return(), 0))),
            ("value", excess.map_or(Cell::Missing, Cell::text)),
            ("κ", Cell::resolved(policy.resolved, policy.kappa)),
            ("ceiling", Cell::number(policy.ceiling.value)),
            ("gain", Cell::resolved(policy.resolved, policy.gain)),
            ("inside", Cell::resolved(inside.resolved, inside.corrected)),
            ("kept", Cell::Interval(audited.kept())),
        ]
    };
    Table::of_named(all.iter().map(row))
}

/// Returns all numbers of the episodes and of the critic, one line for each agent.
fn summary(all: &[Audited]) -> Table {
    let row = |audited: &Audited| {
        let Played { returns, values, .. } = &audited.played;
        let beside = |pick: fn(&Beside) -> f64| {
            values.as_ref().map_or(Cell::Missing, |values| Cell::number(pick(values)))
        };
        let (lowest, highest) = extremes(returns.iter().copied());
        vec![
            ("agent", Cell::text(&audited.name)),
            ("episodes", Cell::text(returns.len())),
            ("return", Cell::number(audited.mean_return())),
            ("lowest return", Cell::number(lowest)),
            ("highest return", Cell::number(highest)),
            ("value", beside(|b| b.value)),
            ("discounted return", beside(|b| b.discounted_return)),
            ("correlation", beside(|b| b.correlation)),
            ("kept", Cell::Interval(audited.kept())),
            ("slope", Cell::Interval(audited.promised.own.slope)),
        ]
    };
    let mut table = Table::of_named(all.iter().map(row));
    let judged: Vec<Judged> = all.iter().map(|audited| audited.judged.clone()).collect();
    let Table { columns, rows } = policy_cosine::summary(&judged);
    table.columns.extend(columns);
    for (row, more) in table.rows.iter_mut().zip(rows) {
        row.extend(more);
    }
    table
}

/// Returns a panel of one number of each agent against the return that it reaches.
fn panel(all: &[Audited], title: &str, of: impl Fn(&Audited) -> Option<Estimate>) -> Panel {
    let envs = each_once(all.iter().map(|audited| &*audited.judged.whose.env));
    let series = |env: &str| {
        let there = all.iter().filter(|audited| audited.judged.whose.env == env);
        let points =
            there.filter_map(|audited| Some(Point::estimate(audited.mean_return(), &of(audited)?)));
        Series::scatter(env_label(env), points.collect())
    };
    let x = Axis::new("return of the actor", "");
    Panel::beside_exact(title, x, envs.into_iter().map(series).collect())
}

/// `settings` are those of the banks and of the promises.
pub(crate) fn finding(all: &[Audited], settings: [&Settings; 2]) -> Finding {
    let values = |audited: &Audited| {
        let Beside { value, discounted_return, .. } = audited.played.values?;
        let share = value / discounted_return;
        // Of negative returns, too, what is above 1 is an overestimate.
        let share = if discounted_return < 0.0 { 2.0 - share } else { share };
        Some(Estimate::without_interval(share, audited.played.returns.len()))
    };
    let judged: Vec<Judged> = all.iter().map(|audited| audited.judged.clone()).collect();
    let promised: Vec<Promised> = all.iter().map(|audited| audited.promised.clone()).collect();
    let episodes = all.first().map_or(0, |audited| audited.played.returns.len());
    let [first, second] =
        [policy_cosine::finding(&judged, settings[0]), promise::finding(&promised, settings[1])];
    let doubts = |audited: &Audited| {
        let said = played::warnings(&audited.played, None).into_iter();
        said.map(|warning| format!("{}: {warning}", audited.name)).collect::<Vec<_>>()
    };
    let own = text::method(include_str!("text/audit.md"), json!({ "episodes": episodes }));
    Finding {
        subtitle: format!(
            "critics of {} agents; bars: 95 %; where the truth is not resolved there is no point",
            all.len()
        ),
        panels: vec![
            panel(all, "value over what came", values),
            panel(all, "κ", |a| a.resolved(|j| j.score.policy.kappa)),
            panel(all, "inside", Audited::inside),
            panel(all, "promise kept", |a| Some(a.kept())),
        ],
        files: vec![("summary.csv", summary(all))],
        table: Some(table(all)),
        warnings: all
            .iter()
            .flat_map(doubts)
            .chain(first.warnings)
            .chain(second.warnings)
            .collect(),
        method: Method {
            how_measured: [own.how_measured, first.method.how_measured, second.method.how_measured]
                .join("\n\n"),
            does_not_show: [first.method.does_not_show, second.method.does_not_show].join("\n\n"),
        },
        ..Finding::default()
    }
}
