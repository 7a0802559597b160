//! One panel to be: its rows, what its spec asks for, and the lines that all panels of states have.

use super::figure::{Axis, Panel, Point, Reference, Series, smoothed};
use super::groups::{Group, Rows, by, by_critic, seeds};
use crate::analysis::summary::Column;
use crate::analysis::table::StateRow;
use crate::gradient::Settings;
use crate::stats::Estimate;
use crate::study::spec::Panel as PanelSpec;

/// Label of the axis of training.
pub(super) const STEPS: &str = "environment steps";

pub(super) fn step_axis() -> Axis {
    Axis::new(STEPS, "")
}

/// Dimensions that the comparison of a row was made in.
pub(super) fn dims(row: &StateRow) -> usize {
    if row.tried > 0 { row.tried as usize } else { row.dims as usize }
}

/// A curve from at least two points, else a line or a band; `None` without a point.
pub(super) fn reference(label: &str, points: Vec<Point>) -> Option<Reference> {
    match points[..] {
        [] => None,
        [only] if only.low < only.high => Some(Reference::band(label, only.low, only.high)),
        [only] => Some(Reference::level(label, only.y)),
        _ => Some(Reference::curve(label, points)),
    }
}

/// A panel to be drawn: its rows, and what its spec asks for.
pub(super) struct View<'v> {
    pub(super) group: Group<'v>,
    pub(super) spec: &'v PanelSpec,
    pub(super) column: Column,
    pub(super) settings: &'v Settings,
}

impl View<'_> {
    /// One line for each critic: a statistic of its rows at each step, as it is `shown`.
    pub(super) fn lines(
        &self,
        stat: impl Fn(&[&StateRow]) -> Estimate,
        shown: fn(Estimate) -> Estimate,
    ) -> Vec<Series> {
        by_critic(&self.group.rows)
            .into_iter()
            .map(|(critic, rows)| {
                let point = |(step, at): (u64, Rows<'_>)| {
                    Point::estimate(step as f64, &shown(self.group.over_seeds(&at, &stat)))
                };
                let points = by(&rows, |row| row.step).into_iter().map(point).collect();
                Series::line(critic, smoothed(points, self.spec.window), seeds(&rows))
            })
            .collect()
    }

    /// A panel against the step.
    pub(super) fn panel(
        &self,
        y: Axis,
        series: Vec<Series>,
        references: impl IntoIterator<Item = Option<Reference>>,
    ) -> Panel {
        let references = references.into_iter().flatten().collect();
        Panel { title: self.group.title.clone(), x: step_axis(), y, series, references }
    }

    /// Such a reference at each step.
    pub(super) fn reference_by_step(
        &self,
        label: &str,
        stat: impl Fn(&[&StateRow]) -> f64,
    ) -> Option<Reference> {
        let point = |(step, at): (u64, Rows<'_>)| {
            let [y, low, high] = self.group.over_critics(&at, &stat)?;
            Some(Point { x: step as f64, y, low, high })
        };
        let steps = by(&self.group.rows, |row| row.step);
        reference(label, steps.into_iter().filter_map(point).collect())
    }
}
