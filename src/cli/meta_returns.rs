//! `hyperl-analyze meta-returns`: learning curves of MAML runs (Figs. 15 to 17, Table 8).

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::output::{self, Origin, shell_words, write_figures, write_page, write_provenance};
use super::returns::BandName;
use super::shared::{self, Done};
use crate::algo::maml::config::MamlConfig;
use crate::analysis::meta_spec::label;
use crate::analysis::select;
use crate::analysis::task_list::TaskList;
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::meta_run::{self, Row};
use crate::checkpoint::{disk, run as runs};
use crate::error::{Error, Result};
use crate::report::meta_scores::{MetaScore, score_table};
use crate::report::returns::{Against, Band, ReturnCurve, return_panels};
use crate::report::{Axis, Page, Panel, Section};

#[derive(Debug, Args)]
pub(super) struct MetaReturnsArgs {
    /// MAML runs, or quoted patterns of them
    #[arg(long = "ckpt", value_name = "PATH", required = true, num_args = 1..)]
    runs: Vec<String>,
    /// Tasks of the returns: those that training never sees, or those of each iteration
    #[arg(long, value_enum, default_value = "test")]
    split: Split,
    /// What curves are drawn against
    #[arg(long, value_enum, default_value = "iterations")]
    x: AxisName,
    /// Band of several seeds: 95 % interval of the mean, or ± one standard deviation as in the paper
    #[arg(long, value_enum, default_value = "interval")]
    band: BandName,
    /// Folder of tables and figures
    #[arg(long, default_value = "reports/meta-returns")]
    out: PathBuf,
    /// Print the scores as JSON to standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AxisName {
    Iterations,
    Seconds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Split {
    Test,
    Train,
}

impl From<Split> for TaskList {
    fn from(name: Split) -> Self {
        match name {
            Split::Test => Self::Test,
            Split::Train => Self::Train,
        }
    }
}

/// Where the numbers come from.
#[derive(Debug, Serialize)]
struct Provenance<'p> {
    command: &'p str,
    versions: Versions,
    /// Run, last iteration, and hash of its returns.
    returns: Vec<Origin>,
}

/// One run as it was read.
pub(super) struct Run {
    folder: PathBuf,
    config: MamlConfig,
    rows: Vec<Row>,
}

/// How returns are measured.
pub(super) const MEASURED: &str = "Undiscounted returns of episodes of 200 steps with actions drawn, averaged over \
    tasks. Test tasks: the same at every evaluation, from the same states with the same noise, after the \
    update of that iteration. Training tasks: those drawn for an iteration, before its update, so that the \
    curve also moves with the draw. With several seeds the band is a 95 % interval over them; a single \
    run has none.";

/// What they do not show.
pub(super) const LIMITS: &str = "The step of an adaptation is 0.1 for MAML and Context-MAML and 5e-5 for the \
    hypernetwork, a difference that the paper does not mention; `hyperl-analyze maml-adaptation` compares \
    them at equal steps. MAML here is first order, as the authors' code is in effect. The paper's \
    Ant-Fwd-Back is `ant-dir-rad1`, whose two headings are ±1 radian. In the paper's own table multi-task \
    training is not better everywhere: it has 539 where Hyper-MAML has 558 on Cheetah-Fwd-Back.";

/// Runs the command.
pub(super) fn run(args: &MetaReturnsArgs) -> Result<Done> {
    let all = select::runs(&args.runs)?.iter().map(|run| read(run)).collect::<Result<Vec<_>>>()?;
    let on = args.split.into();
    let curves: Vec<ReturnCurve> = all.iter().flat_map(|run| curves(run, on)).collect();
    let scores: Vec<MetaScore> = all.iter().filter_map(score).collect();
    let command = format!(
        "hyperl-analyze meta-returns --ckpt {} --split {}{}{} --out {}",
        shell_words(&args.runs),
        if args.split == Split::Test { "test" } else { "train" },
        if args.x == AxisName::Seconds { " --x seconds" } else { "" },
        if matches!(args.band, BandName::Std) { " --band std" } else { "" },
        shell_words(&[args.out.display().to_string()])
    );
    disk::create_dir(&args.out)?;
    let table = score_table(&scores);
    disk::write(&args.out.join("scores.csv"), table.to_csv()?.as_bytes())?;
    provenance(&args.out, &command, &all)?;
    let title = format!("Returns of MAML runs on {on} tasks");
    let against = match args.x {
        AxisName::Iterations => Against::Iterations,
        AxisName::Seconds => Against::Seconds,
    };
    let panels = panels(&curves, (against, args.band.into()));
    let section = Section {
        title: title.clone(),
        figures: write_figures(&args.out, (&title, SUBTITLE, &title), panels)?,
        table: Some(table),
        how_measured: MEASURED.into(),
        does_not_show: LIMITS.into(),
        command,
        provenance: output::versions(),
        ..Section::default()
    };
    write_page(&args.out, &Page { title, sections: vec![section] })?;
    if args.json {
        shared::print_json(&scores)?;
    } else {
        print(&scores)?;
    }
    eprintln!("wrote {}", args.out.join("report.md").display());
    Ok(Done::Finished)
}

