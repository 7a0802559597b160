//! From rows of results to the figures of the paper: what is drawn, and with which band.
//!
//! Sees plain rows. Intervals are over seeds where there are several, else over the states of the
//! one run, or over its tasks where there are several; the subtitle says which. How environments share a
//! panel: `groups.rs`.
//!
//! Shares of states are shares of *all* states, in the critic's curve, chance and replicate alike: a
//! state in which a number is undefined (saturated actions) lies below every threshold.

use std::convert::identity;

use super::figure::{Axis, Panel, Point, Reference, Series, YRange, smoothed};
use super::groups::{Group, Rows, average, by, by_critic, groups, seeds};
use crate::analysis::summary::{Column, corrected, learnable, mean_over_states, of_share, stacked};
use crate::analysis::table::{StateRow, by_task};
use crate::gradient::{Mode, Settings};
use crate::stats::corrected::FEWEST_STATES;
use crate::stats::hypothesis::dkw_half_width;
use crate::stats::similarity::chance_above;
use crate::stats::{Estimate, LEVEL, summary};
use crate::study::contrast::NORMAL_QUANTILE;
use crate::study::spec::{Draw, Panel as PanelSpec};

/// Thresholds of a learnable-state curve.
const THRESHOLDS: usize = 51;

/// What labels of returns begin with.
const RETURN: &str = "return";

/// Panels of one unitless quantity share a range, so that they compare; returns differ by
/// environment and do not.
pub(crate) fn y_range(panels: &[Panel]) -> YRange {
    let same = panels.windows(2).all(|pair| pair[0].y.label == pair[1].y.label);
    let returns = panels.iter().any(|panel| panel.y.label.starts_with(RETURN));
    if same && !returns { YRange::Shared } else { YRange::PerPanel }
}

