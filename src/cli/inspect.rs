//! `hyperl-analyze inspect`: what a checkpoint holds.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::shared::{self, Done};
use crate::algo::RunConfig;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::meta::MetaCheckpoint;
use crate::checkpoint::opened::{self, Kind, Opened};
use crate::checkpoint::pearl::PearlCheckpoint;
use crate::checkpoint::tensors::TensorFile;
use crate::env::TaskLists;
use crate::error::Result;

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// A checkpoint
    path: PathBuf,
    /// Print JSON to standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Contents<'c, M> {
    path: String,
    hash: &'c str,
    manifest: &'c M,
    tensors: Vec<TensorLine>,
}

#[derive(Debug, Serialize)]
struct TensorLine {
    name: String,
    shape: Vec<i64>,
    non_finite: i64,
    rms: f64,
}

pub(super) fn run(args: &InspectArgs) -> Result<Done> {
    match opened::kind(&args.path) {
        Some(Kind::Maml) => maml(args),
        Some(Kind::Pearl) => pearl(args),
        // What is of no kind is refused as a critic's.
        Some(Kind::Critic) | None => critic(args),
    }
}

fn maml(args: &InspectArgs) -> Result<Done> {
    let checkpoint = MetaCheckpoint::open(&args.path)?;
    let weights = checkpoint.weights()?;
    let m = checkpoint.manifest();
    let about = [
        ("run", m.config.run_name()),
        ("iteration", m.iteration.to_string()),
        ("tasks", tasks(&m.tasks)),
    ];
    show(args, (&checkpoint, &m.versions), &weights, &about)
}

fn pearl(args: &InspectArgs) -> Result<Done> {
    let checkpoint = PearlCheckpoint::open(&args.path)?;
    let weights = checkpoint.weights()?;
    let m = checkpoint.manifest();
    let about = [
        ("run", m.config.run_name()),
        ("iteration", format!("{} ({} updates)", m.iteration, m.updates)),
        ("tasks", tasks(&m.tasks)),
        ("stored", format!("{} transitions", m.transitions)),
    ];
    show(args, (&checkpoint, &m.versions), &weights, &about)
}

fn critic(args: &InspectArgs) -> Result<Done> {
    let checkpoint = Checkpoint::open(&args.path)?;
    let weights = checkpoint.weights()?;
    let (states, m) = (checkpoint.states()?, checkpoint.manifest());
    let about = [
        ("run", m.config.run_name()),
        ("step", format!("{} ({} updates)", m.step, m.updates)),
        ("states", format!("{} of {} visited", states.len(), m.states_seen)),
    ];
    show(args, (&checkpoint, &m.versions), &weights, &about)
}

fn tasks(tasks: &TaskLists) -> String {
    format!("{} of training, {} of the test", tasks.train.len(), tasks.test.len())
}

/// Prints what a checkpoint is about, and its tensors.
fn show<M: Serialize>(
    args: &InspectArgs,
    (checkpoint, versions): (&Opened<M>, &Versions),
    weights: &TensorFile,
    about: &[(&str, String)],
) -> Result<Done> {
    let tensors = lines(weights)?;
    let (hash, manifest) = (checkpoint.hash(), checkpoint.manifest());
    if args.json {
        let path = args.path.display().to_string();
        shared::print_json(&Contents { path, hash, manifest, tensors })?;
        return Ok(Done::Finished);
    }
    let Versions { hyperl, libtorch, mujoco } = versions;
    shared::say!("{}", args.path.display());
    for (what, words) in about {
        shared::say!("  {what:10} {words}");
    }
    shared::say!("  hash       {hash}");
    shared::say!("  written by hyperl {hyperl}, libtorch {libtorch}, MuJoCo {mujoco}");
    shared::say!("  {:52} {:>14} {:>10} {:>6}", "tensor", "shape", "rms", "NaN/∞");
    for TensorLine { name, shape, non_finite, rms } in &tensors {
        shared::say!("  {name:52} {:>14} {rms:>10.4} {non_finite:>6}", format!("{shape:?}"));
    }
    Ok(Done::Finished)
}

/// Reads every tensor of a file.
fn lines(weights: &TensorFile) -> Result<Vec<TensorLine>> {
    let line = |(name, shape): (String, Vec<i64>)| {
        let tensor = weights.tensor(&name)?.to_kind(tch::Kind::Double);
        let non_finite = tensor.isfinite().logical_not().sum(tch::Kind::Int64).int64_value(&[]);
        let rms = tensor.square().mean(tch::Kind::Double).sqrt().double_value(&[]);
        Ok(TensorLine { name, shape, non_finite, rms })
    };
    weights.shapes()?.into_iter().map(line).collect()
}
