//! The hyper-parameters of the paper beside our defaults, as a table.

use serde_json::json;

use super::finding::Finding;
use super::tables::{Cell, Table};
use super::text;
use crate::analysis::hyper_parameters::HyperParameter;

pub(crate) fn table(parameters: &[HyperParameter]) -> Table {
    let names = ["hyper-parameter", "key", "plain", "hypernetwork", "the paper's", "remark"];
    let row = |p: &HyperParameter| {
        let paper = match p.paper {
            _ if p.agrees() => "the same".into(),
            [plain, hyper] if plain == hyper => plain.to_owned(),
            both => both.join(" and "),
        };
        [p.name, p.key, &p.plain, &p.hyper, &paper, p.remark].map(Cell::text).into()
    };
    Table::of(names, parameters.iter().map(row))
}

pub(crate) fn finding(parameters: &[HyperParameter]) -> Finding {
    let table = table(parameters);
    Finding {
        files: vec![("summary.csv", table.clone())],
        table: Some(table),
        method: text::method(include_str!("text/hyper-parameters.md"), json!({})),
        ..Finding::default()
    }
}
