//! `hyperl-train sweep`: many runs, planned at once and trained here or by Slurm.

mod counts;
mod local;
mod page;
mod script;
mod submit;

use std::fs;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use self::counts::{counts, in_words};
use super::analyze;
use super::program::{self, Done};
use super::{signals, terminal};
use crate::checkpoint::disk;
use crate::error::{Error, Result};
use crate::report::{Cell, Table};
use crate::sweep::plan::Plan;
use crate::sweep::state::{self, State, Status};

#[derive(Debug, Subcommand)]
pub(super) enum SweepCommand {
    /// Write the list of runs, with the time that each may take.
    Plan(PlanArgs),
    /// Train and analyse the runs of a sweep on this machine, several at a time.
    Local(local::LocalArgs),
    /// Hand the runs that are not finished to Slurm, as one array.
    Submit(submit::SubmitArgs),
    /// Say how far each run is, by its own folder.
    Status(StatusArgs),
    /// Make one Parquet file, one table and one page of all runs.
    Gather(page::GatherArgs),
    /// Train and analyse one run; what `local` and Slurm call.
    Run(RunTaskArgs),
}

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// A spec of analyses/, or a file with `select` and `analyse`
    file: PathBuf,
    /// Folder of the sweep
    #[arg(long)]
    out: PathBuf,
    /// Let each run write events for TensorBoard
    #[arg(long)]
    track: bool,
    /// Print the plan as JSON to standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Folder of the sweep
    sweep: PathBuf,
    /// Print every run as JSON to standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RunTaskArgs {
    /// Folder of the sweep
    sweep: PathBuf,
    /// Number of the run
    #[arg(long)]
    task: usize,
    /// Every so many runs from there on, one after the other
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    every: Option<u64>,
    /// Worker threads; results do not depend on it
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

/// Runs a command line of `hyperl-train`.
pub(super) type Train<'t> = &'t dyn Fn(Vec<String>) -> Result<Done>;

pub(super) fn run(command: &SweepCommand, train: Train) -> Result<Done> {
    match command {
        SweepCommand::Plan(args) => plan(args),
        SweepCommand::Local(args) => local::run(args),
        SweepCommand::Submit(args) => submit::run(args),
        SweepCommand::Status(args) => status(args),
        SweepCommand::Gather(args) => page::run(args),
        SweepCommand::Run(args) => tasks(args, train),
    }
}

fn plan(args: &PlanArgs) -> Result<Done> {
    let mut plan = Plan::make(&args.file, &args.out)?;
    if args.track {
        plan.runs.iter_mut().for_each(|run| run.words.push("--track".into()));
    }
    plan.write()?;
    if args.json {
        terminal::print_json(&plan.runs)?;
        return Ok(Done::Finished);
    }
    let seconds: f64 = plan.runs.iter().map(|run| run.seconds).sum();
    let longest = plan.runs.iter().map(|run| run.seconds).fold(0.0, f64::max);
    terminal::say!(
        "{} runs, some {} of two cores in all, the longest {} (by this project's machine; analyses are not counted)",
        plan.runs.len(),
        time(seconds),
        time(longest)
    );
    let names = ["series", "environment", "runs", "length", "time of one"];
    let mut groups: Vec<(Vec<String>, usize)> = Vec::new();
    for run in &plan.runs {
        let length = format!("{} {}", run.length, run.unit);
        let key = vec![run.label.clone(), run.env.clone(), length, time(run.seconds)];
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, count)) => *count += 1,
            None => groups.push((key, 1)),
        }
    }
    let row = |(mut key, count): (Vec<String>, usize)| {
        key.insert(2, count.to_string());
        key.into_iter().map(Cell::Text).collect()
    };
    terminal::print(Table::of(names, groups.into_iter().map(row)).to_text()?.as_bytes())?;
    let sweep = args.out.display();
    terminal::note!(
        "wrote {sweep}; next: hyperl-train sweep local {sweep}, or hyperl-train sweep submit {sweep}"
    );
    Ok(Done::Finished)
}

