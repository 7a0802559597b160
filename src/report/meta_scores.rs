//! Final and highest returns of meta-learning runs, beside the paper's Table 8.

use std::collections::BTreeSet;

use super::page::Verdict;
use super::tables::{Cell, Column, Table};
use super::theme::model_label;
use crate::stats::hypothesis::{TTest, welch_t};
use crate::stats::summary::mean;

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

/// Iterations and seeds of the paper's runs.
const ITERATIONS: u64 = 400;
const SEEDS: usize = 5;

/// Level of the tests.
const LEVEL: f64 = 0.05;

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

/// Returns the verdict on "Hyper-MAML does better than the plain policies, before any adaptation", and its
/// reason.
///
/// In each family the final returns of Hyper-MAML before adaptation are compared with those of MAML and
/// Context-MAML after it (Welch's t over seeds, 5 % one-sided). It holds if all these are higher and fails
/// if one is lower; neither with fewer seeds or iterations than the paper's in any of them.
pub fn judge(scores: &[MetaScore]) -> (Verdict, String) {
    let families: BTreeSet<&str> =
        scores.iter().filter(|s| s.model == "hyper").map(|s| &*s.env).collect();
    let of = |env: &str, model: &str, state: usize| -> Vec<f64> {
        let own = scores.iter().filter(|s| s.env == env && s.model == model);
        own.map(|s| s.last[state]).collect()
    };
    let pairs: Vec<(Vec<f64>, Vec<f64>)> = families
        .iter()
        .flat_map(|env| ["vanilla", "context"].map(|m| (of(env, "hyper", 0), of(env, m, 1))))
        .collect();
    let measured = pairs.iter().filter(|(_, plain)| !plain.is_empty()).count();
    if measured == 0 {
        let reason = "No run of Hyper-MAML stands beside a plain one of the same family.";
        return (Verdict::NotTested, reason.into());
    }
    let above =
        |(hyper, plain): &&(Vec<f64>, Vec<f64>)| !plain.is_empty() && mean(hyper) > mean(plain);
    let seeds = pairs.iter().map(|(h, p)| h.len().min(p.len())).min().unwrap_or(0);
    let shortest = scores.iter().map(|s| s.iteration).min().unwrap_or(0);
    let mut reasons = vec![format!(
        "Hyper-MAML before adaptation ends above a plain policy after it in {} of {measured} comparisons.",
        pairs.iter().filter(above).count()
    )];
    if seeds < SEEDS {
        reasons.push(format!(
            "Some comparison has {seeds} of {SEEDS} seeds: differences between models cannot be told from \
             differences between training runs."
        ));
    }
    if shortest < ITERATIONS {
        reasons.push(format!(
            "The shortest run has {shortest} of the paper's {ITERATIONS} iterations."
        ));
    }
    let tests: Vec<TTest> = pairs.iter().map(|(hyper, plain)| welch_t(hyper, plain)).collect();
    let verdict = if seeds < SEEDS || shortest < ITERATIONS {
        Verdict::Undecided
    } else if tests.iter().any(|t| t.p_less < LEVEL) {
        Verdict::Fails
    } else if tests.iter().all(|t| t.p_greater < LEVEL) {
        Verdict::Holds
    } else {
        Verdict::Undecided
    };
    (verdict, reasons.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(model: &str, seed: u64, before: f64) -> MetaScore {
        let (env, model) = ("half-cheetah-vel".into(), model.into());
        let before = before + 0.1 * seed as f64;
        let last = [before, before + 1.0];
        MetaScore { env, model, seed, iteration: 400, last, highest: last }
    }

    /// Hyper-MAML that is `gap` above both plain policies, before adaptation.
    fn runs(gap: f64, seeds: u64) -> Vec<MetaScore> {
        let all = |s| [score("vanilla", s, 0.0), score("context", s, 0.0), score("hyper", s, gap)];
        (0..seeds).flat_map(all).collect()
    }

    #[test]
    fn the_paper_is_quoted_by_family_and_model() {
        assert_eq!(printed("half-cheetah-vel", "hyper"), Some((-182.0, 25.0)));
        assert_eq!(printed("ant-dir-rad1", "vanilla"), Some((25.0, 13.0)));
        assert_eq!(printed("ant-fwd-back", "vanilla"), None);
    }

    #[test]
    fn five_long_runs_of_each_decide_and_fewer_do_not() {
        assert_eq!(judge(&runs(5.0, 5)).0, Verdict::Holds);
        assert_eq!(judge(&runs(-5.0, 5)).0, Verdict::Fails);
        // As good as the plain policies are after their adaptation.
        assert_eq!(judge(&runs(1.0, 5)).0, Verdict::Undecided);
        // Above them before it, and below after it.
        assert_eq!(judge(&runs(0.5, 5)).0, Verdict::Fails);
        assert_eq!(judge(&runs(5.0, 4)).0, Verdict::Undecided);
    }

    #[test]
    fn a_claim_about_two_models_needs_both() {
        let without: Vec<MetaScore> =
            runs(5.0, 5).into_iter().filter(|s| s.model != "context").collect();
        assert_eq!(judge(&without).0, Verdict::Undecided);
        assert_eq!(judge(&[score("hyper", 0, 1.0)]).0, Verdict::NotTested);
    }
}
