//! The same for checkpoints of PEARL, in training and test tasks.

use std::ops::ControlFlow;

use super::super::method::tasks as method;
use super::super::output::{self, Output, Words};
use super::super::shared::{Done, note};
use super::{CosineArgs, What, check_all, command_line, measure_all, tell};
use crate::analysis::measure::measurable::Measurable;
use crate::analysis::measure::pearl_cosine::InTasks;
use crate::analysis::select;
use crate::analysis::summary::{Summary, summarise};
use crate::analysis::task_difference::{TaskDifference, task_differences};
use crate::checkpoint::lock::Lock;
use crate::checkpoint::{Checkpoint, disk};
use crate::error::Result;
use crate::gradient::Settings;
use crate::report::tasks::{difference_table, task_panels};
use crate::report::{Appendix, Headline};

/// Measures checkpoints of PEARL in the tasks of each list.
pub(super) fn run(
    (args, what): (&CosineArgs, What),
    checkpoints: &[Checkpoint],
    settings: &Settings,
) -> Result<Done> {
    select::one_figure(checkpoints)?;
    let lists = in_tasks(args, checkpoints)?;
    let out = args.folder(what);
    check_all(&lists, settings, what.against())?;
    let place = args.place(&out)?;
    let _lock = Lock::folder(&out)?;
    let rows = match measure_all(&lists, settings, what.against(), &place)? {
        ControlFlow::Continue(rows) => rows,
        ControlFlow::Break(done) => return Ok(done),
    };
    let summaries: Vec<Summary> =
        rows.iter().map(|rows| summarise(rows, what.column(), settings)).collect();
    let rows = rows.concat();
    let differences = task_differences(&rows, what.column(), settings);
    let specs = what.panels();
    let panels: Vec<_> =
        specs.iter().flat_map(|p| task_panels(&rows, p, (what.column(), settings))).collect();
    let table = (!differences.is_empty()).then(|| difference_table(&differences));
    Output {
        title: what.title(),
        folder: &out,
        settings,
        origins: output::origins(checkpoints),
        rows: &rows,
        summaries: &summaries,
        words: Words {
            headline: headline(&summaries, &differences),
            subtitle: method::subtitle(&rows, (settings, what.against()), &panels),
            warnings: method::warnings(&summaries, &specs, &rows),
            how_measured: method::how_measured(settings, what.against()),
            does_not_show: method::does_not_show(what.against()),
            appendices: table.clone().map(appendix).into_iter().collect(),
        },
        panels,
        command: command_line(what.name(), (args, settings), &out),
    }
    .write()?;
    if let Some(table) = table {
        disk::write(&out.join("differences.csv"), table.to_csv()?.as_bytes())?;
    }
    tell(args, lists.iter().map(Measurable::path), (&summaries, &differences))?;
    note!("wrote {}", out.join("report.md").display());
    Ok(Done::Finished)
}

/// The lists of tasks that each checkpoint is measured in.
fn in_tasks<'c>(args: &CosineArgs, checkpoints: &'c [Checkpoint]) -> Result<Vec<InTasks<'c>>> {
    let mut all = Vec::new();
    for checkpoint in checkpoints {
        for split in args.splits() {
            let there = checkpoint.tasks(*split).len();
            all.push(InTasks::new(checkpoint, *split, args.tasks_of(there))?);
        }
    }
    Ok(all)
}

/// The last difference; without any, the last summary.
fn headline(summaries: &[Summary], differences: &[TaskDifference]) -> Option<Headline> {
    let Some(found) = differences.last() else { return summaries.last().map(output::headline) };
    let TaskDifference { env, model, step, compared, units, .. } = found;
    Some(Headline {
        label: format!(
            "{} of {model} on {env} at iteration {step}, {}",
            compared.words(),
            found.words()
        ),
        estimate: found.difference.over(units.iter().sum()),
        unit: String::new(),
    })
}

fn appendix(table: crate::report::Table) -> Appendix {
    Appendix { title: "Training minus test tasks".into(), table, folded: false }
}
