//! `hyperl-analyze report` and `returns`: figures of the paper from their specs, and learning curves.

use std::path::{Path, PathBuf};

use clap::Args;

use super::cosine::{Place, UNITS, measure_all};
use super::output::{
    self, Provenance, shell_words, summary_table, write_figures, write_page, write_provenance,
};
use super::shared::{self, Done};
use crate::analysis::measure::gradient_cosine::Against;
use crate::analysis::select;
use crate::analysis::spec::{Found, Measure, Missing, Spec};
use crate::analysis::summary::{Column, Summary, corrected_values, summarise};
use crate::analysis::table::{self, StateRow};
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::{Checkpoint, disk, run as runs};
use crate::error::Result;
use crate::report::study::{ReturnCurve, return_panels, state_panels};
use crate::report::verdict::{Contrast, RunValues, contrast, judge, table as contrast_table};
use crate::report::{Headline, Page, Section};
use crate::stats::summary;

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Specs, such as analyses/fig03-*.toml
    #[arg(required = true)]
    specs: Vec<PathBuf>,
    /// Folder of the runs
    #[arg(long, default_value = "checkpoints")]
    checkpoints: PathBuf,
    /// Go on without the runs that nobody has trained, and list them
    #[arg(long)]
    partial: bool,
    /// Folder of the reports, one folder for each spec
    #[arg(long, default_value = "reports")]
    out: PathBuf,
    /// Worker threads; results do not depend on it [default: the processors]
    #[arg(long)]
    threads: Option<usize>,
}

#[derive(Debug, Args)]
pub(super) struct ReturnsArgs {
    /// Runs or checkpoints, or quoted patterns of either
    #[arg(long = "ckpt", value_name = "PATH", required = true, num_args = 1..)]
    checkpoints: Vec<String>,
    /// Folder of tables and figures
    #[arg(long, default_value = "reports/returns")]
    out: PathBuf,
}

pub(super) fn returns(args: &ReturnsArgs) -> Result<Done> {
    let curves = curves(&select::runs(&args.checkpoints)?)?;
    disk::create_dir(&args.out)?;
    let title = "Returns of greedy episodes during training";
    let text = (title, RETURNS_SUBTITLE, title);
    let section = Section {
        title: title.into(),
        figures: write_figures(&args.out, text, return_panels(&curves))?,
        how_measured: RETURNS_MEASURED.into(),
        command: format!(
            "hyperl-analyze returns --ckpt {} --out {}",
            shell_words(&args.checkpoints),
            shell_words(&[args.out.display().to_string()])
        ),
        provenance: output::versions(),
        ..Section::default()
    };
    write_page(&args.out, &Page { title: title.into(), sections: vec![section] })?;
    for curve in &curves {
        if let Some((step, returns)) = curve.evaluations.last() {
            let mean = summary::mean(returns);
            shared::say!(
                "{:13} {:13} s{} {step:>9} {mean:10.1}",
                curve.env,
                curve.critic,
                curve.seed
            );
        }
    }
    eprintln!("wrote {}", args.out.join("report.md").display());
    Ok(Done::Finished)
}

const RETURNS_SUBTITLE: &str =
    "undiscounted; band: 95 % interval over seeds, or over the episodes of a single run";
const RETURNS_MEASURED: &str = "Greedy episodes from the same initial states at each evaluation, up to the \
    time limit of 1000 steps. With one seed the band is over the episodes of that run: it says how \
    much episodes differ, not how much training runs do.";

/// Reads the evaluations of runs.
fn curves(folders: &[PathBuf]) -> Result<Vec<ReturnCurve>> {
    let mut curves = Vec::new();
    for folder in folders {
        let config = runs::read_config(&folder.join(runs::RUN))?;
        let evaluations = runs::read_evaluations(folder)?;
        curves.push(ReturnCurve {
            env: config.env.name().into(),
            critic: config.critic.name().into(),
            seed: config.seed,
            evaluations: evaluations.into_iter().map(|e| (e.step, e.returns)).collect(),
        });
    }
    Ok(curves)
}

