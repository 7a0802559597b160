//! `hyperl-analyze inspect`: what a checkpoint holds.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::shared::{self, Done};
use crate::checkpoint::Checkpoint;
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::meta::{MetaCheckpoint, is_meta};
use crate::checkpoint::tensors::TensorFile;
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
struct Contents<M> {
    path: String,
    hash: String,
    manifest: M,
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
    if is_meta(&args.path) {
        let point = MetaCheckpoint::open(&args.path)?;
        let manifest = point.manifest();
        let lines = [
            ("run", manifest.config.run_name()),
            ("iteration", manifest.iteration.to_string()),
            (
                "tasks",
                format!("{} train, {} test", manifest.tasks.train.len(), manifest.tasks.test.len()),
            ),
        ];
        let tensors = tensors(&point.weights()?)?;
        return print(args, point.hash(), (manifest, &manifest.versions), (&lines, tensors));
    }
    let checkpoint = Checkpoint::open(&args.path)?;
    let manifest = checkpoint.manifest();
    let tensors = tensors(&checkpoint.weights()?)?;
    let lines = [
        ("run", manifest.config.run_name()),
        ("step", format!("{} ({} updates)", manifest.step, manifest.updates)),
        ("states", format!("{} of {} visited", checkpoint.states()?.len(), manifest.states_seen)),
    ];
    print(args, checkpoint.hash(), (manifest, &manifest.versions), (&lines, tensors))
}

/// Looks at every tensor of a file.
fn tensors(weights: &TensorFile) -> Result<Vec<TensorLine>> {
    let line = |(name, shape): (String, Vec<i64>)| {
        let tensor = weights.tensor(&name)?.to_kind(tch::Kind::Double);
        let non_finite = tensor.isfinite().logical_not().sum(tch::Kind::Int64).int64_value(&[]);
        let rms = tensor.square().mean(tch::Kind::Double).sqrt().double_value(&[]);
        Ok(TensorLine { name, shape, non_finite, rms })
    };
    weights.shapes()?.into_iter().map(line).collect()
}

fn print<M: Serialize>(
    args: &InspectArgs,
    hash: &str,
    (manifest, versions): (M, &Versions),
    (lines, tensors): (&[(&str, String)], Vec<TensorLine>),
) -> Result<Done> {
    let path = args.path.display().to_string();
    if args.json {
        shared::print_json(&Contents { path, hash: hash.to_owned(), manifest, tensors })?;
        return Ok(Done::Finished);
    }
    let Versions { hyperl, libtorch, mujoco } = versions;
    shared::say!("{path}");
    for (name, value) in lines {
        shared::say!("  {name:10} {value}");
    }
    shared::say!("  hash       {hash}");
    shared::say!("  written by hyperl {hyperl}, libtorch {libtorch}, MuJoCo {mujoco}");
    shared::say!("  {:52} {:>14} {:>10} {:>6}", "tensor", "shape", "rms", "NaN/∞");
    for TensorLine { name, shape, non_finite, rms } in &tensors {
        shared::say!("  {name:52} {:>14} {rms:>10.4} {non_finite:>6}", format!("{shape:?}"));
    }
    Ok(Done::Finished)
}
