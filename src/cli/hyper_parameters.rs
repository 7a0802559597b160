//! `hyperl-analyze hyper-parameters`: the paper's tables of settings beside our defaults.

use clap::Args;
use serde::Serialize;

use super::program::Done;
use super::terminal;
use crate::algo::Algo;
use crate::analysis::hyper_parameters::{HyperParameter, hyper_parameters, table_of};
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
    parameters: Vec<HyperParameter>,
}

pub(super) fn run(args: &HyperParameterArgs) -> Result<Done> {
    let algos = Algo::ALL.into_iter().filter(|a| args.algo.is_none_or(|wanted| wanted == *a));
    let lines = algos.map(|algo| Ok(AlgoLines { algo, parameters: hyper_parameters(algo)? }));
    let lines = lines.collect::<Result<Vec<_>>>()?;
    if args.json {
        terminal::print_json(&lines)?;
        return Ok(Done::Finished);
    }
    for AlgoLines { algo, parameters } in lines {
        let name = algo.name().to_uppercase();
        terminal::say!("{}: {name}\n\n{}", table_of(algo), table(&parameters).to_markdown()?);
    }
    Ok(Done::Finished)
}
