//! Agents of other tools on the command line: what a user says of them, and how they become checkpoints.

use std::path::{Path, PathBuf};

use clap::Args;

use super::output::shell_words;
use super::worker::{self, WorkerArgs};
use super::{terminal, threads};
use crate::agents::{self, Given, Normalise};
use crate::analysis::measure::played::{self, play};
use crate::analysis::select;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::disk;
use crate::checkpoint::lock::Lock;
use crate::env::EnvId;
use crate::error::{Error, Result};
use crate::report::played::{sentences, warnings};

/// Episodes that are played, unless asked otherwise.
pub(super) const EPISODES: usize = 10;

/// What a user says of agents that other tools trained.
#[derive(Debug, Args)]
#[command(next_help_heading = "Of an agent that another tool trained")]
pub(super) struct AgentArgs {
    /// Its environment, by our name or Gymnasium's
    #[arg(long, value_parser = EnvId::of_gymnasium, conflicts_with = "env_command")]
    pub(super) env: Option<EnvId>,
    #[command(flatten)]
    pub(super) facts: Facts,
    #[command(flatten)]
    pub(super) worker: WorkerArgs,
}

/// What the files of an agent may leave out.
#[derive(Debug, Args)]
pub(super) struct Facts {
    /// Its discount factor, if its files do not say it
    #[arg(long)]
    pub(super) gamma: Option<f64>,
    /// Its entropy coefficient, if its files do not say it
    #[arg(long)]
    pub(super) alpha: Option<f64>,
    /// Environment steps of its training, if its files do not say them
    #[arg(long)]
    pub(super) steps: Option<u64>,
    /// The vecnormalize.pkl of its training, through which it sees observations; `none` if it sees them as they are
    #[arg(long, value_name = "FILE")]
    pub(super) normalise: Option<Normalise>,
}

impl Facts {
    /// Adds the environment and the seed of an agent.
    pub(super) fn of(&self, env: EnvId, seed: Option<u64>) -> Given {
        let Self { gamma, alpha, steps, ref normalise } = *self;
        Given { env, gamma, alpha, steps, seed, normalise: normalise.clone() }
    }

    fn is_any_given(&self) -> bool {
        let Self { gamma, alpha, steps, normalise } = self;
        gamma.is_some() || alpha.is_some() || steps.is_some() || normalise.is_some()
    }
}

impl AgentArgs {
    /// Returns the flags that were given, as a shell reads them, each after a space.
    pub(super) fn flags(&self) -> String {
        let Self { env, facts: Facts { gamma, alpha, steps, normalise }, worker } = self;
        let normalise = normalise.as_ref().map(Normalise::to_string);
        let given = [
            env.map(|env| format!(" --env {env}")),
            gamma.map(|x| format!(" --gamma {x}")),
            alpha.map(|x| format!(" --alpha {x}")),
            steps.map(|n| format!(" --steps {n}")),
            normalise.map(|by| format!(" --normalise {}", shell_words(&[by]))),
        ];
        given.into_iter().flatten().chain([worker.flags()]).collect()
    }

    /// Opens the checkpoints that have critics; agents of other tools among them become checkpoints first. Returns also
    /// what makes it doubtful that those were understood.
    pub(super) fn checkpoints(
        &self,
        paths: &[PathBuf],
        out: &Path,
        output: Output,
    ) -> Result<(Vec<Checkpoint>, Vec<String>)> {
        let served = self.worker.start()?;
        let (paths, doubts) = as_checkpoints(paths, self, served, out, output)?;
        let checkpoints = select::with_critics(&paths)?;
        worker::check(served, &checkpoints)?;
        Ok((checkpoints, doubts))
    }
}

/// Where sentences are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    Stdout,
    /// Where standard output is JSON.
    Stderr,
}

impl Output {
    pub(super) fn say(self, line: &str) -> Result<()> {
        match self {
            Self::Stdout => terminal::say!("{line}"),
            Self::Stderr => terminal::note!("{line}"),
        }
        Ok(())
    }
}

