//! `hyperl-analyze weights`: the weights that hypernetworks make, against those of MLP-Small.

use std::path::{Path, PathBuf};

use clap::Args;
use rayon::prelude::*;

use super::one_checkpoint::one_checkpoint;
use super::output::shell_words;
use super::program::Done;
use super::threads::Threads;
use super::weights_page::{self, Study};
use super::{progress, terminal};
use crate::analysis::measure::weights::distance::Binning;
use crate::analysis::measure::weights::trained::{self, Against};
use crate::analysis::measure::weights::{Heads, Measured, Reading, Scaling, WeightSettings, start};
use crate::checkpoint::Checkpoint;
use crate::env::EnvId;
use crate::error::{Error, Result};
use crate::report::fixed;
use crate::report::weights::{Group, GroupSummary, groups};
use crate::study::spec::Spec;

/// The paper's environments, in the order of its tables.
const ENVS: [EnvId; 4] = [EnvId::Hopper, EnvId::Walker2d, EnvId::Ant, EnvId::HalfCheetah];

#[derive(Debug, Args)]
pub(super) struct WeightsArgs {
    /// Untrained networks
    #[arg(long, required_unless_present = "checkpoints", conflicts_with = "checkpoints")]
    init: bool,
    /// Checkpoints of hypernetworks; of a run, its newest
    #[arg(long = "ckpt", value_name = "PATH", num_args = 1..)]
    checkpoints: Vec<PathBuf>,
    /// Checkpoints of MLP-Small, one for each --ckpt, with its environment and seed
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "checkpoints", conflicts_with = "init")]
    against: Vec<PathBuf>,
    /// Compare checkpoints with untrained MLP-Smalls
    #[arg(long, requires = "checkpoints", conflicts_with_all = ["init", "against"])]
    against_init: bool,
    /// Environments of the drawn networks [default: the paper's four]
    #[arg(long, value_name = "ENV", num_args = 1.., value_delimiter = ',', conflicts_with = "checkpoints")]
    env: Vec<EnvId>,
    /// Networks that are drawn for each environment and initialisation
    #[arg(long, default_value_t = 10, conflicts_with = "checkpoints")]
    seeds: u64,
    /// States whose weights are pooled
    #[arg(long, default_value_t = 100)]
    states: usize,
    /// Where the bins lie: on the range of MLP-Small's weights (reference) or of both (joint)
    #[arg(long, default_value_t = Binning::Reference)]
    binning: Binning,
    /// Bins, overflow bins not counted
    #[arg(long, default_value_t = 30)]
    bins: usize,
    /// Observations that drawn networks see: raw or standardised
    #[arg(long, default_value_t = Scaling::Raw, conflicts_with = "checkpoints")]
    scaling: Scaling,
    /// Heads of the "PyTorch hyper init": PyTorch's default (pytorch) or the paper's bounds (hyper)
    #[arg(long, default_value_t = Heads::Pytorch, conflicts_with = "checkpoints")]
    heads: Heads,
    #[command(flatten)]
    threads: Threads,
    /// Folder of tables and figures
    #[arg(long, default_value = "reports/weights")]
    out: PathBuf,
    /// Print the distances as JSON to standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &WeightsArgs) -> Result<Done> {
    let settings = settings(args)?;
    let workers = args.threads.workers()?;
    let study = if args.init {
        workers.install(|| at_start(args, settings))?
    } else {
        workers.install(|| at_checkpoints(args, &settings))?
    };
    weights_page::write(&args.out, &study)?;
    let summaries: Vec<GroupSummary> =
        groups(&study.asked().measured).iter().map(Group::summary).collect();
    if args.json {
        terminal::print_json(&summaries)?;
    } else {
        print(&summaries)?;
    }
    terminal::note!("wrote {}", args.out.join("report.md").display());
    Ok(Done::Finished)
}

