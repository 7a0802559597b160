//! `hyperl-analyze returns`: learning curves of given runs.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::output::{self, Origin, shell_words, write_figures, write_page, write_provenance};
use super::shared::{self, Done};
use crate::analysis::select;
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::{disk, run as runs};
use crate::error::Result;
use crate::report::returns::{ReturnCurve, ReturnSummary, return_panels, return_table};
use crate::report::{Page, Section, short};

#[derive(Debug, Args)]
pub(super) struct ReturnsArgs {
    /// Runs or checkpoints, or quoted patterns of either
    #[arg(long = "ckpt", value_name = "PATH", required = true, num_args = 1..)]
    checkpoints: Vec<String>,
    /// Folder of tables and figures
    #[arg(long, default_value = "reports/returns")]
    out: PathBuf,
    /// Print the summary as JSON to standard output
    #[arg(long)]
    json: bool,
}

/// Where returns come from.
#[derive(Debug, Serialize)]
pub(super) struct ReturnsProvenance<'p> {
    command: &'p str,
    versions: Versions,
    /// Run, last evaluated step, and hash of its evaluations.
    evaluations: Vec<Origin>,
}

impl<'p> ReturnsProvenance<'p> {
    pub(super) fn new(
        command: &'p str,
        (folders, curves): (&[PathBuf], &[ReturnCurve]),
    ) -> Result<Self> {
        let origin = |(folder, curve): (&PathBuf, &ReturnCurve)| {
            Ok(Origin {
                run: runs::read_config(&folder.join(runs::RUN))?.run_name(),
                step: curve.evaluations.last().map_or(0, |(step, _)| *step),
                hash: disk::hash(&disk::read(&folder.join(runs::EVALUATIONS))?),
            })
        };
        let evaluations = folders.iter().zip(curves).map(origin).collect::<Result<_>>()?;
        Ok(Self { command, versions: Versions::current(), evaluations })
    }
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Json<'s> {
    runs: &'s [ReturnSummary],
}

pub(super) fn run(args: &ReturnsArgs) -> Result<Done> {
    let folders = select::runs(&args.checkpoints)?;
    let curves = curves(&folders)?;
    let summaries: Vec<ReturnSummary> = curves.iter().filter_map(ReturnCurve::summary).collect();
    disk::create_dir(&args.out)?;
    let title = "Returns of greedy episodes during training";
    let command = format!(
        "hyperl-analyze returns --ckpt {} --out {}",
        shell_words(&args.checkpoints),
        shell_words(&[args.out.display().to_string()])
    );
    let table = return_table(&summaries);
    disk::write(&args.out.join("summary.csv"), table.to_csv()?.as_bytes())?;
    write_provenance(&args.out, &ReturnsProvenance::new(&command, (&folders, &curves))?)?;
    let section = Section {
        title: title.into(),
        figures: write_figures(
            &args.out,
            (title, &subtitle(&curves), title),
            return_panels(&curves),
        )?,
        table: Some(table),
        how_measured: MEASURED.into(),
        command,
        provenance: output::versions(),
        ..Section::default()
    };
    write_page(&args.out, &Page { title: title.into(), sections: vec![section] })?;
    if args.json {
        shared::print_json(&Json { runs: &summaries })?;
    } else {
        print(&summaries)?;
    }
    eprintln!("wrote {}", args.out.join("report.md").display());
    Ok(Done::Finished)
}

/// Prints final and highest return of each run.
fn print(summaries: &[ReturnSummary]) -> Result<()> {
    let names = ["environment", "critic", "seed", "step", "final", "step", "highest"];
    let [env, critic, seed, step, last, at, highest] = names;
    shared::say!("{env:13} {critic:13} {seed:>4} {step:>9} {last:>10} {at:>9} {highest:>10}");
    for s in summaries {
        shared::say!(
            "{:13} {:13} {:>4} {:>9} {:>10.1} {:>9} {:>10.1}",
            s.env,
            s.model,
            s.seed,
            s.last.step,
            s.last.interval.mean,
            s.highest.step,
            s.highest.interval.mean
        );
    }
    Ok(())
}

/// How returns are measured.
pub(super) const MEASURED: &str = "Greedy episodes from the same initial states at each evaluation, up to the \
    time limit of 1000 steps. With one seed the band is over the episodes of that run: it says how \
    much episodes differ, not how much training runs do. The highest return is picked among the \
    evaluations of a run, and so flatters it.";

/// Episodes, steps, and what the band is.
pub(super) fn subtitle(curves: &[ReturnCurve]) -> String {
    let summaries: Vec<ReturnSummary> = curves.iter().filter_map(ReturnCurve::summary).collect();
    let episodes = summaries.iter().map(|s| s.episodes).max().unwrap_or(0);
    let longest = summaries.iter().map(|s| s.last.step).max().unwrap_or(0);
    format!(
        "undiscounted, {episodes} episodes per evaluation, up to {} steps; band: 95 % interval over seeds, \
         or over the episodes of a single run",
        short(longest as f64)
    )
}

/// Reads the evaluations of runs.
pub(super) fn curves(folders: &[PathBuf]) -> Result<Vec<ReturnCurve>> {
    let mut curves = Vec::new();
    for folder in folders {
        let config = runs::read_config(&folder.join(runs::RUN))?;
        let evaluations = runs::read_evaluations(folder)?;
        curves.push(ReturnCurve {
            env: config.env.name().into(),
            algo: config.algo.name().into(),
            critic: config.critic.name().into(),
            seed: config.seed,
            evaluations: evaluations.into_iter().map(|e| (e.step, e.returns)).collect(),
        });
    }
    Ok(curves)
}
