//! Are the settings and tables of a run, of both versions, read as they are written, and refused otherwise?

use std::fs;

use hyperl::algo::config::TrainConfig;
use hyperl::algo::maml::config::MamlConfig;
use hyperl::algo::pearl::config::PearlConfig;
use hyperl::algo::{Evaluated, RunConfig};
use hyperl::checkpoint::run;
use hyperl::checkpoint::run_log::RunLog;

use crate::support::run_tables::{
    EVALUATIONS, MAML, MAML_PROGRESS, PEARL, PROGRESS, Reader, SETTINGS, V1_EVALUATIONS, V1_MAML,
    V1_TIMING, V1_TRIALS, assert_names, evaluations, maml, pearl, progress, settings, tables,
    trials,
};

#[test]
fn files_as_they_are_written_are_read() {
    for (name, text, read) in tables() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(name);
        fs::write(&file, text).unwrap();
        read(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for (text, config) in [
        (EVALUATIONS, &TrainConfig::default() as &dyn RunConfig),
        (MAML, &MamlConfig::default()),
        (PEARL, &PearlConfig::default()),
    ] {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("evaluations.csv"), text).unwrap();
        let found = RunLog::read(place.path(), config).unwrap();
        assert_eq!(found.evaluated.len(), text.lines().count() - 1);
        found.write(place.path()).unwrap();
        assert_eq!(fs::read_to_string(place.path().join("evaluations.csv")).unwrap(), text);
    }
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("progress.csv"), MAML_PROGRESS).unwrap();
    let found = RunLog::read(place.path(), &MamlConfig::default()).unwrap();
    assert_eq!(found.seconds(), [(0, 1.0), (1, 6.0)]);
    found.write(place.path()).unwrap();
    assert_eq!(fs::read_to_string(place.path().join("progress.csv")).unwrap(), MAML_PROGRESS);
    // Runs that told no losses go on as those that do.
    for (text, last) in
        [("at,seconds\n30,1.25\n60,2.5\n", "60,2.5,,\n"), (PROGRESS, "60,2.5,0.5,-1\n")]
    {
        fs::write(place.path().join("progress.csv"), text).unwrap();
        let found = RunLog::read(place.path(), &TrainConfig::default()).unwrap();
        assert_eq!(found.seconds(), [(30, 1.25), (60, 2.5)]);
        found.write(place.path()).unwrap();
        let written = fs::read_to_string(place.path().join("progress.csv")).unwrap();
        assert_eq!(written, format!("at,seconds,critic_loss,actor_loss\n30,1.25,,\n{last}"));
    }
    // What a diverged run left is read as it is; reports leave it out.
    let mut diverged = RunLog::new(&TrainConfig::default());
    for (episode, total) in [(0, f64::NAN), (1, f64::NEG_INFINITY)] {
        let episode = Some(episode);
        diverged.evaluated.push(Evaluated { episode, ..Evaluated::new(0, total) });
    }
    diverged.write(place.path()).unwrap();
    fs::remove_file(place.path().join("progress.csv")).unwrap();
    let found = RunLog::read(place.path(), &TrainConfig::default()).unwrap();
    assert!(found.evaluated[0].total.is_nan() && found.evaluated[1].total.is_infinite());
}

