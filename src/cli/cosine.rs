//! `hyperl-analyze cosine`, `self-check`, `learnable`: measures given checkpoints.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::output::{self, Output, shell_words};
use super::shared::{self, Done};
use crate::analysis::measure::gradient_cosine::{Against, check, key, rows};
use crate::analysis::select;
use crate::analysis::spec::{Draw, Facet, Panel};
use crate::analysis::summary::{Column, Summary, summarise};
use crate::analysis::table::{self, StateRow};
use crate::checkpoint::{Checkpoint, disk};
use crate::error::{Error, Result};
use crate::gradient::{Mode, Settings, StatesFrom};
use crate::report::study;

#[derive(Debug, Args)]
pub(super) struct CosineArgs {
    /// Checkpoints, runs, or quoted patterns of either
    #[arg(long = "ckpt", value_name = "PATH", required = true, num_args = 1..)]
    checkpoints: Vec<String>,
    /// Which estimator: App. B as printed, or the authors' script
    #[arg(long, value_enum, default_value = "paper")]
    mode: ModeName,
    /// States of each checkpoint
    #[arg(long, default_value_t = 15)]
    states: usize,
    /// Rollouts of each state
    #[arg(long, default_value_t = 15)]
    rollouts: usize,
    /// Standard deviation of the perturbations, in action half-ranges
    #[arg(long, default_value_t = 0.3, allow_negative_numbers = true)]
    std: f64,
    /// Steps of a rollout in paper mode [default: the first with γʰ < 0.001]
    #[arg(long)]
    horizon: Option<u32>,
    /// Where the states come from [default: replay in paper mode, policy in as-released mode]
    #[arg(long, value_enum)]
    states_from: Option<SourceName>,
    /// Seed of states and perturbations
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Worker threads; results do not depend on it [default: the processors]
    #[arg(long)]
    threads: Option<usize>,
    /// Folder of tables and figures [default: reports/COMMAND]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print the summary as JSON to standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeName {
    Paper,
    AsReleased,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SourceName {
    Replay,
    Policy,
}

/// Which of the three commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Cosine,
    SelfCheck,
    Learnable,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::SelfCheck => "self-check",
            Self::Learnable => "learnable",
        }
    }

    fn column(self) -> Column {
        if self == Self::SelfCheck { Column::SelfCosine } else { Column::Cosine }
    }

    fn against(self) -> Against {
        if self == Self::SelfCheck { Against::OwnValues } else { Against::Returns }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Cosine => "Agreement of critic and true action gradient",
            Self::SelfCheck => "Agreement of the critic's gradient with a fit to its own values",
            Self::Learnable => "Learnable states",
        }
    }

    fn panels(self) -> Vec<Panel> {
        let panel = |draw, tau, facet| Panel { draw, tau, window: 1, facet };
        match self {
            Self::Cosine | Self::SelfCheck => {
                vec![panel(Draw::MeanByStep, None, Facet::Environment)]
            }
            Self::Learnable => vec![
                panel(Draw::LearnableByThreshold, None, Facet::Pooled),
                panel(Draw::LearnableByStep, Some(0.25), Facet::Pooled),
                panel(Draw::LearnableByStep, Some(0.75), Facet::Pooled),
            ],
        }
    }
}

impl CosineArgs {
    fn settings(&self) -> Result<Settings> {
        Settings {
            mode: match self.mode {
                ModeName::Paper => Mode::Paper,
                ModeName::AsReleased => Mode::AsReleased,
            },
            states: self.states,
            rollouts: self.rollouts,
            std: self.std,
            horizon: self.horizon,
            states_from: self.states_from.map(|source| match source {
                SourceName::Replay => StatesFrom::Replay,
                SourceName::Policy => StatesFrom::Policy,
            }),
            seed: self.seed,
            ..Settings::default()
        }
        .validated()
    }
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Json<'s> {
    checkpoints: Vec<JsonLine<'s>>,
}

#[derive(Debug, Serialize)]
struct JsonLine<'s> {
    path: String,
    #[serde(flatten)]
    summary: &'s Summary,
}

