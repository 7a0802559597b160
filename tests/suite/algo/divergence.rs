//! Does training that runs off to NaN stop at once, say what did and when, and keep what was good?

use std::fs;
use std::path::Path;
use std::process::Command;

use hyperl::algo::maml::Maml;
use hyperl::algo::maml::config::MamlConfig;
use hyperl::checkpoint::{disk, resume_point, save};
use hyperl::nn::meta_policy::PolicyKind;
use hyperl::nn::workers;

use crate::support::program::{Said, files, hyperl_train, run};
use crate::support::runs::{go_on, small, start};

/// A run that learns after step 100, at which it is saved.
const TD3: &str = "td3 --env hopper --critic mlp-small --threads 1 --set warmup_steps=100 \
                   --set evaluation_episodes=2";

/// The same.
const SAC: &str = "sac --env hopper --critic mlp-small --threads 1 --set warmup_steps=100 --set batch=100 \
                   --set evaluation_episodes=2";

const MAML: &str = "maml --env half-cheetah-vel --policy vanilla --iterations 2 --threads 1 --set tasks=2 \
                    --set episodes=1 --set train_tasks=2 --set test_tasks=2 --set test_episodes=1 \
                    --set trpo.cg_steps=1";

const PEARL: &str = "pearl --env half-cheetah-vel --model mlp --iterations 2 --threads 1 --set train_tasks=2 \
                     --set test_tasks=2 --set horizon=10 --set initial_steps=20 --set batch=8 \
                     --set tasks_per_iteration=1 --set prior_steps=20 --set posterior_steps=20 \
                     --set meta_batch=2 --set context_batch=8 --set evaluation_steps=30";

fn train(what: &str, out: &Path) -> Said {
    let mut command = hyperl_train(what);
    command.arg("--out").arg(out);
    run(command)
}

/// The last line, which must be the error of a run that diverged.
fn diverged(said: &Said) -> &str {
    assert_eq!((said.code, said.out.as_str()), (Some(3), ""), "{}", said.err);
    let line = said.err.lines().last().unwrap();
    assert!(line.starts_with("error: training diverged "), "{}", said.err);
    assert!(line.contains("; what was saved before is kept; train anew with a "), "{line}");
    line
}

fn assert_no_nan(out: &Path) {
    for (path, content) in files(out) {
        let text = String::from_utf8_lossy(&content);
        let table = path.extension().is_some_and(|extension| extension == "csv");
        assert!(!table || !(text.contains("NaN") || text.contains("inf")), "{}", path.display());
    }
}

#[test]
fn td3_and_sac_say_what_diverged_at_which_step_and_keep_what_was_saved() {
    let rates = "a lower td3.actor_lr and td3.critic_lr";
    let soft = "a lower sac.actor_lr and sac.critic_lr";
    let cases = [
        // Both: the critics are the first to overflow.
        (
            TD3,
            "td3.critic_lr=1e20 td3.actor_lr=1e20",
            "at step 102: losses are not finite (critic.q1 ",
            rates,
        ),
        (TD3, "td3.actor_lr=1e20", "at step 103: the policy returned NaN", rates),
        (
            TD3,
            "td3.actor_lr=1e20 evaluate_every=102",
            "in the evaluation after step 102: the",
            rates,
        ),
        (TD3, "td3.actor_lr=1e20 steps=102", "in the evaluation after step 102: the policy", rates),
        // The step of Adam itself overflows: the weights are infinite when they are to be saved.
        (TD3, "td3.actor_lr=1e39 checkpoint_every=102", "weights of actor are NaN or", rates),
        (SAC, "sac.actor_lr=1e20", "at step 102: the policy returned NaN", soft),
        (SAC, "sac.critic_lr=1e20", "at step 101: losses are not finite (actor -inf)", soft),
    ];
    for (base, set, words, remedy) in cases {
        let folder = tempfile::tempdir().unwrap();
        let unset = |default: &&str| {
            let (key, _) = default.split_once('=').unwrap();
            !set.split(' ').any(|one| one.starts_with(key))
        };
        let defaults = ["steps=600", "checkpoint_every=100"].into_iter().filter(unset);
        let all: Vec<&str> = set.split(' ').chain(defaults).collect();
        let what = format!("{base} --set {}", all.join(" --set "));
        let said = train(&what, folder.path());
        let line = diverged(&said);
        assert!(line.contains(words) && line.contains(remedy), "{set}: {line}");
        assert_no_nan(folder.path());
        if set.contains("checkpoint_every") {
            continue; // saved for the first time where it diverged
        }
        let algo = base.split(' ').next().unwrap();
        let made = folder.path().join(format!("{algo}-hopper-mlp-small-s0"));
        let latest = fs::read_to_string(made.join("resume/latest")).unwrap();
        assert!(latest.starts_with("point-000000100 "), "{set}: {latest}");
        let before = files(folder.path());
        let again = train(&format!("{what} --resume"), folder.path());
        assert_eq!(diverged(&again), line, "a resumed run ends as it did before");
        assert!(again.err.contains("resuming "), "{}", again.err);
        assert!(files(folder.path()) == before, "{set}: nothing that was good is touched");
    }
}

