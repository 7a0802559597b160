//! What a spec's measure finds, one function a measure: check, lock the folder, measure, view.

use std::collections::BTreeMap;
use std::ops::ControlFlow::{self, Break, Continue};

use super::job::{Job, Made};
use crate::analysis::hyper_parameters::hyper_parameters as parameters_of;
use crate::analysis::measure::cosine::{Against, Cosine};
use crate::analysis::measure::kept::{Keeper, Stopped};
use crate::analysis::measure::maml_adaptation::AdaptationSettings;
use crate::analysis::measure::maml_noise::NoiseSettings;
use crate::analysis::measure::returns::{ReturnCurve, Run, read_all};
use crate::analysis::measure::subject::Subject;
use crate::analysis::series::tasks;
use crate::analysis::summary::{Column, Summary};
use crate::analysis::table::{self, StateRow};
use crate::checkpoint::lock::Lock;
use crate::cli::finding::as_table;
use crate::cli::output::{Origin, origins};
use crate::cli::program::Done;
use crate::cli::terminal;
use crate::cli::{
    cosine, maml_adaptation as adaptation, maml_noise as noise, returns as returned,
    weights as drawn,
};
use crate::error::Result;
use crate::gradient::Settings;
use crate::report::Table;
use crate::report::cosine::{self as cosine_view, Cosines};
use crate::report::finding::{Answer, Finding, appendix};
use crate::report::returns::Band;
use crate::report::returns_method::{self, Numbers, Shown};
use crate::report::{adaptation as adaptation_view, update_noise};
use crate::report::{claim, hyper_parameters as settings_view, task_gap as gap_view};
use crate::study::contrast::{Quantity, contrasts, contrasts_of_returns, run_values};
use crate::study::spec::{Measure, Spec};

/// What was measured, unless a signal asked for a stop.
type Measured = Result<ControlFlow<Done, Made>>;

/// Rows that a table of all checkpoints may have on a page; `summary.csv` holds them all.
const LONGEST_TABLE: usize = 200;

/// Measures what the spec asks for.
pub(super) fn measure(job: &Job) -> Measured {
    match job.spec.measure {
        Measure::Returns => returns(job),
        Measure::TaskGap => task_gap(job),
        Measure::MamlNoise => maml_noise(job),
        Measure::MamlAdaptation => maml_adaptation(job),
        Measure::HyperParameters => hyper_parameters(job),
        Measure::Weights => weights(job),
        Measure::GradientCosine | Measure::CorrectedCosine | Measure::SelfCheck => cosines(job),
    }
}

fn cosines(job: &Job) -> Measured {
    let Job { spec, found, folder, .. } = job;
    let against = spec.measure.against().unwrap_or(Against::Returns);
    let settings = spec.of_estimator()?;
    let checkpoints = found.checkpoints()?;
    let how = Cosine { settings, against };
    let subjects: Vec<Subject> = checkpoints.iter().map(Subject::plain).collect();
    subjects.iter().try_for_each(|subject| subject.check(&how))?;
    let lock = Lock::folder(folder)?;
    let workers = job.threads.workers()?;
    let progress = cosine::progress(&subjects);
    let keeper = Keeper { units: &job.units, workers: &workers, listener: &progress };
    let mut rows = match keeper.rows(&subjects, &how)? {
        Continue(rows) => rows,
        Break(stopped) => return Ok(Break(progress.stopped(stopped))),
    };
    // The paper's number stands beside what the actor can use.
    let paper =
        Cosine { settings: Settings { seed: how.settings.seed, ..Settings::default() }, against };
    let mut beside = Vec::new();
    if spec.in_lab_mode() {
        progress.bar.reset();
        beside = match keeper.rows(&subjects, &paper)? {
            Continue(rows) => rows,
            // What was measured above is kept.
            Break(_) => return Ok(Break(progress.stopped(Stopped { saved: true }))),
        };
    }
    progress.bar.finish_and_clear();
    for (number, checkpoint) in checkpoints.iter().enumerate() {
        let label = checkpoint.path().parent().and_then(|run| found.label(run));
        let of_checkpoint = rows.get_mut(number).into_iter().chain(beside.get_mut(number));
        for (row, label) in of_checkpoint.flatten().zip(label.into_iter().cycle()) {
            label.clone_into(&mut row.critic);
        }
    }
    if rows.iter().any(|rows| !rows.is_empty()) {
        table::write_parquet(&folder.join("states.parquet"), &rows.concat())?;
    }
    let mut finding = of_states(&rows, spec, &how);
    if !beside.is_empty() {
        let summaries = Cosines::new(&beside, &paper).summaries;
        let side_by_side = beside_paper(&summaries, &Cosines::new(&rows, &how));
        let values = run_values(&beside, Quantity::Mean(how.column()), &paper.settings);
        let name = format!("the paper's {}", Quantity::Mean(how.column()).name());
        let of_paper = claim::table(&contrasts(&values, &spec.contrasts, &name));
        let first = [
            appendix("The paper's number, κ and inside", &side_by_side, false),
            appendix("The claim by the paper's number", &of_paper, false),
        ];
        finding.appendices.splice(0..0, first.into_iter().flatten());
    }
    let (settings, sources) = (as_table(&how.settings)?, origins(&checkpoints));
    Ok(Continue(Made { finding, settings, sources, _lock: lock }))
}

