//! `hyperl-analyze cosine`, `self-check`, `learnable`: measures given checkpoints.

mod args;
mod lab;
mod track;

use std::ops::ControlFlow;

use serde::Serialize;

use super::agent::Output;
use super::finding::{self, Source};
use super::output::origins;
use super::program::Done;
use super::progress::Progress;
use super::{signals, terminal};
use crate::analysis::measure::cosine::Cosine;
use crate::analysis::measure::kept::{Keeper, UNITS};
use crate::analysis::measure::subject::Subject;
use crate::analysis::select;
use crate::analysis::summary::Summary;
use crate::analysis::table;
use crate::analysis::task_difference::TaskDifference;
use crate::checkpoint::lock::Lock;
use crate::error::{Error, Result};
use crate::gradient::Mode;
use crate::report::cosine::{Cosines, chance, flagged};

pub(super) use args::{CosineArgs, CosineCommand};

use args::command_line;

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

pub(super) fn run(args: &CosineArgs, which: CosineCommand) -> Result<Done> {
    let settings = args.settings(which)?;
    signals::save_and_stop();
    let output = if args.json { Output::Stderr } else { Output::Stdout };
    let out = args.folder(which);
    let (checkpoints, doubts) = args.agent.checkpoints(&args.checkpoints, &out, output)?;
    select::one_figure(&checkpoints)?;
    let (subjects, settings) = args.subjects(&checkpoints, settings)?;
    let in_tasks = subjects.iter().any(|subject| subject.tasks.is_some());
    if which == CosineCommand::Cosine && settings.mode == Mode::Lab && !in_tasks {
        return lab::run(args, &settings, &checkpoints, doubts);
    }
    if args.track {
        return Err(Error::Usage(
            "--track is for hyperl-analyze cosine in lab mode, of TD3 and SAC; drop it here".into(),
        ));
    }
    let how = Cosine { settings, against: which.against() };
    subjects.iter().try_for_each(|subject| subject.check(&how))?;
    let workers = args.threads.workers()?;
    let _lock = Lock::folder(&out)?;
    let units = out.parent().unwrap_or(&out).join(UNITS);
    let progress = progress(&subjects);
    let keeper = Keeper { units: &units, workers: &workers, listener: &progress };
    let rows = match keeper.rows(&subjects, &how)? {
        ControlFlow::Continue(rows) => rows,
        ControlFlow::Break(stopped) => return Ok(progress.stopped(stopped)),
    };
    progress.bar.finish_and_clear();
    table::write_parquet(&out.join("states.parquet"), &rows.concat())?;
    let found = Cosines { question: which.question(), ..Cosines::new(&rows, &how) };
    let command = command_line(which, args, &how.settings, &out);
    let source = Source::of_checkpoints(&command, origins(&checkpoints)).with(&how.settings)?;
    let finding = found.finding(&how, &rows, &which.panels()).doubted(doubts);
    let finding = if finding::of_critics(&checkpoints) { finding.in_updates() } else { finding };
    let answers = found.answers(&how);
    finding::write_answered(&out, which.title(), &answers, &finding, &source)?;
    if args.json {
        let path = |subject: &Subject| subject.checkpoint.path().display().to_string();
        let lines = subjects.iter().zip(&found.summaries);
        let lines = lines.map(|(subject, summary)| JsonLine { path: path(subject), summary });
        let (checkpoints, differences) = (lines.collect(), &*found.differences);
        terminal::print_json(&Json { checkpoints, differences })?;
    } else {
        terminal::print_answers(&answers, &found.table(&how))?;
        let flags = found.summaries.iter().filter_map(flagged);
        for line in flags.chain(chance(&found.summaries)) {
            terminal::say!("{line}");
        }
    }
    terminal::warn(&finding.warnings);
    terminal::note!("wrote {}", out.join("report.md").display());
    Ok(Done::Finished)
}

/// Returns the bar of a measurement of these.
pub(super) fn progress(subjects: &[Subject]) -> Progress {
    let in_tasks = subjects.iter().any(|subject| subject.tasks.is_some());
    Progress::new(subjects.len(), if in_tasks { "lists of tasks" } else { "checkpoints" })
}
