//! `hyperl-analyze report`: figures of the paper from their specs.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;

use super::claim::{Figure, Measured, appendix, contrasts_of_returns, section};
use super::cosine::{Place, UNITS, check_all, measure_all};
use super::output::{self, Provenance, shell_words, summary_table, write_page, write_provenance};
use super::returns::{self, ReturnsProvenance};
use super::shared::{self, Done};
use super::{claim, hyper_parameters, meta_paper, method, weights};
use crate::analysis::any_spec::AnySpec;
use crate::analysis::hyper_parameters::HyperParameterSpec;
use crate::analysis::measure::gradient_cosine::Against;
use crate::analysis::meta_spec::{MetaFound, MetaSpec};
use crate::analysis::spec::{Draw, Found, Measure, Missing, Panel as PanelSpec, Spec};
use crate::analysis::summary::{Column, Summary, summarise};
use crate::analysis::table::{self, StateRow};
use crate::analysis::weights_spec::WeightsSpec;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::lock::Lock;
use crate::checkpoint::manifest::Versions;
use crate::error::Result;
use crate::report::contrast::{Contrast, Quantity, RunValues, contrast, run_values};
use crate::report::returns::{
    Against as Axis, Band, ReturnCurve, normalised_panel, return_panels, return_table,
};
use crate::report::scores::{normalised, score_table, scores};
use crate::report::study::state_panels;
use crate::report::verdict::{Scope, beside_noise, stays_above_zero};
use crate::report::{Page, Panel};

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

/// A spec that was read, and what it needs.
enum Ready {
    Runs(Box<Spec>, Found),
    Meta(Box<MetaSpec>, MetaFound),
    Weights(WeightsSpec),
    HyperParameters(HyperParameterSpec),
}

pub(super) fn report(args: &ReportArgs) -> Result<Done> {
    let missing = if args.partial { Missing::Report } else { Missing::Fail };
    // All are read, and their runs found, before the first is measured.
    let read = |path: &PathBuf| {
        Ok(match AnySpec::read(path)? {
            AnySpec::Runs(spec) => {
                let found = spec.find(&args.checkpoints, missing)?;
                Ready::Runs(spec, found)
            }
            AnySpec::Meta(spec) => {
                let found = spec.find(&args.checkpoints, missing)?;
                Ready::Meta(spec, found)
            }
            AnySpec::Weights(spec) => Ready::Weights(spec),
            AnySpec::HyperParameters(spec) => Ready::HyperParameters(spec),
        })
    };
    let all = args.specs.iter().map(read).collect::<Result<Vec<_>>>()?;
    shared::save_and_stop();
    shared::one_by_one(args.specs.iter().zip(all), |(path, ready)| report_any(args, path, ready))
}

/// Makes the report of one spec.
fn report_any(args: &ReportArgs, path: &Path, ready: Ready) -> Result<Done> {
    let name = path.file_stem().map_or("report".into(), |n| n.to_string_lossy().into_owned());
    let folder = args.out.join(&name);
    let say = |runs: usize, missing: usize| shared::note!("{name}: {runs} runs, {missing} missing");
    match ready {
        Ready::Runs(spec, found) => {
            say(found.runs.len(), found.missing.len());
            report_one(args, (path, &folder), &spec, &found)
        }
        Ready::Meta(spec, found) => {
            say(found.runs.len(), found.missing.len());
            meta_paper::report(&args.place(path, &folder), &spec, &found)
        }
        Ready::Weights(spec) => {
            weights::report(&spec, &folder, args.threads(), args.command(path, false))?;
            Ok(Done::Finished)
        }
        Ready::HyperParameters(spec) => {
            hyper_parameters::report(&spec, &folder, args.command(path, false))?;
            Ok(Done::Finished)
        }
    }
}

impl ReportArgs {
    fn threads(&self) -> usize {
        self.threads.unwrap_or_else(shared::processors)
    }

