//! `hyperl-analyze report`: figures of the paper from their specs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;

use super::cosine::{Place, UNITS, measure_all};
use super::method;
use super::output::{
    self, Provenance, shell_words, summary_table, write_figures, write_page, write_provenance,
};
use super::returns::{self, ReturnsProvenance};
use super::shared::{self, Done};
use super::weights;
use crate::analysis::measure::gradient_cosine::Against;
use crate::analysis::spec::{Draw, Found, Measure, Missing, Panel as PanelSpec, Spec};
use crate::analysis::summary::{Column, Summary, summarise};
use crate::analysis::table::{self, StateRow};
use crate::analysis::weights_spec::AnySpec;
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::{Checkpoint, disk};
use crate::error::Result;
use crate::report::contrast::{
    Contrast, Quantity, RunValues, contrast, run_values, table as contrast_table,
};
use crate::report::returns::{
    Against as Axis, Band, ReturnCurve, normalised_panel, return_panels, return_table,
};
use crate::report::scores::{normalised, score_table, scores};
use crate::report::study::state_panels;
use crate::report::verdict::{Part, Scope, beside_noise, judge, stays_above_zero};
use crate::report::{Appendix, Headline, Page, Panel, Section, Table};

/// Rows that a table of all checkpoints may have on a page; `summary.csv` holds them all.
const LONGEST_TABLE: usize = 200;

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

pub(super) fn report(args: &ReportArgs) -> Result<Done> {
    let missing = if args.partial { Missing::Report } else { Missing::Fail };
    let (mut specs, mut weights) = (Vec::new(), Vec::new());
    for path in &args.specs {
        match AnySpec::read(path)? {
            AnySpec::Runs(spec) => {
                let found = spec.find(&args.checkpoints, missing)?;
                specs.push((path, spec, found));
            }
            AnySpec::Weights(spec) => weights.push((path, spec)),
        }
    }
    let name_of = |path: &Path| {
        path.file_stem().map_or("report".into(), |n| n.to_string_lossy().into_owned())
    };
    for (path, spec) in weights {
        let command = format!(
            "hyperl-analyze report {} --out {}",
            shell_words(&[path.display().to_string()]),
            shell_words(&[args.out.display().to_string()])
        );
        let threads = args.threads.unwrap_or_else(shared::processors);
        weights::report(&spec, &args.out.join(name_of(path)), threads, command)?;
    }
    for (path, spec, found) in specs {
        let name = name_of(path);
        eprintln!("{name}: {} runs, {} missing", found.runs.len(), found.missing.len());
        if report_one(args, (path, &name), &spec, &found)? == Done::Stopped {
            return Ok(Done::Stopped);
        }
    }
    Ok(Done::Finished)
}

/// What a spec's measure gave.
struct Measured {
    panels: Vec<Panel>,
    contrasts: Vec<Contrast>,
    /// Contrasts that there would be if all runs were there.
    asked: usize,
    parts: Vec<Part>,
    noise: Option<String>,
    /// Last measured step of each run.
    reached: Vec<u64>,
    rows: Vec<StateRow>,
    summary: Table,
    appendices: Vec<Appendix>,
    warnings: Vec<String>,
    subtitle: String,
    how: String,
    does_not_show: &'static str,
}

fn report_one(
    args: &ReportArgs,
    (path, name): (&Path, &str),
    spec: &Spec,
    found: &Found,
) -> Result<Done> {
    let folder = args.out.join(name);
    let command = format!(
        "hyperl-analyze report {} --checkpoints {}{} --out {}",
        shell_words(&[path.display().to_string()]),
        shell_words(&[args.checkpoints.display().to_string()]),
        if args.partial { " --partial" } else { "" },
        shell_words(&[args.out.display().to_string()])
    );
    let measured = if spec.measure == Measure::EpisodeReturn {
        let mut curves = returns::curves(&found.runs)?;
        for (curve, label) in curves.iter_mut().zip(&found.labels) {
            curve.critic.clone_from(label);
        }
        disk::create_dir(&folder)?;
        write_provenance(&folder, &ReturnsProvenance::new(&command, (&found.runs, &curves))?)?;
        measured_returns(&curves, spec)
    } else {
        let checkpoints = found.checkpoints(spec.select.every)?;
        let Some(measured) = measured_cosines(args, (spec, found), (&folder, &checkpoints))? else {
            return Ok(Done::Stopped);
        };
        write_provenance(
            &folder,
            &Provenance {
                command: &command,
                settings: Some(&spec.settings),
                versions: Versions::current(),
                checkpoints: output::origins(&checkpoints),
            },
        )?;
        measured
    };
    if !measured.rows.is_empty() {
        table::write_parquet(&folder.join("states.parquet"), &measured.rows)?;
    }
    if !measured.summary.rows.is_empty() {
        disk::write(&folder.join("summary.csv"), measured.summary.to_csv()?.as_bytes())?;
    }
    let section = section(spec, found, measured, (&folder, command))?;
    let page = Page { title: format!("{}: {}", spec.figure, spec.title), sections: vec![section] };
    write_page(&folder, &page)?;
    eprintln!("wrote {}", folder.join("report.md").display());
    Ok(Done::Finished)
}