pub(super) fn report(args: &ReportArgs) -> Result<Done> {
    let missing = if args.partial { Missing::Report } else { Missing::Fail };
    let mut specs = Vec::new();
    for path in &args.specs {
        let spec = Spec::read(path)?;
        let found = spec.find(&args.checkpoints, missing)?;
        specs.push((path, spec, found));
    }
    for (path, spec, found) in specs {
        let name = path.file_stem().map_or("report".into(), |n| n.to_string_lossy().into_owned());
        eprintln!("{name}: {} runs, {} missing", found.runs.len(), found.missing.len());
        if report_one(args, (path, &name), &spec, &found)? == Done::Stopped {
            return Ok(Done::Stopped);
        }
    }
    Ok(Done::Finished)
}

/// What a spec's measure gave: figures, runs in numbers, and tables.
struct Measured {
    panels: Vec<crate::report::Panel>,
    runs: Vec<RunValues>,
    rows: Vec<StateRow>,
    summaries: Vec<Summary>,
    quantity: &'static str,
    subtitle: String,
    how: String,
}

fn report_one(
    args: &ReportArgs,
    (path, name): (&Path, &str),
    spec: &Spec,
    found: &Found,
) -> Result<Done> {
    let folder = args.out.join(name);
    let checkpoints = found.checkpoints(spec.select.every)?;
    let Some(measured) = measured(args, spec, found, (&folder, &checkpoints))? else {
        return Ok(Done::Stopped);
    };
    disk::create_dir(&folder)?;
    let command = format!(
        "hyperl-analyze report {} --checkpoints {}{} --out {}",
        shell_words(&[path.display().to_string()]),
        shell_words(&[args.checkpoints.display().to_string()]),
        if args.partial { " --partial" } else { "" },
        shell_words(&[args.out.display().to_string()])
    );
    if !measured.rows.is_empty() {
        table::write_parquet(&folder.join("states.parquet"), &measured.rows)?;
        let summary = summary_table(&measured.summaries).to_csv()?;
        disk::write(&folder.join("summary.csv"), summary.as_bytes())?;
    }
    write_provenance(
        &folder,
        &Provenance {
            command: &command,
            settings: (spec.measure != Measure::EpisodeReturn).then_some(&spec.settings),
            versions: Versions::current(),
            checkpoints: output::origins(&checkpoints),
        },
    )?;
    let section = section(spec, found, measured, (&folder, command))?;
    let page = Page { title: format!("{}: {}", spec.figure, spec.title), sections: vec![section] };
    write_page(&folder, &page)?;
    eprintln!("wrote {}", folder.join("report.md").display());
    Ok(Done::Finished)
}

/// Measures what a spec asks for; `None` if a signal asked for a stop.
fn measured(
    args: &ReportArgs,
    spec: &Spec,
    found: &Found,
    (folder, checkpoints): (&Path, &[Checkpoint]),
) -> Result<Option<Measured>> {
    let (column, against) = match spec.measure {
        Measure::EpisodeReturn => return Ok(Some(measured_returns(&curves(&found.runs)?))),
        Measure::GradientCosine | Measure::CorrectedCosine => (Column::Cosine, Against::Returns),
        Measure::SelfCheck => (Column::SelfCosine, Against::OwnValues),
    };
    let place = Place {
        out: folder,
        units: &args.out.join(UNITS),
        threads: args.threads.unwrap_or_else(shared::processors),
    };
    let rows = measure_all(checkpoints, &spec.settings, against, &place)?;
    Ok(rows.map(|rows| measured_states(&rows, spec, column)))
}

