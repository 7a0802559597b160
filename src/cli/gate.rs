//! `hyperl-analyze baseline` and `gate`: a check of gradient quality that a CI can run.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::bank::must_be_parquet;
use super::one_checkpoint::one_checkpoint;
use super::output::make_folder_of;
use super::program::Done;
use super::progress::Progress;
use super::settings::whole;
use super::terminal;
use super::threads::Threads;
use super::worker::{self, WorkerArgs};
use crate::analysis::gate::{Algos, Baseline, Comparison, Outcome, Range, Truth, conclude};
use crate::analysis::measure::cosine::Work;
use crate::analysis::measure::kept::Listener;
use crate::analysis::measure::policy_cosine::check;
use crate::analysis::measure::subject::with_source;
use crate::checkpoint::lock::Lock;
use crate::checkpoint::{Checkpoint, disk};
use crate::env::EnvId;
use crate::error::{Error, Result};
use crate::gradient::{Mode, Settings};
use crate::report::{fixed, gate_junit, gate_markdown, significant, to_json, verdict_label};
use crate::stats::gate::Rule;
use crate::stats::verdict::Verdict;

#[derive(Debug, Args)]
pub(super) struct BaselineArgs {
    /// The checkpoint to compare with later
    #[arg(long = "ckpt", value_name = "PATH")]
    checkpoint: PathBuf,
    /// States of the bank
    #[arg(long, default_value_t = 300)]
    states: usize,
    /// Independent blocks of each state; with fewer than four, two truths of different noise are judged different too
    /// often
    #[arg(long, default_value_t = 4)]
    blocks: usize,
    /// Size of the perturbations, in action half-ranges
    #[arg(long, default_value_t = 0.3, allow_negative_numbers = true)]
    std: f64,
    /// Steps of a rollout [default: chosen by a pilot]
    #[arg(long)]
    horizon: Option<u32>,
    /// Seed of states, directions and noise
    #[arg(long, default_value_t = 0, value_parser = whole)]
    seed: u64,
    #[command(flatten)]
    threads: Threads,
    /// The file to write: a bank that cosine --bank reads, too
    #[arg(long, default_value = "baseline.parquet")]
    out: PathBuf,
    #[command(flatten)]
    worker: WorkerArgs,
}

#[derive(Debug, Args)]
pub(super) struct GateArgs {
    /// The candidates: one checkpoint for each environment
    #[arg(long = "ckpt", value_name = "PATH", required = true, num_args = 1..)]
    checkpoints: Vec<PathBuf>,
    /// The baselines: one for each environment
    #[arg(long = "baseline", value_name = "FILE", required = true, num_args = 1..)]
    baselines: Vec<PathBuf>,
    /// Chance of a false alarm, and of a false pass
    #[arg(long, default_value_t = 0.05, allow_negative_numbers = true)]
    alpha: f64,
    /// Drop of the true mean cosine inside the box that counts as worse
    #[arg(long, default_value_t = 0.05, allow_negative_numbers = true)]
    margin: f64,
    /// Drop of the measured mean cosine that never alarms, so that rounding cannot
    #[arg(long, default_value_t = Rule::default().tolerance, allow_negative_numbers = true)]
    tolerance: f64,
    /// Judge a candidate of another algorithm than its baseline's too, each by its own value and returns
    #[arg(long)]
    across_algorithms: bool,
    /// Exit with 0 in place of 2 where nothing can be decided
    #[arg(long)]
    allow_inconclusive: bool,
    #[command(flatten)]
    threads: Threads,
    /// Write the outcome as JSON to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[arg(long, value_name = "FILE", help = "Write a JUnit report")]
    junit: Option<PathBuf>,
    /// Write a Markdown summary [also appended to `$GITHUB_STEP_SUMMARY`, where that is set]
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Print the outcome as JSON to standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    worker: WorkerArgs,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Json<'o> {
    schema: u32,
    verdict: Verdict,
    alpha: f64,
    margin: f64,
    environments: &'o [Outcome],
}

