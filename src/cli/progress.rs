//! `hyperl-analyze progress`: two critics under one frozen policy, in the space of its weights.

use clap::Args;

use super::shared::{self, Done};
use crate::analysis::measure::progress::{Progress, progress};
use crate::analysis::summary::Interval;
use crate::error::Result;
use crate::gradient::Settings;
use crate::report::fixed;

#[derive(Debug, Args)]
pub(super) struct ProgressArgs {
    /// The checkpoint whose policy and states are used, and whose critic is the first
    #[arg(long = "ckpt", value_name = "PATH")]
    checkpoint: String,
    /// The checkpoint whose critic is compared with it
    #[arg(long, value_name = "PATH")]
    against: String,
    /// States; with fewer than about 500 the error α is not shown
    #[arg(long, default_value_t = 500)]
    states: usize,
    /// Steps of a rollout [default: the first with γʰ < 0.001]
    #[arg(long)]
    horizon: Option<u32>,
    /// Seed of states and perturbations
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Worker threads; results do not depend on it [default: the processors]
    #[arg(long)]
    threads: Option<usize>,
    /// Print JSON to standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ProgressArgs) -> Result<Done> {
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
    let workers = shared::workers(args.threads.unwrap_or_else(shared::processors))?;
    let spinner = shared::spinner("steps");
    let found = progress(&first, &against, &settings, (&workers, &|steps| spinner.inc(steps)))?;
    spinner.finish_and_clear();
    if args.json {
        shared::print_json(&found)?;
    } else {
        print(&found)?;
    }
    Ok(Done::Finished)
}

fn print(found: &Progress) -> Result<()> {
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
            "  states with cosine > {:4}       {:7.3} and {:.3}: {:+.3} [{:+.3}, {:+.3}]",
            l.tau,
            l.share,
            l.against_share,
            l.difference.mean,
            l.difference.low,
            l.difference.high
        );
    }
    if !found.progress_ratio.mean.is_finite() {
        eprintln!("warning: a ratio of progress needs both policy gradients to point uphill");
    }
    if !found.cosine.mean.is_finite() {
        eprintln!(
            "warning: the true policy gradient is lost in noise; more --states or a shorter --horizon \
             may resolve it"
        );
    }
    Ok(())
}
