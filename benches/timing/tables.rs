//! Table 3 on this machine, as Markdown or JSON: TD3 and SAC, MAML, PEARL.

use std::sync::Arc;

use hyperl::algo::RunConfig;
use hyperl::algo::maml::config::MamlConfig;
use hyperl::analysis::series::pearl_name;
use hyperl::nn::critic::CriticKind;
use hyperl::nn::pearl::PearlModel;
use hyperl::report::theme::model_label;
use hyperl::report::{Cell, Column, Table, to_json};
use hyperl::{Error, Result};
use rayon::ThreadPool;

use crate::breakdown::{self, TrainParts, printed};
use crate::meta::{self, MODELS, MamlIteration, PearlStep};
use crate::sample::Effort;
use crate::{Args, FEW_SAMPLES};

/// A row of a table.
type Row = Vec<Cell>;

/// Prints JSON, or rows under their columns (name, unit).
fn print<T: serde::Serialize>(
    args: &Args,
    found: &[T],
    columns: &[(&str, &str)],
    row: impl Fn(&T) -> Row,
) -> Result<()> {
    if args.json {
        println!("{}", to_json(&found)?);
        return Ok(());
    }
    let mut table = Table::new(columns.iter().map(|(name, unit)| Column::new(*name, *unit)));
    table.rows.extend(found.iter().map(row));
    println!("{}", table.to_markdown()?);
    Ok(())
}

/// Times the steps of TD3 and SAC and their parts.
pub(crate) fn training(args: &Args, workers: &Arc<ThreadPool>) -> Result<()> {
    let env = args.env.unwrap_or(hyperl::env::EnvId::HalfCheetah);
    let mut found: Vec<TrainParts> = Vec::new();
    for (algo, critic) in args.trainings() {
        eprintln!("{algo} {critic}");
        found.push(breakdown::train_parts(algo, critic, env, workers, args.effort())?);
    }
    let mut columns = vec![("algorithm", ""), ("critic", ""), ("5000 steps", "s")];
    columns.extend([("× MLP-Standard", ""), ("paper", "")]);
    let parts = found.first().into_iter().flat_map(|f| &f.parts);
    columns.extend(parts.map(|part| (part.name, "")));
    print(args, &found, &columns, |f| {
        let base = CriticKind::MlpStandard.name();
        let base = found.iter().find(|other| other.algo == f.algo && other.model == base);
        let [mlp, hyper] = printed(f.algo);
        let is_hyper = f.model == CriticKind::SaHyper.name();
        let mut row = vec![
            Cell::text(f.algo.name()),
            Cell::text(&*model_label(f.model)),
            Cell::number(f.seconds_of_5000),
            base.map_or(Cell::Missing, |b| Cell::number(f.seconds_of_5000 / b.seconds_of_5000)),
            if is_hyper { Cell::number(hyper / mlp) } else { Cell::Missing },
        ];
        row.extend(f.parts.iter().map(|part| Cell::text(format!("{:.0} %", 100.0 * part.share))));
        row
    })
}

impl Args {
    /// Samples of the slow work of MAML and PEARL.
    fn few_samples(&self) -> usize {
        if self.quick { 1 } else { self.samples.unwrap_or(FEW_SAMPLES) }
    }

    /// Keeps those of `models` that are asked for, by their names.
    fn among<M: Copy>(&self, models: &[M], name: impl Fn(M) -> String) -> Result<Vec<M>> {
        let Some(wanted) = &self.model else { return Ok(models.to_vec()) };
        let found: Vec<M> = models.iter().copied().filter(|m| name(*m) == *wanted).collect();
        if found.is_empty() {
            let known = models.iter().map(|m| name(*m)).collect::<Vec<_>>().join(", ");
            return Err(Error::UnknownName { kind: "model", name: wanted.clone(), known });
        }
        Ok(found)
    }
}

/// Times iterations of MAML.
pub(crate) fn maml(args: &Args, workers: &Arc<ThreadPool>) -> Result<()> {
    let config = |(policy, multi_task)| MamlConfig {
        env: args.family,
        policy,
        multi_task,
        ..MamlConfig::default()
    };
    let mut found = Vec::new();
    for model in args.among(&MODELS, |model| config(model).model())? {
        let one = meta::maml_iteration(config(model), workers, args.few_samples())?;
        eprintln!("{:18} {:.1} s + {:.1} s", one.model, one.sampling, one.update);
        found.push(one);
    }
    let columns = [
        ("model", ""),
        ("family", ""),
        ("threads", ""),
        ("sampling", "s"),
        ("update", "s"),
        ("iteration", "s"),
        ("fastest", "s"),
        ("slowest", "s"),
        ("paper, with a GPU", "s"),
        ("environment steps", ""),
    ];
    print(args, &found, &columns, |one| {
        let MamlIteration { model, env, threads, sampling, update, seconds, min, max, .. } = one;
        let mut row = vec![Cell::text(&*model_label(model)), Cell::text(*env)];
        row.push(Cell::text(threads.to_string()));
        row.extend([sampling, update, seconds, min, max].map(|x| Cell::number(*x)));
        row.push(one.paper.map_or(Cell::Missing, Cell::number));
        row.push(Cell::text(one.steps.to_string()));
        row
    })
}

/// Times updates of PEARL.
pub(crate) fn pearl(args: &Args, workers: &Arc<ThreadPool>) -> Result<()> {
    let effort = Effort { samples: args.few_samples(), ..Effort::FULL };
    let mut found = Vec::new();
    for model in args.among(&PearlModel::ALL, |model| pearl_name(model).into())? {
        let one = meta::pearl_step(model, args.family, workers, effort)?;
        eprintln!("{:18} {:.0} ms", one.model, one.milliseconds);
        found.push(one);
    }
    let columns = [
        ("model", ""),
        ("family", ""),
        ("threads", ""),
        ("update", "ms"),
        ("fastest", "ms"),
        ("slowest", "ms"),
        ("updates of 5000 environment steps", "s"),
        ("paper, with a GPU", "s"),
    ];
    print(args, &found, &columns, |one| {
        let PearlStep { milliseconds, min, max, seconds_of_updates, paper, .. } = *one;
        let mut row = vec![Cell::text(&*model_label(one.model)), Cell::text(one.env)];
        row.push(Cell::text(one.threads.to_string()));
        row.extend([milliseconds, min, max, seconds_of_updates, paper].map(Cell::number));
        row
    })
}
