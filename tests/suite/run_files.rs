//! Whatever is wrong with a file of a run: one error that names it, and never a panic.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use hyperl::Result;
use hyperl::algo::config::TrainConfig;
use hyperl::algo::maml::config::MamlConfig;
use hyperl::algo::off_policy::OffPolicy;
use hyperl::algo::pearl::config::PearlConfig;
use hyperl::algo::registry::Config;
use hyperl::algo::{Algo, Evaluated, RunConfig};
use hyperl::analysis::any_spec::AnySpec;
use hyperl::analysis::gate::{BankState, Baseline, Oddities};
use hyperl::analysis::select;
use hyperl::checkpoint::manifest::{FORMAT, Hashes, Manifest, States, Versions};
use hyperl::checkpoint::run_log::RunLog;
use hyperl::checkpoint::tensors::{TensorFile, TensorSet};
use hyperl::checkpoint::{Checkpoint, disk, resume_point, run, stored};
use hyperl::env::EnvId;
use hyperl::gradient::{Flags, Record, Settings};
use hyperl::nn::critic::CriticKind;
use hyperl::nn::workers;
use tch::{Device, Tensor};

/// What reads a file.
type Reader = fn(&Path) -> Result<()>;

/// The folder of a file.
fn folder(file: &Path) -> &Path {
    file.parent().unwrap()
}

fn evaluations(file: &Path) -> Result<()> {
    let log = RunLog::of_run(folder(file), &TrainConfig::default())?;
    log.evaluations(folder(file)).map(drop)
}

fn progress(file: &Path) -> Result<()> {
    RunLog::read(folder(file), &TrainConfig::default()).map(drop)
}

fn settings(file: &Path) -> Result<()> {
    stored::read(folder(file)).map(drop)
}

fn maml(file: &Path) -> Result<()> {
    RunLog::read(folder(file), &MamlConfig::default()).map(drop)
}

fn pearl(file: &Path) -> Result<()> {
    RunLog::read(folder(file), &PearlConfig::default()).map(drop)
}

const EVALUATIONS: &str = "at,split,stage,task,goal,course,episode,context,return\n0,,,,,,0,,1.5\n\
                           0,,,,,,1,,-2\n30,,,,,,0,,3\n30,,,,,,1,,4\n";
const PROGRESS: &str = "at,seconds\n30,1.25\n60,2.5\n";
const MAML: &str = "at,split,stage,task,goal,course,episode,context,return\n0,test,before,,,,,,-1.5\n\
                    0,test,after,,,,,,-1\n1,train,before,,,,,,-2\n1,train,after,,,,,,NaN\n";
const MAML_PROGRESS: &str = "at,sampling_seconds,update_seconds,evaluation_seconds,divergence,improvement,\
                             lengths_tried,accepted\n0,0,0,1,,,,\n1,2,3,0,0.01,0.2,1,1\n";
const PEARL: &str = "at,split,stage,task,goal,course,episode,context,return\n1,train,,,,,,,-2\n\
                     1,train,,0,1.5,0,0,0,-3\n1,train,,0,1.5,0,1,10,-2\n1,test,,,,,,,-4\n\
                     1,test,,0,2.5,0,0,0,-4\n";

/// The same of version 1.
const V1_EVALUATIONS: &str = "step,episode,return\n0,0,1.5\n0,1,-2\n30,0,3\n30,1,4\n";
const V1_TIMING: &str = "step,seconds\n30,1.25\n60,2.5\n";
const V1_MAML: &str = "iteration,train_before,train_after,test_before,test_after,divergence,improvement,\
                       lengths_tried,accepted\n0,,,-1.5,-1,,,,\n1,-2,-1,,,0.01,0.2,1,1\n";
const V1_PEARL: &str =
    "iteration,transitions,train,test,divergence,q1,q2,value,policy\n1,80,-1,-2,0,1,1,1,1\n";
const V1_TRIALS: &str = "iteration,unseen,place,task,course,trajectory,context,return\n1,0,0,1.5,0,0,0,-3\n\
                         1,0,0,1.5,0,1,10,-2\n1,1,0,2.5,0,0,0,-4\n";

