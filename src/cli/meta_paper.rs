//! Figures of meta-learning runs from their specs.

use std::ops::ControlFlow;

use super::claim::{Figure, Measured, Place, appendix, contrasts_of_returns, judged, section};
use super::output::write_page;
use super::shared::{self, Done};
use super::{maml_adaptation, maml_noise, meta_returns, meta_runs, task_gap};
use crate::analysis::measure::maml_adaptation::AdaptationSettings;
use crate::analysis::measure::maml_noise::NoiseSettings;
use crate::analysis::meta_spec::{MetaDraw, MetaFound, MetaMeasure, MetaSpec};
use crate::checkpoint::disk;
use crate::checkpoint::lock::Lock;
use crate::error::{Error, Result};
use crate::report::contrast::RunValues;
use crate::report::meta_scores::{meta_score_table, meta_scores};
use crate::report::returns::{Against, Band, ReturnCurve, normalised_panel, return_table};
use crate::report::scores::normalised;
use crate::report::verdict::Scope;
use crate::report::{Page, Panel, Section, adaptation, undefined, update_noise};

/// Makes the report of one spec.
pub(super) fn report(place: &Place, spec: &MetaSpec, found: &MetaFound) -> Result<Done> {
    let figure = Figure {
        name: &spec.figure,
        title: &spec.title,
        claim: &spec.claim,
        caveat: &spec.caveat,
        missing: &found.missing,
        asked: found.asked,
    };
    let _lock = Lock::folder(place.folder)?;
    let section = match (spec.measure, &spec.noise, &spec.adaptation) {
        (MetaMeasure::MetaReturn, ..) => {
            ControlFlow::Continue(of_returns(place, (spec, found), &figure)?)
        }
        (MetaMeasure::TaskGap, ..) => {
            ControlFlow::Continue(task_gap::section(place, found, &figure)?)
        }
        (MetaMeasure::MamlNoise, Some(noise), _) => of_noise(place, (noise, found), &figure)?,
        (MetaMeasure::MamlAdaptation, _, Some(adaptation)) => {
            of_adaptation(place, (adaptation, found), &figure)?
        }
        (MetaMeasure::MamlNoise | MetaMeasure::MamlAdaptation, ..) => {
            let reason = format!("{} without its settings", spec.measure.name());
            return Err(Error::Usage(reason)); // reading a spec refuses this already
        }
    };
    let section = match section {
        ControlFlow::Continue(section) => section,
        ControlFlow::Break(done) => return Ok(done),
    };
    write_page(place.folder, &Page { title: figure.heading(), sections: vec![section] })?;
    shared::note!("wrote {}", place.folder.join("report.md").display());
    Ok(Done::Finished)
}

/// Learning curves, and the differences that the claim is about.
fn of_returns(
    place: &Place,
    (spec, found): (&MetaSpec, &MetaFound),
    figure: &Figure,
) -> Result<Section> {
    let runs = meta_runs::read_all(&found.runs)?;
    let curves: Vec<ReturnCurve> = runs.iter().flat_map(|run| run.curves(spec.tasks)).collect();
    let values: Vec<RunValues> = curves.iter().map(ReturnCurve::values).collect();
    let summaries: Vec<_> = curves.iter().filter_map(ReturnCurve::summary).collect();
    meta_runs::provenance(place.folder, &place.command, &runs)?;
    let warnings = undefined::warnings(&curves);
    shared::warn(&warnings);
    let scores = meta_score_table(&meta_scores(&curves));
    disk::write(&place.folder.join("scores.csv"), scores.to_csv()?.as_bytes())?;
    let lists = spec
        .tasks
        .map_or("training and test tasks".into(), |on| format!("{} tasks", on.adjective()));
    let measured = Measured {
        panels: spec.draw.iter().flat_map(|draw| panels(*draw, &curves, spec)).collect(),
        contrasts: contrasts_of_returns(&values, &spec.contrasts),
        parts: Vec::new(),
        scope: Scope {
            asked: spec.contrasts.len() * spec.select.envs.len(),
            missing_runs: found.missing.len(),
            reached: summaries.iter().map(|s| s.last.step).collect(),
            claimed: spec.select.iterations,
            ..Scope::of_policies()
        },
        noise: None,
        summary: return_table(&summaries),
        appendices: appendix("Each run", &scores, false).into_iter().collect(),
        warnings,
        subtitle: format!("{lists}; {}", meta_returns::subtitle(&runs, &curves, Band::Interval)),
        how: format!("{} {COMPARED}", meta_returns::measured(&runs)),
        does_not_show: meta_returns::limits(&runs),
    };
    section(figure, measured, (place.folder, place.command.clone()))
}

/// How differences between returns are taken.
const COMPARED: &str = "Differences are taken at each iteration that both runs have, and averaged over them: \
    they speak of how fast a policy learns; where it ends stands in the table of runs. Each family stands \
    by itself, for returns have no common scale.";

fn panels(draw: MetaDraw, curves: &[ReturnCurve], spec: &MetaSpec) -> Vec<Panel> {
    let of = |against| meta_returns::panels(curves, (against, Band::Interval));
    match (draw, &spec.baseline) {
        (MetaDraw::NormalisedByIteration, Some(baseline)) => {
            let (shared, runs) = normalised(curves, baseline);
            vec![normalised_panel(&runs, &shared, (Against::Iterations, Band::Interval))]
        }
        (MetaDraw::ReturnBySecond, _) => of(Against::Seconds),
        (MetaDraw::ReturnByIteration | MetaDraw::NormalisedByIteration, _) => {
            of(Against::Iterations)
        }
    }
}

/// The noise of updates, unless a signal asked for a stop.
fn of_noise(
    place: &Place,
    (settings, found): (&NoiseSettings, &MetaFound),
    figure: &Figure,
) -> Result<ControlFlow<Done, Section>> {
    let workers = shared::workers(place.threads)?;
    let all = match maml_noise::measure(&found.points, settings, &place.units, &workers)? {
        ControlFlow::Continue(all) => all,
        ControlFlow::Break(done) => return Ok(ControlFlow::Break(done)),
    };
    let points = (&found.points[..], &all[..]);
    let section = maml_noise::section(place.folder, settings, points, place.command.clone())?;
    let (verdict, reason, headline) = update_noise::judge(&all);
    Ok(ControlFlow::Continue(judged(figure, (verdict, reason, headline), section)))
}

/// What adaptation does, unless a signal asked for a stop.
fn of_adaptation(
    place: &Place,
    (settings, found): (&AdaptationSettings, &MetaFound),
    figure: &Figure,
) -> Result<ControlFlow<Done, Section>> {
    let workers = shared::workers(place.threads)?;
    let Some(all) = maml_adaptation::measure(&found.points, settings, &workers)? else {
        return Ok(ControlFlow::Break(Done::StoppedUnsaved));
    };
    let points = (&found.points[..], &all[..]);
    let section = maml_adaptation::section(place.folder, settings, points, place.command.clone())?;
    let (verdict, reason) = adaptation::judge(&all);
    Ok(ControlFlow::Continue(judged(figure, (verdict, reason, None), section)))
}