pub(super) fn run(args: &CosineArgs, what: What) -> Result<Done> {
    let settings = args.settings()?;
    let checkpoints = select::checkpoints(&args.checkpoints)?;
    let out = args.out.clone().unwrap_or_else(|| Path::new("reports").join(what.name()));
    let place = Place {
        out: &out,
        units: &out.parent().unwrap_or(&out).join(UNITS),
        threads: args.threads.unwrap_or_else(shared::processors),
    };
    let Some(rows) = measure_all(&checkpoints, &settings, what.against(), &place)? else {
        return Ok(Done::Stopped);
    };
    let summaries: Vec<Summary> = rows.iter().map(|rows| summarise(rows, what.column())).collect();
    let rows = rows.concat();
    let panels = what.panels();
    let panels = panels.iter().flat_map(|p| study::state_panels(&rows, p, what.column())).collect();
    Output {
        title: what.title(),
        folder: &out,
        settings: &settings,
        checkpoints: &checkpoints,
        rows: &rows,
        summaries: &summaries,
        panels,
        command: command_line(what.name(), args, &out),
    }
    .write()?;
    if args.json {
        let line = |(checkpoint, summary): (&Checkpoint, _)| JsonLine {
            path: checkpoint.path().display().to_string(),
            summary,
        };
        let checkpoints = checkpoints.iter().zip(&summaries).map(line).collect();
        shared::print_json(&Json { checkpoints })?;
    } else {
        output::print_summaries(&summaries)?;
    }
    eprintln!("wrote {}", out.join("report.md").display());
    Ok(Done::Finished)
}

fn command_line(what: &str, args: &CosineArgs, out: &Path) -> String {
    let mut text = format!("hyperl-analyze {what} --ckpt {}", shell_words(&args.checkpoints));
    let mode = match args.mode {
        ModeName::Paper => "paper",
        ModeName::AsReleased => "as-released",
    };
    let _ = write!(
        text,
        " --mode {mode} --states {} --rollouts {} --std {} --seed {}",
        args.states, args.rollouts, args.std, args.seed
    );
    if let Some(horizon) = args.horizon {
        let _ = write!(text, " --horizon {horizon}");
    }
    if let Some(source) = args.states_from {
        let name = if matches!(source, SourceName::Replay) { "replay" } else { "policy" };
        let _ = write!(text, " --states-from {name}");
    }
    text + " --out " + &shell_words(&[out.display().to_string()])
}

/// Name of the folder of measured checkpoints, which commands that write side by side share.
pub(super) const UNITS: &str = "units";

/// Where results go, and how many workers make them.
pub(super) struct Place<'p> {
    /// What the user asked for.
    pub(super) out: &'p Path,
    /// One file for each checkpoint and settings, to be read back.
    pub(super) units: &'p Path,
    /// Workers.
    pub(super) threads: usize,
}

/// Measures all checkpoints, and returns the rows of each; what was measured before with the same
/// settings is read back. `None` if a signal asked for a stop; what was done by then is kept.
///
/// Nothing is written before everything is known to be measurable.
///
/// # Errors
/// Those of the measure; [`Error::Io`] if results cannot be written.
pub(super) fn measure_all(
    checkpoints: &[Checkpoint],
    settings: &Settings,
    against: Against,
    place: &Place,
) -> Result<Option<Vec<Vec<StateRow>>>> {
    let workers = shared::workers(place.threads)?;
    shared::watch_signals()?;
    for checkpoint in checkpoints {
        check(checkpoint, settings, against).map_err(|e| in_checkpoint(checkpoint, e))?;
    }
    disk::create_dir(place.out)?;
    disk::create_dir(place.units)?;
    let bar = shared::progress_bar(checkpoints.len() as u64, "checkpoints");
    let mut all = Vec::new();
    for checkpoint in checkpoints {
        let path = place.units.join(format!("{}.parquet", key(checkpoint, settings, against)));
        // A file that cannot be read is as good as none: it is measured again.
        let known = table::read_parquet(&path).ok().filter(|rows| rows.len() == settings.states);
        let rows = if let Some(rows) = known {
            rows
        } else {
            let rows = rows(checkpoint, settings, against, (&workers, &|_| bar.tick()))
                .map_err(|e| in_checkpoint(checkpoint, e))?;
            table::write_parquet(&path, &rows)?;
            rows
        };
        all.push(rows);
        bar.inc(1);
        if shared::stop_asked() {
            bar.abandon();
            eprintln!("stopped; what was measured is kept, run the same command to go on");
            return Ok(None);
        }
    }
    bar.finish_and_clear();
    Ok(Some(all))
}

/// Names the checkpoint in errors that do not.
fn in_checkpoint(checkpoint: &Checkpoint, error: Error) -> Error {
    match error {
        Error::Usage(_) | Error::Gradient(_) => {
            Error::Usage(format!("{}: {error}", checkpoint.path().display()))
        }
        other => other,
    }
}
