//! Many runs at once: what is planned, trained, told of, gathered and handed to Slurm.

use std::collections::BTreeSet;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use hyperl::checkpoint::resume_point;
use polars::prelude::{ParquetReader, SerReader as _};
use serde_json::Value;

use crate::support::program::{
    assert_finishes, assert_refuses, assert_same, hyperl_train, results, run,
};

const SWEEP: &str = r#"
analyse = ["cosine --states 5 --horizon 5"]

[select]
algo = "td3"
envs = ["hopper", "half-cheetah"]
models = ["mlp-small", "q-d2rl"]
seeds = [0]
length = 60
checkpoint_every = 30

[[select.variants]]
folder = "short"
set = { warmup_steps = 20, evaluation_episodes = 1, evaluate_every = 30, batch = 8 }
"#;

/// A folder with a sweep that is planned in `sweep`.
fn planned(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sweep.toml"), text).unwrap();
    assert_finishes(&run(sweep(folder.path(), "plan sweep.toml --out sweep")));
    folder
}

fn sweep(folder: &Path, words: &str) -> std::process::Command {
    let mut command = hyperl_train(&format!("sweep {words}"));
    command.current_dir(folder);
    command
}

fn status(folder: &Path) -> Value {
    serde_json::from_str(&run(sweep(folder, "status sweep --json")).out).unwrap()
}