/// Compares the critics of the claim in one quantity.
fn contrasts(spec: &Spec, runs: &[RunValues], quantity: &str) -> Vec<Contrast> {
    let of = |[better, worse]: &[String; 2]| contrast(runs, [better, worse], quantity);
    spec.contrasts.iter().filter_map(of).collect()
}

/// Returns of different environments have different scales: each is judged by itself.
fn measured_returns(curves: &[ReturnCurve], spec: &Spec) -> Measured {
    let runs: Vec<RunValues> = curves.iter().map(ReturnCurve::values).collect();
    let envs: BTreeSet<&str> = runs.iter().map(|run| run.env.as_str()).collect();
    let of_env = |env: &str| {
        let runs: Vec<RunValues> = runs.iter().filter(|run| run.env == env).cloned().collect();
        contrasts(spec, &runs, "mean return over training")
    };
    let summaries: Vec<_> = curves.iter().filter_map(ReturnCurve::summary).collect();
    let summary = return_table(&summaries);
    let scored = scores(curves, spec.baseline.name());
    let (shared, normal) = normalised(curves, spec.baseline.name());
    let panels = |panel: &PanelSpec| match panel.draw {
        Draw::NormalisedByStep => vec![normalised_panel(&normal, &shared, Band::Interval)],
        Draw::ReturnBySecond => return_panels(curves, Axis::Seconds, Band::Interval),
        _ => return_panels(curves, Axis::Steps, Band::Interval),
    };
    Measured {
        panels: spec.panels.iter().flat_map(panels).collect(),
        contrasts: envs.into_iter().flat_map(of_env).collect(),
        asked: spec.contrasts.len() * spec.select.envs.len(),
        parts: Vec::new(),
        noise: None,
        reached: summaries.iter().map(|s| s.last.step).collect(),
        rows: Vec::new(),
        appendices: [
            appendix("Scores", &score_table(&scored, spec.paper.as_ref()), false),
            appendix("Each run", &summary, false),
        ]
        .into_iter()
        .flatten()
        .collect(),
        summary,
        warnings: Vec::new(),
        subtitle: returns::subtitle(curves),
        how: format!("{}\n\n{RETURNS_COMPARED}\n\n{}", returns::MEASURED, returns::SCORED),
        does_not_show: "",
    }
}

/// How differences between returns are taken.
const RETURNS_COMPARED: &str = "Differences are taken at each step that both runs have, and averaged over the \
    steps; each environment stands by itself, for returns have no common scale. There is no interval \
    within runs: successive evaluations of one run depend on each other and all start in the same \
    states, so that one run does not tell the error of its own curve.";

/// Measures the cosines that a spec asks for; `None` if a signal asked for a stop.
fn measured_cosines(
    args: &ReportArgs,
    (spec, found): (&Spec, &Found),
    (folder, checkpoints): (&Path, &[Checkpoint]),
) -> Result<Option<Measured>> {
    let against = match spec.measure {
        Measure::SelfCheck => Against::OwnValues,
        Measure::GradientCosine | Measure::CorrectedCosine | Measure::EpisodeReturn => {
            Against::Returns
        }
    };
    let place = Place {
        out: folder,
        units: &args.out.join(UNITS),
        threads: args.threads.unwrap_or_else(shared::processors),
    };
    let Some(mut rows) = measure_all(checkpoints, &spec.settings, against, &place)? else {
        return Ok(None);
    };
    for (rows, checkpoint) in rows.iter_mut().zip(checkpoints) {
        let label = checkpoint.path().parent().and_then(|run| found.label(run));
        for (row, label) in rows.iter_mut().zip(label.into_iter().cycle()) {
            label.clone_into(&mut row.critic);
        }
    }
    Ok(Some(measured_states(&rows, spec, against)))
}

/// The quantities that the verdict is about, the most important first.
fn quantities(spec: &Spec, column: Column) -> Vec<Quantity> {
    let first = match spec.measure {
        Measure::CorrectedCosine => Quantity::Corrected,
        _ => Quantity::Mean(column),
    };
    // Shares are those of the paper's estimator; in lab mode they would count saturated states.
    let shares = spec.measure == Measure::GradientCosine;
    let taus = spec.panels.iter().filter_map(|panel| panel.tau).filter(|_| shares);
    [first].into_iter().chain(taus.map(|tau| Quantity::Above(column, tau))).collect()
}