fn settings(args: &WeightsArgs) -> Result<WeightSettings> {
    let WeightsArgs { states, binning, bins, scaling, heads, .. } = *args;
    if args.seeds == 0 {
        return Err(Error::Usage("--seeds must be at least 1, got 0".into()));
    }
    WeightSettings { states, binning, bins, scaling, heads }.validated()
}

/// Draws and compares the networks that the flags ask for.
fn at_start(args: &WeightsArgs, settings: WeightSettings) -> Result<Study> {
    let envs = if args.env.is_empty() { ENVS.to_vec() } else { args.env.clone() };
    let names = envs.iter().map(|env| env.name()).collect::<Vec<_>>();
    let which = format!("--init --env {} --seeds {}", names.join(" "), args.seeds);
    let also = format!(" --scaling {} --heads {}", settings.scaling, settings.heads);
    Ok(Study {
        title: weights_page::START_TITLE.into(),
        claim: weights_page::START_CLAIM.into(),
        readings: draw(&envs, &(0..args.seeds).collect::<Vec<_>>(), settings)?,
        checkpoints: Vec::new(),
        warnings: Vec::new(),
        command: command(args, &which, &also),
    })
}

/// Draws and compares networks of every environment and seed, under every reading of the paper.
fn draw(envs: &[EnvId], seeds: &[u64], settings: WeightSettings) -> Result<Vec<Reading>> {
    let jobs: Vec<(EnvId, u64)> =
        envs.iter().flat_map(|&env| seeds.iter().map(move |&seed| (env, seed))).collect();
    let readings = settings.readings();
    let bar = progress::bar((readings.len() * jobs.len()) as u64, "draws");
    let read = |reading: WeightSettings| {
        let measure = |&(env, seed): &(EnvId, u64)| {
            let found = start::measure(env, seed, &reading);
            bar.inc(1);
            found
        };
        let found = jobs.par_iter().map(measure).collect::<Result<Vec<Vec<Measured>>>>()?;
        Ok(Reading { settings: reading, measured: found.concat() })
    };
    let all = readings.into_iter().map(read).collect();
    bar.finish_and_clear();
    all
}

/// Makes the report of a spec.
pub(super) fn report(
    spec: &Spec,
    folder: &Path,
    threads: Threads,
    command: String,
) -> Result<Done> {
    let workers = threads.workers()?;
    let settings = spec.settings()?;
    let envs = spec.select.envs.iter().map(|env| env.parse()).collect::<Result<Vec<EnvId>>>()?;
    let readings = workers.install(|| draw(&envs, &spec.select.seeds, settings))?;
    let study = Study {
        title: spec.heading(),
        claim: spec.claim.clone(),
        readings,
        checkpoints: Vec::new(),
        warnings: Vec::new(),
        command,
    };
    weights_page::write(folder, &study)?;
    terminal::note!("wrote {}", folder.join("report.md").display());
    Ok(Done::Finished)
}

/// Compares checkpoints with those of MLP-Small, or with drawn ones.
fn at_checkpoints(args: &WeightsArgs, settings: &WeightSettings) -> Result<Study> {
    let open = |paths: &[PathBuf]| -> Result<Vec<Checkpoint>> {
        paths.iter().map(|path| one_checkpoint(path)).collect()
    };
    let (checkpoints, references) = (open(&args.checkpoints)?, open(&args.against)?);
    let pairs = pairs(args, &checkpoints, &references)?;
    for (checkpoint, against) in &pairs {
        trained::check(checkpoint, *against)?;
    }
    let bar = progress::bar(pairs.len() as u64, "checkpoints");
    let measure = |(checkpoint, against): &(&Checkpoint, Against<'_>)| {
        let found = trained::measure(checkpoint, *against, settings);
        bar.inc(1);
        found
    };
    // A hypernetwork's weights are large: one checkpoint at a time.
    let found = pairs.iter().map(measure).collect::<Result<Vec<_>>>()?;
    bar.finish_and_clear();
    let against = if args.against_init {
        "--against-init".to_owned()
    } else {
        format!("--against {}", shell_words(&args.against))
    };
    let which = format!("--ckpt {} {against}", shell_words(&args.checkpoints));
    Ok(Study {
        title: weights_page::TRAINED_TITLE.into(),
        claim: weights_page::LATER_CLAIM.into(),
        readings: vec![Reading { settings: *settings, measured: found.concat() }],
        warnings: pairs
            .iter()
            .filter_map(|(checkpoint, against)| uneven(checkpoint, *against))
            .collect(),
        command: command(args, &which, ""),
        checkpoints: [checkpoints, references].concat(),
    })
}

