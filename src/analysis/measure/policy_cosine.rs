//! κ, gain and inside of one checkpoint's critic (`docs/estimator.md` §8).

use serde::Serialize;

use super::cosine::{Against, Work, in_checkpoint};
use super::gradient_cosine::{self, Networks, starts};
use crate::algo::frozen::Frozen;
use crate::analysis::bank::{About, BankFile};
use crate::analysis::table::{Column, StateRow};
use crate::checkpoint::Checkpoint;
use crate::checkpoint::disk::hash;
use crate::checkpoint::tensors::TensorSet;
use crate::error::{Error, Result};
use crate::gradient::bank::{Bank, Plan, make_bank};
use crate::gradient::horizon::{CANDIDATES, Candidate, Choice, choose_horizon};
use crate::gradient::score::{Score, StateScore, score_states};
use crate::gradient::{Adaptive, Settings, StatesFrom};
use crate::rng::Stream;

/// Changes whenever the same checkpoint and settings would give another bank.
const REVISION: u32 = 7;

/// Smallest size of perturbations: critics are asked in single precision, whose steps at a value of 1000 are 6e-5, so
/// that over 2σ a slope would be off by 0.03 and more.
const SMALLEST_STD: f64 = 1e-3;

/// Returns a key that is equal exactly if checkpoint and settings are. All critics that learned from the same
/// transitions of one actor share a bank.
pub(crate) fn key(checkpoint: &Checkpoint, settings: &Settings) -> String {
    let shared = shared_by(checkpoint);
    key_of(shared.as_deref().unwrap_or_else(|| checkpoint.hash()), settings)
}

/// Returns a key that is equal exactly if what is measured and the settings are.
pub(super) fn key_of(whose: &str, settings: &Settings) -> String {
    let settings = serde_json::to_string(&(settings, REVISION)).expect("plain data");
    hash(format!("bank {whose} {settings}").as_bytes())[..16].to_owned()
}

/// Describes what the critics of a frozen actor have in common: the actor, the states and the returns.
fn shared_by(checkpoint: &Checkpoint) -> Option<String> {
    let config = checkpoint.off_policy().ok()?;
    let Frozen { trained_by, weights, .. } = config.frozen.as_ref()?;
    let states = checkpoint.manifest().hashes.states.as_deref()?;
    let (algo, seed, env) = (config.algo.name(), config.seed, config.env.identity());
    let returns = (config.gamma(), config.entropy().map(|of| [of.alpha, of.reward_scale]));
    Some(format!("of {algo} {env} {trained_by} {weights} {seed} {states} {returns:?}"))
}

/// Returns the settings with a first look that is no later than the states of a checkpoint allow. Where critics share
/// a bank, its size must not depend on any of them, and all states are taken.
fn within_reach(checkpoint: &Checkpoint, settings: &Settings) -> Result<Settings> {
    let Some(adaptive) = settings.adaptive else { return Ok(settings.clone()) };
    let replay = settings.source() == StatesFrom::Replay;
    let there = if replay { checkpoint.states()?.len() } else { usize::MAX };
    if shared_by(checkpoint).is_some() {
        let states = adaptive.max_states.max(settings.states).min(there);
        return Ok(Settings { states, adaptive: None, ..settings.clone() });
    }
    Ok(Settings { states: settings.states.min(there), ..settings.clone() })
}

/// Checks that a checkpoint can be measured, so that the last one of many does not fail after hours.
pub(crate) fn check(checkpoint: &Checkpoint, settings: &Settings) -> Result<()> {
    if settings.std >= 1.0 {
        return Err(Error::Usage(format!(
            "--std {}: no pair of that size fits into the box; use less than 1",
            settings.std
        )));
    }
    if settings.std < SMALLEST_STD {
        return Err(Error::Usage(format!(
            "--std {}: in single precision a critic cannot distinguish actions that close; use {SMALLEST_STD} or more",
            settings.std
        )));
    }
    let settings = within_reach(checkpoint, settings)?;
    gradient_cosine::check(checkpoint, &settings, Against::Returns)
        .map_err(|e| in_checkpoint(checkpoint.path(), e))
}

