//! What all runs of a sweep wrote down, as one table and as curves.

use polars::prelude::{DataFrame, NamedFrom, ParquetWriter, Series};

use super::plan::{Plan, Run};
use super::state::is_trained;
use crate::algo::{Evaluated, Stage};
use crate::analysis::measure::returns::ReturnCurve;
use crate::checkpoint::disk;
use crate::checkpoint::run_log::RunLog;
use crate::checkpoint::save::{WEIGHTS, step_folder};
use crate::env::TaskList;
use crate::error::Result;

/// A run and the returns of its evaluations.
pub(crate) struct Gathered<'p> {
    pub number: usize,
    pub run: &'p Run,
    pub trained: bool,
    pub evaluated: Vec<Evaluated>,
}

/// Reads what the runs of a plan wrote down so far.
///
/// # Errors
/// Those of reading, [`crate::Error::Corrupt`] among them.
pub(crate) fn gather(plan: &Plan) -> Result<Vec<Gathered<'_>>> {
    let mut all = Vec::with_capacity(plan.runs.len());
    for (number, run) in plan.runs.iter().enumerate() {
        let evaluated = RunLog::returns(&plan.folder_of(run))?;
        all.push(Gathered { number, run, trained: is_trained(plan, run), evaluated });
    }
    Ok(all)
}

/// Returns the hash of the weights with which a run ended; `None` if it has not.
///
/// # Errors
/// Those of reading.
pub(crate) fn weights(plan: &Plan, run: &Run) -> Result<Option<String>> {
    let last = step_folder(&plan.folder_of(run), run.length);
    is_trained(plan, run).then(|| disk::hash_part(&last.join(WEIGHTS))).transpose()
}

/// Returns all evaluations as Parquet, a row each.
///
/// # Errors
/// Those of polars.
pub(crate) fn to_parquet(all: &[Gathered]) -> Result<Vec<u8>> {
    let rows = || all.iter().flat_map(|one| one.evaluated.iter().map(move |row| (one, row)));
    let text = |name: &str, of: fn(&Run) -> &str| {
        Series::new(name.into(), rows().map(|(one, _)| of(one.run)).collect::<Vec<&str>>())
    };
    let number = |name: &str, of: fn(&Evaluated) -> Option<u64>| {
        Series::new(name.into(), rows().map(|(_, row)| of(row)).collect::<Vec<Option<u64>>>())
    };
    let word = |name: &str, of: fn(&Evaluated) -> Option<&'static str>| {
        Series::new(name.into(), rows().map(|(_, row)| of(row)).collect::<Vec<Option<&str>>>())
    };
    let numbers: Vec<u64> = rows().map(|(one, _)| one.number as u64).collect();
    let folders: Vec<String> =
        rows().map(|(one, _)| one.run.folder.to_string_lossy().into_owned()).collect();
    let seeds: Vec<u64> = rows().map(|(one, _)| one.run.seed).collect();
    let goals: Vec<Option<f64>> = rows().map(|(_, row)| row.goal).collect();
    let totals: Vec<f64> = rows().map(|(_, row)| row.total).collect();
    let columns: Vec<Series> = vec![
        Series::new("number".into(), numbers),
        Series::new("run".into(), folders),
        text("env", |run| &run.env),
        text("algo", |run| run.algo.name()),
        text("series", |run| &run.label),
        Series::new("seed".into(), seeds),
        number("at", |row| Some(row.at)),
        word("split", |row| row.split.map(TaskList::name)),
        word("stage", |row| row.stage.map(Stage::name)),
        number("task", |row| row.task),
        Series::new("goal".into(), goals),
        number("course", |row| row.course),
        number("episode", |row| row.episode),
        number("context", |row| row.context),
        Series::new("return".into(), totals),
    ];
    let height = rows().count();
    let mut frame = DataFrame::new(height, columns.into_iter().map(Into::into).collect())?;
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame)?;
    Ok(bytes)
}

/// Returns the learning curves of runs that were evaluated; where there are tasks, on those that training does not
/// see, after adaptation.
pub(crate) fn curves(all: &[Gathered]) -> Vec<ReturnCurve> {
    let curve = |one: &Gathered| {
        let mut evaluations: Vec<(u64, Vec<f64>)> = Vec::new();
        for row in one.evaluated.iter().filter(|row| is_of_curve(row)) {
            match evaluations.last_mut() {
                Some((at, returns)) if *at == row.at => returns.push(row.total),
                _ => evaluations.push((row.at, vec![row.total])),
            }
        }
        let Run { env, algo, label, seed, .. } = one.run;
        (!evaluations.is_empty()).then(|| ReturnCurve {
            env: env.clone(),
            algo: *algo,
            series: label.clone(),
            seed: *seed,
            evaluations,
            seconds: Vec::new(),
        })
    };
    all.iter().filter_map(curve).collect()
}

fn is_of_curve(row: &Evaluated) -> bool {
    row.split.is_none_or(|split| split == TaskList::Test)
        && row.stage.is_none_or(|stage| stage == Stage::After)
}
