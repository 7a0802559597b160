//! `hyperl-analyze cosine`, `self-check`, `learnable`: measures given checkpoints.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use clap::{Args, ValueEnum};
use indicatif::HumanCount;
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
use crate::gradient::{Adaptive, Judged, Mode, Returns, Settings, StatesFrom};
use crate::report::study;

#[derive(Debug, Args)]
pub(super) struct CosineArgs {
    /// Checkpoints, runs, or quoted patterns of either
    #[arg(long = "ckpt", value_name = "PATH", required = true, num_args = 1..)]
    checkpoints: Vec<String>,
    /// Which estimator: ours (lab), App. B as printed (paper), or the authors' script [default: lab;
    /// paper where --rollouts is given]
    #[arg(long, value_enum)]
    mode: Option<ModeName>,
    /// States of each checkpoint [default: 15; in lab mode as many as the interval needs, and 30 in
    /// a self-check, which has no noise to average]
    #[arg(long)]
    states: Option<usize>,
    /// Rollouts of each state, not in lab mode; without --mode this asks for the paper's
    /// [default: 15]
    #[arg(long)]
    rollouts: Option<usize>,
    /// Independent blocks of 2 × action dimensions rollouts, in lab mode [default: 4 up to three
    /// dimensions, else 2]
    #[arg(long)]
    blocks: Option<usize>,
    /// In lab mode, draw states until the interval of the corrected cosine is ± this [default: 0.1]
    #[arg(long, allow_negative_numbers = true)]
    half_width: Option<f64>,
    /// In lab mode, states after which to give that up [default: 300]
    #[arg(long)]
    max_states: Option<usize>,
    /// Standard deviation of the perturbations, in action half-ranges
    #[arg(long, default_value_t = 0.3, allow_negative_numbers = true)]
    std: f64,
    /// Steps of a rollout [default: the first with γʰ < 0.001; as released: to the time limit]
    #[arg(long)]
    horizon: Option<u32>,
    /// Where the states come from [default: replay; as released: policy]
    #[arg(long, value_enum)]
    states_from: Option<SourceName>,
    /// Which value is judged: the first critic, or the smaller of both [default: the one that the
    /// algorithm's actor climbs, q1 for TD3 and min for SAC]
    #[arg(long, value_enum)]
    value: Option<ValueName>,
    /// Which return it is to be right about: rewards, or with the entropy of the policy's later actions
    /// [default: what its critics estimate, hard for TD3 and soft for SAC]
    #[arg(long, value_enum)]
    returns: Option<ReturnsName>,
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
    Lab,
    Paper,
    AsReleased,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SourceName {
    Replay,
    Policy,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ValueName {
    Q1,
    Min,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ReturnsName {
    Hard,
    Soft,
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
    fn mode(&self) -> Mode {
        match (self.mode, self.rollouts) {
            (Some(ModeName::Lab), _) | (None, None) => Mode::Lab,
            (Some(ModeName::Paper), _) | (None, Some(_)) => Mode::Paper,
            (Some(ModeName::AsReleased), _) => Mode::AsReleased,
        }
    }

    fn settings(&self, what: What) -> Result<Settings> {
        let mode = self.mode();
        let adapts = self.half_width.is_some() || self.max_states.is_some();
        if mode == Mode::Lab && self.rollouts.is_some() {
            let instead = "--rollouts contradicts --mode lab, whose rollouts come in blocks; use \
                           --blocks or --mode paper";
            return Err(Error::Usage(instead.into()));
        }
        if self.states.is_some() && adapts {
            let instead = "--states asks for a fixed number, --half-width and --max-states for as \
                           many as it takes; drop one";
            return Err(Error::Usage(instead.into()));
        }
        let base = if mode == Mode::Lab { Settings::lab() } else { Settings::default() };
        let Adaptive { half_width, max_states } = Adaptive::default();
        let adaptive = Adaptive {
            half_width: self.half_width.unwrap_or(half_width),
            max_states: self.max_states.unwrap_or(max_states),
        };
        let fixed = self.states.is_some() || what == What::SelfCheck;
        let wanted = if fixed { None } else { base.adaptive.map(|_| adaptive) };
        Settings {
            mode,
            states: self.states.unwrap_or(base.states.min(adaptive.max_states.max(1))),
            rollouts: self.rollouts.unwrap_or(base.rollouts),
            blocks: self.blocks,
            adaptive: if adapts { Some(adaptive) } else { wanted },
            std: self.std,
            horizon: self.horizon,
            states_from: self.states_from.map(|source| match source {
                SourceName::Replay => StatesFrom::Replay,
                SourceName::Policy => StatesFrom::Policy,
            }),
            judged: self.value.map(|value| match value {
                ValueName::Q1 => Judged::Q1,
                ValueName::Min => Judged::Min,
            }),
            returns: self.returns.map(|returns| match returns {
                ReturnsName::Hard => Returns::Hard,
                ReturnsName::Soft => Returns::Soft,
            }),
            seed: self.seed,
            ..base
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
    let settings = args.settings(what)?;
    let checkpoints = select::checkpoints(&args.checkpoints)?;
    select::one_figure(&checkpoints)?;
    let out = args.out.clone().unwrap_or_else(|| Path::new("reports").join(what.name()));
    let place = Place {
        out: &out,
        units: &out.parent().unwrap_or(&out).join(UNITS),
        threads: args.threads.unwrap_or_else(shared::processors),
    };
    let Some(rows) = measure_all(&checkpoints, &settings, what.against(), &place)? else {
        return Ok(Done::Stopped);
    };
    let summaries: Vec<Summary> =
        rows.iter().map(|rows| summarise(rows, what.column(), &settings)).collect();
    let rows = rows.concat();
    let specs = what.panels();
    let panels = specs
        .iter()
        .flat_map(|p| study::state_panels(&rows, p, (what.column(), &settings)))
        .collect();
    Output {
        title: what.title(),
        folder: &out,
        settings: &settings,
        against: what.against(),
        checkpoints: &checkpoints,
        rows: &rows,
        summaries: &summaries,
        specs: &specs,
        panels,
        command: command_line(what.name(), (args, &settings), &out),
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

fn command_line(what: &str, (args, settings): (&CosineArgs, &Settings), out: &Path) -> String {
    let mut text = format!("hyperl-analyze {what} --ckpt {}", shell_words(&args.checkpoints));
    let _ =
        write!(text, " --mode {} --std {} --seed {}", settings.mode.name(), args.std, args.seed);
    let mut given = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(text, " --{flag} {value}");
        }
    };
    given("states", args.states.map(|n| n.to_string()));
    given("rollouts", args.rollouts.map(|n| n.to_string()));
    given("blocks", args.blocks.map(|n| n.to_string()));
    given("half-width", args.half_width.map(|x| x.to_string()));
    given("max-states", args.max_states.map(|n| n.to_string()));
    given("horizon", args.horizon.map(|n| n.to_string()));
    if let Some(source) = args.states_from {
        let name = if matches!(source, SourceName::Replay) { "replay" } else { "policy" };
        let _ = write!(text, " --states-from {name}");
    }
    if let Some(judged) = settings.judged {
        let _ = write!(text, " --value {}", judged.name());
    }
    if let Some(returns) = settings.returns {
        let _ = write!(text, " --returns {}", returns.name());
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
    let steps = AtomicU64::new(0);
    let progress = |more: u64| {
        let made = steps.fetch_add(more, Ordering::Relaxed) + more;
        bar.set_message(format!("({} simulated steps)", HumanCount(made)));
    };
    let mut all = Vec::new();
    for checkpoint in checkpoints {
        let path = place.units.join(format!("{}.parquet", key(checkpoint, settings, against)));
        // A file that cannot be read is as good as none: it is measured again.
        let known = table::read_parquet(&path).ok().filter(|rows| rows.len() >= settings.states);
        let rows = if let Some(rows) = known {
            rows
        } else {
            let rows = rows(checkpoint, settings, against, (&workers, &progress))
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
