//! `hyperl-analyze returns`: learning curves of given runs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::finding::{self, Source};
use super::output::{Origin, shell_words, write_page};
use super::program::Done;
use super::terminal;
use crate::analysis::measure::returns::{ReturnCurve, ReturnSummary, Run, read_all};
use crate::analysis::select;
use crate::checkpoint::lock::Lock;
use crate::checkpoint::run_log;
use crate::env::TaskList;
use crate::error::{Error, Result};
use crate::nn::critic::CriticKind;
use crate::report::returns::Band;
use crate::report::returns_method::{self, Numbers, Shown};
use crate::report::scores::Score;
use crate::report::{Page, fixed};
use crate::study::spec::Draw;

#[derive(Debug, Args)]
pub(super) struct ReturnsArgs {
    /// Runs or checkpoints, or quoted patterns of either
    #[arg(long = "ckpt", value_name = "PATH", required = true, num_args = 1..)]
    checkpoints: Vec<PathBuf>,
    /// Tasks of the returns of MAML and PEARL: those that training never sees, or those of each iteration
    /// [default: test] [test, train]
    #[arg(long)]
    split: Option<TaskList>,
    /// What curves are drawn against; the steps of MAML and PEARL are iterations
    #[arg(long, value_enum, default_value = "steps")]
    x: AxisName,
    /// Band of several seeds: 95 % interval of the mean, or ± one standard deviation as in the paper
    #[arg(long, value_enum, default_value = "interval")]
    band: BandName,
    /// Critic, or curve such as 'hyper, before adaptation', whose final score the others should reach
    #[arg(long, default_value = CriticKind::MlpStandard.name())]
    baseline: String,
    /// Folder of tables and figures
    #[arg(long, default_value = "reports/returns")]
    out: PathBuf,
    /// Print the summary as JSON to standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AxisName {
    #[value(alias = "iterations")]
    Steps,
    Seconds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BandName {
    Interval,
    Std,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Json<'s> {
    runs: &'s [ReturnSummary],
    scores: &'s [Score],
}

pub(super) fn run(args: &ReturnsArgs) -> Result<Done> {
    let folders = select::runs(&args.checkpoints)?;
    let mut runs = read_all(folders.iter().map(|folder| (&**folder, None)))?;
    runs.sort_by(|a, b| a.order().cmp(&b.order()));
    let on = split(args, &runs)?;
    let curves: Vec<ReturnCurve> = runs.iter().flat_map(|run| run.curves(on)).collect();
    check_baseline(&args.baseline, &curves)?;
    let shown = Shown {
        draws: &[if args.x == AxisName::Steps { Draw::ReturnByStep } else { Draw::ReturnBySecond }],
        band: if args.band == BandName::Std { Band::Std } else { Band::Interval },
        baseline: &args.baseline,
        paper: None,
        compared: false,
    };
    let numbers = Numbers::of(&curves, &args.baseline);
    let found = returns_method::finding(&runs, &curves, &numbers, &shown);
    if numbers.runs.is_empty() {
        return Err(Error::NonFinite(found.warnings.join("; ")));
    }
    let title = on.map_or("Returns of greedy episodes during training".into(), |on| {
        format!("Returns of meta-learning runs on {} tasks", on.adjective())
    });
    let command = command(args, on);
    let source = Source::of_logs(&command, origins(&runs)?);
    let _lock = Lock::folder(&args.out)?;
    let section = finding::write(&args.out, &title, &title, &found, &source)?;
    write_page(&args.out, &Page { title, sections: vec![section] })?;
    if args.json {
        terminal::print_json(&Json { runs: &numbers.runs, scores: &numbers.scores })?;
    } else {
        print(&numbers.runs)?;
    }
    terminal::warn(&found.warnings);
    terminal::note!("wrote {}", args.out.join("report.md").display());
    Ok(Done::Finished)
}

/// Returns the run, its last evaluated moment and the hash of its returns.
pub(super) fn origins(runs: &[Run]) -> Result<Vec<Origin>> {
    let origin = |run: &Run| {
        let hash = run_log::hash(&run.folder)?;
        Ok(Origin { run: run.config.run_name(), step: run.last(), hash })
    };
    runs.iter().map(origin).collect()
}

/// Returns the list of tasks, where the runs have any.
fn split(args: &ReturnsArgs, runs: &[Run]) -> Result<Option<TaskList>> {
    match runs.iter().filter(|run| run.is_in_tasks()).count() {
        0 if args.split.is_some() => Err(Error::Usage(
            "--split is about the tasks of MAML and PEARL, and these runs have none; leave it out"
                .into(),
        )),
        0 => Ok(None),
        some if some == runs.len() => Ok(Some(args.split.unwrap_or(TaskList::Test))),
        _ => Err(Error::Usage(
            "some of these runs are of MAML or PEARL, whose returns are means over tasks, and some are \
             not; figures would mix them: give those of one kind"
                .into(),
        )),
    }
}

/// Refuses a baseline that is neither a critic nor one of the curves.
fn check_baseline(baseline: &str, curves: &[ReturnCurve]) -> Result<()> {
    let known = |curve: &ReturnCurve| curve.series == baseline;
    if baseline.parse::<CriticKind>().is_ok() || curves.iter().any(known) {
        return Ok(());
    }
    let series: BTreeSet<&str> = curves.iter().map(|c| &*c.series).collect();
    let series = series.into_iter().collect::<Vec<_>>().join("; ");
    Err(Error::Usage(format!("--baseline '{baseline}' is no critic and none of: {series}")))
}

fn command(args: &ReturnsArgs, on: Option<TaskList>) -> String {
    format!(
        "hyperl-analyze returns --ckpt {}{}{}{}{} --out {}",
        shell_words(&args.checkpoints),
        on.map_or(String::new(), |on| format!(" --split {}", on.name())),
        if args.x == AxisName::Seconds { " --x seconds" } else { "" },
        if args.band == BandName::Std { " --band std" } else { "" },
        if on.is_some() && args.baseline == CriticKind::MlpStandard.name() {
            String::new()
        } else {
            format!(" --baseline {}", shell_words(&[&args.baseline]))
        },
        shell_words(&[&args.out])
    )
}

fn print(summaries: &[ReturnSummary]) -> Result<()> {
    let width = |of: fn(&ReturnSummary) -> &str| {
        summaries.iter().map(|s| of(s).chars().count()).max().unwrap_or(0).max(13)
    };
    let (envs, models) = (width(|s| &s.env), width(|s| &s.model));
    terminal::say!(
        "{:envs$} {:models$} {:>4} {:>9} {:>10} {:>9} {:>10}",
        "environment",
        "model",
        "seed",
        "step",
        "final",
        "step",
        "highest"
    );
    for s in summaries {
        terminal::say!(
            "{:envs$} {:models$} {:>4} {:>9} {:>10} {:>9} {:>10}",
            s.env,
            s.model,
            s.seed,
            s.last.step,
            fixed(s.last.interval.mean, 1),
            s.highest.step,
            fixed(s.highest.interval.mean, 1)
        );
    }
    Ok(())
}