/// The settings of a run as version 1 wrote them.
const SETTINGS: &str = "algo = \"td3\"\nenv = \"hopper\"\ncritic = \"mlp-small\"\nseed = 7\nsteps = 60\n\
    checkpoint_every = 30\nevaluate_every = 30\nevaluation_episodes = 2\nwarmup_steps = 20\nbatch = 8\n\
    exploration_noise = 0.1\nreplay_capacity = 1000000\nreservoir = 1000\n\n[td3]\ngamma = 0.99\n\
    tau = 0.005\npolicy_noise = 0.2\nnoise_clip = 0.5\npolicy_delay = 2\nactor_lr = 0.0003\n\
    critic_lr = 0.0003\n";

/// Asks for an error whose message is one line with the path in it.
fn assert_names(error: &hyperl::Error, file: &Path, what: &str) {
    let said = error.to_string();
    assert_eq!(said.lines().count(), 1, "{what}: {said}");
    assert!(said.contains(&folder(file).display().to_string()), "{what}: {said}");
}

/// All tables, with their names and readers.
fn tables() -> [(&'static str, &'static str, Reader); 11] {
    [
        ("evaluations.csv", EVALUATIONS, evaluations),
        ("progress.csv", PROGRESS, progress),
        ("evaluations.csv", MAML, maml),
        ("progress.csv", MAML_PROGRESS, maml),
        ("evaluations.csv", PEARL, pearl),
        ("evaluations.csv", V1_EVALUATIONS, evaluations),
        ("timing.csv", V1_TIMING, progress),
        ("returns.csv", V1_MAML, maml),
        ("returns.csv", V1_PEARL, pearl),
        ("trials.csv", V1_TRIALS, trials),
        (run::RUN, SETTINGS, settings),
    ]
}

/// Reads episodes of version 1 beside the iteration that they are of.
fn trials(file: &Path) -> Result<()> {
    fs::write(folder(file).join("returns.csv"), V1_PEARL).unwrap();
    pearl(file)
}

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