/// Makes the bank of a checkpoint's policy: at as many states as make the interval of κ narrow, where their
/// number is adaptive.
///
/// # Errors
/// Those of loading and of the rollouts.
pub fn make(checkpoint: &Checkpoint, settings: &Settings, work: Work) -> Result<BankFile> {
    let Work { workers, progress } = work;
    let settings = &within_reach(checkpoint, settings)?;
    let networks = Networks::load(checkpoint, settings, Against::Returns)?;
    let env = checkpoint.off_policy()?.env;
    let make_env = || env.make();
    let agent = networks.agent(&make_env);
    let starts = starts(checkpoint, &*networks.policy, settings)?;
    let (horizon, choice, found) = choose_horizon(&agent, &starts, settings, workers, progress)?;
    let marks = CANDIDATES.into_iter().filter(|mark| *mark < horizon).collect();
    let plan = Plan { marks, ..settings.plan(horizon) };
    let mut bank = Bank { plan: plan.clone(), states: Vec::new() };
    let mut look = if settings.adaptive.is_some() { settings.states } else { starts.len() };
    let mut scores = Vec::new();
    loop {
        let first = bank.states.len();
        look = look.min(starts.len());
        let more = make_bank(&agent, &starts[first..look], first, &plan, workers, progress)?;
        bank.states.extend(more.states);
        if look == starts.len() {
            break;
        }
        scores.extend(score_states(&bank, first, agent.critic, &smoothing(settings.seed))?);
        let policy = Score::of(&scores, plan.blocks, bank.dims()).policy;
        if settings.adaptive.is_some_and(|adaptive| adaptive.is_enough(&policy)) {
            break;
        }
        look = Adaptive::next_look(look);
    }
    // A table has one number of columns; snapshots of environments in other processes may differ in length.
    let longest = bank.states.iter().map(|state| state.snapshot.0.len()).max().unwrap_or(0);
    for state in &mut bank.states {
        state.snapshot.0.resize(longest, 0.0);
    }
    let about = About {
        hyperl_bank: About::FORMAT,
        env: env.identity(),
        run: checkpoint.config().run_name(),
        step: checkpoint.manifest().step,
        checkpoint: checkpoint.hash().into(),
        policy: policy_hash(&networks)?,
        gamma: agent.gamma,
        reward_scale: agent.reward_scale,
        entropy: networks.temperature,
        plan,
        states_from: settings.states_from,
        choice,
        pilot: found,
    };
    Ok(BankFile { about, bank })
}

/// Hash of the policy's weights: critics of one actor share it.
pub(in crate::analysis) fn policy_hash(networks: &Networks) -> Result<String> {
    let mut tensors = TensorSet::default();
    tensors.add_params("actor", networks.actor.params())?;
    Ok(hash(&tensors.to_bytes()?))
}

/// What critics are smoothed over by a bank of this seed.
pub(in crate::analysis) fn smoothing(seed: u64) -> Stream {
    Stream::new(seed, "smoothing")
}

