//! The bytes of questions and answers (`docs/worker.md`); numbers are little-endian.

use serde::{Deserialize, Serialize};

use crate::env::Step;

/// Version of the protocol.
pub(super) const VERSION: u32 = 1;
/// What an answer to [`SPEC`] begins with.
const MAGIC: &[u8; 6] = b"hyperl";
/// Most bytes of an answer.
pub(super) const MOST: usize = 1 << 26;

/// Asks for sizes and limits.
pub(super) const SPEC: u8 = 0;
/// Starts an episode, from a seed.
pub(super) const RESET: u8 = 1;
/// Makes steps in any number of slots.
const STEP: u8 = 2;
/// Asks for a state.
pub(super) const SNAPSHOT: u8 = 3;
/// Returns to a state.
pub(super) const RESTORE: u8 = 4;
/// Starts the noise of the next steps, from a seed.
pub(super) const NOISE: u8 = 5;

/// The question was answered.
pub(super) const DONE: u8 = 0;
/// It could not be; what follows says why.
pub(super) const FAILED: u8 = 1;

/// Most numbers of an observation or an action, and most bytes of a name or a fingerprint.
const MOST_NUMBERS: usize = 1 << 16;

/// What an environment says of itself. Two that say the same are one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    pub(super) name: String,
    pub(super) observations: usize,
    /// Lowest and highest action, one pair for each number.
    pub(super) bounds: Vec<[f64; 2]>,
    pub(super) time_limit: u32,
    /// What it is made of.
    pub(super) fingerprint: String,
}

impl Said {
    /// Says what cannot be of what an environment says.
    pub(super) fn impossible(&self) -> Option<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(plain) {
            return Some(format!(
                "its name '{}' is none; give it 1 to 64 letters, digits, and signs of -_.",
                self.name.escape_default()
            ));
        }
        let sizes = [self.observations, self.bounds.len(), self.time_limit as usize];
        if sizes.contains(&0)
            || sizes[..2].iter().any(|size| *size > MOST_NUMBERS)
            || self.fingerprint.len() > MOST_NUMBERS
        {
            let [observations, actions, limit] = sizes;
            return Some(format!(
                "it observes {observations} numbers, takes {actions} and ends after {limit} steps; each must be \
                 positive, and sizes at most {MOST_NUMBERS}"
            ));
        }
        let narrow = |[low, high]: &&[f64; 2]| !(low < high && (high - low).is_finite());
        let [low, high] = self.bounds.iter().find(narrow)?;
        Some(format!(
            "its actions lie in [{low}, {high}]; give them finite bounds, the lower one first"
        ))
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, observations, bounds, time_limit, fingerprint } = self;
        let actions = bounds.len();
        write!(
            f,
            "{name} ({observations} observations, {actions} actions, {time_limit} steps, made of {fingerprint})"
        )
    }
}

/// A question about one slot, with what comes with it.
pub(super) fn of_slot(kind: u8, slot: u32, with: &[u8]) -> Vec<u8> {
    [&[kind], &slot.to_le_bytes()[..], with].concat()
}

/// Asks for sizes and limits.
pub(super) fn spec() -> Vec<u8> {
    [&[SPEC], &VERSION.to_le_bytes()[..]].concat()
}

/// Makes a step in each of some slots.
pub(super) fn steps(queued: &[(u32, Vec<f64>)]) -> Vec<u8> {
    let mut question = vec![STEP];
    for (slot, action) in queued {
        question.extend(slot.to_le_bytes());
        question.extend(action.iter().flat_map(|a| a.to_le_bytes()));
    }
    question
}

/// The result of a step.
pub(super) struct Stepped {
    pub(super) step: Step,
    /// The simulator has warned.
    pub(super) unstable: bool,
    pub(super) obs: Vec<f64>,
}

/// Bytes of the result of one step, with observations of so many numbers.
pub(super) fn step_len(obs_dim: usize) -> usize {
    9 + 8 * obs_dim
}

/// Reads the result of one step.
pub(super) fn stepped(bytes: &[u8]) -> Stepped {
    let (reward, rest) = bytes.split_at(8);
    let flag = |bit: u8| rest[0] & bit != 0;
    let step = Step { reward: numbers(reward)[0], terminated: flag(1), truncated: flag(2) };
    Stepped { step, unstable: flag(4), obs: numbers(&rest[1..]) }
}

/// Reads numbers; fewer than eight bytes at the end are left out.
pub(super) fn numbers(bytes: &[u8]) -> Vec<f64> {
    let number = |eight: &[u8]| f64::from_le_bytes(std::array::from_fn(|i| eight[i]));
    bytes.chunks_exact(8).map(number).collect()
}

/// Why an answer to [`SPEC`] cannot be read.
pub(super) enum Unreadable {
    /// It is no specification.
    Nonsense,
    /// It is of another version.
    Version(u32),
}

/// Reads sizes and limits.
pub(super) fn said(answer: &[u8]) -> Result<Said, Unreadable> {
    let mut rest = answer.strip_prefix(MAGIC).ok_or(Unreadable::Nonsense)?;
    let version = count(&mut rest)?;
    if version != VERSION {
        return Err(Unreadable::Version(version));
    }
    let (observations, actions) = (count(&mut rest)?, count(&mut rest)?);
    let time_limit = count(&mut rest)?;
    let bounds = take(&mut rest, (actions as usize).saturating_mul(16))?;
    let (low, high) = bounds.split_at(bounds.len() / 2);
    let mut text = || {
        let length = count(&mut rest)? as usize;
        let text = String::from_utf8(take(&mut rest, length)?.to_vec());
        text.map_err(|_| Unreadable::Nonsense)
    };
    let (name, fingerprint) = (text()?, text()?);
    if !rest.is_empty() {
        return Err(Unreadable::Nonsense);
    }
    let bounds = numbers(low).into_iter().zip(numbers(high)).map(|(low, high)| [low, high]);
    let (observations, bounds) = (observations as usize, bounds.collect());
    Ok(Said { name, observations, bounds, time_limit, fingerprint })
}

fn take<'b>(from: &mut &'b [u8], length: usize) -> Result<&'b [u8], Unreadable> {
    let (first, rest) = from.split_at_checked(length).ok_or(Unreadable::Nonsense)?;
    *from = rest;
    Ok(first)
}

fn count(from: &mut &[u8]) -> Result<u32, Unreadable> {
    let four = take(from, 4)?;
    Ok(u32::from_le_bytes(std::array::from_fn(|i| four[i])))
}
