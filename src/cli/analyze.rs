//! `hyperl-analyze`: measures trained checkpoints.

use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use super::cosine::{self, CosineArgs, CosineCommand};
use super::diagnose::{self, DiagnoseArgs};
use super::program::{self, Done, ShellCommand};
use super::terminal;
use super::{
    audit, bank, claims, compare_critics, gate, hyper_parameters, import, inspect, maml_adaptation,
    maml_noise, promise, report, returns, self_test, value_error, weights,
};
use crate::algo::RunConfig;
use crate::algo::config::TrainConfig;
use crate::env::EnvId;
use crate::error::{Error, Result};
use crate::nn::critic::{CriticKind, parameter_count};

/// Measures how right the action gradient of a trained critic is.
#[derive(Debug, Parser)]
#[command(name = "hyperl-analyze", version, arg_required_else_help = true, after_help = program::EXIT_CODES)]
pub(super) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compare the critic's action gradient with the true one, from perturbed rollouts.
    #[command(after_help = "Examples:
  hyperl-analyze cosine --ckpt checkpoints/td3-hopper-sa-hyper-s0/step-000010000
  hyperl-analyze cosine --ckpt checkpoints/td3-hopper-sa-hyper-s0 --json
  hyperl-analyze cosine --ckpt 'checkpoints/*' --mode as-released --states 30
  hyperl-analyze cosine --ckpt sac-HalfCheetah-v3.zip --env half-cheetah
  hyperl-analyze cosine --ckpt agent.zip --env-command 'python my_env.py'
  hyperl-analyze cosine --ckpt 'checkpoints/pearl-half-cheetah-vel-medium-*' --tasks 8 --states 240")]
    Cosine(CosineArgs),
    /// Take over an agent that another tool trained, as a checkpoint: zips of Stable-Baselines3 (SAC, TD3), the files of
    /// TD3's authors, folders with a file for each network of a SAC. Nothing in the files is executed.
    #[command(after_help = "Examples:
  hyperl-analyze import sac-HalfCheetah-v3.zip --env half-cheetah --out checkpoints/sb3-sac-half-cheetah
  hyperl-analyze import TD3_Hopper-v3_0 --env hopper --gamma 0.99 --steps 400000 --out checkpoints/td3-hopper
  hyperl-analyze import agent.zip --env-command 'python my_env.py' --out checkpoints/mine")]
    Import(import::ImportArgs),
    /// Make the rollouts that judge any number of critics of one policy, as a Parquet file.
    #[command(after_help = "Example:
  hyperl-analyze bank --ckpt checkpoints/td3-hopper-sa-hyper-s0/step-000010000 --out bank.parquet
  hyperl-analyze cosine --ckpt checkpoints/td3-hopper-sa-hyper-s0/step-000010000 --bank bank.parquet")]
    Bank(bank::BankArgs),
    /// Compare the improvement that a critic promises with what the simulator delivers, two rollouts a state.
    #[command(after_help = "Examples:
  hyperl-analyze promise --ckpt checkpoints/td3-hopper-sa-hyper-s0
  hyperl-analyze promise --ckpt checkpoints/td3-half-cheetah-sa-hyper-s0/step-000100000 --horizon 60 --json")]
    Promise(promise::PromiseArgs),
    /// Ask whether better values are better gradients, in a world whose values and gradients are known.
    #[command(after_help = "Examples:
  hyperl-analyze value-error
  hyperl-analyze value-error --critic mlp-standard sa-hyper --data 5000 --updates 500 --seeds 0..2")]
    ValueError(value_error::ValueErrorArgs),
    /// Say all that can be said of the critics of several agents, in one table: value bias, κ, gain, inside, promise.
    #[command(after_help = "Examples:
  hyperl-analyze audit --ckpt sac-HalfCheetah-v3.zip --env half-cheetah
  hyperl-analyze audit --ckpt 'agents/*' --half-width 0.15 --out reports/agents")]
    Audit(audit::AuditArgs),
    /// Show why a gradient can or cannot be resolved: scale, smoothing, falls, chaos.
    #[command(
        after_help = "Example:\n  hyperl-analyze diagnose --ckpt checkpoints/td3-half-cheetah-sa-hyper-s0/step-000010000"
    )]
    Diagnose(DiagnoseArgs),
    /// Freeze a bank of rollouts with the critic of its checkpoint, for `gate` to compare later critics with.
    #[command(
        after_help = "Example:\n  hyperl-analyze baseline --ckpt checkpoints/td3-hopper-sa-hyper-s0/step-000010000 --out baseline.parquet"
    )]
    Baseline(gate::BaselineArgs),
    /// Tell whether a critic's gradient got worse: exit code 0 no, 1 yes, 2 cannot say, 3 error.
    #[command(after_help = "Examples:
  hyperl-analyze gate --ckpt new/step-000010000 --baseline baseline.parquet
  hyperl-analyze gate --ckpt hopper/step-000010000 ant/step-000010000 --baseline hopper.parquet ant.parquet \\
    --junit gate.xml --allow-inconclusive")]
    Gate(gate::GateArgs),
    /// Compare critics of one actor by the same rollouts: whose gradient is more uphill, whose promises are more
    /// real, and what each is worth in the space of the actor's weights.
    #[command(after_help = "Examples:
  hyperl-analyze compare-critics --ckpt checkpoints/td3-hopper-sa-hyper-s0/step-000010000 \\
    --against checkpoints/td3-hopper-mlp-standard-s0/step-000010000 checkpoints/td3-hopper-resnet35-s0/step-000010000
  hyperl-analyze compare-critics --ckpt checkpoints/td3-hopper-sa-hyper-s0 --against checkpoints/td3-hopper-mlp-small-s0 \\
    --bank bank.parquet --json")]
    CompareCritics(compare_critics::CompareArgs),
    #[command(hide = true)]
    Progress(Former),
    /// Compare the critic's action gradient with a fit to its own values (Fig. 8), without rollouts.
    #[command(
        after_help = "Example:\n  hyperl-analyze self-check --ckpt checkpoints/td3-hopper-sa-hyper-s0"
    )]
    SelfCheck(CosineArgs),
    /// Ask the estimator for answers that are known, on this machine: exit code 0 all came out, 1 not.
    #[command(after_help = "Examples:
  hyperl-analyze self-test --quick
  hyperl-analyze self-test --seed 1 --json
  hyperl-analyze self-test --table reports/self-test.md")]
    SelfTest(self_test::SelfTestArgs),
    /// Show the share of states whose gradient is right enough to learn from (Fig. 3a–c).
    #[command(
        after_help = "Example:\n  hyperl-analyze learnable --ckpt checkpoints/td3-hopper-sa-hyper-s0"
    )]
    Learnable(CosineArgs),
    /// Draw returns during training, with scores over seeds (Figs. 4 and 15 to 19, Tables 4, 6, 8 and 10).
    #[command(after_help = "Examples:
  hyperl-analyze returns --ckpt checkpoints/td3-hopper-sa-hyper-s0
  hyperl-analyze returns --ckpt 'checkpoints/maml-half-cheetah-vel-*' --split train")]
    Returns(returns::ReturnsArgs),
    /// Show how far the weights that a hypernetwork makes are from MLP-Small's (Table 2, Figs. 10, 11).
    #[command(after_help = "Examples:
  hyperl-analyze weights --init
  hyperl-analyze weights --init --env hopper ant --binning joint --scaling standardised --json
  hyperl-analyze weights --ckpt checkpoints/td3-hopper-sa-hyper-s0/step-000100000 \\
    --against checkpoints/td3-hopper-mlp-small-s0/step-000100000
  hyperl-analyze weights --ckpt checkpoints/td3-hopper-sa-hyper-s0 --against-init")]
    Weights(weights::WeightsArgs),
    #[command(hide = true)]
    MetaReturns(Former),
    /// Show how much independent updates of MAML from one checkpoint differ (Fig. 5, Table 1).
    #[command(after_help = "Examples:
  hyperl-analyze maml-noise --ckpt checkpoints/maml-half-cheetah-vel-hyper-s0/step-000000050
  hyperl-analyze maml-noise --ckpt 'checkpoints/maml-half-cheetah-vel-*-s0/step-000000050' --inner-lr 5e-5 --json")]
    MamlNoise(maml_noise::MamlNoiseArgs),
    /// Show what an adaptation step of MAML does, at equal steps for all models.
    #[command(after_help = "Example:
  hyperl-analyze maml-adaptation --ckpt 'checkpoints/maml-half-cheetah-vel-*-s0/step-000000050' --rates 5e-5,0.1")]
    MamlAdaptation(maml_adaptation::AdaptationArgs),
    /// Make figures of the paper from their specs, each with the claim and our verdict.
    #[command(
        after_help = "Example:\n  hyperl-analyze report analyses/fig03-*.toml --checkpoints checkpoints --partial"
    )]
    Report(report::ReportArgs),
    /// Judge the paper's claims by the numbers that it prints itself, with intervals.
    #[command(after_help = "Examples:\n  hyperl-analyze claims\n  hyperl-analyze claims --json")]
    Claims(claims::ClaimsArgs),
    /// Print what a checkpoint holds: shapes, hashes, versions, NaN counts.
    #[command(
        after_help = "Example:\n  hyperl-analyze inspect checkpoints/td3-hopper-sa-hyper-s0/step-000010000"
    )]
    Inspect(inspect::InspectArgs),
    /// List every critic with its number of parameters.
    #[command(after_help = "Example:\n  hyperl-analyze models --env hopper")]
    Models(ModelsArgs),
    /// Print the hyper-parameters of the paper (Tables 5, 7, 9 and 11) beside the defaults of hyperl-train.
    #[command(after_help = "Example:\n  hyperl-analyze hyper-parameters --algo sac")]
    HyperParameters(hyper_parameters::HyperParameterArgs),
    /// What is now a benchmark.
    #[command(hide = true)]
    Runtime {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    #[command(flatten)]
    Shell(ShellCommand),
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

/// What was typed after the name that a command had before.
#[derive(Debug, Args)]
struct Former {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _words: Vec<std::ffi::OsString>,
}

/// Says what a command is called now.
fn renamed(former: &str, now: &str) -> Error {
    Error::Usage(format!(
        "{former} is called {now} now; give the same flags to hyperl-analyze {now}"
    ))
}

/// Runs the program, and ends it.
pub fn main() -> ! {
    program::main(dispatch)
}

/// Runs a command.
pub(super) fn dispatch(cli: Cli) -> Result<Done> {
    match cli.command {
        Command::Cosine(args) => cosine::run(&args, CosineCommand::Cosine),
        Command::Import(args) => import::run(&args),
        Command::Bank(args) => bank::run(&args),
        Command::Promise(args) => promise::run(&args),
        Command::ValueError(args) => value_error::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Diagnose(args) => diagnose::run(&args),
        Command::Baseline(args) => gate::baseline(&args),
        Command::Gate(args) => gate::gate(&args),
        Command::CompareCritics(args) => compare_critics::run(&args),
        Command::Progress(_) => Err(renamed("progress", "compare-critics")),
        Command::SelfCheck(args) => cosine::run(&args, CosineCommand::SelfCheck),
        Command::SelfTest(args) => self_test::run(&args),
        Command::Learnable(args) => cosine::run(&args, CosineCommand::Learnable),
        Command::Returns(args) => returns::run(&args),
        Command::Weights(args) => weights::run(&args),
        Command::MetaReturns(_) => Err(renamed("meta-returns", "returns")),
        Command::MamlNoise(args) => maml_noise::run(&args),
        Command::MamlAdaptation(args) => maml_adaptation::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Claims(args) => claims::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Models(args) => models(&args),
        Command::HyperParameters(args) => hyper_parameters::run(&args),
        Command::Runtime { arguments } => Err(Error::Usage(format!(
            "'runtime' is a benchmark now: run 'cargo bench --bench timing -- {}' in the source tree",
            if arguments.is_empty() { "--help".into() } else { arguments.join(" ") }
        ))),
        Command::Shell(command) => command.run::<Cli>(),
    }
}

/// One line of `models`.
#[derive(Debug, Serialize)]
struct ModelLine {
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
            rows.push(ModelLine { model: kind.name(), env: env.name(), parameters });
        }
    }
    if args.json {
        terminal::print_json(&rows)?;
    } else {
        terminal::say!("{:15} {:27} {:>12}", "model", "environment", "parameters");
        for ModelLine { model, env, parameters } in rows {
            terminal::say!("{model:15} {env:27} {parameters:>12}");
        }
    }
    Ok(Done::Finished)
}