/// Checks that a bank is of a checkpoint's policy and of the returns that its critic estimates.
///
/// # Errors
/// [`Error::Mismatch`] if it is of others; those of loading.
pub(crate) fn check_bank(checkpoint: &Checkpoint, file: &BankFile) -> Result<()> {
    let networks = Networks::for_critic(checkpoint)?;
    let About { run, step, policy, gamma, reward_scale, entropy, .. } = &file.about;
    let mismatch = |what: &str, expected: String, found: String| Error::Mismatch {
        what: format!("{what} of {}", checkpoint.path().display()),
        expected,
        found,
        remedy: "make a bank of this checkpoint, or drop --bank".into(),
    };
    if policy_hash(&networks)? != *policy {
        let expected = format!("that of the bank, {run} at step {step}");
        let found = "another one, whose returns the bank does not know".into();
        return Err(mismatch("policy", expected, found));
    }
    let (theirs, ours) = ([*gamma, *reward_scale, *entropy], networks.returns());
    if theirs.map(f64::to_bits) != ours.map(f64::to_bits) {
        let said = |[gamma, scale, entropy]: [f64; 3]| {
            format!("γ {gamma}, rewards times {scale}, entropy times {entropy}")
        };
        return Err(mismatch("returns", said(theirs), said(ours)));
    }
    let env = checkpoint.off_policy()?.env;
    if env.identity() != file.about.env {
        return Err(mismatch("environment", file.about.env.clone(), env.identity()));
    }
    let (spec, states) = (env.spec(), &file.bank.states);
    let of_bank = states.first().map_or([0; 2], |s| [s.obs.len(), s.before_tanh.len()]);
    if of_bank != [spec.obs_dim, spec.action_dim] {
        let said = |[obs, action]: [usize; 2]| format!("{obs} observations and {action} actions");
        let ours = said([spec.obs_dim, spec.action_dim]);
        return Err(mismatch("environment", said(of_bank), ours));
    }
    Ok(())
}

/// Whose critic is judged.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Whose {
    pub env: String,
    pub algo: String,
    pub model: String,
    pub seed: u64,
    pub step: u64,
}

impl Whose {
    /// That of a checkpoint; in place of the model stands the tool that trained it, where it was another one.
    pub(crate) fn of(checkpoint: &Checkpoint) -> Self {
        let config = checkpoint.config();
        let imported = checkpoint.manifest().imported.as_ref();
        Self {
            env: config.env_name().into(),
            algo: config.algo().name().into(),
            model: imported.map_or_else(|| config.model(), |imported| imported.tool.clone()),
            seed: config.seed(),
            step: checkpoint.manifest().step,
        }
    }
}

/// A critic, judged by a bank of its policy.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Judged {
    #[serde(flatten)]
    pub whose: Whose,
    pub horizon: u32,
    pub choice: Choice,
    /// What a pilot said of shorter ones.
    pub pilot: Vec<Candidate>,
    pub blocks: usize,
    pub rollouts: usize,
    /// What the bank says.
    pub score: Score,
    /// What it says of each state.
    #[serde(skip)]
    pub states: Vec<StateScore>,
}

/// Returns what a bank of its policy says of a checkpoint's critic; one row for each state.
///
/// # Errors
/// Those of loading.
pub fn rows(
    checkpoint: &Checkpoint,
    settings: &Settings,
    file: &BankFile,
) -> Result<Vec<StateRow>> {
    let Judged { states, horizon, .. } = judged(checkpoint, settings, file)?;
    let (config, step) = (checkpoint.off_policy()?, checkpoint.manifest().step);
    let row = |number| StateRow::new(config, step, settings, number);
    let states = states.iter().enumerate();
    Ok(states.map(|(i, state)| row(i).judged(state, Column::Cosine, horizon)).collect())
}

/// Judges a checkpoint's critic by a bank of its policy.
pub(crate) fn judged(
    checkpoint: &Checkpoint,
    settings: &Settings,
    file: &BankFile,
) -> Result<Judged> {
    let networks = Networks::load(checkpoint, settings, Against::Returns)?;
    let states = score_states(&file.bank, 0, &*networks.critic, &smoothing(settings.seed))?;
    let score = Score::of(&states, file.bank.plan.blocks, file.bank.dims());
    Ok(Judged {
        whose: Whose::of(checkpoint),
        horizon: file.about.plan.horizon,
        choice: file.about.choice.clone(),
        pilot: file.about.pilot.clone(),
        blocks: file.about.plan.blocks,
        rollouts: file.bank.states.first().map_or(0, |state| 2 * state.tried.len()),
        score,
        states,
    })
}