/// Returns the panels that a panel of a spec asks for, from rows of states.
pub(crate) fn state_panels(
    rows: &[StateRow],
    spec: &PanelSpec,
    (column, settings): (Column, &Settings),
) -> Vec<Panel> {
    groups(rows, spec.facet)
        .into_iter()
        .map(|group| {
            let view = View { group, spec, column, settings };
            match spec.draw {
                Draw::LearnableByThreshold => view.by_threshold(),
                Draw::LearnableByStep => view.learnable_by_step(),
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

/// Dimensions that the comparison of a row was made in.
fn dims(row: &StateRow) -> usize {
    if row.tried > 0 { row.tried as usize } else { row.dims as usize }
}

/// A curve from at least two points, else a line or a band; `None` without a point.
fn reference(label: &str, points: Vec<Point>) -> Option<Reference> {
    match points[..] {
        [] => None,
        [only] if only.low < only.high => Some(Reference::band(label, only.low, only.high)),
        [only] => Some(Reference::level(label, only.y)),
        _ => Some(Reference::curve(label, points)),
    }
}

/// Label of the axis of training.
pub(super) const STEPS: &str = "environment steps";

fn step_axis() -> Axis {
    Axis::new(STEPS, "")
}

/// One panel to be: its rows, and what its spec asks for.
struct View<'v> {
    group: Group<'v>,
    spec: &'v PanelSpec,
    column: Column,
    settings: &'v Settings,
}

impl View<'_> {
    /// One line for each critic: a statistic of its rows at each step, as it is `shown`.
    fn lines(
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

    /// Such a reference at each step.
    fn reference_by_step(
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

    /// Share of states in which a random direction exceeds `tau`; it does not where the critic's
    /// cosine is undefined.
    fn chance(&self, rows: &[&StateRow], tau: f64) -> f64 {
        let of = |row: &&StateRow| {
            let defined = self.column.of(row).is_finite();
            if defined { chance_above(tau, dims(row)) } else { 0.0 }
        };
        summary::mean(&rows.iter().map(of).collect::<Vec<_>>())
    }

    fn by_threshold(&self) -> Panel {
        let rows = &self.group.rows;
        let taus: Vec<f64> = (0..THRESHOLDS).map(|i| i as f64 / (THRESHOLDS - 1) as f64).collect();
        let series = by_critic(rows).into_iter().map(|(critic, rows)| {
            let point = |&tau: &f64| {
                let share = |rows: &[&StateRow]| learnable(rows.iter().copied(), self.column, tau);
                Point::estimate(tau, &of_share(self.group.over_seeds(&rows, &share)))
            };
            let series = Series::step(critic, taus.iter().map(point).collect(), seeds(&rows));
            // States that share a task are no independent draws, which this band asks for.
            let independent = seeds(&rows) == 1 && by_task(&rows).is_none();
            if independent { series.with_outer(whole_curve(&rows)) } else { series }
        });
        let curve = |label, stat: &dyn Fn(&[&StateRow], f64) -> f64| {
            let point = |&tau: &f64| {
                let [y, low, high] = self.group.over_critics(rows, |rows| stat(rows, tau))?;
                Some(Point { x: tau, y, low, high })
            };
            reference(label, taus.iter().filter_map(point).collect())
        };
        // Two independent estimates, each as noisy as a part of the rollouts is: an exactly right
        // critic lies above this curve (docs/estimator.md §6.1).
        let replicate = |rows: &[&StateRow], tau: f64| {
            let above = rows.iter().filter(|row| row.replicate_cosine > tau).count();
            above as f64 / rows.len() as f64
        };
        let replicated =
            self.column == Column::Cosine && rows.iter().any(|r| r.replicate_cosine.is_finite());
        let chance = curve("chance", &|rows, tau| self.chance(rows, tau));
        let replicate = replicated.then(|| curve("replicate", &replicate)).flatten();
        Panel {
            title: format!("{}, all checkpoints", self.group.title),
            x: Axis::new("threshold τ", "").with_range(0.0, 1.0),
            y: Axis::new("states with cosine > τ", "share").with_range(0.0, 1.0),
            series: series.collect(),
            references: [chance, replicate].into_iter().flatten().collect(),
        }
    }

    fn learnable_by_step(&self) -> Panel {
        let tau = self.spec.tau.unwrap_or_default();
        Panel {
            title: format!("{}, τ = {tau}", self.group.title),
            x: step_axis(),
            y: Axis::new(format!("states with cosine > {tau}"), "share").with_range(0.0, 1.0),
            series: self.lines(|at| learnable(at.iter().copied(), self.column, tau), of_share),
            references: self
                .reference_by_step("chance", |rows| self.chance(rows, tau))
                .into_iter()
                .collect(),
        }
    }

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
        Panel {
            title: self.group.title.clone(),
            x: step_axis(),
            y: Axis::new(
                if self.settings.mode == Mode::Lab { "inside" } else { "corrected mean cosine" },
                "",
            ),
            series: self.lines(resolved, identity),
            references: references.into_iter().flatten().collect(),
        }
    }

    /// κ at each step; gaps where the truth does not stand out of its noise.
    fn kappa_by_step(&self) -> Panel {
        let known = |rows: &[&StateRow]| match stacked(rows.iter().copied()) {
            Some(found) if found.resolved => found.kappa,
            _ => Estimate::without_interval(f64::NAN, rows.len()),
        };
        Panel {
            title: self.group.title.clone(),
            x: step_axis(),
            y: Axis::new("κ", ""),
            series: self.lines(known, identity),
            references: vec![Reference::level("exact critic", 1.0)],
        }
    }

    fn mean_by_step(&self) -> Panel {
        let label = match self.column {
            Column::Cosine if self.settings.mode == Mode::Lab => "cosine inside, not corrected",
            Column::Cosine => "mean cosine similarity",
            Column::SelfCosine => "cosine with own linear fit",
        };
        let y = Axis::new(label, "");
        let own = self.column == Column::SelfCosine;
        let references = [self.chance_band(false), self.ceiling("ceiling")];
        Panel {
            title: self.group.title.clone(),
            x: step_axis(),
            y: if own { y.with_range(-0.2, 1.0) } else { y },
            series: self.lines(|at| mean_over_states(at.iter().copied(), self.column), identity),
            references: references.into_iter().flatten().collect(),
        }
    }
}

/// Half-width of the simultaneous band (DKW) around a whole learnable-state curve of one seed;
/// over several environments, the average of bands that hold together (Bonferroni).
fn whole_curve(rows: &[&StateRow]) -> f64 {
    let by_env = by(rows, |row| row.env.as_str());
    let level = 1.0 - (1.0 - LEVEL) / by_env.len() as f64;
    let each: Vec<f64> = by_env.values().map(|rows| dkw_half_width(rows.len(), level)).collect();
    summary::mean(&each)
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
        state_panels(rows, &spec, (Column::Cosine, &Settings::lab())).remove(0)
    }

    fn curve<'p>(panel: &'p Panel, label: &str) -> &'p [Point] {
        let found = panel.references.iter().find(|reference| reference.label == label).unwrap();
        let ReferenceShape::Curve(points) = &found.shape else { panic!("{found:?}") };
        points
    }

    #[test]
    fn critic_chance_and_replicate_are_shares_of_the_same_states() {
        let nan = f64::NAN;
        let states = [(0.9, 0.8), (0.1, 0.7), (nan, nan), (nan, nan)];
        let rows: Vec<StateRow> = states.iter().map(|&(c, pair)| state("ant", c, pair)).collect();
        let drawn = panel(&rows, Draw::LearnableByThreshold, None);
        // At τ = 0.5: one, two, and a quarter (a random direction in three dimensions) of two, of four.
        let at = |points: &[Point]| {
            let point = points.iter().find(|point| (point.x - 0.5).abs() < 1e-9).unwrap();
            point.y
        };
        assert!((at(&drawn.series[0].points) - 0.25).abs() < 1e-12);
        assert!((at(curve(&drawn, "replicate")) - 0.5).abs() < 1e-12);
        assert!((at(curve(&drawn, "chance")) - 0.125).abs() < 1e-12);
        // √(ln 40 / 8)
        assert!((drawn.series[0].outer.unwrap() - 0.679_050_8).abs() < 1e-6);
        let by_step = panel(&rows, Draw::LearnableByStep, Some(0.5));
        let ReferenceShape::Level(chance) = by_step.references[0].shape else { panic!() };
        assert!((chance - 0.125).abs() < 1e-12);
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
