//! `hyperl-analyze maml-adaptation`: what an adaptation step does, at equal steps for all models.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::output::{self, Origin, shell_words, write_page, write_provenance};
use super::shared::{self, Done};
use crate::analysis::measure::maml_adaptation::{Adaptation, maml_adaptation};
use crate::analysis::select;
use crate::checkpoint::disk;
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::meta::MetaCheckpoint;
use crate::error::{Error, Result};
use crate::report::theme::model_label;
use crate::report::{Cell, Column, Page, Section, Table, Verdict, interval, significant};

#[derive(Debug, Args)]
pub(super) struct AdaptationArgs {
    /// Checkpoints of MAML runs, or quoted patterns of them; of a run, all
    #[arg(long = "ckpt", value_name = "PATH", required = true, num_args = 1..)]
    checkpoints: Vec<String>,
    /// Steps η to adapt with, besides each run's own
    #[arg(long, value_name = "RATE", num_args = 1.., value_delimiter = ',', default_values_t = [5e-5, 1e-3, 1e-2, 1e-1])]
    rates: Vec<f64>,
    /// Episodes per test task, before adaptation and again after it
    #[arg(long, default_value_t = 20)]
    episodes: usize,
    /// Folder of the table and the page
    #[arg(long, default_value = "reports/maml-adaptation")]
    out: PathBuf,
    /// Worker threads; results do not depend on it [default: the processors]
    #[arg(long)]
    threads: Option<usize>,
    /// Print the results as JSON to standard output
    #[arg(long)]
    json: bool,
}

/// Where the numbers come from.
#[derive(Debug, Serialize)]
struct Provenance<'p> {
    command: &'p str,
    versions: Versions,
    checkpoints: Vec<Origin>,
}

/// The claim of the paper (§5.3).
const CLAIM: &str = "A hypernetwork of the context needs no adaptation step at test time: before adaptation it \
    does as well as after it.";

const MEASURED: &str = "Each test task is played under θ, adapted to with one gradient step of size η on those \
    episodes, and played again; all η start from the same states and draw the same noise. ‖φ − θ‖ is over all \
    parameters; the divergence is that of the actions' distribution from the one before, over the states of \
    the episodes before. The gain's interval is a 95 % t interval over tasks.";

const LIMITS: &str = "Policies were trained at their own η, marked with a star: at another one the step is not \
    what training prepared them for. A gain that is not told from 0 where the policy hardly moved says \
    nothing of the model.";

/// Divergence below which a step is said to have changed nothing, nats: a tenth of the bound on one
/// update of the policy.
const NOTHING: f64 = 1e-3;

/// Seeds from which a verdict is given.
const SEEDS: usize = 5;

