//! The frozen side of the gate: states, rollouts and the critic they were first judged with.

use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::algo::{Algo, RunConfig};
use crate::analysis::measure::gradient_cosine::{Networks, starts};
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::{Checkpoint, disk};
use crate::env::{EnvId, Snapshot, Visited};
use crate::error::{Error, Result};
use crate::gradient::differences::{agreeing, differences, row_cosines};
use crate::gradient::{Agent, Flags, Mode, Record, Settings, StateResult, measure};

/// Version of the file; another number is refused.
const SCHEMA: u32 = 3;

/// States on which finite differences are compared.
const DIFFERENCED: usize = 30;

/// A baseline, as `baseline.json` holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Version of the file's layout.
    pub hyperl_baseline: u32,
    /// Environment.
    pub env: EnvId,
    /// Algorithm: it says which value its critics estimate.
    pub algo: Algo,
    /// Critic.
    pub model: String,
    /// Run and step of the checkpoint.
    pub run: String,
    /// Environment steps of training.
    pub step: u64,
    /// Hash of the checkpoint.
    pub checkpoint_hash: String,
    /// Hash of the actor's weights: a candidate with the same one shares the truth.
    pub actor_hash: String,
    /// How it was measured; always lab mode.
    pub settings: Settings,
    /// Discount factor γ.
    pub gamma: f64,
    /// Steps after which rollouts are cut.
    pub horizon: u32,
    /// Share of states in which finite differences of 1e-3 and 1e-4 agree; none if all are flat.
    pub fd_agreement: Option<f64>,
    /// What made it.
    pub versions: Versions,
    /// The states with their rollouts.
    pub states: Vec<BankState>,
    /// SHA-256 of all else: of this file with this field empty.
    pub bank_hash: String,
}

/// One frozen state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BankState {
    /// The exact simulator state: numbers as hexadecimal bytes, big end first.
    pub snapshot: String,
    /// The episode in which training visited it, if that is known: states of one episode are one unit.
    pub episode: Option<u64>,
    /// Its rollouts, and the baseline critic's gradient.
    pub record: Record,
    /// What is strange about them.
    pub oddities: Oddities,
}

/// What is strange about the rollouts of a state.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oddities {
    /// Share of them that ended in an absorbing state; none of a saturated state.
    pub fell: Option<f64>,
    /// Share of pairs that the action box shortened.
    pub clipped: f64,
    /// Degenerate cases.
    pub flags: Flags,
}

impl Oddities {
    pub(super) fn of(result: &StateResult) -> Self {
        Self {
            fell: Some(result.fell).filter(|share| share.is_finite()),
            clipped: result.clipped,
            flags: result.flags,
        }
    }
}

impl BankState {
    /// Returns the simulator state, and its episode.
    ///
    /// # Errors
    /// [`Error::Table`] if the text is not one.
    pub fn visited(&self) -> Result<Visited> {
        let words = self.snapshot.as_bytes().chunks(16);
        let word = |chunk: &[u8]| {
            let text = std::str::from_utf8(chunk).ok().filter(|text| text.len() == 16)?;
            u64::from_str_radix(text, 16).ok().map(f64::from_bits)
        };
        let numbers: Option<Vec<f64>> = words.map(word).collect();
        let damaged = || Error::Table("a state of the baseline is damaged; make it again".into());
        let snapshot = Snapshot(numbers.ok_or_else(damaged)?);
        Ok(Visited { snapshot, episode: self.episode })
    }
}

fn text(Snapshot(numbers): &Snapshot) -> String {
    numbers.iter().map(|x| format!("{:016x}", x.to_bits())).collect::<Vec<_>>().concat()
}

/// The one field that every version of the file has.
#[derive(Deserialize)]
struct Version {
    hyperl_baseline: u32,
}

