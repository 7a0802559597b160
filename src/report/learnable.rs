//! Panels of learnable states: in what share of them the cosine exceeds a threshold.
//!
//! Shares are of *all* states, in the critic's curve, chance and ceiling alike: a state in which a number is
//! undefined lies below every threshold.

use std::collections::BTreeMap;

use super::figure::{Axis, Panel, Point, Reference, Series};
use super::groups::{by, by_critic, seeds};
use super::numbers::fixed;
use super::view::{View, dims, reference};
use crate::analysis::exact_critic::ExactCritic;
use crate::analysis::summary::{
    Column, Interval, Status, Summary, THRESHOLDS as SUMMARISED, learnable, of_share,
};
use crate::analysis::table::{StateRow, by_task};
use crate::gradient::Mode;
use crate::stats::hypothesis::dkw_half_width;
use crate::stats::similarity::chance_above;
use crate::stats::{LEVEL, summary};

/// Thresholds of a curve.
const THRESHOLDS: usize = 51;

/// Label of what an exactly right critic would have.
const CEILING: &str = "ceiling";

/// The rows that share a policy and so have one law of signal and noise: a critic's run in an environment.
type Run<'r> = (&'r str, u64, &'r str);

fn run(row: &StateRow) -> Run<'_> {
    (&row.critic, row.seed, &row.env)
}

/// Returns the share of states above each threshold, over all checkpoints.
pub(super) fn by_threshold(view: &View<'_>) -> Panel {
    let rows = &view.group.rows;
    let taus: Vec<f64> = (0..THRESHOLDS).map(|i| i as f64 / (THRESHOLDS - 1) as f64).collect();
    let series = by_critic(rows).into_iter().map(|(critic, rows)| {
        let point = |&tau: &f64| {
            let share = |rows: &[&StateRow]| learnable(rows.iter().copied(), view.column, tau);
            Point::estimate(tau, &of_share(view.group.over_seeds(&rows, &share)))
        };
        let series = Series::step(critic, taus.iter().map(point).collect(), seeds(&rows));
        // States that share a task are no independent draws, which this band asks for.
        let independent = seeds(&rows) == 1 && by_task(&rows).is_none();
        if independent { series.with_outer(whole_curve(&rows)) } else { series }
    });
    let curve = |label, stat: &dyn Fn(&[&StateRow], f64) -> f64| -> Option<Reference> {
        let point = |&tau: &f64| {
            let [y, low, high] = view.group.over_critics(rows, |rows| stat(rows, tau))?;
            Some(Point { x: tau, y, low, high })
        };
        reference(label, taus.iter().filter_map(point).collect())
    };
    let chance = curve("chance", &|rows, tau| chance(view.column, rows, tau));
    let right = match (view.column, view.settings.mode) {
        (Column::SelfCosine, _) => None,
        (Column::Cosine, Mode::Lab) => {
            let exact: BTreeMap<Run<'_>, Option<ExactCritic>> = by(rows, run)
                .into_iter()
                .map(|(run, rows)| (run, ExactCritic::of(&rows, view.settings)))
                .collect();
            curve(CEILING, &|rows, tau| {
                exact[&run(rows[0])].as_ref().map_or(f64::NAN, |critic| critic.above(tau))
            })
        }
        // Two independent estimates, each as noisy as half of the rollouts is: an exactly right
        // critic lies above this curve (docs/estimator.md §6.1).
        (Column::Cosine, Mode::Paper | Mode::AsReleased) => {
            let replicated = rows.iter().any(|row| row.replicate_cosine.is_finite());
            replicated.then(|| curve("two halves", &halves_above)).flatten()
        }
    };
    Panel {
        title: format!("{}, all checkpoints", view.group.title),
        x: Axis::new("threshold τ", "").with_range(0.0, 1.0),
        y: Axis::new("states with cosine > τ", "share").with_range(0.0, 1.0),
        series: series.collect(),
        references: [chance, right].into_iter().flatten().collect(),
    }
}

