//! A tiny trained run, and the program started in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

/// Name of the run that the tests share.
pub(crate) const RUN: &str = "td3-hopper-mlp-small-s0";

/// A folder of runs with one run of two checkpoints; trained once for all tests.
static RUNS: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "td3 --env hopper --critic mlp-small --seed 0 --steps 60 --checkpoint-every 30 \
        --evaluate-every 30 --set warmup_steps=20 --set batch=8 --set evaluation_episodes=2 \
        --threads 1 --out .";
    let trained = Command::new(env!("CARGO_BIN_EXE_hyperl-train"))
        .args(arguments.split_whitespace())
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
    for step in ["step-000000030", "step-000000060"] {
        forget_episodes(&folder.path().join(RUN).join(step));
    }
    folder
});

/// Makes a checkpoint one of those that do not tell the episodes of their states, so that each state counts
/// for itself: there are too few episodes in so short a run to judge anything.
pub(crate) fn forget_episodes(checkpoint: &Path) {
    let [states, manifest] = ["states.safetensors", "manifest.json"].map(|f| checkpoint.join(f));
    let bytes = fs::read(&states).unwrap();
    // In the header, of which the length stays.
    let (key, other) = (&b"\"states_episodes\""[..], &b"\"episodes_unused\""[..]);
    let at = bytes.windows(key.len()).position(|window| window == key).unwrap();
    let forgotten = [&bytes[..at], other, &bytes[at + key.len()..]].concat();
    let hashes = [&bytes, &forgotten].map(|bytes| hyperl::checkpoint::disk::hash(bytes));
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(text.contains(&hashes[0]));
    fs::write(&states, forgotten).unwrap();
    fs::write(&manifest, text.replace(&hashes[0], &hashes[1])).unwrap();
}

/// The folder of runs.
pub(crate) fn runs() -> &'static Path {
    RUNS.path()
}

/// The run.
pub(crate) fn run() -> PathBuf {
    runs().join(RUN)
}

/// Its last checkpoint.
pub(crate) fn checkpoint() -> PathBuf {
    run().join("step-000000060")
}

/// What the program did.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Returns standard output as JSON, and fails unless it is nothing else.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// A folder in which the program is started.
pub(crate) struct Bench(TempDir);

impl Bench {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Starts `hyperl-analyze` with words separated by spaces; `@` stands for the checkpoint.
    pub(crate) fn analyze(&self, words: &str) -> Ran {
        let checkpoint = checkpoint().display().to_string();
        let words = words.split_whitespace().map(|word| word.replace('@', &checkpoint));
        let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_hyperl-analyze"))
            .args(words)
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// The same, and it has to succeed.
    pub(crate) fn done(&self, words: &str) -> Ran {
        let ran = self.analyze(words);
        assert_eq!(ran.code, 0, "{words}: {}", ran.stderr);
        ran
    }

    /// Starts the program, which must fail with one line, print nothing and leave all as it was.
    pub(crate) fn error(&self, words: &str) -> String {
        let before = contents(self.0.path());
        let ran = self.analyze(words);
        assert_eq!((ran.code, &*ran.stdout), (3, ""), "{words}: {}", ran.stderr);
        assert_eq!(contents(self.0.path()), before, "{words}");
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        ran.stderr.trim_end().strip_prefix("error: ").unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// Copies the checkpoint to `ckpt`.
    pub(crate) fn copy(&self) -> PathBuf {
        let to = self.path("ckpt");
        fs::create_dir(&to).unwrap();
        for file in ["manifest.json", "weights.safetensors", "states.safetensors"] {
            fs::copy(checkpoint().join(file), to.join(file)).unwrap();
        }
        to
    }
}

/// Every file below a folder with its bytes, folders too; sorted by path.
pub(crate) fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                all.push((path.clone(), Vec::new()));
                open.push(path);
            } else {
                all.push((path.clone(), fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}

/// Changes the manifest of a copied checkpoint.
pub(crate) fn edit(folder: &Path, change: impl FnOnce(&mut Value)) {
    let path = folder.join("manifest.json");
    let mut manifest = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut manifest);
    fs::write(path, serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();
}
