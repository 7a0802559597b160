//! `hyperl-train`: trains checkpoints.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tch::Device;

use super::settings::{SeedRange, number, of_set, parse_seeds, says_length, settings, text, whole};
use super::shared::{self, Done, already_finished, stopped_at_start};
use super::train_maml::{self, MamlArgs};
use super::train_pearl::{self, PearlArgs};
use crate::algo::config::TrainConfig;
use crate::algo::evaluate::Evaluation;
use crate::algo::off_policy::{Event, OffPolicy};
use crate::algo::registry::Config;
use crate::algo::{Algo, RunConfig};
use crate::checkpoint::{disk, resume_point, run, save, stored};
use crate::env::EnvId;
use crate::error::{Error, Result};
use crate::nn::critic::CriticKind;

/// Trains actor-critic agents and leaves checkpoints that hyperl-analyze measures.
#[derive(Debug, Parser)]
#[command(name = "hyperl-train", version, arg_required_else_help = true, after_help = shared::EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train with TD3.
    #[command(after_help = "Examples:
  hyperl-train td3 --env hopper --critic sa-hyper --seed 0 --steps 100000
  hyperl-train td3 --env half-cheetah --critic mlp-standard --seeds 0..4 --out checkpoints
  hyperl-train td3 --env hopper --critic sa-hyper --set td3.critic_lr=3e-4 --dry-run
  hyperl-train td3 --env hopper --critic sa-hyper --steps 200000 --resume

A run is the folder OUT/td3-ENV-CRITIC-sSEED. Ctrl-C saves and stops; --resume continues bit for bit.")]
    Td3(TrainArgs),
    /// Train with SAC.
    #[command(after_help = "Examples:
  hyperl-train sac --env hopper --critic mlp-standard --seed 0 --steps 100000
  hyperl-train sac --env half-cheetah --critic sa-hyper --seeds 0..4 --out checkpoints
  hyperl-train sac --env hopper --critic sa-hyper --set sac.alpha=1 --set sac.reward_scale=5 --dry-run
  hyperl-train sac --env hopper --critic mlp-standard --set sac.evaluate=raw-mean

A run is the folder OUT/sac-ENV-CRITIC-sSEED. Ctrl-C saves and stops; --resume continues bit for bit.")]
    Sac(TrainArgs),
    /// Train a policy for a family of tasks with MAML.
    #[command(after_help = "Examples:
  hyperl-train maml --env half-cheetah-vel --policy hyper --seed 0
  hyperl-train maml --env half-cheetah-vel --policy context --seeds 0..4 --iterations 60
  hyperl-train maml --env ant-fwd-back --policy hyper --multi-task --out checkpoints
  hyperl-train maml --env half-cheetah-vel --policy vanilla --inner-lr 5e-5 --set trpo.max_kl=0.02 --dry-run

A run is the folder OUT/maml-ENV-POLICY-sSEED. Ctrl-C ends the iteration, saves and stops; --resume
continues bit for bit.")]
    Maml(MamlArgs),
    /// Train an actor-critic for a family of tasks with PEARL.
    #[command(after_help = "Examples:
  hyperl-train pearl --env half-cheetah-vel --model mlp --seed 0
  hyperl-train pearl --env half-cheetah-vel-medium --model hyper --seeds 0..4 --iterations 60
  hyperl-train pearl --env ant-fwd-back --model hyper --set meta_batch=4 --set train_steps=100
  hyperl-train pearl --env half-cheetah-vel --model mlp --set as_coded_tasks=true --dry-run

A run is the folder OUT/pearl-ENV-MODEL-sSEED. Ctrl-C saves after the update under way and stops; --resume
continues bit for bit.")]
    Pearl(PearlArgs),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