/// Runs the command.
pub(super) fn run(args: &AdaptationArgs) -> Result<Done> {
    if args.episodes == 0 {
        return Err(Error::Usage("--episodes must be at least 1".into()));
    }
    if let Some(bad) = args.rates.iter().find(|rate| !(rate.is_finite() && **rate >= 0.0)) {
        return Err(Error::Usage(format!("--rates must be 0 or more, got {bad}")));
    }
    let points = select::meta_checkpoints(&args.checkpoints)?;
    let workers = shared::workers(args.threads.unwrap_or_else(shared::processors))?;
    shared::watch_signals()?;
    let rates: Vec<Vec<f64>> = points.iter().map(|point| rates_of(args, point)).collect();
    let bar = shared::progress_bar(rates.iter().map(|r| r.len() as u64).sum(), "adaptations");
    let mut all = Vec::new();
    for (point, rates) in points.iter().zip(&rates) {
        for rate in rates {
            if shared::stop_asked() {
                bar.abandon();
                eprintln!("stopped; nothing was written");
                return Ok(Done::Stopped);
            }
            all.push(maml_adaptation(point, (args.episodes, Some(*rate)), &workers)?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    write(args, &points, &all)?;
    if args.json {
        shared::print_json(&all)?;
    } else {
        for a in &all {
            let star = if a.own { "*" } else { "" };
            shared::say!(
                "{} {:16} iteration {:<5} η {:>7}{star:1} KL {:>9}  gain {}",
                a.env,
                a.model,
                a.iteration,
                format!("{:e}", a.inner_lr),
                significant(a.divergence, 2),
                interval(&a.gain)
            );
        }
    }
    eprintln!("wrote {}", args.out.join("report.md").display());
    Ok(Done::Finished)
}

/// The steps asked for and the run's own, in order.
fn rates_of(args: &AdaptationArgs, point: &MetaCheckpoint) -> Vec<f64> {
    let mut rates = args.rates.clone();
    rates.push(point.manifest().config.inner_lr());
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    rates
}

fn table(all: &[Adaptation]) -> Table {
    let names =
        ["family", "model", "seed", "iteration", "η", "‖φ − θ‖", "KL", "before", "after", "gain"];
    let mut table =
        Table::new(names.map(|name| Column::new(name, if name == "KL" { "nats" } else { "" })));
    let row = |a: &Adaptation| {
        vec![
            Cell::text(&*a.env),
            Cell::text(&*model_label(&a.model)),
            Cell::text(a.seed.to_string()),
            Cell::text(a.iteration.to_string()),
            Cell::text(format!("{:e}{}", a.inner_lr, if a.own { " *" } else { "" })),
            Cell::number(a.distance),
            Cell::number(a.divergence),
            Cell::number(a.before),
            Cell::number(a.after),
            Cell::Interval(a.gain),
        ]
    };
    table.rows = all.iter().map(row).collect();
    table
}

/// What the adaptations of hypernetworks at their own η say about the claim.
fn judge(all: &[Adaptation]) -> (Verdict, String) {
    let own: Vec<&Adaptation> = all.iter().filter(|a| a.own && a.model == "hyper").collect();
    if own.is_empty() {
        return (Verdict::NotTested, "There is no checkpoint of Hyper-MAML.".into());
    }
    let describe = |a: &&Adaptation| {
        let moved = if a.divergence < NOTHING {
            "the step hardly changes the policy, so that no gain could be expected of it"
        } else {
            "the step changes the policy"
        };
        format!(
            "{} at iteration {}: at its own η = {:e} the gain is {} at a divergence of {} nats: {moved}.",
            a.env,
            a.iteration,
            a.inner_lr,
            interval(&a.gain),
            significant(a.divergence, 2)
        )
    };
    let mut reason: Vec<String> = own.iter().map(describe).collect();
    let seeds = own.iter().map(|a| a.seed).collect::<std::collections::BTreeSet<_>>().len();
    if seeds < SEEDS {
        reason.push(format!(
            "With {seeds} of {SEEDS} training seeds that is about these checkpoints."
        ));
    }
    let verdict = if seeds < SEEDS || own.iter().any(|a| a.divergence < NOTHING) {
        Verdict::Undecided
    } else if own.iter().all(|a| a.gain.high <= 0.0) {
        Verdict::Holds
    } else if own.iter().any(|a| a.gain.low > 0.0) {
        Verdict::Fails
    } else {
        Verdict::Undecided
    };
    (verdict, reason.join(" "))
}

fn write(args: &AdaptationArgs, points: &[MetaCheckpoint], all: &[Adaptation]) -> Result<()> {
    let rates = args.rates.iter().map(|rate| format!("{rate:e}")).collect::<Vec<_>>().join(" ");
    let command = format!(
        "hyperl-analyze maml-adaptation --ckpt {} --rates {rates} --episodes {} --out {}",
        shell_words(&args.checkpoints),
        args.episodes,
        shell_words(&[args.out.display().to_string()])
    );
    disk::create_dir(&args.out)?;
    let table = table(all);
    disk::write(&args.out.join("summary.csv"), table.to_csv()?.as_bytes())?;
    let checkpoints = points.iter().map(output::meta_origin).collect();
    let versions = Versions::current();
    write_provenance(&args.out, &Provenance { command: &command, versions, checkpoints })?;
    let (verdict, reason) = judge(all);
    let title = "What an adaptation step does, at equal steps";
    let section = Section {
        title: title.into(),
        claim: CLAIM.into(),
        verdict,
        reason,
        table: Some(table),
        how_measured: format!("{} episodes per test task. {MEASURED}", args.episodes),
        does_not_show: LIMITS.into(),
        command,
        provenance: output::versions(),
        ..Section::default()
    };
    write_page(&args.out, &Page { title: title.into(), sections: vec![section] })
}
