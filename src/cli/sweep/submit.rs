//! `hyperl-train sweep submit`: a sweep as an array of Slurm.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use super::super::program::Done;
use super::super::terminal;
use super::script::{Wishes, script};
use crate::checkpoint::disk;
use crate::error::{Error, Result};
use crate::sweep::plan::Plan;
use crate::sweep::state::{self, State};

/// File of the job, in the folder of its sweep.
const JOB: &str = "job.sh";

#[derive(Debug, Args)]
pub(in crate::cli) struct SubmitArgs {
    /// Folder of the sweep, where all nodes see it
    sweep: PathBuf,
    /// Partition
    #[arg(long)]
    partition: Option<String>,
    /// Longest time of a task, as sbatch takes it; a run that needs more goes on in another one
    #[arg(long)]
    time: Option<String>,
    /// Memory of a task, such as 4G
    #[arg(long)]
    mem: Option<String>,
    /// Account
    #[arg(long)]
    account: Option<String>,
    /// Tasks at a time
    #[arg(long, value_name = "N")]
    at_once: Option<usize>,
    /// Processors, and worker threads, of a task
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Seconds before the end of its time at which a task saves and stops
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    warn: u32,
    /// Any other option of sbatch, such as --sbatch=--qos=low; may be repeated
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    sbatch: Vec<String>,
    /// Write the job and stop
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &SubmitArgs) -> Result<Done> {
    let plan = Plan::read(&args.sweep)?;
    let all = state::all(&plan);
    let left = all.iter().filter(|s| !matches!(s.state, State::Finished | State::Running));
    let left: Vec<usize> = left.map(|s| s.number).collect();
    if left.is_empty() {
        terminal::note!("nothing to submit: every run is finished, or somebody works on it");
        return Ok(Done::Finished);
    }
    let SubmitArgs { partition, time, mem, account, at_once, threads, warn, sbatch, .. } = args;
    let wishes = Wishes {
        partition: partition.clone(),
        time: time.clone(),
        memory: mem.clone(),
        account: account.clone(),
        at_once: *at_once,
        threads: *threads,
        warn: *warn,
        options: sbatch.clone(),
    };
    let program = std::env::current_exe().map_err(Error::io("find", Path::new("hyperl-train")))?;
    let job = args.sweep.join(JOB);
    disk::create_dir(&args.sweep.join("log"))?;
    disk::write(&job, script(&plan, &wishes, &left, &program).as_bytes())?;
    if args.dry_run {
        terminal::note!("wrote {} for {} runs; submit it with sbatch", job.display(), left.len());
        return Ok(Done::Finished);
    }
    let told = Command::new("sbatch").arg("--parsable").arg(&job).output();
    let told = told.map_err(|e| {
        let why = "is this a machine of the cluster?";
        Error::Usage(format!("sbatch: {e}; {why} {} is the job that it should take", job.display()))
    })?;
    if !told.status.success() {
        let said = String::from_utf8_lossy(&told.stderr).trim().replace('\n', "; ");
        return Err(Error::Usage(format!("sbatch refused {}: {said}", job.display())));
    }
    let id = String::from_utf8_lossy(&told.stdout).trim().to_owned();
    terminal::say!("{id}");
    terminal::note!("{} runs submitted as job {id}", left.len());
    Ok(Done::Finished)
}