struct TrainArgs {
    /// Environment [hopper, walker2d, half-cheetah, ant, ant-v4, ant-contact; default: hopper]
    #[arg(long)]
    env: Option<EnvId>,
    /// Critic [mlp-standard, mlp-small, mlp-large, resnet-features, resnet35, q-d2rl, sa-hyper, as-hyper,
    /// emb-hyper; default: sa-hyper]
    #[arg(long)]
    critic: Option<CriticKind>,
    /// Seed of every random stream [default: 0]
    #[arg(long, conflicts_with = "seeds", value_parser = whole)]
    seed: Option<u64>,
    /// Several seeds, one run after the other: 0..4 means 0, 1, 2, 3 and 4
    #[arg(long, value_parser = parse_seeds)]
    seeds: Option<SeedRange>,
    /// Environment steps [default: 1000000]
    #[arg(long, value_parser = whole)]
    steps: Option<u64>,
    /// Settings from a TOML file, as --dry-run prints them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, such as td3.tau=0.01; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Environment steps between checkpoints [default: 10000]
    #[arg(long, value_parser = whole)]
    checkpoint_every: Option<u64>,
    /// Environment steps between evaluations; the first and the last step have one too [default: 5000]
    #[arg(long, value_parser = whole)]
    evaluate_every: Option<u64>,
    /// Folder of the runs
    #[arg(long, default_value = "checkpoints")]
    out: PathBuf,
    /// Continue a run from its latest saved point; start it if it has reached no checkpoint yet
    #[arg(long)]
    resume: bool,
    /// Worker threads, at most 1024; results do not depend on it [default: the processors]
    #[arg(long)]
    threads: Option<usize>,
    /// Where the networks live
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceName,
    /// Print the resolved settings as TOML and stop
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DeviceName {
    Cpu,
    Cuda,
}

/// Runs the program.
pub fn main() -> ExitCode {
    shared::main(|cli: Cli| match cli.command {
        Command::Td3(args) => train(Algo::Td3, &args),
        Command::Sac(args) => train(Algo::Sac, &args),
        Command::Maml(args) => train_maml::train(&args),
        Command::Pearl(args) => train_pearl::train(&args),
        Command::Completions { shell } => {
            shared::completions::<Cli>(shell)?;
            Ok(Done::Finished)
        }
    })
}

fn train(algo: Algo, args: &TrainArgs) -> Result<Done> {
    let first = args.seeds.map_or(args.seed, |range| Some(range.first));
    let config = resolve(algo, args, first)?;
    if args.dry_run {
        let text = toml::to_string(&config).map_err(|e| Error::Usage(e.to_string()))?;
        shared::print(text.as_bytes())?;
        return Ok(Done::Finished);
    }
    let device = device(args.device)?;
    shared::save_and_stop();
    let seeds = args.seeds.map_or(config.seed..=config.seed, |range| range.first..=range.last);
    shared::one_by_one(seeds, |seed| {
        train_one(args, TrainConfig { seed, ..config.clone() }, device)
    })
}

/// The algorithm's defaults, then the file, then `--set`, then the flags.
fn resolve(algo: Algo, args: &TrainArgs, seed: Option<u64>) -> Result<TrainConfig> {
    let flags = [
        ("env", args.env.map(text)),
        ("critic", args.critic.map(text)),
        ("seed", seed.map(number)),
        ("steps", args.steps.map(number)),
        ("checkpoint_every", args.checkpoint_every.map(number)),
        ("evaluate_every", args.evaluate_every.map(number)),
    ];
    let table = settings::<TrainConfig>(args.config.as_deref(), &args.set, &flags)?;
    let config = of_table(algo, &table).map_err(|e| of_set(&e))?;
    if config.algo != algo {
        let found = config.algo;
        return Err(Error::Usage(format!(
            "the settings are of {found}, the command is hyperl-train {algo}; give one or the other"
        )));
    }
    config.resolved()
}

/// Lays settings over the defaults of the algorithm in their environment.
fn of_table(algo: Algo, table: &toml::Table) -> std::result::Result<TrainConfig, toml::de::Error> {
    // Only to learn the environment, and to name a key that does not exist as it was given.
    let env = table.clone().try_into::<TrainConfig>()?.env;
    let mut all = toml::Table::try_from(TrainConfig::of(algo, env))
        .map_err(|e| serde::de::Error::custom(e.to_string()))?;
    all.extend(table.clone());
    all.try_into()
}

fn device(name: DeviceName) -> Result<Device> {
    match name {
        DeviceName::Cpu => Ok(Device::Cpu),
        DeviceName::Cuda if tch::Cuda::is_available() => Ok(Device::Cuda(0)),
        DeviceName::Cuda => Err(Error::Usage(
            "--device cuda: this build's libtorch has no usable CUDA; run `make setup DEVICE=cuda` \
             on a machine with an NVIDIA GPU, or use --device cpu"
                .into(),
        )),
    }
}

/// What is written besides the checkpoints while a run goes on.
struct Journal {
    folder: PathBuf,
    evaluations: Vec<Evaluation>,
    timing: String,
}

fn train_one(args: &TrainArgs, mut config: TrainConfig, device: Device) -> Result<Done> {
    let folder = args.out.join(config.run_name());
    let workers = shared::workers(args.threads.unwrap_or_else(shared::processors))?;
    let _lock = run::lock(&folder)?;
    let exists = folder.join(run::RUN).exists();
    if exists && args.resume {
        if !says_length(args.steps, (args.config.as_deref(), &args.set), "steps")? {
            config.steps = run::read_config::<TrainConfig>(&folder.join(run::RUN))?.steps;
        }
        stored::check_same(&folder, &Config::OffPolicy(config.clone()))?;
    } else {
        run::create(&folder, &config)?;
    }
    let mut training = OffPolicy::new(config, device, workers)?;
    let resumed = exists && resume_point::load(&folder, &mut training)?;
    let start = training.progress().step;
    if start > training.config().steps {
        let (folder, asked) = (folder.display(), training.config().steps);
        return Err(Error::Usage(format!(
            "{folder} has {start} steps already, not {asked}; give --steps {start} or more"
        )));
    }
    if !resumed {
        resume_point::begin(&folder)?;
    }
    let mut journal = Journal {
        evaluations: if resumed { run::read_evaluations(&folder)? } else { Vec::new() },
        timing: previous_timing(&folder, start)?,
        folder,
    };
    let evaluated = |e: &Evaluation| e.step <= start && training.config().evaluates_at(e.step);
    journal.evaluations.retain(evaluated);
    if resumed {
        run::write_evaluations(&journal.folder, &journal.evaluations)?;
    }
    run::write_config(&journal.folder, training.config())?; // the run may have become longer
    if start == training.config().steps {
        return Ok(already_finished(&journal.folder, start, "steps"));
    }
    if let Some(warning) = training.config().no_updates() {
        shared::note!("warning: {warning}");
    }
    if start > 0 {
        shared::note!("resuming {} at step {start}", journal.folder.display());
    }
    if shared::stop_asked() {
        return Ok(stopped_at_start((start > 0).then(|| format!("step {start}"))));
    }
    drive(&mut training, &mut journal)
}

/// Rows of `timing.csv` up to a step.
fn previous_timing(folder: &Path, step: u64) -> Result<String> {
    let path = folder.join(run::TIMING);
    // There is none before the first checkpoint.
    let bytes = if path.exists() { disk::read(&path)? } else { Vec::new() };
    let text = String::from_utf8_lossy(&bytes);
    let early = |line: &&str| {
        line.split(',').next().and_then(|s| s.parse::<u64>().ok()).is_some_and(|s| s <= step)
    };
    let rows: Vec<&str> = text.lines().filter(early).collect();
    let mut out = String::from("step,seconds\n");
    for row in rows {
        out.push_str(row);
        out.push('\n');
    }
    Ok(out)
}

/// Follows the events of a run: saves, and shows how it goes.
fn drive(training: &mut OffPolicy, journal: &mut Journal) -> Result<Done> {
    let steps = training.config().steps;
    let bar = shared::progress_bar(steps, "steps");
    bar.set_prefix(training.config().run_name());
    bar.set_position(training.progress().step);
    bar.reset_eta();
    while let Some(event) = training.next() {
        match event? {
            Event::Evaluated(evaluation) => {
                let n = evaluation.returns.len() as f64;
                let mean = evaluation.returns.iter().sum::<f64>() / n;
                let step = evaluation.step;
                bar.suspend(|| {
                    shared::note!("step {step}: mean return {mean:.1} over {n} episodes");
                });
                bar.set_message(format!("(return {mean:.0})"));
                journal.evaluations.push(evaluation);
                run::write_evaluations(&journal.folder, &journal.evaluations)?;
            }
            Event::CheckpointDue(step) => {
                save::checkpoint(&journal.folder, training)?;
                let _ = writeln!(journal.timing, "{step},{:.3}", training.seconds());
                disk::write(&journal.folder.join(run::TIMING), journal.timing.as_bytes())?;
                resume_point::save(&journal.folder, training)?;
            }
            Event::Stepped { step, .. } => {
                bar.set_position(step);
                if shared::stop_asked() && step < steps {
                    resume_point::save(&journal.folder, training)?;
                    bar.abandon();
                    shared::note!("saved at step {step}; add --resume to continue");
                    return Ok(Done::Stopped);
                }
            }
        }
    }
    bar.finish_and_clear();
    shared::note!("{}: {steps} steps done", journal.folder.display());
    Ok(Done::Finished)
}