    /// Returns the command that makes a spec's report again.
    fn command(&self, path: &Path, of_runs: bool) -> String {
        let word = |path: &Path| shell_words(&[path]);
        let runs = if of_runs {
            let partial = if self.partial { " --partial" } else { "" };
            format!(" --checkpoints {}{partial}", word(&self.checkpoints))
        } else {
            String::new()
        };
        format!("hyperl-analyze report {}{runs} --out {}", word(path), word(&self.out))
    }

    /// Returns where a report of meta-learning runs goes, and how it is made.
    fn place<'p>(&self, path: &Path, folder: &'p Path) -> claim::Place<'p> {
        claim::Place {
            folder,
            units: self.out.join(UNITS),
            threads: self.threads(),
            command: self.command(path, true),
        }
    }
}

fn report_one(
    args: &ReportArgs,
    (path, folder): (&Path, &Path),
    spec: &Spec,
    found: &Found,
) -> Result<Done> {
    let command = args.command(path, true);
    let (measured, _lock) = if spec.measure == Measure::EpisodeReturn {
        let runs = returns::read(&found.runs)?;
        let mut curves: Vec<ReturnCurve> = runs.iter().map(|run| run.curve.clone()).collect();
        for (curve, label) in curves.iter_mut().zip(&found.labels) {
            curve.critic.clone_from(label);
        }
        let lock = Lock::folder(folder)?;
        write_provenance(folder, &ReturnsProvenance::new(&command, &runs)?)?;
        let warnings = returns::warnings(&runs, &curves);
        shared::warn(&warnings);
        (Measured { warnings, ..measured_returns(&curves, (spec, found)) }, lock)
    } else {
        let checkpoints = found.checkpoints(spec.select.every)?;
        check_all(&checkpoints, &spec.settings, against(spec))?;
        let lock = Lock::folder(folder)?;
        let rows = match cosines(args, (spec, found), &checkpoints)? {
            ControlFlow::Continue(rows) => rows,
            ControlFlow::Break(done) => return Ok(done),
        };
        write_provenance(
            folder,
            &Provenance {
                command: &command,
                settings: Some(&spec.settings),
                versions: Versions::current(),
                checkpoints: output::origins(&checkpoints),
            },
        )?;
        if rows.iter().any(|rows| !rows.is_empty()) {
            table::write_parquet(&folder.join("states.parquet"), &rows.concat())?;
        }
        (measured_states(&rows, (spec, found)), lock)
    };
    let figure = Figure {
        name: &spec.figure,
        title: &spec.title,
        claim: &spec.claim,
        caveat: &spec.caveat,
        missing: &found.missing,
        asked: found.runs.len() + found.missing.len(),
    };
    let section = section(&figure, measured, (folder, command))?;
    let page = Page { title: figure.heading(), sections: vec![section] };
    write_page(folder, &page)?;
    shared::note!("wrote {}", folder.join("report.md").display());
    Ok(Done::Finished)
}

/// Compares the critics of the claim in one quantity.
fn contrasts(spec: &Spec, runs: &[RunValues], quantity: &str) -> Vec<Contrast> {
    let of = |[better, worse]: &[String; 2]| contrast(runs, [better, worse], quantity);
    spec.contrasts.iter().filter_map(of).collect()
}

