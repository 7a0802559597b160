//! What both programs share: parsing, exit codes, workers, progress, signals.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use indicatif::{ProgressBar, ProgressStyle};

use super::crash::{self, USAGE};
use super::signals::{self, UNSAVED};
use crate::analysis::select;
use crate::checkpoint::{Checkpoint, disk};
use crate::error::{Error, Result};
use crate::nn::{memory, workers};
use crate::report::{fixed, to_json};

/// What the programs' help says of exit codes.
pub(super) const EXIT_CODES: &str = "Exit codes: 0 ok; 1 the gate found a regression, or a known answer of self-test did not come out; 2 the gate cannot say; \
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

/// Parses the command line, runs the program, prints its error and returns the exit code.
pub(super) fn main<C: Parser>(run: impl FnOnce(C) -> Result<Done>) -> ExitCode {
    let parsed = parse(std::env::args_os());
    match parsed.and_then(|parsed| parsed.map_or(Ok(Done::Finished), |parsed| start(parsed, run))) {
        Ok(Done::Finished) => ExitCode::SUCCESS,
        Ok(Done::Stopped) => ExitCode::from(STOPPED),
        Ok(Done::StoppedUnsaved) => ExitCode::from(UNSAVED),
        Ok(Done::Failed) => ExitCode::from(FAILED),
        Ok(Done::Inconclusive) => ExitCode::from(INCONCLUSIVE),
        Err(error) => {
            note!("error: {error}");
            ExitCode::from(USAGE)
        }
    }
}

/// Parses words, the first of which is the program; nothing is left to do where help or the version was asked for.
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

/// Runs the program as all of it needs to be run.
fn start<C>(parsed: C, run: impl FnOnce(C) -> Result<Done>) -> Result<Done> {
    signals::watch()?;
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

/// Writes a result to standard output.
///
/// A reader that has gone away (`hyperl-train … | head`) is no failure.
pub(super) fn print(text: &[u8]) -> Result<()> {
    printed(std::io::stdout().write_all(text).and_then(|()| std::io::stdout().flush()))
}

/// Says whether standard output took what was written.
fn printed(result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::io("write", Path::new("standard output"))(e))
        }
        _ => Ok(()),
    }
}

/// Writes a formatted line to standard output, and returns from the function if that fails.
macro_rules! say {
    ($($words:tt)*) => {
        $crate::cli::shared::print(format!("{}\n", format_args!($($words)*)).as_bytes())?
    };
}
pub(super) use say;

pub(super) use super::signals::{save_and_stop, stop_asked};
pub(super) use super::stderr::note;

pub(super) fn warn(warnings: &[String]) {
    for warning in warnings {
        note!("warning: {warning}");
    }
}

/// Writes a cosine with its interval, in columns that line up.
pub(super) fn interval(mean: f64, low: f64, high: f64) -> String {
    let [mean, low, high] = [mean, low, high].map(|x| fixed(x, 3));
    format!("{mean:>6} [{low:>6}, {high:>6}]")
}

/// Opens the one checkpoint that a path names; of a run, the newest, and says so.
pub(super) fn one_checkpoint(path: &Path) -> Result<Checkpoint> {
    let mut found = select::checkpoints(&[path.to_owned()])?;
    if found.len() > 1 {
        let (newest, count) = (found.remove(found.len() - 1), found.len() + 1);
        let (path, step) = (path.display(), newest.manifest().step);
        note!("{path} holds {count} checkpoints: taking step {step}");
        return Ok(newest);
    }
    Ok(found.remove(0))
}

pub(super) fn completions<C: CommandFactory>(shell: clap_complete::Shell) -> Result<()> {
    let mut command = C::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    print(&script)
}

/// Writes a man page of the program and of each of its commands.
pub(super) fn manual<C: CommandFactory>(folder: &Path) -> Result<()> {
    disk::create_dir(folder)?;
    clap_mangen::generate_to(C::command(), folder).map_err(Error::io("write", folder))
}

pub(super) fn workers(threads: usize) -> Result<Arc<rayon::ThreadPool>> {
    workers::start(threads)
}

/// Returns the number of processors, the default of `--threads`.
pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get().min(workers::MOST))
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

/// Returns a progress bar with rate and time left; silent when standard error is no terminal.
pub(super) fn progress_bar(length: u64, unit: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let template = format!(
        "{{prefix}} [{{wide_bar}}] {{human_pos}}/{{human_len}} {unit}, {{per_sec}}, {{eta}} left {{msg}}"
    );
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

/// Returns a counter for work whose length is not known; silent when standard error is no terminal.
pub(super) fn spinner(unit: &str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    let template = format!("{{spinner}} {unit} {{human_pos}}, {{per_sec}}, {{elapsed}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(500));
    spinner
}

pub(super) fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print(format!("{}\n", to_json(value)?).as_bytes())
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
