//! How tests start hyperl-train and read what it leaves.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a program said before it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Returns the command `hyperl-train` with arguments written as one line, without spaces inside.
pub(crate) fn hyperl_train(args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hyperl-train"));
    command.args(args.split_whitespace()).stdin(Stdio::null());
    command
}

/// Returns the command `hyperl-analyze`, likewise.
pub(crate) fn hyperl_analyze(args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hyperl-analyze"));
    command.args(args.split_whitespace()).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(mut command: Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Returns every file below a folder with its content; nothing if the folder is not there.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let content = fs::read(&path).unwrap();
            found.insert(path, content);
        }
    }
    found
}

/// Returns the files of a run that count, with their names from its folder.
pub(crate) fn results(run: &Path, counts: impl Fn(&Path) -> bool) -> Vec<(PathBuf, Vec<u8>)> {
    files(run)
        .into_iter()
        .map(|(path, content)| (path.strip_prefix(run).unwrap().to_path_buf(), content))
        .filter(|(path, _)| counts(path))
        .collect()
}

/// Leaves the seconds out of a table of progress; any other file stays as it is.
pub(crate) fn without_seconds((path, content): (PathBuf, Vec<u8>)) -> (PathBuf, Vec<u8>) {
    if !path.ends_with("progress.csv") {
        return (path, content);
    }
    let text = String::from_utf8(content).unwrap();
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let kept = |line: &str| {
        let fields = header.iter().zip(line.split(','));
        let own = fields.filter(|(name, _)| !name.ends_with("seconds")).map(|(_, field)| field);
        own.collect::<Vec<_>>().join(",")
    };
    (path, text.lines().map(kept).collect::<Vec<_>>().join("\n").into_bytes())
}

/// Checks that two runs hold the same names and bytes.
pub(crate) fn assert_same(found: &[(PathBuf, Vec<u8>)], expected: &[(PathBuf, Vec<u8>)]) {
    let names = |results: &[(PathBuf, Vec<u8>)]| -> Vec<PathBuf> {
        results.iter().map(|(path, _)| path.clone()).collect()
    };
    assert_eq!(names(found), names(expected));
    for ((name, found), (_, expected)) in found.iter().zip(expected) {
        assert!(found == expected, "{} differs", name.display());
    }
}

/// Checks that a program did what it was asked to.
pub(crate) fn assert_finishes(said: &Said) {
    assert_eq!(said.code, Some(0), "{}", said.err);
}

/// Checks that a program refused in one line with these words in it.
pub(crate) fn assert_refuses(said: &Said, words: &str) {
    assert_eq!((said.code, said.out.as_str()), (Some(3), ""), "{words}: {}", said.err);
    assert!(said.err.starts_with("error: ") && said.err.lines().count() == 1, "{}", said.err);
    assert!(said.err.contains(words), "{words}: {}", said.err);
}

/// The same command, which heeds signals whatever this process ignores, as one in the background does.
pub(crate) fn heeding_signals(command: &Command) -> Command {
    let mut heeding = Command::new("env");
    heeding.arg("--default-signal=HUP,INT,QUIT,TERM,USR1").arg(command.get_program());
    heeding.args(command.get_args()).stdin(Stdio::null());
    heeding
}

/// Starts a command and asks it to stop once it has said a line like this; returns what it said after that.
/// It must end as a program that has saved.
pub(crate) fn stop_after(command: Command, line: impl Fn(&str) -> bool) -> Vec<String> {
    let mut child = heeding_signals(&command).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.by_ref().any(|said| line(&said.unwrap())));
    let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    // What it says on hearing the signal comes at any time.
    let own = |line: &String| !line.is_empty() && !line.starts_with("stopping at the next safe");
    let last_words: Vec<String> = lines.map_while(Result::ok).filter(own).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{last_words:?}");
    last_words
}

/// What is done to a file.
pub(crate) type Damage<'d> = &'d dyn Fn(&[u8]) -> Vec<u8>;

/// Turns one bit in the middle.
pub(crate) fn flip(content: &[u8]) -> Vec<u8> {
    let mut content = content.to_vec();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    content
}

/// Leaves out the end.
pub(crate) fn cut(content: &[u8]) -> Vec<u8> {
    content[..content.len() - 10].to_vec()
}

/// A run of MAML of seconds.
pub(crate) fn short_maml(out: &Path, more: &str) -> Command {
    let mut command = hyperl_train(
        "maml --set tasks=2 --set episodes=2 --set train_tasks=4 --set test_tasks=2 \
         --set test_episodes=1 --set trpo.cg_steps=2 --checkpoint-every 1 --evaluate-every 1",
    );
    command.args(more.split_whitespace()).arg("--out").arg(out);
    command
}

/// Runs `hyperl-analyze` with an output folder.
pub(crate) fn analyze(args: &str, out: &Path) -> Said {
    let mut command = hyperl_analyze(args);
    command.arg("--out").arg(out);
    run(command)
}