fn measured_returns(curves: &[ReturnCurve]) -> Measured {
    let values =
        |c: &ReturnCurve| c.evaluations.iter().map(|(step, r)| (*step, summary::mean(r))).collect();
    let runs = curves.iter().map(|c| RunValues {
        env: c.env.clone(),
        critic: c.critic.clone(),
        seed: c.seed,
        values: values(c),
    });
    Measured {
        panels: return_panels(curves),
        runs: runs.collect(),
        rows: Vec::new(),
        summaries: Vec::new(),
        quantity: "mean return over training",
        subtitle: RETURNS_SUBTITLE.into(),
        how: RETURNS_MEASURED.into(),
    }
}

fn measured_states(checkpoints: &[Vec<StateRow>], spec: &Spec, column: Column) -> Measured {
    let rows = checkpoints.concat();
    let corrects = spec.measure == Measure::CorrectedCosine;
    let mut runs: Vec<RunValues> = Vec::new();
    for rows in checkpoints.iter().filter(|rows| !rows.is_empty()) {
        let (first, step) = (&rows[0], rows[0].step);
        let values: Vec<(u64, f64)> = if corrects {
            corrected_values(rows).into_iter().map(|x| (step, x)).collect()
        } else {
            rows.iter().map(|row| (step, column.of(row))).collect()
        };
        let same = |run: &RunValues| {
            (&run.env, &run.critic, run.seed) == (&first.env, &first.critic, first.seed)
        };
        match runs.last_mut().filter(|run| same(run)) {
            Some(run) => run.values.extend(values),
            None => runs.push(RunValues {
                env: first.env.clone(),
                critic: first.critic.clone(),
                seed: first.seed,
                values,
            }),
        }
    }
    Measured {
        runs,
        panels: spec
            .panels
            .iter()
            .flat_map(|p| state_panels(&rows, p, (column, &spec.settings)))
            .collect(),
        summaries: checkpoints.iter().map(|rows| summarise(rows, column, &spec.settings)).collect(),
        quantity: if corrects { "corrected mean cosine" } else { "mean cosine over training" },
        subtitle: output::subtitle(&rows, &spec.settings),
        how: output::how_measured(&spec.settings),
        rows,
    }
}

fn section(
    spec: &Spec,
    found: &Found,
    measured: Measured,
    (folder, command): (&Path, String),
) -> Result<Section> {
    let contrasts: Vec<Contrast> = spec
        .contrasts
        .iter()
        .filter_map(|pair| contrast(&measured.runs, pair.map(crate::nn::critic::CriticKind::name)))
        .collect();
    let (verdict, reason) = judge(&contrasts, spec.contrasts.len(), found.missing.len());
    let title = format!("{}: {}", spec.figure, spec.title);
    let text = (title.as_str(), measured.subtitle.as_str(), spec.title.as_str());
    let mut does_not_show = vec![spec.caveat.clone()];
    if !measured.rows.is_empty() {
        does_not_show.push(output::DOES_NOT_SHOW.into());
    }
    if !found.missing.is_empty() {
        does_not_show.push(format!(
            "{} of the {} runs of the claim were not trained; the first missing one is made by `{}`.",
            found.missing.len(),
            found.missing.len() + found.runs.len(),
            found.missing[0]
        ));
    }
    does_not_show.retain(|text| !text.is_empty());
    let table = contrast_table(&contrasts, measured.quantity);
    disk::write(&folder.join("contrasts.csv"), table.to_csv()?.as_bytes())?;
    Ok(Section {
        title: spec.figure.clone(),
        claim: spec.claim.clone(),
        verdict,
        reason,
        headline: contrasts.first().map(|c| Headline {
            label: format!(
                "difference {} − {} in {}, interval within these runs only",
                c.better, c.worse, measured.quantity
            ),
            estimate: if c.over_seeds.n < 2 { c.within_runs } else { c.over_seeds },
            unit: String::new(),
        }),
        figures: write_figures(folder, text, measured.panels)?,
        table: Some(table),
        how_measured: measured.how,
        does_not_show: does_not_show.join("\n\n"),
        command,
        provenance: output::versions(),
    })
}
