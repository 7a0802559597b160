//! Do signals save what can be saved, and does a lost standard error or output stop nothing that it should not?

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use crate::support::program::{
    Said, assert_finishes, heeding_signals, hyperl_analyze, hyperl_train, run, short_maml as maml,
};

/// A training of some length; `more` ends the line.
fn short(out: &Path, more: &str) -> Command {
    let mut command = hyperl_train(
        "td3 --env hopper --critic mlp-small --threads 1 --evaluate-every 100 \
         --set warmup_steps=50 --set batch=16 --set reservoir=40",
    );
    command.args(more.split_whitespace()).arg("--out").arg(out);
    command
}

/// The same command, started with signals ignored.
fn ignoring(signals: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("trap '' {signals}; exec \"$@\""), "sh"]);
    shell.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    shell
}

/// A program that was started, and what it says.
struct Started {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Started {
    fn new(command: Command) -> Self {
        let mut child =
            heeding_signals(&command).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits for a line that begins like this.
    fn says(&mut self, start: &str) {
        assert!(self.lines.by_ref().any(|line| line.unwrap().starts_with(start)), "{start}");
    }

    /// Waits until a file is there.
    fn makes(&mut self, file: &Path) {
        while !file.exists() {
            assert_eq!(self.child.try_wait().unwrap(), None, "it ended without {}", file.display());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends signals, one right after the other.
    fn send(&self, signals: &[&str]) {
        let pid = self.child.id();
        let kills: Vec<String> = signals.iter().map(|name| format!("kill -{name} {pid}")).collect();
        assert!(Command::new("sh").args(["-c", &kills.join("; ")]).status().unwrap().success());
    }

    /// Waits for the end; returns the exit code, none if a signal ended it, and the last words.
    fn end(mut self) -> (Option<i32>, String) {
        let words: Vec<String> = self.lines.map_while(Result::ok).collect();
        (self.child.wait().unwrap().code(), words.join("\n"))
    }
}

#[test]
fn each_signal_saves_and_repeats_at_once_count_once() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [&[&str]; 5] =
        [&["INT"], &["TERM", "TERM"], &["HUP"], &["USR1"], &["TERM", "INT", "HUP"]];
    for (signals, name) in cases.into_iter().zip(["a", "b", "c", "d", "e"]) {
        let out = folder.path().join(name);
        let mut training = Started::new(short(&out, "--steps 100000 --set evaluation_episodes=2"));
        training.says("step 100: mean return ");
        training.send(signals);
        let (code, words) = training.end();
        assert_eq!(code, Some(130), "{signals:?}: {words}");
        assert!(words.contains("saved at step "), "{signals:?}: {words}");
        let latest = out.join("td3-hopper-mlp-small-s0/resume/latest");
        assert!(std::fs::read_to_string(latest).unwrap().starts_with("point-"), "{signals:?}");
    }
}

#[test]
fn mamls_training_saves_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut training = Started::new(maml(folder.path(), "--policy vanilla --iterations 10000"));
    training.says("iteration 1: ");
    training.send(&["USR1", "TERM"]);
    let (code, words) = training.end();
    assert_eq!(code, Some(130), "{words}");
    assert!(words.contains("saved at iteration "), "{words}");
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let short = short(folder.path(), "--steps 400 --set evaluation_episodes=2");
    let mut training = Started::new(ignoring("HUP INT TERM USR1", &short));
    training.says("step 100: mean return ");
    training.send(&["HUP", "INT", "TERM", "USR1"]);
    let (code, words) = training.end();
    assert_eq!(code, Some(0), "{words}");
    assert!(words.ends_with("400 steps done"), "{words}");
}

#[test]
fn a_signal_before_the_first_step_says_that_nothing_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    // The first evaluation takes a while.
    let more = "--steps 60 --set evaluation_episodes=400";
    let mut training = Started::new(short(folder.path(), more));
    let run_folder = folder.path().join("td3-hopper-mlp-small-s0");
    training.makes(&run_folder.join("run.toml"));
    training.send(&["TERM"]);
    let (code, words) = training.end();
    assert_eq!(code, Some(131), "{words}");
    assert!(words.contains("stopped, nothing saved yet; add --resume to start again"), "{words}");
    assert_finishes(&run(short(folder.path(), &format!("{more} --resume"))));

