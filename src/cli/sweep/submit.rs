//! `hyperl-train sweep submit`: a sweep as an array of Slurm.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use super::super::program::Done;
use super::super::terminal;
use super::script::{SlurmOptions, script};
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
    #[command(flatten)]
    slurm: SlurmOptions,
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
    let program = std::env::current_exe().map_err(Error::io("find", Path::new("hyperl-train")))?;
    let job = args.sweep.join(JOB);
    disk::create_dir(&args.sweep.join("log"))?;
    disk::write(&job, script(&plan, &args.slurm, &left, &program).as_bytes())?;
    if args.dry_run {
        terminal::note!("wrote {} for {} runs; submit it with sbatch", job.display(), left.len());
        return Ok(Done::Finished);
    }
    let answer = Command::new("sbatch").arg("--parsable").arg(&job).output();
    let answer = answer.map_err(|e| {
        let why = "is this a machine of the cluster?";
        Error::Usage(format!("sbatch: {e}; {why} {} is the job that it should take", job.display()))
    })?;
    if !answer.status.success() {
        let reason = String::from_utf8_lossy(&answer.stderr).trim().replace('\n', "; ");
        return Err(Error::Usage(format!("sbatch refused {}: {reason}", job.display())));
    }
    let id = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    terminal::say!("{id}");
    terminal::note!("{} runs submitted as job {id}", left.len());
    Ok(Done::Finished)
}
