//! How long the work takes on this machine.
//!
//! ```text
//! cargo bench --bench timing -- --quick
//! cargo bench --bench timing -- --what train-step --env half-cheetah --threads 2 --json
//! cargo bench --bench timing -- --what train-parts     # Table 3, as are maml-iteration and pearl-step
//! ```
//!
//! These numbers depend on the machine and its load; they are reported, never tested. The physics
//! of a step costs more or less with what the robot does, so simulators are driven by uniformly
//! random actions throughout, as those of `MuJoCo`'s own rollout are in the comparison
//! (`benches/peers`); where a policy belongs to the work, its network runs and its choice is
//! replaced.

#![allow(clippy::print_stdout, reason = "results on standard output are what it is for")]
#![allow(clippy::print_stderr, reason = "progress goes to standard error")]

mod breakdown;
mod evaluation;
mod meta;
mod sample;
mod single;
mod tables;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use hyperl::algo::Algo;
use hyperl::algo::config::TrainConfig;
use hyperl::env::{EnvId, Family};
use hyperl::nn::bf16::Precision;
use hyperl::nn::critic::CriticKind;
use hyperl::nn::{memory, workers};
use hyperl::report::to_json;
use hyperl::{Error, Result};
use rayon::ThreadPool;

use sample::{Effort, Timing};

/// Iterations of MAML and samples of PEARL's updates.
const FEW_SAMPLES: usize = 3;

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Work {
    /// One update of the agent.
    TrainStep,
    /// The whole loop of training, environment included.
    TrainLoop,
    /// Where the time of a training step goes, and 5000 of them (Table 3); only where asked for.
    TrainParts,
    /// An iteration of MAML, sampling and update apart (Table 3); only where asked for.
    MamlIteration,
    /// An update of PEARL (Table 3); only where asked for.
    PearlStep,
    /// Physics, observation and reward.
    EnvSteps,
    /// The same with a policy.
    RolloutSteps,
    /// One evaluation, in the paper's mode and in lab mode, and what a step costs in one over the other.
    Evaluation,
    /// Jackknife and bootstrap of 1000 states.
    Intervals,
    /// The matrix product of libtorch, on one thread.
    MatrixProduct,
}

impl Work {
    /// Whether it makes a table of its own.
    fn has_own_table(self) -> bool {
        matches!(self, Self::TrainParts) || self.is_meta()
    }

    /// Whether it is of an algorithm that learns to adapt to tasks.
    fn is_meta(self) -> bool {
        matches!(self, Self::MamlIteration | Self::PearlStep)
    }
}

/// Times training steps, environment steps, rollouts and more on this machine.
#[derive(Debug, Parser)]
#[command(name = "timing")]
struct Args {
    /// Only this work; may be repeated [default: all]
    #[arg(long)]
    what: Vec<Work>,
    /// Only this environment [default: all for steps, half-cheetah for training, half-cheetah and
    /// hopper for evaluations]
    #[arg(long)]
    env: Option<EnvId>,
    /// Only the training of this critic [default: all for steps, mlp-standard for the loop]
    #[arg(long)]
    critic: Option<CriticKind>,
    /// Only the training of this algorithm [td3, sac; default: both for steps, td3 for the loop]
    #[arg(long)]
    algo: Option<Algo>,
    /// In what the critics' products compute, of train-step
    #[arg(long, default_value_t = Precision::Fp32)]
    precision: Precision,
    /// Only this model of MAML or PEARL: vanilla, context, hyper, hyper-multi-task; pearl, hyper-pearl
    #[arg(long)]
    model: Option<String>,
    /// Family of tasks of MAML and PEARL
    #[arg(long, default_value_t = Family::HalfCheetahVel)]
    family: Family,
    /// Worker threads [default: the processors]
    #[arg(long)]
    threads: Option<usize>,
    /// Rough figures in seconds
    #[arg(long)]
    quick: bool,
    /// Samples of two seconds each, or iterations of MAML [default: 7, of MAML and PEARL 3]
    #[arg(long, conflicts_with = "quick")]
    samples: Option<usize>,
    /// Print JSON to standard output
    #[arg(long)]
    json: bool,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

impl Args {
    /// The algorithms and critics that were asked for.
    fn trainings(&self) -> impl Iterator<Item = (Algo, CriticKind)> {
        let algos =
            Algo::OFF_POLICY.into_iter().filter(|a| self.algo.is_none_or(|wanted| wanted == *a));
        algos.flat_map(|algo| {
            let critics = CriticKind::ALL.into_iter();
            let critics = critics.filter(|c| self.critic.is_none_or(|wanted| wanted == *c));
            critics.map(move |critic| (algo, critic))
        })
    }

