//! `hyperl-analyze audit`: all that can be said of the critics of several agents, in one table.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;

use super::agent::{AgentArgs, EPISODES, Output, episodes_checked};
use super::finding::{Source, write_answered};
use super::output::{origins, shell_words};
use super::program::Done;
use super::progress::Progress;
use super::settings::whole;
use super::threads::Threads;
use super::{signals, terminal};
use crate::analysis::measure::kept::{Keeper, Stopped, UNITS};
use crate::analysis::measure::played::play;
use crate::analysis::measure::policy_cosine;
use crate::analysis::measure::subject::with_source;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::lock::Lock;
use crate::error::{Error, Result};
use crate::gradient::{Adaptive, Mode, Settings};
use crate::report::audit::{Audited, answer, finding, table};
use crate::report::short;

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// Checkpoints, runs, or quoted patterns of either; agents of other tools, with --env
    #[arg(long = "ckpt", value_name = "PATH", required = true, num_args = 1..)]
    checkpoints: Vec<PathBuf>,
    /// Draw states until the interval of κ is ± this
    #[arg(long, default_value_t = 0.1, allow_negative_numbers = true)]
    half_width: f64,
    /// States after which to give that up
    #[arg(long, default_value_t = 300)]
    max_states: usize,
    /// States at which promises are asked for
    #[arg(long, default_value_t = 1000)]
    states: usize,
    /// Episodes whose returns are set beside the critic's values
    #[arg(long, default_value_t = EPISODES)]
    episodes: usize,
    /// Seed of states and perturbations
    #[arg(long, default_value_t = 0, value_parser = whole)]
    seed: u64,
    #[command(flatten)]
    threads: Threads,
    /// Folder of tables and figures
    #[arg(long, default_value = "reports/audit")]
    out: PathBuf,
    /// Print the numbers as JSON to standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    agent: AgentArgs,
}

const TITLE: &str = "Are these critics right?";

pub(super) fn run(args: &AuditArgs) -> Result<Done> {
    let AuditArgs { half_width, max_states, states, episodes, seed, ref out, .. } = *args;
    episodes_checked(episodes)?;
    let [bank, promise] = args.settings()?;
    signals::save_and_stop();
    let output = if args.json { Output::Stderr } else { Output::Stdout };
    let (checkpoints, _) = args.agent.checkpoints(&args.checkpoints, out, output)?;
    let names = names(&checkpoints)?;
    let [bank, promise] = [with_source(bank, &checkpoints)?, with_source(promise, &checkpoints)?];
    checkpoints.iter().try_for_each(|checkpoint| policy_cosine::check(checkpoint, &bank))?;
    let workers = args.threads.workers()?;
    let _lock = Lock::folder(out)?;
    let units = out.parent().unwrap_or(out).join(UNITS);
    let progress = Progress::new(2 * checkpoints.len(), "measurements");
    let keeper = Keeper { units: &units, workers: &workers, listener: &progress };
    let judged = match keeper.judged(&checkpoints, &bank)? {
        ControlFlow::Continue(judged) => judged,
        ControlFlow::Break(stopped) => return Ok(progress.stopped(stopped)),
    };
    let mut promised = Vec::new();
    for (checkpoint, judged) in checkpoints.iter().zip(&judged) {
        // As long as those of the bank: one pilot is enough.
        let how = Settings { horizon: Some(judged.horizon), ..promise.clone() };
        match keeper.promised(std::slice::from_ref(checkpoint), &how)? {
            ControlFlow::Continue(more) => promised.extend(more),
            ControlFlow::Break(_) => return Ok(progress.stopped(Stopped { saved: true })),
        }
    }
    let played = checkpoints.iter().map(|checkpoint| play(checkpoint, episodes, &workers));
    let played = played.collect::<Result<Vec<_>>>()?;
    progress.bar.finish_and_clear();
    let together = names.into_iter().zip(played).zip(judged.into_iter().zip(promised));
    let all: Vec<Audited> = together
        .map(|((name, played), (judged, promised))| Audited { name, played, judged, promised })
        .collect();
    let finding = finding(&all, [&bank, &promise]);
    let command = format!(
        "hyperl-analyze audit --ckpt {}{} --half-width {half_width} --max-states {max_states} --states {states} \
         --episodes {episodes} --seed {seed} --out {}",
        shell_words(&args.checkpoints),
        args.agent.flags(),
        shell_words(&[out])
    );
    let source = Source::of_checkpoints(&command, origins(&checkpoints)).with(&bank)?;
    let answers = [answer(&all)];
    write_answered(out, TITLE, &answers, &finding, &source)?;
    if args.json {
        terminal::print_json(&all)?;
    } else {
        terminal::print_answers(&answers, &table(&all))?;
    }
    terminal::warn(&finding.warnings);
    terminal::note!("wrote {}", out.join("report.md").display());
    Ok(Done::Finished)
}

impl AuditArgs {
    /// Returns the settings of banks and those of promises.
    fn settings(&self) -> Result<[Settings; 2]> {
        let Self { half_width, max_states, states, seed, .. } = *self;
        let adaptive = Some(Adaptive { half_width, max_states });
        let lab = Settings::lab();
        let first = lab.states.min(max_states.max(1));
        let bank = Settings { states: first, adaptive, seed, ..lab }.validated()?;
        let promise = Settings { mode: Mode::Lab, states, seed, ..Settings::default() };
        Ok([bank, promise.validated()?])
    }
}

/// Names each one: by its folder if another tool trained it, else by its run and step. Two must not have the same name.
fn names(checkpoints: &[Checkpoint]) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for checkpoint in checkpoints {
        let folder = checkpoint.path().file_name().map(|name| name.to_string_lossy().into_owned());
        let step = short(checkpoint.manifest().step as f64);
        let name = match &checkpoint.manifest().imported {
            Some(imported) => folder.unwrap_or_else(|| imported.tool.clone()),
            None => format!("{} {step}", checkpoint.config().run_name()),
        };
        if names.contains(&name) {
            return Err(Error::Usage(format!(
                "two checkpoints would be called {name}; give one of them, or each a folder of another name"
            )));
        }
        names.push(name);
    }
    Ok(names)
}
