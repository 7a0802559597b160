//! `hyperl-analyze value-error`: are better values better gradients?

use std::ops::{ControlFlow, RangeInclusive};
use std::path::PathBuf;

use clap::Args;

use super::finding::{Source, write_answered};
use super::output::shell_words;
use super::program::Done;
use super::progress::Progress;
use super::settings::{parse_seeds, whole};
use super::threads::Threads;
use super::{signals, terminal};
use crate::analysis::measure::kept::{Keeper, UNITS};
use crate::analysis::measure::value_error::{Learned, Targets, Unit};
use crate::checkpoint::lock::Lock;
use crate::error::{Error, Result};
use crate::nn::critic::CriticKind;
use crate::report::value_error::{answers, finding, groups, shares, table};

const TITLE: &str = "Are better values better gradients?";

/// Times that each critic is measured while it learns.
const LOOKS: u64 = 10;

#[derive(Debug, Args)]
pub(super) struct ValueErrorArgs {
    /// Critics that learn
    #[arg(long, value_name = "KIND", num_args = 1.., default_values_t = [
        CriticKind::MlpSmall, CriticKind::MlpStandard, CriticKind::QD2rl
    ])]
    critic: Vec<CriticKind>,
    /// What they regress on
    #[arg(long, value_name = "KIND", num_args = 1.., default_values_t = Targets::ALL)]
    targets: Vec<Targets>,
    /// Amounts of transitions that they learn from
    #[arg(long, value_name = "N", num_args = 1.., default_values_t = [1000, 10_000])]
    data: Vec<usize>,
    /// Standard deviations of the noise on their actions, in action half-ranges
    #[arg(long, value_name = "STD", num_args = 1.., default_values_t = [0.1, 0.5], allow_negative_numbers = true)]
    exploration: Vec<f64>,
    /// Updates of each critic
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = whole)]
    updates: u64,
    /// Fraction of the weights that slow copies take over every second update
    #[arg(long, default_value_t = 0.005)]
    tau: f64,
    /// Seeds, each with a system of its own: 0..5 means 0, 1, 2, 3, 4 and 5
    #[arg(long, default_value = "0..5", value_parser = parse_seeds)]
    seeds: RangeInclusive<u64>,
    #[command(flatten)]
    threads: Threads,
    /// Folder of tables and figures
    #[arg(long, default_value = "reports/value-error")]
    out: PathBuf,
    /// Print the shares as JSON to standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ValueErrorArgs) -> Result<Done> {
    let units = units(args)?;
    signals::save_and_stop();
    let workers = args.threads.workers()?;
    let out = &args.out;
    let _lock = Lock::folder(out)?;
    let progress = Progress::new(units.len(), "critics");
    let kept = out.parent().unwrap_or(out).join(UNITS);
    let keeper = Keeper { units: &kept, workers: &workers, listener: &progress };
    let all = match keeper.learned(&units)? {
        ControlFlow::Continue(all) => all,
        ControlFlow::Break(stopped) => return Ok(progress.stopped(stopped)),
    };
    progress.bar.finish_and_clear();
    let answers = answers(&all);
    write(args, &all, &answers)?;
    if args.json {
        let of = groups(&all).into_iter().map(|group| shares(&all, group));
        terminal::print_json(&of.collect::<Vec<_>>())?;
    } else {
        terminal::print_answers(&answers, &table(&all))?;
    }
    terminal::note!("wrote {}", out.join("report.md").display());
    Ok(Done::Finished)
}

/// Returns the critics that are asked for, those of one seed one after the other.
fn units(args: &ValueErrorArgs) -> Result<Vec<Unit>> {
    let ValueErrorArgs { updates, tau, .. } = *args;
    let bad = |what: String| Err(Error::Usage(what));
    if updates == 0 || args.data.contains(&0) {
        return bad("--updates and --data must be at least 1, got 0".into());
    }
    if !(tau > 0.0 && tau <= 1.0) {
        return bad(format!("--tau must be above 0 and at most 1, got {tau}"));
    }
    if let Some(std) = args.exploration.iter().find(|std| !(0.0..=10.0).contains(*std)) {
        return bad(format!("--exploration must be from 0 to 10, got {std}"));
    }
    let mut units = Vec::new();
    for seed in args.seeds.clone() {
        for &targets in &args.targets {
            for &exploration in &args.exploration {
                for &data in &args.data {
                    for &critic in &args.critic {
                        let looks = LOOKS;
                        let unit =
                            Unit { critic, targets, data, exploration, tau, updates, looks, seed };
                        if units.contains(&unit) {
                            return bad(format!("{} is given twice; drop one", unit.name()));
                        }
                        units.push(unit);
                    }
                }
            }
        }
    }
    Ok(units)
}

fn write(args: &ValueErrorArgs, all: &[Learned], answers: &[String]) -> Result<()> {
    let command = format!(
        "hyperl-analyze value-error --critic {} --targets {} --data {} --exploration {} --updates {} --tau {} --seeds {}..{} --out {}",
        list(&args.critic),
        list(&args.targets),
        list(&args.data),
        list(&args.exploration),
        args.updates,
        args.tau,
        args.seeds.start(),
        args.seeds.end(),
        shell_words(&[&args.out])
    );
    let source = Source::of_checkpoints(&command, Vec::new());
    write_answered(&args.out, TITLE, answers, &finding(all), &source)
}

fn list(all: &[impl ToString]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