fn measured_states(checkpoints: &[Vec<StateRow>], spec: &Spec, against: Against) -> Measured {
    let column = match against {
        Against::Returns => Column::Cosine,
        Against::OwnValues => Column::SelfCosine,
    };
    let settings = &spec.settings;
    let rows = checkpoints.concat();
    let quantities = quantities(spec, column);
    let values = |quantity: &Quantity| run_values(checkpoints, *quantity, settings);
    let found = quantities.iter().flat_map(|q| contrasts(spec, &values(q), &q.name()));
    let above = spec.above_zero.as_deref();
    let above = above.and_then(|critic| stays_above_zero(&values(&quantities[0]), critic));
    let panels: Vec<Panel> =
        spec.panels.iter().flat_map(|p| state_panels(&rows, p, (column, settings))).collect();
    let summaries: Vec<Summary> =
        checkpoints.iter().map(|rows| summarise(rows, column, settings)).collect();
    let last = last_of_each_run(&summaries);
    let summary = summary_table(&summaries);
    let table = |summaries: &[Summary]| match against {
        Against::Returns => summary_table(summaries),
        Against::OwnValues => summary_table(summaries).without_empty_columns(),
    };
    let folded = summaries.len() > last.len() && summaries.len() <= LONGEST_TABLE;
    let appendices = [
        appendix("Each run at its last checkpoint", &table(&last), false),
        appendix("All checkpoints", &table(&summaries), true).filter(|_| folded),
    ];
    let subtitle = method::subtitle(&rows, (settings, against), &panels);
    Measured {
        contrasts: found.collect(),
        asked: spec.contrasts.len() * quantities.len(),
        parts: above.into_iter().collect(),
        noise: beside_noise(&summaries),
        reached: last.iter().map(|s| s.step).collect(),
        appendices: appendices.into_iter().flatten().collect(),
        summary,
        warnings: method::warnings(&summaries, &spec.panels, &rows),
        subtitle: subtitle + &method::smoothing(&spec.panels, &rows),
        how: method::how_measured(settings, against, &rows),
        does_not_show: method::does_not_show(against),
        panels,
        rows,
    }
}

/// A table as an appendix; none if it has no rows.
fn appendix(title: &str, table: &Table, folded: bool) -> Option<Appendix> {
    let appendix = Appendix { title: title.into(), table: table.clone(), folded };
    (!table.rows.is_empty()).then_some(appendix)
}

/// The last checkpoint of each run.
fn last_of_each_run(summaries: &[Summary]) -> Vec<Summary> {
    let mut last: BTreeMap<(&str, &str, u64), &Summary> = BTreeMap::new();
    for s in summaries {
        let known = last.entry((&s.env, &s.model, s.seed)).or_insert(s);
        if s.step > known.step {
            *known = s;
        }
    }
    last.into_values().cloned().collect()
}

fn section(
    spec: &Spec,
    found: &Found,
    measured: Measured,
    (folder, command): (&Path, String),
) -> Result<Section> {
    let scope = Scope {
        asked: measured.asked,
        missing_runs: found.missing.len(),
        reached: measured.reached,
        claimed: spec.select.steps,
    };
    let (verdict, reason) = judge(&measured.contrasts, &measured.parts, &scope);
    let reason = [Some(reason), measured.noise].into_iter().flatten().collect::<Vec<_>>();
    let title = format!("{}: {}", spec.figure, spec.title);
    let text = (title.as_str(), measured.subtitle.as_str(), spec.title.as_str());
    let mut does_not_show = vec![spec.caveat.clone(), measured.does_not_show.into()];
    if let Some(short) = scope.shortness() {
        does_not_show.push(format!("Later training: {short}."));
    }
    if let Some(command) = found.missing.first() {
        does_not_show.push(format!(
            "{} of the {} runs of the claim were not trained; the first missing one is made by `{command}`.",
            found.missing.len(),
            found.missing.len() + found.runs.len(),
        ));
    }
    does_not_show.retain(|text| !text.is_empty());
    let table = contrast_table(&measured.contrasts);
    disk::write(&folder.join("contrasts.csv"), table.to_csv()?.as_bytes())?;
    Ok(Section {
        title: spec.figure.clone(),
        claim: spec.claim.clone(),
        verdict,
        reason: reason.join(" "),
        headline: measured.contrasts.first().map(headline),
        figures: write_figures(folder, text, measured.panels)?,
        table: (!table.rows.is_empty()).then_some(table),
        appendices: measured.appendices,
        warnings: measured.warnings,
        how_measured: measured.how,
        does_not_show: does_not_show.join("\n\n"),
        command,
        provenance: output::versions(),
    })
}

/// The first contrast as the number of the report.
fn headline(c: &Contrast) -> Headline {
    let within = c.over_seeds.n < 2 && c.within_runs.half_width().is_finite();
    Headline {
        label: format!(
            "difference {} − {} in {} on {}{}",
            c.better,
            c.worse,
            c.quantity,
            c.envs.join(", "),
            if within { ", interval within these runs only" } else { "" }
        ),
        estimate: if within { c.within_runs } else { c.over_seeds },
        unit: String::new(),
    }
}
