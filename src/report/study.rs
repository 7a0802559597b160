//! From rows of results to the figures of the paper: what is drawn, and with which band.
//!
//! Sees plain rows. Intervals are over seeds where there are several, else over the states of the
//! one run, or over its tasks where there are several; the subtitle says which. How environments share a
//! panel: `groups.rs`; shares of states: `learnable.rs`.

use std::convert::identity;

use super::figure::{Axis, Panel, Point, Reference, YRange, extremes};
use super::groups::{Rows, average, by, by_critic, groups};
use super::learnable;
use super::view::{View, dims, reference};
use crate::analysis::summary::{Column, corrected, mean_over_states, stacked};
use crate::analysis::table::StateRow;
use crate::gradient::{Mode, Settings};
use crate::stats::Estimate;
use crate::stats::corrected::FEWEST_STATES;
use crate::study::contrast::NORMAL_QUANTILE;
use crate::study::spec::{Draw, Panel as PanelSpec};

/// Beginning of the labels of returns.
const RETURN: &str = "return";

/// Panels of one unitless quantity share a range, so that they compare; returns differ by
/// environment and do not.
pub(crate) fn y_range(panels: &[Panel]) -> YRange {
    let same = panels.windows(2).all(|pair| pair[0].y.label == pair[1].y.label);
    let of_robot = |panel: &Panel| panel.y.label.starts_with(RETURN) || !panel.y.unit.is_empty();
    if same && !panels.iter().any(of_robot) { YRange::Shared } else { YRange::PerPanel }
}

/// Returns the panels that a panel of a spec asks for, from rows of states.
pub(crate) fn state_panels(
    rows: &[StateRow],
    spec: &PanelSpec,
    column: Column,
    settings: &Settings,
) -> Vec<Panel> {
    groups(rows, spec.facet)
        .into_iter()
        .map(|group| {
            let view = View { group, spec, column, settings };
            match spec.draw {
                Draw::LearnableByThreshold => learnable::by_threshold(&view),
                Draw::LearnableByStep => learnable::by_step(&view),
                // A spec of cosines asks for none of the others (`Spec::read`).
                Draw::MeanByStep
                | Draw::ReturnByStep
                | Draw::ReturnBySecond
                | Draw::NormalisedByStep => view.mean_by_step(),
                Draw::CorrectedByStep => view.corrected_by_step(),
                Draw::KappaByStep => view.kappa_by_step(),
            }
        })
        .collect()
}