    // What was saved before is saved still.
    let longer = "--steps 90 --set evaluation_episodes=400 --resume";
    let mut training = Started::new(short(folder.path(), longer));
    training.makes(&run_folder.join(".lock"));
    training.send(&["TERM"]);
    let (code, words) = training.end();
    assert_eq!(code, Some(130), "{words}");
    assert!(words.contains("saved at step 60; add --resume to continue"), "{words}");
}

#[test]
fn a_signal_two_seconds_after_the_first_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    // An evaluation of minutes, in which no stop is possible.
    let mut training =
        Started::new(short(folder.path(), "--steps 60 --set evaluation_episodes=100000"));
    training.makes(&folder.path().join("td3-hopper-mlp-small-s0/resume"));
    std::thread::sleep(Duration::from_millis(500)); // it begins soon after
    training.send(&["TERM", "TERM"]);
    training.says("stopping at the next safe point");
    std::thread::sleep(Duration::from_millis(2100)); // more is as good
    training.send(&["TERM"]);
    let (code, words) = training.end();
    assert_eq!(code, Some(131), "{words}");
    assert!(words.contains("stopped at once; what came after the last save is lost"), "{words}");
}

#[test]
fn a_command_that_keeps_nothing_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    assert_finishes(&run(short(folder.path(), "--steps 60 --set evaluation_episodes=2")));
    let mut command = hyperl_analyze("baseline --states 40 --blocks 400 --threads 1 --ckpt");
    command.arg(folder.path().join("td3-hopper-mlp-small-s0"));
    command.arg("--out").arg(folder.path().join("bank.parquet"));
    let mut analysis = Started::new(command);
    analysis.says("baseline: 40 states");
    analysis.send(&["TERM"]);
    let (code, words) = analysis.end();
    assert_eq!(code, Some(131), "{words}");
    assert!(words.contains("stopped before the end; start it again"), "{words}");
    assert!(!folder.path().join("bank.parquet").exists());
}

#[test]
fn an_analysis_stopped_between_two_checkpoints_keeps_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let more = "--steps 60 --checkpoint-every 30 --set evaluation_episodes=2";
    assert_finishes(&run(short(folder.path(), more)));
    let cosine = || {
        let mut command = hyperl_analyze("cosine --states 20 --blocks 8 --threads 1 --ckpt");
        command.arg(folder.path().join("td3-hopper-mlp-small-s0"));
        command.arg("--out").arg(folder.path().join("reports/cosine"));
        command
    };
    let mut analysis = Started::new(cosine());
    analysis.makes(&folder.path().join("reports/units"));
    analysis.send(&["TERM"]);
    let (code, words) = analysis.end();
    assert_eq!(code, Some(130), "{words}");
    assert!(words.contains("results are kept; run the same command to continue"), "{words}");
    assert!(!folder.path().join("reports/cosine/report.md").exists());
    assert_finishes(&run(cosine()));
}

/// Standard errors that take nothing: a full disk, and a pipe that nobody reads.
fn lost() -> [Stdio; 2] {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    [full().into(), writer.into()]
}

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

#[test]
fn losing_standard_error_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (stderr, name) in lost().into_iter().zip(["full", "closed"]) {
        let out = folder.path().join(name);
        let mut command = short(&out, "--steps 250 --set evaluation_episodes=2");
        assert_eq!(command.stderr(stderr).status().unwrap().code(), Some(0), "{name}");
        assert!(out.join("td3-hopper-mlp-small-s0/step-000000250/manifest.json").is_file());
    }
    let checkpoint = folder.path().join("full/td3-hopper-mlp-small-s0");
    for words in ["cosine --mode paper --states 3 --rollouts 7", "returns", "diagnose --states 3"] {
        for stderr in lost() {
            let mut command = hyperl_analyze(words);
            command.arg("--ckpt").arg(&checkpoint).arg("--out").arg(folder.path().join("out"));
            let code = command.stdout(Stdio::null()).stderr(stderr).status().unwrap().code();
            assert_eq!(code, Some(0), "{words}");
        }
    }
    // An error keeps its code too.
    for stderr in lost() {
        let code = hyperl_train("td3 --steps 0").stderr(stderr).status().unwrap().code();
        assert_eq!(code, Some(3));
    }
}

#[test]
fn a_full_disk_behind_standard_output_is_an_error() {
    for words in ["models", "--help", "--version", "hyper-parameters --json", "completions bash"] {
        let output = hyperl_analyze(words).stdout(full()).output().unwrap();
        let said = Said {
            code: output.status.code(),
            out: String::new(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        assert_eq!(said.code, Some(3), "{words}: {}", said.err);
        assert!(said.err.contains("cannot write standard output: No space left"), "{}", said.err);
    }
}
