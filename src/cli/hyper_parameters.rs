//! `hyperl-analyze hyper-parameters`: the paper's tables of settings beside our defaults.

use clap::Args;
use serde::Serialize;

use super::program::Done;
use super::terminal;
use crate::algo::Algo;
use crate::analysis::hyper_parameters::{HyperParameter, hyper_parameters, listed};
use crate::error::Result;
use crate::report::hyper_parameters::table;

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
    #[serde(skip)]
    table: &'static str,
    parameters: Vec<HyperParameter>,
}

pub(super) fn run(args: &HyperParameterArgs) -> Result<Done> {
    let algos = listed().filter(|(algo, _)| args.algo.is_none_or(|wanted| wanted == *algo));
    let lines = algos
        .map(|(algo, table)| Ok(AlgoLines { algo, table, parameters: hyper_parameters(algo)? }));
    let lines = lines.collect::<Result<Vec<_>>>()?;
    if args.json {
        terminal::print_json(&lines)?;
        return Ok(Done::Finished);
    }
    for AlgoLines { algo, table: place, parameters } in lines {
        let name = algo.name().to_uppercase();
        terminal::say!("{place}: {name}\n\n{}", table(&parameters).to_markdown()?);
    }
    Ok(Done::Finished)
}
