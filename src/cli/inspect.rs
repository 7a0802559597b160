//! `hyperl-analyze inspect`: what a checkpoint holds.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::program::Done;
use super::terminal;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::manifest::{Imported, Manifest, Versions};
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
struct Contents<'c> {
    path: String,
    hash: &'c str,
    manifest: &'c Manifest,
    tensors: Vec<TensorLine>,
}

#[derive(Debug, Serialize)]
struct TensorLine {
    name: String,
    shape: Vec<i64>,
    non_finite: i64,
    /// None of a script, which is bytes.
    rms: Option<f64>,
}

pub(super) fn run(args: &InspectArgs) -> Result<Done> {
    let checkpoint = Checkpoint::open(&args.path)?;
    let tensors = lines(&checkpoint.weights()?)?;
    let (hash, manifest) = (checkpoint.hash(), checkpoint.manifest());
    let about = about(&checkpoint)?;
    if args.json {
        let path = args.path.display().to_string();
        terminal::print_json(&Contents { path, hash, manifest, tensors })?;
        return Ok(Done::Finished);
    }
    let Versions { hyperl, libtorch, mujoco } = &manifest.versions;
    terminal::say!("{}", args.path.display());
    for (what, words) in about {
        terminal::say!("  {what:10} {words}");
    }
    terminal::say!("  hash       {hash}");
    terminal::say!("  written by hyperl {hyperl}, libtorch {libtorch}, MuJoCo {mujoco}");
    terminal::say!("  {:52} {:>14} {:>10} {:>6}", "tensor", "shape", "rms", "NaN/∞");
    for TensorLine { name, shape, non_finite, rms } in &tensors {
        let rms = rms.map_or_else(|| "script".into(), |rms| format!("{rms:.4}"));
        terminal::say!("  {name:52} {:>14} {rms:>10} {non_finite:>6}", format!("{shape:?}"));
    }
    Ok(Done::Finished)
}

/// Returns what the manifest says, by label.
fn about(checkpoint: &Checkpoint) -> Result<Vec<(&'static str, String)>> {
    let Manifest { config, unit, step, updates, .. } = checkpoint.manifest();
    let mut about =
        vec![("run", config.run_name()), (unit.one(), format!("{step} ({updates} updates)"))];
    if let Some(imported) = &checkpoint.manifest().imported {
        let Imported { tool, files, one_critic, reward_scale, .. } = imported;
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        about.push(("from", format!("{tool}: {}", names.join(", "))));
        if *one_critic {
            about.push(("critics", "one; q2 is q1 again".into()));
        }
        if let Some(scale) = reward_scale {
            about.push(("values", format!("in units of {:.4} of reward", 1.0 / scale)));
        }
    }
    if let Some(TaskLists { train, test }) = &checkpoint.manifest().tasks {
        about.push(("tasks", format!("{} of training, {} of the test", train.len(), test.len())));
    }
    if let Some(transitions) = checkpoint.manifest().transitions {
        about.push(("stored", format!("{transitions} transitions")));
    }
    if let Some(states) = checkpoint.manifest().states {
        let read = checkpoint.states()?.len();
        about.push(("states", format!("{read} of {} visited", states.seen)));
    }
    Ok(about)
}

fn lines(weights: &TensorFile) -> Result<Vec<TensorLine>> {
    let line = |(name, shape): (String, Vec<i64>)| {
        if weights.bytes(&name).is_ok() {
            return Ok(TensorLine { name, shape, non_finite: 0, rms: None });
        }
        let tensor = weights.tensor(&name)?.to_kind(tch::Kind::Double);
        let non_finite = tensor.isfinite().logical_not().sum(tch::Kind::Int64).int64_value(&[]);
        let rms = Some(tensor.square().mean(tch::Kind::Double).sqrt().double_value(&[]));
        Ok(TensorLine { name, shape, non_finite, rms })
    };
    weights.shapes()?.into_iter().map(line).collect()
}