/// The quantities that the verdict on cosines is about, the most important first.
fn quantities(spec: &Spec, column: Column) -> Vec<Quantity> {
    let first = match spec.measure {
        Measure::CorrectedCosine if spec.in_lab_mode() => {
            vec![Quantity::Kappa, Quantity::Corrected]
        }
        Measure::CorrectedCosine => vec![Quantity::Corrected],
        Measure::SelfCheck if spec.in_lab_mode() => vec![Quantity::Mean(column), Quantity::Kappa],
        _ => vec![Quantity::Mean(column)],
    };
    // Shares are those of the paper's estimator, which the claim is about.
    let shares = spec.measure == Measure::GradientCosine;
    let taus = spec.panels.iter().filter_map(|panel| panel.tau).filter(|_| shares);
    first.into_iter().chain(taus.map(|tau| Quantity::Above(column, tau))).collect()
}

/// Returns what the rows of checkpoints show and what that says about the claim.
fn of_states(checkpoints: &[Vec<StateRow>], spec: &Spec, how: &Cosine) -> Finding {
    let quantities = quantities(spec, how.column());
    let values = |quantity: Quantity| run_values(checkpoints, quantity, &how.settings);
    let compared: Vec<_> = quantities
        .iter()
        .flat_map(|q| contrasts(&values(*q), &spec.contrasts, &q.name()))
        .collect();
    let above = spec.above_zero.as_deref();
    let above = above.and_then(|critic| claim::stays_above_zero(&values(quantities[0]), critic));
    let found = Cosines::new(checkpoints, how);
    let (summaries, mut finding) =
        (&found.summaries, found.finding(how, checkpoints, &spec.panels));
    let last = last_of_each_run(summaries);
    let folded = summaries.len() > last.len() && summaries.len() <= LONGEST_TABLE;
    let all = appendix("All checkpoints", &found.table(how), true).filter(|_| folded);
    let ends = appendix("Each run at its last checkpoint", &cosine_view::table(&last, how), false);
    finding.appendices.extend([ends, all].into_iter().flatten());
    let contrasts = claim::table(&compared);
    finding.files.push(("contrasts.csv", contrasts.clone()));
    let answer = claim::compared(&compared, above, spec.contrasts.len() * quantities.len());
    let noise = claim::beside_noise(summaries).unwrap_or_default();
    let finding = if spec.select.actor.is_some() { finding.in_updates() } else { finding };
    Finding {
        table: Some(contrasts),
        answer: Answer {
            notes: format!("{} {noise}", answer.notes).trim().into(),
            reached: last.iter().map(|s| s.step).collect(),
            ..answer
        },
        ..finding
    }
}

