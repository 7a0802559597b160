//! `hyperl-analyze maml-noise`: how much MAML's updates differ.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::finding::{self, Source};
use super::output::{origins, shell_words, write_page};
use super::program::Done;
use super::progress::Progress;
use super::threads::Threads;
use super::{signals, terminal};
use crate::analysis::measure::kept::{Stopped, UNITS, in_turn};
use crate::analysis::measure::maml_noise::{Noise, NoiseSettings, maml_noise};
use crate::analysis::select;
use crate::checkpoint::lock::Lock;
use crate::checkpoint::{Checkpoint, disk};
use crate::env::TaskList;
use crate::error::Result;
use crate::report::{Page, fixed, interval, to_json, update_noise};

#[derive(Debug, Args)]
pub(super) struct MamlNoiseArgs {
    /// Checkpoints of MAML runs, or quoted patterns of them; of a run, all
    #[arg(long = "ckpt", value_name = "PATH", required = true, num_args = 1..)]
    checkpoints: Vec<PathBuf>,
    /// Independent updates from each checkpoint
    #[arg(long, default_value_t = 50)]
    updates: usize,
    /// Independent evaluations of each update's policy
    #[arg(long, default_value_t = 2)]
    evaluations: usize,
    /// Episodes per task of one evaluation
    #[arg(long, default_value_t = 20)]
    episodes: usize,
    /// Tasks of the evaluations [test, train]
    #[arg(long, default_value = "test")]
    tasks: TaskList,
    /// Step of adaptations in the updates [default: that of the run]
    #[arg(long, allow_negative_numbers = true)]
    inner_lr: Option<f64>,
    /// Folder of tables and figures, and of every single update: an interrupted study goes on
    #[arg(long, default_value = "reports/maml-noise")]
    out: PathBuf,
    #[command(flatten)]
    threads: Threads,
    /// Print the results as JSON to standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &MamlNoiseArgs) -> Result<Done> {
    let settings = settings(args)?;
    let points = select::maml_checkpoints(&args.checkpoints)?;
    select::one_figure(&points)?;
    let workers = args.threads.workers()?;
    let _lock = Lock::folder(&args.out)?;
    let noises = match measure(&points, &settings, &args.out.join(UNITS), &workers)? {
        ControlFlow::Continue(noises) => noises,
        ControlFlow::Break(done) => return Ok(done),
    };
    let NoiseSettings { updates, evaluations, episodes, on, inner_lr } = &settings;
    let command = format!(
        "hyperl-analyze maml-noise --ckpt {} --updates {updates} --evaluations {evaluations} --episodes \
         {episodes} --tasks {}{} --out {}",
        shell_words(&args.checkpoints),
        on.name(),
        inner_lr.map_or_else(String::new, |rate| format!(" --inner-lr {rate:e}")),
        shell_words(&[&args.out])
    );
    write_returns(&args.out, &noises)?;
    let found = update_noise::finding(&noises, &settings);
    let source = Source::of_checkpoints(&command, origins(&points)).with(&settings)?;
    let title = "How much independent updates of MAML differ";
    let section = finding::write(&args.out, title, title, &found, &source)?;
    write_page(&args.out, &Page { title: title.into(), sections: vec![section] })?;
    if args.json {
        terminal::print_json(&noises)?;
    } else {
        print(&noises)?;
    }
    terminal::note!("wrote {}", args.out.join("report.md").display());
    Ok(Done::Finished)
}

/// Measures checkpoints, each in a folder of its own below `units`, until a signal asks for a stop.
pub(super) fn measure(
    points: &[Checkpoint],
    settings: &NoiseSettings,
    units: &Path,
    workers: &Arc<rayon::ThreadPool>,
) -> Result<ControlFlow<Done, Vec<Noise>>> {
    signals::save_and_stop();
    let progress = Progress::new(points.len() * settings.updates, "updates");
    let mut noises = Vec::new();
    for (index, point) in points.iter().enumerate() {
        let name = format!("{}-{}", point.config().run_name(), point.manifest().step);
        progress.bar.set_prefix(name.clone());
        let folder = units.join(format!("{name}-{}", settings.resolved(point)?.key()?));
        disk::create_dir(units)?;
        let Some(_lock) = in_turn(&folder, &progress)? else {
            return Ok(ControlFlow::Break(progress.stopped(Stopped { saved: !noises.is_empty() })));
        };
        progress.bar.set_position((index * settings.updates) as u64);
        let Some(noise) = maml_noise(point, settings, &folder, workers, &progress)? else {
            return Ok(ControlFlow::Break(progress.stopped(Stopped { saved: true })));
        };
        noises.push(noise);
    }
    progress.bar.finish_and_clear();
    Ok(ControlFlow::Continue(noises))
}

fn settings(args: &MamlNoiseArgs) -> Result<NoiseSettings> {
    let MamlNoiseArgs { updates, evaluations, episodes, inner_lr, tasks: on, .. } = *args;
    let settings = NoiseSettings { updates, evaluations, episodes, on, inner_lr };
    settings.check()?;
    Ok(settings)
}

pub(super) fn write_returns(folder: &Path, noises: &[Noise]) -> Result<()> {
    disk::write(&folder.join("returns.json"), to_json(&noises)?.as_bytes())
}

fn print(noises: &[Noise]) -> Result<()> {
    for Noise { env, model, iteration, before, variation: v, .. } in noises {
        terminal::say!("{env} {model}, iteration {iteration}: return before {}", fixed(*before, 1));
        let show = |e: crate::stats::Estimate| interval(&e);
        terminal::say!("  after one update   {}", show(v.mean));
        terminal::say!("  σ/|μ|              {}", show(v.coefficient_of_variation));
        terminal::say!("  SD                 {}", show(v.sd));
        terminal::say!("  SD of the update   {}", show(v.update_sd));
        if let Some(gain) = &v.improvement {
            terminal::say!("  ΔJ / SD            {}", show(gain.signal_to_noise));
        }
        if let Some(directions) = &v.directions {
            terminal::say!("  cosine of updates  {}", show(directions.cosine));
        }
    }
    Ok(())
}
