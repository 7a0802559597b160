//! `report` on runs of MAML and PEARL: which runs it finds, what it says of those that are missing.

use std::fs;
use std::path::PathBuf;

use crate::support::program::{
    Said, analyze, assert_finishes as finishes, assert_refuses as refused, hyperl_train, run,
    short_maml as short,
};

const SPEC: &str = r#"
figure = "Fig. 0"
title = "A test"
claim = "Context-MAML beats MAML."
measure = "returns"
baseline = "vanilla, after adaptation"
contrasts = [["context, before adaptation", "vanilla, after adaptation"]]

[select]
algo = "maml"
envs = ["half-cheetah-vel"]
models = ["vanilla", "context"]
seeds = [0, 1]
length = 400
tasks = "test"

[[panels]]
draw = "return-by-step"

[[panels]]
draw = "normalised-by-step"
"#;

/// A folder with runs, specs and reports.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// MAML's two plain policies after one iteration.
    fn maml() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        for policy in ["vanilla", "context"] {
            let more = format!("--policy {policy} --iterations 1");
            finishes(&run(short(&bench.path("runs"), &more)));
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn report(&self, spec: &str, more: &str) -> Said {
        let (spec, runs) = (self.path(spec), self.path("runs"));
        let args = format!("report {} --checkpoints {} {more}", spec.display(), runs.display());
        analyze(&args, &self.path("reports"))
    }

    fn page(&self, name: &str) -> String {
        fs::read_to_string(self.path("reports").join(name).join("report.md")).unwrap()
    }
}

#[test]
fn a_spec_of_returns_finds_its_runs_and_judges_its_claim() {
    let bench = Bench::maml();
    bench.write("curves.toml", SPEC);
    refused(
        &bench.report("curves.toml", ""),
        "hyperl-train maml --env half-cheetah-vel --policy vanilla --seed 1 --iterations 400",
    );
    finishes(&bench.report("curves.toml", "--partial"));
    let curves = bench.page("curves");
    for words in [
        "**Claim.** Context-MAML beats MAML.",
        "**Verdict: undecided.** There is one seed: differences between models",
        "Of the runs that the claim is about, 2 were not trained.",
        "Runs reach 1 of the paper's 400 iterations",
        "| Context-MAML, before adaptation − MAML, after adaptation | mean return over training |",
    ] {
        assert!(curves.contains(words), "{words}: {curves}");
    }
}

const NOISE: &str = "[settings]\nupdates = 2\nevaluations = 1\nepisodes = 1\non = \"train\"\n";

/// A spec of checkpoints at two iterations, one of which nobody has reached.
fn of_checkpoints(measure: &str, settings: &str) -> String {
    let select = SPEC.split_once("[select]").unwrap().1;
    let select = select.split_once("tasks = ").unwrap().0;
    format!(
        "figure = \"A\"\ntitle = \"B\"\nclaim = \"C\"\nmeasure = \"{measure}\"\n[select]\n{select}at = \
         [1, 50]\n{settings}"
    )
}

#[test]
fn specs_of_checkpoints_measure_what_is_there_and_share_it() {
    let bench = Bench::maml();
    bench.write("noise.toml", &of_checkpoints("maml-noise", NOISE));
    refused(&bench.report("noise.toml", ""), "--policy vanilla --seed 0 --iterations 50 --resume");
    finishes(&bench.report("noise.toml", "--partial"));
    let found = bench.page("noise");
    assert!(
        found.contains("4 of the 4 runs of the claim were not trained, or not long"),
        "{found}"
    );
    assert!(found.contains("on each training task"), "{found}");

    // The same step, written out: nothing is measured again.
    bench.write("own.toml", &of_checkpoints("maml-noise", &format!("{NOISE}inner_lr = 0.1\n")));
    finishes(&bench.report("own.toml", "--partial"));
    assert_eq!(fs::read_dir(bench.path("reports/units")).unwrap().count(), 2);

    let steps = "[settings]\nrates = [0.01]\nepisodes = 1\n";
    bench.write("steps.toml", &of_checkpoints("maml-adaptation", steps));
    finishes(&bench.report("steps.toml", "--partial"));
    assert!(bench.page("steps").contains("| 1e-2 "), "{}", bench.page("steps"));
}

