//! Trains runs, whichever their algorithm: settings, seeds, resumption, what is saved and told.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use tch::Device;

use super::program::{self, Done};
use super::settings::{Flag, number, of_set, parse_seeds, settings, whole};
use super::{progress, signals, terminal, threads};
use crate::algo::Algo;
use crate::algo::config::TrainConfig;
use crate::algo::registry::Config;
use crate::algo::trainer::{Event, Save, Trainer};
use crate::checkpoint::run_log::RunLog;
use crate::checkpoint::tensorboard::Follower;
use crate::checkpoint::{Checkpoint, resume_point, run, save, stored};
use crate::error::{Error, Result};

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Seed of every random stream [default: 0]
    #[arg(long, conflicts_with = "seeds", value_parser = whole)]
    seed: Option<u64>,
    /// Several seeds, one run after the other: 0..4 means 0, 1, 2, 3 and 4
    #[arg(long, value_parser = parse_seeds)]
    seeds: Option<RangeInclusive<u64>>,
    /// Settings from a TOML file, as --dry-run prints them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, as --dry-run prints it, such as `batch=64`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Steps or iterations between checkpoints; the last one has one too [default: 10000 steps, 10 iterations]
    #[arg(long, value_parser = whole)]
    checkpoint_every: Option<u64>,
    /// Steps or iterations between evaluations; the last one has one too [default: 5000 steps, 10 iterations
    /// of MAML, 1 of PEARL]
    #[arg(long, value_parser = whole)]
    evaluate_every: Option<u64>,
    /// Minutes after which a run saves where it is, besides at its checkpoints: what it loses at most if it is killed
    #[arg(long, value_name = "MINUTES", default_value = "10", value_parser = minutes)]
    save_every: Duration,
    /// Folder of the runs
    #[arg(long, default_value = "checkpoints")]
    pub(super) out: PathBuf,
    /// Continue a run from its latest saved point; start it if it has reached none yet
    #[arg(long)]
    resume: bool,
    /// Write events for TensorBoard beside the tables, in RUN/tensorboard
    #[arg(long)]
    track: bool,
    /// Worker threads, at most 1024; results do not depend on it [default: the processors]
    #[arg(long)]
    threads: Option<usize>,
    /// Print the resolved settings as TOML and stop
    #[arg(long)]
    dry_run: bool,
}

/// Reads a time in minutes.
fn minutes(text: &str) -> std::result::Result<Duration, String> {
    let seconds = text.parse().map_or(f64::NAN, |minutes: f64| 60.0 * minutes);
    Duration::try_from_secs_f64(seconds).map_err(|_| "it must be a number of 0 or more".into())
}

/// What a run starts from, besides its settings.
#[derive(Clone, Copy)]
pub(super) enum StartFrom<'f> {
    /// Nothing: all weights are drawn.
    Scratch,
    /// An actor that stays as it is.
    Policy {
        /// Where it comes from; unset if it is drawn.
        actor: Option<&'f Checkpoint>,
        /// What other settings lie over.
        base: &'f TrainConfig,
    },
}