/// Imports the agents of other tools among `paths` into a folder beside `out`, and plays a few episodes of each; `served`
/// is the environment of another process. Returns the paths, with checkpoints in place of agents, and the warnings.
///
/// # Errors
/// [`Error::NotACheckpoint`] if a path leads nowhere; [`Error::Usage`] if an agent's environment is not given, or there are flags about agents and no agent.
pub(super) fn as_checkpoints(
    paths: &[PathBuf],
    args: &AgentArgs,
    served: Option<EnvId>,
    out: &Path,
    output: Output,
) -> Result<(Vec<PathBuf>, Vec<String>)> {
    let foreign: Vec<bool> = paths.iter().map(|path| agents::is_agent(path)).collect();
    if !foreign.contains(&true) {
        if args.env.is_some() || args.facts.is_any_given() {
            if let Some(path) = paths.iter().find(|path| !path.exists()) {
                let reason =
                    "there is no such file or folder; give an agent, or a folder step-…".into();
                return Err(Error::NotACheckpoint { path: path.clone(), reason });
            }
            let reason = match paths.iter().find(|path| path.is_file()) {
                Some(file) => {
                    std::fs::File::open(file).map_err(Error::io("read", file))?;
                    format!(
                        "{} is not one, or is damaged: docs/agents.md lists what is read, such as a .zip of \
                         Stable-Baselines3; hyperl-analyze import says why it is not read",
                        file.display()
                    )
                }
                None => "a checkpoint of hyperl knows its own; drop them".into(),
            };
            return Err(Error::Usage(format!(
                "--env, --gamma, --alpha, --steps and --normalise are for agents that other tools trained; {reason}"
            )));
        }
        return Ok((paths.to_vec(), Vec::new()));
    }
    let (mut all, mut doubts) = (Vec::new(), Vec::new());
    for (path, foreign) in paths.iter().zip(foreign) {
        if !foreign {
            all.push(path.clone());
            continue;
        }
        let env = args.env.or(served).ok_or_else(|| {
            Error::Usage(format!(
                "{} does not say its environment; add --env, such as --env half-cheetah, or --env-command",
                path.display()
            ))
        })?;
        let given = args.facts.of(env, None);
        let name = disk::hash(format!("{} {given:?}", path.display()).as_bytes());
        let folder = out.parent().unwrap_or(out).join("imported").join(&name[..16]);
        let doubtful = take_over(path, &given, &folder, EPISODES, None, output)?;
        doubts.extend(doubtful.iter().map(|doubt| format!("{}: {doubt}", path.display())));
        all.push(folder);
    }
    Ok((all, doubts))
}

/// Refuses a number of episodes that cannot be played.
pub(super) fn episodes_checked(episodes: usize) -> Result<()> {
    let most = played::MOST;
    if (1..=most).contains(&episodes) {
        return Ok(());
    }
    Err(Error::Usage(format!("--episodes must be 1 to {most}, not {episodes}")))
}

/// Imports one agent as a checkpoint in `folder`, plays episodes, and says what was recognised and what it earned;
/// `claimed` is the return that it is said to reach. Returns what it warned of.
pub(super) fn take_over(
    path: &Path,
    given: &Given,
    folder: &Path,
    episodes: usize,
    claimed: Option<f64>,
    output: Output,
) -> Result<Vec<String>> {
    episodes_checked(episodes)?;
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        disk::create_dir(parent)?;
    }
    let lock = Lock::beside(folder)?;
    output.say(&agents::import(path, given, folder)?)?;
    drop(lock);
    let workers = threads::start(None)?;
    let played = play(&Checkpoint::open(folder)?, episodes, &workers)?;
    for sentence in sentences(&played, claimed) {
        output.say(&sentence)?;
    }
    let doubts = warnings(&played, claimed);
    terminal::warn(&doubts);
    Ok(doubts)
}
