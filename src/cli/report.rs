//! `hyperl-analyze report`: figures and tables of the paper from their specs.

mod job;
mod measures;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;

use job::Job;

use super::finding::{self, Source};
use super::output::{shell_words, write_page};
use super::program::{self, Done};
use super::threads::Threads;
use super::{signals, terminal};
use crate::analysis::measure::kept::UNITS;
use crate::error::Result;
use crate::report::Page;
use crate::study::Missing;
use crate::study::spec::Spec;

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Specs, such as analyses/fig03-*.toml
    #[arg(required = true)]
    specs: Vec<PathBuf>,
    /// Folder of the runs
    #[arg(long, default_value = "checkpoints")]
    checkpoints: PathBuf,
    /// Go on without the runs that nobody has trained, and list them
    #[arg(long)]
    partial: bool,
    /// Folder of the reports, one folder for each spec
    #[arg(long, default_value = "reports")]
    out: PathBuf,
    #[command(flatten)]
    threads: Threads,
}

pub(super) fn run(args: &ReportArgs) -> Result<Done> {
    // All are read, and their runs found, before the first is measured.
    let jobs = args.specs.iter().map(|path| job(args, path)).collect::<Result<Vec<_>>>()?;
    signals::save_and_stop();
    program::one_by_one(jobs, |job| make(&job))
}

/// Reads a spec and finds its runs.
fn job(args: &ReportArgs, path: &Path) -> Result<Job> {
    let spec = Spec::read(path)?;
    let missing = if args.partial { Missing::Report } else { Missing::Fail };
    let found = spec.find(&args.checkpoints, missing)?;
    let name = path.file_stem().map_or("report".into(), |n| n.to_string_lossy().into_owned());
    let command = command(args, path, !spec.select.models.is_empty());
    let (folder, units) = (args.out.join(name), args.out.join(UNITS));
    Ok(Job { spec, found, folder, units, threads: args.threads, command })
}

fn command(args: &ReportArgs, path: &Path, of_runs: bool) -> String {
    let word = |path: &Path| shell_words(&[path]);
    let runs = if of_runs {
        let partial = if args.partial { " --partial" } else { "" };
        format!(" --checkpoints {}{partial}", word(&args.checkpoints))
    } else {
        String::new()
    };
    format!("hyperl-analyze report {}{runs} --out {}", word(path), word(&args.out))
}

fn make(job: &Job) -> Result<Done> {
    let Job { spec, found, folder, command, .. } = job;
    if found.asked > 0 {
        let (name, missing) = (folder.file_name().unwrap_or_default(), found.missing.len());
        terminal::note!("{}: {} runs, {missing} missing", name.display(), found.runs.len());
    }
    let made = match measures::measure(job)? {
        ControlFlow::Continue(made) => made,
        ControlFlow::Break(done) => return Ok(done),
    };
    let source = if spec.measure.is_of_log() {
        Source::of_logs(command, made.sources)
    } else {
        Source::of_checkpoints(command, made.sources).with(&made.settings)?
    };
    let section = finding::write(folder, &spec.heading(), &spec.title, &made.finding, &source)?;
    let section = made.finding.answer.judge(spec, found, section);
    write_page(folder, &Page { title: spec.heading(), sections: vec![section] })?;
    terminal::note!("wrote {}", folder.join("report.md").display());
    Ok(Done::Finished)
}
