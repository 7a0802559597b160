//! `hyperl-analyze`: measures trained checkpoints.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use super::runtime;
use super::shared::{self, Done};
use crate::algo::config::TrainConfig;
use crate::env::EnvId;
use crate::error::Result;
use crate::nn::critic::{CriticKind, parameter_count};

/// Measures how right the action gradient of a trained critic is.
#[derive(Debug, Parser)]
#[command(name = "hyperl-analyze", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List every critic with its number of parameters.
    #[command(after_help = "Example:\n  hyperl-analyze models --env hopper")]
    Models(ModelsArgs),
    /// Time training steps, environment steps and rollouts on this machine.
    #[command(
        after_help = "Examples:\n  hyperl-analyze runtime --quick\n  hyperl-analyze runtime --env half-cheetah --threads 2 --json"
    )]
    Runtime(runtime::RuntimeArgs),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
struct ModelsArgs {
    /// Only this environment
    #[arg(long)]
    env: Option<EnvId>,
    /// Print JSON to standard output
    #[arg(long)]
    json: bool,
}

/// Runs the program.
pub fn main() -> ExitCode {
    shared::main(|cli: Cli| match cli.command {
        Command::Models(args) => models(&args),
        Command::Runtime(args) => runtime::run(&args),
        Command::Completions { shell } => {
            shared::completions::<Cli>(shell);
            Ok(Done::Finished)
        }
    })
}

/// One line of `models`.
#[derive(Debug, Serialize)]
struct Model {
    model: &'static str,
    env: &'static str,
    parameters: usize,
}

fn models(args: &ModelsArgs) -> Result<Done> {
    let envs = EnvId::ALL.into_iter().filter(|e| args.env.is_none_or(|wanted| wanted == *e));
    let mut rows = Vec::new();
    for env in envs {
        let dims = TrainConfig { env, ..TrainConfig::default() }.dims();
        for kind in CriticKind::ALL {
            let parameters = parameter_count(kind, dims)?;
            rows.push(Model { model: kind.name(), env: env.name(), parameters });
        }
    }
    if args.json {
        shared::print_json(&rows)?;
    } else {
        println!("{:15} {:13} {:>12}", "model", "environment", "parameters");
        for Model { model, env, parameters } in rows {
            println!("{model:15} {env:13} {parameters:>12}");
        }
    }
    Ok(Done::Finished)
}
