//! `hyperl-train maml`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use super::settings::{SeedRange, number, of_set, parse_seeds, settings, text};
use super::shared::{self, Done};
use crate::algo::maml::config::MamlConfig;
use crate::algo::maml::{Iteration, Maml, Play, mean_returns};
use crate::checkpoint::meta_run::{self, Row};
use crate::checkpoint::{meta, run};
use crate::env::Family;
use crate::error::{Error, Result};
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
    /// Seed of every random stream [default: 0]
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Several seeds, one run after the other: 0..4 means 0, 1, 2, 3 and 4
    #[arg(long, value_parser = parse_seeds)]
    seeds: Option<SeedRange>,
    /// Updates [default: 400]
    #[arg(long)]
    iterations: Option<u64>,
    /// Settings from a TOML file, as --dry-run prints them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, such as `trpo.max_kl=0.02`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Updates between checkpoints [default: 10]
    #[arg(long)]
    checkpoint_every: Option<u64>,
    /// Updates between evaluations on the test tasks [default: 10]
    #[arg(long)]
    evaluate_every: Option<u64>,
    /// Folder of the runs
    #[arg(long, default_value = "checkpoints")]
    out: PathBuf,
    /// Continue a run from its latest saved point; start it if it has reached none yet
    #[arg(long)]
    resume: bool,
    /// Worker threads; results do not depend on it [default: the processors]
    #[arg(long)]
    threads: Option<usize>,
    /// Print the resolved settings as TOML and stop
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub(super) fn train(args: &MamlArgs) -> Result<Done> {
    let config = resolve(args, args.seeds.map_or(args.seed, |range| Some(range.first)))?;
    if args.dry_run {
        let text = toml::to_string(&config).map_err(|e| Error::Usage(e.to_string()))?;
        shared::print(text.as_bytes())?;
        return Ok(Done::Finished);
    }
    shared::watch_signals()?;
    let seeds = args.seeds.map_or(config.seed..=config.seed, |range| range.first..=range.last);
    for seed in seeds {
        if train_one(args, MamlConfig { seed, ..config.clone() })? == Done::Stopped {
            return Ok(Done::Stopped);
        }
    }
    Ok(Done::Finished)
}

fn resolve(args: &MamlArgs, seed: Option<u64>) -> Result<MamlConfig> {
    let flags = [
        ("env", args.env.map(text)),
        ("policy", args.policy.map(text)),
        ("multi_task", args.multi_task.then_some(toml::Value::Boolean(true))),
        ("second_order", args.second_order.then_some(toml::Value::Boolean(true))),
        ("inner_lr", args.inner_lr.map(toml::Value::Float)),
        ("seed", seed.map(number)),
        ("iterations", args.iterations.map(number)),
        ("checkpoint_every", args.checkpoint_every.map(number)),
        ("evaluate_every", args.evaluate_every.map(number)),
    ];
    let table = settings::<MamlConfig>(args.config.as_deref(), &args.set, &flags)?;
    table.try_into::<MamlConfig>().map_err(|e| of_set(&e))?.resolved()
}

fn train_one(args: &MamlArgs, config: MamlConfig) -> Result<Done> {
    let folder = args.out.join(config.run_name());
    let workers = shared::workers(args.threads.unwrap_or_else(shared::processors))?;
    let exists = folder.join(run::RUN).exists();
    if exists && args.resume {
        run::check_same(&folder, &config, "iterations")?;
    } else {
        run::create(&folder, &config)?;
    }
    let saved = if exists { meta::newest(&folder)? } else { None };
    let mut maml = match &saved {
        Some(point) => point.restore(config, workers)?,
        None => Maml::new(config, workers)?,
    };
    let start = maml.iteration();
    if start > maml.config().iterations {
        let (folder, asked) = (folder.display(), maml.config().iterations);
        return Err(Error::Usage(format!(
            "{folder} has {start} iterations already, not {asked}; give --iterations {start} or more"
        )));
    }
    run::write_config(&folder, maml.config())?; // the run may have become longer
    let mut rows = if saved.is_some() { meta_run::read(&folder)? } else { Vec::new() };
    rows.retain(|row| row.iteration <= start);
    if saved.is_some() {
        eprintln!("resuming {} at iteration {start}", folder.display());
    }
    drive(&mut maml, &folder, rows)
}

/// Makes the iterations; saves, and shows how it goes.
fn drive(maml: &mut Maml, folder: &Path, mut rows: Vec<Row>) -> Result<Done> {
    let MamlConfig { iterations, checkpoint_every, .. } = *maml.config();
    let bar = shared::progress_bar(iterations, "iterations");
    bar.set_prefix(maml.config().run_name());
    bar.set_position(maml.iteration());
    bar.reset_eta();
    if rows.is_empty() {
        let (test, seconds) = evaluate(maml)?;
        rows.push(before_training(test, seconds));
        bar.suspend(|| eprintln!("{}", line(rows.last())));
        meta_run::write(folder, &rows)?;
        meta::checkpoint(folder, maml)?;
    }
    while maml.iteration() < iterations {
        let iteration = maml.step()?;
        let due = maml.iteration().is_multiple_of(maml.config().evaluate_every);
        let (test, seconds) = if due || maml.iteration() == iterations {
            evaluate(maml)?
        } else {
            ([f64::NAN; 2], 0.0)
        };
        rows.push(row(&iteration, test, seconds));
        bar.suspend(|| eprintln!("{}", line(rows.last())));
        bar.set_position(maml.iteration());
        meta_run::write(folder, &rows)?;
        let stop = shared::stop_asked() && maml.iteration() < iterations;
        if maml.iteration().is_multiple_of(checkpoint_every) || maml.iteration() == iterations {
            meta::checkpoint(folder, maml)?;
        } else if stop {
            meta::save(&folder.join(meta::RESUME), maml)?;
        }
        if stop {
            bar.abandon();
            eprintln!("saved at iteration {}; add --resume to continue", maml.iteration());
            return Ok(Done::Stopped);
        }
    }
    bar.finish_and_clear();
    eprintln!("{}: {iterations} iterations done", folder.display());
    Ok(Done::Finished)
}

/// Returns the mean returns over the test tasks, and the seconds it took. Every evaluation of a run starts
/// from the same initial states and draws the same noise.
fn evaluate(maml: &Maml) -> Result<([f64; 2], f64)> {
    let started = Instant::now();
    let play =
        Play { episodes: maml.config().test_episodes, adapt: Some(maml.config().inner_lr()) };
    let returns = maml.returns(&maml.tasks().test, play, &maml.stream("test"))?;
    Ok((mean_returns(&returns), started.elapsed().as_secs_f64()))
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
fn line(row: Option<&Row>) -> String {
    let Some(row) = row else { return String::new() };
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
