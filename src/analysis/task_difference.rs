//! How much better a critic's gradient is on training tasks than on test tasks.

use serde::Serialize;

use super::summary::{Column, Interval, corrected, mean_over_states};
use super::table::StateRow;
use crate::env::{Family, TaskList};
use crate::gradient::Settings;
use crate::stats::difference::difference;
use crate::stats::{Estimate, LEVEL};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Compared {
    /// The corrected mean cosine: both lists are resolved.
    Corrected,
    /// The raw mean cosine: one list is unresolved, so that noise may be all that differs.
    Raw,
    /// The cosine of the critic and its own values.
    OwnValues,
}

impl Compared {
    /// Returns its description.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Corrected => "corrected cosine",
            Self::Raw => "raw cosine",
            Self::OwnValues => "cosine with own linear fit",
        }
    }
}

/// Training minus test tasks, of one checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct TaskDifference {
    pub env: String,
    pub model: String,
    pub seed: u64,
    pub step: u64,
    pub compared: Compared,
    /// The value on training tasks.
    pub train: Interval,
    /// The value on test tasks.
    pub test: Interval,
    /// Their difference, Welch's interval.
    pub difference: Interval,
    /// Tasks (states, where a list has one task) behind the value on training tasks, and on test tasks.
    pub units: [usize; 2],
    /// The test tasks lie outside the range of training.
    pub out_of_distribution: bool,
}

impl TaskDifference {
    /// Returns what is subtracted, such as `training minus test tasks (out of distribution)`.
    pub(crate) fn words(&self) -> String {
        let outside = if self.out_of_distribution { " (out of distribution)" } else { "" };
        format!("training minus test tasks{outside}")
    }
}

/// Returns the difference of each checkpoint that was measured on both lists, in the order of the rows.
///
/// Corrected cosines are compared where both are resolved, else raw ones: the lists are sampled
/// independently, and so the squares of their standard errors add.
pub(crate) fn task_differences(
    rows: &[StateRow],
    column: Column,
    settings: &Settings,
) -> Vec<TaskDifference> {
    let place = |row: &StateRow| (row.env.clone(), row.critic.clone(), row.seed, row.step);
    let mut places = Vec::new();
    for row in rows {
        if !places.contains(&place(row)) {
            places.push(place(row));
        }
    }
    let of = |place_of: &(String, String, u64, u64), split: TaskList| -> Vec<&StateRow> {
        let here = |row: &&StateRow| row.task.is_some_and(|task| task.split == split);
        rows.iter().filter(here).filter(|row| place(row) == *place_of).collect()
    };
    let of_place = |place: (String, String, u64, u64)| {
        let lists = [TaskList::Train, TaskList::Test].map(|split| of(&place, split));
        if lists.iter().any(Vec::is_empty) {
            return None;
        }
        let (compared, [train, test]) = compare(&lists, column, settings);
        let found = difference(train, test, LEVEL);
        let (env, model, seed, step) = place;
        Some(TaskDifference {
            out_of_distribution: env.parse::<Family>().is_ok_and(Family::tests_outside),
            env,
            model,
            seed,
            step,
            compared,
            train: train.into(),
            test: test.into(),
            difference: found.into(),
            units: [train.n, test.n],
        })
    };
    places.into_iter().filter_map(of_place).collect()
}

/// What is compared, and its value on each list.
fn compare(
    lists: &[Vec<&StateRow>; 2],
    column: Column,
    settings: &Settings,
) -> (Compared, [Estimate; 2]) {
    let means = || lists.each_ref().map(|rows| mean_over_states(rows.iter().copied(), column));
    if column == Column::SelfCosine {
        return (Compared::OwnValues, means());
    }
    let found = lists.each_ref().map(|rows| corrected(rows.iter().copied(), settings));
    if found.iter().all(|list| list.resolved) {
        (Compared::Corrected, found.map(|list| list.corrected))
    } else {
        (Compared::Raw, means())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::table::{OfTask, blank};

    /// Twelve states in each task, with this cosine and this agreement of replicates.
    fn rows(split: TaskList, cosines: &[f64], pair: f64) -> Vec<StateRow> {
        let of = |(number, &cosine): (usize, &f64)| {
            let row = StateRow {
                env: "half-cheetah-vel-medium".into(),
                critic: "pearl".into(),
                dims: 6,
                tried: 6,
                cosine,
                block_cosine: cosine * pair.sqrt(),
                replicate_cosine: pair,
                task: Some(OfTask { split, number: number as u64, goal: 1.0 }),
                ..blank()
            };
            vec![row; 12]
        };
        cosines.iter().enumerate().flat_map(of).collect()
    }

    #[test]
    fn training_minus_test_is_welchs_difference_over_tasks() {
        let train = rows(TaskList::Train, &[0.8, 0.6, 0.7], 0.81);
        let both = [train.clone(), rows(TaskList::Test, &[0.3, 0.1, 0.2], 0.81)].concat();
        let found = task_differences(&both, Column::Cosine, &Settings::lab());
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].compared, found[0].units), (Compared::Corrected, [3, 3]));
        assert!((found[0].difference.mean - 0.5).abs() < 1e-12, "{found:?}");
        // Three tasks each, standard deviation 0.1: √(2·0.01/3)·t(4).
        let half = (0.02f64 / 3.0).sqrt() * 2.776_445_105_197_793;
        assert!((found[0].difference.high - 0.5 - half).abs() < 1e-9, "{found:?}");
        assert_eq!(found[0].words(), "training minus test tasks (out of distribution)");
        assert!(task_differences(&train, Column::Cosine, &Settings::lab()).is_empty());
    }

    #[test]
    fn what_is_unresolved_is_compared_raw() {
        let noisy = rows(TaskList::Test, &[0.3, 0.1, 0.2], 0.01);
        let both = [rows(TaskList::Train, &[0.8, 0.6, 0.7], 0.81), noisy].concat();
        let found = task_differences(&both, Column::Cosine, &Settings::lab());
        assert_eq!(found[0].compared, Compared::Raw);
        assert!((found[0].difference.mean - 0.5).abs() < 1e-12, "{found:?}");
    }
}
