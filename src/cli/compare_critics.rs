//! `hyperl-analyze compare-critics`: any number of critics of one actor, judged by one bank.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::finding::{Source, write_answered};
use super::one_checkpoint::one_checkpoint;
use super::output::{origins, shell_words};
use super::program::Done;
use super::progress::Progress;
use super::settings::whole;
use super::threads::Threads;
use super::worker::{self, WorkerArgs};
use super::{signals, terminal};
use crate::analysis::bank::BankFile;
use crate::analysis::gate::Algos;
use crate::analysis::measure::compare_critics::{Comparison, InWeights, check, compare};
use crate::analysis::measure::kept::{Keeper, Stopped, UNITS};
use crate::analysis::measure::policy_cosine::{self, Judged, check_bank};
use crate::analysis::measure::subject::with_source;
use crate::checkpoint::lock::Lock;
use crate::checkpoint::{Checkpoint, disk};
use crate::error::Result;
use crate::gradient::Settings;
use crate::gradient::paired::Differences;
use crate::report::compare_critics::{answers, critics, differences, finding, names};
use crate::report::direction::Direction;

#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// The checkpoint whose policy and states are used, and whose critic is the first
    #[arg(long = "ckpt", value_name = "PATH")]
    checkpoint: PathBuf,
    /// Checkpoints whose critics are compared with it and with each other
    #[arg(long, value_name = "PATH", required = true, num_args = 1..)]
    against: Vec<PathBuf>,
    /// Rollouts that `hyperl-analyze bank` made of the first one's policy, in place of new ones
    #[arg(long, value_name = "FILE", conflicts_with_all = ["states", "horizon", "seed"])]
    bank: Option<PathBuf>,
    /// States [default: 100 to 300, as many as the interval of the first critic's κ needs]
    #[arg(long)]
    states: Option<usize>,
    /// Steps of a rollout [default: chosen by a pilot]
    #[arg(long)]
    horizon: Option<u32>,
    /// Seed of states and perturbations
    #[arg(long, default_value_t = 0, value_parser = whole)]
    seed: u64,
    /// Judge critics of another algorithm, or of other returns, too, all by the first one's returns
    #[arg(long)]
    across_algorithms: bool,
    #[command(flatten)]
    threads: Threads,
    /// Folder of tables and figure
    #[arg(long, default_value = "reports/compare-critics")]
    out: PathBuf,
    /// Print JSON to standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    worker: WorkerArgs,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'j> {
    critics: Vec<Line<'j>>,
    differences: &'j Differences,
}

/// One critic.
#[derive(Serialize)]
struct Line<'j> {
    path: String,
    name: String,
    direction: Direction,
    #[serde(flatten)]
    judged: &'j Judged,
    in_weights: Option<&'j InWeights>,
}

const TITLE: &str = "Which critic's gradient is more uphill?";

pub(super) fn run(args: &CompareArgs) -> Result<Done> {
    let served = args.worker.start()?;
    let given = args.bank.as_deref().map(BankFile::read).transpose()?;
    let settings = given.as_ref().map_or_else(|| args.settings(), |file| Ok(file.settings()))?;
    signals::save_and_stop();
    let paths = std::iter::once(&args.checkpoint).chain(&args.against);
    let checkpoints =
        paths.map(|path| one_checkpoint(path)).collect::<Result<Vec<Checkpoint>>>()?;
    worker::check(served, &checkpoints)?;
    let first = &checkpoints[0];
    let settings = with_source(settings, [first])?;
    let algos = if args.across_algorithms { Algos::Any } else { Algos::Same };
    let same_returns = check(&checkpoints, algos)?;
    match &given {
        Some(file) => check_bank(first, file)?,
        None => policy_cosine::check(first, &settings)?,
    }
    let workers = args.threads.workers()?;
    let _lock = Lock::folder(&args.out)?;
    let file = if let Some(file) = given {
        file
    } else {
        let units = args.out.parent().unwrap_or(&args.out).join(UNITS);
        disk::create_dir(&units)?;
        let progress = Progress::new(1, "banks");
        let keeper = Keeper { units: &units, workers: &workers, listener: &progress };
        let Some(file) = keeper.bank(first, &settings)? else {
            return Ok(progress.stopped(Stopped { saved: false }));
        };
        progress.bar.finish_and_clear();
        file
    };
    let found = compare(&checkpoints, &settings, &file, same_returns)?;
    let finding = finding(&found, &settings);
    let command = args.command();
    let source = Source::of_checkpoints(&command, origins(&checkpoints)).with(&settings)?;
    let answers = answers(&found);
    write_answered(&args.out, TITLE, &answers, &finding, &source)?;
    if args.json {
        print_json(&checkpoints, &found)?;
    } else {
        terminal::print_answers(&answers, &critics(&found))?;
        terminal::say!("");
        terminal::print(differences(&found).to_text()?.as_bytes())?;
    }
    terminal::warn(&finding.warnings);
    terminal::note!("wrote {}", args.out.join("report.md").display());
    Ok(Done::Finished)
}

fn print_json(checkpoints: &[Checkpoint], found: &Comparison) -> Result<()> {
    let all = checkpoints.iter().zip(names(&found.critics)).zip(&found.critics).enumerate();
    let lines = all.map(|(i, ((checkpoint, name), judged))| Line {
        path: checkpoint.path().display().to_string(),
        name,
        direction: Direction::of(judged),
        judged,
        in_weights: found.in_weights.get(i),
    });
    terminal::print_json(&Json { critics: lines.collect(), differences: &found.differences })
}

impl CompareArgs {
    /// Returns the settings of the bank, which are those of `cosine`.
    fn settings(&self) -> Result<Settings> {
        let lab = Settings::lab();
        Settings {
            states: self.states.unwrap_or(lab.states),
            adaptive: lab.adaptive.filter(|_| self.states.is_none()),
            horizon: self.horizon,
            seed: self.seed,
            ..lab
        }
        .validated()
    }

    fn command(&self) -> String {
        let [ckpt, out] = [&self.checkpoint, &self.out].map(|path| shell_words(&[path]));
        let against = shell_words(&self.against);
        let made_by = if let Some(bank) = &self.bank {
            format!(" --bank {}", shell_words(&[bank]))
        } else {
            let states = self.states.map_or(String::new(), |n| format!(" --states {n}"));
            let horizon = self.horizon.map_or(String::new(), |n| format!(" --horizon {n}"));
            format!("{states}{horizon} --seed {}", self.seed)
        };
        let across = if self.across_algorithms { " --across-algorithms" } else { "" };
        let worker = self.worker.flags();
        format!(
            "hyperl-analyze compare-critics --ckpt {ckpt} --against {against}{made_by}{across}{worker} --out {out}"
        )
    }
}
