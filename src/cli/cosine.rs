//! `hyperl-analyze cosine`, `self-check`, `learnable`: measures given checkpoints.

mod args;
mod tasks;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::HumanCount;
use serde::Serialize;

use super::method;
use super::output::{self, Output, Words};
use super::shared::{self, Done};
use crate::analysis::measure::gradient_cosine::Against;
use crate::analysis::measure::measurable::Measurable;
use crate::analysis::select::{self, WithCritics};
use crate::analysis::spec::{Draw, Facet, Panel};
use crate::analysis::summary::{Column, Summary, summarise};
use crate::analysis::table::{self, StateRow};
use crate::analysis::task_difference::TaskDifference;
use crate::checkpoint::{Checkpoint, disk};
use crate::error::{Error, Result};
use crate::gradient::Settings;
use crate::report::study;

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
    let Some(rows) = measure_all(checkpoints, settings, what.against(), &args.place(&out))? else {
        return Ok(Done::Stopped);
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
    eprintln!("wrote {}", out.join("report.md").display());
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

/// Where results go, and how many workers make them.
pub(super) struct Place<'p> {
    /// What the user asked for.
    pub(super) out: &'p Path,
    /// One file for each checkpoint and settings, to be read back.
    pub(super) units: PathBuf,
    /// Workers.
    pub(super) threads: usize,
}

/// Measures all that is given, checkpoints or their lists of tasks, and returns the rows of each; what was
/// measured before with the same settings is read back. `None` if a signal asked for a stop; what was done by
/// then is kept.
///
/// Nothing is written before everything is known to be measurable.
///
/// # Errors
/// Those of the measure; [`Error::Io`] if results cannot be written.
pub(super) fn measure_all<M: Measurable>(
    units: &[M],
    settings: &Settings,
    against: Against,
    place: &Place,
) -> Result<Option<Vec<Vec<StateRow>>>> {
    let workers = shared::workers(place.threads)?;
    shared::watch_signals()?;
    for unit in units {
        unit.check(settings, against).map_err(|e| in_checkpoint(unit.path(), e))?;
    }
    disk::create_dir(place.out)?;
    disk::create_dir(&place.units)?;
    let bar = shared::progress_bar(units.len() as u64, M::UNITS);
    let steps = AtomicU64::new(0);
    let progress = |more: u64| {
        let made = steps.fetch_add(more, Ordering::Relaxed) + more;
        bar.set_message(format!("({} simulated steps)", HumanCount(made)));
    };
    let mut all = Vec::new();
    for unit in units {
        let path = place.units.join(format!("{}.parquet", unit.key(settings, against)));
        // A file that cannot be read is as good as none: it is measured again.
        let known = table::read_parquet(&path).ok().filter(|rows| rows.len() >= settings.states);
        let rows = if let Some(rows) = known {
            rows
        } else {
            let rows = unit
                .rows(settings, against, (&workers, &progress))
                .map_err(|e| in_checkpoint(unit.path(), e))?;
            table::write_parquet(&path, &rows)?;
            rows
        };
        all.push(rows);
        bar.inc(1);
        if shared::stop_asked() {
            bar.abandon();
            eprintln!("stopped; what was measured is kept, run the same command to go on");
            return Ok(None);
        }
    }
    bar.finish_and_clear();
    Ok(Some(all))
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
