//! `hyperl-analyze diagnose`: why a gradient can or cannot be resolved.

use std::path::{Path, PathBuf};

use clap::Args;

use super::finding::Source;
use super::output::{origins, shell_words, versions, write_figures, write_page, write_provenance};
use super::program::Done;
use super::settings::whole;
use super::threads::Threads;
use super::worker::WorkerArgs;
use super::{progress, signals, terminal};
use crate::analysis::measure::diagnose::{Diagnosis, Scale, diagnose};
use crate::analysis::measure::subject::with_source;
use crate::analysis::summary::Interval;
use crate::checkpoint::disk;
use crate::checkpoint::lock::Lock;
use crate::error::Result;
use crate::gradient::Settings;
use crate::report::{
    Axis, Cell, Headline, Page, Panel, Point, Reference, Section, Series, Table, fixed, to_json,
};

#[derive(Debug, Args)]
pub(super) struct DiagnoseArgs {
    /// Checkpoints, runs, or quoted patterns of either
    #[arg(long = "ckpt", value_name = "PATH", required = true, num_args = 1..)]
    checkpoints: Vec<PathBuf>,
    /// States of each checkpoint
    #[arg(long, default_value_t = 30)]
    states: usize,
    /// Steps of a rollout [default: the first with γʰ < 0.001]
    #[arg(long)]
    horizon: Option<u32>,
    /// Seed of states and perturbations
    #[arg(long, default_value_t = 0, value_parser = whole)]
    seed: u64,
    #[command(flatten)]
    threads: Threads,
    /// Folder of tables and figures
    #[arg(long, default_value = "reports/diagnose")]
    out: PathBuf,
    /// Print the findings as JSON to standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    worker: WorkerArgs,
}

pub(super) fn run(args: &DiagnoseArgs) -> Result<Done> {
    let settings = Settings {
        states: args.states,
        adaptive: None,
        horizon: args.horizon,
        seed: args.seed,
        ..Settings::lab()
    }
    .validated()?;
    let checkpoints = args.worker.checkpoints(&args.checkpoints)?;
    let settings = with_source(settings, &checkpoints)?;
    let workers = args.threads.workers()?;
    let _lock = Lock::folder(&args.out)?;
    signals::save_and_stop();
    let mut found = Vec::new();
    for checkpoint in &checkpoints {
        let spinner = progress::spinner(&format!("{}: steps", checkpoint.path().display()));
        let progress = |steps| spinner.inc(steps);
        found.push(diagnose(checkpoint, &settings, (&workers, &progress))?);
        spinner.finish_and_clear();
        // Written after each, so that what was found is not lost to a signal.
        let json = to_json(&found)?;
        disk::write(&args.out.join("diagnosis.json"), json.as_bytes())?;
        if signals::stop_asked() && found.len() < checkpoints.len() {
            terminal::note!("stopped; {} of {} checkpoints done", found.len(), checkpoints.len());
            return Ok(Done::Stopped);
        }
    }
    let command = format!(
        "hyperl-analyze diagnose --ckpt {} --states {} --seed {}{}{} --out {}",
        shell_words(&args.checkpoints),
        args.states,
        args.seed,
        args.horizon.map_or(String::new(), |h| format!(" --horizon {h}")),
        args.worker.flags(),
        shell_words(&[&args.out])
    );
    let source = Source::of_checkpoints(&command, origins(&checkpoints)).with(&settings)?;
    write_provenance(&args.out, &source)?;
    let sections = found.iter().enumerate().map(|(i, d)| section(d, &args.out, i, &command));
    let sections = sections.collect::<Result<Vec<_>>>()?;
    let title = "Can this gradient be resolved?".to_owned();
    write_page(&args.out, &Page { title, sections })?;
    if args.json {
        terminal::print_json(&found)?;
    } else {
        found.iter().try_for_each(print)?;
    }
    terminal::note!("wrote {}", args.out.join("report.md").display());
    Ok(Done::Finished)
}

fn print(d: &Diagnosis) -> Result<()> {
    terminal::say!("{} {} at step {} ({} states drawn)", d.env, d.model, d.step, d.states);
    terminal::print(table(d).to_text()?.as_bytes())?;
    for line in agreement(d) {
        terminal::say!("  {line}");
    }
    for finding in &d.findings {
        terminal::say!("  - {finding}");
    }
    Ok(())
}