pub(super) fn baseline(args: &BaselineArgs) -> Result<Done> {
    let settings = Settings {
        mode: Mode::Lab,
        states: args.states,
        blocks: Some(args.blocks),
        std: args.std,
        horizon: args.horizon,
        seed: args.seed,
        ..Settings::default()
    }
    .validated()?;
    must_be_parquet(&args.out)?;
    let served = args.worker.start()?;
    let checkpoint = one_checkpoint(&args.checkpoint)?;
    worker::check(served, [&checkpoint])?;
    let settings = with_source(settings, [&checkpoint])?;
    check(&checkpoint, &settings)?;
    let workers = args.threads.workers()?;
    make_folder_of(&args.out)?;
    let _lock = Lock::beside(&args.out)?;
    terminal::note!("baseline: {} states, {} blocks each", settings.states, args.blocks);
    let progress = Progress::new(1, "baselines");
    let count = |more: u64| progress.steps(more);
    let work = Work { workers: &workers, progress: &count };
    let found = Baseline::make(&checkpoint, &settings, work)?;
    progress.bar.finish_and_clear();
    found.write(&args.out)?;
    let about = &found.file.about;
    terminal::note!(
        "wrote {}: {} states of {} at step {}, rollouts of at most {} steps, seal {}",
        args.out.display(),
        found.file.bank.states.len(),
        about.run,
        about.step,
        about.plan.horizon,
        &found.critic.seal[..12]
    );
    Ok(Done::Finished)
}

pub(super) fn gate(args: &GateArgs) -> Result<Done> {
    let rule = rule(args)?;
    let pairs = pairs(args)?;
    let algos = if args.across_algorithms { Algos::Any } else { Algos::Same };
    let comparisons = pairs
        .iter()
        .map(|(checkpoint, base)| Ok((Comparison::new(checkpoint, base, algos)?, base)))
        .collect::<Result<Vec<_>>>()?;
    let workers = args.threads.workers()?;
    for path in [&args.out, &args.junit, &args.markdown].into_iter().flatten() {
        make_folder_of(path)?;
    }
    let mut outcomes = Vec::new();
    let progress = Progress::new(comparisons.len(), "environments");
    let count = |more: u64| progress.steps(more);
    for (comparison, base) in comparisons {
        if comparison.truth() == Truth::Regenerated {
            let (states, horizon) = (base.file.bank.states.len(), base.file.about.plan.horizon);
            terminal::note!(
                "{}: the actor or its returns are not the baseline's, rollouts are made anew: {states} states, at most \
                 {horizon} steps each",
                base.critic.env
            );
        }
        outcomes.push(comparison.run(rule, Work { workers: &workers, progress: &count })?);
        progress.unit();
    }
    progress.bar.finish_and_clear();
    let verdict = conclude(&mut outcomes, rule.alpha);
    for outcome in &outcomes {
        terminal::warn(&outcome.warnings);
    }
    let json = Json {
        schema: 2,
        verdict,
        alpha: rule.alpha,
        margin: rule.margin,
        environments: &outcomes,
    };
    write_files(args, &json)?;
    if args.json {
        terminal::print_json(&json)?;
    } else {
        print(&outcomes, verdict)?;
    }
    Ok(match verdict {
        Verdict::Regressed => Done::Failed,
        Verdict::NonInferior => Done::Finished,
        Verdict::Inconclusive if args.allow_inconclusive => {
            terminal::note!("warning: inconclusive, and allowed to be");
            Done::Finished
        }
        Verdict::Inconclusive => Done::Inconclusive,
    })
}

fn rule(args: &GateArgs) -> Result<Rule> {
    let &GateArgs { alpha, margin, tolerance, .. } = args;
    let checks = [
        (alpha > 0.0 && alpha < 0.5, "--alpha must lie between 0 and 0.5"),
        (margin > 0.0 && margin < 1.0, "--margin must lie between 0 and 1"),
        (tolerance >= 0.0 && tolerance.is_finite(), "--tolerance must not be negative"),
    ];
    match checks.into_iter().find(|(fits, _)| !fits) {
        Some((_, message)) => Err(Error::Usage(message.into())),
        None => Ok(Rule { alpha, tolerance, margin }),
    }
}

