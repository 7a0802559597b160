//! `hyperl-train`: trains checkpoints.

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, FromArgMatches, Parser, Subcommand, ValueEnum};
use tch::Device;

use super::critic::CriticArgs;
use super::program::{self, Done, ShellCommand};
use super::settings::{Flag, number, one_of, text, whole};
use super::sweep::{self, SweepCommand};
use super::training::{RunArgs, StartFrom, train};
use crate::algo::Algo;
use crate::env::{EnvId, Family};
use crate::error::{Error, Result};
use crate::nn::bf16::Precision;
use crate::nn::critic::CriticKind;
use crate::nn::meta_policy::PolicyKind;
use crate::nn::pearl::PearlModel;

/// Trains actor-critic agents and leaves checkpoints that hyperl-analyze measures.
#[derive(Debug, Parser)]
#[command(name = "hyperl-train", version, arg_required_else_help = true, after_help = program::EXIT_CODES)]
pub(super) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    OffPolicy(OffPolicy),
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
    /// Train critics of an actor that stays as it is (policy evaluation): the same data for each.
    #[command(after_help = "Examples:
  hyperl-train critic --actor initial --env hopper --critic mlp-standard sa-hyper --out critics
  hyperl-train critic --actor td3-hopper-mlp-standard-s0/step-000100000 --critic sa-hyper
  hyperl-train critic --actor agent.zip --env half-cheetah --critic mlp-small --seeds 0..11
  hyperl-train critic --actor CKPT --critic sa-hyper mlp-standard --lr 1e-4 --out rate-1e-4
  hyperl-analyze cosine --ckpt 'critics/*'

A run is the folder OUT/critic-ALGO-ENV-CRITIC-sSEED; its steps are updates, with a checkpoint
each tenth of them. It collects --data transitions with the actor, exploring as its algorithm
does, then makes --updates updates of both critics by their algorithm's loss. All critics of one
seed learn from the same transitions in the same minibatches. Ctrl-C saves and stops; --resume
continues bit for bit.")]
    Critic(CriticArgs),
    /// Plan many runs at once and train them: here, or by Slurm.
    #[command(
        subcommand,
        after_help = "Examples:
  hyperl-train sweep plan analyses/fig03-corrected.toml --out sweep
  hyperl-train sweep local sweep --jobs 2
  hyperl-train sweep submit sweep --partition gpu --time 8:00:00 --mem 4G
  hyperl-train sweep status sweep
  hyperl-train sweep gather sweep

FILE is a spec of analyses/, or a file with `select` (algo, envs, models, seeds, length, variants)
and, if each run is to be analysed, `analyse = [\"cosine --states 100\"]`. Runs lie in
SWEEP/runs. A task that is stopped, preempted or killed goes on bit for bit; what is finished
is never run again."
    )]
    Sweep(SweepCommand),
    #[command(flatten)]
    Shell(ShellCommand),
}

/// A run of an off-policy algorithm; each is a command, in the order of their names.
#[derive(Debug)]
struct OffPolicy {
    algo: Algo,
    args: OffPolicyArgs,
}

impl Subcommand for OffPolicy {
    fn augment_subcommands(all: clap::Command) -> clap::Command {
        Algo::OFF_POLICY.into_iter().fold(all, |all, algo| all.subcommand(command_of(algo)))
    }

    fn augment_subcommands_for_update(all: clap::Command) -> clap::Command {
        Self::augment_subcommands(all)
    }

    fn has_subcommand(name: &str) -> bool {
        Algo::OFF_POLICY.into_iter().any(|algo| algo.name() == name)
    }
}

impl FromArgMatches for OffPolicy {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let (name, own) = matches.subcommand().unwrap_or(("", matches));
        let of_name = Algo::OFF_POLICY.into_iter().find(|algo| algo.name() == name);
        let algo = of_name.ok_or_else(|| clap::Error::new(ErrorKind::InvalidSubcommand))?;
        Ok(Self { algo, args: OffPolicyArgs::from_arg_matches(own)? })
    }

    fn update_from_arg_matches(
        &mut self,
        matches: &ArgMatches,
    ) -> std::result::Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Returns the command of an algorithm, with examples.
fn command_of(algo: Algo) -> clap::Command {
    let own = match algo {
        Algo::Sac => {
            "\n  hyperl-train sac --env hopper --critic sa-hyper --set sac.alpha=1 --set sac.reward_scale=5 --dry-run
  hyperl-train sac --env hopper --critic mlp-standard --set sac.evaluate=raw-mean"
        }
        _ => "",
    };
    let examples = format!(
        "Examples:
  hyperl-train {algo} --env hopper --critic sa-hyper --seed 0 --steps 100000
  hyperl-train {algo} --env half-cheetah --critic mlp-standard --seeds 0..4 --out checkpoints
  hyperl-train {algo} --env hopper --critic sa-hyper --set {algo}.critic_lr=3e-4 --dry-run
  hyperl-train {algo} --env hopper --critic sa-hyper --steps 200000 --resume{own}

A run is the folder OUT/{algo}-ENV-CRITIC-sSEED. Ctrl-C saves and stops; --resume continues bit for bit."
    );
    let about = format!("Train with {}", algo.name().to_uppercase());
    let command = OffPolicyArgs::augment_args(clap::Command::new(algo.name()));
    command.about(about).after_help(examples)
}