#[test]
fn incomplete_files_are_refused_with_the_line_and_what_was_expected() {
    let cut = |text: &str| text[..text.len() - 2].to_owned();
    let short =
        |text: &str, lines: usize| -> String { text.split_inclusive('\n').take(lines).collect() };
    let with = |text: &str, line: &str| format!("{text}{line}\n");
    let header = "`at,split,stage,task,goal,course,episode,context,return`";
    let order = "repeats the line before it or stands too late, expected lines in the order of";
    let table = "evaluations.csv";
    let cases: Vec<(&str, String, Reader, String)> = vec![
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
            format!("line 6 {order} at, split, stage, task, course, episode"),
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
        (table, with(EVALUATIONS, "20,,,,,,0,,4"), evaluations, format!("line 6 {order}")),
        (table, with(EVALUATIONS, "60,,,,,,0,,"), evaluations, format!("line 6 is not {header}")),
        (
            table,
            EVALUATIONS.replace(",,1.5", ",,1.5,2"),
            evaluations,
            format!("line 2 is not {header}"),
        ),
        (table, MAML.replace("train", "trial"), maml, format!("line 4 is not {header}")),
        (table, with(MAML, "1,train,before,,,,,,-2"), maml, format!("line 6 {order}")),
        (table, PEARL.replace("1,test", "1,train"), pearl, format!("line 5 {order}")),
        (
            table,
            with(PEARL, "1,test,,0,2.5,0,2,20,-4"),
            pearl,
            "line 7 is episode 2 of 1, expected episode 1".into(),
        ),
        ("progress.csv", String::new(), progress, "it is empty, expected `at,seconds`".into()),
        ("progress.csv", cut(PROGRESS), progress, "line 3 has no end".into()),
        ("progress.csv", with(PROGRESS, "60,3.5"), progress, format!("line 4 {order} at")),
        ("progress.csv", with(PROGRESS, "90,1.5"), progress, "no less than 2.5 s".into()),
        ("progress.csv", with(PROGRESS, "90,"), progress, "line 4 is 90 after NaN s".into()),
        ("progress.csv", with(PROGRESS, "90"), progress, "line 4 is not `at,seconds`".into()),
        ("progress.csv", MAML_PROGRESS.into(), pearl, "line 1 is `at,sampling_seconds".into()),
        (
            "progress.csv",
            MAML_PROGRESS.replace("\n1,", "\n1.5,"),
            maml,
            "line 3 is not `at,sampling".into(),
        ),
        (table, cut(V1_EVALUATIONS), evaluations, "line 5 has no end".into()),
        (table, with(V1_EVALUATIONS, "30,1,4"), evaluations, format!("line 6 {order}")),
        (table, short(V1_EVALUATIONS, 4), evaluations, "step 30 has 1 episodes".into()),
        ("timing.csv", with(V1_TIMING, "60,3.5"), progress, format!("line 4 {order} step")),
        ("returns.csv", String::new(), maml, "it is empty".into()),
        ("returns.csv", cut(V1_MAML), maml, "line 3 has no end".into()),
        (
            "returns.csv",
            with(V1_MAML, "1,-2,-1,,,0.01,0.2,1,1"),
            maml,
            format!("line 4 {order} iteration"),
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
    ];
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

/// A file and what reads it.
struct Case {
    name: &'static str,
    content: Vec<u8>,
    read: Reader,
}

fn case(name: &'static str, content: impl Into<Vec<u8>>, read: Reader) -> Case {
    Case { name, content: content.into(), read }
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).unwrap()
}

fn manifest(config: Config, states: Option<States>) -> Case {
    let manifest = Manifest {
        hyperl_checkpoint: FORMAT,
        algo: config.algo(),
        unit: config.algo().unit(),
        step: 30,
        updates: 10,
        transitions: None,
        tasks: config.tasks().unwrap(),
        hashes: Hashes { weights: "00".into(), states: states.map(|_| "11".into()) },
        states,
        versions: Versions::current(),
        config,
    };
    case("manifest.json", json(&manifest), |file| Checkpoint::open(folder(file)).map(drop))
}

fn manifests() -> [Case; 3] {
    let sac = TrainConfig::of(Algo::Sac, EnvId::Hopper).resolved().unwrap();
    let maml = MamlConfig { train_tasks: 2, test_tasks: 2, ..MamlConfig::default() };
    let pearl = PearlConfig { train_tasks: Some(2), test_tasks: Some(2), ..PearlConfig::default() };
    [
        manifest(Config::OffPolicy(sac), Some(States { kept: 30, seen: 30 })),
        manifest(Config::Maml(maml), None),
        manifest(Config::Pearl(pearl), None),
    ]
}

fn baseline() -> Case {
    let env = EnvId::Hopper;
    let snapshot = env.make().unwrap().snapshot();
    let record = Record {
        centre: vec![0.1, 0.2, 0.3],
        critic: vec![1.0, -2.0, 3.0],
        actions: vec![vec![0.1, 0.2, 0.3], vec![0.1, 0.2, 0.4]],
        returns: vec![Some(1.5), None],
    };
    let oddities = Oddities { fell: None, clipped: 0.0, flags: Flags::default() };
    let state = BankState {
        episode: None,
        snapshot: snapshot
            .0
            .iter()
            .fold(String::new(), |text, x| text + &format!("{:016x}", x.to_bits())),
        record,
        oddities,
    };
    let mut base = Baseline {
        hyperl_baseline: 3,
        env,
        algo: Algo::Td3,
        model: "mlp-small".into(),
        run: "td3-hopper-mlp-small-s0".into(),
        step: 60,
        checkpoint_hash: "00".into(),
        actor_hash: "11".into(),
        settings: Settings::lab(),
        gamma: 0.99,
        horizon: 20,
        fd_agreement: None,
        versions: Versions::current(),
        states: vec![state],
        bank_hash: String::new(),
    };
    base.bank_hash = disk::hash(&serde_json::to_vec(&base).unwrap());
    case("baseline.json", serde_json::to_vec(&base).unwrap(), |file| Baseline::read(file).map(drop))
}

/// Reads all of a file of tensors under the hash that it has.
fn all_tensors(file: &Path) -> Result<()> {
    let tensors = TensorFile::open(file, &disk::hash_part(file)?)?;
    tensors.shapes()?.iter().try_for_each(|(name, _)| tensors.tensor(name).map(drop))
}

fn tensors() -> Case {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("weights.safetensors");
    let mut set = TensorSet::default();
    set.add("actor.weight".into(), &Tensor::from_slice(&[1.0_f32, 2.0, 3.0]).view([1, 3])).unwrap();
    set.add("states".into(), &Tensor::from_slice(&[1.0_f64, 2.0])).unwrap();
    set.write(&file).unwrap();
    case("weights.safetensors", fs::read(file).unwrap(), all_tensors)
}

fn specs() -> Vec<Case> {
    let all = ["fig03-", "fig15-", "table02-", "table05-"];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("analyses");
    let names = disk::entries(&folder).unwrap();
    let first = |start: &&str| -> Option<&PathBuf> {
        names.iter().find(|p| p.file_name().unwrap().to_str().unwrap().starts_with(*start))
    };
    let read: Reader = |file| AnySpec::read(file).map(drop);
    let found: Vec<_> = all
        .iter()
        .filter_map(first)
        .map(|p| case("spec.toml", fs::read(p).unwrap(), read))
        .collect();
    assert_eq!(found.len(), all.len());
    found
}

/// Every content that a file is tried with: cut after a byte, and with bits of a byte turned; of files of
/// more than some hundred bytes, at every second byte, or third, and so on.
fn damaged(case: &Case) -> impl Iterator<Item = (String, Vec<u8>)> {
    let bytes = || (0..case.content.len()).step_by(1 + case.content.len() / 400);
    let cut = |at: usize| (format!("cut after byte {at}"), case.content[..at].to_vec());
    let flip = |(at, bit): (usize, usize)| {
        let mut content = case.content.clone();
        content[at] ^= 1 << bit;
        (format!("bit {bit} of byte {at} turned"), content)
    };
    let bits = bytes().flat_map(|at| [(at, at % 7), (at, 7)]);
    bytes().map(cut).chain(bits.map(flip))
}

#[test]
fn no_cut_and_no_turned_bit_makes_a_reader_panic() {
    let mut all: Vec<Case> = tables().map(|(name, text, read)| case(name, text, read)).into();
    all.extend(manifests());
    all.extend(specs());
    all.extend([baseline(), tensors()]);
    for case in all {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(case.name);
        fs::write(&file, &case.content).unwrap();
        (case.read)(&file).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        for (what, content) in damaged(&case) {
            fs::write(&file, content).unwrap();
            let what = format!("{}, {what}", case.name);
            match catch_unwind(AssertUnwindSafe(|| (case.read)(&file))) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => assert_names(&error, &file, &what),
                Err(panic) => panic!("{what}: the reader panicked: {panic:?}"),
            }
        }
    }
}