/// Returns the share of states above the threshold of the spec, at each step.
pub(super) fn by_step(view: &View<'_>) -> Panel {
    let tau = view.spec.tau.unwrap_or_default();
    let chance = view.reference_by_step("chance", |rows| chance(view.column, rows, tau));
    let exact = |rows: &[&StateRow]| {
        ExactCritic::of(rows, view.settings).map_or(f64::NAN, |critic| critic.above(tau))
    };
    let of_returns = view.column == Column::Cosine;
    let ceiling = of_returns.then(|| view.reference_by_step(CEILING, exact)).flatten();
    let y = Axis::new(format!("states with cosine > {tau}"), "share").with_range(0.0, 1.0);
    let series = view.lines(|at| learnable(at.iter().copied(), view.column, tau), of_share);
    let title = format!("{}, τ = {tau}", view.group.title);
    Panel { title, ..view.panel(y, series, [chance, ceiling]) }
}

/// Says in what share of its states a checkpoint is above the first threshold, beside an exactly right critic and
/// chance.
pub(super) fn sentence(whose: &str, s: &Summary) -> String {
    let tau = SUMMARISED[0].to_string();
    let percent = |share: f64| fixed(100.0 * share, 0);
    let Interval { low, high, .. } = s.learnable_interval[&tau];
    let within = if low.is_finite() && high.is_finite() {
        format!(" ({} to {} %)", percent(low), percent(high))
    } else {
        String::new()
    };
    let seen = format!(
        "{whose}: {} %{within} of {} states have a cosine above {tau}",
        percent(s.learnable[&tau]),
        s.states
    );
    let chance = percent(s.chance[&tau]);
    let resolved = s.noise.as_ref().is_some_and(|noise| noise.status == Status::Resolved);
    match s.learnable_ceiling[&tau] {
        exact if exact.is_finite() => format!(
            "{seen}; with an exactly right critic it would be about {} %, by chance {chance} %.",
            percent(exact)
        ),
        _ if resolved => format!(
            "{seen}; by chance it would be {chance} %. What it would be with an exactly right critic, only lab mode \
             can tell."
        ),
        _ => format!(
            "{seen}; by chance it would be {chance} %. What it would be with an exactly right critic cannot be \
             told: independent estimates of the true gradient do not agree, so that this says nothing about the \
             critic."
        ),
    }
}

/// Share of states in which a random direction exceeds `tau`; it does not where the critic's
/// cosine is undefined.
fn chance(column: Column, rows: &[&StateRow], tau: f64) -> f64 {
    let of = |row: &&StateRow| {
        let defined = column.of(row).is_finite();
        if defined { chance_above(tau, dims(row)) } else { 0.0 }
    };
    summary::mean(&rows.iter().map(of).collect::<Vec<_>>())
}

