//! PEARL in tasks that it was not trained on: table, curves over the context, and what they say.

use std::collections::BTreeSet;

use serde_json::json;

use super::figure::{Axis, Panel, Point, Series};
use super::finding::{Answer, Finding, appendix};
use super::page::Headline;
use super::tables::{Cell, Table};
use super::text;
use super::theme::{env_label, model_label};
use super::{interval, returns_method, undefined};
use crate::algo::registry::Config;
use crate::analysis::measure::returns::{ReturnCurve, Run};
use crate::analysis::measure::task_gap::{Gap, GapDifference, gap_differences, task_gap};
use crate::analysis::series::task_label;
use crate::env::TaskList;
use crate::stats::resample::jackknife;
use crate::stats::summary::mean;
use crate::stats::{Estimate, LEVEL};
use crate::study::claim::{Evidence, Verdict};

/// Seeds from which a verdict is given: the paper's.
const SEEDS: usize = 5;

fn gap_table(gaps: &[Gap]) -> Table {
    let names = ["family", "model", "seed", "iteration", "training tasks", "test tasks", "gap"];
    let row = |gap: &Gap| {
        let [train, test] = gap.scores;
        vec![
            Cell::text(&gap.env),
            Cell::text(model_label(&gap.model)),
            Cell::text(gap.seed),
            Cell::text(gap.iteration),
            Cell::Interval(train),
            Cell::Interval(test),
            Cell::Interval(gap.gap),
        ]
    };
    Table::of(names, gaps.iter().map(row))
}

/// Returns a row for each family and seed that both models have.
fn difference_table(differences: &[GapDifference]) -> Table {
    let names = ["family", "seed", "training tasks", "test tasks", "gap"];
    let row = |d: &GapDifference| {
        let mut row = vec![Cell::text(&d.env), Cell::text(d.seed)];
        row.extend([d.train, d.test, d.gap].map(Cell::Interval));
        row
    };
    Table::of(names, differences.iter().map(row))
}

/// Returns one panel for each family: return against the transitions behind z, one curve for each model and
/// list of tasks. With one seed its interval is over tasks, with several over their means.
fn context_panels(gaps: &[Gap]) -> Vec<Panel> {
    let mut panels: Vec<Panel> = Vec::new();
    for (index, gap) in gaps.iter().enumerate() {
        let of_model = |other: &&Gap| (&other.env, &other.model) == (&gap.env, &gap.model);
        if gaps[..index].iter().any(|other| of_model(&other)) {
            continue;
        }
        let seeds: Vec<&Gap> = gaps.iter().filter(of_model).collect();
        let series = [TaskList::Train, TaskList::Test].into_iter().enumerate().map(|(list, on)| {
            let name = task_label(&gap.model, on);
            match seeds[..] {
                [one] => {
                    let points = one.contexts[list].iter();
                    let points = points.map(|at| Point::estimate(at.context, &at.total));
                    Series::line(&name, points.collect(), one.tasks[list].len())
                }
                _ => Series::line(&name, over_seeds(&seeds, list), seeds.len()),
            }
        });
        let title = env_label(&gap.env);
        match panels.iter_mut().find(|panel| panel.title == title) {
            Some(panel) => panel.series.extend(series),
            None => panels.push(Panel {
                title: title.into(),
                x: Axis::new("transitions behind z", ""),
                y: Axis::new("return of an episode", ""),
                series: series.collect(),
                references: Vec::new(),
            }),
        }
    }
    panels.into_iter().map(Panel::around_points).collect()
}

/// Means over seeds of a list's returns, one for each trajectory that all of them have.
fn over_seeds(seeds: &[&Gap], list: usize) -> Vec<Point> {
    let all = seeds.iter().map(|gap| gap.contexts[list].len()).min().unwrap_or(0);
    let point = |place: usize| {
        let at = seeds.iter().map(|gap| gap.contexts[list][place]);
        let (contexts, totals): (Vec<f64>, Vec<f64>) =
            at.map(|at| (at.context, at.total.value)).unzip();
        Point::estimate(mean(&contexts), &jackknife(&totals, mean, LEVEL))
    };
    (0..all).map(point).collect()
}

pub(crate) fn finding(runs: &[Run]) -> Finding {
    let gaps: Vec<Gap> = runs
        .iter()
        .filter_map(|run| match &run.config {
            Config::Pearl(config) => task_gap(config, &run.log),
            _ => None,
        })
        .collect();
    let curves: Vec<ReturnCurve> = runs.iter().flat_map(|run| run.curves(None)).collect();
    let differences = gap_differences(&gaps);
    let (table, between) = (gap_table(&gaps), difference_table(&differences));
    let seeds = gaps.iter().map(|gap| gap.seed).collect::<BTreeSet<_>>().len();
    let band = if seeds > 1 {
        "band: 95 % interval over seeds"
    } else if gaps.iter().any(|gap| gap.gap.low.is_finite()) {
        "band: 95 % interval over tasks"
    } else {
        "too few tasks for intervals"
    };
    let values = json!({
        "explorations": returns_method::explorations(runs),
        "limits": returns_method::method(runs, true, false).does_not_show,
    });
    let title = "Hyper-PEARL minus PEARL, task by task";
    Finding {
        subtitle: format!("last evaluation; training seeds: {seeds}; {band}"),
        panels: context_panels(&gaps),
        appendices: appendix(title, &between, false).into_iter().collect(),
        files: vec![("summary.csv", table.clone()), ("differences.csv", between)],
        table: Some(table),
        warnings: undefined::warnings(&curves),
        method: text::method(include_str!("text/task-gap.md"), values),
        answer: answer(&differences),
        ..Finding::default()
    }
}