#[test]
fn meta_learning_says_what_diverged_in_which_iteration() {
    let smaller = "a smaller trpo.max_kl or inner_lr";
    let lower = "a lower policy_lr, critic_lr and encoder_lr";
    let adapted =
        "in the evaluation after iteration 0: the policy returned NaN in half-cheetah-vel (task ";
    let cases = [
        (MAML, "inner_lr=1e30", adapted, smaller),
        (MAML, "inner_lr=1e30", ") after adaptation;", smaller),
        (PEARL, "critic_lr=1e20 train_steps=9", "in update 1 of iteration 1: losses", lower),
        (PEARL, "policy_lr=1e20 train_steps=9", "in update 2 of iteration 1: losses", lower),
        (PEARL, "encoder_lr=1e20 train_steps=9", "(encoder NaN", lower),
        (
            PEARL,
            "policy_lr=1e20 train_steps=1",
            "after iteration 1: the policy returned NaN",
            lower,
        ),
        (
            PEARL,
            "encoder_lr=1e20 train_steps=1",
            "after iteration 1: the encoder returned NaN",
            lower,
        ),
    ];
    for (base, set, words, remedy) in cases {
        let folder = tempfile::tempdir().unwrap();
        let said = train(&format!("{base} --set {}", set.replace(' ', " --set ")), folder.path());
        let line = diverged(&said);
        assert!(line.contains(words) && line.contains(remedy), "{set}: {line}");
        assert_no_nan(folder.path());
    }
}

