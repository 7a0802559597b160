//! Final and highest returns of meta-learning runs, beside the paper's Table 8.

use super::tables::{Cell, Column, Table};
use super::theme::model_label;

/// Table 8: family, then mean and standard deviation of MAML, Context-MAML, multi-task and Hyper-MAML.
const PRINTED: [(&str, [(f64, f64); 4]); 5] = [
    ("half-cheetah-vel", [(-231.0, 40.0), (-207.0, 25.0), (-178.0, 21.0), (-182.0, 25.0)]),
    ("half-cheetah-fwd-back", [(183.0, 51.0), (315.0, 93.0), (539.0, 102.0), (558.0, 49.0)]),
    ("half-cheetah-vel-medium", [(-423.0, 33.0), (-374.0, 79.0), (-332.0, 7.0), (-344.0, 10.0)]),
    ("ant-vel", [(-8.0, 10.0), (6.0, 19.0), (30.0, 13.0), (27.0, 14.0)]),
    ("ant-dir-rad1", [(25.0, 13.0), (41.0, 15.0), (72.0, 3.0), (70.0, 5.0)]),
];

/// Models, in the order of [`PRINTED`].
const MODELS: [&str; 4] = ["vanilla", "context", "hyper-multi-task", "hyper"];

/// One run's returns on the test tasks.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct MetaScore {
    /// The family of tasks.
    pub env: String,
    /// The model, such as `hyper-multi-task`.
    pub model: String,
    /// Seed of the run.
    pub seed: u64,
    /// Iterations before the last evaluation.
    pub iteration: u64,
    /// Mean return at the last evaluation, before adaptation and after it.
    pub last: [f64; 2],
    /// The highest of all evaluations, before and after: picked, and so flattering.
    pub highest: [f64; 2],
}

/// Returns what the paper prints for a family and a model: mean and standard deviation over seeds.
pub fn printed(env: &str, model: &str) -> Option<(f64, f64)> {
    let column = MODELS.iter().position(|known| *known == model)?;
    PRINTED.iter().find(|(family, _)| *family == env).map(|(_, row)| row[column])
}

/// Returns a row for each run.
pub fn score_table(scores: &[MetaScore]) -> Table {
    let names =
        ["family", "model", "seed", "iteration", "final, before", "final, after adaptation"];
    let more = ["highest, before", "highest, after", "paper's highest (400 iterations)"];
    let mut table = Table::new(names.into_iter().chain(more).map(|name| Column::new(name, "")));
    let row = |s: &MetaScore| {
        let paper = printed(&s.env, &s.model);
        let mut row = vec![
            Cell::text(&*s.env),
            Cell::text(&*model_label(&s.model)),
            Cell::text(s.seed.to_string()),
            Cell::text(s.iteration.to_string()),
        ];
        row.extend(s.last.into_iter().chain(s.highest).map(Cell::number));
        row.push(paper.map_or(Cell::Missing, |(mean, std)| Cell::text(format!("{mean} ± {std}"))));
        row
    };
    table.rows = scores.iter().map(row).collect();
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paper_is_quoted_by_family_and_model() {
        assert_eq!(printed("half-cheetah-vel", "hyper"), Some((-182.0, 25.0)));
        assert_eq!(printed("ant-dir-rad1", "vanilla"), Some((25.0, 13.0)));
        assert_eq!(printed("ant-fwd-back", "vanilla"), None);
    }
}
