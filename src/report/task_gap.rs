//! PEARL in tasks that it was not trained on: table, curves over the context, and what they say.

use super::figure::{Axis, Panel, Point, Series};
use super::interval;
use super::page::{Headline, Verdict};
use super::tables::{Cell, Column, Table};
use super::theme::{env_label, model_label};
use crate::analysis::measure::task_gap::{Gap, GapDifference};
use crate::analysis::meta_spec::task_label;
use crate::analysis::task_list::TaskList;
use crate::stats::resample::jackknife;
use crate::stats::summary::mean;

/// Seeds from which a verdict is given: the paper's.
const SEEDS: usize = 5;

/// Returns a row for each run.
pub fn gap_table(gaps: &[Gap]) -> Table {
    let names = ["family", "model", "seed", "iteration", "training tasks", "test tasks", "gap"];
    let mut table = Table::new(names.map(|name| Column::new(name, "")));
    let row = |gap: &Gap| {
        let [train, test] = gap.scores;
        vec![
            Cell::text(&*gap.env),
            Cell::text(&*model_label(&gap.model)),
            Cell::text(gap.seed.to_string()),
            Cell::text(gap.iteration.to_string()),
            Cell::Interval(train),
            Cell::Interval(test),
            Cell::Interval(gap.gap),
        ]
    };
    table.rows = gaps.iter().map(row).collect();
    table
}

/// Returns a row for each family and seed that both models have.
pub fn difference_table(differences: &[GapDifference]) -> Table {
    let names = ["family", "seed", "training tasks", "test tasks", "gap"];
    let mut table = Table::new(names.map(|name| Column::new(name, "")));
    let row = |d: &GapDifference| {
        let mut row = vec![Cell::text(&*d.env), Cell::text(d.seed.to_string())];
        row.extend([d.train, d.test, d.gap].map(Cell::Interval));
        row
    };
    table.rows = differences.iter().map(row).collect();
    table
}

/// Returns one panel for each family: return against the transitions behind z, one curve for each run and
/// list of tasks.
pub fn context_panels(gaps: &[Gap]) -> Vec<Panel> {
    let mut panels: Vec<Panel> = Vec::new();
    for gap in gaps {
        let series = [TaskList::Train, TaskList::Test].into_iter().zip(&gap.contexts);
        let series = series.map(|(on, points)| {
            let mut name = task_label(&gap.model, on);
            if gaps.iter().any(|other| other.seed != gap.seed) {
                name = format!("{name}, seed {}", gap.seed);
            }
            let points = points.iter().map(|at| Point::estimate(at.context, &at.total));
            Series::line(&name, points.collect(), gap.tasks[0].len())
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
    panels
}

/// Returns the verdict on "the hypernetwork loses less in tasks that it was not trained on", its reason and
/// the number that decides: the difference of the gaps in the first family, hypernetwork minus plain.
///
/// With five seeds the interval is over them, else over the tasks of the first run and the verdict open.
pub fn judge(differences: &[GapDifference]) -> (Verdict, String, Option<Headline>) {
    let Some(first) = differences.first() else {
        let reason = "No two runs of PEARL and Hyper-PEARL share family, seed and tasks.";
        return (Verdict::NotTested, reason.into(), None);
    };
    let mut families: Vec<&str> = differences.iter().map(|d| d.env.as_str()).collect();
    families.dedup();
    let over_seeds: Vec<_> = families
        .iter()
        .map(|env| {
            let own = differences.iter().filter(|d| d.env == *env);
            jackknife(&own.map(|d| d.gap.value).collect::<Vec<_>>(), mean, 0.95)
        })
        .collect();
    let seeds = over_seeds.iter().map(|e| e.n).min().unwrap_or(0);
    let say = |d: &GapDifference| {
        format!(
            "{}, seed {}: Hyper-PEARL minus PEARL is {} on training tasks and {} on test tasks, the gap {}, \
             intervals over tasks.",
            d.env,
            d.seed,
            interval(&d.train),
            interval(&d.test),
            interval(&d.gap)
        )
    };
    let mut reason: Vec<String> = differences.iter().map(say).collect();
    if seeds < SEEDS {
        reason.push(format!("With {seeds} of {SEEDS} seeds that is about these runs."));
    }
    let verdict = if seeds < SEEDS {
        Verdict::Undecided
    } else if over_seeds.iter().all(|gap| gap.high < 0.0) {
        Verdict::Holds
    } else if over_seeds.iter().any(|gap| gap.low > 0.0) {
        Verdict::Fails
    } else {
        Verdict::Undecided
    };
    let headline = Headline {
        label: format!("gap of Hyper-PEARL minus gap of PEARL on {}", first.env),
        estimate: if seeds < SEEDS { first.gap } else { over_seeds[0] },
        unit: String::new(),
    };
    (verdict, reason.join(" "), Some(headline))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Estimate;

    fn of(gap: f64, seed: u64) -> GapDifference {
        let near = |value: f64| Estimate { value, low: value - 1.0, high: value + 1.0, n: 30 };
        let gap = near(gap + 0.1 * seed as f64);
        let env = "half-cheetah-vel-medium".into();
        GapDifference { env, seed, gap, test: near(5.0), train: near(-2.0) }
    }

    #[test]
    fn five_seeds_decide_and_fewer_do_not() {
        let verdict = |gap, seeds| judge(&(0..seeds).map(|s| of(gap, s)).collect::<Vec<_>>()).0;
        assert_eq!(verdict(-7.0, 5), Verdict::Holds);
        assert_eq!(verdict(7.0, 5), Verdict::Fails);
        assert_eq!(verdict(-0.2, 5), Verdict::Undecided);
        assert_eq!(verdict(-7.0, 4), Verdict::Undecided);
        assert_eq!(judge(&[]).0, Verdict::NotTested);
    }
}
