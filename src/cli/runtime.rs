//! `hyperl-analyze runtime`: times the work on this machine.

use clap::Args;

use super::shared::{self, Done};
use crate::analysis::measure::runtime::{Effort, Timing, env_steps, rollout_steps, train_step};
use crate::env::EnvId;
use crate::error::Result;
use crate::nn::critic::CriticKind;

#[derive(Debug, Args)]
pub(super) struct RuntimeArgs {
    /// Only this environment [default: all for steps, half-cheetah for training]
    #[arg(long)]
    env: Option<EnvId>,
    /// Only the training step of this critic
    #[arg(long)]
    critic: Option<CriticKind>,
    /// Worker threads [default: the processors]
    #[arg(long)]
    threads: Option<usize>,
    /// Rough figures in seconds
    #[arg(long)]
    quick: bool,
    /// Print JSON to standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &RuntimeArgs) -> Result<Done> {
    let effort = if args.quick { Effort::Quick } else { Effort::Full };
    let workers = shared::workers(args.threads.unwrap_or_else(shared::processors))?;
    let mut timings: Vec<Timing> = Vec::new();
    let mut add = |timing: Timing| {
        let Timing { what, env, median, min, max, unit, .. } = &timing;
        let model = timing.model.unwrap_or("");
        eprintln!("{what:14} {env:13} {model:13} {median:10.2} {unit:4} [{min:.2} … {max:.2}]");
        timings.push(timing);
    };
    let critics = CriticKind::ALL.into_iter().filter(|k| args.critic.is_none_or(|c| c == *k));
    for critic in critics {
        add(train_step(critic, args.env.unwrap_or(EnvId::HalfCheetah), &workers, effort)?);
    }
    if args.critic.is_none() {
        for env in EnvId::ALL.into_iter().filter(|e| args.env.is_none_or(|wanted| wanted == *e)) {
            add(env_steps(env, &workers, effort)?);
            add(rollout_steps(env, &workers, effort)?);
        }
    }
    if args.json {
        shared::print_json(&timings)?;
    }
    Ok(Done::Finished)
}
