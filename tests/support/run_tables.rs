//! The settings and tables of a run, of both versions, and what reads each.

use std::fs;
use std::path::Path;

use hyperl::Result;
use hyperl::algo::config::TrainConfig;
use hyperl::algo::maml::config::MamlConfig;
use hyperl::algo::pearl::config::PearlConfig;
use hyperl::checkpoint::run_log::RunLog;
use hyperl::checkpoint::{run, stored};

/// What reads a file.
pub(crate) type Reader = fn(&Path) -> Result<()>;

/// The folder of a file.
pub(crate) fn folder(file: &Path) -> &Path {
    file.parent().unwrap()
}

pub(crate) fn evaluations(file: &Path) -> Result<()> {
    let log = RunLog::of_run(folder(file), &TrainConfig::default())?;
    log.evaluations(folder(file)).map(drop)
}

pub(crate) fn progress(file: &Path) -> Result<()> {
    RunLog::read(folder(file), &TrainConfig::default()).map(drop)
}

pub(crate) fn settings(file: &Path) -> Result<()> {
    stored::read(folder(file)).map(drop)
}

pub(crate) fn maml(file: &Path) -> Result<()> {
    RunLog::read(folder(file), &MamlConfig::default()).map(drop)
}

pub(crate) fn pearl(file: &Path) -> Result<()> {
    RunLog::read(folder(file), &PearlConfig::default()).map(drop)
}

pub(crate) const EVALUATIONS: &str = "at,split,stage,task,goal,course,episode,context,return\n0,,,,,,0,,1.5\n\
                           0,,,,,,1,,-2\n30,,,,,,0,,3\n30,,,,,,1,,4\n";
pub(crate) const PROGRESS: &str = "at,seconds,critic_loss,actor_loss\n30,1.25,,\n60,2.5,0.5,-1\n";
pub(crate) const MAML: &str = "at,split,stage,task,goal,course,episode,context,return\n0,test,before,,,,,,-1.5\n\
                    0,test,after,,,,,,-1\n1,train,before,,,,,,-2\n1,train,after,,,,,,NaN\n";
pub(crate) const MAML_PROGRESS: &str = "at,sampling_seconds,update_seconds,evaluation_seconds,divergence,improvement,\
                             lengths_tried,accepted\n0,0,0,1,,,,\n1,2,3,0,0.01,0.2,1,1\n";
pub(crate) const PEARL: &str = "at,split,stage,task,goal,course,episode,context,return\n1,train,,,,,,,-2\n\
                     1,train,,0,1.5,0,0,0,-3\n1,train,,0,1.5,0,1,10,-2\n1,test,,,,,,,-4\n\
                     1,test,,0,2.5,0,0,0,-4\n";

/// The same of version 1.
pub(crate) const V1_EVALUATIONS: &str = "step,episode,return\n0,0,1.5\n0,1,-2\n30,0,3\n30,1,4\n";
pub(crate) const V1_TIMING: &str = "step,seconds\n30,1.25\n60,2.5\n";
pub(crate) const V1_MAML: &str = "iteration,train_before,train_after,test_before,test_after,divergence,improvement,\
                       lengths_tried,accepted\n0,,,-1.5,-1,,,,\n1,-2,-1,,,0.01,0.2,1,1\n";
pub(crate) const V1_PEARL: &str =
    "iteration,transitions,train,test,divergence,q1,q2,value,policy\n1,80,-1,-2,0,1,1,1,1\n";
pub(crate) const V1_TRIALS: &str = "iteration,unseen,place,task,course,trajectory,context,return\n1,0,0,1.5,0,0,0,-3\n\
                         1,0,0,1.5,0,1,10,-2\n1,1,0,2.5,0,0,0,-4\n";

/// The settings of a run as version 1 wrote them.
pub(crate) const SETTINGS: &str = "algo = \"td3\"\nenv = \"hopper\"\ncritic = \"mlp-small\"\nseed = 7\nsteps = 60\n\
    checkpoint_every = 30\nevaluate_every = 30\nevaluation_episodes = 2\nwarmup_steps = 20\nbatch = 8\n\
    exploration_noise = 0.1\nreplay_capacity = 1000000\nreservoir = 1000\n\n[td3]\ngamma = 0.99\n\
    tau = 0.005\npolicy_noise = 0.2\nnoise_clip = 0.5\npolicy_delay = 2\nactor_lr = 0.0003\n\
    critic_lr = 0.0003\n";

/// Asks for an error whose message is one line with the path in it.
pub(crate) fn assert_names(error: &hyperl::Error, file: &Path, what: &str) {
    let said = error.to_string();
    assert_eq!(said.lines().count(), 1, "{what}: {said}");
    assert!(said.contains(&folder(file).display().to_string()), "{what}: {said}");
}

/// All tables, with their names and readers.
pub(crate) fn tables() -> [(&'static str, &'static str, Reader); 11] {
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
pub(crate) fn trials(file: &Path) -> Result<()> {
    fs::write(folder(file).join("returns.csv"), V1_PEARL).unwrap();
    pearl(file)
}
