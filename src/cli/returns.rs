//! `hyperl-analyze returns`: learning curves of given runs.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::output::{self, Origin, shell_words, write_figures, write_page, write_provenance};
use super::shared::{self, Done};
use crate::algo::Algo;
use crate::algo::registry::Config;
use crate::analysis::select;
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::run_log::{self, RunLog};
use crate::checkpoint::{Checkpoint, disk, run as runs, stored};
use crate::error::{Error, Result};
use crate::nn::critic::CriticKind;
use crate::report::returns::{
    Against, Band, ReturnCurve, ReturnSummary, return_panels, return_table,
};
use crate::report::scores::{Score, score_table, scores};
use crate::report::{Appendix, Page, Section, fixed, short, undefined};

#[derive(Debug, Args)]
pub(super) struct ReturnsArgs {
    /// Runs or checkpoints, or quoted patterns of either
    #[arg(long = "ckpt", value_name = "PATH", required = true, num_args = 1..)]
    checkpoints: Vec<PathBuf>,
    /// What curves are drawn against
    #[arg(long, value_enum, default_value = "steps")]
    x: AxisName,
    /// Band of several seeds: 95 % interval of the mean, or ± one standard deviation as in the paper
    #[arg(long, value_enum, default_value = "interval")]
    band: BandName,
    /// Critic whose final score the others are to reach
    #[arg(long, default_value_t = CriticKind::MlpStandard)]
    baseline: CriticKind,
    /// Folder of tables and figures
    #[arg(long, default_value = "reports/returns")]
    out: PathBuf,
    /// Print the summary as JSON to standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AxisName {
    Steps,
    Seconds,
}

impl From<AxisName> for Against {
    fn from(name: AxisName) -> Self {
        match name {
            AxisName::Steps => Self::Steps,
            AxisName::Seconds => Self::Seconds,
        }
    }
}

/// The band of several seeds.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum BandName {
    Interval,
    Std,
}

impl From<BandName> for Band {
    fn from(name: BandName) -> Self {
        match name {
            BandName::Interval => Self::Interval,
            BandName::Std => Self::Std,
        }
    }
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
    pub(super) fn new(command: &'p str, runs: &[Run]) -> Result<Self> {
        let origin = |run: &Run| {
            Ok(Origin {
                run: run.config.run_name(),
                step: run.curve.evaluations.last().map_or(0, |(step, _)| *step),
                hash: run_log::hash(&run.folder)?,
            })
        };
        let evaluations = runs.iter().map(origin).collect::<Result<_>>()?;
        Ok(Self { command, versions: Versions::current(), evaluations })
    }
}

/// A run whose evaluations were read.
pub(super) struct Run {
    folder: PathBuf,
    config: Config,
    pub(super) curve: ReturnCurve,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Json<'s> {
    runs: &'s [ReturnSummary],
    critics: &'s [Score],
}

pub(super) fn run(args: &ReturnsArgs) -> Result<Done> {
    let mut runs = read(&select::runs(&args.checkpoints)?)?;
    select::check_seeds_once(runs.iter().map(|run| (run.config.run_name(), &*run.folder)))?;
    // By number, where the names of folders would put seed 10 before 9.
    let place = |c: &Config| (c.algo().name(), c.env_name(), c.model(), c.seed());
    runs.sort_by_key(|run| place(&run.config));
    let curves: Vec<ReturnCurve> = runs.iter().map(|run| run.curve.clone()).collect();
    let warnings = warnings(&runs, &curves);
    let summaries: Vec<ReturnSummary> = curves.iter().filter_map(ReturnCurve::summary).collect();
    if summaries.is_empty() {
        return Err(Error::NonFinite(warnings.join("; ")));
    }
    disk::create_dir(&args.out)?;
    let title = "Returns of greedy episodes during training";
    let command = format!(
        "hyperl-analyze returns --ckpt {}{}{} --baseline {} --out {}",
        shell_words(&args.checkpoints),
        if matches!(args.x, AxisName::Seconds) { " --x seconds" } else { "" },
        if matches!(args.band, BandName::Std) { " --band std" } else { "" },
        args.baseline,
        shell_words(&[&args.out])
    );
    let table = return_table(&summaries);
    let scored = scores(&curves, args.baseline.name());
    let score = score_table(&scored, None);
    disk::write(&args.out.join("scores.csv"), score.to_csv()?.as_bytes())?;
    disk::write(&args.out.join("summary.csv"), table.to_csv()?.as_bytes())?;
    write_provenance(&args.out, &ReturnsProvenance::new(&command, &runs)?)?;
    let section = Section {
        title: title.into(),
        figures: write_figures(
            &args.out,
            (title, &subtitle(&curves, args.band.into()), title),
            return_panels(&curves, args.x.into(), args.band.into()),
        )?,
        table: Some(table),
        appendices: vec![Appendix { title: "Scores".into(), table: score, folded: false }],
        warnings: warnings.clone(),
        how_measured: format!("{MEASURED}\n\n{SCORED}"),
        command,
        provenance: output::versions(),
        ..Section::default()
    };
    write_page(&args.out, &Page { title: title.into(), sections: vec![section] })?;
    if args.json {
        shared::print_json(&Json { runs: &summaries, critics: &scored })?;
    } else {
        print(&summaries)?;
    }
    shared::warn(&warnings);
    shared::note!("wrote {}", args.out.join("report.md").display());
    Ok(Done::Finished)
}

