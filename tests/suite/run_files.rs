//! Whatever is wrong with a file of a run: one error that names it, and never a panic.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use hyperl::Result;
use hyperl::algo::Algo;
use hyperl::algo::config::TrainConfig;
use hyperl::algo::evaluate::Evaluation;
use hyperl::algo::maml::config::MamlConfig;
use hyperl::algo::off_policy::OffPolicy;
use hyperl::algo::pearl::config::PearlConfig;
use hyperl::algo::registry::Config;
use hyperl::analysis::any_spec::AnySpec;
use hyperl::analysis::gate::{BankState, Baseline, Oddities};
use hyperl::analysis::select;
use hyperl::checkpoint::manifest::{FORMAT, Hashes, Manifest, States, Versions};
use hyperl::checkpoint::pearl_run::Tables;
use hyperl::checkpoint::tensors::{TensorFile, TensorSet};
use hyperl::checkpoint::{Checkpoint, disk, meta_run, resume_point, run, stored};
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
    run::read_evaluations(folder(file)).map(drop)
}

fn timing(file: &Path) -> Result<()> {
    run::read_timing(folder(file)).map(drop)
}

fn settings(file: &Path) -> Result<()> {
    stored::read(folder(file)).map(drop)
}

fn maml(file: &Path) -> Result<()> {
    meta_run::read(folder(file)).map(drop)
}

fn pearl(file: &Path) -> Result<()> {
    Tables::read(folder(file)).map(drop)
}

const EVALUATIONS: &str = "step,episode,return\n0,0,1.5\n0,1,-2\n30,0,3\n30,1,4\n";
const TIMING: &str = "step,seconds\n30,1.25\n60,2.5\n";
const MAML: &str = "iteration,train_before,train_after,test_before,test_after,divergence,improvement,\
                    lengths_tried,accepted\n0,,,-1.5,-1,,,,\n1,-2,-1,,,0.01,0.2,1,1\n";
const MAML_TIMING: &str = "iteration,sampling,update,evaluation\n0,0.000,0.000,1.000\n";
const PEARL: &str =
    "iteration,transitions,train,test,divergence,q1,q2,value,policy\n1,80,-1,-2,0,1,1,1,1\n";
const TRIALS: &str = "iteration,unseen,place,task,course,trajectory,context,return\n1,0,0,1.5,0,0,0,-3\n\
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

#[test]
fn files_as_they_are_written_are_read() {
    let place = tempfile::tempdir().unwrap();
    let all: [(&str, &str, Reader); 6] = [
        (run::EVALUATIONS, EVALUATIONS, evaluations),
        (run::TIMING, TIMING, timing),
        (run::RUN, SETTINGS, settings),
        ("timing.csv", MAML_TIMING, |_| Ok(())),
        (meta_run::RETURNS, MAML, maml),
        ("trials.csv", TRIALS, |_| Ok(())),
    ];
    for (name, text, read) in all {
        let file = place.path().join(name);
        fs::write(&file, text).unwrap();
        read(&file).unwrap();
    }
    fs::write(place.path().join(meta_run::RETURNS), PEARL).unwrap();
    fs::remove_file(place.path().join(run::TIMING)).unwrap();
    let tables = Tables::read(place.path()).unwrap();
    assert_eq!((tables.rows.len(), tables.trials.len()), (1, 3));
    let found = run::read_evaluations(place.path()).unwrap();
    run::write_evaluations(place.path(), &found).unwrap();
    assert_eq!(fs::read_to_string(place.path().join(run::EVALUATIONS)).unwrap(), EVALUATIONS);
    // What a diverged run left is read as it is; reports leave it out.
    let diverged = [Evaluation { step: 0, returns: vec![f64::NAN, f64::NEG_INFINITY] }];
    run::write_evaluations(place.path(), &diverged).unwrap();
    assert!(run::read_evaluations(place.path()).unwrap()[0].returns[0].is_nan());
}

