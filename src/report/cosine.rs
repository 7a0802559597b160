//! Cosines of critics: from the rows of checkpoints to figures, tables and an answer.

use super::cosine_method::{self as method, in_tasks, moment};
use super::direction::sentence;
use super::figure::{Panel, extremes};
use super::finding::{Finding, appendix};
use super::learnable;
use super::numbers::{fixed, interval};
use super::study::state_panels;
use super::tables::{Cell, Table};
use super::tasks::{difference_table, task_panels};
use super::theme::model_label;
use crate::analysis::measure::cosine::{Against, Cosine};
use crate::analysis::summary::{Interval, NoiseCorrected, Status, Summary, summarise};
use crate::analysis::table::StateRow;
use crate::analysis::task_difference::{TaskDifference, task_differences};
use crate::gradient::Mode;
use crate::stats::Estimate;
use crate::stats::stacked::Stacked;
use crate::study::spec::Panel as PanelSpec;

/// Columns of a summary that a page or a terminal has room for.
const SHOWN: [&str; 8] =
    ["environment", "critic", "seed", "step", "cosine", "ceiling", "corrected", "status"];

/// The same of lab mode.
const SHOWN_IN_LAB: [&str; 8] =
    ["environment", "critic", "seed", "step", "κ", "ceiling of κ", "gain", "corrected"];

/// The same for the share of states in which a critic is right enough.
const SHOWN_OF_SHARES: [&str; 8] = [
    "environment",
    "critic",
    "seed",
    "step",
    "above 0.25",
    "ceiling 0.25",
    "chance 0.25",
    "above 0.75",
];

/// The same of a self-check, which has no noise.
const SHOWN_OF_OWN: [&str; 6] = ["environment", "critic", "seed", "step", "states", "cosine"];

/// What is asked of cosines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// How large is their mean?
    Mean,
    /// In what share of states is one above a threshold?
    Shares,
}

pub(crate) struct Cosines {
    /// What the table and the answer are about.
    pub question: Question,
    /// One line for each checkpoint, or for it in the tasks of one list.
    pub summaries: Vec<Summary>,
    /// Training minus test tasks, where both were measured.
    pub differences: Vec<TaskDifference>,
}

impl Cosines {
    /// Summarises the rows of each checkpoint, to ask for their mean.
    pub(crate) fn new(checkpoints: &[Vec<StateRow>], how: &Cosine) -> Self {
        let (column, settings) = (how.column(), &how.settings);
        let summary = |rows: &Vec<StateRow>| summarise(rows, column, settings);
        Self {
            question: Question::Mean,
            summaries: checkpoints.iter().map(summary).collect(),
            differences: task_differences(&checkpoints.concat(), column, settings),
        }
    }

    pub(crate) fn finding(
        &self,
        how: &Cosine,
        checkpoints: &[Vec<StateRow>],
        specs: &[PanelSpec],
    ) -> Finding {
        let rows = checkpoints.concat();
        let panels = panels(how, &rows, specs);
        let differences = difference_table(&self.differences);
        let shown = differences.only(|name| name != "out of distribution");
        Finding {
            subtitle: method::subtitle(how, &rows, &panels) + &method::smoothing(specs, &rows),
            panels,
            files: [
                ("summary.csv", summary_table(&self.summaries)),
                ("differences.csv", differences),
            ]
            .into_iter()
            .filter(|(_, table)| !table.rows.is_empty())
            .collect(),
            table: Some(self.table(how)),
            appendices: [
                appendix("Training minus test tasks", &shown, false),
                appendix("States left out or flagged", &flag_table(&self.summaries), false),
            ]
            .into_iter()
            .flatten()
            .collect(),
            warnings: method::warnings(&self.summaries, specs, &rows),
            method: method::method(how, &rows, specs),
            ..Finding::default()
        }
    }

    /// Returns the table for people; `summary.csv` has all columns.
    pub(crate) fn table(&self, how: &Cosine) -> Table {
        match self.question {
            Question::Mean => table(&self.summaries, how),
            Question::Shares => only(&self.summaries, &SHOWN_OF_SHARES),
        }
    }

    /// Returns the answer, a sentence each: of the differences between lists of tasks, or without any of the last
    /// checkpoint.
    pub(crate) fn answers(&self, how: &Cosine) -> Vec<String> {
        let of_difference = |found: &TaskDifference| {
            let TaskDifference { env, model, step, compared, units, .. } = found;
            format!(
                "{} on {env} at iteration {step}: {}, {}: {}.",
                model_label(model),
                compared.words(),
                found.words(),
                interval(&found.difference.over(units.iter().sum()))
            )
        };
        let last = self.summaries.last().filter(|_| self.differences.is_empty());
        let last = last.map(|s| match self.question {
            Question::Mean => of_checkpoint(s, how),
            Question::Shares => learnable::sentence(&whose(s), s),
        });
        self.differences.iter().map(of_difference).chain(last).collect()
    }
}

