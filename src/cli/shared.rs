//! What both programs share: parsing, exit codes, workers, progress, signals.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use indicatif::{ProgressBar, ProgressStyle};

use crate::analysis::select;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::nn::memory;
use crate::report::{fixed, to_json};

/// Exit code of the gate when a critic got worse.
const REGRESSED: u8 = 1;
/// Exit code of the gate when nothing can be said.
const INCONCLUSIVE: u8 = 2;
/// Exit code of usage and data errors.
const USAGE: u8 = 3;
/// Exit code after a signal, when everything was saved.
const STOPPED: u8 = 130;

/// What a program did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// All that was asked.
    Finished,
    /// A signal came; what was done so far is saved.
    Stopped,
    /// The gate found a regression.
    Regressed,
    /// The gate could not decide.
    Inconclusive,
}

/// Parses the command line, runs the program, prints its error and returns the exit code.
pub(super) fn main<C: Parser>(run: impl FnOnce(C) -> Result<Done>) -> ExitCode {
    let parsed = match C::try_parse() {
        Ok(parsed) => parsed,
        Err(error) if error.use_stderr() => {
            eprintln!("error: {}", one_line(&error, &C::command()));
            return ExitCode::from(USAGE);
        }
        Err(help) => {
            // Help and version are no errors; if the terminal is gone, nobody is left to tell.
            let _ = help.print();
            return ExitCode::SUCCESS;
        }
    };
    memory::keep_freed();
    // Torch's results change with its own threads; we spread whole pieces of work instead. This is
    // for the main thread, `nn::workers` for all others.
    tch::set_num_threads(1);
    match run(parsed) {
        Ok(Done::Finished) => ExitCode::SUCCESS,
        Ok(Done::Stopped) => ExitCode::from(STOPPED),
        Ok(Done::Regressed) => ExitCode::from(REGRESSED),
        Ok(Done::Inconclusive) => ExitCode::from(INCONCLUSIVE),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(USAGE)
        }
    }
}

/// Returns clap's message as one line, without its usage block: every error of ours is one.
fn one_line(error: &clap::Error, command: &clap::Command) -> String {
    let name = command.get_name();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand
    ) {
        let commands: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
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
    match std::io::stdout().write_all(text).and_then(|()| std::io::stdout().flush()) {
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

/// Writes warnings to standard error.
pub(super) fn warn(warnings: &[String]) {
    for warning in warnings {
        eprintln!("warning: {warning}");
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
        eprintln!("{path} holds {count} checkpoints: taking step {step}");
        return Ok(newest);
    }
    Ok(found.remove(0))
}

/// Prints the completions of program `C` for a shell.
pub(super) fn completions<C: CommandFactory>(shell: clap_complete::Shell) -> Result<()> {
    let mut command = C::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    print(&script)
}

/// Starts the workers.
pub(super) fn workers(threads: usize) -> Result<Arc<rayon::ThreadPool>> {
    crate::nn::workers::start(threads)
}

/// Returns the number of processors, the default of `--threads`.
pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

static STOP: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C and SIGTERM ask for a stop; a second one ends the program at once.
pub(super) fn watch_signals() -> Result<()> {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if WATCHED.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::SeqCst) {
            #[allow(clippy::exit, reason = "the user asked twice")]
            std::process::exit(i32::from(STOPPED));
        }
        eprintln!("\nstopping at the next safe point; once more to stop at once");
    })
    .map_err(|e| Error::Usage(format!("cannot watch for signals: {e}")))
}

/// Returns whether a signal asked for a stop.
pub(super) fn stop_asked() -> bool {
    STOP.load(Ordering::SeqCst)
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

/// Prints a result as JSON to standard output.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print(format!("{}\n", to_json(value)?).as_bytes())
}
