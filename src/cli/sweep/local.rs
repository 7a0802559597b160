//! `hyperl-train sweep local`: the runs of a sweep in processes of this machine.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;

use super::super::program::Done;
use super::super::{progress, signals, terminal};
use super::counts::{counts, in_words};
use crate::checkpoint::disk;
use crate::error::{Error, Result};
use crate::sweep::plan::Plan;
use crate::sweep::state::{self, State};

/// How often children are checked.
const LOOK: Duration = Duration::from_millis(100);

/// How long to wait for runs that other processes work on, when there is nothing else to do: a process that was killed
/// holds its run until the system has taken all its memory back.
const DYING: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(in crate::cli) struct LocalArgs {
    /// Folder of the sweep
    sweep: PathBuf,
    /// Runs at a time
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Worker threads of each; results do not depend on it
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

pub(super) fn run(args: &LocalArgs) -> Result<Done> {
    if args.jobs == 0 {
        return Err(Error::Usage("--jobs must be at least 1, got 0".into()));
    }
    let plan = Plan::read(&args.sweep)?;
    let all = state::all(&plan);
    let numbers = |wanted: fn(State) -> bool| -> VecDeque<usize> {
        all.iter().filter(|status| wanted(status.state)).map(|status| status.number).collect()
    };
    let mut waiting = numbers(|state| !matches!(state, State::Finished | State::Running));
    let mut elsewhere = numbers(|state| state == State::Running);
    let mut idle = None;
    let finished = all.iter().filter(|s| s.state == State::Finished).count();
    let bar = progress::bar(all.len() as u64, "runs");
    bar.set_position(finished as u64);
    bar.reset_eta();
    signals::save_and_stop();
    let mut children: Vec<Child> = Vec::new();
    let mut refused = None;
    loop {
        while children.len() < args.jobs && refused.is_none() {
            let Some(next) = waiting.pop_front() else { break };
            match start(&plan, next, args.threads) {
                Ok(child) => children.push(child),
                Err(error) => refused = Some(error),
            }
        }
        let since = *idle.get_or_insert_with(Instant::now);
        let nothing = children.is_empty() && (elsewhere.is_empty() || since.elapsed() > DYING);
        if nothing || refused.is_some() || signals::stop_asked() {
            break;
        }
        std::thread::sleep(LOOK);
        elsewhere.retain(|&run| match state::of(&plan, run).state {
            State::Running => true,
            State::Finished => false,
            State::Waiting | State::Stopped | State::Failed => {
                waiting.push_back(run);
                false
            }
        });
        let before = children.len();
        children.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        bar.inc((before - children.len()) as u64);
        idle.take_if(|_| !children.is_empty() || !waiting.is_empty());
    }
    children.iter().for_each(terminate);
    for child in &mut children {
        let _ = child.wait();
    }
    bar.finish_and_clear();
    refused.map_or_else(|| told(&plan, &args.sweep), Err)
}

/// Says how far the runs are, when nothing works on them any more.
fn told(plan: &Plan, sweep: &Path) -> Result<Done> {
    let counts = counts(&state::all(plan));
    let of = |wanted: State| counts.iter().find(|(state, _)| *state == wanted).map_or(0, |c| c.1);
    let (all, sweep) = (in_words(&counts), sweep.display());
    let left = of(State::Waiting) + of(State::Stopped);
    if of(State::Failed) > 0 {
        return Err(Error::Usage(format!("{all}; hyperl-train sweep status {sweep} says why")));
    }
    if signals::stop_asked() && left > 0 {
        terminal::say!("{all}");
        terminal::note!("stopped; the same command goes on");
        return Ok(Done::Stopped);
    }
    if left > 0 {
        return Err(Error::Usage(format!(
            "{all}: some ended before they were finished; {sweep}/log has what they said, and the same command goes on"
        )));
    }
    terminal::say!("{all}");
    Ok(Done::Finished)
}

/// Starts a process for one run; what it says is appended to a file.
fn start(plan: &Plan, run: usize, threads: usize) -> Result<Child> {
    let log = plan.folder.join("log");
    disk::create_dir(&log)?;
    let file = log.join(format!("{run}.out"));
    let said = OpenOptions::new().append(true).create(true).open(&file);
    let said = said.map_err(Error::io("write", &file))?;
    let program = std::env::current_exe().map_err(Error::io("find", Path::new("hyperl-train")))?;
    let both = |file: &File| file.try_clone().map_err(Error::io("write", &log));
    Command::new(&program)
        .args(["sweep", "run"])
        .arg(&plan.folder)
        .args(["--task", &run.to_string(), "--threads", &threads.to_string()])
        .stdin(Stdio::null())
        .stdout(both(&said)?)
        .stderr(both(&said)?)
        .spawn()
        .map_err(Error::io("start", &program))
}

/// Asks a child to save and stop.
#[allow(unsafe_code, reason = "sending a signal has no safe form")]
fn terminate(child: &Child) {
    // SAFETY: the child was not waited for, so that its number is still its own.
    unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
}
