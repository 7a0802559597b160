//! `hyperl-analyze runtime`: times the work on this machine.

use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::runtime_meta::{self, How};
use super::shared::{self, Done};
use crate::algo::Algo;
use crate::analysis::measure::runtime::{
    Effort, Timing, TrainParts, env_steps, evaluations, intervals, matrix_product, printed,
    rollout_steps, train_loop, train_parts, train_step,
};
use crate::env::{EnvId, Family};
use crate::error::{Error, Result};
use crate::nn::critic::CriticKind;
use crate::report::theme::model_label;
use crate::report::{Cell, Column, Table};

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
    /// Says whether it is of an algorithm that learns to adapt to tasks.
    fn is_meta(self) -> bool {
        matches!(self, Self::MamlIteration | Self::PearlStep)
    }
}

#[derive(Debug, Args)]
pub(super) struct RuntimeArgs {
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
}

fn say(timing: &Timing) {
    let Timing { what, median, min, max, unit, .. } = timing;
    let [env, algo, model, mode] =
        [timing.env, timing.algo, timing.model, timing.mode].map(Option::unwrap_or_default);
    shared::note!(
        "{what:16} {env:13} {algo:4} {model:15} {mode:6} {median:10.2} {unit:4} [{min:.2} … {max:.2}]"
    );
}

/// The algorithms and critics that were asked for.
fn training(args: &RuntimeArgs) -> impl Iterator<Item = (Algo, CriticKind)> {
    let algos =
        Algo::OFF_POLICY.into_iter().filter(|a| args.algo.is_none_or(|wanted| wanted == *a));
    algos.flat_map(|algo| {
        let critics = CriticKind::ALL.into_iter();
        critics.filter(|c| args.critic.is_none_or(|wanted| wanted == *c)).map(move |c| (algo, c))
    })
}

/// Table 3 on this machine, as Markdown or JSON.
fn table_3(args: &RuntimeArgs, workers: &Arc<rayon::ThreadPool>, effort: Effort) -> Result<Done> {
    let env = args.env.unwrap_or(EnvId::HalfCheetah);
    let mut found: Vec<TrainParts> = Vec::new();
    for work in training(args) {
        shared::note!("{} {}", work.0, work.1);
        found.push(train_parts(work, env, workers, effort)?);
    }
    if args.json {
        shared::print_json(&found)?;
        return Ok(Done::Finished);
    }
    let names = ["algorithm", "critic", "5000 steps", "× MLP-Standard", "paper"];
    let parts = found.first().into_iter().flat_map(|f| f.parts.iter().map(|part| part.name));
    let unit = |name: &str| if name == "5000 steps" { "s" } else { "" };
    let columns = names.into_iter().chain(parts).map(|name| Column::new(name, unit(name)));
    let mut table = Table::new(columns);
    for f in &found {
        let base = CriticKind::MlpStandard.name();
        let base = found.iter().find(|other| other.algo == f.algo && other.model == base);
        let [mlp, hyper] = printed(f.algo);
        let mut row = vec![
            Cell::text(f.algo.name()),
            Cell::text(&*model_label(f.model)),
            Cell::number(f.seconds_of_5000),
            base.map_or(Cell::Missing, |b| Cell::number(f.seconds_of_5000 / b.seconds_of_5000)),
            if f.model == CriticKind::SaHyper.name() {
                Cell::number(hyper / mlp)
            } else {
                Cell::Missing
            },
        ];
        row.extend(f.parts.iter().map(|part| Cell::text(format!("{:.0} %", 100.0 * part.share))));
        table.rows.push(row);
    }
    shared::say!("{}", table.to_markdown()?);
    Ok(Done::Finished)
}

/// Runs what makes a table of its own; `None` if that is not asked for.
fn own_table(
    args: &RuntimeArgs,
    workers: &Arc<rayon::ThreadPool>,
    effort: Effort,
) -> Option<Result<Done>> {
    let own = [Work::TrainParts, Work::MamlIteration, Work::PearlStep];
    let work = own.into_iter().find(|work| args.what.contains(work))?;
    if args.what.len() > 1 {
        return Some(Err(Error::Usage(
            "train-parts, maml-iteration and pearl-step each make a table of their own; ask for it \
             alone"
                .into(),
        )));
    }
    let samples = if args.quick { 1 } else { args.samples.unwrap_or(FEW_SAMPLES) };
    let how = How { family: args.family, model: args.model.as_deref(), samples, json: args.json };
    Some(match work {
        Work::MamlIteration => runtime_meta::maml(how, workers),
        Work::PearlStep => runtime_meta::pearl(how, workers),
        _ => table_3(args, workers, effort),
    })
}

pub(super) fn run(args: &RuntimeArgs) -> Result<Done> {
    if args.model.is_some() && !args.what.iter().any(|work| work.is_meta()) {
        return Err(Error::Usage(
            "--model goes with --what maml-iteration or --what pearl-step; critics have --critic"
                .into(),
        ));
    }
    let samples = args.samples.unwrap_or(Effort::FULL.samples);
    if samples == 0 {
        return Err(Error::Usage("--samples must be at least 1".into()));
    }
    let full = Effort { samples, ..Effort::FULL };
    let effort = if args.quick { Effort::QUICK } else { full };
    let workers = shared::workers(args.threads.unwrap_or_else(shared::processors))?;
    let mut timings: Vec<Timing> = Vec::new();
    let mut add = |timing: Timing| {
        say(&timing);
        timings.push(timing);
    };
    if let Some(done) = own_table(args, &workers, effort) {
        return done;
    }
    let asked = |work| {
        let training = matches!(work, Work::TrainStep | Work::TrainLoop);
        args.what.contains(&work)
            || args.what.is_empty() && ((args.critic.is_none() && args.algo.is_none()) || training)
    };
    let training_env = args.env.unwrap_or(EnvId::HalfCheetah);
    if asked(Work::TrainStep) {
        for work in training(args) {
            add(train_step(work, training_env, &workers, effort)?);
        }
    }
    if asked(Work::TrainLoop) {
        let critic = args.critic.unwrap_or(CriticKind::MlpStandard);
        let algo = args.algo.unwrap_or(Algo::Td3);
        add(train_loop((algo, critic), training_env, &workers, effort)?);
    }
    for env in EnvId::ALL.into_iter().filter(|e| args.env.is_none_or(|wanted| wanted == *e)) {
        if asked(Work::EnvSteps) {
            add(env_steps(env, &workers, effort)?);
        }
        if asked(Work::RolloutSteps) {
            add(rollout_steps(env, &workers, effort)?);
        }
        let usual = matches!(env, EnvId::HalfCheetah | EnvId::Hopper);
        if asked(Work::Evaluation) && (usual || args.env.is_some()) {
            evaluations(env, &workers, effort)?.into_iter().for_each(&mut add);
        }
    }
    if asked(Work::Intervals) {
        add(intervals(&workers, effort)?);
    }
    if asked(Work::MatrixProduct) {
        add(matrix_product(&workers, effort)?);
    }
    if args.json {
        shared::print_json(&timings)?;
    }
    Ok(Done::Finished)
}