#[test]
fn no_damage_to_a_point_makes_resuming_panic() {
    let place = tempfile::tempdir().unwrap();
    let config = TrainConfig {
        critic: CriticKind::MlpSmall,
        steps: 12,
        warmup_steps: 5,
        batch: 4,
        evaluation_episodes: 1,
        reservoir: 3,
        ..TrainConfig::of(Algo::Td3, EnvId::Hopper)
    };
    let mut training =
        OffPolicy::new(config.resolved().unwrap(), Device::Cpu, workers::start(1).unwrap())
            .unwrap();
    training.by_ref().for_each(|event| drop(event.unwrap()));
    resume_point::save(place.path(), &training).unwrap();
    let latest = place.path().join("resume/latest");
    let name = fs::read_to_string(&latest).unwrap().split(' ').next().unwrap().to_owned();
    let point = place.path().join("resume").join(name.clone()).join("point.json");
    // Without its hash, as in early runs, so that the content itself is read.
    let mut try_all = |file: &Path, content: Vec<u8>| {
        for (what, content) in damaged(&case("", content, |_| Ok(()))) {
            fs::write(file, content).unwrap();
            match catch_unwind(AssertUnwindSafe(|| resume_point::load(place.path(), &mut training)))
            {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    assert_eq!(error.to_string().lines().count(), 1, "{what}: {error}");
                }
                Err(panic) => panic!("{}, {what}: the reader panicked: {panic:?}", file.display()),
            }
        }
    };
    let content = fs::read(&point).unwrap();
    try_all(&latest, format!("{name}\n").into_bytes());
    fs::write(&latest, format!("{name}\n")).unwrap();
    try_all(&point, content);
}

#[test]
fn no_pattern_makes_the_selection_panic() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir_all(place.path().join("a/b")).unwrap();
    for pattern in
        ["", "[", "a/[", "***", "a**", "**", "a/**/b", "[!]", "?", "a/../*", "a//b*", "[]-"]
    {
        let pattern = place.path().join(pattern);
        let error = select::runs(std::slice::from_ref(&pattern)).unwrap_err().to_string();
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains(&place.path().display().to_string()), "{error}");
    }
}
