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
    column: Column,
    settings: &Settings,
) -> Vec<Panel> {
    let of_list = |split: TaskList| {
        let rows: Vec<StateRow> = rows
            .iter()
            .filter(|row| row.task.is_some_and(|task| task.split == split))
            .cloned()
            .collect();
        let mut panels = state_panels(&rows, spec, column, settings);
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
    let row = |found: &TaskDifference| {
        let [train, test] = found.units;
        let interval = |x: Interval, units| Cell::Interval(x.over(units));
        let outside = if found.out_of_distribution { "yes" } else { "no" };
        vec![
            ("environment", Cell::text(&found.env)),
            ("critic", Cell::text(&found.model)),
            ("seed", Cell::text(found.seed)),
            ("iteration", Cell::text(found.step)),
            ("compared", Cell::text(found.compared.words())),
            ("training", interval(found.train, train)),
            ("test", interval(found.test, test)),
            ("training minus test", interval(found.difference, train + test)),
            ("out of distribution", Cell::text(outside)),
        ]
    };
    Table::of_named(differences.iter().map(row))
}
