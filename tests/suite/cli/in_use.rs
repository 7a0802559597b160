//! Does one process alone work on a run or on a folder of results, and is what dead ones leave in nobody's way?

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hyperl::checkpoint::lock::Lock;
use hyperl::checkpoint::resume_point;

use crate::support::program::{
    assert_finishes, assert_refuses, assert_same, files, hyperl_analyze, hyperl_train, results,
    run, short_maml as maml,
};

const RUN: &str = "td3-hopper-mlp-small-s0";

fn td3(out: &Path, more: &str) -> Command {
    let mut command = hyperl_train(
        "td3 --env hopper --critic mlp-small --threads 1 --checkpoint-every 50 --evaluate-every 100 \
         --set warmup_steps=50 --set batch=16 --set reservoir=40 --set evaluation_episodes=2",
    );
    command.args(more.split_whitespace()).arg("--out").arg(out);
    command
}

/// What this process, which holds a lock, is called in messages.
fn held_by_us() -> String {
    format!("is in use by process {} (", std::process::id())
}

#[test]
fn a_run_is_trained_by_one_process_and_read_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    assert_finishes(&run(td3(out, "--steps 100")));
    let lock = resume_point::lock(&out.join(RUN)).unwrap();
    let before = files(&out.join(RUN));
    for more in ["--steps 100", "--steps 200 --resume", "--resume"] {
        assert_refuses(&run(td3(out, more)), &held_by_us());
        assert!(files(&out.join(RUN)) == before, "{more} changed a file");
    }
    for (words, read) in [
        ("inspect", out.join(RUN).join("step-000000100")),
        ("cosine --mode paper --states 3 --rollouts 7 --ckpt", out.join(RUN)),
        ("returns --ckpt", out.join(RUN)),
    ] {
        let mut command = hyperl_analyze(words);
        command.arg(read).current_dir(out);
        assert_finishes(&run(command));
    }
    drop(lock);
    assert_finishes(&run(td3(out, "--steps 200 --resume")));
}

#[test]
fn every_algorithm_locks_its_run() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let with_out = |mut command: Command| {
        command.arg("--out").arg(out);
        command
    };
    let cases = [
        ("sac-hopper-mlp-small-s0", with_out(hyperl_train("sac --critic mlp-small --steps 1"))),
        ("maml-half-cheetah-vel-vanilla-s0", maml(out, "--policy vanilla --iterations 1")),
        ("pearl-half-cheetah-vel-mlp-s0", with_out(hyperl_train("pearl --model mlp"))),
    ];
    for (name, command) in cases {
        let _lock = resume_point::lock(&out.join(name)).unwrap();
        assert_refuses(&run(command), &held_by_us());
    }
}

#[test]
fn a_killed_run_goes_on_and_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|name| folder.path().join(name));
    assert_finishes(&run(td3(&whole, "--steps 300")));
    let mut child = td3(&killed, "--steps 300").stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("step 100")));
    child.kill().unwrap();
    child.wait().unwrap();
    let dead = child.id();
    for place in ["", "resume", "resume/replay"] {
        let partial = killed.join(RUN).join(place).join(format!(".x.{dead}-99.partial"));
        fs::create_dir_all(partial).unwrap();
    }
    assert_finishes(&run(td3(&killed, "--steps 300 --resume")));
    let counts = |path: &Path| !path.ends_with("progress.csv") && !path.starts_with("resume");
    assert_same(&results(&killed.join(RUN), counts), &results(&whole.join(RUN), counts));
    assert_eq!(hidden(&killed), Vec::<PathBuf>::new());
}