#[test]
fn an_infinite_policy_of_maml_is_no_policy_that_reaches_the_edge_of_the_box() {
    let few = MamlConfig {
        policy: PolicyKind::Vanilla,
        tasks: 1,
        episodes: 1,
        train_tasks: 2,
        test_tasks: 2,
        test_episodes: 1,
        ..MamlConfig::default()
    };
    for value in [f64::INFINITY, f64::NAN] {
        let workers = workers::start(1).unwrap();
        let mut maml = Maml::new(few.clone().resolved().unwrap(), workers).unwrap();
        // The last layer's bias moves every mean.
        let params = maml.policy().params();
        let bias = params.iter().find(|p| p.name == "mean.bias").unwrap();
        tch::no_grad(|| _ = bias.tensor.shallow_clone().fill_(value));
        let error = maml.step().unwrap_err().to_string();
        // Before adaptation, which would make NaN of it.
        let words = format!("training diverged in iteration 1: the policy returned {value} in ");
        assert!(error.starts_with(&words) && !error.contains("after adaptation"), "{error}");
        let error = maml.evaluate().unwrap_err().to_string();
        assert!(error.contains("in the evaluation after iteration 0: "), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let error = save::checkpoint(folder.path(), &maml).unwrap_err();
        assert!(error.to_string().contains("weights of the policy are NaN"), "{error}");
        assert!(files(folder.path()).is_empty());
    }
}

#[test]
fn a_diverged_state_is_never_saved_and_one_saved_earlier_is_refused() {
    let (folder, config) = (tempfile::tempdir().unwrap(), small().resolved().unwrap());
    let mut training = start(&config);
    go_on(&mut training, 70, None);
    resume_point::save(folder.path(), &training).unwrap();
    let good = files(folder.path());
    go_on(&mut training, 71, None);
    let [_, critic, _] = training.agent.parts();
    tch::no_grad(|| _ = critic.target.unwrap().tensors()[0].get(0).fill_(f64::NAN));
    let error = resume_point::save(folder.path(), &training).unwrap_err().to_string();
    assert!(error.starts_with("training diverged at step 71: "), "{error}");
    assert!(error.contains("weights of critic.q1 are NaN or infinite"), "{error}");
    assert!(files(folder.path()) == good, "the good point is still there");

    // A version that did not look would have written NaN, with hashes that fit.
    let point = folder.path().join("resume/point-000000070");
    let mut bytes = fs::read(point.join("state.safetensors")).unwrap();
    let header = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let tensors: serde_json::Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    let name = tensors.as_object().unwrap().keys().find(|name| name.starts_with("actor.")).unwrap();
    let start_of = tensors[name]["data_offsets"][0].as_u64().unwrap();
    let at = 8 + header + usize::try_from(start_of).unwrap();
    let old = disk::hash(&bytes);
    bytes[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(point.join("state.safetensors"), &bytes).unwrap();
    let text = fs::read_to_string(point.join("point.json")).unwrap();
    let text = text.replace(&old, &disk::hash(&bytes));
    fs::write(point.join("point.json"), &text).unwrap();
    let latest = format!("point-000000070 {}\n", disk::hash(text.as_bytes()));
    fs::write(folder.path().join("resume/latest"), latest).unwrap();
    let error = resume_point::load(folder.path(), &mut start(&config)).unwrap_err().to_string();
    assert!(error.contains("point-000000070: 1 weights of actor are NaN or infinite"), "{error}");
    assert!(error.contains("train anew with lower learning rates"), "{error}");
}

/// Runs in a process that may ask for so many KiB of addresses.
fn with_memory(kib: u32, what: &str, out: &Path) -> Said {
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_hyperl-train");
    command.args(["-c", &format!("ulimit -v {kib} && exec {program} {what} --out \"$0\"")]);
    run_in(command.arg(out))
}

fn run_in(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn a_lack_of_memory_is_one_line() {
    let what = "--critic mlp-small --threads 1 --steps 30 --set warmup_steps=20 --set batch=1000000 \
                --set evaluation_episodes=1";
    // What is refused: a layer of libtorch, and a batch of long rows of our own.
    for env in ["hopper", "ant-contact"] {
        let folder = tempfile::tempdir().unwrap();
        let said = with_memory(1_500_000, &format!("td3 --env {env} {what}"), folder.path());
        assert_eq!(said.code, Some(3), "{env}: {}", said.err);
        let lines: Vec<&str> = said.err.lines().collect();
        assert_eq!(lines.len(), 2, "{env}: {}", said.err);
        assert!(lines[1].starts_with("error: out of memory: the system refuses "), "{}", lines[1]);
        assert!(lines[1].contains(" bytes; lower batch, --threads or "), "{}", lines[1]);
    }
}

#[test]
fn no_program_waits_forever_where_memory_is_short() {
    // libtorch's products would do without the memory that they pack factors in, and round otherwise.
    let program = env!("CARGO_BIN_EXE_hyperl-train");
    let tight = format!("ulimit -v {} && exec \"$0\" td3 --dry-run", 750 << 10);
    let said = run_in(Command::new("sh").args(["-c", &tight, program]));
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.err.contains("the limit on address space (ulimit -v) leaves"), "{}", said.err);
    // Between too little for libraries to load and enough for all their threads; where that is depends on the machine.
    for mebibytes in (500..700).step_by(20) {
        let program = env!("CARGO_BIN_EXE_hyperl-analyze");
        let limit = format!(
            "ulimit -v {} && exec timeout -k 1 60 \"$0\" hyper-parameters",
            mebibytes << 10
        );
        let said = run_in(Command::new("sh").args(["-c", &limit, program]));
        assert!(![Some(124), Some(137)].contains(&said.code), "{mebibytes} MiB: {}", said.err);
    }
}
