//! What both programs are: a command line that is parsed and run, an exit code, commands for the shell.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use super::crash::{self, USAGE};
use super::signals::{self, UNSAVED, stop_asked};
use super::terminal::{note, print, printed};
use crate::checkpoint::disk;
use crate::error::{Error, Result};
use crate::nn::memory;

/// Exit codes in the programs' help.
pub(super) const EXIT_CODES: &str = "Exit codes: 0 ok; 1 the gate found a regression, or self-test found a wrong answer; 2 the gate cannot say; \
    3 usage or data error; 130 stopped by a signal after saving; 131 stopped by a signal with nothing to save, \
    or at once by one that came two seconds after the first.
SIGINT (Ctrl-C), SIGTERM, SIGHUP and SIGUSR1 stop, unless they were ignored at the start.";

/// Exit code of the gate when a critic got worse, and of self-test when an answer is wrong.
const FAILED: u8 = 1;
/// Exit code of the gate when nothing can be said.
const INCONCLUSIVE: u8 = 2;
/// Exit code after a signal, when something was saved.
const STOPPED: u8 = 130;

/// What a program did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// All that was asked.
    Finished,
    /// A signal came; what was done so far is saved.
    Stopped,
    /// A signal came before there was anything to save.
    StoppedUnsaved,
    /// The gate found a regression, or a known answer did not come out.
    Failed,
    /// The gate could not decide.
    Inconclusive,
}

/// Parses the command line, runs the program, prints its error and ends with its exit code.
pub(super) fn main<C: Parser>(run: impl FnOnce(C) -> Result<Done>) -> ! {
    let parsed = parse(std::env::args_os());
    let done =
        parsed.and_then(|parsed| parsed.map_or(Ok(Done::Finished), |parsed| start(parsed, run)));
    crash::leave(match done {
        Ok(Done::Finished) => 0,
        Ok(Done::Stopped) => STOPPED,
        Ok(Done::StoppedUnsaved) => UNSAVED,
        Ok(Done::Failed) => FAILED,
        Ok(Done::Inconclusive) => INCONCLUSIVE,
        Err(error) => {
            note!("error: {error}");
            USAGE
        }
    })
}

/// Parses a command line that starts with the program's name; `None` where it asked for help or the version.
pub(super) fn parse<C: Parser>(
    words: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<Option<C>> {
    let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
    match C::try_parse_from(&words) {
        Ok(parsed) => Ok(Some(parsed)),
        Err(error) if error.use_stderr() => {
            Err(Error::Usage(one_line(&error, &C::command(), &words)))
        }
        Err(help) => printed(help.print()).map(|()| None),
    }
}

/// Sets up signals, memory and threads, and runs the program.
fn start<C>(parsed: C, run: impl FnOnce(C) -> Result<Done>) -> Result<Done> {
    signals::watch()?;
    memory::check_room()?;
    memory::keep_freed();
    // Torch's results change with its own threads; we spread whole pieces of work instead. This is
    // for the main thread, `nn::workers` for all others.
    tch::set_num_threads(1);
    crash::guarded(|| run(parsed))
}

/// Returns clap's message as one line, without its usage block: every error of ours is one.
fn one_line(error: &clap::Error, command: &clap::Command, words: &[OsString]) -> String {
    let name = command.get_name();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand
    ) {
        let inner = words.get(1).and_then(|word| word.to_str());
        let inner = inner.and_then(|word| command.find_subcommand(word));
        let (command, name) = match inner {
            Some(inner) => (inner, format!("{name} {}", inner.get_name())),
            None => (command, name.to_owned()),
        };
        let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
        let commands: Vec<&str> = shown.map(clap::Command::get_name).collect();
        return format!("{name} needs a command: {}; try '{name} --help'", commands.join(", "));
    }
    let text = error.render().to_string();
    let said = text.split("\n\nUsage:").next().unwrap_or(&text);
    let said = said.split("\n\nFor more information").next().unwrap_or(said);
    let said = said.trim().trim_start_matches("error: ");
    let parts: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    format!("{}; try '{name} --help'", parts.join("; "))
}

// No doc comment: clap would take it for a description of the program.
#[derive(Debug, Subcommand)]
pub(super) enum ShellCommand {
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write man pages into a folder.
    Manual {
        /// The folder; it is made if it is not there.
        folder: PathBuf,
    },
}

impl ShellCommand {
    /// Runs it for the program `C`.
    pub(super) fn run<C: CommandFactory>(self) -> Result<Done> {
        let mut command = C::command();
        match self {
            Self::Completions { shell } => {
                let name = command.get_name().to_owned();
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut command, name, &mut script);
                print(&script)?;
            }
            Self::Manual { folder } => {
                disk::create_dir(&folder)?;
                clap_mangen::generate_to(command, &folder).map_err(Error::io("write", &folder))?;
            }
        }
        Ok(Done::Finished)
    }
}

/// Does one piece of work after the other until a signal asks for a stop.
pub(super) fn one_by_one<T>(
    all: impl IntoIterator<Item = T>,
    mut work: impl FnMut(T) -> Result<Done>,
) -> Result<Done> {
    let mut saved = false;
    for one in all {
        if saved && stop_asked() {
            note!("stopped; what is done is saved");
            return Ok(Done::Stopped);
        }
        match work(one)? {
            Done::Finished => saved = true,
            Done::StoppedUnsaved if saved => return Ok(Done::Stopped),
            other => return Ok(other),
        }
    }
    Ok(Done::Finished)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_before_a_stop_counts_as_saved() {
        use Done::{Finished, Stopped, StoppedUnsaved};
        let ends = |all: &[Done]| one_by_one(all, |done| Ok(*done)).unwrap();
        assert_eq!(ends(&[Finished, Finished]), Finished);
        assert_eq!(ends(&[Finished, Stopped, Finished]), Stopped);
        assert_eq!(ends(&[StoppedUnsaved, Finished]), StoppedUnsaved);
        assert_eq!(ends(&[Finished, StoppedUnsaved]), Stopped);
    }
}