#[test]
fn a_killed_run_loses_no_more_than_the_time_between_two_points() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|name| folder.path().join(name));
    let rarely = |out: &Path, more: &str| {
        let mut command = hyperl_train(
            "td3 --env hopper --critic mlp-small --threads 1 --steps 300 --checkpoint-every 300 \
             --evaluate-every 100 --set warmup_steps=50 --set batch=16 --set evaluation_episodes=2",
        );
        command.args(more.split_whitespace()).arg("--out").arg(out);
        command
    };
    assert_finishes(&run(rarely(&whole, "")));
    let mut child = rarely(&killed, "--save-every 0").stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("step 100")));
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = run(rarely(&killed, "--resume"));
    assert_finishes(&resumed);
    let said = &resumed.err;
    let (_, place) = said.split_once(" at step ").unwrap();
    let step: u64 = place.split_whitespace().next().unwrap().parse().unwrap();
    assert!((99..300).contains(&step), "{said}");
    let counts = |path: &Path| !path.ends_with("progress.csv") && !path.starts_with("resume");
    assert_same(&results(&killed.join(RUN), counts), &results(&whole.join(RUN), counts));
}

/// What is hidden below a folder: locks, and what is half written.
fn hidden(folder: &Path) -> Vec<PathBuf> {
    let is_hidden = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
    walk(folder).into_iter().filter(is_hidden).collect()
}

/// Everything below a folder, folders too.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let inside = |path: PathBuf| {
        let below = if path.is_dir() { walk(&path) } else { Vec::new() };
        [vec![path], below].concat()
    };
    fs::read_dir(folder).unwrap().flat_map(|entry| inside(entry.unwrap().path())).collect()
}

#[test]
fn a_run_killed_between_its_first_checkpoint_and_its_point_starts_anew() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|name| folder.path().join(name));
    assert_finishes(&run(td3(&whole, "--steps 100")));
    let names = ["run.toml", "evaluations.csv", "progress.csv", "step-000000050/manifest.json"];
    for name in names {
        let to = killed.join(RUN).join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(whole.join(RUN).join(name), to).unwrap();
    }
    resume_point::begin(&killed.join(RUN)).unwrap();
    assert_finishes(&run(td3(&killed, "--steps 100 --resume")));
    let counts = |path: &Path| !path.ends_with("progress.csv") && !path.starts_with("resume");
    assert_same(&results(&killed.join(RUN), counts), &results(&whole.join(RUN), counts));
}

#[test]
fn a_folder_of_results_is_written_by_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    assert_finishes(&run(td3(&runs, "--steps 50")));
    assert_finishes(&run(maml(&runs, "--policy vanilla --iterations 1")));
    let out = folder.path().join("out");
    let _lock = Lock::folder(&out).unwrap();
    let maml = "maml-half-cheetah-vel-vanilla-s0/step-000000001";
    for (words, name) in [
        ("cosine", RUN),
        ("learnable", RUN),
        ("self-check", RUN),
        ("diagnose", RUN),
        ("maml-noise", maml),
        ("maml-adaptation", maml),
    ] {
        let mut command = hyperl_analyze(words);
        command.arg("--ckpt").arg(runs.join(name)).arg("--out").arg(&out);
        assert_refuses(&run(command), &held_by_us());
    }
    let returns = format!("returns --ckpt {}", runs.join(RUN).display());
    for words in [&*returns, "claims", "weights --init --env hopper --seeds 1 --states 2 --bins 4"]
    {
        let mut command = hyperl_analyze(words);
        command.arg("--out").arg(&out);
        assert_refuses(&run(command), &held_by_us());
    }
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1, "the lock alone");
}

#[test]
fn an_agent_that_was_imported_before_stays_for_who_is_reading_it() {
    let folder = tempfile::tempdir().unwrap();
    let agent = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/agents/td3.zip");
    let import = || {
        let mut command = hyperl_analyze("import --env hopper --episodes 1 --out taken");
        command.arg(&agent).current_dir(folder.path());
        run(command)
    };
    let place = |name: &str| fs::metadata(folder.path().join("taken").join(name)).unwrap().ino();
    assert_finishes(&import());
    let before = place("weights.safetensors");
    assert_finishes(&import());
    assert_eq!(place("weights.safetensors"), before);
    fs::write(folder.path().join("taken/weights.safetensors"), "damaged").unwrap();
    assert_finishes(&import());
    let _lock = Lock::beside(&folder.path().join("taken")).unwrap();
    assert_refuses(&import(), &held_by_us());
}

