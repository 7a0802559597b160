//! `hyperl-analyze promise`: realised against promised improvement.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::finding::{self, Source};
use super::output::{origins, shell_words, write_page};
use super::settings::whole;
use super::shared::{self, Done};
use super::told::Told;
use super::worker::{self, WorkerArgs};
use crate::analysis::measure::kept::{Keeper, UNITS};
use crate::analysis::measure::promise::Promised;
use crate::analysis::measure::subject::with_source;
use crate::analysis::select;
use crate::checkpoint::lock::Lock;
use crate::error::Result;
use crate::gradient::{Mode, Settings};
use crate::report::promise::{answers, finding, table};
use crate::report::{Page, Section};

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
    worker: WorkerArgs,
    /// Worker threads; results do not depend on it [default: the processors]
    #[arg(long)]
    threads: Option<usize>,
    /// Folder of tables and figures
    #[arg(long, default_value = "reports/promise")]
    out: PathBuf,
    /// Print the numbers as JSON to standard output
    #[arg(long)]
    json: bool,
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
    shared::save_and_stop();
    let served = args.worker.start()?;
    let checkpoints = select::checkpoints(&args.checkpoints)?;
    worker::check(served, &checkpoints)?;
    select::one_figure(&checkpoints)?;
    let settings = with_source(settings, &checkpoints)?;
    let workers = shared::workers(args.threads.unwrap_or_else(shared::processors))?;
    let _lock = Lock::folder(out)?;
    let units = out.parent().unwrap_or(out).join(UNITS);
    let told = Told::new(checkpoints.len(), "checkpoints");
    let keeper = Keeper { units: &units, workers: &workers, listener: &told };
    let all = match keeper.promised(&checkpoints, &settings)? {
        ControlFlow::Continue(all) => all,
        ControlFlow::Break(stopped) => return Ok(told.stopped(stopped)),
    };
    told.bar.finish_and_clear();
    let finding = finding(&all, &settings);
    let command = format!(
        "hyperl-analyze promise --ckpt {} --states {states} --std {std} --seed {seed}{} --out {}",
        shell_words(&args.checkpoints),
        horizon.map_or(String::new(), |horizon| format!(" --horizon {horizon}")),
        shell_words(&[out])
    );
    let source = Source::of_checkpoints(&command, origins(&checkpoints)).with(&settings)?;
    let description = format!("{TITLE} {}", finding.subtitle);
    let section = finding::write(out, TITLE, &description, &finding, &source)?;
    let section = Section { answer: answers(&all).join("\n\n"), ..section };
    write_page(out, &Page { title: TITLE.into(), sections: vec![section] })?;
    if args.json {
        let path = |c: &crate::checkpoint::Checkpoint| c.path().display().to_string();
        let lines =
            checkpoints.iter().zip(&all).map(|(c, promised)| Line { path: path(c), promised });
        shared::print_json(&Json { checkpoints: lines.collect() })?;
    } else {
        shared::say!("{}\n", answers(&all).join("\n"));
        shared::print(table(&all).to_text()?.as_bytes())?;
        shared::warn(&finding.warnings);
    }
    shared::note!("wrote {}", out.join("report.md").display());
    Ok(Done::Finished)
}