/// Returns what differences of gaps, hypernetwork minus plain, say of "the hypernetwork loses less in tasks
/// that it was not trained on"; the first family's is the number that decides.
///
/// With several seeds the interval is over them, with one over its tasks.
fn answer(differences: &[GapDifference]) -> Answer {
    let Some(first) = differences.first() else {
        return Answer::without_evidence(
            "No two runs of PEARL and Hyper-PEARL share family, seed and tasks.",
        );
    };
    let mut families: Vec<&str> = differences.iter().map(|d| d.env.as_str()).collect();
    families.dedup();
    let (mut reason, mut over_seeds) = (Vec::new(), Vec::new());
    for env in families {
        let own: Vec<&GapDifference> = differences.iter().filter(|d| d.env == env).collect();
        let gaps: Vec<f64> = own.iter().map(|d| d.gap.value).collect();
        let gap = jackknife(&gaps, mean, LEVEL);
        reason.push(if own.len() == 1 { of_one(own[0]) } else { of_several(env, &gap) });
        over_seeds.push(gap);
    }
    let less = |gap: &Estimate| Estimate::symmetric(-gap.value, gap.half_width(), gap.n);
    let less: Vec<Estimate> = over_seeds.iter().map(less).collect();
    let seeds = over_seeds.iter().map(|gap| gap.n).min().unwrap_or(0);
    Answer {
        evidence: Evidence::of(Verdict::of_each(&less), seeds, SEEDS),
        reason: reason.join(" "),
        headline: Some(Headline {
            label: format!("gap of Hyper-PEARL minus gap of PEARL on {}", first.env),
            estimate: if over_seeds[0].n == 1 { first.gap } else { over_seeds[0] },
            unit: String::new(),
        }),
        ..Answer::default()
    }
}

/// What the runs of one seed say.
fn of_one(found: &GapDifference) -> String {
    let [train, test, gap] = [found.train, found.test, found.gap].map(|e| interval(&e));
    let over = if found.gap.low.is_finite() {
        "intervals over tasks"
    } else {
        "of too few tasks for intervals"
    };
    format!(
        "{}, seed {}: Hyper-PEARL minus PEARL is {train} on training tasks and {test} on test tasks, the gap {gap}, \
         {over}.",
        found.env, found.seed
    )
}

/// What those of several seeds say.
fn of_several(env: &str, gap: &Estimate) -> String {
    format!(
        "{env}, {} seeds: the gap of Hyper-PEARL minus that of PEARL is {}, interval over seeds.",
        gap.n,
        interval(gap)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::measure::task_gap::AtContext;

    fn of(gap: f64, seed: u64) -> GapDifference {
        let near = |value: f64| Estimate { value, low: value - 1.0, high: value + 1.0, n: 30 };
        let gap = near(gap + 0.1 * seed as f64);
        let env = "half-cheetah-vel-medium".into();
        GapDifference { env, seed, gap, test: near(5.0), train: near(-2.0) }
    }

    #[test]
    fn curves_of_several_seeds_are_one_with_an_interval_over_them() {
        let estimate = |value: f64| Estimate { value, low: value - 1.0, high: value + 1.0, n: 30 };
        let gap = |seed: u64| {
            let at = |context, value| AtContext { context, total: estimate(value) };
            let curve = vec![at(0.0, -10.0), at(400.0, 3.0 * seed as f64)];
            Gap {
                env: "half-cheetah-vel-medium".into(),
                model: "pearl".into(),
                seed,
                iteration: 20,
                tasks: [vec![], vec![]],
                scores: [estimate(0.0); 2],
                gap: estimate(0.0),
                contexts: [curve.clone(), curve],
            }
        };
        let ends = |seeds: &[u64]| {
            let panels = context_panels(&seeds.iter().map(|seed| gap(*seed)).collect::<Vec<_>>());
            assert_eq!((panels.len(), panels[0].series.len()), (1, 2));
            let last = panels[0].series[1].points[1];
            (last.x, last.y, last.high - last.y)
        };
        assert_eq!(ends(&[2]), (400.0, 6.0, 1.0));
        // 3, 6 and 9: ± 4.303 · 3 / √3.
        let (x, y, half) = ends(&[1, 2, 3]);
        assert_eq!((x, y), (400.0, 6.0));
        assert!((half - 7.452).abs() < 1e-3, "{half}");
    }

    #[test]
    fn five_seeds_decide_and_fewer_do_not() {
        let of_seeds = |gap, seeds| answer(&(0..seeds).map(|s| of(gap, s)).collect::<Vec<_>>());
        let verdict = |gap, seeds| of_seeds(gap, seeds).evidence.verdict();
        assert_eq!(verdict(-7.0, 5), Verdict::Holds);
        assert_eq!(verdict(7.0, 5), Verdict::Fails);
        assert_eq!(verdict(-0.2, 5), Verdict::Undecided);
        assert_eq!(verdict(-7.0, 4), Verdict::Undecided);
        assert_eq!(verdict(-7.0, 0), Verdict::NotTested);
        // Gaps of −7.0, −6.9 and −6.8: with 2 degrees of freedom ± 4.303 · 0.1 / √3.
        let found = of_seeds(-7.0, 3);
        let estimate = found.headline.unwrap().estimate;
        assert!(
            (estimate.value + 6.9).abs() < 1e-12 && (estimate.half_width() - 0.2484).abs() < 1e-3
        );
        assert!(found.reason.contains("3 seeds: the gap"), "{}", found.reason);
        let one = of_seeds(-7.0, 1);
        assert!(one.reason.contains("seed 0: ") && one.headline.unwrap().estimate.n == 30);
    }
}
