//! `hyperl-analyze maml-adaptation`: what an adaptation step does, at equal steps for all models.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::finding::{self, Source};
use super::output::{origins, shell_words, write_page};
use super::program::Done;
use super::threads::Threads;
use super::{progress, signals, terminal};
use crate::analysis::measure::maml_adaptation::{Adaptation, AdaptationSettings, maml_adaptation};
use crate::analysis::select;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::lock::Lock;
use crate::error::Result;
use crate::report::{Page, adaptation, interval, significant};

#[derive(Debug, Args)]
pub(super) struct AdaptationArgs {
    /// Checkpoints of MAML runs, or quoted patterns of them; of a run, all
    #[arg(long = "ckpt", value_name = "PATH", required = true, num_args = 1..)]
    checkpoints: Vec<PathBuf>,
    /// Steps η to adapt with, besides each run's own
    #[arg(long, value_name = "RATE", num_args = 1.., value_delimiter = ',', allow_negative_numbers = true, default_values_t = [5e-5, 1e-3, 1e-2, 1e-1])]
    rates: Vec<f64>,
    /// Episodes per test task, before adaptation and again after it
    #[arg(long, default_value_t = 20)]
    episodes: usize,
    /// Folder of the table and the page
    #[arg(long, default_value = "reports/maml-adaptation")]
    out: PathBuf,
    #[command(flatten)]
    threads: Threads,
    /// Print the results as JSON to standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &AdaptationArgs) -> Result<Done> {
    let settings = AdaptationSettings { rates: args.rates.clone(), episodes: args.episodes };
    settings.check()?;
    let points = select::maml_checkpoints(&args.checkpoints)?;
    let workers = args.threads.workers()?;
    let _lock = Lock::folder(&args.out)?;
    let Some(all) = measure(&points, &settings, &workers)? else {
        return Ok(Done::StoppedUnsaved);
    };
    let rates = args.rates.iter().map(|rate| format!("{rate:e}")).collect::<Vec<_>>().join(" ");
    let command = format!(
        "hyperl-analyze maml-adaptation --ckpt {} --rates {rates} --episodes {} --out {}",
        shell_words(&args.checkpoints),
        args.episodes,
        shell_words(&[&args.out])
    );
    let found = adaptation::finding(&all, &settings);
    let source = Source::of_checkpoints(&command, origins(&points)).with(&settings)?;
    let title = "What an adaptation step does, at equal steps";
    let section = finding::write(&args.out, title, title, &found, &source)?;
    write_page(&args.out, &Page { title: title.into(), sections: vec![section] })?;
    if args.json {
        terminal::print_json(&all)?;
    } else {
        print(&all)?;
    }
    terminal::note!("wrote {}", args.out.join("report.md").display());
    Ok(Done::Finished)
}

fn print(all: &[Adaptation]) -> Result<()> {
    for a in all {
        let star = if a.own { "*" } else { "" };
        terminal::say!(
            "{} {:16} iteration {:<5} η {:>7}{star:1} KL {:>9}  gain {}",
            a.env,
            a.model,
            a.iteration,
            format!("{:e}", a.inner_lr),
            significant(a.divergence, 2),
            interval(&a.gain)
        );
    }
    Ok(())
}

/// Adapts checkpoints at every step; `None` if a signal asked for a stop.
pub(super) fn measure(
    points: &[Checkpoint],
    settings: &AdaptationSettings,
    workers: &Arc<rayon::ThreadPool>,
) -> Result<Option<Vec<Adaptation>>> {
    signals::save_and_stop();
    let rates: Vec<Vec<f64>> =
        points.iter().map(|point| settings.rates_of(point)).collect::<Result<_>>()?;
    let bar = progress::bar(rates.iter().map(|r| r.len() as u64).sum(), "adaptations");
    let mut all = Vec::new();
    for (point, rates) in points.iter().zip(&rates) {
        for rate in rates {
            if signals::stop_asked() {
                bar.abandon();
                terminal::note!("stopped; nothing is saved");
                return Ok(None);
            }
            all.push(maml_adaptation(point, (settings.episodes, *rate), workers)?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(Some(all))
}
