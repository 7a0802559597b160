//! What all runs of a sweep wrote down, as one table and as curves.

use polars::prelude::{DataFrame, NamedFrom, ParquetWriter, Series};

use super::plan::{Plan, Run};
use super::state::is_trained;
use crate::algo::{Evaluated, Stage};
use crate::analysis::measure::returns::ReturnCurve;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::run_log::RunLog;
use crate::checkpoint::save::step_folder;
use crate::env::TaskList;
use crate::error::Result;
use crate::stats::summary;

/// Runs whose evaluations are in memory at a time.
const AT_ONCE: usize = 250;

/// What the runs of a plan wrote down so far.
pub(crate) struct Gathered {
    /// A line for each run, in the order of the plan.
    pub runs: Vec<Summed>,
    /// Learning curves of the runs that were evaluated.
    pub curves: Vec<ReturnCurve>,
    /// All evaluations, a row each.
    pub parquet: Vec<u8>,
}

/// The end of a run.
pub(crate) struct Summed {
    /// Number of its evaluations.
    pub evaluations: usize,
    /// Mean of the last of them; NaN if there is none.
    pub last: f64,
    /// Hash of the weights with which it ended, as its last checkpoint says; whoever reads them checks it.
    pub weights: Option<String>,
}

/// A run and the returns of its evaluations.
struct Read<'p> {
    number: usize,
    run: &'p Run,
    evaluated: Vec<Evaluated>,
    weights: Option<String>,
}

/// Reads what the runs of a plan wrote down so far.
///
/// # Errors
/// Those of reading, [`crate::Error::Corrupt`] among them, and of polars.
pub(crate) fn gather(plan: &Plan) -> Result<Gathered> {
    let mut parquet = Vec::new();
    let schema = table(&[])?.schema().clone();
    let mut writer = ParquetWriter::new(&mut parquet).batched(&schema)?;
    let (mut runs, mut curves) = (Vec::new(), Vec::new());
    for (chunk, runs_of_chunk) in plan.runs.chunks(AT_ONCE).enumerate() {
        let read = |(i, run)| Read::of(plan, chunk * AT_ONCE + i, run);
        let read = runs_of_chunk.iter().enumerate().map(read).collect::<Result<Vec<_>>>()?;
        let frame = table(&read)?;
        if frame.height() > 0 {
            writer.write_batch(&frame)?;
        }
        curves.extend(read.iter().filter_map(curve));
        runs.extend(read.into_iter().map(summed));
    }
    writer.finish()?;
    Ok(Gathered { runs, curves, parquet })
}

impl<'p> Read<'p> {
    fn of(plan: &Plan, number: usize, run: &'p Run) -> Result<Self> {
        let folder = plan.folder_of(run);
        let hash = || Checkpoint::open(&step_folder(&folder, run.length));
        let last = is_trained(plan, run).then(hash).transpose()?;
        let weights = last.map(|last| last.manifest().hashes.weights.clone());
        Ok(Self { number, run, evaluated: RunLog::returns(&folder)?, weights })
    }
}

fn summed(one: Read) -> Summed {
    let at = one.evaluated.last().map(|row| row.at);
    let last = one.evaluated.iter().filter(|row| Some(row.at) == at).map(|row| row.total);
    let last = summary::mean(&last.collect::<Vec<_>>());
    Summed { evaluations: one.evaluated.len(), last, weights: one.weights }
}

/// Returns evaluations as a table, a row each.
fn table(all: &[Read]) -> Result<DataFrame> {
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
    let seeds: Vec<u64> = rows().map(|(one, _)| one.run.seed).collect();
    let goals: Vec<Option<f64>> = rows().map(|(_, row)| row.goal).collect();
    let totals: Vec<f64> = rows().map(|(_, row)| row.total).collect();
    let height = totals.len();
    let columns: Vec<Series> = vec![
        Series::new("number".into(), numbers),
        text("run", |run| run.folder.to_str().unwrap_or_default()),
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
    Ok(DataFrame::new(height, columns.into_iter().map(Into::into).collect())?)
}

/// Returns the learning curve of a run, if it was evaluated; where there are tasks, on those that training does not
/// see, after adaptation.
fn curve(one: &Read) -> Option<ReturnCurve> {
    let rows: Vec<&Evaluated> = one.evaluated.iter().filter(|row| is_of_curve(row)).collect();
    let point = |rows: &[&Evaluated]| (rows[0].at, rows.iter().map(|row| row.total).collect());
    let evaluations: Vec<(u64, Vec<f64>)> =
        rows.chunk_by(|one, next| one.at == next.at).map(point).collect();
    let Run { env, algo, label, seed, .. } = one.run;
    (!evaluations.is_empty()).then(|| ReturnCurve {
        env: env.clone(),
        algo: *algo,
        series: label.clone(),
        seed: *seed,
        evaluations,
        seconds: Vec::new(),
    })
}

fn is_of_curve(row: &Evaluated) -> bool {
    row.split.is_none_or(|split| split == TaskList::Test)
        && row.stage.is_none_or(|stage| stage == Stage::After)
}
