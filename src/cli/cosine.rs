//! `hyperl-analyze cosine`, `self-check`, `learnable`: measures given checkpoints.

mod args;
mod tasks;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::HumanCount;
use serde::Serialize;

use super::method;
use super::output::{self, Output, Words};
use super::shared::{self, Done};
use super::unit_lock;
use crate::analysis::measure::gradient_cosine::Against;
use crate::analysis::measure::measurable::Measurable;
use crate::analysis::select::{self, WithCritics};
use crate::analysis::summary::{Column, Summary, summarise};
use crate::analysis::table::{self, KeptRows, StateRow};
use crate::analysis::task_difference::TaskDifference;
use crate::checkpoint::lock::Lock;
use crate::checkpoint::{Checkpoint, disk};
use crate::error::{Error, Result};
use crate::gradient::Settings;
use crate::report::study;
use crate::study::spec::{Draw, Facet, Panel};

pub(super) use args::CosineArgs;

use args::command_line;

/// Which of the three commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Cosine,
    SelfCheck,
    Learnable,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::SelfCheck => "self-check",
            Self::Learnable => "learnable",
        }
    }

    fn column(self) -> Column {
        if self == Self::SelfCheck { Column::SelfCosine } else { Column::Cosine }
    }

    fn against(self) -> Against {
        if self == Self::SelfCheck { Against::OwnValues } else { Against::Returns }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Cosine => "Agreement of critic and true action gradient",
            Self::SelfCheck => "Agreement of the critic's gradient with a fit to its own values",
            Self::Learnable => "Learnable states",
        }
    }

    fn panels(self) -> Vec<Panel> {
        let panel = |draw, tau, facet| Panel { draw, tau, window: 1, facet };
        match self {
            Self::Cosine | Self::SelfCheck => {
                vec![panel(Draw::MeanByStep, None, Facet::Environment)]
            }
            Self::Learnable => vec![
                panel(Draw::LearnableByThreshold, None, Facet::Pooled),
                panel(Draw::LearnableByStep, Some(0.25), Facet::Pooled),
                panel(Draw::LearnableByStep, Some(0.75), Facet::Pooled),
            ],
        }
    }
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Json<'s> {
    checkpoints: Vec<JsonLine<'s>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    differences: &'s [TaskDifference],
}

#[derive(Debug, Serialize)]
struct JsonLine<'s> {
    path: String,
    #[serde(flatten)]
    summary: &'s Summary,
}

pub(super) fn run(args: &CosineArgs, what: What) -> Result<Done> {
    let settings = args.settings(what)?;
    shared::save_and_stop();
    match select::with_critics(&args.checkpoints)? {
        WithCritics::Plain(checkpoints) => {
            args.without_tasks()?;
            run_plain((args, what), &checkpoints, &settings)
        }
        WithCritics::InTasks(checkpoints) => {
            tasks::run((args, what), &checkpoints, &args.in_tasks(settings))
        }
    }
}

/// Measures checkpoints of TD3 or SAC.
fn run_plain(
    (args, what): (&CosineArgs, What),
    checkpoints: &[Checkpoint],
    settings: &Settings,
) -> Result<Done> {
    select::one_figure(checkpoints)?;
    let out = args.folder(what);
    check_all(checkpoints, settings, what.against())?;
    let place = args.place(&out)?;
    let _lock = Lock::folder(&out)?;
    let rows = match measure_all(checkpoints, settings, what.against(), &place)? {
        ControlFlow::Continue(rows) => rows,
        ControlFlow::Break(done) => return Ok(done),
    };
    let summaries: Vec<Summary> =
        rows.iter().map(|rows| summarise(rows, what.column(), settings)).collect();
    let rows = rows.concat();
    let specs = what.panels();
    let panels: Vec<_> = specs
        .iter()
        .flat_map(|p| study::state_panels(&rows, p, (what.column(), settings)))
        .collect();
    Output {
        title: what.title(),
        folder: &out,
        settings,
        origins: output::origins(checkpoints),
        rows: &rows,
        summaries: &summaries,
        words: Words {
            headline: summaries.last().map(output::headline),
            subtitle: method::subtitle(&rows, (settings, what.against()), &panels),
            warnings: method::warnings(&summaries, &specs, &rows),
            how_measured: method::how_measured(settings, what.against(), &rows),
            does_not_show: method::does_not_show(what.against()).into(),
            appendices: Vec::new(),
        },
        panels,
        command: command_line(what.name(), (args, settings), &out),
    }
    .write()?;
    tell(args, checkpoints.iter().map(Checkpoint::path), (&summaries, &[]))?;
    shared::note!("wrote {}", out.join("report.md").display());
    Ok(Done::Finished)
}

