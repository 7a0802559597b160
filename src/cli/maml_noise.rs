//! `hyperl-analyze maml-noise`: how much MAML's updates differ.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::cosine::UNITS;
use super::output::{self, Origin, shell_words, write_page, write_provenance};
use super::shared::{self, Done};
use super::unit_lock;
use crate::analysis::measure::maml_noise::{Noise, NoiseSettings, Progress, maml_noise};
use crate::analysis::select;
use crate::checkpoint::lock::Lock;
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::{Checkpoint, disk};
use crate::env::TaskList;
use crate::error::Result;
use crate::report::update_noise::{figure_5, table_1};
use crate::report::{Page, PageFigure, Section, fixed, interval, render_violins, to_json};

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
    settings: &'p NoiseSettings,
    versions: Versions,
    checkpoints: Vec<Origin>,
}

/// How it is measured.
const MEASURED: &str = "Each update draws its own tasks (with replacement, as many as one of training) and trajectories, makes one \
    trust-region step, and is undone. Its policy is evaluated before adaptation, with actions drawn, on the \
    tasks named above; evaluation k of every update and of the policy before any starts from the same \
    states and draws the same noise. σ/|μ| and variance have divisor N as in the paper; the interval of \
    σ/|μ| comes from the noncentral t distribution, the others from a bootstrap over updates (1000 and more \
    resamples). `SD of the update itself` has the noise of evaluations taken out. ΔJ is the return after \
    minus before.";

/// What it does not show.
const LIMITS: &str = "σ/|μ| compares a spread with a mean whose zero is arbitrary: a better policy on \
    rewards near zero has a smaller |μ| and a larger ratio (facts of the paper's own table: where its \
    Context-MAML has 44 to 264 times the ratio, it has 4 to 8 times the spread). The step of an adaptation \
    is 0.1 for the plain policies and 5e-5 for the hypernetwork, a difference that the paper does not \
    mention; `--inner-lr` measures both at one step.";

/// Runs the command.
pub(super) fn run(args: &MamlNoiseArgs) -> Result<Done> {
    let settings = settings(args)?;
    let points = select::maml_checkpoints(&args.checkpoints)?;
    let workers = shared::workers(args.threads.unwrap_or_else(shared::processors))?;
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
    let section = section(&args.out, &settings, (&points, &noises), command)?;
    let title = "How much independent updates of MAML differ";
    write_page(&args.out, &Page { title: title.into(), sections: vec![section] })?;
    if args.json {
        shared::print_json(&noises)?;
    } else {
        print(&noises)?;
    }
    shared::note!("wrote {}", args.out.join("report.md").display());
    Ok(Done::Finished)
}

/// Measures checkpoints, each in a folder of its own below `units`, until a signal asks for a stop.
pub(super) fn measure(
    points: &[Checkpoint],
    settings: &NoiseSettings,
    units: &Path,
    workers: &Arc<rayon::ThreadPool>,
) -> Result<ControlFlow<Done, Vec<Noise>>> {
    shared::save_and_stop();
    let bar = shared::progress_bar((points.len() * settings.updates) as u64, "updates");
    let mut noises = Vec::new();
    for (index, point) in points.iter().enumerate() {
        let name = format!("{}-{}", point.config().run_name(), point.manifest().step);
        bar.set_prefix(name.clone());
        let folder = units.join(format!("{name}-{}", settings.resolved(point)?.key()?));
        let update = |update: usize| {
            bar.set_position((index * settings.updates + update) as u64);
            !shared::stop_asked()
        };
        let damaged = |file: &Path| {
            bar.suspend(|| {
                shared::note!("{} is not as it was written: measured again", file.display());
            });
        };
        disk::create_dir(units)?;
        let Some(_lock) = unit_lock::take(&folder)? else {
            bar.abandon();
            shared::note!("stopped; what was measured before is kept");
            let unsaved = noises.is_empty();
            let done = if unsaved { Done::StoppedUnsaved } else { Done::Stopped };
            return Ok(ControlFlow::Break(done));
        };
        let progress = Progress { update: &update, damaged: &damaged };
        let Some(noise) = maml_noise(point, settings, &folder, workers, &progress)? else {
            bar.abandon();
            shared::note!("every update so far is saved; the same command goes on");
            return Ok(ControlFlow::Break(Done::Stopped));
        };
        noises.push(noise);
    }
    bar.finish_and_clear();
    Ok(ControlFlow::Continue(noises))
}

fn settings(args: &MamlNoiseArgs) -> Result<NoiseSettings> {
    let MamlNoiseArgs { updates, evaluations, episodes, inner_lr, tasks: on, .. } = *args;
    let settings = NoiseSettings { updates, evaluations, episodes, on, inner_lr };
    settings.check()?;
    Ok(settings)
}

/// Writes tables and figure into `folder`, and returns the section about them, without a claim.
pub(super) fn section(
    folder: &Path,
    settings: &NoiseSettings,
    (points, noises): (&[Checkpoint], &[Noise]),
    command: String,
) -> Result<Section> {
    let NoiseSettings { updates, evaluations, episodes, on, .. } = settings;
    let seeds = noises.iter().map(|noise| noise.seed).collect::<BTreeSet<_>>().len();
    let subtitle = format!(
        "{updates} updates each; {evaluations} × {episodes} episodes on each {} task, before adaptation; \
         training seeds: {seeds}",
        on.adjective()
    );
    let table = table_1(noises);
    let figure = figure_5(noises, subtitle.clone());
    let svg = render_violins(&figure)?;
    disk::create_dir(folder)?;
    disk::write(&folder.join("figure.svg"), svg.as_bytes())?;
    disk::write(&folder.join("summary.csv"), table.to_csv()?.as_bytes())?;
    let json = to_json(&noises)?;
    disk::write(&folder.join("returns.json"), json.as_bytes())?;
    let checkpoints = output::origins(points);
    let versions = Versions::current();
    write_provenance(folder, &Provenance { command: &command, settings, versions, checkpoints })?;
    Ok(Section {
        title: "Figure 5 and Table 1".into(),
        figures: vec![PageFigure { file: "figure.svg".into(), alt: figure.description, svg }],
        table: Some(table),
        how_measured: format!("{subtitle}.\n\n{MEASURED}"),
        does_not_show: LIMITS.into(),
        command,
        provenance: output::versions(),
        ..Section::default()
    })
}

/// Prints the spread of each checkpoint's updates.
fn print(noises: &[Noise]) -> Result<()> {
    for Noise { env, model, iteration, before, variation: v, .. } in noises {
        shared::say!("{env} {model}, iteration {iteration}: return before {}", fixed(*before, 1));
        let show = |e: crate::stats::Estimate| interval(&e);
        shared::say!("  after one update   {}", show(v.mean));
        shared::say!("  σ/|μ|              {}", show(v.coefficient_of_variation));
        shared::say!("  SD                 {}", show(v.sd));
        shared::say!("  SD of the update   {}", show(v.update_sd));
        if let Some(gain) = &v.improvement {
            shared::say!("  ΔJ / SD            {}", show(gain.signal_to_noise));
        }
        if let Some(directions) = &v.directions {
            shared::say!("  cosine of updates  {}", show(directions.cosine));
        }
    }
    Ok(())
}