/// Finds for each checkpoint the MLP-Small of its environment and seed.
fn pairs<'c>(
    args: &WeightsArgs,
    checkpoints: &'c [Checkpoint],
    references: &'c [Checkpoint],
) -> Result<Vec<(&'c Checkpoint, Against<'c>)>> {
    if args.against_init {
        return Ok(checkpoints.iter().map(|c| (c, Against::Drawn)).collect());
    }
    if references.is_empty() {
        return Err(Error::Usage(
            "--ckpt needs something to compare with: give --against PATH of an mlp-small run, or \
             --against-init"
                .into(),
        ));
    }
    if let ([checkpoint], [reference]) = (checkpoints, references) {
        return Ok(vec![(checkpoint, Against::Checkpoint(reference))]);
    }
    let of = |c: &Checkpoint| (c.config().env_name(), c.config().seed());
    let pair = |checkpoint: &'c Checkpoint| {
        let found = references.iter().find(|reference| of(reference) == of(checkpoint));
        let (env, seed) = of(checkpoint);
        let reference = found.ok_or_else(|| {
            Error::Usage(format!(
                "none of the {} checkpoints of --against is of {env} with seed {seed}, as {}; give one \
                 for each --ckpt",
                references.len(),
                checkpoint.path().display()
            ))
        })?;
        Ok((checkpoint, Against::Checkpoint(reference)))
    };
    checkpoints.iter().map(pair).collect()
}

/// Warns if the two were trained for different numbers of steps.
fn uneven(checkpoint: &Checkpoint, against: Against<'_>) -> Option<String> {
    let Against::Checkpoint(reference) = against else { return None };
    let [step, other] = [checkpoint, reference].map(|c| c.manifest().step);
    (step != other).then(|| {
        format!(
            "{} was trained for {step} steps and its MLP-Small for {other}.",
            checkpoint.config().run_name()
        )
    })
}

fn command(args: &WeightsArgs, which: &str, also: &str) -> String {
    format!(
        "hyperl-analyze weights {which} --states {} --binning {} --bins {}{also} --out {}",
        args.states,
        args.binning,
        args.bins,
        shell_words(&[&args.out])
    )
}

fn print(summaries: &[GroupSummary]) -> Result<()> {
    terminal::say!(
        "{:8} {:13} {:18} {:>8}  {:21} {:>6} {:>10} {:>7} {:>7} {:>9} {:>7}",
        "layer",
        "environment",
        "weights",
        "networks",
        "TV % [95 %]",
        "TV/2",
        "two MLPs %",
        "excess",
        "KS %",
        "W₁/bound",
        "paper %"
    );
    for s in summaries {
        let [low, high] = [s.tv.low, s.tv.high].map(|x| fixed(x, 1));
        terminal::say!(
            "{:8} {:13} {:18} {:>8}  {:>5} [{low:>5}, {high:>5}]  {:>6} {:>10} {:>7} {:>7} {:>9} {:>7}",
            s.layer,
            s.env,
            s.start,
            s.networks,
            fixed(s.tv.mean, 1),
            fixed(s.half_tv.mean, 1),
            fixed(s.null.mean, 1),
            fixed(s.excess.mean, 1),
            fixed(s.kolmogorov_smirnov.mean, 1),
            fixed(s.wasserstein.mean, 2),
            s.published.map_or_else(|| "—".to_owned(), |paper| fixed(paper, 1))
        );
    }
    Ok(())
}
