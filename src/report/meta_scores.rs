//! Final and highest returns of meta-learning runs, beside the paper's Tables 8 and 10.

use serde::Serialize;

use super::returns::ReturnCurve;
use super::tables::{Cell, Column, Table};
use super::theme::model_label;
use crate::analysis::meta_spec::task_label;
use crate::analysis::spec::VARIANT;
use crate::env::TaskList;
use crate::stats::summary::mean;

/// Mean and standard deviation over seeds.
type Printed = (f64, f64);

/// Table 8: family, then MAML, Context-MAML, multi-task and Hyper-MAML.
const TABLE_8: [(&str, [Printed; 4]); 5] = [
    ("half-cheetah-vel", [(-231.0, 40.0), (-207.0, 25.0), (-178.0, 21.0), (-182.0, 25.0)]),
    ("half-cheetah-fwd-back", [(183.0, 51.0), (315.0, 93.0), (539.0, 102.0), (558.0, 49.0)]),
    ("half-cheetah-vel-medium", [(-423.0, 33.0), (-374.0, 79.0), (-332.0, 7.0), (-344.0, 10.0)]),
    ("ant-vel", [(-8.0, 10.0), (6.0, 19.0), (30.0, 13.0), (27.0, 14.0)]),
    ("ant-dir-rad1", [(25.0, 13.0), (41.0, 15.0), (72.0, 3.0), (70.0, 5.0)]),
];

/// Models, in the order of [`TABLE_8`].
const MAML: [&str; 4] = ["vanilla", "context", "hyper-multi-task", "hyper"];

/// Table 10: family, then PEARL and Hyper-PEARL. The columns of Ant-Vel, which cannot exceed 210, and of
/// Cheetah-Fwd-Back are taken to be swapped in print, and stand here as they must be meant.
const TABLE_10: [(&str, [Printed; 2]); 5] = [
    ("half-cheetah-vel", [(-142.0, 82.0), (-119.0, 82.0)]),
    ("half-cheetah-fwd-back", [(1636.0, 210.0), (1828.0, 203.0)]),
    ("half-cheetah-vel-medium", [(-325.0, 109.0), (-206.0, 104.0)]),
    ("ant-vel", [(93.0, 115.0), (115.0, 54.0)]),
    ("ant-dir-rad1", [(943.0, 146.0), (1026.0, 62.0)]),
];

/// Models, in the order of [`TABLE_10`].
const PEARL: [&str; 2] = ["pearl", "hyper-pearl"];

/// Where a run's mean return ended, and the highest that it had.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct MetaScore {
    /// The family of tasks.
    pub env: String,
    /// The model and its state, or the list of tasks, such as `hyper, before adaptation`.
    pub series: String,
    /// Seed of the run.
    pub seed: u64,
    /// Iterations before the last evaluation.
    pub iteration: u64,
    /// Mean return there.
    #[serde(rename = "final")]
    pub last: f64,
    /// The highest of all evaluations: picked, and so flattering.
    pub highest: f64,
}

/// Returns what the paper prints as the highest return of a series; nothing for PEARL's training tasks.
pub(crate) fn printed(env: &str, series: &str) -> Option<Printed> {
    let model = series.split_once(VARIANT).map_or(series, |(model, _)| model);
    let of_family = |(family, _): &&(&str, _)| *family == env;
    if let Some(column) = MAML.iter().position(|known| *known == model) {
        let found = TABLE_8.iter().find(|(family, _)| *family == env);
        return found.map(|(_, row)| row[column]);
    }
    let column = PEARL.iter().position(|known| *known == model)?;
    let on_test = series == task_label(model, TaskList::Test);
    TABLE_10.iter().find(of_family).map(|(_, row)| row[column]).filter(|_| on_test)
}

/// Returns the scores of curves, those without a finite evaluation left out.
pub(crate) fn meta_scores(curves: &[ReturnCurve]) -> Vec<MetaScore> {
    let score = |curve: &ReturnCurve| {
        let means = || curve.measured().map(|(at, returns)| (at, mean(returns)));
        let (iteration, last) = means().next_back()?;
        Some(MetaScore {
            env: curve.env.clone(),
            series: curve.critic.clone(),
            seed: curve.seed,
            iteration,
            last,
            highest: means().map(|(_, value)| value).fold(f64::NEG_INFINITY, f64::max),
        })
    };
    curves.iter().filter_map(score).collect()
}

/// Returns a row for each score.
pub(crate) fn meta_score_table(scores: &[MetaScore]) -> Table {
    let names = ["family", "series", "seed", "iteration", "final", "highest"];
    let names = names.into_iter().chain(["paper's highest (400 iterations)"]);
    let mut table = Table::new(names.map(|name| Column::new(name, "")));
    let row = |s: &MetaScore| {
        let paper = printed(&s.env, &s.series);
        vec![
            Cell::text(&*s.env),
            Cell::text(&*model_label(&s.series)),
            Cell::text(s.seed.to_string()),
            Cell::text(s.iteration.to_string()),
            Cell::number(s.last),
            Cell::number(s.highest),
            paper.map_or(Cell::Missing, |(mean, std)| Cell::text(format!("{mean} ± {std}"))),
        ]
    };
    table.rows = scores.iter().map(row).collect();
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paper_is_quoted_by_family_and_model() {
        let maml = |env| printed(env, "hyper, before adaptation");
        assert_eq!(maml("half-cheetah-vel"), Some((-182.0, 25.0)));
        assert_eq!(printed("ant-dir-rad1", "vanilla"), Some((25.0, 13.0)));
        assert_eq!(maml("ant-fwd-back"), None);
        let pearl = |env| printed(env, "pearl, test tasks");
        assert_eq!(pearl("half-cheetah-vel-medium"), Some((-325.0, 109.0)));
        // Nobody can earn more than 210 in Ant-Vel.
        assert!(pearl("ant-vel").unwrap().0 < 210.0);
        assert_eq!(printed("half-cheetah-vel", "pearl, training tasks"), None);
    }

    #[test]
    fn a_score_is_the_last_evaluation_and_the_highest() {
        let run = ReturnCurve {
            env: "half-cheetah-vel".into(),
            algo: "maml".into(),
            critic: "hyper, before adaptation".into(),
            seed: 3,
            evaluations: vec![(0, vec![-9.0]), (10, vec![-5.0]), (20, vec![-6.0])],
            seconds: Vec::new(),
        };
        let none = ReturnCurve { evaluations: Vec::new(), ..run.clone() };
        let found = meta_scores(&[run, none]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].iteration, found[0].last, found[0].highest), (20, -6.0, -5.0));
    }
}
