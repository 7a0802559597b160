//! Table 2 beside ours, and how much it hangs on the bins.

use super::super::tables::{Cell, Column, Table};
use super::super::theme::env_label;
use super::contrasts::{Closer, contrasts};
use super::{Group, groups, half};
use crate::analysis::measure::weights::{Layer, Measured, Start};
use crate::stats::summary;

/// One line for each environment, layer and initialisation, on the bins asked for.
pub(crate) fn distance_table(measured: &[Measured]) -> Table {
    let names = [
        ("layer", ""),
        ("environment", ""),
        ("weights", ""),
        ("std", ""),
        ("std of MLP-Small", ""),
        ("beyond its bound", "%"),
        ("TV", "%"),
        ("TV/2", "%"),
        ("two MLP-Smalls", "%"),
        ("excess TV", "points"),
        ("TV from uniform", "%"),
        ("KS", "%"),
        ("W₁", "bounds"),
        ("paper", "%"),
        ("paper − TV", "SD"),
        ("paper − TV/2", "SD"),
    ];
    let mut table = Table::new(names.map(|(name, unit)| Column::new(name, unit)));
    for group in groups(measured) {
        let s = group.summary();
        let tv = group.tv(0);
        let spread = summary::std(&group.values(|one| super::tv(one.distances.asked())));
        // Half of a number has half its spread.
        let off = |share: f64| {
            let off = s.published.map(|paper| (paper - share * tv.value) / (share * spread));
            off.filter(|x| x.is_finite()).map_or(Cell::Missing, Cell::number)
        };
        table.rows.push(vec![
            Cell::text(group.layer.name()),
            Cell::text(env_label(group.env.name())),
            Cell::text(group.start.name()),
            Cell::number(s.std[0]),
            Cell::number(s.std[1]),
            Cell::number(s.beyond),
            Cell::Interval(tv),
            Cell::Interval(half(&tv)),
            Cell::Interval(group.null(0)),
            Cell::Interval(group.excess(0)),
            Cell::Interval(group.mean(|one| 100.0 * one.uniform)),
            Cell::Interval(group.kolmogorov_smirnov()),
            Cell::Interval(group.wasserstein()),
            s.published.map_or(Cell::Missing, Cell::number),
            off(1.0),
            off(0.5),
        ]);
    }
    table.without_empty_columns()
}

/// Every choice of bins in one line: means over environments, what the claim would be, and how far the
/// paper's numbers are.
pub(crate) fn sensitivity_table(measured: &[Measured]) -> Table {
    let all = groups(measured);
    let starts: Vec<Start> =
        Start::ALL.iter().copied().filter(|s| all.iter().any(|g| g.start == *s)).collect();
    let mut columns = vec![Column::new("binning", ""), Column::new("bins", "")];
    for layer in Layer::ALL {
        columns.extend(starts.iter().map(|s| Column::new(format!("{layer} {s}"), "%")));
        columns.push(Column::new(format!("{layer} two MLP-Smalls"), "%"));
    }
    let claims = contrasts(measured, 0).len();
    if claims > 0 {
        columns.push(Column::new(format!("PyTorch's closer, of {claims}"), ""));
        columns.push(Column::new(format!("paper's closer, of {claims}"), ""));
    }
    columns.push(Column::new("|paper − TV|", "points"));
    columns.push(Column::new("|paper − TV/2|", "points"));
    let mut table = Table::new(columns);
    for i in order(measured) {
        let first = &measured[0].distances.binned[i];
        let mut row = vec![Cell::text(first.binning.name()), Cell::text(first.bins)];
        for layer in Layer::ALL {
            let of_layer = || all.iter().filter(|g| g.layer == layer);
            let over = |number: &dyn Fn(&Group<'_>) -> f64, start: Option<Start>| {
                let groups = of_layer().filter(|g| start.is_none_or(|s| s == g.start));
                Cell::number(summary::mean(&groups.map(number).collect::<Vec<_>>()))
            };
            row.extend(starts.iter().map(|s| over(&|g| g.tv(i).value, Some(*s))));
            row.push(over(&|g| summary::mean(&g.nulls(i)), None));
        }
        if claims > 0 {
            let found = contrasts(measured, i);
            for closer in [Closer::Pytorch, Closer::Paper] {
                let count = found.iter().filter(|c| c.closer == closer).count();
                row.push(Cell::text(count));
            }
        }
        for share in [1.0, 0.5] {
            row.push(Cell::number(off_paper(&all, i, share)));
        }
        table.rows.push(row);
    }
    table.without_empty_columns()
}

/// Returns the mean absolute difference between the paper's numbers and `share` of ours, in points, on
/// the `i`-th choice of bins; NaN if the paper has none.
pub(super) fn off_paper(groups: &[Group<'_>], i: usize, share: f64) -> f64 {
    let off = |g: &Group<'_>| Some((g.published()? - share * g.tv(i).value).abs());
    let off: Vec<f64> = groups.iter().filter_map(off).collect();
    if off.is_empty() { f64::NAN } else { summary::mean(&off) }
}

/// Indices of the choices of bins, by kind and number.
fn order(measured: &[Measured]) -> Vec<usize> {
    let Some(first) = measured.first() else { return Vec::new() };
    let binned = &first.distances.binned;
    let mut order: Vec<usize> = (0..binned.len()).collect();
    order.sort_by_key(|&i| (binned[i].binning, binned[i].bins));
    order
}

/// Every choice of bins for every environment, layer and initialisation: the rows of `sensitivity.csv`.
pub(crate) fn sensitivity_long(measured: &[Measured]) -> Table {
    let names = ["layer", "environment", "weights", "binning", "bins"];
    let numbers = [("TV", "%"), ("two MLP-Smalls", "%"), ("excess TV", "points")];
    let columns = names.map(|name| Column::new(name, "")).into_iter();
    let mut table = Table::new(columns.chain(numbers.map(|(name, unit)| Column::new(name, unit))));
    for group in groups(measured) {
        for i in order(measured) {
            let binned = &measured[0].distances.binned[i];
            table.rows.push(vec![
                Cell::text(group.layer.name()),
                Cell::text(group.env.name()),
                Cell::text(group.start.name()),
                Cell::text(binned.binning.name()),
                Cell::text(binned.bins),
                Cell::Interval(group.tv(i)),
                Cell::Interval(group.null(i)),
                Cell::Interval(group.excess(i)),
            ]);
        }
    }
    table
}