/// Finds the baseline of each candidate.
fn pairs(args: &GateArgs) -> Result<Vec<(Checkpoint, Baseline)>> {
    let served = args.worker.start()?;
    let mut known: BTreeMap<EnvId, Baseline> = BTreeMap::new();
    for path in &args.baselines {
        let read = Baseline::read(path)?;
        let env = read.critic.env;
        if known.insert(env, read).is_some() {
            let message = format!("two baselines are of {env}; give one for each environment");
            return Err(Error::Usage(message));
        }
    }
    let mut pairs = Vec::new();
    for path in &args.checkpoints {
        let checkpoint = one_checkpoint(path)?;
        let env = checkpoint.off_policy()?.env;
        let Some(base) = known.remove(&env) else {
            return Err(Error::Usage(format!(
                "{} is of {env}, for which no baseline is left; give one baseline and one \
                 checkpoint for each environment",
                path.display()
            )));
        };
        pairs.push((checkpoint, base));
    }
    worker::check(served, pairs.iter().map(|(checkpoint, _)| checkpoint))?;
    if let Some(env) = known.keys().next() {
        let message = format!(
            "no checkpoint was given for the baseline of {env}; add it or drop the baseline"
        );
        return Err(Error::Usage(message));
    }
    Ok(pairs)
}

fn write_files(args: &GateArgs, json: &Json) -> Result<()> {
    let (text, junit) = (to_json(json)?, gate_junit(json.environments));
    let markdown = gate_markdown(json.environments, json.verdict)?;
    for (path, text) in [(&args.out, &text), (&args.junit, &junit), (&args.markdown, &markdown)] {
        path.as_ref().map_or(Ok(()), |path| disk::write(path, text.as_bytes()))?;
    }
    if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
        let path = Path::new(&path);
        let file = OpenOptions::new().append(true).create(true).open(path);
        let written = file.and_then(|mut file| file.write_all(markdown.as_bytes()));
        written.map_err(Error::io("write", path))?;
    }
    Ok(())
}

/// Writes a cosine with its interval, in columns that line up.
fn interval(Range { est, lo, hi }: Range) -> String {
    let [est, lo, hi] = [est, lo, hi].map(|x| fixed(x, 3));
    format!("{est:>6} [{lo:>6}, {hi:>6}]")
}

fn print(outcomes: &[Outcome], verdict: Verdict) -> Result<()> {
    for o in outcomes {
        let truth = if o.truth == Truth::Stored { "stored" } else { "regenerated" };
        terminal::say!("{}: {}", o.env, verdict_label(o.verdict));
        terminal::say!(
            "  truth       {truth}, {} of {} states × {} rollouts",
            o.n_states,
            o.counts.bank,
            o.n_rollouts
        );
        for (name, sides) in [
            ("raw", o.raw),
            ("ceiling", o.ceiling),
            ("inside", o.inside),
            ("κ", o.kappa),
            ("gain", o.gain),
        ] {
            let text = |r: Range| {
                let known = r.est.is_finite();
                if known { interval(r) } else { "unresolved".into() }
            };
            terminal::say!(
                "  {name:11} baseline {:22}   candidate {}",
                text(sides.base),
                text(sides.cand)
            );
        }
        terminal::say!(
            "  difference  {} [{}, {}] in {} cosine, p worse {}, p not worse {}",
            fixed(o.diff.range.est, 4),
            fixed(o.diff.range.lo, 4),
            fixed(o.diff.range.hi, 4),
            if o.truth == Truth::Stored { "measured" } else { "corrected" },
            significant(o.p_holm, 2),
            significant(o.p_ni, 2)
        );
        terminal::say!(
            "  power       a true drop of {} alarms with 80 %, one of 0.05 with {} %",
            fixed(o.min_detectable_drop_80, 3),
            fixed(100.0 * o.achieved_power_at["0.05"], 0)
        );
        terminal::say!("  {}", o.reason);
    }
    terminal::say!("verdict: {}", verdict_label(verdict));
    Ok(())
}
