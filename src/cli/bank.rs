//! `hyperl-analyze bank`: rollouts of one policy, made once, that judge any number of its critics.

use std::path::{Path, PathBuf};

use clap::Args;

use super::output::make_folder_of;
use super::program::Done;
use super::progress::Progress;
use super::settings::whole;
use super::terminal;
use super::threads::Threads;
use super::worker::WorkerArgs;
use crate::analysis::measure::cosine::Work;
use crate::analysis::measure::kept::Listener;
use crate::analysis::measure::policy_cosine;
use crate::analysis::measure::subject::with_source;
use crate::checkpoint::disk;
use crate::checkpoint::lock::Lock;
use crate::error::{Error, Result};
use crate::gradient::{Mode, Settings};

#[derive(Debug, Args)]
pub(super) struct BankArgs {
    /// The checkpoint whose policy is followed
    #[arg(long = "ckpt", value_name = "PATH")]
    checkpoint: PathBuf,
    /// States
    #[arg(long, default_value_t = 300)]
    states: usize,
    /// Independent blocks of each state
    #[arg(long, default_value_t = 4)]
    blocks: usize,
    /// Size of the perturbations, before tanh; inside the box in action half-ranges
    #[arg(long, default_value_t = 0.3, allow_negative_numbers = true)]
    std: f64,
    /// Steps of a rollout [default: chosen by a pilot]
    #[arg(long)]
    horizon: Option<u32>,
    /// Seed of states, directions and noise
    #[arg(long, default_value_t = 0, value_parser = whole)]
    seed: u64,
    #[command(flatten)]
    threads: Threads,
    /// The Parquet file
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    worker: WorkerArgs,
}

/// Refuses a name that does not end in `.parquet`.
pub(super) fn must_be_parquet(out: &Path) -> Result<()> {
    if out.extension().is_some_and(|extension| extension == "parquet") {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "--out {}: a bank is a Parquet file; give a name that ends in .parquet",
        out.display()
    )))
}

pub(super) fn run(args: &BankArgs) -> Result<Done> {
    let settings = Settings {
        mode: Mode::Lab,
        states: args.states,
        blocks: Some(args.blocks),
        std: args.std,
        horizon: args.horizon,
        seed: args.seed,
        ..Settings::default()
    }
    .validated()?;
    must_be_parquet(&args.out)?;
    let all = args.worker.checkpoints(std::slice::from_ref(&args.checkpoint))?;
    let [checkpoint] = &all[..] else {
        return Err(Error::Usage(format!(
            "--ckpt {}: a bank is of one policy, and {} checkpoints are there; give one of them",
            args.checkpoint.display(),
            all.len()
        )));
    };
    let settings = with_source(settings, [checkpoint])?;
    policy_cosine::check(checkpoint, &settings)?;
    let workers = args.threads.workers()?;
    make_folder_of(&args.out)?;
    let _lock = Lock::beside(&args.out)?;
    let progress = Progress::new(1, "banks");
    let count = |more: u64| progress.steps(more);
    let file =
        policy_cosine::make(checkpoint, &settings, Work { workers: &workers, progress: &count })?;
    disk::write(&args.out, &file.to_parquet()?)?;
    progress.bar.finish_and_clear();
    let (states, horizon) = (file.bank.states.len(), file.about.plan.horizon);
    terminal::note!(
        "wrote {}: {states} states, rollouts of at most {horizon} steps",
        args.out.display()
    );
    Ok(Done::Finished)
}
