//! Task families: are lists, contexts and refusals as they should be?

#![allow(clippy::float_cmp, reason = "the same draws and quotients give the same bits")]

use hyperl::env::{Family, Task, TaskLists};
use hyperl::error::Error;

const VELOCITIES: [Family; 3] =
    [Family::HalfCheetahVel, Family::HalfCheetahVelMedium, Family::AntVel];
const DIRECTIONS: [Family; 3] =
    [Family::HalfCheetahFwdBack, Family::AntFwdBack, Family::AntDirRad1];

fn numbers(tasks: &[Task]) -> Vec<f64> {
    tasks.iter().map(|task| task.0).collect()
}

#[test]
fn families_and_lists_are_read_back() {
    for family in Family::ALL {
        assert_eq!(family.to_string().parse::<Family>().unwrap(), family);
        let json = serde_json::to_string(&family).unwrap();
        assert_eq!(json, format!("\"{family}\""));
        assert_eq!(serde_json::from_str::<Family>(&json).unwrap(), family);
        let lists = family.tasks(3, 4, 2).unwrap();
        let json = serde_json::to_string(&lists).unwrap();
        assert_eq!(serde_json::from_str::<TaskLists>(&json).unwrap(), lists);
    }
    assert_eq!(
        "ant-dir".parse::<Family>().unwrap_err().to_string(),
        "unknown task family 'ant-dir'; choose one of: half-cheetah-fwd-back, \
         half-cheetah-vel, half-cheetah-vel-medium, ant-fwd-back, ant-dir-rad1, ant-vel"
    );
}

#[test]
fn half_of_the_directions_are_backward() {
    for family in DIRECTIONS {
        let lists = family.tasks(0, 100, 20).unwrap();
        for (tasks, count) in [(&lists.train, 100), (&lists.test, 20)] {
            assert_eq!(tasks.len(), count, "{family}");
            assert!(tasks.iter().all(|task| task.0.abs() == 1.0), "{family}");
            assert_eq!(numbers(tasks).iter().sum::<f64>(), 0.0, "{family}");
        }
    }
}

#[test]
fn velocities_fill_their_ranges() {
    let ranges = [(0.0, 3.0, 0.0, 3.0), (0.0, 2.5, 2.5, 3.0), (0.0, 3.0, 0.0, 3.0)];
    for (family, (from, to, test_from, test_to)) in VELOCITIES.into_iter().zip(ranges) {
        let lists = family.tasks(1, 2000, 2000).unwrap();
        for (tasks, from, to) in [(&lists.train, from, to), (&lists.test, test_from, test_to)] {
            let drawn = numbers(tasks);
            assert!(drawn.iter().all(|g| (from..to).contains(g)), "{family}");
            let (mean, width) = (drawn.iter().sum::<f64>() / 2000.0, to - from);
            // Four standard errors: 4 / √(12 · 2000) of the width.
            assert!((mean - f64::midpoint(from, to)).abs() < 0.026 * width, "{family}: {mean}");
            let quarter = drawn.iter().filter(|g| **g < from + width / 4.0).count();
            assert!((422..=578).contains(&quarter), "{family}: {quarter} of 2000");
        }
    }
}

#[test]
fn tasks_do_not_depend_on_how_many_are_drawn() {
    for family in Family::ALL {
        let few = family.tasks(5, 4, 2).unwrap();
        let many = family.tasks(5, 100, 30).unwrap();
        assert_eq!(many.train[..4], few.train, "{family}");
        assert_eq!(many.test[..2], few.test, "{family}");
        assert_eq!(family.tasks(5, 4, 30).unwrap().train, few.train, "{family}");
    }
}

#[test]
fn seeds_and_lists_have_velocities_of_their_own() {
    for family in VELOCITIES {
        let [a, b] = [0, 1].map(|seed| family.tasks(seed, 20, 20).unwrap());
        for (one, other) in [(&a.train, &b.train), (&a.test, &b.test), (&a.train, &a.test)] {
            assert!(one.iter().all(|task| !other.contains(task)), "{family}");
        }
    }
}

#[test]
fn contexts_are_scaled_by_the_velocities_of_training() {
    let lists = TaskLists { train: vec![Task(1.0), Task(0.5), Task(2.5)], test: vec![Task(3.0)] };
    for family in VELOCITIES {
        let contexts = [0.5, 1.0, 2.5, 3.0, 0.0].map(|g| lists.context(family, Task(g)));
        assert_eq!(contexts, [0.0, 0.25, 1.0, 1.25, -0.25], "{family}");
    }
    for family in DIRECTIONS {
        let lists = family.tasks(0, 2, 2).unwrap();
        assert_eq!([-1.0, 1.0].map(|d| lists.context(family, Task(d))), [-1.0, 1.0]);
    }
}

#[test]
fn every_context_of_the_mediums_test_exceeds_one() {
    let family = Family::HalfCheetahVelMedium;
    for seed in 0..20 {
        let lists = family.tasks(seed, 100, 30).unwrap();
        assert!(lists.test.iter().all(|task| lists.context(family, *task) > 1.0), "{seed}");
        let seen = lists.train.iter().map(|task| lists.context(family, *task));
        assert!(seen.clone().all(|c| (0.0..=1.0).contains(&c)), "{seed}");
        assert_eq!(seen.clone().fold(1.0, f64::min), 0.0, "{seed}");
        assert_eq!(seen.fold(0.0, f64::max), 1.0, "{seed}");
    }
}

#[test]
fn counts_that_make_no_experiment_are_refused() {
    let refusal = |family: Family, train, test| match family.tasks(0, train, test) {
        Err(Error::Usage(message)) => message,
        other => panic!("{family} {train} {test}: {other:?}"),
    };
    for family in Family::ALL {
        assert!(refusal(family, 0, 2).contains("both need tasks; ask for 2 or more of each"));
        assert!(refusal(family, 2, 0).contains("2 training and 0 test tasks"));
        assert!(refusal(family, 1, 2).contains("ask for"));
    }
    for family in DIRECTIONS {
        assert!(refusal(family, 4, 3).contains("half are +1; ask for even numbers"));
    }
    for family in VELOCITIES {
        assert!(refusal(family, 1, 2).contains("context of a velocity"));
        assert!(family.tasks(0, 3, 1).is_ok(), "{family}");
    }
}

#[test]
fn a_task_of_another_kind_is_refused() {
    for (families, wrong) in [(DIRECTIONS, 0.5), (VELOCITIES, f64::NAN)] {
        for family in families {
            let error = family.make(Task(wrong)).err().map(|e| e.to_string());
            assert!(error.is_some_and(|e| e.contains("a task is a")), "{family}");
        }
    }
}
