//! `hyperl-analyze import`: an agent that another tool trained, as a checkpoint.

use std::path::PathBuf;

use clap::Args;

use super::agent::{EPISODES, Facts, Output, take_over};
use super::program::Done;
use super::settings::{finite, whole};
use super::terminal;
use super::worker::WorkerArgs;
use crate::checkpoint::Checkpoint;
use crate::env::EnvId;
use crate::error::{Error, Result};

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The agent: a zip, one of its files, its folder, or a TOML file that says what is what (docs/agents.md)
    agent: PathBuf,
    /// Its environment, by our name or Gymnasium's
    #[arg(long, value_parser = EnvId::of_gymnasium, required_unless_present = "env_command",
        conflicts_with = "env_command")]
    env: Option<EnvId>,
    #[command(flatten)]
    facts: Facts,
    /// Seed of its training, which distinguishes it from others [default: what its files say, else 0]
    #[arg(long, value_parser = whole)]
    seed: Option<u64>,
    /// The return that it is said to reach
    #[arg(long = "return", value_name = "RETURN", allow_negative_numbers = true, value_parser = finite)]
    claimed: Option<f64>,
    /// Episodes to play, to see whether it does
    #[arg(long, default_value_t = EPISODES)]
    episodes: usize,
    /// Folder of the checkpoint; one that was taken over before is replaced
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    worker: WorkerArgs,
}

pub(super) fn run(args: &ImportArgs) -> Result<Done> {
    let out = &args.out;
    let imported = || Checkpoint::open(out).is_ok_and(|old| old.manifest().imported.is_some());
    if out.exists() && !imported() {
        return Err(Error::Usage(format!(
            "{} exists, and is not an imported agent; choose another --out",
            out.display()
        )));
    }
    let Some(env) = args.worker.start()?.or(args.env) else {
        return Err(Error::Usage("give its environment with --env or --env-command".into()));
    };
    let given = args.facts.of(env, args.seed);
    take_over(&args.agent, &given, out, args.episodes, args.claimed, Output::Stdout)?;
    terminal::note!("wrote {}", out.display());
    Ok(Done::Finished)
}
