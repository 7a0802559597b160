//! `hyperl-analyze promise`: realised against promised improvement.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::finding::{Source, write_answered};
use super::output::{origins, shell_words};
use super::program::Done;
use super::progress::Progress;
use super::settings::whole;
use super::threads::Threads;
use super::worker::WorkerArgs;
use super::{signals, terminal};
use crate::analysis::measure::kept::{Keeper, UNITS};
use crate::analysis::measure::promise::Promised;
use crate::analysis::measure::subject::with_source;
use crate::analysis::select;
use crate::checkpoint::lock::Lock;
use crate::error::Result;
use crate::gradient::{Mode, Settings};
use crate::report::promise::{answers, finding, table};

#[derive(Debug, Args)]
pub(super) struct PromiseArgs {
    /// Checkpoints, runs, or quoted patterns of either
    #[arg(long = "ckpt", value_name = "PATH", required = true, num_args = 1..)]
    checkpoints: Vec<PathBuf>,
    /// States of each checkpoint, or as many as it carries
    #[arg(long, default_value_t = 1000)]
    states: usize,
    /// Size of the step, before tanh
    #[arg(long, default_value_t = 0.3, allow_negative_numbers = true)]
    std: f64,
    /// Steps of a rollout [default: chosen by a pilot]
    #[arg(long)]
    horizon: Option<u32>,
    /// Seed of states, steps and random directions
    #[arg(long, default_value_t = 0, value_parser = whole)]
    seed: u64,
    #[command(flatten)]
    threads: Threads,
    /// Folder of tables and figures
    #[arg(long, default_value = "reports/promise")]
    out: PathBuf,
    /// Print the numbers as JSON to standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    worker: WorkerArgs,
}

const TITLE: &str = "Is the promised improvement real?";

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'p> {
    checkpoints: Vec<Line<'p>>,
}

/// One checkpoint.
#[derive(Serialize)]
struct Line<'p> {
    path: String,
    #[serde(flatten)]
    promised: &'p Promised,
}

pub(super) fn run(args: &PromiseArgs) -> Result<Done> {
    let PromiseArgs { states, std, horizon, seed, ref out, .. } = *args;
    let base = Settings { mode: Mode::Lab, ..Settings::default() };
    let settings = Settings { states, std, horizon, seed, ..base }.validated()?;
    signals::save_and_stop();
    let checkpoints = args.worker.checkpoints(&args.checkpoints)?;
    select::one_figure(&checkpoints)?;
    let settings = with_source(settings, &checkpoints)?;
    let workers = args.threads.workers()?;
    let _lock = Lock::folder(out)?;
    let units = out.parent().unwrap_or(out).join(UNITS);
    let progress = Progress::new(checkpoints.len(), "checkpoints");
    let keeper = Keeper { units: &units, workers: &workers, listener: &progress };
    let all = match keeper.promised(&checkpoints, &settings)? {
        ControlFlow::Continue(all) => all,
        ControlFlow::Break(stopped) => return Ok(progress.stopped(stopped)),
    };
    progress.bar.finish_and_clear();
    let finding = finding(&all, &settings);
    let command = format!(
        "hyperl-analyze promise --ckpt {} --states {states} --std {std} --seed {seed}{}{} --out {}",
        shell_words(&args.checkpoints),
        horizon.map_or(String::new(), |horizon| format!(" --horizon {horizon}")),
        args.worker.flags(),
        shell_words(&[out])
    );
    let source = Source::of_checkpoints(&command, origins(&checkpoints)).with(&settings)?;
    let answers = answers(&all);
    write_answered(out, TITLE, &answers, &finding, &source)?;
    if args.json {
        let path = |c: &crate::checkpoint::Checkpoint| c.path().display().to_string();
        let lines =
            checkpoints.iter().zip(&all).map(|(c, promised)| Line { path: path(c), promised });
        terminal::print_json(&Json { checkpoints: lines.collect() })?;
    } else {
        terminal::print_answers(&answers, &table(&all))?;
    }
    terminal::warn(&finding.warnings);
    terminal::note!("wrote {}", out.join("report.md").display());
    Ok(Done::Finished)
}