#[test]
fn incomplete_files_are_refused_with_the_line_and_what_was_expected() {
    let cut = |text: &str| text[..text.len() - 2].to_owned();
    let short =
        |text: &str, lines: usize| -> String { text.split_inclusive('\n').take(lines).collect() };
    let with = |text: &str, line: &str| format!("{text}{line}\n");
    let header = "`step,episode,return`";
    let cases: Vec<(&str, String, Reader, String)> = vec![
        (run::EVALUATIONS, String::new(), evaluations, format!("it is empty, expected {header}")),
        (run::EVALUATIONS, short(EVALUATIONS, 1), evaluations, "it holds no episode".into()),
        (run::EVALUATIONS, cut(EVALUATIONS), evaluations, format!("line 5 has no end, expected a whole {header}")),
        (run::EVALUATIONS, EVALUATIONS.trim_end().into(), evaluations, "line 5 has no end".into()),
        (run::EVALUATIONS, short(EVALUATIONS, 4), evaluations, "step 30 has 1 episodes, expected 2 as at step 0".into()),
        (run::EVALUATIONS, EVALUATIONS.replace("step,", "time,"), evaluations, format!("line 1 is `time,episode,return`, expected {header}")),
        (run::EVALUATIONS, with(EVALUATIONS, "30,1,4"), evaluations, "line 6 is episode 1 of step 30, expected episode 2 of step 30, or episode 0 of a later step".into()),
        (run::EVALUATIONS, EVALUATIONS.replace("30,0,3\n", "30,0,3\n30,0,3\n"), evaluations, "line 5 is episode 0 of step 30, expected episode 1".into()),
        (run::EVALUATIONS, with(EVALUATIONS, "20,0,4"), evaluations, "line 6 is episode 0 of step 20".into()),
        (run::EVALUATIONS, with(EVALUATIONS, "60,0,"), evaluations, format!("line 6 is not {header}")),
        (run::EVALUATIONS, EVALUATIONS.replace("0,0,1.5", "0,0,1.5,2"), evaluations, format!("line 2 is not {header}")),
        (run::TIMING, String::new(), timing, "it is empty, expected `step,seconds`".into()),
        (run::TIMING, cut(TIMING), timing, "line 3 has no end".into()),
        (run::TIMING, with(TIMING, "60,3.5"), timing, "line 4 is step 60 after 3.5 s, expected a step after 60".into()),
        (run::TIMING, with(TIMING, "90,1.5"), timing, "no less than 2.5 s".into()),
        (run::TIMING, with(TIMING, "90,NaN"), timing, "line 4 is not `step,seconds`".into()),
        (run::RUN, String::new(), settings, "it is empty: expected `algo` and all other settings".into()),
        (run::RUN, SETTINGS.replace("critic = \"mlp-small\"\n", ""), settings, "there is no `critic`".into()),
        (run::RUN, SETTINGS.replace("seed = 7\n", ""), settings, "there is no `seed`".into()),
        (run::RUN, SETTINGS.replace("gamma = 0.99", "gamma = 1.5"), settings, "its gamma is impossible: it must be in [0, 1)".into()),
        (run::RUN, SETTINGS.replace("hopper", "hoper"), settings, "line 2: ".into()),
        (meta_run::RETURNS, String::new(), maml, "it is empty".into()),
        (meta_run::RETURNS, cut(MAML), maml, "line 3 has no end".into()),
        (meta_run::RETURNS, with(MAML, "1,-2,-1,,,0.01,0.2,1,1"), maml, "line 4 repeats the line before it or stands too late, expected lines in the order of iteration".into()),
        (meta_run::RETURNS, MAML.replace("\n1,", "\n1.5,"), maml, "line 3 is not `iteration,train_before".into()),
        (meta_run::RETURNS, MAML.into(), pearl, "line 1 is `iteration,train_before".into()),
        ("trials.csv", with(TRIALS, "1,1,0,2.5,0,0,0,-4"), pearl, "line 5 repeats the line before it".into()),
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
    let read: [(&'static str, &str, Reader); 6] = [
        (run::EVALUATIONS, EVALUATIONS, evaluations),
        (run::TIMING, TIMING, timing),
        (run::RUN, SETTINGS, settings),
        (meta_run::RETURNS, MAML, maml),
        (meta_run::RETURNS, PEARL, pearl),
        ("trials.csv", TRIALS, pearl),
    ];
    let mut all: Vec<Case> = read.map(|(name, text, read)| case(name, text, read)).into();
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