/// A file of a run: its name, what is in it, what reads it, and what is said of it.
type Case = (&'static str, String, Reader, String);

/// Says of lines that they are not in order.
const ORDER: &str = "repeats the line before it or is out of order, expected lines in the order of";

fn cut(text: &str) -> String {
    text[..text.len() - 2].to_owned()
}

fn short(text: &str, lines: usize) -> String {
    text.split_inclusive('\n').take(lines).collect()
}

fn with(text: &str, line: &str) -> String {
    format!("{text}{line}\n")
}

fn assert_refused(cases: Vec<Case>) {
    for (name, text, read, expected) in cases {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(name);
        fs::write(&file, &text).unwrap();
        let error = read(&file).expect_err(&expected);
        assert_names(&error, &file, &expected);
        let said = error.to_string();
        assert!(said.contains(&expected) && said.contains(name), "{expected}: {said}");
    }
}

#[test]
fn incomplete_evaluations_are_refused_with_the_line_and_what_was_expected() {
    let header = "`at,split,stage,task,goal,course,episode,context,return`";
    let table = "evaluations.csv";
    assert_refused(vec![
        (table, String::new(), evaluations, format!("it is empty, expected {header}")),
        (table, short(EVALUATIONS, 1), evaluations, "it holds no episode".into()),
        (
            table,
            cut(EVALUATIONS),
            evaluations,
            format!("line 5 has no end, expected a whole {header}"),
        ),
        (table, EVALUATIONS.trim_end().into(), evaluations, "line 5 has no end".into()),
        (
            table,
            short(EVALUATIONS, 4),
            evaluations,
            "step 30 has 1 episodes, expected 2 as at step 0".into(),
        ),
        (table, EVALUATIONS.replace("at,", "time,"), evaluations, "line 1 is `time,split".into()),
        (
            table,
            with(EVALUATIONS, "30,,,,,,1,,4"),
            evaluations,
            format!("line 6 {ORDER} at, split, stage, task, course, episode"),
        ),
        (
            table,
            with(EVALUATIONS, "60,,,,,,1,,4"),
            evaluations,
            "line 6 is episode 1 of 60, expected episode 0".into(),
        ),
        (
            table,
            with(EVALUATIONS, "30,,,,,,3,,4"),
            evaluations,
            "line 6 is episode 3 of 30, expected episode 2".into(),
        ),
        (table, with(EVALUATIONS, "20,,,,,,0,,4"), evaluations, format!("line 6 {ORDER}")),
        (table, with(EVALUATIONS, "60,,,,,,0,,"), evaluations, format!("line 6 is not {header}")),
        (
            table,
            EVALUATIONS.replace(",,1.5", ",,1.5,2"),
            evaluations,
            format!("line 2 is not {header}"),
        ),
        (table, MAML.replace("train", "trial"), maml, format!("line 4 is not {header}")),
        (table, with(MAML, "1,train,before,,,,,,-2"), maml, format!("line 6 {ORDER}")),
        (table, PEARL.replace("1,test", "1,train"), pearl, format!("line 5 {ORDER}")),
        (
            table,
            with(PEARL, "1,test,,0,2.5,0,2,20,-4"),
            pearl,
            "line 7 is episode 2 of 1, expected episode 1".into(),
        ),
    ]);
}

#[test]
fn incomplete_progress_is_refused_with_the_line_and_what_was_expected() {
    assert_refused(vec![
        (
            "progress.csv",
            String::new(),
            progress,
            "it is empty, expected `at,seconds,critic_loss,actor_loss`".into(),
        ),
        ("progress.csv", cut(PROGRESS), progress, "line 3 has no end".into()),
        ("progress.csv", with(PROGRESS, "60,3.5,,"), progress, format!("line 4 {ORDER} at")),
        ("progress.csv", with(PROGRESS, "90,1.5,,"), progress, "no less than 2.5 s".into()),
        ("progress.csv", with(PROGRESS, "90,,,"), progress, "line 4 is 90 after NaN s".into()),
        ("progress.csv", with(PROGRESS, "90"), progress, "line 4 is not `at,seconds,".into()),
        ("progress.csv", MAML_PROGRESS.into(), pearl, "line 1 is `at,sampling_seconds".into()),
        (
            "progress.csv",
            MAML_PROGRESS.replace("\n1,", "\n1.5,"),
            maml,
            "line 3 is not `at,sampling".into(),
        ),
    ]);
}

#[test]
fn incomplete_tables_of_version_1_are_refused_too() {
    let table = "evaluations.csv";
    assert_refused(vec![
        (table, cut(V1_EVALUATIONS), evaluations, "line 5 has no end".into()),
        (table, with(V1_EVALUATIONS, "30,1,4"), evaluations, format!("line 6 {ORDER}")),
        (table, short(V1_EVALUATIONS, 4), evaluations, "step 30 has 1 episodes".into()),
        ("timing.csv", with(V1_TIMING, "60,3.5"), progress, format!("line 4 {ORDER} step")),
        ("returns.csv", String::new(), maml, "it is empty".into()),
        ("returns.csv", cut(V1_MAML), maml, "line 3 has no end".into()),
        (
            "returns.csv",
            with(V1_MAML, "1,-2,-1,,,0.01,0.2,1,1"),
            maml,
            format!("line 4 {ORDER} iteration"),
        ),
        (
            "returns.csv",
            V1_MAML.replace("\n1,", "\n1.5,"),
            maml,
            "line 3 is not `iteration,train_before".into(),
        ),
        ("returns.csv", V1_MAML.into(), pearl, "line 1 is `iteration,train_before".into()),
        (
            "trials.csv",
            with(V1_TRIALS, "1,1,0,2.5,0,0,0,-4"),
            trials,
            "line 5 repeats the line before it".into(),
        ),
    ]);
}

#[test]
fn incomplete_settings_are_refused_with_what_is_missing() {
    assert_refused(vec![
        (
            run::RUN,
            String::new(),
            settings,
            "it is empty: expected `algo` and all other settings".into(),
        ),
        (
            run::RUN,
            SETTINGS.replace("critic = \"mlp-small\"\n", ""),
            settings,
            "there is no `critic`: a run says its algo, env, critic, seed, steps".into(),
        ),
        (run::RUN, SETTINGS.replace("seed = 7\n", ""), settings, "there is no `seed`".into()),
        (
            run::RUN,
            SETTINGS.replace("gamma = 0.99", "gamma = 1.5"),
            settings,
            "its gamma is impossible: it must be in [0, 1)".into(),
        ),
        (run::RUN, SETTINGS.replace("hopper", "hoper"), settings, "line 2: ".into()),
        (
            run::RUN,
            SETTINGS.replace("td3", "td4"),
            settings,
            "unknown algorithm 'td4'; choose one of: td3, sac".into(),
        ),
    ]);
}
