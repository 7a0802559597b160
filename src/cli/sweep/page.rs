//! `hyperl-train sweep gather`: one Parquet file, one table and one page of all runs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::super::finding::{self, Source};
use super::super::output::{shell_words, write_page};
use super::super::program::Done;
use super::super::terminal;
use super::counts::{counts, in_words};
use crate::analysis::measure::returns::ReturnCurve;
use crate::checkpoint::disk;
use crate::checkpoint::lock::Lock;
use crate::error::{Error, Result};
use crate::report::finding::Finding;
use crate::report::returns::{Against, Band, return_panels};
use crate::report::{Appendix, Cell, Page, Section, Table};
use crate::stats::resample::interval_of_mean;
use crate::stats::{LEVEL, summary};
use crate::sweep::gather::{self, Gathered, Summed};
use crate::sweep::plan::{Plan, Run};
use crate::sweep::state;

const TITLE: &str = "Returns of a sweep";

/// File of all evaluations.
const EVALUATIONS: &str = "evaluations.parquet";

/// Most runs that a page lists.
const LISTED: usize = 500;

#[derive(Debug, Args)]
pub(in crate::cli) struct GatherArgs {
    /// Folder of the sweep
    sweep: PathBuf,
    /// Folder of table and page [default: SWEEP/gathered]
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &GatherArgs) -> Result<Done> {
    let mut plan = Plan::read(&args.sweep)?;
    // Of ten thousand runs they take ten megabytes, and nothing here needs them.
    plan.runs.iter_mut().for_each(|run| run.words = Vec::new());
    let out = args.out.clone().unwrap_or_else(|| args.sweep.join("gathered"));
    let Gathered { runs, curves, parquet } = gather::gather(&plan)?;
    if curves.is_empty() {
        return Err(Error::Usage(format!(
            "no run of {} was evaluated yet; hyperl-train sweep status {} says how far they are",
            args.sweep.display(),
            args.sweep.display()
        )));
    }
    let _lock = Lock::folder(&out)?;
    disk::write(&out.join(EVALUATIONS), &parquet)?;
    let said = in_words(&counts(&state::all(&plan)));
    let list = table_of_runs(&plan, &runs);
    let appendices = (runs.len() <= LISTED).then(|| Appendix {
        title: "Runs".into(),
        table: without_weights(list.clone()),
        folded: runs.len() > 12,
    });
    let found = Finding {
        subtitle: format!("{said}; bands: 95 % over seeds"),
        panels: return_panels(&curves, Against::Steps, Band::Interval),
        files: vec![("runs.csv", list)],
        table: Some(table(&curves)),
        appendices: appendices.into_iter().collect(),
        ..Finding::default()
    };
    let command = format!(
        "hyperl-train sweep gather {} --out {}",
        shell_words(&[&args.sweep]),
        shell_words(&[&out])
    );
    let source = Source::of_logs(&command, Vec::new());
    let section = finding::write(&out, TITLE, TITLE, &found, &source)?;
    let files = section.files.iter().cloned().chain([EVALUATIONS.into()]).collect();
    let section = Section { answer: format!("{said}."), files, ..section };
    write_page(&out, &Page { title: TITLE.into(), sections: vec![section] })?;
    terminal::say!("{said}");
    terminal::note!("wrote {}", out.join("report.md").display());
    Ok(Done::Finished)
}

/// Returns a line for each series in each environment: what its runs earn at the last step that all have reached.
fn table(curves: &[ReturnCurve]) -> Table {
    let mut groups: BTreeMap<[&str; 3], Vec<&ReturnCurve>> = BTreeMap::new();
    for curve in curves {
        groups.entry([&curve.env, curve.algo.name(), &curve.series]).or_default().push(curve);
    }
    let row = |([env, algo, series], runs): ([&str; 3], Vec<&ReturnCurve>)| {
        let last = runs.iter().filter_map(|run| run.evaluations.last()).map(|(at, _)| *at);
        let shared = last.min().unwrap_or(0);
        let there = |run: &&ReturnCurve| {
            run.evaluations.iter().find(|(at, _)| *at == shared).map(|(_, all)| summary::mean(all))
        };
        let means: Vec<f64> = runs.iter().filter_map(there).collect();
        vec![
            Cell::text(env),
            Cell::text(algo),
            Cell::text(series),
            Cell::text(means.len().to_string()),
            Cell::text(shared.to_string()),
            Cell::Interval(interval_of_mean(&means, LEVEL)),
        ]
    };
    let names = ["environment", "algorithm", "series", "seeds", "at", "return"];
    Table::of(names, groups.into_iter().map(row))
}

/// Leaves out the hashes, which are for programs.
fn without_weights(mut runs: Table) -> Table {
    runs.columns.pop();
    runs.rows.iter_mut().for_each(|row| drop(row.pop()));
    runs
}

/// Returns a line for each run: how it ended, and with which weights.
fn table_of_runs(plan: &Plan, runs: &[Summed]) -> Table {
    let names = ["number", "run", "trained", "evaluations", "last_return", "weights"];
    let row = |(number, (run, summed)): (usize, (&Run, &Summed))| {
        vec![
            Cell::text(number.to_string()),
            Cell::text(run.folder.to_string_lossy()),
            Cell::text(if summed.weights.is_some() { "yes" } else { "no" }),
            Cell::text(summed.evaluations.to_string()),
            Cell::number(summed.last),
            Cell::text(summed.weights.clone().unwrap_or_default()),
        ]
    };
    Table::of(names, plan.runs.iter().zip(runs).enumerate().map(row))
}
