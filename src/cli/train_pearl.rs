//! `hyperl-train pearl`.

use std::path::Path;

use clap::Args;

use super::meta_args::{MetaArgs, lengthen};
use super::settings::text;
use super::shared::{self, Done, already_finished, stopped_at_start};
use crate::algo::RunConfig;
use crate::algo::pearl::config::PearlConfig;
use crate::algo::pearl::{Event, Iteration, Pearl};
use crate::algo::registry::Config;
use crate::algo::trainer::Trainer;
use crate::checkpoint::pearl_run::{Row, Tables};
use crate::checkpoint::{resume_point, save};
use crate::env::Family;
use crate::error::Result;
use crate::nn::pearl::PearlModel;

#[derive(Debug, Args)]
pub(super) struct PearlArgs {
    /// Family of tasks [half-cheetah-fwd-back, half-cheetah-vel, half-cheetah-vel-medium, ant-fwd-back,
    /// ant-dir-rad1, ant-vel; default: half-cheetah-vel]
    #[arg(long)]
    env: Option<Family>,
    /// Networks of policy and critics [mlp, hyper; default: hyper]
    #[arg(long)]
    model: Option<PearlModel>,
    #[command(flatten)]
    run: MetaArgs,
}

/// Runs the command.
pub(super) fn train(args: &PearlArgs) -> Result<Done> {
    let flags = [("env", args.env.map(text)), ("model", args.model.map(text))];
    let config = args.run.resolve::<PearlConfig>(&flags)?.resolved()?;
    args.run.each_seed(&config, config.seed, |seed| {
        train_one(&args.run, PearlConfig { seed, ..config.clone() })
    })
}

fn train_one(args: &MetaArgs, mut config: PearlConfig) -> Result<Done> {
    if let Some(recorded) = args.recorded_length(&config.run_name())? {
        config.iterations = recorded;
    }
    let mut training = Pearl::new(config, args.workers()?)?;
    let config = training.config().clone();
    let run = args.open(&Config::Pearl(config.clone()))?;
    let folder = &run.path;
    let resumed = run.exists && resume_point::load(folder, &mut training)?;
    let start = training.iteration();
    lengthen(folder, &config, start, config.iterations)?;
    if start == config.iterations {
        return Ok(already_finished(folder, start, "iterations"));
    }
    if shared::stop_asked() {
        return Ok(stopped_at_start(resumed.then(|| place(&training))));
    }
    if !resumed {
        resume_point::begin(folder)?;
    }
    let mut tables = if resumed { Tables::read(folder)? } else { Tables::default() };
    tables.truncate(start);
    tables.forget_evaluations(|iteration| !config.evaluates_at(iteration));
    if resumed {
        shared::note!("resuming {} at {}", folder.display(), place(&training));
    }
    if let Some(warning) = config.no_posterior() {
        shared::note!("warning: {warning}");
    }
    drive(&mut training, folder, &mut tables)
}

/// Says where a run stands.
fn place(training: &Pearl) -> String {
    let iteration = training.iteration();
    match training.within() {
        None => format!("iteration {iteration}"),
        Some(updates) => format!("update {updates} of iteration {}", iteration + 1),
    }
}

/// Follows the events of a run: saves, and shows how it goes.
fn drive(training: &mut Pearl, folder: &Path, tables: &mut Tables) -> Result<Done> {
    let (iterations, updates) =
        (training.config().iterations, training.config().schedule().train_steps);
    let bar = shared::progress_bar(iterations * updates, "updates");
    bar.set_prefix(training.config().run_name());
    bar.set_position(training.updates());
    bar.reset_eta();
    bar.set_message(if training.updates() == 0 { "(collecting)" } else { "" });
    while let Some(event) = training.next() {
        match event? {
            Event::Collected { iteration, steps } => {
                let seconds = training.seconds[0];
                bar.suspend(|| {
                    shared::note!("iteration {iteration}: {steps} steps collected, {seconds:.1} s");
                });
                bar.reset_eta(); // collection is no update
            }
            Event::Updated { losses, .. } => {
                bar.set_position(training.updates());
                let [q1, q2] = losses.critics;
                bar.set_message(format!("(Q loss {:.3})", f64::midpoint(q1, q2)));
            }
            Event::Finished(done) => {
                tables.push(&done);
                bar.suspend(|| {
                    shared::note!("{}", tables.rows.last().map_or_else(String::new, line));
                });
                save_all(training, folder, (tables, &done))?;
                bar.set_message("(collecting)");
            }
        }
        if shared::stop_asked() && training.iteration() < iterations {
            resume_point::save(folder, training)?;
            bar.abandon();
            shared::note!("saved at {}; add --resume to continue", place(training));
            return Ok(Done::Stopped);
        }
    }
    bar.finish_and_clear();
    shared::note!("{}: {iterations} iterations done", folder.display());
    Ok(Done::Finished)
}

/// Saves what an iteration brought. The point comes last: what it continues from is there.
fn save_all(training: &Pearl, folder: &Path, (tables, done): (&Tables, &Iteration)) -> Result<()> {
    tables.write(folder)?;
    if done.checkpoint_due {
        save::checkpoint(folder, training)?;
    }
    resume_point::save(folder, training)
}

/// Says in one line what an iteration brought.
fn line(row: &Row) -> String {
    let Row { iteration, scores: [train, test], losses, seconds, .. } = row;
    let [divergence, q1, q2, value, policy] = losses;
    let [collection, updates, evaluation] = seconds;
    let scores = if test.is_nan() {
        String::new()
    } else {
        format!("return {train:.1} on training tasks, {test:.1} on test tasks; ")
    };
    format!(
        "iteration {iteration}: {scores}losses Q {:.3}, V {value:.3}, policy {policy:.3}, KL {divergence:.3}; \
         {collection:.1} s + {updates:.1} s + {evaluation:.1} s",
        f64::midpoint(*q1, *q2)
    )
}