/// What an evaluation is, for figures.
pub(super) const SUBTITLE: &str = "mean over tasks; episodes of 200 steps, actions drawn";

fn print(scores: &[MetaScore]) -> Result<()> {
    for s in scores {
        let [before, after] = s.last;
        shared::say!(
            "{:24} {:18} seed {} iteration {:>4}: test {before:.1} before, {after:.1} after adaptation",
            s.env,
            s.model,
            s.seed,
            s.iteration
        );
    }
    Ok(())
}

/// Writes where the returns come from.
pub(super) fn provenance(folder: &Path, command: &str, all: &[Run]) -> Result<()> {
    let origin = |run: &Run| {
        Ok(Origin {
            run: run.config.run_name(),
            step: run.rows.last().map_or(0, |row| row.iteration),
            hash: disk::hash(&disk::read(&run.folder.join(meta_run::RETURNS))?),
        })
    };
    let returns = all.iter().map(origin).collect::<Result<Vec<_>>>()?;
    write_provenance(folder, &Provenance { command, versions: Versions::current(), returns })
}

/// Learning curves, one panel for each family.
pub(super) fn panels(curves: &[ReturnCurve], (against, band): (Against, Band)) -> Vec<Panel> {
    let mut panels = return_panels(curves, against, band);
    for panel in &mut panels {
        panel.y = Axis::new("return", "");
    }
    panels
}

/// Reads a run; says so if it is of another algorithm.
pub(super) fn read(folder: &Path) -> Result<Run> {
    if !folder.join(meta_run::RETURNS).is_file() {
        return Err(Error::Usage(format!(
            "{} holds no {}: it is no run of hyperl-train maml, or has made no iteration; the curves of \
             other algorithms are drawn by hyperl-analyze returns",
            folder.display(),
            meta_run::RETURNS
        )));
    }
    runs::check_algo(folder, &["maml"], "hyperl-analyze meta-returns")?;
    let config = runs::read_config(&folder.join(runs::RUN))?;
    let rows = meta_run::read(folder)?;
    Ok(Run { folder: folder.into(), config, rows })
}

/// The curves after and before adaptation; points that were not measured are left out.
pub(super) fn curves(run: &Run, on: TaskList) -> Vec<ReturnCurve> {
    let of = |row: &Row, i: usize| match on {
        TaskList::Test => row.test[i],
        TaskList::Train => row.train[i],
    };
    let mut spent = 0.0;
    let seconds = run.rows.iter().map(|row| {
        spent += row.seconds.iter().sum::<f64>();
        (row.iteration, spent)
    });
    // Times of an earlier program may be missing.
    let seconds: Vec<(u64, f64)> = seconds.filter(|(_, spent)| spent.is_finite()).collect();
    let curve = |state: usize| {
        let points = run.rows.iter().filter(|row| !of(row, state).is_nan());
        ReturnCurve {
            env: run.config.env.name().into(),
            algo: "maml".into(),
            critic: label(&run.config.model(), state),
            seed: run.config.seed,
            evaluations: points.map(|row| (row.iteration, vec![of(row, state)])).collect(),
            seconds: seconds.clone(),
        }
    };
    [1, 0].map(curve).into_iter().filter(|curve| !curve.evaluations.is_empty()).collect()
}

/// The test returns at the last evaluation and the highest ones; none without an evaluation.
pub(super) fn score(run: &Run) -> Option<MetaScore> {
    let tested = || run.rows.iter().filter(|row| row.test.iter().all(|x| !x.is_nan()));
    let last = tested().next_back()?;
    let highest = [0, 1].map(|i| tested().map(|row| row.test[i]).fold(f64::NEG_INFINITY, f64::max));
    Some(MetaScore {
        env: run.config.env.name().into(),
        model: run.config.model(),
        seed: run.config.seed,
        iteration: last.iteration,
        last: last.test,
        highest,
    })
}
