//! The rows of Table 3 that are of MAML and PEARL.

use std::sync::Arc;

use super::shared::{self, Done};
use crate::algo::RunConfig;
use crate::algo::maml::config::MamlConfig;
use crate::analysis::measure::runtime::{
    Effort, MODELS, MamlIteration, PearlStep, maml_iteration, pearl_step,
};
use crate::analysis::meta_spec::pearl_name;
use crate::env::Family;
use crate::error::{Error, Result};
use crate::nn::pearl::PearlModel;
use crate::report::theme::model_label;
use crate::report::{Cell, Column, Table};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct How<'a> {
    pub(super) family: Family,
    /// Only this model.
    pub(super) model: Option<&'a str>,
    pub(super) samples: usize,
    pub(super) json: bool,
}

impl How<'_> {
    /// Keeps those of `models` that are asked for, by their names.
    fn among<M: Copy>(self, models: &[M], name: impl Fn(M) -> String) -> Result<Vec<M>> {
        let Some(wanted) = self.model else { return Ok(models.to_vec()) };
        let found: Vec<M> = models.iter().copied().filter(|m| name(*m) == wanted).collect();
        if found.is_empty() {
            let known = models.iter().map(|m| name(*m)).collect::<Vec<_>>().join(", ");
            return Err(Error::UnknownName { kind: "model", name: wanted.into(), known });
        }
        Ok(found)
    }
}

/// Times iterations of MAML; prints Markdown or JSON.
pub(super) fn maml(how: How, workers: &Arc<rayon::ThreadPool>) -> Result<Done> {
    let How { family, samples, json, .. } = how;
    let mut found = Vec::new();
    let config = |(policy, multi_task)| MamlConfig { policy, multi_task, ..MamlConfig::default() };
    for model in how.among(&MODELS, |model| config(model).model())? {
        let one = maml_iteration(model, family, workers, samples)?;
        shared::note!("{:18} {:.1} s + {:.1} s", one.model, one.sampling, one.update);
        found.push(one);
    }
    if json {
        shared::print_json(&found)?;
        return Ok(Done::Finished);
    }
    let timed = ["sampling", "update", "iteration", "fastest", "slowest", "paper, with a GPU"];
    let names = ["model", "family", "threads"].into_iter().chain(timed);
    let unit = |name: &str| if timed.contains(&name) { "s" } else { "" };
    let names = names.chain(["environment steps"]);
    let mut table = Table::new(names.map(|name| Column::new(name, unit(name))));
    for one in &found {
        let MamlIteration { model, env, threads, sampling, update, seconds, min, max, .. } = one;
        let mut row = vec![Cell::text(&*model_label(model)), Cell::text(*env)];
        row.push(Cell::text(threads.to_string()));
        row.extend([sampling, update, seconds, min, max].map(|x| Cell::number(*x)));
        row.push(one.paper.map_or(Cell::Missing, Cell::number));
        row.push(Cell::text(one.steps.to_string()));
        table.rows.push(row);
    }
    shared::say!("{}", table.to_markdown()?);
    Ok(Done::Finished)
}

/// Times updates of PEARL; prints Markdown or JSON.
pub(super) fn pearl(how: How, workers: &Arc<rayon::ThreadPool>) -> Result<Done> {
    let How { family, samples, json, .. } = how;
    let effort = Effort { samples, ..Effort::FULL };
    let mut found = Vec::new();
    for model in how.among(&PearlModel::ALL, |model| pearl_name(model).into())? {
        let one = pearl_step(model, family, workers, effort)?;
        shared::note!("{:18} {:.0} ms", one.model, one.milliseconds);
        found.push(one);
    }
    if json {
        shared::print_json(&found)?;
        return Ok(Done::Finished);
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
    let mut table = Table::new(columns.map(|(name, unit)| Column::new(name, unit)));
    for one in &found {
        let PearlStep { milliseconds, min, max, seconds_of_updates, paper, .. } = *one;
        let mut row = vec![Cell::text(&*model_label(one.model)), Cell::text(one.env)];
        row.push(Cell::text(one.threads.to_string()));
        row.extend([milliseconds, min, max, seconds_of_updates, paper].map(Cell::number));
        table.rows.push(row);
    }
    shared::say!("{}", table.to_markdown()?);
    Ok(Done::Finished)
}