/// Writes a time with a unit that suits it.
fn time(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} days", s / 86_400.0),
    }
}

/// What `status --json` prints.
#[derive(Serialize)]
struct Json<'s> {
    counts: Vec<(State, usize)>,
    runs: &'s [Status<'s>],
}

fn status(args: &StatusArgs) -> Result<Done> {
    let plan = Plan::read(&args.sweep)?;
    let all = state::all(&plan);
    let counts = counts(&all);
    if args.json {
        terminal::print_json(&Json { counts, runs: &all })?;
        return Ok(Done::Finished);
    }
    terminal::say!("{}", in_words(&counts));
    let shown = all.iter().filter(|s| !matches!(s.state, State::Waiting | State::Finished));
    let row = |status: &Status| {
        let done = format!("{} of {}", status.at, status.length);
        let folder = status.folder.display().to_string();
        let said = status.said.clone().unwrap_or_default();
        let texts = [status.number.to_string(), folder, status.state.to_string(), done, said];
        texts.map(Cell::Text).into()
    };
    let table = Table::of(["run", "folder", "state", "saved", ""], shown.map(row));
    if !table.rows.is_empty() {
        terminal::print(format!("\n{}", table.to_text()?).as_bytes())?;
    }
    Ok(Done::Finished)
}

fn tasks(args: &RunTaskArgs, train: Train) -> Result<Done> {
    let plan = Plan::read(&args.sweep)?;
    let count = plan.runs.len();
    if args.task >= count {
        return Err(Error::Usage(format!(
            "--task {}: the plan has runs 0 to {}",
            args.task,
            count - 1
        )));
    }
    let every = args.every.map_or(usize::MAX, |every| every as usize);
    signals::save_and_stop();
    program::one_by_one((args.task..count).step_by(every), |run| {
        task(&plan, run, args.threads, train)
    })
}

/// Trains and analyses one run, unless it is; writes into the sweep's folder why it failed.
fn task(plan: &Plan, number: usize, threads: usize, train: Train) -> Result<Done> {
    let status = state::of(plan, number);
    let folder = plan.folder_of(status.run);
    match status.state {
        State::Finished => {
            terminal::note!("{} is finished", folder.display());
            return Ok(Done::Finished);
        }
        State::Running => {
            let holder = status.said.unwrap_or_default();
            terminal::note!("{} is being trained by {holder}", folder.display());
            return Ok(Done::Finished);
        }
        State::Waiting | State::Stopped | State::Failed => {}
    }
    let failure = plan.failure(number);
    let done = work(plan, number, threads, train);
    match &done {
        Err(error) => {
            disk::create_dir(failure.parent().unwrap_or(&plan.folder))?;
            disk::write(&failure, format!("{error}\n").as_bytes())?;
        }
        Ok(_) if failure.is_file() => {
            fs::remove_file(&failure).map_err(Error::io("remove", &failure))?;
        }
        Ok(_) => {}
    }
    done
}

fn work(plan: &Plan, number: usize, threads: usize, train: Train) -> Result<Done> {
    let run = &plan.runs[number];
    if !state::is_trained(plan, run) || !state::is_in_order(&plan.folder_of(run)) {
        let done = train(command_line("hyperl-train", plan.train(run, threads)))?;
        if done != Done::Finished {
            return Ok(done);
        }
    }
    for analysis in 0..plan.about.analyse.len() {
        if state::is_analysed(plan, run, analysis) {
            continue;
        }
        if signals::stop_asked() {
            return Ok(Done::Stopped);
        }
        let line = command_line("hyperl-analyze", plan.analyse(run, analysis, threads));
        let done = program::parse(line)?.map_or(Ok(Done::Finished), analyze::dispatch)?;
        match done {
            Done::Finished => {}
            Done::StoppedUnsaved => return Ok(Done::Stopped), // the run itself is saved
            other => return Ok(other),
        }
    }
    Ok(Done::Finished)
}

fn command_line(program: &str, arguments: Vec<String>) -> Vec<String> {
    std::iter::once(program.to_owned()).chain(arguments).collect()
}
