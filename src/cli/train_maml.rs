//! `hyperl-train maml`.

use std::path::Path;
use std::time::Instant;

use clap::Args;

use super::meta_args::{MetaArgs, lengthen};
use super::settings::text;
use super::shared::{self, Done, already_finished, stopped_at_start};
use crate::algo::RunConfig;
use crate::algo::maml::config::MamlConfig;
use crate::algo::maml::{Iteration, Maml};
use crate::algo::registry::Config;
use crate::checkpoint::meta_run::{self, Row};
use crate::checkpoint::{resume_point, save};
use crate::env::Family;
use crate::error::Result;
use crate::nn::meta_policy::PolicyKind;

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(super) struct MamlArgs {
    /// Family of tasks [half-cheetah-fwd-back, half-cheetah-vel, half-cheetah-vel-medium, ant-fwd-back,
    /// ant-dir-rad1, ant-vel; default: half-cheetah-vel]
    #[arg(long)]
    env: Option<Family>,
    /// Policy [vanilla, context, hyper; default: hyper]
    #[arg(long)]
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
    #[command(flatten)]
    run: MetaArgs,
}

/// Runs the command.
pub(super) fn train(args: &MamlArgs) -> Result<Done> {
    let flags = [
        ("env", args.env.map(text)),
        ("policy", args.policy.map(text)),
        ("multi_task", args.multi_task.then_some(toml::Value::Boolean(true))),
        ("second_order", args.second_order.then_some(toml::Value::Boolean(true))),
        ("inner_lr", args.inner_lr.map(toml::Value::Float)),
    ];
    let config = args.run.resolve::<MamlConfig>(&flags)?.resolved()?;
    args.run.each_seed(&config, config.seed, |seed| {
        train_one(&args.run, MamlConfig { seed, ..config.clone() })
    })
}

fn train_one(args: &MetaArgs, mut config: MamlConfig) -> Result<Done> {
    let workers = args.workers()?;
    if let Some(recorded) = args.recorded_length(&config.run_name())? {
        config.iterations = recorded;
    }
    let run = args.open(&Config::Maml(config.clone()))?;
    let folder = &run.path;
    let mut maml = Maml::new(config, workers)?;
    let resumed = run.exists && resume_point::load(folder, &mut maml)?;
    let start = maml.iteration();
    lengthen(folder, maml.config(), start, maml.config().iterations)?;
    if start == maml.config().iterations {
        return Ok(already_finished(folder, start, "iterations"));
    }
    if shared::stop_asked() {
        return Ok(stopped_at_start(resumed.then(|| format!("iteration {start}"))));
    }
    let mut rows = if resumed { meta_run::read(folder)? } else { Vec::new() };
    rows.retain(|row| row.iteration <= start);
    for row in rows.iter_mut().filter(|row| !maml.config().evaluates_at(row.iteration)) {
        row.test = [f64::NAN; 2];
    }
    if !resumed {
        resume_point::begin(folder)?;
    }
    if resumed {
        shared::note!("resuming {} at iteration {start}", folder.display());
    }
    drive(&mut maml, folder, rows)
}

/// Makes the iterations; saves, and shows how it goes.
fn drive(maml: &mut Maml, folder: &Path, mut rows: Vec<Row>) -> Result<Done> {
    let MamlConfig { iterations, checkpoint_every, .. } = *maml.config();
    let bar = shared::progress_bar(iterations, "iterations");
    bar.set_prefix(maml.config().run_name());
    bar.set_position(maml.iteration());
    bar.reset_eta();
    let new = rows.is_empty();
    let mut keep = |row: Row| {
        bar.suspend(|| shared::note!("{}", line(&row)));
        rows.push(row);
        meta_run::write(folder, &rows)
    };
    if new {
        let (test, seconds) = evaluate(maml)?;
        keep(before_training(test, seconds))?;
        save::checkpoint(folder, maml)?;
        resume_point::save(folder, maml)?;
    }
    let mut stop = shared::stop_asked();
    while maml.iteration() < iterations && !stop {
        let iteration = maml.step()?;
        let made = maml.iteration();
        let due = maml.config().evaluates_at(made);
        let (test, seconds) = if due { evaluate(maml)? } else { ([f64::NAN; 2], 0.0) };
        keep(row(&iteration, test, seconds))?;
        bar.set_position(made);
        stop = shared::stop_asked();
        if made.is_multiple_of(checkpoint_every) || made == iterations {
            save::checkpoint(folder, maml)?;
            resume_point::save(folder, maml)?;
        } else if stop {
            resume_point::save(folder, maml)?;
        }
    }
    if maml.iteration() < iterations {
        bar.abandon();
        shared::note!("saved at iteration {}; add --resume to continue", maml.iteration());
        return Ok(Done::Stopped);
    }
    bar.finish_and_clear();
    shared::note!("{}: {iterations} iterations done", folder.display());
    Ok(Done::Finished)
}

/// Returns the mean returns over the test tasks, and the seconds it took.
fn evaluate(maml: &Maml) -> Result<([f64; 2], f64)> {
    let started = Instant::now();
    Ok((maml.evaluate()?, started.elapsed().as_secs_f64()))
}

/// The row of the state before training.
fn before_training(test: [f64; 2], seconds: f64) -> Row {
    Row {
        iteration: 0,
        train: [f64::NAN; 2],
        test,
        divergence: f64::NAN,
        improvement: f64::NAN,
        tried: f64::NAN,
        accepted: f64::NAN,
        seconds: [0.0, 0.0, seconds],
    }
}

fn row(done: &Iteration, test: [f64; 2], evaluation: f64) -> Row {
    Row {
        iteration: done.iteration,
        train: done.train,
        test,
        divergence: done.update.divergence,
        improvement: done.update.improvement,
        tried: done.update.tried as f64,
        accepted: f64::from(u8::from(done.update.accepted)),
        seconds: [done.seconds[0], done.seconds[1], evaluation],
    }
}

/// Says in one line what an iteration brought.
fn line(row: &Row) -> String {
    let pair = |[before, after]: [f64; 2]| {
        let adapted =
            if after.is_nan() { String::new() } else { format!(" → {after:.1} adapted") };
        format!("{before:.1}{adapted}")
    };
    let mut parts = Vec::new();
    if !row.train[0].is_nan() {
        let search = if row.accepted > 0.0 {
            format!(" (length {})", row.tried)
        } else if row.tried < 1.0 {
            ", no direction to improve in: policy kept".into()
        } else {
            format!(", none of {} lengths improves: policy kept", row.tried)
        };
        let [sampling, update, _] = row.seconds;
        parts.push(format!(
            "return {}, KL {:.4}{search}, {sampling:.1} s + {update:.1} s",
            pair(row.train),
            row.divergence
        ));
    }
    if !row.test[0].is_nan() {
        parts.push(format!("test {}, {:.1} s", pair(row.test), row.seconds[2]));
    }
    format!("iteration {}: {}", row.iteration, parts.join("; "))
}