#[test]
fn a_spec_with_a_mistake_is_refused_in_one_line() {
    let bench = Bench { folder: tempfile::tempdir().unwrap() };
    let noise = |settings: &str| of_checkpoints("maml-noise", settings);
    for (text, words) in [
        (SPEC.replace("\"vanilla\", \"context\"", "\"large\""), "'large' is no model of maml"),
        (SPEC.replace("[[\"context,", "[[\"hyper,"), "'hyper, before adaptation' is none"),
        (SPEC.replace("tasks = \"test\"\n", ""), "`tasks` is missing: MAML's returns are of"),
        (SPEC.replace("[0, 1]", "[]"), "`seeds` is empty: name at least one"),
        (SPEC.replace("\"returns\"", "\"task-gap\""), "algo is maml, it must be pearl"),
        (noise(""), "[settings]: missing field `updates`"),
        (noise(&NOISE.replace("settings", "noise")), "[noise] is called [settings] now"),
        (noise(&NOISE.replace("= 2", "= 1")), "updates must be at least 2"),
        (noise(&NOISE.replace("updates", "upd")), "unknown field `upd`"),
    ] {
        bench.write("bad.toml", &text);
        refused(&bench.report("bad.toml", "--partial"), words);
    }
}

#[test]
fn tables_of_settings_need_no_run() {
    let bench = Bench { folder: tempfile::tempdir().unwrap() };
    let spec =
        "figure = \"Table 9\"\ntitle = \"MAML\"\nmeasure = \"hyper-parameters\"\n[select]\nalgo = ";
    bench.write("table.toml", &format!("{spec}\"maml\"\n"));
    finishes(&bench.report("table.toml", ""));
    assert!(bench.page("table").contains("meta batch size"), "{}", bench.page("table"));
    bench.write("bad.toml", &format!("{spec}\"dqn\"\n"));
    refused(
        &bench.report("bad.toml", ""),
        "unknown algorithm 'dqn'; choose one of: td3, sac, maml, pearl",
    );
}

const PEARL: &str = r#"
figure = "Fig. 7"
title = "A test"
claim = "The hypernetwork loses less."
measure = "task-gap"

[select]
algo = "pearl"
envs = ["half-cheetah-vel-medium"]
models = ["pearl", "hyper-pearl"]
seeds = [0]
length = 400
"#;

#[test]
fn pearls_runs_are_compared_task_by_task() {
    let bench = Bench { folder: tempfile::tempdir().unwrap() };
    let train = |model: &str| {
        let mut command = hyperl_train(
            "pearl --env half-cheetah-vel-medium --iterations 1 --set train_tasks=3 --set test_tasks=3 \
             --set initial_steps=200 --set prior_steps=200 --set posterior_steps=200 \
             --set tasks_per_iteration=1 --set train_steps=1 --set meta_batch=2 --set batch=8 \
             --set context_batch=8",
        );
        command.arg("--model").arg(model).arg("--out").arg(bench.path("runs"));
        finishes(&run(command));
    };
    train("mlp");
    bench.write("gap.toml", PEARL);
    refused(
        &bench.report("gap.toml", ""),
        "hyperl-train pearl --env half-cheetah-vel-medium --model hyper --seed 0 --iterations 400",
    );
    train("hyper");
    finishes(&bench.report("gap.toml", ""));
    let page = bench.page("gap");
    for words in [
        "**Verdict: undecided.** half-cheetah-vel-medium, seed 0: Hyper-PEARL minus PEARL is",
        "### Hyper-PEARL minus PEARL, task by task",
        "two columns are taken to be swapped",
        "pearl-half-cheetah-vel-medium-hyper-s0: `batch` 8 (256), `context_batch` 8 (100)",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let curves = PEARL.replace("task-gap", "returns").replace(
        "[select]",
        "contrasts = [[\"hyper-pearl, test tasks\", \"pearl, test tasks\"]]\n[select]",
    );
    let panels = "[[panels]]\ndraw = \"return-by-step\"\n[[panels]]\ndraw = \"return-by-second\"\n";
    bench.write("curves.toml", &format!("{curves}{panels}"));
    finishes(&bench.report("curves.toml", ""));
    let page = bench.page("curves");
    for words in ["| Hyper-PEARL, test tasks − PEARL, test tasks |", "−206 ± 104", "−325 ± 109"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    let wrong = "[[select.variants]]\nfolder = \"as-coded\"\nset = { as_coded_tasks = true }\n";
    bench.write("coded.toml", &format!("{PEARL}{wrong}"));
    refused(&bench.report("coded.toml", ""), "--set as_coded_tasks=true --out");
}