/// Trains one run for each seed, or prints the settings if that is asked for.
pub(super) fn train(
    algo: Algo,
    from: StartFrom,
    args: &RunArgs,
    flags: &[Flag<'_>],
    device: Device,
) -> Result<Done> {
    let (config, says_length) = args.resolve(algo, from, flags)?;
    if args.dry_run {
        let text = toml::to_string(&config).map_err(|e| Error::Usage(e.to_string()))?;
        terminal::print(text.as_bytes())?;
        return Ok(Done::Finished);
    }
    signals::save_and_stop();
    let seeds = args.seeds.clone().unwrap_or(config.seed()..=config.seed());
    program::one_by_one(seeds, |seed| {
        train_one(args, from, config.clone().with_seed(seed), says_length, device)
    })
}

impl RunArgs {
    /// Returns the algorithm's defaults, then the file, then `--set`, then the flags; and whether these say how
    /// long the run is to be.
    fn resolve(&self, algo: Algo, from: StartFrom, flags: &[Flag<'_>]) -> Result<(Config, bool)> {
        let seed = self.seeds.as_ref().map_or(self.seed, |seeds| Some(*seeds.start()));
        let common = [
            ("seed", seed.map(number)),
            ("checkpoint_every", self.checkpoint_every.map(number)),
            ("evaluate_every", self.evaluate_every.map(number)),
        ];
        let flags = [flags, &common].concat();
        // Names the line of what is wrong in a file.
        self.config.as_deref().map(|file| stored::parse(file, algo)).transpose()?;
        let mut table = settings(self.config.as_deref(), &self.set, &flags)?;
        if let Some(found) = table.get("algo").and_then(toml::Value::as_str)
            && found != algo.name()
        {
            return Err(Error::Usage(format!(
                "the settings are of {found}, the command is hyperl-train {algo}; give one or the other"
            )));
        }
        let base = match from {
            StartFrom::Scratch if table.contains_key("frozen") => {
                return Err(Error::Usage(
                    "`frozen` is a setting of hyperl-train critic, which takes the actor by --actor".into(),
                ));
            }
            StartFrom::Scratch => None,
            StartFrom::Policy { base, .. } => {
                check_actor(base, &mut table)?;
                Some(base)
            }
        };
        let config = Config::over(base, algo, &table).map_err(|e| of_set(&e))?.resolved()?;
        Ok((config, table.contains_key(algo.unit().name())))
    }

    /// Makes the folder of a run, or checks that the run in it may go on; returns its settings, and whether
    /// there was one.
    fn open(&self, folder: &Path, config: Config, says_length: bool) -> Result<(Config, bool)> {
        if !(self.resume && folder.join(run::RUN).exists()) {
            run::create(folder, &config)?;
            return Ok((config, false));
        }
        let config =
            if says_length { config } else { config.with_length(stored::read(folder)?.length()) };
        stored::check_same(folder, &config)?;
        Ok((config, true))
    }
}

fn train_one(
    args: &RunArgs,
    from: StartFrom,
    config: Config,
    says_length: bool,
    device: Device,
) -> Result<Done> {
    let workers = threads::start(args.threads)?;
    let folder = &args.out.join(config.run_name());
    let _lock = resume_point::lock(folder)?;
    let (config, exists) = args.open(folder, config, says_length)?;
    let mut trainer = config.start(device, workers)?;
    let resumed = exists && resume_point::load(folder, &mut *trainer)?;
    let (made, length, unit) = (trainer.made(), config.length(), config.algo().unit());
    if made > length {
        return Err(Error::Usage(format!(
            "{} has {made} {unit} already, not {length}; give --{unit} {made} or more",
            folder.display()
        )));
    }
    if resumed && made == length && !run::has_checkpoint(folder, made) {
        return Err(Error::Usage(format!(
            "{} was stopped at {}, where it has no checkpoint; give --{unit} {} or more",
            folder.display(),
            place(&*trainer),
            made + 1
        )));
    }
    let mut log = RunLog::new(&*config);
    if resumed {
        log = RunLog::read(folder, &*config)?;
        log.cut_back(&*config, made);
        log.write(folder)?;
    } else {
        resume_point::begin(folder)?;
        if let StartFrom::Policy { actor: Some(actor), .. } = from {
            actor.copy_policy(&*trainer)?;
        }
    }
    run::write_config(folder, &config)?; // the run may have become longer
    let follower = args.track.then(|| Follower::start(folder, &log)).transpose()?;
    if made == length {
        terminal::note!(
            "{} is finished, with {length} {unit}; give more --{unit} to go on",
            folder.display()
        );
        return Ok(Done::Finished);
    }
    if let Some(warning) = config.warning() {
        terminal::note!("warning: {warning}");
    }
    if resumed {
        terminal::note!("resuming {} at {}", folder.display(), place(&*trainer));
    }
    if signals::stop_asked() {
        return Ok(stopped_at_start(resumed.then(|| place(&*trainer))));
    }
    drive(&mut *trainer, folder, args.save_every, &mut log, follower)
}

/// Returns how far a run is, as text.
fn place(trainer: &dyn Trainer) -> String {
    let (made, unit) = (trainer.made(), trainer.config().algo().unit().one());
    match trainer.within() {
        None => format!("{unit} {made}"),
        Some(updates) => format!("update {updates} of {unit} {}", made + 1),
    }
}

/// Says that a signal came before a run did anything; `reached` is where it was saved before, if it was.
fn stopped_at_start(reached: Option<String>) -> Done {
    if let Some(place) = reached {
        terminal::note!("saved at {place}; add --resume to continue");
        return Done::Stopped;
    }
    terminal::note!("stopped, nothing saved yet; add --resume to start again");
    Done::StoppedUnsaved
}

/// Checks that settings say of a frozen actor what the flags say, which name it, and takes it out of them.
fn check_actor(base: &TrainConfig, table: &mut toml::Table) -> Result<()> {
    let Some(given) = table.get("frozen").and_then(toml::Value::as_table) else { return Ok(()) };
    let own = toml::Table::try_from(&base.frozen).map_err(|e| of_set(&e))?;
    if let Some((key, value)) = given.iter().find(|(key, value)| own.get(*key) != Some(*value)) {
        let meant = own.get(key).map_or("nothing".into(), toml::Value::to_string);
        return Err(Error::Usage(format!(
            "the settings have {value} as frozen.{key}, and by --actor and --data it is {meant}; drop it from the settings, \
             or give the same flags"
        )));
    }
    table.remove("frozen");
    Ok(())
}

/// Follows the events of a run: saves, and shows how it goes.
fn drive(
    trainer: &mut dyn Trainer,
    folder: &Path,
    save_every: Duration,
    log: &mut RunLog,
    mut follower: Option<Follower>,
) -> Result<Done> {
    let (length, unit) = (trainer.config().length(), trainer.config().algo().unit());
    let (goal, counted) = trainer.goal();
    let bar = progress::bar(goal, counted);
    bar.set_prefix(trainer.config().run_name());
    bar.set_position(trainer.position());
    bar.reset_eta();
    let mut saved = Instant::now();
    while let Some(event) = trainer.advance() {
        let Event { evaluated, progress, line, message, save, may_stop } = event?;
        bar.set_position(trainer.position());
        if let Some(line) = line {
            bar.suspend(|| terminal::note!("{line}"));
        }
        if let Some(message) = message {
            bar.set_message(message);
        }
        if !evaluated.is_empty() || progress.is_some() {
            log.evaluated.extend(evaluated);
            log.progress.extend(progress.map(|numbers| (trainer.made(), numbers)));
            log.write(folder)?;
            if let Some(Err(error)) = follower.as_mut().map(|follower| follower.follow(log)) {
                bar.suspend(|| terminal::note!("warning: no more events for TensorBoard: {error}"));
                follower = None;
            }
        }
        if save == Save::Checkpoint {
            save::checkpoint(folder, trainer)?;
        }
        // The point comes last: what it continues from is there.
        let due = may_stop && saved.elapsed() >= save_every && trainer.made() < length;
        if due || save != Save::Nothing {
            resume_point::save(folder, trainer)?;
            saved = Instant::now();
        }
        if may_stop && signals::stop_asked() && trainer.made() < length {
            resume_point::save(folder, trainer)?;
            bar.abandon();
            terminal::note!("saved at {}; add --resume to continue", place(trainer));
            return Ok(Done::Stopped);
        }
    }
    bar.finish_and_clear();
    terminal::note!("{}: {length} {unit} done", folder.display());
    Ok(Done::Finished)
}
