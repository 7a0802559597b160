//! `hyperl-analyze compare-critics`: two critics under one frozen policy, state by state and in the space of
//! its weights.

mod page;

use std::path::PathBuf;

use clap::Args;

use self::page::Findings;
use super::finding::Source;
use super::output::{origin, shell_words, write_page, write_provenance};
use super::settings::whole;
use super::shared::{self, Done};
use crate::analysis::measure::compare_critics::{check, compare};
use crate::analysis::summary::Interval;
use crate::checkpoint::disk;
use crate::checkpoint::lock::Lock;
use crate::error::Result;
use crate::gradient::Settings;
use crate::report::{fixed, to_json};

#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// The checkpoint whose policy and states are used, and whose critic is the first
    #[arg(long = "ckpt", value_name = "PATH")]
    checkpoint: PathBuf,
    /// The checkpoint whose critic is compared with it
    #[arg(long, value_name = "PATH")]
    against: PathBuf,
    /// States; with fewer than about 500 the error α is not shown
    #[arg(long, default_value_t = 500)]
    states: usize,
    /// Steps of a rollout [default: the first with γʰ < 0.001]
    #[arg(long)]
    horizon: Option<u32>,
    /// Seed of states and perturbations
    #[arg(long, default_value_t = 0, value_parser = whole)]
    seed: u64,
    /// Worker threads; results do not depend on it [default: the processors]
    #[arg(long)]
    threads: Option<usize>,
    /// Folder of table and figure
    #[arg(long, default_value = "reports/compare-critics")]
    out: PathBuf,
    /// Print JSON to standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CompareArgs) -> Result<Done> {
    let settings = Settings {
        states: args.states,
        adaptive: None,
        horizon: args.horizon,
        seed: args.seed,
        ..Settings::lab()
    }
    .validated()?;
    let (first, against) =
        (shared::one_checkpoint(&args.checkpoint)?, shared::one_checkpoint(&args.against)?);
    check(&first, &against)?;
    let _lock = Lock::folder(&args.out)?;
    let workers = shared::workers(args.threads.unwrap_or_else(shared::processors))?;
    let spinner = shared::spinner("steps");
    let found = compare(&first, &against, &settings, (&workers, &|steps| spinner.inc(steps)))?;
    spinner.finish_and_clear();
    let json = to_json(&found)?;
    disk::write(&args.out.join("comparison.json"), json.as_bytes())?;
    let command = command(args);
    let source =
        Source::of_checkpoints(&command, [&first, &against].map(origin).into()).with(&settings)?;
    write_provenance(&args.out, &source)?;
    let checkpoints = [&first, &against];
    let (found, settings, command) = (&found, &settings, &command);
    let findings = Findings { found, checkpoints, settings, command };
    write_page(&args.out, &findings.page(&args.out)?)?;
    if args.json {
        shared::print_json(found)?;
    } else {
        print(&findings)?;
    }
    for warning in page::warnings(found) {
        shared::note!("warning: {warning}");
    }
    shared::note!("wrote {}", args.out.join("report.md").display());
    Ok(Done::Finished)
}

/// The command that makes the folder again.
fn command(args: &CompareArgs) -> String {
    let [ckpt, against, out] =
        [&args.checkpoint, &args.against, &args.out].map(|path| shell_words(&[path]));
    let horizon = args.horizon.map_or(String::new(), |h| format!(" --horizon {h}"));
    let (states, seed) = (args.states, args.seed);
    format!(
        "hyperl-analyze compare-critics --ckpt {ckpt} --against {against} --states {states} --seed {seed}{horizon} \
         --out {out}"
    )
}

/// Writes a difference with its sign; what is 0 to three places is +0.000.
fn signed(difference: f64) -> String {
    let text = fixed(difference, 3);
    if text.starts_with('−') || !difference.is_finite() { text } else { format!("+{text}") }
}

fn print(findings: &Findings) -> Result<()> {
    let found = findings.found;
    let text = |i: Interval| shared::interval(i.mean, i.low, i.high);
    shared::say!("{}, policy of {}, {} states", found.env, found.policy, found.states);
    shared::say!(
        "  cosine of the policy gradient   {}  critic of {}",
        text(found.cosine),
        found.policy
    );
    shared::say!(
        "                                  {}  critic of {}",
        text(found.against_cosine),
        found.against
    );
    shared::say!("  progress ratio cos²/cos²        {}", text(found.progress_ratio));
    match found.alpha {
        Some(alpha) => shared::say!("  error α of the first            {}", text(alpha)),
        None => shared::say!(
            "  error α of the first            not shown: its estimate needs about 500 states, {} are usable",
            found.states
        ),
    }
    shared::say!(
        "  ratio of Proposition 1          {:>7}  (worst-case bound, its constants cancel)",
        fixed(found.proposition_ratio, 3)
    );
    for l in &found.learnable {
        shared::say!(
            "  states with cosine > {:4}       {:7.3} and {:.3}: {} [{}, {}]",
            l.tau,
            l.share,
            l.against_share,
            signed(l.difference.mean),
            signed(l.difference.low),
            signed(l.difference.high)
        );
    }
    let curve = &found.learnable_curve;
    shared::say!(
        "  band for all τ from 0 to 1      {:>7}  {}",
        format!("±{}", fixed(curve.half_width, 3)),
        findings.excluded()
    );
    Ok(())
}
