//! The job for Slurm: an array with a task for each run. A task that was stopped goes back into the queue.

use std::path::Path;

use clap::Args;

use super::super::output::shell_words;
use crate::sweep::plan::Plan;

/// Largest number in an array, unless a cluster's `MaxArraySize` is other than its default.
const LARGEST: usize = 1000;

const OPENING: &str = "\
#!/bin/bash
# Written by hyperl-train sweep submit. Read it, change it, submit it again with sbatch: what is finished is
# not done twice.
";

const ENDING: &str = r#"code=$?
# 130 and 131: its time was up, or something else took its place; it goes on where it was saved.
if [ "$code" -eq 130 ] || [ "$code" -eq 131 ]; then
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
fi
exit "$code"
"#;

/// What the cluster is asked for.
#[derive(Debug, Args)]
pub(in crate::cli) struct SlurmOptions {
    /// Partition
    #[arg(long)]
    partition: Option<String>,
    /// Longest time of a task, as sbatch takes it; a run that needs more goes on in another one
    #[arg(long)]
    time: Option<String>,
    /// Memory of a task, such as 4G
    #[arg(long)]
    mem: Option<String>,
    /// Account
    #[arg(long)]
    account: Option<String>,
    /// Tasks at a time
    #[arg(long, value_name = "N")]
    at_once: Option<usize>,
    /// Processors, and worker threads, of a task
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Seconds before the end of its time at which a task saves and stops
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    warn: u32,
    /// Any other option of sbatch, such as --sbatch=--qos=low; may be repeated
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    sbatch: Vec<String>,
}

/// Writes the job that trains these runs with `program`.
pub(super) fn script(plan: &Plan, slurm: &SlurmOptions, runs: &[usize], program: &Path) -> String {
    let folder = std::path::absolute(&plan.folder).unwrap_or_else(|_| plan.folder.clone());
    let name =
        folder.file_name().map_or("sweep".into(), |name| name.to_string_lossy().into_owned());
    let (array, which) = array(runs);
    let at_once = slurm.at_once.map_or(String::new(), |at_once| format!("%{at_once}"));
    let mut options = vec![
        format!("--job-name={}", shell_words(&[format!("hyperl-{name}")])),
        format!("--array={array}{at_once}"),
        format!("--output={}", shell_words(&[folder.join("log/%a.out")])),
        "--open-mode=append".into(),
        "--requeue".into(),
        format!("--cpus-per-task={}", slurm.threads),
        format!("--signal=USR1@{}", slurm.warn),
    ];
    let given = [
        ("partition", &slurm.partition),
        ("time", &slurm.time),
        ("mem", &slurm.mem),
        ("account", &slurm.account),
    ];
    options.extend(given.iter().filter_map(|(option, value)| {
        value.as_ref().map(|value| format!("--{option}={}", shell_words(&[value])))
    }));
    options.extend(slurm.sbatch.iter().cloned());
    let options = options.join("\n#SBATCH ");
    let run = format!(
        "srun --ntasks=1 {} sweep run {} {which} --threads {}",
        shell_words(&[program]),
        shell_words(&[&folder]),
        slurm.threads
    );
    format!("{OPENING}#SBATCH {options}\n{run}\n{ENDING}")
}

/// Returns the numbers of an array, and the flags by which one of its tasks finds its runs.
fn array(runs: &[usize]) -> (String, String) {
    if runs.iter().all(|run| *run <= LARGEST) {
        return (ranges(runs), "--task \"$SLURM_ARRAY_TASK_ID\"".into());
    }
    // Task e takes runs e, e + 1000, …
    let mut tasks: Vec<usize> = runs.iter().map(|run| run % LARGEST).collect();
    tasks.sort_unstable();
    tasks.dedup();
    (ranges(&tasks), format!("--task \"$SLURM_ARRAY_TASK_ID\" --every {LARGEST}"))
}

/// Returns numbers in increasing order as `0-3,7`.
fn ranges(numbers: &[usize]) -> String {
    let mut ranges: Vec<[usize; 2]> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some([_, last]) if *last + 1 == number => *last = number,
            _ => ranges.push([number; 2]),
        }
    }
    let text = |[first, last]: &[usize; 2]| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    ranges.iter().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_follow_each_other_are_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 3, 7, 9, 10]), "0-3,7,9-10");
        assert_eq!(ranges(&[]), "");
    }

    #[test]
    fn more_runs_than_an_array_holds_share_its_tasks() {
        let all: Vec<usize> = (0..2500).collect();
        let (numbers, words) = array(&all);
        assert_eq!(numbers, "0-999");
        assert_eq!(words, "--task \"$SLURM_ARRAY_TASK_ID\" --every 1000");
        let (numbers, words) = array(&[3, 1000]);
        assert_eq!((&*numbers, &*words), ("3,1000", "--task \"$SLURM_ARRAY_TASK_ID\""));
    }
}