/// Says how well finite differences of several sizes agree with each other, and with the fit.
fn agreement(d: &Diagnosis) -> Vec<String> {
    let mut lines = Vec::new();
    for n in &d.differences {
        if n.agree.is_nan() {
            lines.push(format!(
                "finite differences of {:e} and {:e} over {} steps are 0 or undefined in every state: \
                 there is nothing to compare",
                n.larger, n.smaller, d.horizon
            ));
            continue;
        }
        lines.push(format!(
            "finite differences of {:e} and {:e} over {} steps agree in {} % of states, median cosine {}",
            n.larger,
            n.smaller,
            d.horizon,
            fixed(100.0 * n.agree, 0),
            fixed(n.median, 3)
        ));
    }
    lines.push(match d.fit_against_differences_states {
        0 => "no state has its action so far inside that pairs and differences are about the same one".into(),
        n => format!(
            "gradient at σ = {} against differences of 1e-3: mean cosine {} over the {n} states whose action \
             both are about",
            d.sweep[0].std,
            fixed(d.fit_against_differences.mean, 3)
        ),
    });
    lines
}

/// Draws the figures of one checkpoint and returns its section; `number` is its place on the page.
fn section(d: &Diagnosis, out: &Path, number: usize, command: &str) -> Result<Section> {
    let title = format!("{} {} at step {}", d.env, d.model, d.step);
    let folder = if number == 0 { out.to_owned() } else { out.join(number.to_string()) };
    disk::create_dir(&folder)?;
    let subtitle = format!(
        "{} states drawn; agreement: cosine of differences of 1e-3 and 1e-4 above 0.99",
        d.states
    );
    let panels = vec![chaos(d), sweep(d)];
    let mut figures = write_figures(&folder, &title, &subtitle, &title, panels)?;
    if number > 0 {
        for figure in &mut figures {
            figure.file = format!("{number}/{}", figure.file);
        }
    }
    Ok(Section {
        title,
        headline: d.sweep.first().map(|s| Headline {
            label: format!("what an exactly right critic would show at σ = {}", s.std),
            estimate: s.ceiling.over(s.usable),
            unit: String::new(),
        }),
        figures,
        table: Some(table(d)),
        how_measured: format!(
            "{}\n\nA bank of rollouts at each size σ of the perturbations: inside the box, with the policy's action \
             pulled σ away from the bound, and around the policy for κ (see `cosine`). `own` compares the critic's \
             gradient, smoothed over the same perturbations, with its local one. Finite differences are two-sided along each coordinate, around the \
             policy's action pulled inside ±0.9; they are the gradient only where those of neighbouring \
             sizes agree (cosine above 0.99):\n\n{}",
            d.findings.iter().map(|f| format!("{f}.")).collect::<Vec<_>>().join("\n\n"),
            agreement(d).iter().map(|line| format!("- {line}")).collect::<Vec<_>>().join("\n")
        ),
        does_not_show:
            "Gradient and differences speak about different functions: Q smoothed at the scale of σ, \
                        and Q itself. Where they disagree both can be right."
                .into(),
        command: command.into(),
        provenance: versions(),
        ..Section::default()
    })
}

/// Agreement of finite differences against the horizon.
fn chaos(d: &Diagnosis) -> Panel {
    let points = d.chaos.iter().map(|r| Point::new(f64::from(r.horizon), r.agree)).collect();
    Panel {
        title: "How long differences agree".into(),
        x: Axis::new("steps of the return", ""),
        y: Axis::new("states in which differences agree", "share").with_range(0.0, 1.0),
        series: vec![Series::line(&d.model, points, 1)],
        references: vec![Reference::level("limit of H*", crate::gradient::differences::MOST)],
    }
}

/// Raw and corrected cosine and the ceiling against σ.
fn sweep(d: &Diagnosis) -> Panel {
    let points = |f: fn(&Scale) -> Interval| -> Vec<Point> {
        let mut lines: Vec<&Scale> = d.sweep.iter().collect();
        lines.sort_by(|a, b| a.std.total_cmp(&b.std));
        let point = |s: &&Scale| {
            let i = f(s);
            Point::estimate(s.std, &i.over(s.usable))
        };
        lines.iter().map(point).collect()
    };
    Panel {
        title: "Scale of the perturbation".into(),
        x: Axis::new("standard deviation σ", "action half-ranges"),
        y: Axis::new("mean cosine", ""),
        series: vec![Series::line(&d.model, points(|s| s.raw), 1)],
        references: vec![
            Reference::curve("ceiling", points(|s| s.ceiling)),
            Reference::level("chance", 0.0),
        ],
    }
}

fn table(d: &Diagnosis) -> Table {
    let names = ["σ", "states", "raw", "ceiling", "inside", "status", "κ", "ceiling of κ", "own"];
    let row = |s: &Scale| {
        let interval = |i: Interval| Cell::Interval(i.over(s.usable));
        vec![
            Cell::number(s.std),
            Cell::text(s.usable.to_string()),
            interval(s.raw),
            interval(s.ceiling),
            interval(s.inside),
            Cell::text(s.status.to_string()),
            interval(s.kappa),
            interval(s.kappa_ceiling),
            interval(s.own),
        ]
    };
    Table::of(names, d.sweep.iter().map(row))
}