/// Returns of different environments have different scales: each is judged by itself.
fn measured_returns(curves: &[ReturnCurve], (spec, found): (&Spec, &Found)) -> Measured {
    let runs: Vec<RunValues> = curves.iter().map(ReturnCurve::values).collect();
    let summaries: Vec<_> = curves.iter().filter_map(ReturnCurve::summary).collect();
    let summary = return_table(&summaries);
    let scored = scores(curves, spec.baseline.name());
    let (shared, normal) = normalised(curves, spec.baseline.name());
    let panels = |panel: &PanelSpec| match panel.draw {
        Draw::NormalisedByStep => {
            vec![normalised_panel(&normal, &shared, (Axis::Steps, Band::Interval))]
        }
        Draw::ReturnBySecond => return_panels(curves, Axis::Seconds, Band::Interval),
        _ => return_panels(curves, Axis::Steps, Band::Interval),
    };
    Measured {
        panels: spec.panels.iter().flat_map(panels).collect(),
        contrasts: contrasts_of_returns(&runs, &spec.contrasts),
        scope: Scope {
            asked: spec.contrasts.len() * spec.select.envs.len(),
            reached: summaries.iter().map(|s| s.last.step).collect(),
            ..scope(spec, found)
        },
        parts: Vec::new(),
        noise: None,
        appendices: [
            appendix("Scores", &score_table(&scored, spec.paper.as_ref()), false),
            appendix("Each run", &summary, false),
        ]
        .into_iter()
        .flatten()
        .collect(),
        summary,
        warnings: Vec::new(),
        subtitle: returns::subtitle(curves, Band::Interval),
        how: format!("{}\n\n{RETURNS_COMPARED}\n\n{}", returns::MEASURED, returns::SCORED),
        does_not_show: String::new(),
    }
}

/// What the claim is about, before anything is measured.
fn scope(spec: &Spec, found: &Found) -> Scope {
    Scope { missing_runs: found.missing.len(), claimed: spec.select.steps, ..Scope::of_critics() }
}

/// How differences between returns are taken.
const RETURNS_COMPARED: &str = "Differences are taken at each step that both runs have, and averaged over the \
    steps; each environment stands by itself, for returns have no common scale. There is no interval \
    within runs: successive evaluations of one run depend on each other and all start in the same \
    states, so that one run does not tell the error of its own curve.";

/// What a spec's cosines are taken against.
fn against(spec: &Spec) -> Against {
    match spec.measure {
        Measure::SelfCheck => Against::OwnValues,
        Measure::GradientCosine | Measure::CorrectedCosine | Measure::EpisodeReturn => {
            Against::Returns
        }
    }
}

/// Measures the cosines that a spec asks for, until a signal asks for a stop.
fn cosines(
    args: &ReportArgs,
    (spec, found): (&Spec, &Found),
    checkpoints: &[Checkpoint],
) -> Result<ControlFlow<Done, Vec<Vec<StateRow>>>> {
    let (settings, against) = (&spec.settings, against(spec));
    let place = Place { units: args.out.join(UNITS), workers: shared::workers(args.threads())? };
    let mut rows = match measure_all(checkpoints, settings, against, &place)? {
        ControlFlow::Continue(rows) => rows,
        stopped @ ControlFlow::Break(_) => return Ok(stopped),
    };
    for (rows, checkpoint) in rows.iter_mut().zip(checkpoints) {
        let label = checkpoint.path().parent().and_then(|run| found.label(run));
        for (row, label) in rows.iter_mut().zip(label.into_iter().cycle()) {
            label.clone_into(&mut row.critic);
        }
    }
    Ok(ControlFlow::Continue(rows))
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

fn measured_states(checkpoints: &[Vec<StateRow>], (spec, found): (&Spec, &Found)) -> Measured {
    let against = against(spec);
    let column = match against {
        Against::Returns => Column::Cosine,
        Against::OwnValues => Column::SelfCosine,
    };
    let settings = &spec.settings;
    let rows = checkpoints.concat();
    let quantities = quantities(spec, column);
    let values = |quantity: &Quantity| run_values(checkpoints, *quantity, settings);
    let compared = quantities.iter().flat_map(|q| contrasts(spec, &values(q), &q.name()));
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
        contrasts: compared.collect(),
        scope: Scope {
            asked: spec.contrasts.len() * quantities.len(),
            reached: last.iter().map(|s| s.step).collect(),
            ..scope(spec, found)
        },
        parts: above.into_iter().collect(),
        noise: beside_noise(&summaries),
        appendices: appendices.into_iter().flatten().collect(),
        summary,
        warnings: method::warnings(&summaries, &spec.panels, &rows),
        subtitle: subtitle + &method::smoothing(&spec.panels, &rows),
        how: method::how_measured(settings, against, &rows),
        does_not_show: method::does_not_show(against).into(),
        panels,
    }
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