fn whose(s: &Summary) -> String {
    format!("{} on {} at {} {}", model_label(&s.model), place(s), moment(s), s.step)
}

fn of_checkpoint(s: &Summary, how: &Cosine) -> String {
    let whose = whose(s);
    let cosine = interval(&s.cosine.over(units(s, s.usable)));
    if let (Against::Returns, Some(policy)) = (how.against, &s.policy) {
        return sentence(&whose, policy, f64::NAN);
    }
    match (how.against, &s.noise) {
        (Against::OwnValues, _) => format!(
            "{whose}: mean cosine {cosine} of the critic's gradient with a linear fit to its own values, over \
             {} states.",
            s.usable
        ),
        (Against::Returns, Some(noise)) if noise.status == Status::Resolved => format!(
            "{whose}: mean cosine {cosine} with the true gradient over {} states, in {} action dimensions on \
             average; an exactly right critic would show {}.",
            s.usable,
            fixed(s.tried, 1),
            fixed(noise.ceiling.mean, 3)
        ),
        (Against::Returns, None) => format!(
            "{whose}: mean cosine {cosine} with the estimate of the true gradient. Nothing was replicated, so \
             that the noise of the estimate is not known."
        ),
        (Against::Returns, Some(_)) => format!(
            "{whose}: unresolved. Independent estimates of the true gradient do not agree, so that the mean \
             cosine {cosine} says nothing about the critic."
        ),
    }
}

/// The panels that specs ask for; each list of tasks has its own.
fn panels(how: &Cosine, rows: &[StateRow], specs: &[PanelSpec]) -> Vec<Panel> {
    let of_spec = if in_tasks(rows) { task_panels } else { state_panels };
    specs.iter().flat_map(|spec| of_spec(rows, spec, how.column(), &how.settings)).collect()
}

/// Environment of the states, and the list of their tasks.
pub(crate) fn place(s: &Summary) -> String {
    s.tasks.map_or(s.env.clone(), |tasks| format!("{}, {}", s.env, tasks.split.name()))
}

/// Number of independent units behind an interval: tasks where there are several, else states.
fn units(s: &Summary, states: usize) -> usize {
    s.tasks.map(|tasks| tasks.tasks).filter(|tasks| *tasks > 1).unwrap_or(states)
}

/// Returns the summaries with the columns that a page has room for.
pub(crate) fn table(summaries: &[Summary], how: &Cosine) -> Table {
    let shown: &[&str] = match how.against {
        Against::Returns if how.settings.mode == Mode::Lab => &SHOWN_IN_LAB,
        Against::Returns => &SHOWN,
        Against::OwnValues => &SHOWN_OF_OWN,
    };
    let mut table = only(summaries, shown);
    let lab = how.settings.mode == Mode::Lab;
    for column in &mut table.columns {
        match &*column.name {
            "cosine" if how.against == Against::Returns => column.name = "raw cosine".into(),
            "corrected" if lab => column.name = "inside".into(),
            _ => {}
        }
    }
    table
}

/// The summaries with some columns.
fn only(summaries: &[Summary], shown: &[&str]) -> Table {
    let of_moment = |name: &str| shown.contains(&name) || name == "iteration";
    let mut table = summary_table(summaries).only(of_moment);
    for (row, s) in table.rows.iter_mut().zip(summaries) {
        row[0] = Cell::text(place(s));
    }
    table
}

/// Returns the paper's number of each checkpoint beside κ and inside.
pub(crate) fn beside_paper(pairs: &[(Summary, Summary)]) -> Table {
    let names = ["environment", "critic", "seed", "step", "paper's number", "κ", "inside"];
    let row = |(paper, lab): &(Summary, Summary)| {
        let all = summary_row(lab);
        let of = |name: &str| {
            all.iter().find(|(known, _)| *known == name).map_or(Cell::Missing, |(_, c)| c.clone())
        };
        let inside = match &lab.noise {
            Some(noise) if noise.status == Status::Unresolved => Cell::text("unresolved"),
            Some(_) => of("corrected"),
            None => of("cosine"),
        };
        vec![
            Cell::text(place(lab)),
            Cell::text(&lab.model),
            Cell::text(lab.seed),
            Cell::text(lab.step),
            Cell::Interval(paper.cosine.over(units(paper, paper.usable))),
            of("κ"),
            inside,
        ]
    };
    Table::of(names, pairs.iter().map(row))
}

/// Says how many states have which flag; empty if none has one.
fn flags(s: &Summary) -> String {
    let flags = s.flags.iter().filter(|(_, count)| **count > 0);
    let counts: Vec<String> = flags
        .map(|(name, count)| match *name {
            "non_finite" => format!("{count} non-finite rollouts"),
            _ => format!("{count} {}", name.replace('_', " ")),
        })
        .collect();
    counts.join(", ")
}

