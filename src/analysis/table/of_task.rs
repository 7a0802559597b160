//! The task of a state: three columns more, in tables of PEARL's states only.

use polars::prelude::{Column, DataFrame, NamedFrom, Series};

use super::row::{OfTask, StateRow};
use crate::error::{Error, Result};
use crate::stats::clusters::clusters;

/// Which list a task is of: `train` or `test`.
const SPLIT: &str = "split";
/// Its place in that list, from 0.
const NUMBER: &str = "task";
/// What it asks for.
const GOAL: &str = "goal";

/// Returns the rows of each task, where they are of several; else nothing.
pub fn by_task<'r>(rows: &[&'r StateRow]) -> Option<Vec<Vec<&'r StateRow>>> {
    if rows.iter().any(|row| row.task.is_none()) {
        return None;
    }
    let task = |row: &&'r StateRow| (*row, row.task.map(|task| (task.split, task.number)));
    Some(clusters(rows.iter().map(task))).filter(|tasks| tasks.len() > 1)
}

/// Returns the rows that are one independent unit each: those of a task, where they are of several tasks,
/// else those of an episode of a run, else a row.
pub fn units<'r>(rows: &[&'r StateRow]) -> Vec<Vec<&'r StateRow>> {
    let episode = |row: &&'r StateRow| {
        let run = (&row.env, &row.algo, &row.critic, row.seed, row.step);
        (*row, row.episode.map(|episode| (run, episode)))
    };
    by_task(rows).unwrap_or_else(|| clusters(rows.iter().map(episode)))
}

/// Returns the columns of the rows' tasks; none if no row has one.
pub(super) fn columns(rows: &[StateRow]) -> Result<Vec<Column>> {
    let tasks: Vec<OfTask> = rows.iter().filter_map(|row| row.task).collect();
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    if tasks.len() < rows.len() {
        return Err(Error::Table("some rows have a task and some have none".into()));
    }
    let splits: Vec<&str> = tasks.iter().map(|task| task.split.name()).collect();
    let numbers: Vec<u64> = tasks.iter().map(|task| task.number).collect();
    let goals: Vec<f64> = tasks.iter().map(|task| task.goal).collect();
    Ok(vec![
        Series::new(SPLIT.into(), splits).into(),
        Series::new(NUMBER.into(), numbers).into(),
        Series::new(GOAL.into(), goals).into(),
    ])
}

/// Fills in the rows' tasks, where the frame has them.
pub(super) fn read(frame: &DataFrame, rows: &mut [StateRow]) -> Result<()> {
    let Ok(splits) = frame.column(SPLIT) else { return Ok(()) };
    let (numbers, goals) = (frame.column(NUMBER), frame.column(GOAL));
    let (numbers, goals) = (numbers?, goals?);
    let splits = splits.str()?.iter();
    let numbers = numbers.u64()?.iter();
    let goals = goals.f64()?.iter();
    for (row, ((split, number), goal)) in rows.iter_mut().zip(splits.zip(numbers).zip(goals)) {
        row.task = Some(OfTask {
            split: split.unwrap_or_default().parse()?,
            number: number.unwrap_or_default(),
            goal: goal.unwrap_or(f64::NAN),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::table::{blank, frame, of_parquet, to_parquet};
    use crate::env::TaskList;

    fn row(task: Option<(TaskList, u64)>) -> StateRow {
        let task = task.map(|(split, number)| OfTask { split, number, goal: 0.1 + number as f64 });
        StateRow { task, ..blank() }
    }

    #[test]
    fn tasks_survive_parquet_and_are_columns_only_where_there_are_some() {
        let rows = [row(Some((TaskList::Train, 0))), row(Some((TaskList::Test, 3)))];
        let read = of_parquet(to_parquet(&rows).unwrap()).unwrap();
        assert_eq!(format!("{read:?}"), format!("{rows:?}"));
        let names = |rows: &[StateRow]| frame(rows).unwrap().get_column_names_owned().len();
        assert_eq!(names(&rows), names(&[row(None)]) + 3);
        assert!(frame(&[row(None), rows[0].clone()]).is_err());
    }

    #[test]
    fn tasks_of_two_lists_differ_and_one_task_is_no_cluster() {
        let (train, test) = (TaskList::Train, TaskList::Test);
        let rows = [(train, 0), (test, 0), (train, 0), (train, 1)].map(|task| row(Some(task)));
        let rows: Vec<&StateRow> = rows.iter().collect();
        let sizes = |rows: &[&StateRow]| {
            by_task(rows).map(|tasks| tasks.iter().map(Vec::len).collect::<Vec<_>>())
        };
        assert_eq!(sizes(&rows), Some(vec![2, 1, 1]));
        assert_eq!(sizes(&[rows[0], rows[2]]), None);
        let none = row(None);
        assert_eq!(sizes(&[&none, &none]), None);
    }
}