impl Baseline {
    /// Reads a baseline, strictly.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Config`] if it is no baseline, of another version, or damaged.
    pub fn read(path: &Path) -> Result<Self> {
        let refuse = |reason: String| Error::Config { path: path.into(), reason };
        let bytes = disk::read(path)?;
        let no_baseline = |e: serde_json::Error| {
            refuse(format!(
                "this is no baseline of hyperl: {e}; make one with hyperl-analyze baseline"
            ))
        };
        let Version { hyperl_baseline } = serde_json::from_slice(&bytes).map_err(no_baseline)?;
        if hyperl_baseline != SCHEMA {
            return Err(refuse(format!(
                "expected a baseline of version {SCHEMA}, got {hyperl_baseline}; make it again"
            )));
        }
        let read: Self = serde_json::from_slice(&bytes).map_err(no_baseline)?;
        if read.settings.mode != Mode::Lab {
            return Err(refuse("a baseline is measured in lab mode, this one is not".into()));
        }
        if read.hash() != read.bank_hash || read.states.is_empty() {
            return Err(refuse(
                "its contents do not have the hash it says; copy or make it again".into(),
            ));
        }
        for (number, state) in read.states.iter().enumerate() {
            if state.record.repeats()? {
                return Err(refuse(format!(
                    "two rollouts of state {number} try the same action, so that its blocks are not \
                     independent; make it again"
                )));
            }
        }
        Ok(read)
    }

    fn hash(&self) -> String {
        let unsealed = Self { bank_hash: String::new(), ..self.clone() };
        disk::hash(&serde_json::to_vec(&unsealed).expect("plain data"))
    }

    /// Writes the baseline.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let bytes = serde_json::to_vec(self).map_err(|e| Error::Table(e.to_string()))?;
        disk::write(path, &bytes)
    }
}

/// Returns the hash of the actor's weights.
pub(super) fn actor_hash(checkpoint: &Checkpoint) -> Result<String> {
    let weights = checkpoint.weights()?;
    let mut text = String::new();
    for (name, shape) in weights.shapes()? {
        if let Some(part) = name.strip_prefix("actor.") {
            let values = weights.tensor(&name)?.to_kind(tch::Kind::Double).flatten(0, -1);
            let bits: Vec<u64> =
                Vec::<f64>::try_from(values)?.into_iter().map(f64::to_bits).collect();
            let _ = writeln!(text, "{part} {shape:?} {bits:x?}");
        }
    }
    Ok(disk::hash(text.as_bytes()))
}

/// Returns the share of the first states in which finite differences of 1e-3 and 1e-4 agree; none if
/// all are flat.
pub(super) fn smooth_share(
    agent: &Agent,
    starts: &[Visited],
    horizon: u32,
    context: (&rayon::ThreadPool, &(dyn Fn(u64) + Sync)),
) -> Result<Option<f64>> {
    let some = &starts[..starts.len().min(DIFFERENCED)];
    let at = |epsilon| differences(agent, some, (epsilon, horizon), context);
    let share = agreeing(&row_cosines(&at(1e-3)?, &at(1e-4)?));
    Ok(Some(share).filter(|share| share.is_finite()))
}

/// Measures a checkpoint and freezes its states.
///
/// # Errors
/// Those of loading and of the rollouts.
pub fn baseline(
    checkpoint: &Checkpoint,
    settings: &Settings,
    context: (&rayon::ThreadPool, &(dyn Fn(u64) + Sync)),
) -> Result<Baseline> {
    let config = checkpoint.off_policy()?;
    let networks = Networks::for_critic(checkpoint)?;
    let make_env = || config.env.make();
    let gamma = config.gamma();
    let agent = networks.agent(&make_env);
    let starts = starts(checkpoint, &*networks.policy, settings)?;
    let horizon = settings.horizon(gamma, 0, config.env.spec().time_limit);
    let results = measure(&agent, &starts, settings, context)?;
    let fd_agreement = smooth_share(&agent, &starts, horizon, context)?;
    let states: Vec<BankState> = starts
        .iter()
        .zip(results)
        .map(|(start, result)| BankState {
            snapshot: text(&start.snapshot),
            episode: start.episode,
            oddities: Oddities::of(&result),
            record: result.record,
        })
        .collect();
    let mut made = Baseline {
        hyperl_baseline: SCHEMA,
        env: config.env,
        algo: config.algo,
        model: config.critic.name().into(),
        run: config.run_name(),
        step: checkpoint.manifest().step,
        checkpoint_hash: checkpoint.hash().to_owned(),
        actor_hash: actor_hash(checkpoint)?,
        settings: settings.clone(),
        gamma,
        horizon,
        fd_agreement,
        versions: Versions::current(),
        states,
        bank_hash: String::new(),
    };
    made.bank_hash = made.hash();
    Ok(made)
}
