//! `hyperl-analyze self-test`: known answers, asked for on the machine at hand.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::output::{make_folder_of, shell_words};
use super::program::Done;
use super::settings::whole;
use super::threads::Threads;
use super::{progress, terminal};
use crate::analysis::self_test::characteristics::{characteristics, worlds};
use crate::analysis::self_test::{Row, Setup, ask_all, count, judge};
use crate::checkpoint::disk;
use crate::error::Result;
use crate::report::self_test::{answer, characteristics_page, table};

/// Draws behind each share.
const DRAWS: usize = 200;
/// The same with `--quick`.
const QUICK: usize = 20;
/// The same in the table of coverage.
const DRAWS_OF_TABLE: usize = 800;

#[derive(Debug, Args)]
pub(super) struct SelfTestArgs {
    /// A tenth of the draws: seconds in place of minutes, and shares that show coarse faults only
    #[arg(long)]
    quick: bool,
    /// Seed of states, designs and noise
    #[arg(long, default_value_t = 0, value_parser = whole)]
    seed: u64,
    #[command(flatten)]
    threads: Threads,
    /// Write how often intervals cover, as a Markdown table, in place of asking (half an hour)
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    table: Option<PathBuf>,
    /// Print the answers as JSON to standard output
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'r> {
    all_came_out: bool,
    answers: Vec<Line<'r>>,
}

/// A known answer.
#[derive(Serialize)]
struct Line<'r> {
    #[serde(flatten)]
    row: &'r Row,
    came_out: bool,
}

pub(super) fn run(args: &SelfTestArgs) -> Result<Done> {
    let workers = args.threads.workers()?;
    let draws = if args.quick { QUICK } else { DRAWS };
    let setup = Setup { draws, seed: args.seed, workers: &workers, judge: &judge };
    if let Some(file) = &args.table {
        return write_table(args, file, &setup);
    }
    let bar = progress::bar(count() as u64, "answers");
    let rows = ask_all(&setup, &|| bar.inc(1))?;
    bar.finish_and_clear();
    if args.json {
        let line = |row| Line { row, came_out: Row::came_out(row) };
        let answers: Vec<Line> = rows.iter().map(line).collect();
        let all_came_out = rows.iter().all(Row::came_out);
        terminal::print_json(&Json { all_came_out, answers })?;
    } else {
        terminal::print_answers(&[answer(&rows)], &table(&rows))?;
    }
    Ok(outcome(&rows))
}

fn outcome(rows: &[Row]) -> Done {
    if rows.iter().all(Row::came_out) { Done::Finished } else { Done::Failed }
}

fn write_table(args: &SelfTestArgs, file: &Path, setup: &Setup) -> Result<Done> {
    make_folder_of(file)?;
    let draws = if args.quick { QUICK } else { DRAWS_OF_TABLE };
    let bar = progress::bar(worlds() as u64, "worlds");
    let found = characteristics(&Setup { draws, ..*setup }, &|| bar.inc(1))?;
    bar.finish_and_clear();
    let quick = if args.quick { " --quick" } else { "" };
    let command = format!(
        "hyperl-analyze self-test{quick} --seed {} --table {}",
        args.seed,
        shell_words(&[file])
    );
    disk::write(file, characteristics_page(&found, &command)?.as_bytes())?;
    terminal::note!("wrote {}", file.display());
    Ok(Done::Finished)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::self_test::Check;

    #[test]
    fn one_wrong_answer_is_a_failure_of_the_program() {
        let row = |found| Row {
            answer: "exact critic",
            actor: "free",
            checks: vec![Check::near("κ", found, 1.0, 0.02)],
        };
        assert_eq!(outcome(&[row(1.01), row(0.99)]), Done::Finished);
        assert_eq!(outcome(&[row(1.01), row(0.97)]), Done::Failed);
    }
}