#[derive(Debug, Args)]
struct OffPolicyArgs {
    #[arg(long, help = one_of("Environment", EnvId::ALL, "hopper"))]
    env: Option<EnvId>,
    #[arg(long, help = one_of("Critic", CriticKind::ALL, "sa-hyper"))]
    critic: Option<CriticKind>,
    /// Environment steps [default: 1000000]
    #[arg(long, value_parser = whole)]
    steps: Option<u64>,
    #[arg(long, help = one_of("In what the critics' matrix products compute while they learn", Precision::ALL, "fp32"))]
    precision: Option<Precision>,
    /// Where the networks live
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceName,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "flags of a command line")]
struct MamlArgs {
    #[arg(long, help = one_of("Family of tasks", Family::ALL, "half-cheetah-vel"))]
    env: Option<Family>,
    #[arg(long, help = one_of("Policy", PolicyKind::ALL, "hyper"))]
    policy: Option<PolicyKind>,
    /// Train on all tasks at once, without adaptation
    #[arg(long)]
    multi_task: bool,
    /// Take the derivative through the adaptation step
    #[arg(long)]
    second_order: bool,
    /// Step of an adaptation [default: 0.1, hyper: 5e-5]
    #[arg(long, allow_negative_numbers = true)]
    inner_lr: Option<f64>,
    /// Iterations [default: 400]
    #[arg(long, value_parser = whole)]
    iterations: Option<u64>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Args)]
struct PearlArgs {
    #[arg(long, help = one_of("Family of tasks", Family::ALL, "half-cheetah-vel"))]
    env: Option<Family>,
    #[arg(long, help = one_of("Networks of policy and critics", PearlModel::ALL, "hyper"))]
    model: Option<PearlModel>,
    /// Iterations [default: 400]
    #[arg(long, value_parser = whole)]
    iterations: Option<u64>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DeviceName {
    Cpu,
    Cuda,
}

/// Runs the program, and ends it.
pub fn main() -> ! {
    program::main(dispatch)
}

/// Runs a command.
pub(super) fn dispatch(cli: Cli) -> Result<Done> {
    match cli.command {
        Command::OffPolicy(OffPolicy { algo, args }) => args.train(algo),
        Command::Maml(args) => {
            train(Algo::Maml, StartFrom::Scratch, &args.run, &args.flags(), Device::Cpu)
        }
        Command::Pearl(args) => {
            train(Algo::Pearl, StartFrom::Scratch, &args.run, &args.flags(), Device::Cpu)
        }
        Command::Critic(args) => args.train(),
        Command::Sweep(command) => sweep::run(&command, &|words| {
            program::parse(words)?.map_or(Ok(Done::Finished), dispatch)
        }),
        Command::Shell(command) => command.run::<Cli>(),
    }
}

impl OffPolicyArgs {
    fn train(&self, algo: Algo) -> Result<Done> {
        let flags = [
            ("env", self.env.map(text)),
            ("critic", self.critic.map(text)),
            ("steps", self.steps.map(number)),
            ("precision", self.precision.map(text)),
        ];
        train(algo, StartFrom::Scratch, &self.run, &flags, self.device.found()?)
    }
}

impl MamlArgs {
    fn flags(&self) -> [Flag<'static>; 6] {
        let given = |flag: bool| flag.then_some(toml::Value::Boolean(true));
        [
            ("env", self.env.map(text)),
            ("policy", self.policy.map(text)),
            ("multi_task", given(self.multi_task)),
            ("second_order", given(self.second_order)),
            ("inner_lr", self.inner_lr.map(toml::Value::Float)),
            ("iterations", self.iterations.map(number)),
        ]
    }
}

impl PearlArgs {
    fn flags(&self) -> [Flag<'static>; 3] {
        [
            ("env", self.env.map(text)),
            ("model", self.model.map(text)),
            ("iterations", self.iterations.map(number)),
        ]
    }
}

impl DeviceName {
    fn found(self) -> Result<Device> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda if tch::Cuda::is_available() => Ok(Device::Cuda(0)),
            Self::Cuda => Err(Error::Usage(
                "--device cuda: this build's libtorch has no usable CUDA; run `make setup DEVICE=cuda` \
                 on a machine with an NVIDIA GPU, or use --device cpu"
                    .into(),
            )),
        }
    }
}
