//! `hyperl-analyze meta-returns`: learning curves of MAML and PEARL runs (Figs. 15 to 19, Tables 8 and 10).

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::meta_runs::{Run, deviations, explorations, longest_episodes, provenance, read_all};
use super::output::{self, shell_words, write_figures, write_page};
use super::returns::BandName;
use super::shared::{self, Done};
use crate::algo::Algo;
use crate::analysis::select;
use crate::checkpoint::disk;
use crate::env::TaskList;
use crate::error::{Error, Result};
use crate::report::meta_scores::{MetaScore, meta_score_table, meta_scores};
use crate::report::returns::{Against, Band, ReturnCurve, return_panels};
use crate::report::{Axis, Page, Panel, Section, fixed, undefined};

#[derive(Debug, Args)]
pub(super) struct MetaReturnsArgs {
    /// Runs of MAML and PEARL, or quoted patterns of them
    #[arg(long = "ckpt", value_name = "PATH", required = true, num_args = 1..)]
    runs: Vec<PathBuf>,
    /// Tasks of the returns: those that training never sees, or those of each iteration
    /// [test, train]
    #[arg(long, default_value = "test")]
    split: TaskList,
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

/// How MAML's returns are measured.
const MAML: &str = "MAML: actions are drawn. Test tasks: the same at every evaluation, from the same states with the \
    same noise, after the update of that iteration. Training tasks: those drawn for an iteration, before its \
    update, so that the curve also moves with the draw.";

/// How PEARL's are, beside how it explores.
const PEARL: [&str; 2] = [
    "PEARL: actions are tanh of the mean.",
    "Test tasks: the same at every evaluation. Training tasks: drawn anew each time, as many as there are \
    test tasks.",
];

/// What MAML's do not show.
const MAML_LIMITS: &str = "The step of an adaptation is by default 0.1 for MAML and Context-MAML and 5e-5 for the \
    hypernetwork, a difference that the paper does not mention; `hyperl-analyze maml-adaptation` compares \
    them at equal steps. The paper's Ant-Fwd-Back is `ant-dir-rad1`, whose two headings are ±1 radian. In the paper's own table multi-task \
    training is not better everywhere: it has 539 where Hyper-MAML has 558 on Cheetah-Fwd-Back.";

/// What PEARL's do not.
const PEARL_LIMITS: &str = "The paper's Table 10 has 1636 and 1828 for Ant-Vel, where 210 is the most that can be earned, \
    and 93 and 115 for Cheetah-Fwd-Back: the two columns are taken to be swapped. The authors' code in effect \
    trains on two velocities and tests on two, whatever it is told; runs of `--set as_coded_tasks=true` do so, \
    the others have 100 and 30 by default. By the printed spread no difference of the paper's five seeds is told from 0 \
    (Welch, every p 0.11 or more).";

/// How the returns of these runs are measured.
pub(super) fn measured(all: &[Run]) -> String {
    let of = |algo| all.iter().any(|run| run.algo == algo);
    let [acting, tasks] = PEARL;
    let texts = [
        Some(format!("Undiscounted returns of {}, averaged over tasks.", longest_episodes(all))),
        of(Algo::Maml).then(|| MAML.to_owned()),
        of(Algo::Pearl).then(|| format!("{acting} {} {tasks}", explorations(all))),
        Some("A single run has no band.".into()),
    ];
    texts.into_iter().flatten().collect::<Vec<String>>().join(" ")
}

/// What they do not show.
pub(super) fn limits(all: &[Run]) -> String {
    let texts = [(MAML_LIMITS, Algo::Maml), (PEARL_LIMITS, Algo::Pearl)];
    let texts = texts.iter().filter(|(_, algo)| all.iter().any(|run| run.algo == *algo));
    let mut texts: Vec<String> = texts.map(|(text, _)| (*text).to_owned()).collect();
    if all.iter().any(|run| run.algo == Algo::Maml) {
        texts.push(derivative(all));
    }
    let deviations = deviations(all);
    if !deviations.is_empty() {
        texts.push(format!(
            "Settings that are not the paper's, in brackets those of the paper: {}.",
            deviations.join("; ")
        ));
    }
    texts.join("\n\n")
}

/// Says whether derivatives go through the adaptation step.
fn derivative(all: &[Run]) -> String {
    let code = "as the authors' code is in effect";
    if all.iter().any(|run| run.second_order) {
        return format!("Runs with `second_order` are second order, others first order, {code}.");
    }
    format!("MAML here is first order, {code}.")
}

/// Runs the command.
pub(super) fn run(args: &MetaReturnsArgs) -> Result<Done> {
    let mut all = read_all(&select::runs(&args.runs)?)?;
    // By number, where the names of folders would put seed 10 before 9.
    all.sort_by(|a, b| a.place().cmp(&b.place()));
    let on = args.split;
    let curves: Vec<ReturnCurve> = all.iter().flat_map(|run| run.curves(Some(on))).collect();
    let scores = meta_scores(&curves);
    let warnings = undefined::warnings(&curves);
    if scores.is_empty() && !warnings.is_empty() {
        return Err(Error::NonFinite(warnings.join("; ")));
    }
    let command = format!(
        "hyperl-analyze meta-returns --ckpt {} --split {}{}{} --out {}",
        shell_words(&args.runs),
        args.split.name(),
        if args.x == AxisName::Seconds { " --x seconds" } else { "" },
        if matches!(args.band, BandName::Std) { " --band std" } else { "" },
        shell_words(&[&args.out])
    );
    disk::create_dir(&args.out)?;
    let table = meta_score_table(&scores);
    disk::write(&args.out.join("scores.csv"), table.to_csv()?.as_bytes())?;
    provenance(&args.out, &command, &all)?;
    let title = format!("Returns of meta-learning runs on {} tasks", on.adjective());
    let against = match args.x {
        AxisName::Iterations => Against::Iterations,
        AxisName::Seconds => Against::Seconds,
    };
    let panels = panels(&curves, (against, args.band.into()));
    let section = Section {
        title: title.clone(),
        figures: write_figures(
            &args.out,
            (&title, &subtitle(&all, &curves, args.band.into()), &title),
            panels,
        )?,
        table: Some(table),
        how_measured: measured(&all),
        does_not_show: limits(&all),
        warnings: warnings.clone(),
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
    shared::warn(&warnings);
    shared::note!("wrote {}", args.out.join("report.md").display());
    Ok(Done::Finished)
}

/// Says what an evaluation is, and what the band of a figure.
pub(super) fn subtitle(all: &[Run], curves: &[ReturnCurve], band: Band) -> String {
    let seeds = curves.iter().map(|curve| curve.seed).collect::<BTreeSet<_>>().len();
    let seeds = if seeds == 1 {
        "1 seed".to_owned()
    } else {
        format!("{seeds} seeds; band: {}", band.over_seeds())
    };
    format!("mean over tasks; {}; {seeds}", longest_episodes(all))
}

fn print(scores: &[MetaScore]) -> Result<()> {
    for MetaScore { env, series, seed, iteration, last, highest } in scores {
        shared::say!(
            "{env:24} {series:34} seed {seed} iteration {iteration:>4}: {}, highest {}",
            fixed(*last, 1),
            fixed(*highest, 1)
        );
    }
    Ok(())
}

/// Learning curves, one panel for each family.
pub(super) fn panels(curves: &[ReturnCurve], (against, band): (Against, Band)) -> Vec<Panel> {
    let panels = return_panels(curves, against, band).into_iter();
    panels.map(|panel| Panel { y: Axis::new("return", ""), ..panel }.around_points()).collect()
}
