//! `hyperl-train sweep gather`: one Parquet file, one table and one page of all runs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::super::finding::{self, Source};
use super::super::output::{shell_words, write_page};
use super::super::shared::{self, Done};
use super::counts::{counts, words};
use crate::analysis::measure::returns::ReturnCurve;
use crate::checkpoint::disk;
use crate::checkpoint::lock::Lock;
use crate::error::{Error, Result};
use crate::report::finding::Finding;
use crate::report::returns::{Against, Band, return_panels};
use crate::report::{Cell, Page, Section, Table};
use crate::stats::resample::jackknife;
use crate::stats::{LEVEL, summary};
use crate::sweep::gather::{self, Gathered};
use crate::sweep::plan::Plan;
use crate::sweep::state;

const TITLE: &str = "Returns of a sweep";

#[derive(Debug, Args)]
pub(in crate::cli) struct GatherArgs {
    /// Folder of the sweep
    sweep: PathBuf,
    /// Folder of table and page [default: SWEEP/gathered]
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &GatherArgs) -> Result<Done> {
    let plan = Plan::read(&args.sweep)?;
    let out = args.out.clone().unwrap_or_else(|| args.sweep.join("gathered"));
    let all = gather::gather(&plan)?;
    let curves = gather::curves(&all);
    if curves.is_empty() {
        return Err(Error::Usage(format!(
            "no run of {} was evaluated yet; hyperl-train sweep status {} says how far they are",
            args.sweep.display(),
            args.sweep.display()
        )));
    }
    let _lock = Lock::folder(&out)?;
    disk::write(&out.join("evaluations.parquet"), &gather::to_parquet(&all)?)?;
    let said = words(&counts(&state::all(&plan)));
    let found = Finding {
        subtitle: format!("{said}; bands: 95 % over seeds"),
        panels: return_panels(&curves, Against::Steps, Band::Interval),
        files: vec![("runs.csv", runs(&plan, &all)?)],
        table: Some(table(&curves)),
        ..Finding::default()
    };
    let command = format!(
        "hyperl-train sweep gather {} --out {}",
        shell_words(&[&args.sweep]),
        shell_words(&[&out])
    );
    let source = Source::of_logs(&command, Vec::new());
    let section = finding::write(&out, TITLE, TITLE, &found, &source)?;
    let section = Section { answer: format!("{said}."), ..section };
    write_page(&out, &Page { title: TITLE.into(), sections: vec![section] })?;
    shared::say!("{said}");
    shared::note!("wrote {}", out.join("report.md").display());
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
            Cell::Interval(jackknife(&means, summary::mean, LEVEL)),
        ]
    };
    let names = ["environment", "algorithm", "series", "seeds", "at", "return"];
    Table::of(names, groups.into_iter().map(row))
}

/// Returns a line for each run: how it ended, and with which weights.
fn runs(plan: &Plan, all: &[Gathered]) -> Result<Table> {
    let names = ["number", "run", "trained", "evaluations", "last_return", "weights"];
    let row = |one: &Gathered| {
        let last = one.evaluated.last().map(|row| row.at);
        let returns: Vec<f64> =
            one.evaluated.iter().filter(|row| Some(row.at) == last).map(|row| row.total).collect();
        Ok(vec![
            Cell::text(one.number.to_string()),
            Cell::text(one.run.folder.to_string_lossy()),
            Cell::text(if one.trained { "yes" } else { "no" }),
            Cell::text(one.evaluated.len().to_string()),
            Cell::number(returns.iter().sum::<f64>() / returns.len() as f64),
            Cell::text(gather::weights(plan, one.run)?.unwrap_or_default()),
        ])
    };
    Ok(Table::of(names, all.iter().map(row).collect::<Result<Vec<_>>>()?))
}