#[test]
fn a_measurement_under_way_elsewhere_is_waited_for_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    assert_finishes(&run(td3(folder.path(), "--steps 50")));
    let cosine = |out: &str| {
        let words = "cosine --mode paper --states 3 --rollouts 7 --ckpt";
        let mut command = hyperl_analyze(words);
        command.arg(folder.path().join(RUN)).arg("--out").arg(folder.path().join(out));
        command
    };
    assert_finishes(&run(cosine("first")));
    let units = folder.path().join("units");
    let kept: Vec<PathBuf> =
        fs::read_dir(&units).unwrap().map(|entry| entry.unwrap().path()).collect();
    let unit = kept.iter().find(|path| path.extension().unwrap() == "parquet").unwrap();
    let bytes = fs::read(unit).unwrap();
    let lock = Lock::beside(unit).unwrap();
    fs::remove_file(unit).unwrap();
    let mut child = cosine("second").stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let waiting = format!("waiting for process {} (", std::process::id());
    assert!(lines.any(|line| line.unwrap().starts_with(&waiting)));
    fs::write(unit, &bytes).unwrap();
    let written = unit.metadata().unwrap().modified().unwrap();
    drop(lock);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(unit.metadata().unwrap().modified().unwrap(), written, "it is not measured again");
    let page = |out: &str| fs::read(folder.path().join(out).join("states.parquet")).unwrap();
    assert!(page("first") == page("second"));
}

/// A process that is killed at its very end leaves its lock, or what it was writing.
#[test]
fn what_a_measurement_left_that_was_killed_at_its_end_is_cleared_away() {
    let folder = tempfile::tempdir().unwrap();
    assert_finishes(&run(td3(folder.path(), "--steps 50")));
    let analyze = |words: &str, out: &str| {
        let mut command = hyperl_analyze(words);
        command.arg("--ckpt").arg(folder.path().join(RUN).join("step-000000050"));
        command.arg("--out").arg(folder.path().join(out));
        assert_finishes(&run(command));
    };
    let cosine = "cosine --mode paper --states 3 --rollouts 7";
    analyze(cosine, "out");
    let units = fs::read_dir(folder.path().join("units")).unwrap();
    let units = units.map(|unit| unit.unwrap().file_name().into_string().unwrap());
    let unit = units.into_iter().find(|name| name.ends_with(".parquet")).unwrap();
    let nobody = u32::MAX;
    let lock = folder.path().join(format!("units/.{unit}.lock"));
    fs::write(lock, format!("{nobody} here hyperl-analyze cosine\n")).unwrap();
    fs::write(folder.path().join(format!(".bank.parquet.{nobody}-0.partial")), "half").unwrap();
    assert_eq!(hidden(folder.path()).len(), 2);
    analyze(cosine, "out");
    analyze("bank --states 4 --blocks 2 --horizon 20", "bank.parquet");
    assert_eq!(hidden(folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn two_analyses_of_different_checkpoints_share_a_folder_of_measurements() {
    let folder = tempfile::tempdir().unwrap();
    assert_finishes(&run(td3(folder.path(), "--steps 100")));
    let cosine = |step: u32| {
        let mut command = hyperl_analyze("cosine --mode paper --states 3 --rollouts 7 --ckpt");
        command.arg(folder.path().join(RUN).join(format!("step-{step:09}")));
        command.arg("--out").arg(folder.path().join(format!("out-{step}")));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut both = [50, 100].map(|step| cosine(step).spawn().unwrap());
    assert!(both.iter_mut().all(|child| child.wait().unwrap().success()));
}

#[test]
fn a_disk_that_takes_no_more_is_named_with_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let command = td3(folder.path(), "--steps 50");
    // A limit on the size of files stands for a full disk, which only root could make.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"]);
    shell.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    let said = run(shell);
    assert_eq!(said.code, Some(3), "{}", said.err);
    let weights = folder.path().join(RUN).join("step-000000050/weights.safetensors");
    let expected = format!("error: cannot write {}: File too large", weights.display());
    assert!(said.err.contains(&expected) && said.err.contains("ulimit -f"), "{}", said.err);
    assert_eq!(hidden(folder.path()), Vec::<PathBuf>::new());
    assert_finishes(&run(td3(folder.path(), "--steps 50 --resume")));
}