/// Prints the summaries of checkpoints in these folders, and the differences between lists of tasks.
fn tell<'p>(
    args: &CosineArgs,
    paths: impl Iterator<Item = &'p Path>,
    (summaries, differences): (&[Summary], &[TaskDifference]),
) -> Result<()> {
    if args.json {
        let line =
            |(path, summary): (&Path, _)| JsonLine { path: path.display().to_string(), summary };
        let checkpoints = paths.zip(summaries).map(line).collect();
        return shared::print_json(&Json { checkpoints, differences });
    }
    output::print_summaries(summaries)?;
    differences.iter().try_for_each(output::print_difference)
}

/// Name of the folder of measured checkpoints, which commands that write side by side share.
pub(super) const UNITS: &str = "units";

/// Where single measurements are kept, and the workers that make them.
pub(super) struct Place {
    /// Folder of one file for each checkpoint and settings, to be read back.
    pub(super) units: PathBuf,
    /// Workers.
    pub(super) workers: Arc<rayon::ThreadPool>,
}

/// Checks that all can be measured.
pub(super) fn check_all<M: Measurable>(
    units: &[M],
    settings: &Settings,
    against: Against,
) -> Result<()> {
    let check = |unit: &M| unit.check(settings, against).map_err(|e| in_checkpoint(unit.path(), e));
    units.iter().try_for_each(check)
}

/// Measures all that is given, checkpoints or their lists of tasks, and returns the rows of each; what was
/// measured before with the same settings is read back. If a signal asks for a stop, what is measured by then
/// is kept.
pub(super) fn measure_all<M: Measurable>(
    units: &[M],
    settings: &Settings,
    against: Against,
    place: &Place,
) -> Result<ControlFlow<Done, Vec<Vec<StateRow>>>> {
    disk::create_dir(&place.units)?;
    let bar = shared::progress_bar(units.len() as u64, M::UNITS);
    let steps = AtomicU64::new(0);
    let progress = |more: u64| {
        let made = steps.fetch_add(more, Ordering::Relaxed) + more;
        bar.set_message(format!("({} simulated steps)", HumanCount(made)));
    };
    let mut rows = Vec::new();
    for unit in units {
        let path = place.units.join(format!("{}.parquet", unit.key(settings, against)));
        let measure = || {
            let rows = unit.rows(settings, against, (&place.workers, &progress));
            rows.map_err(|e| in_checkpoint(unit.path(), e))
        };
        let Some(found) = kept_or(&path, settings.states, measure)? else {
            bar.abandon();
            return Ok(ControlFlow::Break(stopped(rows.is_empty())));
        };
        rows.push(found);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(ControlFlow::Continue(rows))
}

/// Says that a signal came, and what is left.
fn stopped(unsaved: bool) -> Done {
    if unsaved {
        shared::note!("stopped, nothing measured yet; run the same command to start again");
        return Done::StoppedUnsaved;
    }
    shared::note!("stopped; what was measured is kept, run the same command to go on");
    Done::Stopped
}

/// Reads back what was measured before, at least so many rows, or measures and keeps it; `None` if a signal
/// asked for a stop.
fn kept_or(
    path: &Path,
    states: usize,
    measure: impl FnOnce() -> Result<Vec<StateRow>>,
) -> Result<Option<Vec<StateRow>>> {
    let whole = |rows: &Vec<StateRow>| rows.len() >= states;
    if let KeptRows::Whole(rows) = table::kept_rows(path)
        && whole(&rows)
    {
        return Ok(Some(rows));
    }
    if shared::stop_asked() {
        return Ok(None);
    }
    let Some(_lock) = unit_lock::take(path)? else { return Ok(None) };
    // By now another process may have measured it.
    match table::kept_rows(path) {
        KeptRows::Whole(rows) if whole(&rows) => return Ok(Some(rows)),
        KeptRows::Damaged => {
            shared::note!("{} is not as it was written: measured again", path.display());
        }
        KeptRows::Whole(_) | KeptRows::Missing => {}
    }
    let rows = measure()?;
    table::keep_rows(path, &rows)?;
    Ok(Some(rows))
}

/// Names the checkpoint in errors that do not.
fn in_checkpoint(path: &Path, error: Error) -> Error {
    match error {
        Error::Usage(_) | Error::Gradient(_) => {
            Error::Usage(format!("{}: {error}", path.display()))
        }
        other => other,
    }
}