/// Each run's last checkpoint: the paper's number, κ and inside.
fn beside_paper(paper: &[Summary], found: &Cosines) -> Table {
    let row = |s: &Summary| {
        let same =
            |o: &&Summary| (&o.env, &o.model, o.seed, o.step) == (&s.env, &s.model, s.seed, s.step);
        Some((s.clone(), found.summaries.iter().find(same)?.clone()))
    };
    let rows: Vec<_> = last_of_each_run(paper).iter().filter_map(row).collect();
    cosine_view::beside_paper(&rows)
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

fn runs(job: &Job) -> Result<(Vec<Run>, Vec<Origin>)> {
    let found = job.found.runs.iter();
    let runs = read_all(found.map(|run| (&*run.folder, Some(&*run.label))))?;
    let origins = returned::origins(&runs)?;
    Ok((runs, origins))
}

fn returns(job: &Job) -> Measured {
    let Job { spec, .. } = job;
    let (runs, sources) = runs(job)?;
    let lock = Lock::folder(&job.folder)?;
    let curves: Vec<ReturnCurve> =
        runs.iter().flat_map(|run| run.curves(spec.select.tasks)).collect();
    let draws: Vec<_> = spec.panels.iter().map(|panel| panel.draw).collect();
    let shown = Shown {
        draws: &draws,
        band: Band::Interval,
        baseline: &spec.baseline,
        paper: spec.paper.as_deref(),
        compared: true,
    };
    let numbers = Numbers::of(&curves, &spec.baseline);
    let mut finding = returns_method::finding(&runs, &curves, &numbers, &shown);
    terminal::warn(&finding.warnings);
    if crate::algo::Algo::META.contains(&spec.select.algo) {
        let lists = spec.select.tasks.map_or("training and test tasks".into(), tasks);
        finding.subtitle = format!("{lists}; {}", finding.subtitle);
    }
    let compared = contrasts_of_returns(&curves, &spec.contrasts);
    let asked = spec.contrasts.len() * spec.select.envs.len();
    let contrasts = claim::table(&compared);
    let summary = finding.table.replace(contrasts.clone());
    finding.files.push(("contrasts.csv", contrasts));
    finding.files.retain(|(name, table)| *name == "contrasts.csv" || !table.rows.is_empty());
    finding.appendices.extend(summary.and_then(|table| appendix("Each run", &table, false)));
    finding.answer = Answer {
        reached: numbers.runs.iter().map(|s| s.last.step).collect(),
        ..claim::compared(&compared, None, asked)
    };
    Ok(Continue(Made { finding, settings: toml::Table::new(), sources, _lock: lock }))
}

/// PEARL in tasks that it was not trained on.
fn task_gap(job: &Job) -> Measured {
    let (runs, sources) = runs(job)?;
    let lock = Lock::folder(&job.folder)?;
    let finding = gap_view::finding(&runs);
    terminal::warn(&finding.warnings);
    Ok(Continue(Made { finding, settings: toml::Table::new(), sources, _lock: lock }))
}

fn maml_noise(job: &Job) -> Measured {
    let settings: NoiseSettings = job.spec.settings()?;
    let (points, workers) = (job.found.checkpoints()?, job.threads.workers()?);
    let lock = Lock::folder(&job.folder)?;
    let all = match noise::measure(&points, &settings, &job.units, &workers)? {
        Continue(all) => all,
        Break(done) => return Ok(Break(done)),
    };
    noise::write_returns(&job.folder, &all)?;
    let finding = update_noise::finding(&all, &settings);
    let (settings, sources) = (as_table(&settings)?, origins(&points));
    Ok(Continue(Made { finding, settings, sources, _lock: lock }))
}

fn maml_adaptation(job: &Job) -> Measured {
    let settings: AdaptationSettings = job.spec.settings()?;
    let (points, workers) = (job.found.checkpoints()?, job.threads.workers()?);
    let lock = Lock::folder(&job.folder)?;
    let Some(all) = adaptation::measure(&points, &settings, &workers)? else {
        return Ok(Break(Done::StoppedUnsaved));
    };
    let finding = adaptation_view::finding(&all, &settings);
    let (settings, sources) = (as_table(&settings)?, origins(&points));
    Ok(Continue(Made { finding, settings, sources, _lock: lock }))
}

/// Networks that are only drawn; they have a page of their own.
fn weights(job: &Job) -> Measured {
    let Job { spec, folder, threads, command, .. } = job;
    Ok(Break(drawn::report(spec, folder, *threads, command.clone())?))
}

fn hyper_parameters(job: &Job) -> Measured {
    let parameters = parameters_of(job.spec.select.algo)?;
    let lock = Lock::folder(&job.folder)?;
    let finding = settings_view::finding(&parameters);
    let (settings, sources) = (toml::Table::new(), Vec::new());
    Ok(Continue(Made { finding, settings, sources, _lock: lock }))
}
