//! `hyperl-analyze maml-adaptation`: what an adaptation step does, at equal steps for all models.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::output::{self, Origin, shell_words, write_page, write_provenance};
use super::shared::{self, Done};
use crate::analysis::measure::maml_adaptation::{Adaptation, AdaptationSettings, maml_adaptation};
use crate::analysis::select;
use crate::checkpoint::lock::Lock;
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::{Checkpoint, disk};
use crate::error::Result;
use crate::report::adaptation::table;
use crate::report::{Page, Section, interval, significant};

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

const MEASURED: &str = "Each test task is played under θ, adapted to with one gradient step of size η on those \
    episodes, and played again; all η start from the same states and draw the same noise. ‖φ − θ‖ is over all \
    parameters; the divergence is that of the actions' distribution from the one before, over the states of \
    the episodes before. The gain's interval is a 95 % t interval over tasks.";

const LIMITS: &str = "Policies were trained at their own η, marked with a star: at another one the step is not \
    what training prepared them for. A gain that is not told from 0 where the policy hardly moved says \
    nothing of the model.";

/// Runs the command.
pub(super) fn run(args: &AdaptationArgs) -> Result<Done> {
    let settings = AdaptationSettings { rates: args.rates.clone(), episodes: args.episodes };
    settings.check()?;
    let points = select::maml_checkpoints(&args.checkpoints)?;
    let workers = shared::workers(args.threads.unwrap_or_else(shared::processors))?;
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
    let section = section(&args.out, &settings, (&points, &all), command)?;
    let title = section.title.clone();
    write_page(&args.out, &Page { title, sections: vec![section] })?;
    if args.json {
        shared::print_json(&all)?;
    } else {
        print(&all)?;
    }
    shared::note!("wrote {}", args.out.join("report.md").display());
    Ok(Done::Finished)
}

/// Prints what each step did.
fn print(all: &[Adaptation]) -> Result<()> {
    for a in all {
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
    Ok(())
}

/// Adapts checkpoints at every step; `None` if a signal asked for a stop.
pub(super) fn measure(
    points: &[Checkpoint],
    settings: &AdaptationSettings,
    workers: &Arc<rayon::ThreadPool>,
) -> Result<Option<Vec<Adaptation>>> {
    shared::save_and_stop();
    let rates: Vec<Vec<f64>> =
        points.iter().map(|point| settings.rates_of(point)).collect::<Result<_>>()?;
    let bar = shared::progress_bar(rates.iter().map(|r| r.len() as u64).sum(), "adaptations");
    let mut all = Vec::new();
    for (point, rates) in points.iter().zip(&rates) {
        for rate in rates {
            if shared::stop_asked() {
                bar.abandon();
                shared::note!("stopped; nothing is saved");
                return Ok(None);
            }
            all.push(maml_adaptation(point, (settings.episodes, Some(*rate)), workers)?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(Some(all))
}

/// Writes the table into `folder`, and returns the section about it, without a claim.
pub(super) fn section(
    folder: &Path,
    settings: &AdaptationSettings,
    (points, all): (&[Checkpoint], &[Adaptation]),
    command: String,
) -> Result<Section> {
    disk::create_dir(folder)?;
    let table = table(all);
    disk::write(&folder.join("summary.csv"), table.to_csv()?.as_bytes())?;
    let checkpoints = output::origins(points);
    let versions = Versions::current();
    write_provenance(folder, &Provenance { command: &command, versions, checkpoints })?;
    Ok(Section {
        title: "What an adaptation step does, at equal steps".into(),
        table: Some(table),
        how_measured: format!("{} episodes per test task. {MEASURED}", settings.episodes),
        does_not_show: LIMITS.into(),
        command,
        provenance: output::versions(),
        ..Section::default()
    })
}