/// Prints final and highest return of each run.
fn print(summaries: &[ReturnSummary]) -> Result<()> {
    let names = ["environment", "critic", "seed", "step", "final", "step", "highest"];
    let [env, critic, seed, step, last, at, highest] = names;
    shared::say!("{env:13} {critic:13} {seed:>4} {step:>9} {last:>10} {at:>9} {highest:>10}");
    for s in summaries {
        shared::say!(
            "{:13} {:13} {:>4} {:>9} {:>10} {:>9} {:>10}",
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

/// How returns are measured.
pub(super) const MEASURED: &str = "Greedy episodes from the same initial states at each evaluation, up to the \
    time limit of 1000 steps. With one seed the band is over the episodes of that run: it says how \
    much episodes differ, not how much training runs do. The highest return is picked among the \
    evaluations of a run, and so flatters it.";

/// How runs become scores.
pub(super) const SCORED: &str = "Scores are over seeds: ± is one standard deviation. The highest score is that of \
    the step at which the mean over seeds is highest; the mean of each seed's own maximum flatters \
    more. Steps to baseline: the share of the baseline's training steps after which a run first \
    evaluates as well as the baseline ends, by its mean over seeds. The interquartile mean needs four \
    seeds; its interval is a bootstrap over them. The interval of a share \
    is undetermined where it would leave 0 to 1, or where all seeds are alike.";

/// Episodes, steps, and what the band is.
pub(super) fn subtitle(curves: &[ReturnCurve], band: Band) -> String {
    let summaries: Vec<ReturnSummary> = curves.iter().filter_map(ReturnCurve::summary).collect();
    let episodes = summaries.iter().map(|s| s.episodes).max().unwrap_or(0);
    let longest = summaries.iter().map(|s| s.last.step).max().unwrap_or(0);
    format!(
        "undiscounted, {episodes} episodes per evaluation, up to {} steps; band: {}, \
         or 95 % interval over the episodes of a single run",
        short(longest as f64),
        band.over_seeds()
    )
}

/// Reads the evaluations of runs.
pub(super) fn read(folders: &[PathBuf]) -> Result<Vec<Run>> {
    folders.iter().map(|folder| read_one(folder)).collect()
}

fn read_one(folder: &Path) -> Result<Run> {
    let config = stored::read_of(folder, &Algo::OFF_POLICY, "hyperl-analyze returns")?;
    if let Some(newest) = runs::checkpoints(folder)?.pop() {
        // Refuses settings that are not those of the checkpoint.
        Checkpoint::open(&newest)?;
    }
    let log = RunLog::of_run(folder, &*config)?;
    let curve = ReturnCurve {
        env: config.env_name().into(),
        algo: config.algo().name().into(),
        critic: config.model(),
        seed: config.seed(),
        evaluations: log.evaluations(folder)?.into_iter().map(|e| (e.step, e.returns)).collect(),
        seconds: log.seconds(),
    };
    Ok(Run { folder: folder.into(), config, curve })
}

/// Returns what readers must be told of runs and their curves, which may bear other labels.
pub(super) fn warnings(runs: &[Run], curves: &[ReturnCurve]) -> Vec<String> {
    runs.iter().filter_map(lack).chain(undefined::warnings(curves)).collect()
}

/// Says which evaluation of a run is missing, by its schedule and the seconds up to its newest checkpoint.
fn lack(run: &Run) -> Option<String> {
    let Run { folder, config, curve } = run;
    let every = config.evaluate_every();
    let last = curve.evaluations.last().map_or(0, |(step, _)| *step);
    let reached = curve.seconds.last().map_or(last, |(step, _)| last.max(*step));
    let known = |step: &u64| curve.evaluations.binary_search_by_key(step, |(at, _)| *at).is_ok();
    let missing = (0..=reached / every).map(|n| n * every).find(|step| !known(step))?;
    Some(format!(
        "{}: there is no evaluation of step {missing}, expected one every {every} steps up to {reached}; \
         copy the file again, or train the run anew",
        folder.join(run_log::EVALUATIONS).display()
    ))
}
