//! `hyperl-analyze claims`: the paper's claims, judged by the numbers that it prints itself.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::finding::{Source, write};
use super::output::{shell_words, write_page};
use super::program::Done;
use super::terminal;
use crate::checkpoint::lock::Lock;
use crate::error::Result;
use crate::report::{Page, Section, printed_claims};
use crate::stats::Estimate;
use crate::study::printed_claim::{self, Compared, PrintedClaim};

const TITLE: &str = "What the paper's own tables say of its claims";

#[derive(Debug, Args)]
pub(super) struct ClaimsArgs {
    /// Folder of the page
    #[arg(long, default_value = "reports/claims")]
    out: PathBuf,
    /// Print JSON to standard output
    #[arg(long)]
    json: bool,
}

/// One comparison, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    claim: &'a str,
    table: &'a str,
    environment: &'a str,
    models: &'a [String; 2],
    iteration: Option<u64>,
    estimate: Estimate,
    verdict: String,
}

pub(super) fn run(args: &ClaimsArgs) -> Result<Done> {
    let _lock = Lock::folder(&args.out)?;
    let judged: Vec<(&PrintedClaim, Vec<Compared>)> =
        printed_claim::all().iter().map(|claim| (claim, claim.compared())).collect();
    if args.json {
        terminal::print_json(
            &judged.iter().flat_map(|(claim, all)| lines(claim, all)).collect::<Vec<_>>(),
        )?;
    }
    let mut sections: Vec<Section> =
        judged.iter().map(|(claim, all)| printed_claims::section(claim, all)).collect();
    for section in sections.iter().filter(|_| !args.json) {
        terminal::say!("{:10} {}", section.verdict, section.claim);
    }
    let command = format!("hyperl-analyze claims --out {}", shell_words(&[&args.out]));
    let finding = printed_claims::finding(&judged);
    let source = Source::of_checkpoints(&command, Vec::new());
    let closing = write(&args.out, TITLE, TITLE, &finding, &source)?;
    if let Some(last) = sections.last_mut() {
        let Section { how_measured, does_not_show, command, files, provenance, .. } = closing;
        *last = Section { how_measured, does_not_show, command, files, provenance, ..last.clone() };
    }
    write_page(&args.out, &Page { title: TITLE.into(), sections })?;
    terminal::note!("wrote {}", args.out.join("report.md").display());
    Ok(Done::Finished)
}

fn lines<'a>(claim: &'a PrintedClaim, all: &'a [Compared]) -> impl Iterator<Item = Line<'a>> {
    all.iter().map(|one| Line {
        claim: &claim.name,
        table: &one.table,
        environment: &one.env,
        models: &one.models,
        iteration: one.iteration,
        estimate: one.estimate,
        verdict: one.verdict.to_string(),
    })
}
