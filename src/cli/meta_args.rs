//! Flags and steps that the commands of meta-learning share.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::settings::{Flag, SeedRange, number, of_set, parse_seeds, says_length, settings, whole};
use super::shared::{self, Done};
use crate::algo::registry::Config;
use crate::checkpoint::lock::Lock;
use crate::checkpoint::run;
use crate::checkpoint::stored;
use crate::error::{Error, Result};

#[derive(Debug, Args)]
pub(super) struct MetaArgs {
    /// Seed of every random stream [default: 0]
    #[arg(long, conflicts_with = "seeds", value_parser = whole)]
    seed: Option<u64>,
    /// Several seeds, one run after the other: 0..4 means 0, 1, 2, 3 and 4
    #[arg(long, value_parser = parse_seeds)]
    seeds: Option<SeedRange>,
    /// Iterations [default: 400]
    #[arg(long, value_parser = whole)]
    iterations: Option<u64>,
    /// Settings from a TOML file, as --dry-run prints them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, as --dry-run prints it, such as `checkpoint_every=5`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Iterations between checkpoints [default: 10]
    #[arg(long, value_parser = whole)]
    checkpoint_every: Option<u64>,
    /// Iterations between evaluations [default: 10 for MAML, 1 for PEARL]
    #[arg(long, value_parser = whole)]
    evaluate_every: Option<u64>,
    /// Folder of the runs
    #[arg(long, default_value = "checkpoints")]
    out: PathBuf,
    /// Continue a run from its latest saved point; start it if it has reached none yet
    #[arg(long)]
    resume: bool,
    /// Worker threads, at most 1024; results do not depend on it [default: the processors]
    #[arg(long)]
    threads: Option<usize>,
    /// Print the resolved settings as TOML and stop
    #[arg(long)]
    dry_run: bool,
}

/// The setting that says how long a run is.
const ITERATIONS: &str = "iterations";

/// The folder of a run, which nobody else trains meanwhile.
pub(super) struct RunFolder {
    pub(super) path: PathBuf,
    /// There was a run in it already.
    pub(super) exists: bool,
    _lock: Lock,
}

impl MetaArgs {
    /// Returns the settings from the file, from `--set` and from flags, those of the command first.
    pub(super) fn resolve<C: DeserializeOwned>(&self, flags: &[Flag]) -> Result<C> {
        let seed = self.seeds.map_or(self.seed, |range| Some(range.first));
        let shared = [
            ("seed", seed.map(number)),
            (ITERATIONS, self.iterations.map(number)),
            ("checkpoint_every", self.checkpoint_every.map(number)),
            ("evaluate_every", self.evaluate_every.map(number)),
        ];
        let table = settings::<C>(self.config.as_deref(), &self.set, &[flags, &shared].concat())?;
        table.try_into().map_err(|e| of_set(&e))
    }

    /// Prints the settings if that is asked for, or else trains one run for each seed; `seed` is that of
    /// the settings.
    pub(super) fn each_seed(
        &self,
        config: &impl Serialize,
        seed: u64,
        train: impl FnMut(u64) -> Result<Done>,
    ) -> Result<Done> {
        if self.dry_run {
            let text = toml::to_string(config).map_err(|e| Error::Usage(e.to_string()))?;
            shared::print(text.as_bytes())?;
            return Ok(Done::Finished);
        }
        shared::save_and_stop();
        let seeds = self.seeds.map_or(seed..=seed, |range| range.first..=range.last);
        shared::one_by_one(seeds, train)
    }

    /// Returns the length of a run that is to go on and is given no other.
    pub(super) fn recorded_length(&self, name: &str) -> Result<Option<u64>> {
        let file = self.out.join(name).join(run::RUN);
        let given = (self.config.as_deref(), self.set.as_slice());
        if !self.resume || !file.exists() || says_length(self.iterations, given, ITERATIONS)? {
            return Ok(None);
        }
        let table: toml::Table = run::read_config(&file)?;
        Ok(table.get(ITERATIONS).and_then(toml::Value::as_integer).map(|n| n as u64))
    }

    /// Locks the folder of a run and makes it, or checks that the run in it may go on.
    pub(super) fn open(&self, config: &Config) -> Result<RunFolder> {
        let name = config.run_name();
        let path = self.out.join(name);
        let lock = run::lock(&path)?;
        let exists = path.join(run::RUN).exists();
        if exists && self.resume {
            stored::check_same(&path, config)?;
        } else {
            run::create(&path, config)?;
        }
        Ok(RunFolder { path, exists, _lock: lock })
    }

    /// Starts the workers.
    pub(super) fn workers(&self) -> Result<std::sync::Arc<rayon::ThreadPool>> {
        shared::workers(self.threads.unwrap_or_else(shared::processors))
    }
}

/// Checks that a run may be as long as it is asked to be, and writes that into its folder.
pub(super) fn lengthen(
    folder: &Path,
    config: &impl Serialize,
    start: u64,
    iterations: u64,
) -> Result<()> {
    if start > iterations {
        return Err(Error::Usage(format!(
            "{} has {start} iterations already, not {iterations}; give --iterations {start} or more",
            folder.display()
        )));
    }
    run::write_config(folder, config)
}
