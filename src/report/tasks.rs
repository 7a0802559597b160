//! States in tasks: panels of each list of tasks, and training against test in a table.

use super::figure::{Axis, Panel};
use super::study::state_panels;
use super::tables::{Cell, Table};
use super::view::STEPS;
use crate::analysis::summary::{Column, Interval};
use crate::analysis::table::StateRow;
use crate::analysis::task_difference::TaskDifference;
use crate::env::TaskList;
use crate::gradient::Settings;
use crate::study::spec::Panel as PanelSpec;

/// Returns the panels that a panel of a spec asks for, one after the other for each list of tasks, with
/// iterations in the place of environment steps.
pub(crate) fn task_panels(
    rows: &[StateRow],
    spec: &PanelSpec,
    (column, settings): (Column, &Settings),
) -> Vec<Panel> {
    let of_list = |split: TaskList| {
        let rows: Vec<StateRow> = rows
            .iter()
            .filter(|row| row.task.is_some_and(|task| task.split == split))
            .cloned()
            .collect();
        let mut panels = state_panels(&rows, spec, (column, settings));
        for panel in &mut panels {
            panel.title = format!("{}, {} tasks", panel.title, split.adjective());
            if panel.x.label == STEPS {
                panel.x = Axis::new("iterations", "");
            }
        }
        panels
    };
    [TaskList::Train, TaskList::Test].into_iter().flat_map(of_list).collect()
}

/// Returns one line for each checkpoint that was measured on both lists.
pub(crate) fn difference_table(differences: &[TaskDifference]) -> Table {
    let names = [
        "environment",
        "critic",
        "seed",
        "iteration",
        "compared",
        "training",
        "test",
        "training minus test",
        "out of distribution",
    ];
    let row = |found: &TaskDifference| {
        let [train, test] = found.units;
        let interval = |x: Interval, units| Cell::Interval(x.over(units));
        vec![
            Cell::text(&found.env),
            Cell::text(&found.model),
            Cell::text(found.seed),
            Cell::text(found.step),
            Cell::text(found.compared.words()),
            interval(found.train, train),
            interval(found.test, test),
            interval(found.difference, train + test),
            Cell::text(if found.out_of_distribution { "yes" } else { "no" }),
        ]
    };
    Table::of(names, differences.iter().map(row))
}