    /// Whether this work is to be timed.
    fn asks(&self, work: Work) -> bool {
        let training = matches!(work, Work::TrainStep | Work::TrainLoop);
        let all = self.what.is_empty() && !work.has_own_table();
        let only_training = self.critic.is_some() || self.algo.is_some();
        self.what.contains(&work) || all && (training || !only_training)
    }

    fn effort(&self) -> Effort {
        let full = Effort { samples: self.samples.unwrap_or(Effort::FULL.samples), ..Effort::FULL };
        if self.quick { Effort::QUICK } else { full }
    }

    /// Refuses what cannot be timed together.
    fn check(&self) -> Result<()> {
        let refuse = |why: &str| Err(Error::Usage(why.into()));
        if self.model.is_some() && !self.what.iter().any(|work| work.is_meta()) {
            return refuse(
                "--model goes with --what maml-iteration or --what pearl-step; critics have --critic",
            );
        }
        if self.samples == Some(0) {
            return refuse("--samples must be at least 1");
        }
        if self.what.len() > 1 && self.what.iter().any(|work| work.has_own_table()) {
            return refuse(
                "train-parts, maml-iteration and pearl-step each make a table of their own; ask for it alone",
            );
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}

fn run(args: &Args) -> Result<()> {
    args.check()?;
    // As both programs do.
    memory::keep_freed();
    tch::set_num_threads(1);
    let processors =
        || std::thread::available_parallelism().map_or(1, |n| n.get().min(workers::MOST));
    let workers = workers::start(args.threads.unwrap_or_else(processors))?;
    match args.what.first() {
        Some(Work::TrainParts) => tables::training(args, &workers),
        Some(Work::MamlIteration) => tables::maml(args, &workers),
        Some(Work::PearlStep) => tables::pearl(args, &workers),
        _ => figures(args, &workers),
    }
}

/// Times one figure after the other.
fn figures(args: &Args, workers: &Arc<ThreadPool>) -> Result<()> {
    let effort = args.effort();
    let mut timings: Vec<Timing> = Vec::new();
    let mut add = |timing: Timing| {
        say(&timing);
        timings.push(timing);
    };
    let training_env = args.env.unwrap_or(EnvId::HalfCheetah);
    if args.asks(Work::TrainStep) {
        for (algo, critic) in args.trainings() {
            let config = TrainConfig {
                critic,
                precision: args.precision,
                ..TrainConfig::of(algo, training_env)
            };
            add(single::train_step(config, workers, effort)?);
        }
    }
    if args.asks(Work::TrainLoop) {
        let critic = args.critic.unwrap_or(CriticKind::MlpStandard);
        let algo = args.algo.unwrap_or(Algo::Td3);
        add(single::train_loop(algo, critic, training_env, workers, effort)?);
    }
    for env in EnvId::ALL.into_iter().filter(|e| args.env.is_none_or(|wanted| wanted == *e)) {
        if args.asks(Work::EnvSteps) {
            add(single::env_steps(env, workers, effort)?);
        }
        if args.asks(Work::RolloutSteps) {
            add(single::rollout_steps(env, workers, effort)?);
        }
        let usual = matches!(env, EnvId::HalfCheetah | EnvId::Hopper);
        if args.asks(Work::Evaluation) && (usual || args.env.is_some()) {
            evaluation::evaluations(env, workers, effort)?.into_iter().for_each(&mut add);
        }
    }
    if args.asks(Work::Intervals) {
        add(single::intervals(workers, effort)?);
    }
    if args.asks(Work::MatrixProduct) {
        add(single::matrix_product(workers, effort)?);
    }
    if args.json {
        println!("{}", to_json(&timings)?);
    }
    Ok(())
}

fn say(timing: &Timing) {
    let Timing { what, median, min, max, unit, .. } = timing;
    let [env, algo, model, mode] =
        [timing.env, timing.algo, timing.model, timing.mode].map(Option::unwrap_or_default);
    eprintln!(
        "{what:16} {env:13} {algo:4} {model:15} {mode:6} {median:10.2} {unit:4} [{min:.2} … {max:.2}]"
    );
}
