//! Whatever is wrong with a file of a run: one error that names it, and never a panic.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use hyperl::Result;
use hyperl::algo::Algo;
use hyperl::algo::config::TrainConfig;
use hyperl::algo::maml::config::MamlConfig;
use hyperl::algo::off_policy::OffPolicy;
use hyperl::algo::pearl::config::PearlConfig;
use hyperl::algo::registry::Config;
use hyperl::analysis::bank::{About, BankFile};
use hyperl::analysis::gate::{Baseline, Critic};
use hyperl::analysis::select;
use hyperl::checkpoint::manifest::{FORMAT, Hashes, Manifest, States, Versions};
use hyperl::checkpoint::tensors::{TensorFile, TensorSet};
use hyperl::checkpoint::{Checkpoint, disk, resume_point};
use hyperl::env::EnvId;
use hyperl::gradient::bank::{Bank, BankState, Plan, Tried};
use hyperl::gradient::horizon::Choice;
use hyperl::gradient::pairs::Around;
use hyperl::gradient::score::Said;
use hyperl::nn::critic::CriticKind;
use hyperl::nn::workers;
use hyperl::rng::Stream;
use hyperl::study::spec::Spec;
use tch::{Device, Tensor};

use crate::support::mutated::{copies, mutated};
use crate::support::run_tables::{Reader, assert_names, folder, tables};

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
        imported: None,
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
    let plan = Plan { around: vec![Around::Inside], blocks: 2, horizon: 20, ..Plan::default() };
    let tried = |pair| Tried { pair, returns: [1.5, f64::NAN], partial: Default::default() };
    let pairs = Around::Inside.pairs(3, plan.std, plan.blocks, &mut Stream::new(0, "pairs"));
    let state = BankState {
        snapshot: env.make().unwrap().snapshot().unwrap(),
        episode: None,
        obs: vec![0.1; 11],
        before_tanh: vec![0.1, 0.2, 0.3],
        tried: pairs.into_iter().map(tried).collect(),
    };
    let about = About {
        states_from: None,
        hyperl_bank: About::FORMAT,
        env: env.name().into(),
        run: "td3-hopper-mlp-small-s0".into(),
        step: 60,
        checkpoint: "00".into(),
        policy: "11".into(),
        gamma: 0.99,
        reward_scale: 1.0,
        entropy: 0.0,
        plan: plan.clone(),
        choice: Choice::Asked,
        pilot: Vec::new(),
    };
    let critic = Critic {
        format: 4,
        env,
        algo: Algo::Td3,
        model: "mlp-small".into(),
        versions: Versions::current(),
        said: vec![Said { local: vec![1.0; 3], smoothed: vec![[vec![1.0; 3], vec![2.0; 3]]] }],
        seal: String::new(),
    };
    let file = BankFile { about, bank: Bank { plan, states: vec![state] } };
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("baseline.parquet");
    Baseline { file, critic }.sealed().unwrap().write(&path).unwrap();
    case("baseline.parquet", fs::read(path).unwrap(), |file| Baseline::read(file).map(drop))
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
    let read: Reader = |file| Spec::read(file).map(drop);
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
    for case in all() {
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

/// All files that have a reader of their own.
fn all() -> Vec<Case> {
    let mut all: Vec<Case> = tables().map(|(name, text, read)| case(name, text, read)).into();
    all.extend(manifests());
    all.extend(specs());
    all.extend([baseline(), tensors()]);
    all
}

/// Checks that a reader does not panic, and that what it says is one line with the path in it; returns whether it accepts the file.
fn try_one(case: &Case, file: &Path, content: &[u8]) -> bool {
    fs::write(file, content).unwrap();
    let Ok(read) = catch_unwind(AssertUnwindSafe(|| (case.read)(file))) else {
        let kept = std::env::temp_dir().join(format!("hyperl-panic-{}", case.name));
        fs::copy(file, &kept).unwrap();
        panic!("{}: the reader panicked; the file is {}", case.name, kept.display());
    };
    if let Err(error) = &read {
        assert_names(error, file, case.name);
    }
    read.is_ok()
}

/// As many as `HYPERL_MUTATIONS` says of each file; `scripts/torture --inputs` asks for millions.
#[test]
fn damaged_files_are_refused_without_a_crash() {
    let mut refused = 0;
    for (number, case) in all().into_iter().enumerate() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(case.name);
        assert!(try_one(&case, &file, &case.content), "{}", case.name);
        let mut stream =
            Stream::new(copies(), "mutations").child(&format!("{number} {}", case.name));
        for _ in 0..copies() {
            refused += u64::from(!try_one(&case, &file, &mutated(&case.content, &mut stream)));
        }
    }
    assert!(refused > copies(), "{refused}");
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
        let mut stream = Stream::new(copies(), "mutations");
        let random = |_| ("mutated".to_owned(), mutated(&content, &mut stream));
        let random: Vec<_> = (0..copies()).map(random).collect();
        let case = case("", content, |_| Ok(()));
        for (what, content) in damaged(&case).chain(random) {
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