impl View<'_> {
    /// What an exactly right critic would show at each step; `None` if nothing was replicated.
    fn ceiling(&self, label: &str) -> Option<Reference> {
        let of = |rows: &[&StateRow]| corrected(rows.iter().copied(), self.settings).ceiling.value;
        self.reference_by_step(label, of)
    }

    /// The range of the mean cosine of independent random directions, 95 %, of the critic in whose
    /// states it is widest; divided by the ceiling where the curves are.
    fn chance_band(&self, divided: bool) -> Option<Reference> {
        let half = |rows: &[&StateRow]| {
            let defined: Vec<&StateRow> =
                rows.iter().copied().filter(|row| self.column.of(row).is_finite()).collect();
            // A random direction in d dimensions has a cosine of variance 1/d.
            let variance: f64 = defined.iter().map(|row| 1.0 / dims(row) as f64).sum();
            let half = NORMAL_QUANTILE * variance.sqrt() / defined.len() as f64;
            if defined.len() < FEWEST_STATES.min(rows.len()) {
                return Estimate::without_interval(0.0, defined.len());
            }
            let ceiling = || {
                let found = corrected(rows.iter().copied(), self.settings);
                if found.resolved { found.ceiling.value } else { f64::NAN }
            };
            Estimate::symmetric(0.0, if divided { half / ceiling() } else { half }, defined.len())
        };
        let point = |(step, at): (u64, Rows<'_>)| {
            let widths = by_critic(&at).into_values().filter_map(|rows| {
                let by_run = by(&rows, |row| (row.env.as_str(), row.seed));
                let each: Vec<Estimate> = by_run.values().map(|rows| half(rows)).collect();
                let high = average(&each).high;
                high.is_finite().then_some(high)
            });
            let half = widths.reduce(f64::max)?;
            Some(Point { x: step as f64, y: 0.0, low: -half, high: half })
        };
        let steps = by(&self.group.rows, |row| row.step);
        reference("chance", steps.into_iter().filter_map(point).collect())
    }

    /// Corrected mean cosine at each step; gaps where independent estimates do not agree.
    fn corrected_by_step(&self) -> Panel {
        let resolved = |rows: &[&StateRow]| {
            let found = corrected(rows.iter().copied(), self.settings);
            if found.resolved {
                found.corrected
            } else {
                Estimate::without_interval(f64::NAN, found.states)
            }
        };
        let exact = Reference::level("exact critic", 1.0);
        let references =
            [self.chance_band(true), Some(exact), self.ceiling("ceiling before correction")];
        let lab = self.settings.mode == Mode::Lab;
        let y = Axis::new(if lab { "inside" } else { "corrected mean cosine" }, "");
        self.panel(y, self.lines(resolved, identity), references)
    }

    /// κ at each step; gaps where the truth does not stand out of its noise.
    fn kappa_by_step(&self) -> Panel {
        let known = |rows: &[&StateRow]| match stacked(rows.iter().copied()) {
            Some(found) if found.resolved => found.kappa,
            _ => Estimate::without_interval(f64::NAN, rows.len()),
        };
        let series = self.lines(known, identity);
        // Intervals may go far beyond what a cosine can be: they do not set the range.
        let values = series.iter().flat_map(|line| &line.points).map(|point| point.y);
        let (low, high) = extremes(values.filter(|kappa| kappa.is_finite()).chain([-1.0, 1.0]));
        let y = Axis::new("κ", "").with_range(low, high);
        self.panel(y, series, [Some(Reference::level("exact critic", 1.0))])
    }

    fn mean_by_step(&self) -> Panel {
        let label = match self.column {
            Column::Cosine if self.settings.mode == Mode::Lab => "cosine inside, not corrected",
            Column::Cosine => "mean cosine similarity",
            Column::SelfCosine => "cosine with own linear fit",
        };
        let y = Axis::new(label, "");
        let y = if self.column == Column::SelfCosine { y.with_range(-0.2, 1.0) } else { y };
        let series = self.lines(|at| mean_over_states(at.iter().copied(), self.column), identity);
        self.panel(y, series, [self.chance_band(false), self.ceiling("ceiling")])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::table::blank;
    use crate::report::ReferenceShape;
    use crate::study::spec::Facet;

    #[test]
    fn returns_of_different_environments_have_ranges_of_their_own() {
        let two = |label: &str| {
            let panel = Panel { y: Axis::new(label, ""), ..Panel::default() };
            y_range(&[panel.clone(), panel])
        };
        assert_eq!(two("mean cosine"), YRange::Shared);
        for label in ["return", "return of greedy episodes"] {
            assert_eq!(two(label), YRange::PerPanel);
        }
    }

    /// A state in three dimensions, with its cosine and that of two replicates.
    fn state(env: &str, cosine: f64, pair: f64) -> StateRow {
        StateRow {
            env: env.into(),
            critic: "a".into(),
            dims: 3,
            step: 7,
            cosine,
            block_cosine: cosine,
            replicate_cosine: pair,
            truth_dot_critic: cosine,
            truth_square: 1.0,
            critic_square: 1.0,
            error_square: 1.0,
            ..blank()
        }
    }

    fn panel(rows: &[StateRow], draw: Draw, tau: Option<f64>) -> Panel {
        let spec = PanelSpec { draw, tau, window: 1, facet: Facet::Pooled };
        state_panels(rows, &spec, Column::Cosine, &Settings::lab()).remove(0)
    }

    #[test]
    fn pooled_environments_are_corrected_one_by_one() {
        let of = |env, cosine, pair| vec![state(env, cosine, pair); 10];
        // 0.4/√0.64 and 0.4/√0.16; all states together would give 0.4/√0.4.
        let rows = [of("ant", 0.4, 0.64), of("hopper", 0.4, 0.16)].concat();
        let drawn = panel(&rows, Draw::CorrectedByStep, None);
        assert!((drawn.series[0].points[0].y - 0.75).abs() < 1e-12);
        assert_eq!(drawn.title, "Ant + Hopper");
        // One that is unresolved leaves a gap: the other alone is not the mean of both.
        let rows = [of("ant", 0.4, 0.64), of("hopper", 0.4, 0.04)].concat();
        assert!(panel(&rows, Draw::CorrectedByStep, None).series[0].points[0].y.is_nan());
    }

    #[test]
    fn the_band_around_chance_is_that_of_random_directions() {
        let rows = vec![state("ant", 0.4, 0.64); 12];
        let half = 1.959_963_984_540_054 * (12.0_f64 / 3.0).sqrt() / 12.0;
        let drawn = panel(&rows, Draw::MeanByStep, None);
        let of = |panel: &Panel, label: &str| {
            panel.references.iter().find(|r| r.label == label).unwrap().shape.clone()
        };
        let ReferenceShape::Band { low, high } = of(&drawn, "chance") else { panic!() };
        assert!((high - half).abs() < 1e-12 && (low + half).abs() < 1e-12);
        // Corrected curves are divided by the ceiling, and so is chance; the ceiling of all rollouts
        // is at least the 0.8 of one block.
        let drawn = panel(&rows, Draw::CorrectedByStep, None);
        let ReferenceShape::Band { high, .. } = of(&drawn, "chance") else { panic!() };
        let ReferenceShape::Level(ceiling) = of(&drawn, "ceiling before correction") else {
            panic!()
        };
        assert!((high - half / ceiling).abs() < 1e-12 && (0.8..=1.0).contains(&ceiling));
        assert_eq!(of(&drawn, "exact critic"), ReferenceShape::Level(1.0));
    }
}
