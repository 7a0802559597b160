//! `hyperl-analyze hyper-parameters`: the paper's tables of settings beside our defaults.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::output::{self, write_page};
use super::shared::{self, Done};
use crate::algo::Algo;
use crate::analysis::hyper_parameters::{
    HyperParameter, HyperParameterSpec, hyper_parameters, table_of,
};
use crate::checkpoint::disk;
use crate::error::Result;
use crate::report::{Cell, Column, Page, Section, Table};

#[derive(Debug, Args)]
pub(super) struct HyperParameterArgs {
    /// Only this algorithm [td3, sac, maml, pearl]
    #[arg(long)]
    algo: Option<Algo>,
    /// Print JSON to standard output
    #[arg(long)]
    json: bool,
}

/// The table of one algorithm.
#[derive(Debug, Serialize)]
struct AlgoLines {
    algo: Algo,
    parameters: Vec<HyperParameter>,
}

/// Runs the command.
pub(super) fn run(args: &HyperParameterArgs) -> Result<Done> {
    let algos = Algo::ALL.into_iter().filter(|a| args.algo.is_none_or(|wanted| wanted == *a));
    let lines = algos.map(|algo| Ok(AlgoLines { algo, parameters: hyper_parameters(algo)? }));
    let lines = lines.collect::<Result<Vec<_>>>()?;
    if args.json {
        shared::print_json(&lines)?;
        return Ok(Done::Finished);
    }
    for AlgoLines { algo, parameters } in lines {
        let name = algo.name().to_uppercase();
        shared::say!("{}: {name}\n\n{}", table_of(algo), table(&parameters).to_markdown()?);
    }
    Ok(Done::Finished)
}

/// A row for each hyper-parameter.
fn table(parameters: &[HyperParameter]) -> Table {
    let names = ["hyper-parameter", "key", "plain", "hypernetwork", "the paper's", "remark"];
    let mut table = Table::new(names.map(|name| Column::new(name, "")));
    for p in parameters {
        let paper = match p.paper {
            _ if p.agrees() => "the same".into(),
            [plain, hyper] if plain == hyper => plain.to_owned(),
            both => both.join(" and "),
        };
        let cells = [p.name, p.key, &p.plain, &p.hyper, &paper, p.remark];
        table.rows.push(cells.map(Cell::text).into());
    }
    table
}

/// Makes the report of a spec.
pub(super) fn report(spec: &HyperParameterSpec, folder: &Path, command: String) -> Result<()> {
    let table = table(&hyper_parameters(spec.algo)?);
    disk::create_dir(folder)?;
    disk::write(&folder.join("summary.csv"), table.to_csv()?.as_bytes())?;
    let section = Section {
        title: spec.figure.clone(),
        table: Some(table),
        how_measured:
            "Read from the defaults of `hyperl-train`, resolved as a run resolves them; keys are \
                       those of `--set`."
                .into(),
        command,
        provenance: output::versions(),
        ..Section::default()
    };
    let title = format!("{}: {}", spec.figure, spec.title);
    write_page(folder, &Page { title, sections: vec![section] })?;
    shared::note!("wrote {}", folder.join("report.md").display());
    Ok(())
}
