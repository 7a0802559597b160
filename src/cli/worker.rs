//! An environment in another process on the command line.

use std::path::PathBuf;

use clap::Args;

use super::output::shell_words;
use crate::analysis::select;
use crate::checkpoint::Checkpoint;
use crate::env::EnvId;
use crate::error::{Error, Result};

/// How to start an environment in another process.
#[derive(Debug, Args)]
#[command(next_help_heading = "Of an environment in another process")]
pub(super) struct WorkerArgs {
    /// Command that serves it (docs/worker.md), such as "python env.py"
    #[arg(long, value_name = "COMMAND")]
    pub(super) env_command: Option<String>,
    /// Seconds that it may take for an answer [default: 60]
    #[arg(long, value_name = "SECONDS", requires = "env_command", allow_negative_numbers = true)]
    pub(super) env_timeout: Option<f64>,
}

impl WorkerArgs {
    /// Returns the flags that were given, as a shell reads them, each after a space.
    pub(super) fn flags(&self) -> String {
        let command = self.env_command.as_ref();
        let command = command.map(|command| format!(" --env-command {}", shell_words(&[command])));
        let timeout = self.env_timeout.map(|seconds| format!(" --env-timeout {seconds}"));
        command.into_iter().chain(timeout).collect()
    }

    /// Starts the environment, if one is given; to be called before checkpoints are opened, whose own commands then do
    /// not matter.
    pub(super) fn start(&self) -> Result<Option<EnvId>> {
        let command = self.env_command.as_ref();
        command.map(|command| EnvId::worker(command, self.env_timeout)).transpose()
    }

    /// Starts the environment, and opens the checkpoints of TD3 and SAC that patterns name.
    pub(super) fn checkpoints(&self, patterns: &[PathBuf]) -> Result<Vec<Checkpoint>> {
        let served = self.start()?;
        let checkpoints = select::checkpoints(patterns)?;
        check(served, &checkpoints)?;
        Ok(checkpoints)
    }
}

/// Checks that one of these checkpoints is of the environment that was given.
///
/// # Errors
/// [`Error::Mismatch`] if none is.
pub(super) fn check<'c>(
    given: Option<EnvId>,
    checkpoints: impl IntoIterator<Item = &'c Checkpoint>,
) -> Result<()> {
    let of = |checkpoint: &Checkpoint| checkpoint.off_policy().ok().map(|config| config.env);
    let all: Vec<&Checkpoint> = checkpoints.into_iter().collect();
    let (Some(given), Some(first)) = (given, all.first()) else { return Ok(()) };
    if all.iter().any(|checkpoint| of(checkpoint) == Some(given)) {
        return Ok(());
    }
    Err(Error::Mismatch {
        what: format!("environment of {}", first.path().display()),
        expected: format!("{}, as --env-command serves it", given.identity()),
        found: of(first).map_or_else(|| first.config().env_name().into(), EnvId::identity),
        remedy: "import the agent again with this environment, or drop --env-command".into(),
    })
}