/// Share of states in which the estimates of two halves of the rollouts have a cosine above `tau`.
fn halves_above(rows: &[&StateRow], tau: f64) -> f64 {
    let above = rows.iter().filter(|row| row.replicate_cosine > tau).count();
    above as f64 / rows.len() as f64
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
    use crate::analysis::summary::summarise;
    use crate::analysis::table::blank;
    use crate::gradient::Settings;
    use crate::report::ReferenceShape;
    use crate::report::groups::groups;
    use crate::study::spec::{Draw, Facet, Panel as PanelSpec};

    /// A state in three dimensions, with its cosine and that of two replicates.
    fn state(cosine: f64, pair: f64) -> StateRow {
        StateRow {
            env: "ant".into(),
            critic: "a".into(),
            dims: 3,
            tried: 3,
            step: 7,
            cosine,
            block_cosine: cosine,
            replicate_cosine: pair,
            ..blank()
        }
    }

    fn panel(
        rows: &[StateRow],
        mode: Mode,
        tau: Option<f64>,
        draw: fn(&View<'_>) -> Panel,
    ) -> Panel {
        let settings = Settings { mode, ..Settings::lab() };
        let which = Draw::LearnableByThreshold;
        let spec = PanelSpec { draw: which, tau, window: 1, facet: Facet::Pooled };
        let group = groups(rows, Facet::Pooled).remove(0);
        draw(&View { group, spec: &spec, column: Column::Cosine, settings: &settings })
    }

    fn find<'p>(panel: &'p Panel, label: &str) -> Option<&'p Reference> {
        panel.references.iter().find(|reference| reference.label == label)
    }

    /// The value at a threshold of 0.5.
    fn at_half(points: &[Point]) -> f64 {
        points.iter().find(|point| (point.x - 0.5).abs() < 1e-9).unwrap().y
    }

    fn curve(panel: &Panel, label: &str) -> f64 {
        let found = find(panel, label).unwrap();
        let ReferenceShape::Curve(points) = &found.shape else { panic!("{found:?}") };
        at_half(points)
    }

    #[test]
    fn critic_chance_and_halves_are_shares_of_the_same_states() {
        let nan = f64::NAN;
        let states = [(0.9, 0.8), (0.1, 0.7), (nan, nan), (nan, nan)];
        let rows: Vec<StateRow> = states.iter().map(|&(c, pair)| state(c, pair)).collect();
        let drawn = panel(&rows, Mode::Paper, None, by_threshold);
        // At τ = 0.5: one, two, and a quarter (a random direction in three dimensions) of two, of four.
        assert!((at_half(&drawn.series[0].points) - 0.25).abs() < 1e-12);
        assert!((curve(&drawn, "two halves") - 0.5).abs() < 1e-12);
        assert!((curve(&drawn, "chance") - 0.125).abs() < 1e-12);
        // √(ln 40 / 8)
        assert!((drawn.series[0].outer.unwrap() - 0.679_050_8).abs() < 1e-6);
        assert_eq!(find(&drawn, CEILING), None);
        let of_step = panel(&rows, Mode::Paper, Some(0.5), by_step);
        let ReferenceShape::Level(chance) = of_step.references[0].shape else { panic!() };
        assert!((chance - 0.125).abs() < 1e-12 && of_step.references.len() == 1);
    }

    #[test]
    fn where_blocks_agree_an_exact_critic_is_above_wherever_a_cosine_is_defined() {
        let clear = vec![state(0.1, 0.9999); 30];
        let rows = [clear, vec![state(f64::NAN, f64::NAN); 10]].concat();
        let drawn = panel(&rows, Mode::Lab, None, by_threshold);
        assert!((curve(&drawn, CEILING) - 0.75).abs() < 1e-6);
        assert_eq!(find(&drawn, "two halves"), None);
        let of_step = panel(&rows, Mode::Lab, Some(0.5), by_step);
        let ReferenceShape::Level(ceiling) = find(&of_step, CEILING).unwrap().shape else {
            panic!()
        };
        assert!((ceiling - 0.75).abs() < 1e-6);
    }

    #[test]
    fn noise_alone_has_no_ceiling() {
        let rows: Vec<StateRow> = (0..40).map(|i| state(0.2, 0.1 * f64::from(i % 5 - 2))).collect();
        for drawn in [
            panel(&rows, Mode::Lab, None, by_threshold),
            panel(&rows, Mode::Lab, Some(0.5), by_step),
        ] {
            assert_eq!(find(&drawn, CEILING), None);
            assert!(find(&drawn, "chance").is_some());
        }
    }

    #[test]
    fn a_share_is_told_beside_an_exactly_right_critic_and_chance() {
        let told = |pair: f64, mode: Mode| {
            let state = |i: u64| {
                let cosine = if i < 15 { 0.5 } else { 0.1 };
                StateRow { state: i, chance_25: 0.25, chance_75: 0.125, ..state(cosine, pair) }
            };
            let rows: Vec<StateRow> = (0..30).map(state).collect();
            let settings = Settings { mode, ..Settings::lab() };
            sentence("It", &summarise(&rows, Column::Cosine, &settings))
        };
        let seen = "It: 50 % (33 to 67 %) of 30 states have a cosine above 0.25; ";
        let clear = told(0.9999, Mode::Lab);
        let exact = "with an exactly right critic it would be about 100 %, by chance 25 %.";
        assert_eq!(clear, format!("{seen}{exact}"));
        for (pair, mode, why) in [
            (0.9999, Mode::Paper, "only lab mode can tell."),
            (0.0, Mode::Lab, "do not agree, so that this says nothing about the critic."),
        ] {
            let told = told(pair, mode);
            assert!(told.starts_with(&format!("{seen}by chance it would be 25 %.")), "{told}");
            assert!(told.ends_with(why), "{told}");
        }
    }
}