/// Returns the flags of states, a line for each checkpoint that has any.
fn flag_table(summaries: &[Summary]) -> Table {
    let row = |s: &Summary| {
        vec![
            ("environment", Cell::text(place(s))),
            ("critic", Cell::text(&s.model)),
            ("seed", Cell::text(s.seed)),
            (moment(s), Cell::text(s.step)),
            ("states", Cell::text(s.states)),
            ("usable", Cell::text(s.usable)),
            ("dimensions", Cell::number(s.tried)),
            ("flags", Cell::text(flags(s))),
        ]
    };
    Table::of_named(summaries.iter().filter(|s| !flags(s).is_empty()).map(row))
}

/// Says which flags the states of a checkpoint have, if any.
pub(crate) fn flagged(s: &Summary) -> Option<String> {
    let counts = flags(s);
    (!counts.is_empty()).then(|| {
        format!(
            "{} {}, {} {}: {} of {} states usable, compared in {} action dimensions; {}",
            place(s),
            s.model,
            moment(s),
            s.step,
            s.usable,
            s.states,
            fixed(s.tried, 1),
            counts
        )
    })
}

/// Says what a random direction would show, if that is known.
pub(crate) fn chance(summaries: &[Summary]) -> Option<String> {
    let chances = summaries.iter().map(|s| s.chance["0.25"]);
    let (least, most) = extremes(chances.filter(|share| share.is_finite()));
    let [low, high] = [least, most].map(|share| fixed(100.0 * share, 0));
    let range = if low == high { low } else { format!("{low} to {high}") };
    (least <= most).then(|| {
        format!(
            "chance: the mean cosine of a random direction is 0; it exceeds 0.25 in {range} % of the states"
        )
    })
}

/// Returns one line for each checkpoint, with all columns.
pub(crate) fn summary_table(summaries: &[Summary]) -> Table {
    Table::of_named(summaries.iter().map(summary_row))
}

fn summary_row(s: &Summary) -> Vec<(&'static str, Cell)> {
    let noise = s.noise.as_ref();
    let corrected = |pick: fn(&NoiseCorrected) -> Interval| {
        noise.map_or(Cell::Missing, |n| Cell::Interval(pick(n).over(units(s, n.replicated))))
    };
    let policy = |pick: fn(&Stacked) -> Estimate| {
        s.policy.as_ref().map_or(Cell::Missing, |p| Cell::resolved(p.resolved, pick(p)))
    };
    let share = |tau: &str| Cell::Interval(s.learnable_interval[tau].over(units(s, s.states)));
    let flag = |name: &str| Cell::text(s.flags.get(name).copied().unwrap_or(0));
    let mut cells = vec![
        ("environment", Cell::text(&s.env)),
        ("critic", Cell::text(&s.model)),
        ("seed", Cell::text(s.seed)),
        (moment(s), Cell::text(s.step)),
    ];
    if let Some(tasks) = s.tasks {
        cells.extend([("list", Cell::text(tasks.words())), ("tasks", Cell::text(tasks.tasks))]);
    }
    cells.extend([
        ("states", Cell::text(s.states)),
        ("usable", Cell::text(s.usable)),
        ("dimensions", Cell::number(s.tried)),
        ("rollouts", Cell::text(s.rollouts)),
        ("cosine", Cell::Interval(s.cosine.over(units(s, s.usable)))),
        ("matched", Cell::Interval(s.matched.over(units(s, s.usable)))),
        ("ceiling", corrected(|n| n.ceiling)),
        ("corrected", corrected(|n| n.corrected)),
        ("stacked", corrected(|n| n.stacked)),
        ("status", noise.map_or(Cell::Missing, |n| Cell::text(n.status))),
        ("κ", policy(|p| p.kappa)),
        ("ceiling of κ", s.policy.map_or(Cell::Missing, |p| Cell::number(p.ceiling.value))),
        ("gain", policy(|p| p.gain)),
        ("above 0.25", share("0.25")),
        ("ceiling 0.25", Cell::number(s.learnable_ceiling["0.25"])),
        ("chance 0.25", Cell::number(s.chance["0.25"])),
        ("above 0.75", share("0.75")),
        ("ceiling 0.75", Cell::number(s.learnable_ceiling["0.75"])),
        ("chance 0.75", Cell::number(s.chance["0.75"])),
        ("adjusted R²", Cell::number(s.adjusted_r2)),
        ("fell", Cell::number(s.fell)),
        ("clipped", Cell::number(s.clipped)),
        ("horizon", Cell::text(s.horizon)),
        ("longest", Cell::text(s.longest)),
        ("undefined", flag("undefined")),
        ("rank deficient", flag("rank_deficient")),
        ("projected", flag("projected")),
        ("one step", flag("one_step")),
        ("too few", flag("too_few")),
        ("unresolved", flag("unresolved")),
        ("truncated", flag("truncated")),
        ("non-finite rollouts", flag("non_finite")),
    ]);
    cells
}