fn states(folder: &Path) -> Vec<String> {
    let runs = status(folder)["runs"].as_array().unwrap().clone();
    runs.iter().map(|run| run["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn runs_in_processes_of_their_own_are_those_of_the_plain_command() {
    let folder = planned(SWEEP);
    let here = folder.path();
    assert_eq!(states(here), ["waiting"; 4]);
    assert_finishes(&run(sweep(here, "run sweep --task 2")));
    assert_eq!(states(here), ["waiting", "waiting", "finished", "waiting"]);
    let said = run(sweep(here, "local sweep --jobs 2"));
    assert_finishes(&said);
    assert_eq!(said.out, "4 runs: 4 finished\n");
    let mut plain = hyperl_train(
        "td3 --env half-cheetah --critic q-d2rl --steps 60 --checkpoint-every 30 --set warmup_steps=20 --set \
         evaluation_episodes=1 --set evaluate_every=30 --set batch=8",
    );
    plain.arg("--out").arg(here.join("plain"));
    assert_finishes(&run(plain));
    let name = "td3-half-cheetah-q-d2rl-s0";
    let kept = ["weights.safetensors", "states.safetensors", "evaluations.csv", "run.toml"];
    let counts = |path: &Path| kept.iter().any(|name| path.ends_with(name));
    let of = |folder: &str| results(&here.join(folder).join(name), counts);
    assert!(of("plain").len() > 5);
    assert_same(&of("sweep/runs/short"), &of("plain"));
    assert!(here.join(format!("sweep/analysis/short/{name}/1-cosine/report.html")).is_file());
    // What is finished is not touched again.
    let before = fs::read(here.join("sweep/log/3.out")).unwrap();
    assert_finishes(&run(sweep(here, "local sweep")));
    assert_eq!(fs::read(here.join("sweep/log/3.out")).unwrap(), before);
}

#[test]
fn status_tells_a_run_that_failed_stopped_or_is_under_way() {
    let failing = SWEEP.replace("batch = 8", "batch = 0");
    let folder = planned(&failing);
    let here = folder.path();
    assert_refuses(
        &run(sweep(here, "local sweep")),
        "4 runs: 4 failed; hyperl-train sweep status sweep says why",
    );
    assert_eq!(states(here), ["failed"; 4]);
    let said = status(here)["runs"][0]["said"].as_str().unwrap().to_owned();
    assert!(said.contains("batch"), "{said}");

    let folder = planned(SWEEP);
    let here = folder.path();
    let of_first = here.join("sweep/runs/short/td3-hopper-mlp-small-s0");
    fs::create_dir_all(&of_first).unwrap();
    let lock = resume_point::lock(&of_first).unwrap();
    assert_eq!(states(here)[0], "running");
    // Another one leaves it alone.
    let said = run(sweep(here, "run sweep --task 0"));
    assert_finishes(&said);
    assert!(said.err.contains("is being trained by process"), "{}", said.err);
    drop(lock);
    assert_eq!(states(here)[0], "stopped");
}

/// A process that was killed holds its run a while longer, until the system has its memory back.
#[test]
fn a_run_that_another_process_gives_up_is_taken_up_at_the_end() {
    let folder = planned(&SWEEP.replace("analyse", "# analyse"));
    let here = folder.path();
    let of_first = here.join("sweep/runs/short/td3-hopper-mlp-small-s0");
    fs::create_dir_all(&of_first).unwrap();
    let lock = resume_point::lock(&of_first).unwrap();
    let local = std::thread::scope(|scope| {
        let local = scope.spawn(|| run(sweep(here, "local sweep")));
        while states(here) != ["running", "finished", "finished", "finished"] {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        drop(lock);
        local.join().unwrap()
    });
    assert_finishes(&local);
    assert_eq!(local.out, "4 runs: 4 finished\n");
}

/// A process that is killed after its last checkpoint has its lock and what it was writing behind.
#[test]
fn what_a_process_left_that_died_at_the_very_end_is_cleared_away() {
    let folder = planned(&SWEEP.replace("analyse", "# analyse"));
    let here = folder.path();
    assert_finishes(&run(sweep(here, "run sweep --task 0")));
    assert_eq!(states(here)[0], "finished");
    let of_first = here.join("sweep/runs/short/td3-hopper-mlp-small-s0");
    let names = || {
        fs::read_dir(&of_first).unwrap().map(|e| e.unwrap().file_name()).collect::<BTreeSet<_>>()
    };
    let whole = names();
    fs::write(of_first.join(".lock"), format!("{0} here hyperl-train td3\n", u32::MAX)).unwrap();
    fs::write(of_first.join(format!(".evaluations.csv.{}-0.partial", u32::MAX)), "half").unwrap();
    assert_eq!(states(here)[0], "stopped");
    assert_finishes(&run(sweep(here, "run sweep --task 0")));
    assert_eq!(states(here)[0], "finished");
    assert_eq!(names(), whole);
}

#[test]
fn what_was_written_down_is_gathered_in_one_table_and_one_page() {
    let folder = planned(&SWEEP.replace("analyse", "# analyse"));
    let here = folder.path();
    assert_refuses(&run(sweep(here, "gather sweep")), "no run of sweep was evaluated yet");
    assert_refuses(&run(sweep(here, "run sweep --task 0 --every 0")), "0 is not in 1..");
    assert_finishes(&run(sweep(here, "run sweep --task 0 --every 2")));
    let said = run(sweep(here, "gather sweep"));
    assert_finishes(&said);
    assert_eq!(said.out, "4 runs: 2 waiting, 2 finished\n");
    let bytes = fs::read(here.join("sweep/gathered/evaluations.parquet")).unwrap();
    let frame = ParquetReader::new(Cursor::new(bytes)).finish().unwrap();
    assert_eq!(frame.shape(), (2 * 3, 15), "two runs, evaluated at 0, 30 and 60");
    let total = frame.column("return").unwrap().f64().unwrap().get(2).unwrap();
    let log = here.join("sweep/runs/short/td3-hopper-mlp-small-s0/evaluations.csv");
    let last = fs::read_to_string(log).unwrap().lines().last().unwrap().to_owned();
    assert_eq!(last.rsplit(',').next().unwrap().parse::<f64>().unwrap(), total);
    let runs = fs::read_to_string(here.join("sweep/gathered/runs.csv")).unwrap();
    assert_eq!(runs.lines().count(), 1 + 4, "{runs}");
    let page = fs::read_to_string(here.join("sweep/gathered/report.md")).unwrap();
    assert!(page.contains("4 runs: 2 waiting, 2 finished."), "{page}");
}

#[test]
fn slurm_gets_an_array_of_what_is_left() {
    let folder = planned(SWEEP);
    let here = folder.path();
    assert_finishes(&run(sweep(here, "run sweep --task 1")));
    let words = "submit sweep --partition low --time 10:00 --mem 4G --at-once 3 --sbatch=--qos=high --dry-run";
    assert_finishes(&run(sweep(here, words)));
    let job = fs::read_to_string(here.join("sweep/job.sh")).unwrap();
    for line in [
        "#SBATCH --array=0,2-3%3",
        "#SBATCH --partition=low",
        "#SBATCH --time=10:00",
        "#SBATCH --mem=4G",
        "#SBATCH --qos=high",
        "#SBATCH --requeue",
        "#SBATCH --signal=USR1@120",
    ] {
        assert!(job.lines().any(|l| l == line), "{line}: {job}");
    }
    // Without a cluster the error says what to do.
    let mut real = sweep(here, "submit sweep");
    real.env("PATH", here);
    assert_refuses(&run(real), "sweep/job.sh is the job that it should take");
}

#[test]
fn plans_are_made_of_specs_too_and_never_overwritten() {
    let folder = planned(SWEEP);
    let here = folder.path();
    assert_finishes(&run(sweep(here, "plan sweep.toml --out sweep"))); // the same one
    fs::write(here.join("other.toml"), SWEEP.replace("seeds = [0]", "seeds = [1]")).unwrap();
    assert_refuses(&run(sweep(here, "plan other.toml --out sweep")), "is another plan");
    fs::write(here.join("wrong.toml"), SWEEP.replace("hopper", "hoper")).unwrap();
    assert_refuses(&run(sweep(here, "plan wrong.toml --out b")), "hoper");
    fs::write(here.join("broken.toml"), "[select]\nalgo\n").unwrap();
    assert_refuses(&run(sweep(here, "plan broken.toml --out b")), "broken.toml: line 2: ");
    fs::write(here.join("none.toml"), "[select]\nalgo = \"td3\"\n").unwrap();
    assert_refuses(&run(sweep(here, "plan none.toml --out b")), "must name `envs`");
    assert_refuses(&run(sweep(here, "status nowhere")), "holds no plan.jsonl");
    assert_refuses(&run(sweep(here, "run sweep --task 4")), "the plan has runs 0 to 3");

    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("analyses/table08-maml.toml");
    let said = run(sweep(here, &format!("plan {} --out maml --json", spec.display())));
    let runs: Value = serde_json::from_str(&said.out).unwrap();
    let words = runs[0]["words"].as_array().unwrap();
    assert_eq!(words[0], "maml");
    assert_eq!(runs[0]["unit"], "iterations");
}

#[test]
fn a_run_that_was_killed_is_no_success() {
    let one = SWEEP.replace(", \"half-cheetah\"", "").replace(", \"q-d2rl\"", "");
    let folder = planned(&one.replace("length = 60", "length = 100000"));
    let here = folder.path();
    let local = std::thread::scope(|scope| {
        let local = scope.spawn(|| run(sweep(here, "local sweep")));
        while states(here) != ["running"] {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        // As a kernel without memory would do it.
        let said = status(here)["runs"][0]["said"].as_str().unwrap().to_owned();
        let process = said.split_whitespace().nth(1).unwrap();
        let kill = std::process::Command::new("kill").args(["-9", process]).status().unwrap();
        assert!(kill.success(), "{said}");
        local.join().unwrap()
    });
    assert_refuses(&local, "1 runs: 1 stopped: some ended before they were finished; sweep/log");
}
