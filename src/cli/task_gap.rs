//! PEARL in tasks that it was not trained on, from a spec.

use std::collections::BTreeSet;

use super::claim::{Figure, Place, appendix, judged};
use super::output::{self, write_figures};
use super::{meta_returns, meta_runs, shared};
use crate::algo::registry::Config;
use crate::analysis::measure::task_gap::{Gap, gap_differences, task_gap};
use crate::analysis::meta_spec::MetaFound;
use crate::checkpoint::run_log::RunLog;
use crate::checkpoint::{disk, stored};
use crate::error::Result;
use crate::report::returns::ReturnCurve;
use crate::report::task_gap::{context_panels, difference_table, gap_table, judge};
use crate::report::{Section, undefined};

/// What is measured.
const EVALUATED: &str = "The last evaluation of each run: training tasks drawn with replacement, as many as there \
    are test tasks, and all test tasks.";

/// What is made of it.
const COMPARED: &str = "The gap is the mean score of training tasks minus that of test tasks; intervals are bootstraps over the tasks of each \
    list, where there are five or more. Runs of one seed are evaluated on the same tasks, so that differences \
    between models are taken task by task.";

/// What it does not show.
const LIMITS: &str = "A gap of velocities is not one of skill alone: the return of a task depends on its velocity, \
    and test velocities of half-cheetah-vel-medium are all above those of training. Only the difference \
    between models on the same tasks is free of that. Intervals over tasks are about these runs.";

/// Makes the section about the runs that were found.
pub(super) fn section(place: &Place, found: &MetaFound, figure: &Figure) -> Result<Section> {
    let mut gaps: Vec<Gap> = Vec::new();
    for folder in &found.runs {
        let config = stored::read(folder)?;
        let Config::Pearl(of_pearl) = &config else { continue };
        gaps.extend(task_gap(of_pearl, &RunLog::of_run(folder, &*config)?));
    }
    let runs = meta_runs::read_all(&found.runs)?;
    meta_runs::provenance(place.folder, &place.command, &runs)?;
    let curves: Vec<ReturnCurve> = runs.iter().flat_map(|run| run.curves(None)).collect();
    let warnings = undefined::warnings(&curves);
    shared::warn(&warnings);
    let differences = gap_differences(&gaps);
    let (table, between) = (gap_table(&gaps), difference_table(&differences));
    for (name, table) in [("summary", &table), ("differences", &between)] {
        disk::write(&place.folder.join(format!("{name}.csv")), table.to_csv()?.as_bytes())?;
    }
    let heading = figure.heading();
    let seeds = gaps.iter().map(|gap| gap.seed).collect::<BTreeSet<_>>().len();
    let band = if seeds > 1 {
        "band: 95 % interval over seeds"
    } else if gaps.iter().any(|gap| gap.gap.low.is_finite()) {
        "band: 95 % interval over tasks"
    } else {
        "too few tasks for intervals"
    };
    let subtitle = format!("last evaluation; training seeds: {seeds}; {band}");
    let text = (heading.as_str(), subtitle.as_str(), figure.title);
    let section = Section {
        figures: write_figures(place.folder, text, context_panels(&gaps))?,
        table: Some(table),
        appendices: appendix("Hyper-PEARL minus PEARL, task by task", &between, false)
            .into_iter()
            .collect(),
        warnings,
        how_measured: format!("{EVALUATED} {} {COMPARED}", meta_runs::explorations(&runs)),
        does_not_show: format!("{LIMITS}\n\n{}", meta_returns::limits(&runs)),
        command: place.command.clone(),
        provenance: output::versions(),
        ..Section::default()
    };
    Ok(judged(figure, judge(&differences), section))
}
