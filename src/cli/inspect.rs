//! `hyperl-analyze inspect`: what a checkpoint holds.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::shared::{self, Done};
use crate::checkpoint::Checkpoint;
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
struct Contents {
    path: String,
    hash: String,
    manifest: crate::checkpoint::manifest::Manifest,
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
    let checkpoint = Checkpoint::open(&args.path)?;
    let weights = checkpoint.weights()?;
    let mut tensors = Vec::new();
    for (name, shape) in weights.shapes()? {
        let tensor = weights.tensor(&name)?.to_kind(tch::Kind::Double);
        let bad = tensor.isfinite().logical_not().sum(tch::Kind::Int64).int64_value(&[]);
        let rms = tensor.square().mean(tch::Kind::Double).sqrt().double_value(&[]);
        tensors.push(TensorLine { name, shape, non_finite: bad, rms });
    }
    let states = checkpoint.states()?;
    let manifest = checkpoint.manifest().clone();
    if args.json {
        let (path, hash) = (args.path.display().to_string(), checkpoint.hash().to_owned());
        shared::print_json(&Contents { path, hash, manifest, tensors })?;
        return Ok(Done::Finished);
    }
    let crate::checkpoint::manifest::Versions { hyperl, libtorch, mujoco } = &manifest.versions;
    shared::say!("{}", args.path.display());
    shared::say!("  run        {}", manifest.config.run_name());
    shared::say!("  step       {} ({} updates)", manifest.step, manifest.updates);
    shared::say!("  states     {} of {} visited", states.len(), manifest.states_seen);
    shared::say!("  hash       {}", checkpoint.hash());
    shared::say!("  written by hyperl {hyperl}, libtorch {libtorch}, MuJoCo {mujoco}");
    shared::say!("  {:52} {:>14} {:>10} {:>6}", "tensor", "shape", "rms", "NaN/∞");
    for TensorLine { name, shape, non_finite, rms } in &tensors {
        shared::say!("  {name:52} {:>14} {rms:>10.4} {non_finite:>6}", format!("{shape:?}"));
    }
    Ok(Done::Finished)
}
