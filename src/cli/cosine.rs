//! `hyperl-analyze cosine`, `self-check`, `learnable`: measures given checkpoints.

mod args;
mod lab;
mod track;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::agent::{self, Said};
use super::finding::{self, Source};
use super::output::{origins, write_page};
use super::shared::{self, Done};
use super::told::Told;
use super::worker;
use crate::analysis::measure::cosine::Cosine;
use crate::analysis::measure::kept::{Keeper, UNITS};
use crate::analysis::measure::subject::Subject;
use crate::analysis::select;
use crate::analysis::summary::Summary;
use crate::analysis::table::{self, StateRow};
use crate::analysis::task_difference::TaskDifference;
use crate::checkpoint::lock::Lock;
use crate::error::{Error, Result};
use crate::gradient::Mode;
use crate::report::cosine::{Cosines, chance, flagged};
use crate::report::{Page, Section};

pub(super) use args::{CosineArgs, What};

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

pub(super) fn run(args: &CosineArgs, what: What) -> Result<Done> {
    let settings = args.settings(what)?;
    shared::save_and_stop();
    let told = if args.json { Said::Aside } else { Said::Aloud };
    let served = args.agent.worker.start()?;
    let (agent, folder) = ((&args.agent, served), args.folder(what));
    let paths = agent::as_checkpoints(&args.checkpoints, agent, &folder, told)?;
    let checkpoints = select::with_critics(&paths)?;
    worker::check(served, &checkpoints)?;
    select::one_figure(&checkpoints)?;
    let (subjects, settings) = args.subjects(&checkpoints, settings)?;
    let in_tasks = subjects.iter().any(|subject| subject.tasks.is_some());
    if what == What::Cosine && settings.mode == Mode::Lab && !in_tasks {
        return lab::run(args, &settings, &checkpoints);
    }
    if args.track {
        return Err(Error::Usage(
            "--track is for hyperl-analyze cosine in lab mode, of TD3 and SAC; drop it here".into(),
        ));
    }
    let how = Cosine { settings, against: what.against() };
    subjects.iter().try_for_each(|subject| subject.check(&how))?;
    let out = args.folder(what);
    let workers = shared::workers(args.threads.unwrap_or_else(shared::processors))?;
    let _lock = Lock::folder(&out)?;
    let units = out.parent().unwrap_or(&out).join(UNITS);
    let rows = match measure(&subjects, &how, &units, &workers)? {
        ControlFlow::Continue(rows) => rows,
        ControlFlow::Break(done) => return Ok(done),
    };
    table::write_parquet(&out.join("states.parquet"), &rows.concat())?;
    let found = Cosines { question: what.question(), ..Cosines::new(&rows, &how) };
    let command = command_line(what.name(), args, &how.settings, &out);
    let source = Source::of_checkpoints(&command, origins(&checkpoints)).with(&how.settings)?;
    let finding = found.finding(&how, &rows, &what.panels());
    let finding = if finding::of_critics(&checkpoints) { finding.in_updates() } else { finding };
    let title = what.title();
    let description = format!("{title}. {}", finding.subtitle);
    let section = finding::write(&out, title, &description, &finding, &source)?;
    let section = Section { answer: found.answers(&how).join("\n\n"), ..section };
    write_page(&out, &Page { title: title.into(), sections: vec![section] })?;
    if args.json {
        let path = |subject: &Subject| subject.checkpoint.path().display().to_string();
        let lines = subjects.iter().zip(&found.summaries);
        let lines = lines.map(|(subject, summary)| JsonLine { path: path(subject), summary });
        let (checkpoints, differences) = (lines.collect(), &*found.differences);
        shared::print_json(&Json { checkpoints, differences })?;
    } else {
        print(&found, &how, &finding.warnings)?;
    }
    shared::note!("wrote {}", out.join("report.md").display());
    Ok(Done::Finished)
}

/// Prints the answer, then the numbers.
fn print(found: &Cosines, how: &Cosine, warnings: &[String]) -> Result<()> {
    shared::say!("{}\n", found.answers(how).join("\n"));
    shared::print(found.table(how).to_text()?.as_bytes())?;
    for line in found.summaries.iter().filter_map(flagged).chain(chance(&found.summaries)) {
        shared::say!("{line}");
    }
    shared::warn(warnings);
    Ok(())
}

/// Measures subjects, each kept in a file below `units`, until a signal asks for a stop.
pub(super) fn measure(
    subjects: &[Subject],
    how: &Cosine,
    units: &Path,
    workers: &Arc<rayon::ThreadPool>,
) -> Result<ControlFlow<Done, Vec<Vec<StateRow>>>> {
    let in_tasks = subjects.iter().any(|subject| subject.tasks.is_some());
    let unit = if in_tasks { "lists of tasks" } else { "checkpoints" };
    let told = Told::new(subjects.len(), unit);
    let keeper = Keeper { units, workers, listener: &told };
    let rows = keeper.rows(subjects, how)?.map_break(|stopped| told.stopped(stopped));
    if rows.is_continue() {
        told.bar.finish_and_clear();
    }
    Ok(rows)
}
